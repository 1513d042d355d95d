//! io_uring(7) as a [`Reactor`]: level-, edge- and one-shot-triggered, Linux 5.17 or
//! later.
//!
//! ```
//! use std::io::{ErrorKind, Write};
//! use std::os::fd::AsFd;
//! use waitset_core::{Events, Interest, Mode, Reactor, Token};
//! use waitset_uring::Uring;
//!
//! let mut uring = match Uring::new() {
//!     Err(error) if error.kind() == ErrorKind::Unsupported => {
//!         return Ok(());
//!     }
//!     opened => opened?,
//! };
//! let (mut near, far) = std::os::unix::net::UnixStream::pair()?;
//! // SAFETY: `far` stays open until it is deregistered.
//! unsafe { uring.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Edge)? };
//! near.write_all(b"!")?;
//! let mut events = Events::with_capacity(256);
//! uring.wait(&mut events, None)?;
//! assert_eq!(events.as_slice()[0].token(), Token(7));
//! uring.deregister(far.as_fd())?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg(target_os = "linux")]

mod absence;
mod cancel;
#[cfg(test)]
mod older_kernels;
mod ring;
mod source;
mod sys;

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Deadline, Events, Interest, Mode, Reactor, Readiness, Stats,
    Support, Token, WakeFlag, Waker,
};
use waitset_unix::{Bell, FdTable, Registration, refusal};

use ring::{Completion, Entered, Ring};
use source::{Asked, Change, Source, Verdict};

const NAME: &str = "uring";

/// A reactor over the polls of io_uring(7).
///
/// An edge-triggered source is one multishot poll, which the kernel answers without being
/// asked again. A level-triggered one is a poll that is armed again, after it was told,
/// by the same system call that waits next; so is a one-shot source after `modify`.
/// Changes of interest wait for that call, too, and cost nothing if they cancel out.
///
/// Deregistering cancels the poll and returns when its last completion is there, because a
/// poll that is armed, or has yet to run, keeps the file open and the peer without its end
/// of file. A source that was told and not armed again costs no system call to deregister.
///
/// The ring belongs to the thread that first uses the reactor. A reactor that is sent to
/// another thread, or whose thread has ended, opens a new ring and arms everything again; an
/// edge that lasts is then told once more, and what was armed in the old ring is let go a
/// moment later. `wait` and `deregister` fail with `EMFILE` if that ring cannot be opened,
/// and change nothing: free a descriptor and call them again.
///
/// An edge-triggered source that another ring signals (its eventfd, the ring itself, or an
/// epoll set that watches one) is armed again for each event, and what the program has not
/// taken by the next wait is told once more.
///
/// # Platform notes
///
/// `io_uring_setup` and `eventfd` at birth, with an `io_uring_enter` and an
/// `io_uring_register` that see whether these are allowed; another of the latter at first use,
/// `io_uring_enter` to wait and to deregister; a wait that finds its answer in the ring
/// makes no system call; `poll` to see whether urgent data is there where it is asked for
/// and claimed, as every arrival at a socket does; `fstat` where a multishot poll ends by
/// itself, to learn whether the file can be waited for. `IORING_SETUP_SINGLE_ISSUER | DEFER_TASKRUN` from Linux 6.1,
/// which makes it faster than epoll; `COOP_TASKRUN` from 5.19; neither before. Credentials
/// are those of the thread that opened the ring, which does not matter to polls. A little
/// after a ring was closed, the kernel interrupts the thread that used it once: a wait of
/// another reactor in that thread can then end early, as after a signal.
#[doc(alias("io_uring_setup", "io_uring_enter", "IORING_OP_POLL_ADD"))]
#[derive(Debug)]
pub struct Uring {
    ring: Ring,
    wake: WakeFlag<Bell>,
    bell_is_armed: bool,
    sources: FdTable<Source>,
    /// Descriptors whose poll may not be as it is wanted.
    queue: Vec<RawFd>,
    /// Those whose poll completed in this wait without an event to tell.
    silenced: Vec<RawFd>,
    /// How many polls were cancelled and have yet to complete for the last time, as far as
    /// completions were taken. Until then they hold their files.
    doomed: usize,
    generations: Generations,
    stats: Stats,
}

/// Numbers that tell the polls of one descriptor apart.
#[derive(Debug)]
struct Generations(u32);

