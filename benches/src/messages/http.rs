//! An HTTP/1.1 server of hyper's and its client as tasks of one executor.

use std::convert::Infallible;
use std::io;
use std::os::unix::net::UnixStream;

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use waitset::DefaultReactor;
use waitset_async::{Async, Executor, Hyper, spawn};

use super::{MESSAGE, expect};

const BODY: [u8; MESSAGE] = [b'7'; MESSAGE];

/// Makes `count` requests and checks each response.
///
/// # Errors
///
/// Returns the error of the executor, of hyper, and of a wrong response.
pub fn run(count: u64) -> io::Result<()> {
    Executor::new(DefaultReactor::new()?).block_on(async {
        let (near, far) = Async::<UnixStream>::pair()?;
        let server = spawn(serve(far));
        let (sender, connection) = handshake(near).await.map_err(io::Error::other)?;
        let client = spawn(connection);
        ask(sender, count).await?; // dropping the sender closes the connection
        client.await?.map_err(io::Error::other)?;
        server.await?.map_err(io::Error::other)
    })?
}

/// Without the `Date` header, which is made anew each second and would make the counts vary,
/// and with the timer that a server arms for each request's head.
async fn serve(stream: Async<UnixStream>) -> hyper::Result<()> {
    let answer = service_fn(async |_: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(&BODY))))
    });
    let mut server = http1::Builder::new();
    server.timer(Hyper).auto_date_header(false);
    server.serve_connection(stream, answer).await
}

async fn ask(mut sender: SendRequest<Empty<Bytes>>, count: u64) -> io::Result<()> {
    for _ in 0..count {
        let request = Request::builder().uri("/").header(HOST, "localhost");
        let request = request.body(Empty::new()).map_err(io::Error::other)?;
        sender.ready().await.map_err(io::Error::other)?;
        let response = sender.send_request(request).await;
        let body = response.map_err(io::Error::other)?.into_body().collect();
        let body = body.await.map_err(io::Error::other)?.to_bytes();
        expect(&body, &BODY)?;
    }
    Ok(())
}
