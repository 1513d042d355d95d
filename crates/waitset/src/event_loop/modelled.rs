//! std's channels as the model checker sees them.
//!
//! They promise less than std's do: a message is seen with all that its sender did before,
//! and who finds none has seen nothing. What holds here does not lean on more.

use std::cell::Cell;

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};

pub(super) use std::sync::mpsc::{SendError, TryRecvError, TrySendError};

/// How many messages a channel takes in one run of a model.
const SLOTS: usize = 6;

struct Queue<T> {
    slots: [Slot<T>; SLOTS],
    /// How many slots have been given out.
    taken: AtomicUsize,
    senders: AtomicUsize,
    is_closed: AtomicBool,
    /// How many more messages a bounded channel has room for.
    room: Mutex<usize>,
    has_room: Condvar,
}

struct Slot<T> {
    is_full: AtomicBool,
    message: Mutex<Option<T>>,
}

pub(super) struct Sender<T>(Arc<Queue<T>>);

pub(super) struct SyncSender<T>(Sender<T>);

pub(super) struct Receiver<T> {
    queue: Arc<Queue<T>>,
    next: Cell<usize>,
}

pub(super) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = sync_channel(SLOTS);
    (sender.0, receiver)
}

pub(super) fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let slot = || Slot {
        is_full: AtomicBool::new(false),
        message: Mutex::new(None),
    };
    let queue = Arc::new(Queue {
        slots: std::array::from_fn(|_| slot()),
        taken: AtomicUsize::new(0),
        senders: AtomicUsize::new(1),
        is_closed: AtomicBool::new(false),
        room: Mutex::new(bound),
        has_room: Condvar::new(),
    });
    let next = Cell::new(0);
    let receiver = Receiver {
        queue: Arc::clone(&queue),
        next,
    };
    (SyncSender(Sender(queue)), receiver)
}

impl<T> Sender<T> {
    pub(super) fn send(&self, message: T) -> Result<(), SendError<T>> {
        let Queue { slots, taken, .. } = &*self.0;
        if self.0.is_closed.load(Ordering::Acquire) {
            return Err(SendError(message));
        }
        let slot = &slots[taken.fetch_add(1, Ordering::Relaxed)];
        *slot.message.lock().unwrap() = Some(message);
        slot.is_full.store(true, Ordering::Release);
        Ok(())
    }
}

impl<T> SyncSender<T> {
    pub(super) fn send(&self, message: T) -> Result<(), SendError<T>> {
        let Queue { room, has_room, .. } = &*self.0.0;
        let mut room = room.lock().unwrap();
        while *room == 0 && !self.0.0.is_closed.load(Ordering::Acquire) {
            room = has_room.wait(room).unwrap();
        }
        *room = room.saturating_sub(1);
        drop(room);
        self.0.send(message)
    }

    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut room = self.0.0.room.lock().unwrap();
        if *room == 0 {
            return Err(TrySendError::Full(message));
        }
        *room -= 1;
        drop(room);
        self.0.send(message).map_err(TrySendError::from)
    }
}

impl<T> Receiver<T> {
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let slot = &self.queue.slots[self.next.get()];
        if !slot.is_full.load(Ordering::Acquire) {
            if self.queue.senders.load(Ordering::Acquire) > 0 {
                return Err(TryRecvError::Empty);
            }
            // The last may have sent between the two looks.
            if !slot.is_full.load(Ordering::Acquire) {
                return Err(TryRecvError::Disconnected);
            }
        }
        let message = slot.message.lock().unwrap().take();
        self.next.set(self.next.get() + 1);
        *self.queue.room.lock().unwrap() += 1;
        self.queue.has_room.notify_one();
        Ok(message.expect("a slot that is full holds a message"))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.senders.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.queue.is_closed.store(true, Ordering::Release);
        // Under the lock, so that nobody looks before and sleeps after.
        let room = self.queue.room.lock().unwrap();
        self.queue.has_room.notify_all();
        drop(room);
    }
}