impl Generations {
    /// A repetition would need 2³² changes while one completion waits in the ring.
    fn next(&mut self) -> u32 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}

/// What asking the ring has come to.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// There is an event or a wake.
    News,
    /// Nothing is to be told.
    Nothing {
        /// It slept, and came back with no completion at all.
        slept: bool,
    },
    /// The ring is another thread's.
    Moved,
}

/// The bell's user data; those of sources have a generation of at least 1.
const BELL: u64 = 0;

/// How often one wait arms again what completed without an event. Once makes a poll last
/// that was of one shot; the rest is for those that end by themselves.
const LOOKS: u32 = 4;

impl Uring {
    /// Opens a ring and its waker.
    ///
    /// # Errors
    ///
    /// `Unsupported`, with the reason, where io_uring can't be had: the kernel has none or
    /// is too old, the sysctl `kernel.io_uring_disabled` switches it off, or a seccomp
    /// filter or a security module forbids it. Else as io_uring_setup(2) and eventfd(2), `EMFILE` above all.
    pub fn new() -> io::Result<Self> {
        Self::over(Ring::open()?)
    }

    fn over(ring: Ring) -> io::Result<Self> {
        let bell = Bell::new();
        let refused = |error| refusal::by_kernel(NAME, "cannot open a reactor", &error);
        Ok(Self {
            ring,
            wake: WakeFlag::new(bell.map_err(refused)?),
            bell_is_armed: false,
            sources: FdTable::default(),
            queue: Vec::new(),
            silenced: Vec::new(),
            doomed: 0,
            generations: Generations(0),
            stats: Stats::default(),
        })
    }

    /// Notes that a source's poll may not be as it is wanted.
    fn queue(&mut self, fd: RawFd) {
        if self.queue.len() > self.sources.len() {
            // Sources that were removed since have left their numbers here.
            let sources = &self.sources;
            self.queue
                .retain(|fd| sources.get(*fd).is_some_and(|source| source.queued));
            self.queue.sort_unstable();
            self.queue.dedup();
        }
        self.queue.push(fd);
    }

    /// Fills the submission queue with what differs from what is wanted, in this
    /// thread's ring.
    #[inline]
    fn arm(&mut self) -> io::Result<()> {
        if self.bell_is_armed && self.queue.is_empty() {
            return Ok(());
        }
        self.arm_some()
    }

    fn arm_some(&mut self) -> io::Result<()> {
        while self.try_to_arm()? == Entered::Moved {
            self.move_here()?;
        }
        if self.doomed > cancel::MOST_DOOMED {
            self.settle()?;
        }
        Ok(())
    }

    fn try_to_arm(&mut self) -> io::Result<Entered> {
        if !self.bell_is_armed && self.arm_bell()? == Entered::Moved {
            return Ok(Entered::Moved);
        }
        let mut submissions = self.ring.submissions();
        for &fd in &self.queue {
            let queued = |source: &&mut Source| source.queued;
            let Some(source) = self.sources.get_mut(fd).filter(queued) else {
                continue;
            };
            let change = source.change();
            if change != Change::None && ring::room(&submissions) < 2 {
                drop(submissions);
                if self.ring.make_room(&mut self.stats.wait_calls)? == Entered::Moved {
                    return Ok(Entered::Moved);
                }
                submissions = self.ring.submissions();
            }
            // Not before there is room: it must not be forgotten if there is none.
            source.queued = false;
            if matches!(change, Change::Cancel | Change::Replace) {
                sys::push_cancel(&mut submissions, source.data(fd));
                source.forget(self.generations.next());
                self.doomed += 1;
            }
            if matches!(change, Change::Arm | Change::Replace) {
                let asked = source.arm();
                sys::push_poll(&mut submissions, fd, asked, source.data(fd));
            }
        }
        drop(submissions);
        self.queue.clear();
        Ok(Entered::Here)
    }

    #[cold]
    fn arm_bell(&mut self) -> io::Result<Entered> {
        let entered = self.ring.make_room(&mut self.stats.wait_calls)?;
        if entered == Entered::Here {
            let bell = self.wake.doorbell().as_fd().as_raw_fd();
            let asked = Asked {
                bits: libc::POLLIN as u32,
                multishot: true,
            };
            sys::push_poll(&mut self.ring.submissions(), bell, asked, BELL);
            self.bell_is_armed = true;
        }
        Ok(entered)
    }

