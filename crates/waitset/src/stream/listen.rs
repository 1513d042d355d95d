//! Accepting with an event loop.

use std::time::Duration;

use waitset_core::{Interest, Mode};

use super::arm::{PAUSE, Rest, arm};
use super::{AcceptError, AcceptSource, Acceptor};
use crate::{Handle, InsertError, Key, LocalHandle};

impl<State> LocalHandle<State> {
    /// Accepts connections, and runs `callback` for each, and for each that could not be
    /// accepted.
    ///
    /// One turn of the loop accepts one [batch](Acceptor::accept_batch). While descriptors or
    /// memory have run out, the listener rests for the [backoff](Acceptor::backoff). You can
    /// [disable](Self::disable) and [remove](Self::remove) it by its key, also from within its
    /// callback, which then does not run for the rest of the batch. A listener that has
    /// [failed](AcceptError::Failed) is removed before its callback runs.
    ///
    /// # Errors
    ///
    /// Like [`insert`](Self::insert); the error returns the acceptor.
    ///
    /// ```
    /// use std::net::{TcpListener, TcpStream};
    /// use waitset::stream::Acceptor;
    /// use waitset::{EventLoop, Mode};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let mut event_loop = EventLoop::new()?;
    /// let acceptor = Acceptor::new(listener)?;
    /// let handle = event_loop.handle();
    /// handle.listen(acceptor, Mode::Level, |streams: &mut Vec<_>, accepted, handle| {
    ///     match accepted {
    ///         Ok((stream, _peer)) => streams.push(stream),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    ///     handle.stop();
    /// })?;
    /// let client = TcpStream::connect(address)?;
    /// let mut streams = Vec::new();
    /// event_loop.run(&mut streams)?;
    /// assert_eq!(streams[0].peer_addr()?, client.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn listen<L, F>(
        &self,
        acceptor: Acceptor<L>,
        mode: Mode,
        mut callback: F,
    ) -> Result<Key, InsertError<Acceptor<L>>>
    where
        L: AcceptSource + 'static,
        F: FnMut(
                &mut State,
                Result<(L::Stream, L::Peer), AcceptError<L::Peer>>,
                &mut Handle<'_, State>,
            ) + 'static,
    {
        let run = move |state: &mut State,
                        acceptor: &Acceptor<L>,
                        _event,
                        handle: &mut Handle<'_, State>| {
            let key = handle.key();
            for accepted in acceptor.accept_batch() {
                if let Err(AcceptError::Failed(_)) = accepted {
                    handle.remove(key);
                }
                callback(state, accepted, handle);
                if !handle.is_enabled(key) {
                    // Connections left in the backlog are accepted when the listener is enabled.
                    return;
                }
            }
            rest_or_rearm(acceptor, key, mode, handle);
        };
        self.insert(acceptor, Interest::READABLE, mode, run)
    }
}

fn rest_or_rearm<L, State>(
    acceptor: &Acceptor<L>,
    key: Key,
    mode: Mode,
    handle: &LocalHandle<State>,
) where
    L: AcceptSource,
{
    if let Some(pause) = acceptor.backoff() {
        // A listener has no urgent data, so this asks for silence. To disable it would be
        // undone by whoever enables it meanwhile, and the other way round. If it fails, the
        // next turn takes nothing either, and asks again.
        let _ = arm(handle, key, Interest::PRIORITY, mode, Rest::Left);
        rearm_after(pause, key, mode, handle);
    } else if mode == Mode::Oneshot || mode == Mode::Edge && acceptor.has_more() {
        rearm(key, mode, handle);
    }
}

fn rearm<State>(key: Key, mode: Mode, handle: &LocalHandle<State>) {
    if arm(handle, key, Interest::READABLE, mode, Rest::Left).is_err() {
        rearm_after(PAUSE, key, mode, handle);
    }
}

fn rearm_after<State>(pause: Duration, key: Key, mode: Mode, handle: &LocalHandle<State>) {
    handle.arm_after(pause, move |_, _, handle| rearm(key, mode, handle));
}
