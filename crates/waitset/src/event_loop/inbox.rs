//! What other threads have for a loop.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use waitset_core::ReactorWaker;

use super::shared::mpsc;
use crate::Key;

/// The loop's end of its remotes and of its channels' bells.
///
/// A thread publishes in a queue and then wakes; the loop looks into the queues after a
/// wait that was woken. No wake is lost: `tests/loop_model.rs` has every interleaving of
/// "publish, then wake" with a loop that is about to sleep.
pub(super) struct Inbox<P> {
    /// None when the loop has been dropped, so that posting returns an error.
    posted: RefCell<Option<mpsc::Receiver<P>>>,
    post: mpsc::Sender<P>,
    /// Channels that were sent to and are not in `scheduled` yet.
    rung: mpsc::Receiver<Key>,
    ring: mpsc::Sender<Key>,
    waker: ReactorWaker,
    /// Channels to be looked into.
    scheduled: RefCell<VecDeque<Key>>,
    /// How many messages the channel that was looked into last has run.
    messages: Cell<usize>,
    /// Whether the queues may hold something. Set by a wake and cleared only when they
    /// were found empty after it, so that what a panic or the bound leaves is not
    /// forgotten.
    has_mail: Cell<bool>,
}

impl<P> Inbox<P> {
    pub(super) fn new(waker: ReactorWaker) -> Self {
        let (post, posted) = mpsc::channel();
        let (ring, rung) = mpsc::channel();
        Self {
            posted: RefCell::new(Some(posted)),
            post,
            rung,
            ring,
            waker,
            scheduled: RefCell::default(),
            messages: Cell::new(0),
            has_mail: Cell::new(false),
        }
    }

    /// What remotes post with.
    pub(super) fn poster(&self) -> (mpsc::Sender<P>, ReactorWaker) {
        (self.post.clone(), self.waker.clone())
    }

    /// What a channel's senders ring with.
    pub(super) fn ringer(&self) -> (mpsc::Sender<Key>, ReactorWaker) {
        (self.ring.clone(), self.waker.clone())
    }

    /// A wait was woken.
    pub(super) fn note_mail(&self) {
        self.has_mail.set(true);
    }

    pub(super) fn has_mail(&self) -> bool {
        self.has_mail.get()
    }

    #[inline]
    pub(super) fn has_work(&self) -> bool {
        self.has_mail.get() || !self.scheduled.borrow().is_empty()
    }

    /// The next that was posted. If there is none, the queues have been found empty.
    pub(super) fn next_posted(&self) -> Option<P> {
        let posted = self.posted.borrow();
        let next = posted.as_ref().and_then(|posted| posted.try_recv().ok());
        if next.is_none() {
            self.has_mail.set(false);
        }
        next
    }

    pub(super) fn fetch_scheduled(&self) {
        let mut scheduled = self.scheduled.borrow_mut();
        while let Ok(channel) = self.rung.try_recv() {
            scheduled.push_back(channel);
        }
    }

    pub(super) fn schedule(&self, channel: Key) {
        self.scheduled.borrow_mut().push_back(channel);
    }

    pub(super) fn scheduled(&self) -> usize {
        self.scheduled.borrow().len()
    }

    pub(super) fn next_scheduled(&self) -> Option<Key> {
        self.messages.set(0);
        self.scheduled.borrow_mut().pop_front()
    }

    pub(super) fn count_message(&self) {
        self.messages.set(self.messages.get() + 1);
    }

    /// How many messages have been counted since [`next_scheduled`](Self::next_scheduled).
    pub(super) fn messages(&self) -> usize {
        self.messages.get()
    }

    /// Takes no more, and returns what was posted.
    #[must_use]
    pub(super) fn close(&self) -> Option<mpsc::Receiver<P>> {
        self.posted.take()
    }
}