    /// Takes what has completed, as far as there is room; false if nothing has.
    #[inline(always)]
    fn reap(&mut self, events: &mut Events) -> bool {
        let mut any = false;
        loop {
            let taken = self.reap_plainly(events);
            any |= taken.any;
            match taken.aside {
                Some(completion) => self.complete_aside(completion, events),
                None => return any,
            }
        }
    }

    /// Takes completions up to the first that is not told as it came.
    #[inline(always)]
    fn reap_plainly(&mut self, events: &mut Events) -> Taken {
        let mut taken = Taken {
            any: false,
            aside: None,
        };
        let Self {
            ring,
            sources,
            queue,
            ..
        } = self;
        let mut count = events.len();
        // Taken one by one, since what does not fit must not be taken.
        let mut completions = ring.completions();
        while let Some(place) = events.buffer_mut().get_mut(count) {
            let Some(completion) = completions.next() else {
                break;
            };
            taken.any = true;
            let (fd, generation) = source::unpack(completion.data);
            let known = sources.get_mut(fd);
            let plain = known
                .filter(|source| source.generation() == generation)
                .and_then(|source| Some((source.complete_plainly(&completion)?, source)));
            let Some((seen, source)) = plain else {
                taken.aside = Some(completion);
                break;
            };
            *place = source.registration.event(seen);
            count += 1;
            if source.is_to_be_queued() {
                source.queued = true;
                queue.push(fd);
            }
        }
        events.set_len(count);
        taken
    }

    /// Does what a completion is good for that is not told as it came. There is room for an
    /// event.
    #[cold]
    fn complete_aside(&mut self, completion: Completion, events: &mut Events) {
        let (fd, generation) = source::unpack(completion.data);
        let known = self.sources.get_mut(fd);
        let Some(source) = known.filter(|source| source.generation() == generation) else {
            return self.complete_unknown(&completion, events);
        };
        let calls = &mut self.stats.wait_calls;
        match complete_with_care(source, fd, completion, self.ring.overflows(), calls) {
            Verdict::Silent => {
                if source.is_to_be_queued() {
                    source.queued = true;
                    self.silenced.push(fd);
                }
            }
            // All sources are armed in another ring.
            Verdict::Lost => self.lose_ring(),
            Verdict::Tell(seen) => {
                events.push(source.registration.event(seen));
                if source.is_to_be_queued() {
                    source.queued = true;
                    self.queue.push(fd);
                }
            }
            Verdict::Dead => {
                events.push(source.registration.event(Readiness::ERROR));
                self.sources.remove(fd);
            }
        }
    }

    /// The bell's completions, and those of polls that were cancelled.
    fn complete_unknown(&mut self, completion: &Completion, events: &mut Events) {
        if completion.data == BELL {
            self.bell_is_armed = completion.more;
            if completion.bits() == Err(libc::ECANCELED) {
                self.lose_ring();
            }
            if self.wake.take() {
                events.set_woken();
            }
        } else if source::is_of_poll(completion.data) {
            // Its last completion says that the poll is gone.
            self.doomed -= usize::from(!completion.more);
        }
    }

    fn lose_ring(&mut self) {
        self.bell_is_armed = false;
        self.ring.lose();
    }

    /// Waits with a timeout, which a wait without one shall not have to ask about.
    #[inline(never)]
    fn wait_for(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.wait_in_ring(events, timeout)
    }

    #[inline(always)]
    fn wait_in_ring(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let deadline = Deadline::after(timeout.filter(|timeout| !timeout.is_zero()));
        self.arm()?;
        match self.ask(events, timeout)? {
            Answer::News => Ok(()),
            other => self.ask_on(events, timeout, deadline, other),
        }
    }

    /// Goes on after an answer that was no news.
    #[cold]
    fn ask_on(
        &mut self,
        events: &mut Events,
        mut left: Option<Duration>,
        deadline: Deadline,
        mut answer: Answer,
    ) -> io::Result<()> {
        loop {
            match answer {
                Answer::News => return Ok(()),
                Answer::Moved => self.move_here()?,
                Answer::Nothing { .. } if left == Some(Duration::ZERO) => return Ok(()),
                Answer::Nothing { slept } => {
                    left = deadline.remaining();
                    if slept {
                        if left != Some(Duration::ZERO) {
                            events.set_interrupted();
                        }
                        return Ok(());
                    }
                    // What completed was not to be told.
                }
            }
            // A poll that ended is armed again.
            self.arm()?;
            answer = self.ask(events, left)?;
        }
    }

