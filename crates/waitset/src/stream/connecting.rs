//! Connecting with an event loop: a deadline, and one callback for every end.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::{AsSource, Interest, Mode};

use super::arm::PAUSE;
use super::{connect_tcp, connect_unix, is_connected};
use crate::{Handle, Key, LocalHandle, TimerKey};

impl<State> LocalHandle<State> {
    /// Connects to `address` and runs `callback` once, with a non-blocking stream or with the
    /// reason why there is none: `TimedOut` when `timeout` has expired.
    ///
    /// The callback never runs before this returns, but in this turn or in a later one.
    /// `Duration::MAX` leaves the deadline to the kernel, which gives up after about two minutes
    /// (`tcp_syn_retries` in tcp(7)).
    ///
    /// ```
    /// use std::net::TcpListener;
    /// use std::time::Duration;
    /// use waitset::EventLoop;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let mut event_loop = EventLoop::new()?;
    /// let limit = Duration::from_secs(5);
    /// event_loop.handle().connect_tcp(address, limit, |answer, stream, handle| {
    ///     *answer = Some(stream);
    ///     handle.stop();
    /// });
    /// let mut answer = None;
    /// event_loop.run(&mut answer)?;
    /// assert_eq!(answer.unwrap()?.peer_addr()?, address);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_tcp<F>(&self, address: SocketAddr, timeout: Duration, callback: F)
    where
        F: FnOnce(&mut State, io::Result<TcpStream>, &mut Handle<'_, State>) + 'static,
    {
        let name = address.to_string();
        let begin = move || connect_tcp(address);
        attempt(self, Plan::new(name, begin, timeout, callback));
    }

    /// Connects to the listener at `path`, like [`connect_tcp`](Self::connect_tcp).
    ///
    /// While the listener's backlog is full it tries again, first after a millisecond and then
    /// less and less often, at least every 10 ms, until `timeout` has expired.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let (path, limit) = ("/nobody/listens/here", Duration::from_secs(5));
    /// event_loop.handle().connect_unix(path, limit, |answer, stream, handle| {
    ///     *answer = Some(stream);
    ///     handle.stop();
    /// });
    /// let mut answer = None;
    /// event_loop.run(&mut answer)?;
    /// assert_eq!(answer.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_unix<F>(&self, path: impl AsRef<Path>, timeout: Duration, callback: F)
    where
        F: FnOnce(&mut State, io::Result<UnixStream>, &mut Handle<'_, State>) + 'static,
    {
        let path = path.as_ref().to_owned();
        let name = path.display().to_string();
        let begin = move || connect_unix(&path);
        attempt(self, Plan::new(name, begin, timeout, callback));
    }
}

/// What is to be connected, until when, and whom to tell.
struct Plan<B, F> {
    name: String,
    begin: B,
    start: Instant,
    timeout: Duration,
    /// Before the next try, if there has to be one.
    pause: Duration,
    callback: F,
}

/// The first and the longest pause between two tries at a full backlog.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

impl<B, F> Plan<B, F> {
    fn new(name: String, begin: B, timeout: Duration, callback: F) -> Self {
        Self {
            name,
            begin,
            start: Instant::now(),
            timeout,
            pause: FIRST_PAUSE,
            callback,
        }
    }

    /// How long it may still take.
    fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.start.elapsed())
    }

    #[cold]
    fn too_late(&self, why: &str) -> io::Error {
        let text = format!("{} {why} for {:?}, the limit set", self.name, self.timeout);
        io::Error::new(io::ErrorKind::TimedOut, text)
    }
}

