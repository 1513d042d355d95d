//! Sources: descriptors with a callback each.

use std::io;

use waitset_core::{AsSource, Event, Interest, Mode, Reactor};

use super::core::{Context, Dispatch, Handle, LocalHandle};
use super::entry::{Kind, Status, Watch};
use super::handle::removed;
use super::remote::LoopClosed;
use crate::sys;
use crate::{InsertError, Key};

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
    fn run(&mut self, event: &Event, context: &mut Context<'_, State>) {
        let Context { state, handle } = context;
        (self.callback)(state, &self.source, *event, handle);
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
        let token = self.0.entries.borrow_mut().next_key().token();
        let register = |mut reactor: &mut dyn Reactor| {
            sys::register(&mut reactor, &source, token, interest, mode)
        };
        let registered = match self.0.with_reactor(register) {
            Some(Ok(registered)) => registered,
            Some(Err(error)) => return Err(InsertError::new(source, error)),
            None => return Err(InsertError::new(source, LoopClosed(()).into())),
        };
        let watch = Watch {
            registered,
            interest,
            mode,
        };
        let watched = Box::new(Watched { source, callback });
        Ok(self.0.insert_callback(Kind::Source(watch), watched))
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

#[cold]
fn not_a_source(key: Key) -> io::Error {
    let text = format!(
        "cannot modify {key:?}: it refers to a channel or a hook, and only sources have an interest"
    );
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