    /// Takes what is in the ring; enters the kernel if that is nothing, or not all.
    #[inline(always)]
    fn ask(&mut self, events: &mut Events, left: Option<Duration>) -> io::Result<Answer> {
        let sleeps = self.ring.is_empty() && left != Some(Duration::ZERO);
        if sleeps || self.ring.needs_kernel() {
            self.stats.wait_calls += 1;
            if self.ring.enter(u32::from(sleeps), left)? == Entered::Moved {
                return Ok(Answer::Moved);
            }
        }
        let any = self.reap(events);
        // Asked in any case, so that no overflow goes unseen.
        if self.ring.needs_kernel() && !events.is_full() {
            self.reap_the_rest(events)?;
        }
        if !self.silenced.is_empty() {
            self.look_again(events)?;
        }
        if has_news(events) {
            return Ok(Answer::News);
        }
        if self.ring.is_lost() {
            return Ok(Answer::Moved);
        }
        let slept = sleeps && !any;
        Ok(Answer::Nothing { slept })
    }

    /// Takes what completes only inside the kernel, too, as long as something does.
    #[cold]
    fn reap_the_rest(&mut self, events: &mut Events) -> io::Result<()> {
        while !events.is_full() && self.ring.needs_kernel() {
            self.stats.wait_calls += 1;
            self.ring.enter(0, None)?;
            if !self.reap(events) {
                break;
            }
        }
        Ok(())
    }

    /// Arms again what completed without an event, since it may be ready for what was
    /// asked. What was told waits for the next wait, so that it is not told twice.
    #[cold]
    fn look_again(&mut self, events: &mut Events) -> io::Result<()> {
        let mut looked = Ok(Entered::Here);
        for _ in 0..LOOKS {
            if self.silenced.is_empty() || events.is_full() {
                break;
            }
            mem::swap(&mut self.queue, &mut self.silenced);
            looked = self.try_to_arm();
            mem::swap(&mut self.queue, &mut self.silenced);
            if !matches!(looked, Ok(Entered::Here)) {
                break;
            }
            looked = self.reap_the_rest(events).map(|()| Entered::Here);
        }
        self.queue.append(&mut self.silenced);
        looked.map(drop)
    }

    /// Opens a ring for this thread and arms everything in it.
    #[cold]
    fn move_here(&mut self) -> io::Result<()> {
        self.ring = self.ring.reopen()?;
        self.stats.control_calls += Ring::CALLS_TO_OPEN;
        self.bell_is_armed = false;
        self.doomed = 0;
        self.queue.clear();
        let descriptors: Vec<_> = self.sources.descriptors().collect();
        for fd in descriptors {
            let generation = self.generations.next();
            if let Some(source) = self.sources.get_mut(fd) {
                source.forget(generation);
                source.queued = true;
                self.queue.push(fd);
            }
        }
        Ok(())
    }
}

/// What was taken from the ring in one go.
struct Taken {
    any: bool,
    /// The completion that ended it, to be looked at with care.
    aside: Option<Completion>,
}

/// Whether a wait has something to return for.
#[inline]
fn has_news(events: &Events) -> bool {
    !events.is_empty() || events.was_woken()
}

/// What was taken from the ring must be told; the kernel refuses the next wait.
#[cold]
fn refused(events: &mut Events, error: &io::Error) -> io::Result<()> {
    match has_news(events) {
        true => Ok(()),
        false => refusal::of_wait(NAME, events, error),
    }
}

#[cold]
fn not_deregistered(fd: RawFd, error: &io::Error) -> io::Error {
    let text = format!(
        "{NAME}: cannot deregister descriptor {fd}: {error}; free a descriptor, or deregister \
         in the thread that waits"
    );
    io::Error::new(error.kind(), text)
}

