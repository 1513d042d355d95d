//! What the loop watches a connection for: a function of its two buffers.

use std::io;
use std::rc::Rc;

use waitset_core::{AsSource, Interest, Mode};

use super::arm::{PAUSE, Rest, arm};
use super::connection::{BOTH, Shared, Watch};
use super::{Connection, ReadBuffer};
use crate::LocalHandle;

impl<S> Connection<S> {
    /// What to ask for that would not be reported by itself.
    #[inline]
    pub(super) fn wanted(&self) -> Option<Interest> {
        let Shared { input, output, .. } = &*self.0;
        let Ok(input) = input.try_borrow() else {
            // It is lent out, and asked about again when it is returned.
            return self.0.watch.armed.get();
        };
        let output = output.borrow();
        let (reading, writing) = (input.interest(), output.interest());
        if self.holds_back(&input) {
            return writing;
        }
        match (reading, writing) {
            // Both halves are closed, which is an event.
            (None, None) if input.is_eof() && output.is_shut_down() => Some(BOTH),
            _ if self.0.mode == Mode::Edge => {
                let is_narrowed = self.0.watch.registered.get() != Some(BOTH);
                let is_cut_short = input.has_more() && reading.is_some();
                (is_narrowed || is_cut_short || output.has_failed()).then_some(BOTH)
            }
            (None, None) => self.lifeline(),
            (Some(reading), Some(writing)) => Some(reading | writing),
            (reading, writing) => reading.or(writing),
        }
    }

    /// Whether there may be something to read that is not to be read.
    #[inline]
    pub(super) fn holds_back(&self, input: &ReadBuffer) -> bool {
        self.0.is_paused.get() && !input.is_eof()
    }

    /// Whether nothing has to be done for the source to be silent.
    fn is_silent(&self) -> bool {
        let Watch {
            armed, registered, ..
        } = &self.0.watch;
        match self.0.mode {
            Mode::Level => registered.get().is_none(),
            Mode::Oneshot => armed.get().is_none(),
            // Its edges are few, unless they report what is not to be read.
            Mode::Edge => {
                let input = self.0.input.try_borrow();
                registered.get().is_none() || !input.is_ok_and(|input| self.holds_back(&input))
            }
        }
    }
}

impl<S: AsSource + 'static> Connection<S> {
    /// Asks for what the buffers have become ready for, unless its callback runs, after which
    /// that is done anyway.
    #[inline]
    pub(super) fn resume<State>(&self, handle: &LocalHandle<State>) {
        if self.0.is_told.get() {
            return;
        }
        let wanted = self.wanted();
        if wanted == self.0.watch.armed.get() && (wanted.is_some() || self.0.mode == Mode::Level) {
            return; // nearly always
        }
        self.change(wanted, handle);
    }

    #[inline(never)]
    fn change<State>(&self, wanted: Option<Interest>, handle: &LocalHandle<State>) {
        if self.is_gone(handle) || wanted.is_none() && self.is_silent() {
            return;
        }
        self.ask(wanted, handle);
        if wanted.is_none_or(|wanted| wanted == Interest::PRIORITY) {
            self.listen_for_leaving(handle);
        }
    }

    /// Asks for this, or if that fails, a little later for what is wanted then.
    #[inline(never)]
    pub(super) fn ask<State>(&self, wanted: Option<Interest>, handle: &LocalHandle<State>) {
        let Watch {
            armed, registered, ..
        } = &self.0.watch;
        match self.try_ask(wanted, handle) {
            Ok(()) => {
                armed.set(wanted);
                registered.set(wanted);
            }
            Err(_) => self.ask_later(handle),
        }
    }

    fn try_ask<State>(
        &self,
        wanted: Option<Interest>,
        handle: &LocalHandle<State>,
    ) -> io::Result<()> {
        let key = self.key();
        let Some(interest) = wanted else {
            handle.disable(key);
            return Ok(());
        };
        let rest = match self.0.watch.registered.get() {
            None => Rest::Ended,
            Some(_) => Rest::Left,
        };
        arm(handle, key, interest, self.0.mode, rest)
    }

    #[cold]
    fn ask_later<State>(&self, handle: &LocalHandle<State>) {
        if self.0.watch.asks_later.replace(true) {
            return;
        }
        let own = Rc::downgrade(&self.0);
        handle.arm_after(PAUSE, move |_, _, handle| {
            if let Some(shared) = own.upgrade() {
                shared.watch.asks_later.set(false);
                Self(shared).resume(handle);
            }
        });
    }

    /// Stops reading: nothing is read, and no event comes for the input, until
    /// [`resume_reading`](Self::resume_reading) is called.
    ///
    /// What the peer sends waits in the kernel, whose buffers fill up, and in the end the peer
    /// waits too. Input that has been read before stays, and can be consumed. Writing continues.
    ///
    /// An end or a reset of the peer is noticed when the reading is resumed, or when sending
    /// fails. So a connection that stays paused can outlive its peer. After
    /// [`EndOfFile`](super::Notice::EndOfFile), pausing has no effect.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    /// use waitset::stream::Notice;
    /// use waitset::{EventLoop, Mode};
    ///
    /// let (near, mut far) = UnixStream::pair()?;
    /// let mut event_loop = EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let near = handle.insert_stream(near, Mode::Level, |lines, connection, notice, handle| {
    ///     if let Notice::Received = notice {
    ///         *lines += 1;
    ///         connection.take_line(handle);
    ///     }
    /// })?;
    /// near.pause_reading(&handle);
    /// far.write_all(b"hello\n")?;
    /// let mut lines = 0;
    /// event_loop.turn(&mut lines, Some(Duration::ZERO))?;
    /// assert_eq!(lines, 0);
    /// near.resume_reading(&event_loop.handle());
    /// event_loop.turn(&mut lines, None)?;
    /// assert_eq!(lines, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "backpressure")]
    pub fn pause_reading<State>(&self, handle: &LocalHandle<State>) {
        self.0.is_paused.set(true);
        self.resume(handle);
    }

    /// Continues reading after [`pause_reading`](Self::pause_reading). What has arrived since is
    /// reported in every mode.
    pub fn resume_reading<State>(&self, handle: &LocalHandle<State>) {
        self.0.is_paused.set(false);
        self.resume(handle);
    }
}
