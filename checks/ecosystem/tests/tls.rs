//! rustls over the streams of waitset-async.

mod certified;

use futures::io::{AsyncReadExt, AsyncWriteExt, copy};
use futures_rustls::rustls::ProtocolVersion;

use certified::{ends, name};
use waitset_async::spawn;
use waitset_ecosystem::{on_every_mechanism, tcp_pair};

#[test]
fn a_megabyte_goes_there_and_back() {
    on_every_mechanism(|| async {
        let (acceptor, connector) = ends(None);
        let (near, far) = tcp_pair().await.unwrap();
        let server = spawn(async move {
            let (mut read, mut write) = acceptor.accept(far).await.unwrap().split();
            copy(&mut read, &mut write).await.unwrap();
            write.close().await.unwrap();
        });
        let client = connector.connect(name(), near).await.unwrap();
        let (_, connection) = client.get_ref();
        assert_eq!(
            connection.protocol_version(),
            Some(ProtocolVersion::TLSv1_3)
        );

        let (mut read, mut write) = client.split();
        let data: Vec<u8> = (0..1_u32 << 20).map(|place| place as u8).collect();
        let sent = data.clone();
        let writing = spawn(async move {
            write.write_all(&sent).await.unwrap();
            write.close().await.unwrap();
        });
        let mut echo = Vec::new();
        read.read_to_end(&mut echo).await.unwrap();
        assert!(echo == data, "{} bytes", echo.len());
        writing.await.unwrap();
        server.await.unwrap();
    });
}

#[test]
fn a_server_whose_certificate_is_unknown_is_refused() {
    on_every_mechanism(|| async {
        let ((acceptor, _), (_, stranger)) = (ends(None), ends(None));
        let (near, far) = tcp_pair().await.unwrap();
        let server = spawn(async move { acceptor.accept(far).await.map(drop) });
        let error = stranger.connect(name(), near).await.map(drop).unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        server.await.unwrap().unwrap_err();
    });
}
