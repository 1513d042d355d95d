use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SendError, TryRecvError, TrySendError};

use waitset_core::{Event, Reactor, Waker};

use super::Handle;
use super::callbacks::{Context, Dispatch};
use super::entry::Kind;
use super::shared::mpsc::{self, Receiver};
use super::shared::{Arc, AtomicBool};
use crate::Key;

/// How many messages of one channel a turn runs: a channel that is never empty takes its
/// share and no more.
const MESSAGES_A_TURN: usize = 64;

/// Sends messages to a loop's channel from any thread; see [`Handle::channel`].
///
/// The channel's callback is told when the last clone is dropped.
pub struct Sender<T> {
    // Dropped before the bell: when the last bell rings, no sender is left.
    messages: mpsc::Sender<T>,
    bell: Arc<Bell>,
}

/// Sends messages to a loop's bounded channel from any thread; see
/// [`Handle::sync_channel`].
pub struct SyncSender<T> {
    // Dropped before the bell, as in `Sender`.
    messages: mpsc::SyncSender<T>,
    bell: Arc<Bell>,
}

/// What schedules a channel in its loop.
///
/// A sender publishes its message, then rings; the loop takes `is_scheduled` down, then
/// looks. Either the ring finds the flag down and schedules the channel, or the loop takes
/// down the flag after the ring and finds the message. Both are read-modify-writes, so the
/// one that comes second sees what the other did before.
struct Bell {
    channel: Key,
    is_scheduled: Arc<AtomicBool>,
    ring: mpsc::Sender<Key>,
    waker: Waker,
}

impl Bell {
    fn ring(&self) {
        if !self.is_scheduled.swap(true, Ordering::AcqRel) {
            // It fails if the loop is gone, which the next message finds out.
            let _ = self.ring.send(self.channel);
            self.waker.wake();
        }
    }
}

/// The last sender is gone: the loop is to find that out.
impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

impl<T> Sender<T> {
    /// Sends a message; it never blocks.
    ///
    /// # Errors
    ///
    /// If the channel or its loop is gone; the message comes back in the error.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.messages.send(message)?;
        self.bell.ring();
        Ok(())
    }
}

impl<T> SyncSender<T> {
    /// Sends a message, and blocks while the channel is full.
    ///
    /// In the loop's own thread a full channel would block for ever, as nobody else makes
    /// room: use [`try_send`](Self::try_send) there.
    ///
    /// # Errors
    ///
    /// If the channel or its loop is gone; the message comes back in the error.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        // A full channel is scheduled or about to be, by whoever filled it.
        self.messages.send(message)?;
        self.bell.ring();
        Ok(())
    }

    /// Sends a message unless the channel is full.
    ///
    /// # Errors
    ///
    /// `Full`, or `Disconnected` if the channel or its loop is gone; the message comes
    /// back in either.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.messages.try_send(message)?;
        self.bell.ring();
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            messages: self.messages.clone(),
            bell: Arc::clone(&self.bell),
        }
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        Self {
            messages: self.messages.clone(),
            bell: Arc::clone(&self.bell),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.bell.channel).finish()
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channel = &self.bell.channel;
        f.debug_tuple("SyncSender").field(channel).finish()
    }
}

