//! A TCP echo server over smol.

use smol::net::{TcpListener, TcpStream};
use smol::{LocalExecutor, io};

fn main() -> io::Result<()> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, peer) = listener.accept().await?;
            let serve = async move {
                if let Err(error) = echo(stream).await {
                    eprintln!("{peer}: {error}");
                }
            };
            executor.spawn(serve).detach();
        }
    }))
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    io::copy(stream.clone(), stream).await?;
    Ok(())
}
