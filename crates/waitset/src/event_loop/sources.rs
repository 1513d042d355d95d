//! Sources: descriptors with a callback each.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use waitset_core::{AsSource, BorrowedSource, Event, Interest, Mode, Reactor};

use super::core::{Dispatch, Handle, LocalHandle};
use super::entry::{Kind, Status, Watch};
use super::handle::removed;
use super::remote::LoopClosed;
use crate::sys;
use crate::{InsertError, Key};

/// A source that its callback may change, and the duplicate of its descriptor that is registered.
struct WatchedMut<S, F> {
    source: S,
    callback: F,
    /// Never handed out, so that it stays open for as long as it is registered.
    _registered: OwnedFd,
}

impl<State, S, F> Dispatch<State> for WatchedMut<S, F>
where
    F: FnMut(&mut State, &mut S, Event, &mut Handle<'_, State>),
{
    #[inline]
    fn run(&mut self, event: &Event, state: &mut State, local: &LocalHandle<State>) {
        let mut handle = local.as_handle_of(event.token());
        (self.callback)(state, &mut self.source, *event, &mut handle);
    }
}

/// A source and its callback.
struct Watched<S, F> {
    source: S,
    callback: F,
}

impl<State, S, F> Dispatch<State> for Watched<S, F>
where
    F: FnMut(&mut State, &S, Event, &mut Handle<'_, State>),
{
    #[inline]
    fn run(&mut self, event: &Event, state: &mut State, local: &LocalHandle<State>) {
        let mut handle = local.as_handle_of(event.token());
        (self.callback)(state, &self.source, *event, &mut handle);
    }
}

impl<State> LocalHandle<State> {
    /// Starts watching `source`, which should be non-blocking, and runs `callback` for
    /// each of its events.
    ///
    /// The callback has the source by shared reference, which is enough to read and
    /// write: `&TcpStream` is `Read` and `Write`. A source that is needed elsewhere too
    /// can be shared in an `Rc`.
    ///
    /// # Errors
    ///
    /// As [`Reactor::register`]; the source comes back in the error.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use waitset::{EventLoop, Interest, Key, Mode};
    ///
    /// let (mut near, far) = UnixStream::pair()?;
    /// let mut event_loop = EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// handle.insert(
    ///     far,
    ///     Interest::READABLE,
    ///     Mode::Level,
    ///     |bytes, mut far, event, handle| {
    ///         let mut buffer = [0; 16];
    ///         match far.read(&mut buffer) {
    ///             // The peer is gone.
    ///             Ok(0) => assert!(handle.remove(handle.key())),
    ///             Ok(count) => *bytes += count,
    ///             Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    ///         }
    ///     },
    /// )?;
    /// near.write_all(b"hello")?;
    /// drop(near);
    /// let mut bytes = 0;
    /// while !event_loop.handle().is_empty() {
    ///     event_loop.turn(&mut bytes, None)?;
    /// }
    /// assert_eq!(bytes, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn insert<S, F>(
        &self,
        source: S,
        interest: Interest,
        mode: Mode,
        callback: F,
    ) -> Result<Key, InsertError<S>>
    where
        S: AsSource + 'static,
        F: FnMut(&mut State, &S, Event, &mut Handle<'_, State>) + 'static,
    {
        let watch = match self.watch(&source, interest, mode) {
            Ok(watch) => watch,
            Err(error) => return Err(InsertError::new(source, error)),
        };
        let watched = Box::new(Watched { source, callback });
        Ok(self.0.insert_callback(Kind::Source(watch), watched))
    }

    /// Starts watching `source` like [`insert`](Self::insert), and lends it to `callback` by
    /// mutable reference.
    ///
    /// This is for types that can be read through `&mut` alone, such as
    /// [`ChildStdout`](std::process::ChildStdout), an inotify instance or a serial port, and for
    /// sources with data of their own.
    ///
    /// waitset registers a duplicate of the descriptor, which the loop owns. So the callback can do
    /// with the source what it likes. If it replaces or closes it, events continue to be those of
    /// the descriptor that was inserted, until the entry is [removed](Self::remove). The peer
    /// notices that the descriptor is closed when both are.
    ///
    /// # Errors
    ///
    /// Those of [`Reactor::register`], and `EMFILE` if there is no descriptor left for the
    /// duplicate; the source comes back in the error.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use std::process::{Command, Stdio};
    /// use waitset::{EventLoop, Interest, Mode};
    ///
    /// let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
    /// let output = child.stdout.take().expect("it is piped");
    /// waitset::set_nonblocking(&output, true)?;
    /// let mut event_loop = EventLoop::new()?;
    /// event_loop.handle().insert_mut(
    ///     output,
    ///     Interest::READABLE,
    ///     Mode::Level,
    ///     |text: &mut String, output, _, handle| {
    ///         match output.read_to_string(text) {
    ///             Ok(_) => assert!(handle.remove(handle.key())), // the end of the file
    ///             Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    ///         }
    ///     },
    /// )?;
    /// let mut text = String::new();
    /// while !event_loop.handle().is_empty() {
    ///     event_loop.turn(&mut text, None)?;
    /// }
    /// assert_eq!(text, "hello\n");
    /// child.wait()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Platform notes
    ///
    /// One more descriptor per source, and a fcntl(2) to open it (`F_DUPFD_CLOEXEC`). Error
    /// messages name the duplicate's number.
    pub fn insert_mut<S, F>(
        &self,
        source: S,
        interest: Interest,
        mode: Mode,
        callback: F,
    ) -> Result<Key, InsertError<S>>
    where
        S: AsSource + 'static,
        F: FnMut(&mut State, &mut S, Event, &mut Handle<'_, State>) + 'static,
    {
        let watch_duplicate = || {
            let duplicate = duplicate(source.as_fd())?;
            let watch = self.watch(&duplicate, interest, mode)?;
            Ok((watch, duplicate))
        };
        let (watch, _registered) = match watch_duplicate() {
            Ok(watched) => watched,
            Err(error) => return Err(InsertError::new(source, error)),
        };
        let watched = Box::new(WatchedMut {
            source,
            callback,
            _registered,
        });
        Ok(self.0.insert_callback(Kind::Source(watch), watched))
    }

    /// Registers what the next entry will own.
    pub(super) fn watch<S>(&self, source: &S, interest: Interest, mode: Mode) -> io::Result<Watch>
    where
        S: AsSource + ?Sized,
    {
        let token = self.0.entries.borrow_mut().next_key().token();
        let register = |mut reactor: &mut dyn Reactor| {
            sys::register(&mut reactor, source, token, interest, mode)
        };
        let registered = self.0.with_reactor(register).ok_or(LoopClosed(()))??;
        self.0.rouse();
        Ok(Watch {
            registered,
            interest,
            mode,
        })
    }

    /// Replaces what is asked of a source, and re-arms it. A disabled source stays
    /// disabled.
    ///
    /// # Errors
    ///
    /// `NotFound` if it has been removed, `InvalidInput` if the key is not a source's,
    /// else as [`Reactor::modify`].
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    /// use waitset::{EventLoop, Interest, Mode};
    ///
    /// let (near, _far) = UnixStream::pair()?;
    /// let mut event_loop: EventLoop<()> = EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let key = handle.insert(near, Interest::READABLE, Mode::Level, |_, _, _, _| ())?;
    /// assert_eq!(event_loop.turn(&mut (), Some(Duration::ZERO))?, 0);
    /// event_loop.handle().modify(key, Interest::WRITABLE, Mode::Level)?;
    /// assert_eq!(event_loop.turn(&mut (), None)?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn modify(&self, key: Key, interest: Interest, mode: Mode) -> io::Result<()> {
        let mut entries = self.0.entries.borrow_mut();
        let Some(entry) = entries.get_mut(key) else {
            return Err(removed(key));
        };
        let Kind::Source(Watch { registered, .. }) = entry.kind else {
            return Err(not_a_source(key));
        };
        let change = |mut reactor: &mut dyn Reactor| match entry.status {
            Status::Muted => {
                let token = key.token();
                registered.register_again(&*entry, &mut reactor, token, interest, mode)
            }
            _ => reactor.modify(registered.source(&*entry), key.token(), interest, mode),
        };
        self.0.with_reactor(change).ok_or(LoopClosed(()))??;
        self.0.rouse();
        if entry.status == Status::Muted {
            entry.status = Status::Resting;
        }
        entry.kind = Kind::Source(Watch {
            registered,
            interest,
            mode,
        });
        Ok(())
    }
}

fn duplicate(source: BorrowedSource<'_>) -> io::Result<OwnedFd> {
    source.try_clone_to_owned().map_err(|error| {
        let fd = source.as_raw_fd();
        let text = format!(
            "cannot duplicate descriptor {fd}: {error}; close others, raise the limit of open \
             files, or use insert, which takes no duplicate"
        );
        io::Error::new(error.kind(), text)
    })
}

#[cold]
fn not_a_source(key: Key) -> io::Error {
    let text = format!(
        "cannot modify {key:?}: it does not refer to a source, and only sources have an interest"
    );
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
