//! What an event of a connection comes to.

use std::io;

use waitset_core::{AsSource, Event, Mode};

use super::connection::{BOTH, Shared};
use super::hearing::Heard;
use super::sys::Descriptor;
use super::{Connection, Fill, Notice};
use crate::Handle;

impl<S: AsSource + 'static> Connection<S> {
    pub(super) fn serve<State>(
        &self,
        event: Event,
        state: &mut State,
        callback: &mut impl FnMut(&mut State, &Self, Notice, &mut Handle<'_, State>),
        handle: &mut Handle<'_, State>,
    ) {
        if self.0.mode != Mode::Level {
            self.0.watch.armed.set(None); // it has been used up
        }
        self.0.is_told.set(true);
        let mut told = Told {
            connection: self,
            handle,
            filled: None,
            is_done: false,
        };
        let mut tell = |notice, handle: &mut Handle<'_, State>| {
            callback(state, self, notice, handle);
            !self.is_gone(handle)
        };
        let ended = told.exchange(event, &mut tell);
        if let Some(answer) = ended {
            self.leave(told.handle);
            tell(Notice::Closed(answer), told.handle);
        }
        told.is_done = true;
    }

    /// Has the next event go on where a panic has broken off, without waiting for the peer.
    #[cold]
    fn go_on_later<State>(&self, filled: Option<io::Result<Fill>>, handle: &mut Handle<'_, State>) {
        if self.is_gone(handle) {
            return;
        }
        let Shared {
            input,
            output,
            hearing,
            ..
        } = &*self.0;
        match filled {
            Some(Ok(Fill::EndOfFile)) => hearing.owe(Notice::EndOfFile),
            Some(Ok(Fill::LimitReached)) if input.borrow().is_full() => {
                hearing.owe(Notice::InputFull)
            }
            Some(Err(error)) => output.borrow_mut().fail(error),
            Some(Ok(_)) | None => {}
        }
        self.ask(Some(BOTH), handle);
    }
}

/// What became of one direction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    /// There was nothing to do.
    Nothing,
    Some,
    /// What there was has been read, and there may be more at any time.
    All,
    /// The callback has taken the connection out of the loop.
    Gone,
}

/// A connection whose callback runs. It is armed again when that returns, and when it
/// panics.
struct Told<'a, 'h, S: AsSource + 'static, State> {
    connection: &'a Connection<S>,
    handle: &'a mut Handle<'h, State>,
    /// What the reading came to, while the callback is told that there is more input.
    filled: Option<io::Result<Fill>>,
    /// Whether the callback has been told all there was to tell.
    is_done: bool,
}

impl<'h, S: AsSource + 'static, State> Told<'_, 'h, S, State> {
    /// Reads, writes and listens; how the connection has ended, if it has. `tell` says whether
    /// it is still there.
    fn exchange(
        &mut self,
        event: Event,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State>) -> bool,
    ) -> Option<io::Result<()>> {
        let read = match self.read(event, tell) {
            Ok(Done::All) if !event.is_writable() => return None, // nearly always
            Ok(Done::Gone) => return None,
            Ok(read) => read,
            Err(error) => return Some(Err(error)),
        };
        match (read, self.write(event, tell)) {
            (_, Ok(Done::Gone)) | (Done::All, Ok(Done::Nothing)) => None,
            (Done::Nothing, Ok(Done::Nothing)) => self.settle(true, tell),
            (_, Ok(_)) => self.settle(false, tell),
            (_, Err(error)) => Some(Err(error)),
        }
    }

    /// Is it over, or is there nothing to read and write? Then what was there to be heard?
    #[inline(never)]
    fn settle(
        &mut self,
        was_in_vain: bool,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State>) -> bool,
    ) -> Option<io::Result<()>> {
        let Shared {
            mode,
            input,
            output,
            hearing,
            ..
        } = &*self.connection.0;
        if let Some(notice) = hearing.take_owed() {
            if !tell(notice, self.handle) {
                return None;
            }
        }
        if input.borrow().is_eof() && output.borrow().is_shut_down() {
            return Some(Ok(()));
        }
        // The edge of the peer's leaving may have come with the one that was just used up.
        if (was_in_vain || *mode == Mode::Edge) && self.connection.is_idle() {
            return self.listen(tell);
        }
        None
    }

    fn listen(
        &mut self,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State>) -> bool,
    ) -> Option<io::Result<()>> {
        match self.connection.hear() {
            Heard::Gone(answer) => return Some(answer),
            Heard::Left => drop(tell(Notice::HalfClosed, self.handle)),
            Heard::Nothing => self.connection.listen_for_leaving(self.handle),
        }
        None
    }

    fn read(
        &mut self,
        event: Event,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State>) -> bool,
    ) -> io::Result<Done> {
        let Shared {
            stream,
            mode,
            input,
            output,
            is_paused,
            ..
        } = &*self.connection.0;
        // Where the last one left the stream before it had nothing more, only a read finds out: an
        // edge that was re-armed for that is one of writing if nothing is left.
        let is_due = event.is_readable() || *mode == Mode::Edge && input.borrow().has_more();
        if !is_due || is_paused.get() {
            return Ok(Done::Nothing);
        }
        let mut buffer = input.borrow_mut();
        let (had, was_eof) = (buffer.len(), buffer.is_eof());
        let mut filled = buffer.fill(Descriptor(stream.as_fd()), *mode);
        if matches!(filled, Ok(Fill::EndOfFile)) && output.borrow().has_met_reset() {
            // The socket reports an error once. A send has met it, and what is read as an end
            // after it is none.
            buffer.unread_end();
            filled = output.borrow_mut().flush(stream).map(|_| Fill::WouldBlock);
        }
        let has_read = buffer.len() > had;
        drop(buffer);
        if has_read {
            self.filled = Some(filled);
            if !tell(Notice::Received, self.handle) {
                return Ok(Done::Gone);
            }
            filled = self.filled.take().unwrap_or(Ok(Fill::WouldBlock));
        }
        let is_there = match filled? {
            Fill::WouldBlock if has_read => return Ok(Done::All),
            Fill::LimitReached if has_read && input.borrow().is_full() => {
                tell(Notice::InputFull, self.handle)
            }
            Fill::EndOfFile if !was_eof => tell(Notice::EndOfFile, self.handle),
            _ if has_read => true,
            _ => return Ok(Done::Nothing),
        };
        Ok(match is_there {
            true => Done::Some,
            false => Done::Gone,
        })
    }

    fn write(
        &mut self,
        event: Event,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State>) -> bool,
    ) -> io::Result<Done> {
        let Shared { stream, output, .. } = &*self.connection.0;
        if !event.is_writable() || output.borrow().interest().is_none() {
            return Ok(Done::Nothing);
        }
        let flushed = output.borrow_mut().flush(stream)?;
        Ok(match flushed {
            true if !tell(Notice::Flushed, self.handle) => Done::Gone,
            _ => Done::Some,
        })
    }
}

impl<S: AsSource + 'static, State> Drop for Told<'_, '_, S, State> {
    fn drop(&mut self) {
        self.connection.0.is_told.set(false);
        match self.is_done {
            true => self.connection.resume(self.handle),
            false => self.connection.go_on_later(self.filled.take(), self.handle),
        }
    }
}
