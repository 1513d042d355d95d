//! What an event of a connection comes to.

use std::io;

use waitset_core::{AsSource, Event, Mode, Reactor};

use super::connection::Shared;
use super::hearing::Heard;
use super::sys::Descriptor;
use super::{Connection, Filled, Notice};
use crate::Handle;

impl<S: AsSource + 'static> Connection<S> {
    pub(super) fn serve<State, R: Reactor + 'static>(
        &self,
        event: Event,
        state: &mut State,
        callback: &mut impl FnMut(&mut State, &Self, Notice, &mut Handle<'_, State, R>),
        handle: &mut Handle<'_, State, R>,
    ) {
        if self.0.mode != Mode::Level {
            self.0.armed.set(None); // it has been used up
        }
        self.0.is_told.set(true);
        let mut told = Told {
            connection: self,
            handle,
        };
        let mut tell = |notice, handle: &mut Handle<'_, State, R>| {
            callback(state, self, notice, handle);
            !self.is_gone(handle)
        };
        let ended = told.exchange(event, &mut tell);
        if let Some(answer) = ended {
            told.handle.remove(self.key());
            tell(Notice::Closed(answer), told.handle);
        }
    }
}

/// A connection whose callback runs. It is armed again when that returns, and when it
/// panics.
struct Told<'a, 'h, S: AsSource + 'static, State, R: Reactor + 'static> {
    connection: &'a Connection<S>,
    handle: &'a mut Handle<'h, State, R>,
}

impl<'h, S: AsSource + 'static, State, R: Reactor + 'static> Told<'_, 'h, S, State, R> {
    /// Reads, writes and listens; how the connection has ended, if it has. `tell` says whether
    /// it is still there.
    fn exchange(
        &mut self,
        event: Event,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State, R>) -> bool,
    ) -> Option<io::Result<()>> {
        let connection = self.connection;
        if connection.is_idle() {
            return self.listen(tell);
        }
        let is_there = match self.read(event, tell) {
            Ok(true) => self.write(event, tell),
            gone => gone,
        };
        match is_there {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        let Shared {
            mode,
            input,
            output,
            ..
        } = &*connection.0;
        if input.borrow().has_ended() && output.borrow().is_finished() {
            return Some(Ok(()));
        }
        // The edge of the peer's leaving may have come with the one that was just used up.
        if *mode == Mode::Edge && connection.is_idle() {
            return self.listen(tell);
        }
        None
    }

    fn listen(
        &mut self,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State, R>) -> bool,
    ) -> Option<io::Result<()>> {
        match self.connection.hear() {
            Heard::Gone(answer) => return Some(answer),
            Heard::Left => drop(tell(Notice::Left, self.handle)),
            Heard::Nothing => self.connection.listen_for_leaving(self.handle),
        }
        None
    }

    fn read(
        &mut self,
        event: Event,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State, R>) -> bool,
    ) -> io::Result<bool> {
        if !event.is_readable() {
            return Ok(true);
        }
        let Shared {
            stream,
            mode,
            input,
            output,
            ..
        } = &*self.connection.0;
        let (had, has_ended) = (input.borrow().len(), input.borrow().has_ended());
        let mut filled = input.borrow_mut().fill(Descriptor(stream.as_fd()), *mode);
        if matches!(filled, Ok(Filled::Ended)) && output.borrow().has_met_reset() {
            // The socket tells an error once. A send was told, and what is read as an end
            // after it is none.
            input.borrow_mut().unread_end();
            filled = output.borrow_mut().flush(stream).map(|_| Filled::Drained);
        }
        if input.borrow().len() > had {
            if !tell(Notice::Received, self.handle) {
                return Ok(false);
            }
            if input.borrow().is_full() && !tell(Notice::Full, self.handle) {
                return Ok(false);
            }
        }
        match filled? {
            Filled::Ended if !has_ended => Ok(tell(Notice::Ended, self.handle)),
            _ => Ok(true),
        }
    }

    fn write(
        &mut self,
        event: Event,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State, R>) -> bool,
    ) -> io::Result<bool> {
        let Shared { stream, output, .. } = &*self.connection.0;
        if !event.is_writable() || output.borrow().interest().is_none() {
            return Ok(true);
        }
        let flushed = output.borrow_mut().flush(stream);
        match flushed? {
            true => Ok(tell(Notice::Drained, self.handle)),
            false => Ok(true),
        }
    }
}

impl<S: AsSource + 'static, State, R: Reactor + 'static> Drop for Told<'_, '_, S, State, R> {
    fn drop(&mut self) {
        self.connection.0.is_told.set(false);
        self.connection.resume(self.handle);
    }
}
