//! WebSocket by tungstenite, plain and over TLS.

mod certified;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{accept_async, client_async};
use futures::StreamExt;
use futures::io::{AsyncRead, AsyncWrite};

use certified::{HOST, ends, name};
use waitset_async::spawn;
use waitset_ecosystem::{on_every_mechanism, tcp_pair};

/// Sends back what it gets, until the client closes.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut socket = accept_async(stream).await.unwrap();
    while let Some(message) = socket.next().await {
        let message = message.unwrap();
        if message.is_text() || message.is_binary() {
            socket.send(message).await.unwrap();
        }
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, url: &str) {
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    for message in [
        Message::text("hello"),
        Message::binary(vec![7; 1 << 20]),
        Message::text(""),
    ] {
        socket.send(message.clone()).await.unwrap();
        assert!(socket.next().await.unwrap().unwrap() == message);
    }
    socket.close(None).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_close());
}

#[test]
fn messages_are_echoed() {
    on_every_mechanism(|| async {
        let (near, far) = tcp_pair().await.unwrap();
        let server = spawn(serve(far));
        talk(near, &format!("ws://{HOST}/")).await;
        server.await.unwrap();
    });
}

#[test]
fn messages_are_echoed_over_tls() {
    on_every_mechanism(|| async {
        let (acceptor, connector) = ends(None);
        let (near, far) = tcp_pair().await.unwrap();
        let server = spawn(async move { serve(acceptor.accept(far).await.unwrap()).await });
        let stream = connector.connect(name(), near).await.unwrap();
        talk(stream, &format!("wss://{HOST}/")).await;
        server.await.unwrap();
    });
}