/// What comes of a completion that is not told as it came. Counts system calls.
#[cold]
fn complete_with_care(
    source: &mut Source,
    fd: RawFd,
    mut completion: Completion,
    overflows: u32,
    calls: &mut u64,
) -> Verdict {
    let mut ended_at = None;
    if source.is_ended_by(&completion) {
        *calls += 1;
        ended_at = (!sys::has_wait_queue(fd)).then_some(overflows);
    }
    if source.is_told_of_urgent(&completion) {
        *calls += 1;
        if !sys::has_urgent(fd) {
            completion = completion.without(Readiness::PRIORITY.0);
        }
    }
    source.complete(&completion, ended_at)
}

impl Reactor for Uring {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let fd = source.as_raw_fd();
        refusal::token(NAME, fd, token)?;
        self.sources.reserve(NAME, fd)?;
        if self.sources.get(fd).is_some() {
            return Err(refusal::already_registered(NAME, fd));
        }
        let wanted = Registration {
            token,
            interest,
            mode,
        };
        let generation = self.generations.next();
        self.sources.insert(fd, Source::new(wanted, generation));
        self.queue(fd);
        Ok(())
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let fd = source.as_raw_fd();
        refusal::token(NAME, fd, token)?;
        let Some(source) = self.sources.get_mut(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        source.want(Registration {
            token,
            interest,
            mode,
        });
        if !mem::replace(&mut source.queued, true) {
            self.queue(fd);
        }
        Ok(())
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        let fd = source.as_raw_fd();
        if self.sources.get(fd).is_none() {
            return Err(refusal::not_registered(NAME, fd));
        }
        if let Err(error) = self.let_go(fd) {
            // It is still registered, and its poll may have gone.
            self.requeue(fd);
            return Err(not_deregistered(fd, &error));
        }
        self.sources.remove(fd);
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.begin()?;
        let waited = match timeout {
            None => self.wait_in_ring(events, None),
            Some(_) => self.wait_for(events, timeout),
        };
        if let Err(error) = waited {
            refused(events, &error)?;
        }
        self.stats.count_wait(events.len());
        Ok(events.len())
    }

    fn waker(&self) -> Waker {
        self.wake.waker()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            level: Support::Emulated,
            oneshot: Support::Emulated,
            sees_dead_descriptors: true,
            rechecks_before_telling: false,
            interrupted_by_stop: true,
            ..Capabilities::FULL
        }
    }

    fn stats(&self) -> Stats {
        Stats {
            control_calls: self.stats.control_calls + self.sources.checks() + self.ring.enablings(),
            wake_calls: self.wake.calls(),
            ..self.stats
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }
}

