//! The input of a connection while it is borrowed.

use std::cell::RefMut;
use std::ops::{Deref, DerefMut};

use waitset_core::AsSource;

use super::{Connection, ReadBuffer};
use crate::Handle;

/// What was read and is not consumed. Whatever else can be done to the connection takes the
/// handle, which this keeps for as long as it lives.
pub(super) struct Input<'a, 'h, S: AsSource + 'static, State> {
    // Dropped in this order: the reading resumes by what has been consumed.
    buffer: RefMut<'a, ReadBuffer>,
    _resume: Resume<'a, 'h, S, State>,
}

struct Resume<'a, 'h, S: AsSource + 'static, State> {
    connection: &'a Connection<S>,
    handle: &'a mut Handle<'h, State>,
}

impl<'a, 'h, S: AsSource + 'static, State> Input<'a, 'h, S, State> {
    pub(super) fn new(connection: &'a Connection<S>, handle: &'a mut Handle<'h, State>) -> Self {
        Self {
            buffer: connection.0.input.borrow_mut(),
            _resume: Resume { connection, handle },
        }
    }
}

impl<S: AsSource + 'static, State> Deref for Input<'_, '_, S, State> {
    type Target = ReadBuffer;

    fn deref(&self) -> &ReadBuffer {
        &self.buffer
    }
}

impl<S: AsSource + 'static, State> DerefMut for Input<'_, '_, S, State> {
    fn deref_mut(&mut self) -> &mut ReadBuffer {
        &mut self.buffer
    }
}

impl<S: AsSource + 'static, State> Drop for Resume<'_, '_, S, State> {
    fn drop(&mut self) {
        self.connection.resume(self.handle);
    }
}
