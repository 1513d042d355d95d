//! What the web servers' programs have in common: their flags, listeners and loops.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use clap::{Args, value_parser};
use socket2::{Domain, Protocol, Socket, Type};
use waitset::{EventLoop, Interest, Mode, Remote, Signals, Stats};

use crate::program::{LoopFlags, ends};
pub use crate::program::{finish, parse};
use crate::say;

use super::limits::Limits;
use super::narrator::Narrator;
use super::server::{AnyReactor, Handle, Server, Tally};
use super::site::Site;
use super::tree::Tree;

/// A bound on the backlog; the kernel has its own, `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// The flags that all of them have.
#[derive(Args, Clone, Debug)]
pub struct ServerFlags {
    /// Those of every example.
    #[command(flatten)]
    pub common: LoopFlags,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,
    #[command(flatten)]
    web: WebFlags,
}

/// The flags of a web server: what it serves, and what a peer may take of it.
#[derive(Args, Clone, Debug)]
pub struct WebFlags {
    /// The directory that is served, instead of the example's own.
    #[arg(long)]
    pub root: Option<PathBuf>,
    /// Connections at a time; further ones wait.
    #[arg(long, default_value_t = Limits::default().connections as u32, value_parser = value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// For a request to be complete, in milliseconds.
    #[arg(long, default_value_t = millis(Limits::default().head), value_parser = value_parser!(u64).range(1..))]
    pub head_ms: u64,
    /// Between two requests, in milliseconds.
    #[arg(long, default_value_t = millis(Limits::default().idle), value_parser = value_parser!(u64).range(1..))]
    pub idle_ms: u64,
    /// For a peer to take 64 KiB, in milliseconds.
    #[arg(long, default_value_t = millis(Limits::default().send), value_parser = value_parser!(u64).range(1..))]
    pub send_ms: u64,
    /// For a peer to close after the last answer to it, in milliseconds.
    #[arg(long, default_value_t = millis(Limits::default().linger))]
    pub linger_ms: u64,
    /// The longest message of a WebSocket; a frame has 64 MiB at most.
    #[arg(long, default_value_t = Limits::default().message_bytes)]
    pub message_bytes: usize,
    /// What is queued for a WebSocket that does not read.
    #[arg(long, default_value_t = Limits::default().queue_bytes)]
    pub queue_bytes: usize,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl WebFlags {
    fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections as usize,
            head: Duration::from_millis(self.head_ms),
            idle: Duration::from_millis(self.idle_ms),
            send: Duration::from_millis(self.send_ms),
            linger: Duration::from_millis(self.linger_ms),
            message_bytes: self.message_bytes,
            queue_bytes: self.queue_bytes,
        }
    }

    /// A server of the files in the root, or in `own` if none was named.
    ///
    /// # Errors
    ///
    /// As [`Tree::new`], with the directory's name.
    pub fn server<S: Site>(&self, site: S, own: &str, narrates: bool) -> io::Result<Server<S>> {
        let root = self.root.clone().unwrap_or_else(|| PathBuf::from(own));
        let tree = Tree::new(&root).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{}: {error}; see --root", root.display()),
            )
        })?;
        Ok(Server::new(
            site,
            tree,
            self.limits(),
            Narrator::new(narrates),
        ))
    }
}