/// Closing a ring lets go of its polls some time later; cancelling them first, now.
impl Drop for Uring {
    fn drop(&mut self) {
        if !self.ring.is_inherited() {
            // In another thread, the kernel cancels them when the ring is closed.
            let _ = self.let_all_go();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;
    use std::thread;

    /// What a race in the kernel leaves, held up here: see [`Ring::has_work`].
    #[allow(unsafe_code, reason = "a registration")]
    fn with_a_stuck_flag(uring: &mut Uring) -> io::Result<()> {
        let (mut near, far) = UnixStream::pair()?;
        let mut events = Events::with_capacity(8);
        // SAFETY: `far` is open until it has been deregistered.
        unsafe { uring.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Level)? };
        uring.ring.is_flag_stuck = true;
        assert_eq!(uring.wait(&mut events, Some(Duration::ZERO))?, 0);
        assert_eq!(uring.wait(&mut events, Some(Duration::from_millis(1)))?, 0);
        near.write_all(b"!")?;
        for _ in 0..3 {
            assert_eq!(uring.wait(&mut events, None)?, 1);
        }
        uring.waker().wake();
        uring.wait(&mut events, None)?;
        assert!(events.was_woken());
        uring.deregister(far.as_fd())
    }

    /// A buffer that is always full takes one completion per wait, and each wait cancels many.
    #[test]
    #[allow(unsafe_code, reason = "registrations")]
    fn cancelled_polls_do_not_pile_up() {
        const SOURCES: usize = 400;
        let mut uring = match Uring::new() {
            Ok(uring) => uring,
            Err(reason) => return waitset_conformance::not_checked(reason),
        };
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(b"!").unwrap();
        let sources: Vec<_> = (0..SOURCES).map(|_| far.try_clone().unwrap()).collect();
        for source in &sources {
            let source = source.as_fd();
            // SAFETY: the sources are open until the reactor has been dropped.
            unsafe { uring.register(source, Token(7), Interest::READABLE, Mode::Edge) }.unwrap();
        }
        // What is ready as it is armed comes before what is still to be run.
        // SAFETY: as above.
        unsafe { uring.register(far.as_fd(), Token(8), Interest::WRITABLE, Mode::Level) }.unwrap();
        let mut events = Events::with_capacity(1);
        for _ in 0..40 {
            assert_eq!(uring.wait(&mut events, None).unwrap(), 1);
            for source in &sources {
                let source = source.as_fd();
                uring
                    .modify(source, Token(7), Interest::READABLE, Mode::Edge)
                    .unwrap();
            }
        }
        let doomed = uring.doomed;
        let (_, done) = uring.ring.count(|completion| !completion.more);
        assert!(
            doomed - done <= cancel::MOST_DOOMED,
            "{doomed}, {done} done"
        );
        drop(uring);
    }

    /// liburing#363: a number that is used up begins anew, past the bell's.
    #[test]
    #[allow(unsafe_code, reason = "registrations")]
    fn generations_go_round_without_an_event_lost_or_misled() {
        let mut uring = match Uring::new() {
            Ok(uring) => uring,
            Err(reason) => return waitset_conformance::not_checked(reason),
        };
        uring.generations = Generations(u32::MAX - 10);
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(b"!").unwrap();
        let mut events = Events::with_capacity(8);
        for token in 0..20 {
            let token = Token(token);
            // SAFETY: `far` is open until it has been deregistered.
            let answer =
                unsafe { uring.register(far.as_fd(), token, Interest::READABLE, Mode::Edge) };
            answer.unwrap();
            assert_eq!(uring.wait(&mut events, None).unwrap(), 1);
            assert_eq!(events.as_slice()[0].token(), token);
            assert_eq!(uring.wait(&mut events, Some(Duration::ZERO)).unwrap(), 0);
            uring.waker().wake();
            uring.wait(&mut events, None).unwrap();
            assert!(events.was_woken());
            uring.deregister(far.as_fd()).unwrap();
        }
        // Two for each: registering takes one, and cancelling a poll.
        assert!(uring.generations.0 < 40, "it did not go round");
    }

    /// libuv#3980: the ring's own indices, of 32 bits, go round. Minutes long, since only
    /// as many requests get there.
    #[test]
    #[ignore = "submits four thousand million requests"]
    #[allow(unsafe_code, reason = "a registration")]
    fn the_indices_of_a_ring_go_round_without_an_event_lost() {
        const NEARLY_ROUND: u64 = (1 << 32) - 2_000;
        let mut uring = match Uring::new() {
            Ok(uring) => uring,
            Err(reason) => return waitset_conformance::not_checked(reason),
        };
        let mut made = 0;
        while made < NEARLY_ROUND {
            let count = ring::room(&uring.ring.submissions());
            for _ in 0..count {
                sys::push_nothing(&mut uring.ring.submissions());
            }
            made += count as u64;
            uring.ring.enter(0, None).unwrap();
            assert_eq!(uring.ring.completions().count(), count);
        }
        let (mut near, far) = UnixStream::pair().unwrap();
        let mut events = Events::with_capacity(8);
        // SAFETY: `far` is open until it has been deregistered.
        let answer =
            unsafe { uring.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Level) };
        answer.unwrap();
        near.write_all(b"!").unwrap();
        // A poll each, past the end and on; what nobody waits for is between them.
        for _ in 0..5_000 {
            assert_eq!(uring.wait(&mut events, None).unwrap(), 1);
            assert_eq!(events.as_slice()[0].token(), Token(7));
        }
        uring.deregister(far.as_fd()).unwrap();
    }

    #[test]
    fn a_flag_that_is_up_for_nothing_keeps_nothing_from_returning() {
        let mut uring = match Uring::new() {
            Ok(uring) => uring,
            Err(reason) => return waitset_conformance::not_checked(reason),
        };
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let outcome = with_a_stuck_flag(&mut uring);
            drop(uring);
            done.send(outcome)
        });
        let outcome = is_done.recv_timeout(Duration::from_secs(60));
        outcome.expect("it does not come to an end").unwrap();
    }
}
