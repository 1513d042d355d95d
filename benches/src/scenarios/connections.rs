//! TCP connections over loopback, both ends in this process.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt};

use crate::pipes::random_cycle;
use crate::sources::Sources;

/// N connections. The server ends, non-blocking, are the sources.
#[derive(Debug)]
pub struct Connections {
    servers: Sources,
    clients: Vec<TcpStream>,
    next: Vec<usize>,
}

impl Connections {
    /// Opens `count` connections.
    ///
    /// # Errors
    ///
    /// As socket(2) and connect(2), `EMFILE` above all.
    pub fn open(count: usize) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let mut servers = Vec::with_capacity(count);
        let mut clients = Vec::with_capacity(count);
        for _ in 0..count {
            let client = TcpStream::connect(address)?;
            let (server, _) = listener.accept()?;
            client.set_nodelay(true)?;
            reset_on_close(&client)?;
            server.set_nodelay(true)?;
            server.set_nonblocking(true)?;
            clients.push(client);
            servers.push(OwnedFd::from(server));
        }
        Ok(Self {
            servers: servers.into_iter().collect(),
            clients,
            next: random_cycle(count),
        })
    }

    /// The server ends.
    #[must_use]
    pub fn servers(&self) -> &Sources {
        &self.servers
    }

    /// The client end of connection `index`, blocking.
    #[inline]
    #[must_use]
    pub fn client(&self, index: usize) -> &TcpStream {
        &self.clients[index]
    }

    /// The connection that is active after connection `index`: one random cycle.
    #[inline]
    #[must_use]
    pub fn next(&self, index: usize) -> usize {
        self.next[index]
    }
}

/// Closing leaves no port in TIME_WAIT, where thousands would stay for a minute.
pub(super) fn reset_on_close(client: &TcpStream) -> io::Result<()> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(client, sockopt::Linger, &linger)?;
    Ok(())
}
