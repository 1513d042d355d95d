//! A hyper server and a hyper client exchange requests, on every mechanism.
#![cfg(feature = "hyper")]

mod mechanisms;

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use futures::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::rt::{Executor as _, Timer as _};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};

use mechanisms::{complete, on_every_mechanism};
use waitset_async::{Async, Hyper, sleep, spawn};

/// Echoes what is posted, and says hello to who asks.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let (status, body) = match *request.method() {
        Method::GET => (StatusCode::OK, Bytes::from(format!("hello from {path}"))),
        Method::POST => {
            let body = request.into_body().collect().await;
            (
                StatusCode::OK,
                body.map(|body| body.to_bytes()).unwrap_or_default(),
            )
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

/// Serves until it is cancelled.
async fn serve(listener: Async<TcpListener>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        Hyper.execute(async move {
            let mut server = http1::Builder::new();
            server
                .timer(Hyper)
                .header_read_timeout(Duration::from_secs(30));
            // Ends with an error where a test leaves in the middle.
            let _ = server.serve_connection(stream, service_fn(answer)).await;
        });
    }
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = Async::<TcpStream>::connect(address).await.unwrap();
    let (sender, connection) = handshake(stream).await.unwrap();
    drop(spawn(connection));
    sender
}

fn request(method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "localhost");
    request.body(Full::new(body)).unwrap()
}

async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> (StatusCode, Bytes) {
    sender.ready().await.unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    )
}

fn listen() -> (Async<TcpListener>, SocketAddr) {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
    let address = listener.get_ref().local_addr().unwrap();
    (listener, address)
}

#[test]
fn requests_of_twenty_connections_are_answered() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (listener, address) = listen();
            let server = spawn(serve(listener));
            let clients = (0..20).map(|client| async move {
                let mut sender = connect(address).await;
                for round in 0..10 {
                    let path = format!("/{client}/{round}");
                    let get = request(Method::GET, &path, Bytes::new());
                    let (status, body) = ask(&mut sender, get).await;
                    assert_eq!(status, StatusCode::OK);
                    assert_eq!(body, format!("hello from {path}"));
                }
            });
            join_all(clients).await;
            server.cancel();
        });
    });
}

#[test]
fn a_body_larger_than_all_buffers_goes_there_and_back() {
    let data: Bytes = (0..4_u32 << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (listener, address) = listen();
            let server = spawn(serve(listener));
            let mut sender = connect(address).await;
            let (status, body) = ask(&mut sender, request(Method::POST, "/", data.clone())).await;
            assert_eq!(status, StatusCode::OK);
            assert!(body == data, "what comes back is what was sent");
            let put = request(Method::PUT, "/", Bytes::new());
            assert_eq!(
                ask(&mut sender, put).await.0,
                StatusCode::METHOD_NOT_ALLOWED
            );
            server.cancel();
        });
    });
}

#[test]
fn a_client_that_sends_no_header_is_dropped_in_time() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (listener, address) = listen();
            let server = spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                let mut server = http1::Builder::new();
                server
                    .timer(Hyper)
                    .header_read_timeout(Duration::from_millis(20));
                server.serve_connection(stream, service_fn(answer)).await
            });
            let stream = Async::<TcpStream>::connect(address).await.unwrap();
            stream.readable().await.unwrap();
            assert!(server.await.unwrap().unwrap_err().is_timeout());
        });
    });
}

#[test]
fn a_client_that_leaves_early_harms_nobody() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (listener, address) = listen();
            let server = spawn(serve(listener));
            let mut sender = connect(address).await;
            let mut post = request(Method::POST, "/", Bytes::from_static(b"half of it"));
            post.headers_mut()
                .insert(CONTENT_LENGTH, "10".parse().unwrap());
            drop(sender.send_request(post));
            drop(sender);
            let get = request(Method::GET, "/", Bytes::new());
            let (status, _) = ask(&mut connect(address).await, get).await;
            assert_eq!(status, StatusCode::OK);
            server.cancel();
        });
    });
}

#[test]
fn hypers_timers_are_ours() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let mut timer = Hyper.sleep(Duration::from_secs(3600));
            let now = Hyper.now();
            Hyper.reset(&mut timer, now + Duration::from_millis(2));
            timer.await;
            assert!(now.elapsed() >= Duration::from_millis(2));
            Hyper.sleep_until(now).await;
            sleep(Duration::ZERO).await;
        });
    });
}
