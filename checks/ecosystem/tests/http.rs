//! HTTP by hyper: versions 1 and 2, plain and over TLS.

mod certified;

use std::convert::Infallible;

use futures::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper::{client, server};
use smol_hyper::rt::FuturesIo;

use certified::{HOST, ends, name};
use waitset_async::{Hyper, spawn};
use waitset_ecosystem::{on_every_mechanism, tcp_pair};

/// Sends the request's body back.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let version = request.version();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut response = Response::new(Full::new(body));
    *response.version_mut() = version;
    Ok(response)
}

fn request(uri: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    let request = Request::post(uri).header("host", HOST);
    request.body(Full::new(Bytes::from(body))).unwrap()
}

async fn assert_echoes(response: Response<Incoming>, version: Version, body: &[u8]) {
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (200, version)
    );
    assert!(response.into_body().collect().await.unwrap().to_bytes() == body);
}

async fn http1<S, C>(near: C, far: S)
where
    S: Read + Write + Unpin + 'static,
    C: Read + Write + Unpin + 'static,
{
    let builder = server::conn::http1::Builder::new().timer(Hyper).clone();
    let server = spawn(builder.serve_connection(far, service_fn(echo)));
    let (mut sender, connection) = client::conn::http1::handshake(near).await.unwrap();
    let connection = spawn(connection);
    for length in [0, 1, 1 << 20] {
        let body = vec![7; length];
        sender.ready().await.unwrap();
        let response = sender
            .send_request(request("/", body.clone()))
            .await
            .unwrap();
        assert_echoes(response, Version::HTTP_11, &body).await;
    }
    drop(sender);
    connection.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
}

async fn http2<S, C>(near: C, far: S)
where
    S: Read + Write + Unpin + 'static,
    C: Read + Write + Unpin + 'static,
{
    let builder = server::conn::http2::Builder::new(Hyper)
        .timer(Hyper)
        .clone();
    let server = spawn(builder.serve_connection(far, service_fn(echo)));
    let (sender, connection) = client::conn::http2::handshake(Hyper, near).await.unwrap();
    let connection = spawn(connection);
    let uri = &format!("http://{HOST}/");
    let requests = (0..100_u8).map(|number| {
        let mut sender = sender.clone();
        async move {
            let body = vec![number; 10_000 * usize::from(number % 10)];
            let response = sender
                .send_request(request(uri, body.clone()))
                .await
                .unwrap();
            assert_echoes(response, Version::HTTP_2, &body).await;
        }
    });
    join_all(requests).await;
    drop(sender);
    connection.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
}

#[test]
fn requests_of_http_1_are_answered_one_after_the_other() {
    on_every_mechanism(|| async {
        let (near, far) = tcp_pair().await.unwrap();
        http1(near, far).await;
    });
}

#[test]
fn requests_of_http_2_are_answered_at_the_same_time() {
    on_every_mechanism(|| async {
        let (near, far) = tcp_pair().await.unwrap();
        http2(near, far).await;
    });
}

#[test]
fn tls_chooses_the_version() {
    on_every_mechanism(|| async {
        for protocol in ["http/1.1", "h2"] {
            let (acceptor, connector) = ends(Some(protocol));
            let (near, far) = tcp_pair().await.unwrap();
            let far = spawn(acceptor.accept(far));
            let near = connector.connect(name(), near).await.unwrap();
            let far = far.await.unwrap().unwrap();
            let (_, connection) = far.get_ref();
            assert_eq!(connection.alpn_protocol(), Some(protocol.as_bytes()));
            match protocol {
                "h2" => http2(FuturesIo::new(near), FuturesIo::new(far)).await,
                _ => http1(FuturesIo::new(near), FuturesIo::new(far)).await,
            }
        }
    });
}