/// A listener at `address`. Where `is_shared` others can listen there too, and the
/// kernel spreads connections over all of them (`SO_REUSEPORT`, socket(7)).
///
/// # Errors
///
/// As bind(2) and listen(2).
pub fn listener(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(is_shared)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl ServerFlags {
    /// Serves the files of the root, `own` unless one was named, and the site that `site`
    /// makes for each loop; until Ctrl-C. `started` runs when all loops listen.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the mechanism cannot be had, else what the listener, the root or
    /// the mechanism answers.
    pub fn serve<S, F>(
        &self,
        loops: usize,
        own: &str,
        site: impl Fn() -> io::Result<S> + Sync,
        started: F,
    ) -> io::Result<()>
    where
        S: Site,
        F: FnOnce(&mut Server<S>, &mut Handle<'_, S>),
    {
        let is_shared = loops > 1;
        let first = listener(self.addr, is_shared)?;
        let address = first.local_addr()?;
        // Port 0 is settled by the first; the others join it there.
        let first = Mutex::new(Some(first));
        let make = || {
            let taken = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            let listener = taken.map_or_else(|| listener(address, is_shared), Ok)?;
            let server = self.web.server(site()?, own, self.common.explain)?;
            Ok((self.common.open()?, server, listener))
        };
        let done = serve(loops, make, |server, handle| {
            say!("listening on {address} backend={}", handle.mechanism());
            started(server, handle);
        })?;
        if self.common.stats {
            for (stats, Tally { accepted, requests }) in done {
                say!("accepted {accepted} connections, answered {requests} requests");
                say!("{stats:?}");
            }
        }
        Ok(())
    }
}

/// What a loop did: the reactor's counts and the server's.
pub type Done = (Stats, Tally);

type Serving<S> = (EventLoop<Server<S>, AnyReactor>, Server<S>);
type Stop<S> = Remote<Server<S>>;

/// Serves in `loops` threads until Ctrl-C or SIGTERM, and says what each has done.
///
/// `make` opens the reactor, server and listener of a loop, in its thread. `started` runs
/// in the first loop when all of them listen.
///
/// # Errors
///
/// What `make` and the mechanism answer.
pub fn serve<S, M, F>(loops: usize, make: M, started: F) -> io::Result<Vec<Done>>
where
    S: Site,
    M: Fn() -> io::Result<(AnyReactor, Server<S>, TcpListener)> + Sync,
    F: FnOnce(&mut Server<S>, &mut Handle<'_, S>),
{
    // Before other threads are made, which are to inherit what is blocked.
    let signals = ends()?;
    let mut first = serving(&make)?;
    thread::scope(|scope| {
        let (mut threads, mut refused) = (Vec::new(), Ok(()));
        for _ in 1..loops {
            let (sender, stop) = mpsc::sync_channel(1);
            let serve = || serve_in_thread(&make, sender);
            match thread::Builder::new().spawn_scoped(scope, serve) {
                Ok(thread) => threads.push((thread, stop)),
                Err(error) => {
                    refused = Err(error);
                    break;
                }
            }
        }
        // Of one that could not be made the sender is gone.
        let stops: Vec<Stop<S>> = threads
            .iter()
            .filter_map(|(_, stop)| stop.recv().ok())
            .collect();
        let are_all_up = refused.is_ok() && stops.len() == threads.len();
        let answer = match are_all_up {
            true => serve_first(&mut first, signals, started).map(Some),
            false => Ok(None),
        };
        stops.iter().for_each(stop);
        let mut done = Vec::new();
        done.extend(answer?);
        for (thread, _) in threads {
            let answer = thread.join();
            done.push(answer.unwrap_or_else(|_| Err(io::Error::other("a loop has panicked")))?);
        }
        refused.map(|()| done)
    })
}

fn serving<S, M>(make: &M) -> io::Result<Serving<S>>
where
    S: Site,
    M: Fn() -> io::Result<(AnyReactor, Server<S>, TcpListener)>,
{
    let (reactor, mut server, listener) = make()?;
    let mut event_loop = EventLoop::with_reactor(reactor);
    server.listen(listener, &mut event_loop.handle())?;
    Ok((event_loop, server))
}

fn serve_in_thread<S, M>(make: &M, sender: mpsc::SyncSender<Stop<S>>) -> io::Result<Done>
where
    S: Site,
    M: Fn() -> io::Result<(AnyReactor, Server<S>, TcpListener)>,
{
    let mut serving = serving(make)?;
    // The receiver waits for it.
    let _ = sender.send(serving.0.handle().remote());
    drop(sender);
    run(&mut serving)
}

fn serve_first<S: Site>(
    serving: &mut Serving<S>,
    signals: Signals,
    started: impl FnOnce(&mut Server<S>, &mut Handle<'_, S>),
) -> io::Result<Done> {
    let (event_loop, server) = &mut *serving;
    let mut handle = event_loop.handle();
    handle.insert(
        signals,
        Interest::READABLE,
        Mode::Level,
        |_, signals, _, handle| {
            if signals.next().is_ok() {
                handle.stop();
            }
        },
    )?;
    started(server, &mut handle);
    run(serving)
}

fn run<S: Site>((event_loop, server): &mut Serving<S>) -> io::Result<Done> {
    event_loop.run(server)?;
    Ok((event_loop.handle().stats(), server.tally()))
}

fn stop<S: Site>(remote: &Stop<S>) {
    // One that is gone has stopped.
    let _ = remote.post(|_, handle| handle.stop());
}