/// Tries to connect. While the backlog is full, a timer tries again.
fn attempt<State, S, B, F>(handle: &LocalHandle<State>, plan: Plan<B, F>)
where
    S: AsSource + 'static,
    B: Fn() -> io::Result<S> + 'static,
    F: FnOnce(&mut State, io::Result<S>, &mut Handle<'_, State>) + 'static,
{
    let error = match (plan.begin)() {
        Ok(stream) => return watch(handle, stream, plan),
        Err(error) => error,
    };
    let left = plan.left();
    if error.kind() != io::ErrorKind::WouldBlock {
        tell(handle, plan.callback, Err(error));
    } else if left.is_zero() {
        let error = plan.too_late("has had a full backlog");
        tell(handle, plan.callback, Err(error));
    } else {
        let delay = plan.pause.min(left);
        let pause = LONGEST_PAUSE.min(2 * plan.pause);
        let mut plan = Some(Plan { pause, ..plan });
        handle.arm_after(delay, move |_, _, handle| {
            if let Some(plan) = plan.take() {
                attempt(handle, plan);
            }
        });
    }
}

/// Runs the callback later in the turn, or in the next, when nothing else runs.
fn tell<State, S, F>(handle: &LocalHandle<State>, callback: F, answer: io::Result<S>)
where
    S: 'static,
    F: FnOnce(&mut State, io::Result<S>, &mut Handle<'_, State>) + 'static,
{
    handle.defer(move |state, handle| callback(state, answer, handle));
}

/// An attempt that is under way. Its source and its timer share it.
struct UnderWay<S, B, F> {
    stream: S,
    plan: Plan<B, F>,
    timer: Cell<Option<TimerKey>>,
}

impl<S: AsFd, B, F> AsFd for UnderWay<S, B, F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Waits until the attempt has ended, or its time is over.
fn watch<State, S, B, F>(handle: &LocalHandle<State>, stream: S, plan: Plan<B, F>)
where
    S: AsSource + 'static,
    B: Fn() -> io::Result<S> + 'static,
    F: FnOnce(&mut State, io::Result<S>, &mut Handle<'_, State>) + 'static,
{
    // Those to this machine are often connected at once.
    match is_connected(&stream) {
        Ok(false) => {}
        answer => return tell(handle, plan.callback, answer.map(|_| stream)),
    }
    let left = plan.left();
    let under_way = Rc::new(UnderWay {
        stream,
        plan,
        timer: Cell::new(None),
    });
    let source = Rc::clone(&under_way);
    let inserted = handle.insert(
        source,
        Interest::WRITABLE,
        Mode::Level,
        |_: &mut State, source, _, handle| match is_connected(&source.stream) {
            Ok(false) => {} // readiness is advisory
            answer => end(handle, handle.key(), Rc::clone(source), answer.map(drop)),
        },
    );
    let key = match inserted {
        Ok(key) => key,
        Err(error) => return tell_owner(handle, under_way, Err(error.into())),
    };
    let mut late = Some(Rc::clone(&under_way));
    let timer = handle.arm_after(left, move |_, _, handle| {
        if let Some(late) = late.take() {
            let error = late.plan.too_late("has not answered");
            end(handle, key, late, Err(error));
        }
    });
    under_way.timer.set(Some(timer));
}

/// Takes an attempt out of the loop, as soon as that lets it go, and tells how it ended.
fn end<State, S, B, F>(
    handle: &LocalHandle<State>,
    key: Key,
    ended: Rc<UnderWay<S, B, F>>,
    answer: io::Result<()>,
) where
    S: AsSource + 'static,
    B: Fn() -> io::Result<S> + 'static,
    F: FnOnce(&mut State, io::Result<S>, &mut Handle<'_, State>) + 'static,
{
    if let Some(timer) = ended.timer.get() {
        handle.cancel(timer);
    }
    if handle.remove(key) || !handle.contains(key) {
        return tell_owner(handle, ended, answer);
    }
    // The mechanism cannot let go of it at the moment.
    handle.disable(key);
    let mut again = Some((ended, answer));
    handle.arm_after(PAUSE, move |_, _, handle| {
        if let Some((ended, answer)) = again.take() {
            end(handle, key, ended, answer);
        }
    });
}

/// Runs the callback when the source and the timer are gone, and nobody else has the stream.
fn tell_owner<State, S, B, F>(
    handle: &LocalHandle<State>,
    ended: Rc<UnderWay<S, B, F>>,
    answer: io::Result<()>,
) where
    S: AsSource + 'static,
    B: 'static,
    F: FnOnce(&mut State, io::Result<S>, &mut Handle<'_, State>) + 'static,
{
    handle.defer(move |state, handle| {
        let ended = Rc::into_inner(ended);
        debug_assert!(ended.is_some(), "the source or the timer is left");
        if let Some(UnderWay { stream, plan, .. }) = ended {
            (plan.callback)(state, answer.map(|()| stream), handle);
        }
    });
}
