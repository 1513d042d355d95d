//! The same files from a hyper server, to measure `httpd` against: see its README.
//!
//! hyper has no files, so each request reads one whole; nothing that `httpd` checks is
//! checked here.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::rt::Executor as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use waitset::Backend;
use waitset_async::{Async, Hyper, block_on};
use waitset_examples::program::{finish, parse};
use waitset_examples::say;
use waitset_examples::web::program::listener;

/// Serves the files of a directory with hyper.
#[derive(Parser)]
struct Flags {
    /// auto, select, poll, epoll, uring, sweep, busy or adaptive.
    #[arg(long, env = Backend::VARIABLE, default_value = "auto")]
    backend: Backend,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8082")]
    addr: SocketAddr,
    /// The directory that is served.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/www/httpd"))]
    root: PathBuf,
}

fn main() -> ExitCode {
    finish(run(parse()))
}

fn run(flags: Flags) -> io::Result<()> {
    let reactor = flags.backend.open()?;
    let listener = listener(flags.addr, false)?;
    say!(
        "listening on {} backend={}",
        listener.local_addr()?,
        flags.backend
    );
    block_on(reactor, serve(listener, flags.root))?
}

async fn serve(listener: TcpListener, root: PathBuf) -> io::Result<()> {
    let listener = Async::new(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let root = root.clone();
        Hyper.execute(async move {
            let answer = service_fn(|request| {
                let answer = answer(&root, &request);
                async { Ok::<_, hyper::Error>(answer) }
            });
            // Ends with an error where a client leaves in the middle.
            let _ = http1::Builder::new().serve_connection(stream, answer).await;
        });
    }
}

/// Only names without a directory: this serves measurements.
fn answer(root: &std::path::Path, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let name = request.uri().path().trim_start_matches('/');
    let read = match name.contains('/') || name.starts_with('.') {
        true => Err(io::ErrorKind::NotFound.into()),
        false => std::fs::read(root.join(name)),
    };
    let status = match read.as_ref().map_err(io::Error::kind) {
        Ok(_) => StatusCode::OK,
        Err(io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => StatusCode::NOT_FOUND,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = Response::new(Full::from(read.unwrap_or_default()));
    *response.status_mut() = status;
    response
}
