//! The server in its event loop: connections by key, one timer each.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use socket2::SockRef;
use tungstenite::Message;
use waitset::stream::{AcceptError, Acceptor};
use waitset::{Event, Interest, Key, Mode, TimerKey};

use super::connection::{Connection, End};
use super::date::Date;
use super::desk::Desk;
use super::limits::{Limits, READ_BYTES};
use super::narrator::Narrator;
use super::patience::Phase;
use super::site::{Outbox, Site};
use super::tree::Tree;

use crate::program;
pub use crate::program::AnyReactor;

/// What the callbacks of a server's loop are given.
pub type Handle<'a, S> = waitset::Handle<'a, Server<S>>;

type Accepted = Result<(TcpStream, SocketAddr), AcceptError<SocketAddr>>;

/// A web server: the state of an event loop.
#[derive(Debug)]
pub struct Server<S> {
    /// What it serves beside files.
    pub site: S,
    /// What the site has to say, for [`deliver`](Self::deliver).
    pub outbox: Outbox,
    tree: Tree,
    limits: Limits,
    narrator: Narrator,
    seats: HashMap<Key, Seat>,
    listener: Option<Key>,
    date: Date,
    input: Vec<u8>,
    output: Vec<u8>,
    heard: Vec<Message>,
    tally: Tally,
}

/// A connection and what the loop was told of it.
#[derive(Debug)]
struct Seat {
    connection: Connection,
    /// Whether the site was told of it.
    is_on_site: bool,
    interest: Interest,
    timer: TimerKey,
    /// When that timer fires: at the deadline or earlier. A deadline that moves away
    /// moves no timer, which is what most requests do.
    fires: Instant,
}

/// What a server has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Requests that were answered, refusals aside.
    pub requests: u64,
}

