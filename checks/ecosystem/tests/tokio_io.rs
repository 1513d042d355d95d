//! The traits of tokio's IO on the streams of waitset-async, by tokio-util's `compat`.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio_util::compat::FuturesAsyncReadCompatExt;

use waitset_async::spawn;
use waitset_ecosystem::{on_every_mechanism, tcp_pair};

#[test]
fn lines_are_read_and_written_with_tokios_traits() {
    on_every_mechanism(|| async {
        let (near, far) = tcp_pair().await.unwrap();
        let server = spawn(async move {
            let (read, mut write) = tokio::io::split(far.compat());
            let mut lines = BufReader::new(read).lines();
            while let Some(line) = lines.next_line().await.unwrap() {
                let answer = format!("{}\n", line.to_uppercase());
                write.write_all(answer.as_bytes()).await.unwrap();
            }
            write.shutdown().await.unwrap();
        });
        let mut client = near.compat();
        client.write_all(b"one\ntwo\n").await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "ONE\nTWO\n");
        server.await.unwrap();
    });
}
