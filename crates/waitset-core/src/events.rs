use std::{fmt, io, slice};

use crate::Event;

/// The caller's bounded buffer of events. Every [`wait`](crate::Reactor::wait) replaces its content.
///
/// Events that do not fit are neither lost nor disarmed: the next wait returns them. A capacity
/// of 256 measured as fast as any larger one.
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
    /// The number of events of the last wait in the low half, and the flags [`WOKEN`] and
    /// [`INTERRUPTED`]: one word, so that a wait that ends as usual stores one.
    outcome: u64,
}

/// The sign: where a count has just been stored, a compiler knows that it is not set.
const WOKEN: u64 = 1 << 63;
const INTERRUPTED: u64 = 1 << 62;

impl Events {
    /// Allocates a buffer for `capacity` events, 12 to 16 bytes each.
    ///
    /// A capacity of zero is allowed here, and refused by `wait`.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            buffer: vec![Event::default(); capacity].into_boxed_slice(),
            outcome: 0,
        }
    }

    /// Returns how many events one wait can return.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// Returns how many events the last wait returned.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.outcome as u32 as usize
    }

    /// Returns `true` if the last wait returned no event.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over the events of the last wait, in no particular order.
    pub fn iter(&self) -> slice::Iter<'_, Event> {
        self.as_slice().iter()
    }

    /// Returns the events of the last wait as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[Event] {
        &self.buffer[..self.len()]
    }

    /// Returns `true` if a [`ReactorWaker`](crate::ReactorWaker) ended the last wait, or would have ended it if
    /// no event had come.
    #[must_use]
    pub const fn was_woken(&self) -> bool {
        self.outcome & WOKEN != 0
    }

    /// Returns `true` if a signal handler ended the last wait (`EINTR`), or the process was
    /// stopped and continued, see
    /// [`Capabilities::interrupted_by_stop`](crate::Capabilities::interrupted_by_stop).
    #[must_use]
    pub const fn was_interrupted(&self) -> bool {
        self.outcome & INTERRUPTED != 0
    }
}

/// For mechanisms.
///
/// A wait calls [`begin`](Self::begin), adds its events with [`push`](Self::push), and notes a
/// wake or a signal:
///
/// ```
/// use waitset_core::{Event, Events, Interest, Readiness, Token};
///
/// let mut events = Events::with_capacity(2);
/// events.begin()?;
/// events.push(Event::new(Token(7), Interest::READABLE, Readiness::READABLE));
/// events.set_woken();
/// assert_eq!(events.len(), 1);
/// assert!(events.was_woken() && !events.is_full());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A mechanism whose kernel interface writes [`Event`]s uses [`buffer_mut`](Self::buffer_mut) and
/// [`set_len`](Self::set_len) instead of `push`.
impl Events {
    /// Clears the events and flags of the last wait. Every `wait` begins with it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the capacity is zero.
    #[inline]
    pub fn begin(&mut self) -> io::Result<()> {
        self.outcome = 0;
        if self.buffer.is_empty() {
            return Err(without_room());
        }
        Ok(())
    }

    /// Returns the whole buffer, to fill from the front and to finish with
    /// [`set_len`](Self::set_len).
    #[inline]
    pub fn buffer_mut(&mut self) -> &mut [Event] {
        &mut self.buffer
    }

    /// Makes the first `len` events of the buffer those of this wait.
    ///
    /// # Panics
    ///
    /// Later, when the events are read, if `len` exceeds the capacity.
    #[inline]
    pub fn set_len(&mut self, len: usize) {
        debug_assert!(len <= self.buffer.len());
        self.outcome = self.outcome & (WOKEN | INTERRUPTED) | len as u64;
    }

    /// Does what [`begin`](Self::begin) and [`set_len`](Self::set_len) do, for a wait that filled
    /// the buffer without calling `begin`.
    #[inline]
    pub fn replace(&mut self, len: usize) {
        debug_assert!(len <= self.buffer.len());
        self.outcome = len as u64;
    }

    /// Adds one event.
    ///
    /// # Panics
    ///
    /// Panics if the buffer [is full](Self::is_full).
    #[inline]
    pub fn push(&mut self, event: Event) {
        self.buffer[self.len()] = event;
        self.outcome += 1;
    }

    /// Returns `true` if no further event fits.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.buffer.len()
    }

    /// Records that a waker ended this wait.
    #[inline]
    pub const fn set_woken(&mut self) {
        self.outcome |= WOKEN;
    }

    /// Records that a signal ended this wait.
    #[inline]
    pub const fn set_interrupted(&mut self) {
        self.outcome |= INTERRUPTED;
    }
}

#[cold]
fn without_room() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "cannot wait: the event buffer has capacity 0; \
         create it with Events::with_capacity(256)",
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
