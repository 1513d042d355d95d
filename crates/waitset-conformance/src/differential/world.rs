//! One reactor, its sources, and what it must tell of them.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::mem;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use waitset_core::{Capabilities, Event, Events, Interest, Mode, Reactor, Readiness, Token};

use super::Found;
use super::model::{Due, MOST_WAKEUPS, Registered};
use super::operation::{Operation, SLOTS};
use super::shown::shown;
use super::source::{Kind, Peer, Source};
use crate::sys;
use crate::watch::some_mode;

/// Within this many waits everybody gets a turn, even in a buffer of one.
const MOST_WAITS: usize = 4 * SLOTS + 8;

pub(crate) struct World {
    name: &'static str,
    reactor: Box<dyn Reactor + Send>,
    can: Capabilities,
    sources: [Source; SLOTS],
    registered: [Option<Registered>; SLOTS],
    wake_is_due: bool,
    tokens: u64,
    duplicates: Vec<OwnedFd>,
    /// Whether a duplicate has the file of that source, too.
    is_duplicated: [bool; SLOTS],
    /// Who keeps the files of the duplicates ready, which must be silent all the same.
    peers: Vec<Peer>,
}

/// What a wait brought to light, by slot.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// What raw poll(2) says.
    pub(crate) ready: BTreeMap<usize, Readiness>,
    /// What the reactor said of sources that are not edge-triggered.
    pub(crate) events: BTreeMap<usize, Seen>,
}

/// All that an event says, but for its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    readable: bool,
    writable: bool,
    priority: bool,
    error: bool,
    hangup: bool,
    peer_closed: bool,
}

impl Seen {
    fn of(event: &Event) -> Self {
        Self {
            readable: event.is_readable(),
            writable: event.is_writable(),
            priority: event.is_priority(),
            error: event.is_error(),
            hangup: event.is_hangup(),
            peer_closed: event.is_peer_closed(),
        }
    }

    fn is_readiness(self) -> bool {
        self.readable || self.writable || self.priority
    }

    /// What must be seen of a source that is ready; `None` if nothing.
    fn expected(can: &Capabilities, observed: Readiness, interest: Interest) -> Option<Self> {
        let asked = asked(interest);
        let observed = observed & asked;
        let shown = shown(can, observed, interest)?;
        let hangup = observed.intersects(Readiness::HANGUP);
        let half_closed = observed.intersects(Readiness::PEER_CLOSED);
        Some(Self {
            readable: shown.is_readable(),
            writable: shown.is_writable(),
            priority: shown.is_priority(),
            error: can.hints && observed.intersects(Readiness::ERROR),
            hangup: can.hints && hangup,
            peer_closed: (can.hints && hangup) || (can.peer_closed_hint && half_closed),
        })
    }
}

/// What poll(2) and epoll(7) are asked for, and tell unasked.
fn asked(interest: Interest) -> Readiness {
    let unasked = Readiness::ERROR | Readiness::HANGUP;
    let asked = Readiness::from(interest) | unasked;
    match interest.is_readable() {
        true => asked | Readiness::PEER_CLOSED,
        false => asked,
    }
}

