//! The input of a connection while it is borrowed.

use std::cell::RefMut;
use std::ops::{Deref, DerefMut};

use waitset_core::{AsSource, Reactor};

use super::{Connection, ReadBuffer};
use crate::Handle;

/// What was read and is not consumed. Whatever else can be done to the connection takes the
/// handle, which this keeps for as long as it lives.
pub(super) struct Input<'a, 'h, S: AsSource + 'static, State, R: Reactor + 'static> {
    // Dropped in this order: the reading resumes by what has been consumed.
    buffer: RefMut<'a, ReadBuffer>,
    _resume: Resume<'a, 'h, S, State, R>,
}

struct Resume<'a, 'h, S: AsSource + 'static, State, R: Reactor + 'static> {
    connection: &'a Connection<S>,
    handle: &'a mut Handle<'h, State, R>,
}

impl<'a, 'h, S: AsSource + 'static, State, R: Reactor + 'static> Input<'a, 'h, S, State, R> {
    pub(super) fn new(connection: &'a Connection<S>, handle: &'a mut Handle<'h, State, R>) -> Self {
        Self {
            buffer: connection.0.input.borrow_mut(),
            _resume: Resume { connection, handle },
        }
    }
}

impl<S: AsSource + 'static, State, R: Reactor + 'static> Deref for Input<'_, '_, S, State, R> {
    type Target = ReadBuffer;

    fn deref(&self) -> &ReadBuffer {
        &self.buffer
    }
}

impl<S: AsSource + 'static, State, R: Reactor + 'static> DerefMut for Input<'_, '_, S, State, R> {
    fn deref_mut(&mut self) -> &mut ReadBuffer {
        &mut self.buffer
    }
}

impl<S: AsSource + 'static, State, R: Reactor + 'static> Drop for Resume<'_, '_, S, State, R> {
    fn drop(&mut self) {
        self.connection.resume(self.handle);
    }
}
