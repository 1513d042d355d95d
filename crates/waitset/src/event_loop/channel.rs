use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SendError, TryRecvError, TrySendError};

use waitset_core::{Event, ReactorWaker};

use super::core::{Dispatch, Handle, LocalHandle};
use super::entry::Kind;
use super::shared::mpsc::{self, Receiver};
use super::shared::{Arc, AtomicBool};
use crate::Key;

/// How many messages of one channel a turn runs: a channel that is never empty takes its
/// share and no more.
const MESSAGES_PER_TURN: usize = 64;

/// Sends messages to a channel of a loop, from any thread; see
/// [`LocalHandle::channel`] and [`LocalHandle::sync_channel`].
///
/// The channel's callback is told when the last clone is dropped.
pub struct ChannelSender<T> {
    // Dropped before the bell: when the last bell rings, no sender is left.
    messages: Messages<T>,
    bell: Arc<Bell>,
}

enum Messages<T> {
    Unbounded(mpsc::Sender<T>),
    Bounded(mpsc::SyncSender<T>),
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
    waker: ReactorWaker,
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

impl<T> ChannelSender<T> {
    /// Sends a message. If the channel is bounded and full, blocks until there is room.
    ///
    /// In the loop's own thread, a full channel would block forever, because nobody else makes
    /// room: use [`try_send`](Self::try_send) there.
    ///
    /// # Errors
    ///
    /// If the channel was removed or its loop dropped; the message comes back in the error.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        match &self.messages {
            Messages::Unbounded(messages) => messages.send(message)?,
            // A full channel is scheduled or about to be, by whoever filled it.
            Messages::Bounded(messages) => messages.send(message)?,
        }
        self.bell.ring();
        Ok(())
    }

    /// Sends a message unless the channel is full.
    ///
    /// # Errors
    ///
    /// `Full`, or `Disconnected` if the channel was removed or its loop dropped; the message
    /// comes back in either.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match &self.messages {
            Messages::Unbounded(messages) => messages.send(message)?,
            Messages::Bounded(messages) => messages.try_send(message)?,
        }
        self.bell.ring();
        Ok(())
    }
}

impl<T> Clone for ChannelSender<T> {
    fn clone(&self) -> Self {
        let messages = match &self.messages {
            Messages::Unbounded(messages) => Messages::Unbounded(messages.clone()),
            Messages::Bounded(messages) => Messages::Bounded(messages.clone()),
        };
        let bell = Arc::clone(&self.bell);
        Self { messages, bell }
    }
}

impl<T> fmt::Debug for ChannelSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channel = &self.bell.channel;
        f.debug_tuple("ChannelSender").field(channel).finish()
    }
}

impl<State> LocalHandle<State> {
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
    /// let handle = event_loop.handle();
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
    pub fn channel<T, F>(&self, callback: F) -> (ChannelSender<T>, Key)
    where
        T: 'static,
        F: FnMut(&mut State, Option<T>, &mut Handle<'_, State>) + 'static,
    {
        let (sender, messages) = mpsc::channel();
        let bell = self.open_channel(messages, callback);
        let key = bell.channel;
        let messages = Messages::Unbounded(sender);
        (ChannelSender { messages, bell }, key)
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
    /// let handle = event_loop.handle();
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
    pub fn sync_channel<T, F>(&self, bound: usize, callback: F) -> (ChannelSender<T>, Key)
    where
        T: 'static,
        F: FnMut(&mut State, Option<T>, &mut Handle<'_, State>) + 'static,
    {
        let (sender, messages) = mpsc::sync_channel(bound.max(1));
        let bell = self.open_channel(messages, callback);
        let key = bell.channel;
        let messages = Messages::Bounded(sender);
        (ChannelSender { messages, bell }, key)
    }

    fn open_channel<T, F>(&self, messages: Receiver<T>, callback: F) -> Arc<Bell>
    where
        T: 'static,
        F: FnMut(&mut State, Option<T>, &mut Handle<'_, State>) + 'static,
    {
        let is_scheduled = Arc::new(AtomicBool::new(false));
        let end = End {
            messages,
            is_scheduled: Arc::clone(&is_scheduled),
            callback,
        };
        let channel = self.0.insert_callback(Kind::Channel, Box::new(end));
        let (ring, waker) = self.0.inbox.ringer();
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

impl<State, T, F> Dispatch<State> for End<T, F>
where
    F: FnMut(&mut State, Option<T>, &mut Handle<'_, State>),
{
    /// Runs messages until there is none, the bound is reached or the callback has
    /// removed or disabled the channel.
    fn run(&mut self, event: &Event, state: &mut State, local: &LocalHandle<State>) {
        let handle = &mut local.as_handle_of(event.token());
        let mut visit = Visit {
            channel: handle.key(),
            handle,
            is_scheduled: &self.is_scheduled,
            is_over: false,
        };
        self.is_scheduled.swap(false, Ordering::AcqRel);
        for _ in 0..MESSAGES_PER_TURN {
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
            visit.handle.0.inbox.count_message();
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
struct Visit<'v, 'a, State> {
    handle: &'v mut Handle<'a, State>,
    channel: Key,
    is_scheduled: &'v AtomicBool,
    is_over: bool,
}

impl<State> Drop for Visit<'_, '_, State> {
    fn drop(&mut self) {
        // Who finds the flag down schedules: never both the loop and a sender.
        if !self.is_over && !self.is_scheduled.swap(true, Ordering::AcqRel) {
            self.handle.0.set_has_more(true);
            self.handle.0.inbox.schedule(self.channel);
        }
    }
}