impl<S: Site> Server<S> {
    /// A server of the files in `tree`.
    #[must_use]
    pub fn new(site: S, tree: Tree, limits: Limits, narrator: Narrator) -> Self {
        Self {
            site,
            outbox: Outbox::default(),
            tree,
            limits,
            narrator,
            seats: HashMap::new(),
            listener: None,
            date: Date::default(),
            input: vec![0; READ_BYTES],
            output: Vec::new(),
            heard: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// What it has done so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Accepts the connections of `listener`.
    ///
    /// # Errors
    ///
    /// As [`waitset::LocalHandle::listen`].
    pub fn listen(&mut self, listener: TcpListener, handle: &mut Handle<'_, S>) -> io::Result<()> {
        let acceptor = Acceptor::new(listener)?;
        self.listener = Some(handle.listen(acceptor, Mode::Level, Self::welcome)?);
        Ok(())
    }

    fn welcome(&mut self, accepted: Accepted, handle: &mut Handle<'_, S>) {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(refusal @ AcceptError::Failed(_)) => return program::fail(&refusal, handle),
            Err(refusal) => return self.narrator.could_not_accept(&refusal.to_string()),
        };
        let stream = Rc::new(stream);
        let descriptor = stream.as_raw_fd();
        let number = self.tally.accepted + 1;
        let connection = Connection::new(number, Rc::clone(&stream), &self.limits, Instant::now());
        let interest = Interest::READABLE;
        let watched = handle.insert(stream, interest, Mode::Level, |server, _, event, handle| {
            server.turn(event, handle);
        });
        let key = match watched {
            Ok(key) => key,
            // The mechanism takes no more, and dropping the stream closes it.
            Err(error) => return self.narrator.could_not_accept(&error.to_string()),
        };
        self.tally.accepted = number;
        self.narrator.accepted(number, peer, descriptor);
        let fires = connection.deadline();
        let timer = handle.arm_at(fires, move |server: &mut Self, _, handle| {
            server.tick(key, handle);
        });
        let seat = Seat {
            connection,
            is_on_site: false,
            interest,
            timer,
            fires,
        };
        self.seats.insert(key, seat);
        if self.seats.len() >= self.limits.connections {
            self.narrator.is_full(self.seats.len());
            self.listener.map(|listener| handle.disable(listener));
        }
    }

    fn turn(&mut self, event: Event, handle: &mut Handle<'_, S>) {
        let key = handle.key();
        self.visit(key, handle, |connection, desk| connection.turn(event, desk));
        self.deliver(handle);
        let seat = self.seats.get(&key);
        if seat.is_some_and(|seat| seat.connection.is_at_fault()) {
            self.visit(key, handle, Connection::conclude);
        }
    }

    /// A timer has fired: the deadline is over, or was moved.
    fn tick(&mut self, key: Key, handle: &mut Handle<'_, S>) {
        let now = Instant::now();
        let Some(seat) = self.seats.get_mut(&key) else {
            return;
        };
        let deadline = seat.connection.deadline();
        if deadline > now {
            seat.fires = deadline;
            handle.reset_at(seat.timer, deadline);
            return;
        }
        // It has to be there for the next deadline.
        seat.fires = now + Duration::from_secs(3600);
        handle.reset_at(seat.timer, seat.fires);
        self.visit(key, handle, Connection::expire);
        self.deliver(handle);
    }

    /// Sends what the site has to say.
    pub fn deliver(&mut self, handle: &mut Handle<'_, S>) {
        while let Some((key, message)) = self.outbox.letters.pop_front() {
            self.visit(key, handle, |connection, desk| {
                connection.tell(message, desk)
            });
        }
    }

    /// Does something to a connection, and tells the loop and the site what came of it.
    fn visit<F>(&mut self, key: Key, handle: &mut Handle<'_, S>, act: F)
    where
        F: FnOnce(&mut Connection, &mut Desk<'_>) -> Result<(), End>,
    {
        let Some(seat) = self.seats.get_mut(&key) else {
            return;
        };
        let (now, clock) = (Instant::now(), SystemTime::now());
        let mut desk = Desk {
            tree: &self.tree,
            sockets: S::SOCKETS,
            limits: &self.limits,
            narrator: self.narrator,
            date: self.date.at(clock),
            clock,
            now,
            input: &mut self.input,
            output: &mut self.output,
            heard: &mut self.heard,
            opened: None,
            requests: &mut self.tally.requests,
        };
        let mut answer = guarded(|| act(&mut seat.connection, &mut desk));
        let opened = desk.opened;
        if answer.is_ok() {
            answer = seat.watch(key, &self.limits, handle).map_err(End::from);
        }
        seat.is_on_site |= opened.is_some();
        let told = guarded(|| {
            if let Some(path) = opened {
                self.site.opened(key, path, &mut self.outbox);
            }
            for message in self.heard.drain(..) {
                self.site.heard(key, message, &mut self.outbox);
            }
            Ok(())
        });
        if let Err(end) = answer.and(told) {
            self.close(key, &end, handle);
        }
    }

    fn close(&mut self, key: Key, end: &End, handle: &mut Handle<'_, S>) {
        let Some(seat) = self.seats.remove(&key) else {
            return;
        };
        if matches!(end, End::Late(Phase::Sending) | End::Excess) {
            // What the peer does not take is not kept for it in the kernel either.
            let _ = SockRef::from(seat.connection.stream()).set_linger(Some(Duration::ZERO));
        }
        self.narrator.closed(seat.connection.number, end);
        handle.cancel(seat.timer);
        handle.remove(key);
        if seat.is_on_site {
            // It is closed already.
            let _ = guarded(|| {
                self.site.left(key, &mut self.outbox);
                Ok(())
            });
        }
        if let Some(listener) = self.listener {
            if !handle.is_enabled(listener) {
                // It fails only if the mechanism does, and then at the next one again.
                let _ = handle.enable(listener);
            }
        }
    }
}

/// Keeps a panic to the connection that it comes from. The panic hook has told of it, and what
/// that connection has left half done is closed with it.
fn guarded(body: impl FnOnce() -> Result<(), End>) -> Result<(), End> {
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(End::Panicked))
}

impl Seat {
    /// Tells the loop what the connection waits for, and until when.
    fn watch<S: Site>(
        &mut self,
        key: Key,
        limits: &Limits,
        handle: &mut Handle<'_, S>,
    ) -> io::Result<()> {
        let interest = self.connection.interest(limits);
        if interest != self.interest {
            handle.modify(key, interest, Mode::Level)?;
            self.interest = interest;
        }
        let deadline = self.connection.deadline();
        if deadline < self.fires {
            self.fires = deadline;
            handle.reset_at(self.timer, deadline);
        }
        Ok(())
    }
}