impl<State, R: Reactor + 'static> Handle<'_, State, R> {
    /// Opens an unbounded channel, whose messages `callback` has one by one, and `None`
    /// once, after the last sender was dropped and every message was had.
    ///
    /// The channel is removed before that last call. A turn runs at most 64 messages of a
    /// channel, so that one that is never empty starves nobody; what it holds grows if it
    /// is sent to faster than it is served, which [`sync_channel`](Self::sync_channel)
    /// prevents.
    ///
    /// ```
    /// use std::thread;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let mut handle = event_loop.handle();
    /// let (sender, _) = handle.channel(|sum, message, handle| match message {
    ///     Some(number) => *sum += number,
    ///     None => handle.stop(),
    /// });
    /// let threads = [1, 2, 3].map(|number| {
    ///     let sender = sender.clone();
    ///     thread::spawn(move || sender.send(number))
    /// });
    /// drop(sender);
    /// let mut sum = 0;
    /// event_loop.run(&mut sum)?;
    /// assert_eq!(sum, 6);
    /// # threads.map(|thread| thread.join().unwrap().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn channel<T, F>(&mut self, callback: F) -> (Sender<T>, Key)
    where
        T: 'static,
        F: FnMut(&mut State, Option<T>, &mut Handle<'_, State, R>) + 'static,
    {
        let (sender, messages) = mpsc::channel();
        let bell = self.open_channel(messages, callback);
        let key = bell.channel;
        let messages = sender;
        (Sender { messages, bell }, key)
    }

    /// Opens a channel as [`channel`](Self::channel) does, for at most `bound` messages
    /// at a time: who sends more waits.
    ///
    /// A bound of zero counts as one, since a loop takes messages and does not meet their
    /// senders.
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let mut handle = event_loop.handle();
    /// let (sender, _) = handle.sync_channel(1, |got: &mut Vec<u8>, message, _| {
    ///     got.extend(message);
    /// });
    /// assert!(sender.try_send(7).is_ok());
    /// assert!(sender.try_send(8).is_err(), "it is full");
    /// let mut got = Vec::new();
    /// event_loop.turn(&mut got, None)?;
    /// assert_eq!(got, [7]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn sync_channel<T, F>(&mut self, bound: usize, callback: F) -> (SyncSender<T>, Key)
    where
        T: 'static,
        F: FnMut(&mut State, Option<T>, &mut Handle<'_, State, R>) + 'static,
    {
        let (sender, messages) = mpsc::sync_channel(bound.max(1));
        let bell = self.open_channel(messages, callback);
        let key = bell.channel;
        let messages = sender;
        (SyncSender { messages, bell }, key)
    }

    fn open_channel<T, F>(&mut self, messages: Receiver<T>, callback: F) -> Arc<Bell>
    where
        T: 'static,
        F: FnMut(&mut State, Option<T>, &mut Handle<'_, State, R>) + 'static,
    {
        let is_scheduled = Arc::new(AtomicBool::new(false));
        let end = End {
            messages,
            is_scheduled: Arc::clone(&is_scheduled),
            callback,
        };
        let channel = self.insert_callback(Kind::Channel, Box::new(end));
        let (ring, waker) = self.core.beside().inbox.ringer();
        Arc::new(Bell {
            channel,
            is_scheduled,
            ring,
            waker,
        })
    }
}

/// The loop's end of a channel.
struct End<T, F> {
    messages: Receiver<T>,
    is_scheduled: Arc<AtomicBool>,
    callback: F,
}

impl<State, R, T, F> Dispatch<State, R> for End<T, F>
where
    R: Reactor + 'static,
    F: FnMut(&mut State, Option<T>, &mut Handle<'_, State, R>),
{
    /// Runs messages until there is none, the bound is reached or the callback has
    /// removed or disabled the channel.
    fn run(&mut self, _event: &Event, context: &mut Context<'_, State, R>) {
        let Context { state, handle } = context;
        let mut visit = Visit {
            channel: handle.key(),
            handle,
            is_scheduled: &self.is_scheduled,
            is_over: false,
        };
        self.is_scheduled.swap(false, Ordering::AcqRel);
        for _ in 0..MESSAGES_A_TURN {
            if !visit.handle.is_enabled(visit.channel) {
                return;
            }
            let message = match self.messages.try_recv() {
                Ok(message) => Some(message),
                Err(TryRecvError::Disconnected) => None,
                Err(TryRecvError::Empty) => {
                    visit.is_over = true;
                    return;
                }
            };
            visit.handle.core.beside_mut().inbox.messages += 1;
            if message.is_none() {
                visit.is_over = true;
                visit.handle.remove(visit.channel);
            }
            (self.callback)(state, message, visit.handle);
        }
    }
}

/// Schedules a channel for the next turn unless it was found empty, also when its
/// callback panics.
struct Visit<'v, 'a, State, R> {
    handle: &'v mut Handle<'a, State, R>,
    channel: Key,
    is_scheduled: &'v AtomicBool,
    is_over: bool,
}

impl<State, R> Drop for Visit<'_, '_, State, R> {
    fn drop(&mut self) {
        // Who finds the flag down schedules: never both the loop and a sender.
        if !self.is_over && !self.is_scheduled.swap(true, Ordering::AcqRel) {
            self.handle.core.beside_mut().inbox.schedule(self.channel);
        }
    }
}