impl World {
    pub(crate) fn new(
        name: &'static str,
        reactor: Box<dyn Reactor + Send>,
        listener: &TcpListener,
        kinds: [Kind; SLOTS],
    ) -> Self {
        Self {
            name,
            can: reactor.capabilities(),
            reactor,
            sources: kinds.map(|kind| Source::new(kind, listener)),
            registered: [None; SLOTS],
            wake_is_due: false,
            tokens: 0,
            duplicates: Vec::new(),
            is_duplicated: [false; SLOTS],
            peers: Vec::new(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the same events are due in both, edges apart.
    pub(crate) fn tells_as(&self, other: &Self) -> bool {
        let what = |can: &Capabilities| {
            (
                can.hangup_shows_as,
                can.error_shows_as,
                can.hints,
                can.peer_closed_hint,
                can.rechecks_events,
                // Another mode replaces one that is not supported; of edges, the model knows.
                can.supports(Mode::Level),
                can.supports(Mode::Oneshot),
            )
        };
        what(&self.can) == what(&other.can)
    }

    pub(crate) fn run(
        &mut self,
        operation: &Operation,
        listener: &TcpListener,
    ) -> Result<Told, Found> {
        match *operation {
            Operation::Register {
                slot,
                interest,
                mode,
            } => self.register(slot, interest, mode)?,
            Operation::Modify {
                slot,
                interest,
                mode,
            } => self.modify(slot, interest, mode)?,
            Operation::Deregister { slot } => self.deregister(slot)?,
            Operation::Arrive { slot } => self.arrive(slot),
            Operation::Urgent { slot } => self.affect(slot, Source::urge),
            Operation::Read { slot, all } => self.sources[slot].read(all),
            Operation::Fill { slot } => self.sources[slot].fill(),
            Operation::MakeRoom { slot } => self.affect(slot, Source::make_room),
            Operation::HalfClose { slot } => self.affect(slot, Source::half_close),
            Operation::PeerCloses { slot, reset } => {
                self.affect(slot, |source| source.peer_closes(reset));
            }
            Operation::Duplicate { slot } => {
                self.duplicates.push(self.sources[slot].try_clone());
                self.is_duplicated[slot] = true;
            }
            Operation::Replace { slot, kind } => {
                self.deregister(slot)?;
                let new = Source::new(kind, listener);
                let peer = self.sources[slot].replace(new);
                if !mem::take(&mut self.is_duplicated[slot]) && !peer.sees_the_end() {
                    return Err(Found::new(format!("{slot} is still open for its {peer:?}")));
                }
                self.peers.push(peer);
            }
            Operation::Wake => {
                self.reactor.waker().wake();
                self.wake_is_due = true;
            }
            Operation::Wait { capacity } => return self.wait(capacity),
        }
        Ok(Told::default())
    }

    /// Another mode replaces one that the mechanism does not support, after that was refused.
    fn mode_instead_of(
        &mut self,
        mode: Mode,
        mut call: impl FnMut(&mut Self) -> io::Result<()>,
    ) -> Result<Mode, Found> {
        if self.can.supports(mode) {
            return Ok(mode);
        }
        expect(call(self), Some(ErrorKind::Unsupported))?;
        Ok(some_mode(&self.can))
    }

    fn register(&mut self, slot: usize, interest: Interest, mode: Mode) -> Result<(), Found> {
        let token = self.next_token();
        let call = |world: &mut Self, mode| {
            let source = world.sources[slot].as_fd();
            sys::register(&mut *world.reactor, source, Token(token), interest, mode)
        };
        let instead = self.mode_instead_of(mode, |world| call(world, mode))?;
        let is_there = self.registered[slot].is_some();
        let refusal = is_there.then_some(ErrorKind::AlreadyExists);
        expect(call(self, instead), refusal)?;
        if !is_there {
            self.note(slot, token, interest, mode, instead);
        }
        Ok(())
    }

    fn modify(&mut self, slot: usize, interest: Interest, mode: Mode) -> Result<(), Found> {
        let token = self.next_token();
        let call = |world: &mut Self, mode| {
            let source = world.sources[slot].as_fd();
            world.reactor.modify(source, Token(token), interest, mode)
        };
        let instead = self.mode_instead_of(mode, |world| call(world, mode))?;
        let is_there = self.registered[slot].is_some();
        let refusal = (!is_there).then_some(ErrorKind::NotFound);
        expect(call(self, instead), refusal)?;
        if is_there {
            self.note(slot, token, interest, mode, instead);
        }
        Ok(())
    }

    fn deregister(&mut self, slot: usize) -> Result<(), Found> {
        let is_there = self.registered[slot].take().is_some();
        let refusal = (!is_there).then_some(ErrorKind::NotFound);
        expect(self.reactor.deregister(self.sources[slot].as_fd()), refusal)
    }

    fn next_token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens
    }

    fn note(&mut self, slot: usize, token: u64, interest: Interest, wanted: Mode, mode: Mode) {
        self.registered[slot] = Some(Registered {
            token,
            interest,
            mode,
            is_edge_elsewhere: wanted == Mode::Edge,
            is_file: self.sources[slot].is_file(),
            armed: true,
            edges: 1,
        });
    }

    /// Does something to a source that may make it ready.
    fn affect(&mut self, slot: usize, act: impl FnOnce(&mut Source)) {
        let source = &mut self.sources[slot];
        let before = source.observe();
        act(source);
        let fresh = source.observe().without(before);
        if let Some(registered) = &mut self.registered[slot] {
            registered.may_wake(MOST_WAKEUPS);
            if fresh.intersects(asked(registered.interest)) {
                registered.came();
            }
        }
    }

    /// Sockets tell an edge also when there was something to read before.
    fn arrive(&mut self, slot: usize) {
        let mut has_come = false;
        self.affect(slot, |source| {
            has_come = source.arrive() && source.is_socket()
        });
        if let Some(registered) = &mut self.registered[slot] {
            if has_come && registered.interest.is_readable() {
                registered.came();
            }
        }
    }

    fn wait(&mut self, capacity: usize) -> Result<Told, Found> {
        let mut told = Told::default();
        let mut expected = [None; SLOTS];
        let mut unheard = [false; SLOTS];
        for (slot, source) in self.sources.iter().enumerate() {
            let observed = source.observe();
            told.ready.insert(slot, observed);
            if let Some(registered) = &self.registered[slot] {
                expected[slot] = Seen::expected(&self.can, observed, registered.interest);
                unheard[slot] = registered.due(expected[slot].is_some()) == Due::Must;
            }
        }
        let mut events = Events::with_capacity(capacity);
        for number in 0.. {
            let answer = self.reactor.wait(&mut events, Some(Duration::ZERO));
            answer.map_err(|error| Found::new(format!("wait failed: {error}")))?;
            self.check_wake(&events)?;
            let mut in_this_wait = [false; SLOTS];
            for event in &events {
                let slot = self.check(event, &expected)?;
                let is_again = mem::replace(&mut in_this_wait[slot], true);
                if is_again && !self.may_be_told_twice(slot) {
                    return Err(Found::new(format!("twice in one wait: {event:?}")));
                }
                unheard[slot] = false;
                if self.registered[slot].is_some_and(|one| !one.is_edge_elsewhere) {
                    told.events.insert(slot, Seen::of(event));
                }
            }
            let is_done = unheard == [false; SLOTS] && !self.wake_is_due;
            if is_done {
                break;
            }
            // With room for all, one wait has to do. Where old events come first, room is
            // what is left behind them.
            let one_has_to_do = match self.can.rechecks_events {
                true => capacity > SLOTS + 1,
                false => !events.is_full(),
            };
            if number == MOST_WAITS || one_has_to_do {
                let wake = if self.wake_is_due { " and a wake" } else { "" };
                return Err(Found::new(format!(
                    "nothing came of {unheard:?}{wake}: {told:?}"
                )));
            }
        }
        for (registered, expected) in self.registered.iter_mut().zip(&expected) {
            if let (Some(registered), None) = (registered, expected) {
                registered.was_passed_over();
            }
        }
        Ok(told)
    }

    /// One event for each arrival, where they are told as they came; see [`shown`].
    fn may_be_told_twice(&self, slot: usize) -> bool {
        let is_edge = |one: Registered| one.mode == Mode::Edge;
        !self.can.rechecks_events && self.registered[slot].is_some_and(is_edge)
    }

    fn check_wake(&mut self, events: &Events) -> Result<(), Found> {
        if events.was_interrupted() {
            return Err(Found::new("nobody interrupted it"));
        }
        if events.was_woken() && !mem::take(&mut self.wake_is_due) {
            return Err(Found::new("nobody woke it"));
        }
        Ok(())
    }

    /// The slot of an event that may come and says what it must.
    fn check(&mut self, event: &Event, expected: &[Option<Seen>; SLOTS]) -> Result<usize, Found> {
        let token = event.token().0;
        let mut all = self.registered.iter_mut().enumerate();
        let found = all.find_map(|(slot, one)| {
            let registered = one.as_mut().filter(|one| one.token == token)?;
            Some((slot, registered))
        });
        let Some((slot, registered)) = found else {
            return Err(Found::new(format!("nobody has that token: {event:?}")));
        };
        let (seen, expected) = (Seen::of(event), expected[slot]);
        let is_due = registered.due(expected.is_some()) != Due::MustNot;
        let is_right = is_due && Some(seen) == expected;
        // Where it is not looked at again; see `shown`.
        let may_be_out_of_date = !self.can.rechecks_events
            && seen.is_readiness()
            && seen.priority <= expected.is_some_and(|expected| expected.priority)
            && (is_due || expected.is_none())
            && registered.may_be_told_late();
        if !is_right && !may_be_out_of_date {
            let instead = format!("{seen:?} instead of {expected:?} from {registered:?}");
            return Err(Found::new(instead));
        }
        registered.was_told();
        Ok(slot)
    }
}

/// A call that had to be refused for that reason, or had to succeed.
fn expect(answer: io::Result<()>, refusal: Option<ErrorKind>) -> Result<(), Found> {
    match (answer, refusal) {
        (Ok(()), None) => Ok(()),
        (Err(error), Some(kind)) if error.kind() == kind => Ok(()),
        (answer, refusal) => Err(Found::new(format!("{answer:?} instead of {refusal:?}"))),
    }
}
