use std::{fmt, io, slice};

use crate::Event;

/// The caller's bounded buffer, filled anew by every [`wait`](crate::Reactor::wait).
///
/// Events that do not fit are neither lost nor disarmed: the next wait has them. A
/// capacity of 256 measures as fast as any larger one.
///
/// ```
/// use waitset_core::Events;
///
/// let events = Events::with_capacity(256);
/// assert_eq!(events.capacity(), 256);
/// assert_eq!(events.iter().count(), 0);
/// ```
pub struct Events {
    buffer: Box<[Event]>,
    /// How many events the last wait returned, in the low half, and [`WOKEN`] and
    /// [`INTERRUPTED`]: one word, so that a wait that ends as usual stores one.
    outcome: u64,
}

/// The sign: where a count has just been stored, a compiler knows that it is not set.
const WOKEN: u64 = 1 << 63;
const INTERRUPTED: u64 = 1 << 62;

impl Events {
    /// Allocates room for `capacity` events, at twelve to sixteen bytes each.
    ///
    /// A buffer without room is allowed here and refused by `wait`.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            buffer: vec![Event::default(); capacity].into_boxed_slice(),
            outcome: 0,
        }
    }

    /// How many events one wait can return.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// How many events the last wait returned.
    #[must_use]
    pub fn len(&self) -> usize {
        self.outcome as u32 as usize
    }

    /// Whether the last wait returned no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The events of the last wait, in no particular order.
    pub fn iter(&self) -> slice::Iter<'_, Event> {
        self.as_slice().iter()
    }

    /// The events of the last wait as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[Event] {
        &self.buffer[..self.len()]
    }

    /// Whether a [`Waker`](crate::Waker) ended the last wait, or would have.
    #[must_use]
    pub fn was_woken(&self) -> bool {
        self.outcome & WOKEN != 0
    }

    /// Returns `true` if a signal handler ended the last wait (`EINTR`), or the process was
    /// stopped and continued, see
    /// [`Capabilities::interrupted_by_stop`](crate::Capabilities::interrupted_by_stop).
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.outcome & INTERRUPTED != 0
    }
}

/// For those who write a mechanism.
impl Events {
    /// Forgets what the last wait left; every `wait` begins so.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is room for no event.
    #[inline]
    pub fn begin(&mut self) -> io::Result<()> {
        self.outcome = 0;
        if self.buffer.is_empty() {
            return Err(without_room());
        }
        Ok(())
    }

    /// The whole buffer, to be filled from the front and closed with
    /// [`set_len`](Self::set_len).
    #[inline]
    pub fn buffer_mut(&mut self) -> &mut [Event] {
        &mut self.buffer
    }

    /// Declares the first `len` events of the buffer to be this wait's.
    ///
    /// # Panics
    ///
    /// Later, when the events are looked at, if `len` exceeds the capacity.
    #[inline]
    pub fn set_len(&mut self, len: usize) {
        debug_assert!(len <= self.buffer.len());
        self.outcome = self.outcome & (WOKEN | INTERRUPTED) | len as u64;
    }

    /// What [`begin`](Self::begin) and [`set_len`](Self::set_len) do for a wait that
    /// filled the buffer without either.
    #[inline]
    pub fn replace(&mut self, len: usize) {
        debug_assert!(len <= self.buffer.len());
        self.outcome = len as u64;
    }

    /// Adds one event.
    ///
    /// # Panics
    ///
    /// If the buffer [is full](Self::is_full).
    #[inline]
    pub fn push(&mut self, event: Event) {
        self.buffer[self.len()] = event;
        self.outcome += 1;
    }

    /// Whether no further event fits.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.buffer.len()
    }

    /// Records that a waker ended this wait.
    #[inline]
    pub fn set_woken(&mut self) {
        self.outcome |= WOKEN;
    }

    /// Records that a signal ended this wait.
    #[inline]
    pub fn set_interrupted(&mut self) {
        self.outcome |= INTERRUPTED;
    }
}

#[cold]
fn without_room() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the event buffer has capacity 0, so no event could ever be returned; \
         make it with Events::with_capacity(256)",
    )
}

impl<'a> IntoIterator for &'a Events {
    type Item = &'a Event;
    type IntoIter = slice::Iter<'a, Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("capacity", &self.capacity())
            .field("woken", &self.was_woken())
            .field("interrupted", &self.was_interrupted())
            .field("events", &self.as_slice())
            .finish()
    }
}
