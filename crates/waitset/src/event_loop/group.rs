//! Groups: one value with several sources, timers, channels and hooks, behind one key.

use std::io;
use std::mem;

use super::callbacks::Change;
use super::core::{Core, Handle, LocalHandle};
use super::entry::{Kind, Member};
use super::hook::Hook;
use super::remote::LoopClosed;
use super::timers::NEVER;
use crate::{InsertError, Key};

/// A value that brings several sources, timers or channels into an
/// [`EventLoop`](crate::EventLoop), which [`LocalHandle::insert_group`] inserts with one call.
///
/// It needs nothing but the public methods of [`LocalHandle`], so it can come from any crate. What
/// its callbacks share is best kept in an `Rc`, and so is a descriptor: an `Rc<UnixStream>` is a
/// source.
///
/// ```
/// use std::io::{self, ErrorKind, Read, Write};
/// use std::os::unix::net::UnixStream;
/// use std::rc::Rc;
/// use std::time::Duration;
/// use waitset::{EventLoop, EventSource, Interest, Key, LocalHandle, Mode};
///
/// /// A stream that is removed when nothing has arrived for a while.
/// struct IdleStream<F> {
///     stream: Rc<UnixStream>,
///     limit: Duration,
///     received: F,
/// }
///
/// impl<State, F> EventSource<State> for IdleStream<F>
/// where
///     State: 'static,
///     F: FnMut(&mut State, &[u8]) + Clone + 'static,
/// {
///     fn register(&mut self, group: Key, handle: &LocalHandle<State>) -> io::Result<()> {
///         let timer = handle.arm_after(self.limit, move |_, _, handle| {
///             handle.remove(group);
///         });
///         let (limit, mut received) = (self.limit, self.received.clone());
///         handle.insert(
///             Rc::clone(&self.stream),
///             Interest::READABLE,
///             Mode::Level,
///             move |state, stream, _, handle| {
///                 let mut buffer = [0; 1024];
///                 match (&**stream).read(&mut buffer) {
///                     Err(error) if error.kind() == ErrorKind::WouldBlock => {}
///                     Ok(0) | Err(_) => drop(handle.remove(group)),
///                     Ok(count) => {
///                         handle.reset_after(timer, limit);
///                         received(state, &buffer[..count]);
///                     }
///                 }
///             },
///         )?;
///         Ok(())
///     }
/// }
///
/// let (near, mut far) = UnixStream::pair()?;
/// near.set_nonblocking(true)?;
/// let mut event_loop = EventLoop::new()?;
/// event_loop.handle().insert_group(IdleStream {
///     stream: Rc::new(near),
///     limit: Duration::from_millis(10),
///     received: |text: &mut Vec<u8>, bytes: &[u8]| text.extend(bytes),
/// })?;
/// far.write_all(b"hello")?;
/// let mut text = Vec::new();
/// while !event_loop.handle().is_empty() {
///     event_loop.turn(&mut text, None)?;
/// }
/// assert_eq!(text, b"hello");
/// assert_eq!(far.read(&mut [0])?, 0, "it was closed");
/// # Ok::<(), io::Error>(())
/// ```
pub trait EventSource<State> {
    /// Inserts the sources, channels and hooks of this value, and arms its timers.
    ///
    /// All that is inserted or armed through `handle`, or another handle of the same loop, before
    /// this returns is a member of the group. `group` is the key that removes, disables and enables
    /// all of them; a callback can keep it.
    ///
    /// # Errors
    ///
    /// Any error, usually that of a member that could not be inserted. The members there are by then
    /// are removed.
    fn register(&mut self, group: Key, handle: &LocalHandle<State>) -> io::Result<()>;
}

impl<State> LocalHandle<State> {
    /// Inserts a value with all that it brings. Returns the key of the group.
    ///
    /// [`remove`](Self::remove) with that key removes and cancels all members, and drops the value.
    /// [`disable`](Self::disable) disables all members and stops their timers;
    /// [`enable`](Self::enable) undoes that, and a timer that was due in between fires in the next
    /// turn. Members can also be changed one by one, with their own keys. A timer that is reset
    /// while its group is disabled runs again.
    ///
    /// The group counts as an entry of its own in [`len`](Self::len). If a group is inserted while
    /// another one registers, it is a member of that one.
    ///
    /// # Errors
    ///
    /// That of [`EventSource::register`], after the members that had been inserted by then were
    /// removed; `BrokenPipe` if the loop was dropped. The value comes back in the error.
    ///
    /// [`EventSource`] has an example.
    pub fn insert_group<S>(&self, mut source: S) -> Result<Key, InsertError<S>>
    where
        S: EventSource<State> + 'static,
    {
        if self.0.is_closed() {
            return Err(InsertError::new(source, LoopClosed(()).into()));
        }
        let key = self.0.insert_callback(
            Kind::Group,
            Box::new(Hook(|_: &mut State, _: &mut Handle<'_, State>| ())),
        );
        let mut registering = Registering {
            local: self,
            key,
            outer: self.0.members.replace(Some(Vec::new())),
            is_done: false,
        };
        if let Err(error) = source.register(key, self) {
            drop(registering);
            return Err(InsertError::new(source, error));
        }
        registering.is_done = true;
        drop(registering);
        if self.contains(key) {
            // Nothing comes for a group: its callback only owns the value.
            let owner = move |_: &mut State, _: &mut Handle<'_, State>| {
                let _ = &source;
            };
            self.0.change(Change::Insert(key, Box::new(Hook(owner))));
        }
        Ok(key)
    }

    pub(super) fn remove_group(&self, key: Key) -> bool {
        let members = self.0.groups.borrow_mut().remove(&key);
        let mut left = Vec::new();
        for member in members.unwrap_or_default() {
            match member {
                Member::Entry(entry) if !self.remove(entry) && self.contains(entry) => {
                    left.push(member);
                }
                Member::Entry(_) => {}
                Member::Timer { timer, .. } => {
                    self.cancel(timer);
                }
            }
        }
        if !left.is_empty() {
            // The reactor cannot let go of a source.
            self.0.groups.borrow_mut().insert(key, left);
            return false;
        }
        let was_there = self.0.entries.borrow_mut().remove(key).is_some();
        if was_there {
            self.0.remove_callback(key);
        }
        was_there
    }

    pub(super) fn disable_members(&self, key: Key) {
        self.change_members(key, |member| match member {
            Member::Entry(entry) => {
                self.disable(*entry);
            }
            Member::Timer { timer, stopped } => {
                let timers = &mut self.0.schedule.borrow_mut().timers;
                if let (None, Some(deadline)) = (*stopped, timers.deadline(timer.0)) {
                    *stopped = Some(deadline);
                    timers.reset(timer.0, NEVER);
                }
            }
        });
    }

    pub(super) fn enable_members(&self, key: Key) -> io::Result<()> {
        let mut enabled = Ok(());
        self.change_members(key, |member| match member {
            _ if enabled.is_err() => {}
            Member::Entry(entry) if self.contains(*entry) => enabled = self.enable(*entry),
            Member::Entry(_) => {}
            Member::Timer { timer, stopped } => {
                if let Some(deadline) = stopped.take() {
                    self.0.set_has_more(true);
                    let timers = &mut self.0.schedule.borrow_mut().timers;
                    // One that was reset since then has a deadline of its own.
                    if timers.deadline(timer.0) == Some(NEVER) {
                        timers.reset(timer.0, deadline);
                    }
                }
            }
        });
        if enabled.is_err() {
            self.disable_members(key);
        }
        enabled
    }

    /// Changes each member with nothing borrowed, since a member can be a group.
    fn change_members(&self, key: Key, change: impl FnMut(&mut Member)) {
        let members = self.0.groups.borrow_mut().remove(&key);
        if let Some(mut members) = members {
            members.iter_mut().for_each(change);
            self.0.groups.borrow_mut().insert(key, members);
        }
    }
}

impl<State> Core<State> {
    /// Notes a member of the group that registers, if one does.
    pub(super) fn note_member(&self, member: Member) {
        if let Some(members) = &mut *self.members.borrow_mut() {
            members.push(member);
        }
    }
}

/// A group whose value registers its members. Dropping it ends that, and removes the group unless
/// all went well, also in a panic.
struct Registering<'a, State> {
    local: &'a LocalHandle<State>,
    key: Key,
    /// The members so far of the group of which this one is a member.
    outer: Option<Vec<Member>>,
    is_done: bool,
}

impl<State> Drop for Registering<'_, State> {
    fn drop(&mut self) {
        let core = &self.local.0;
        let members = core.members.replace(mem::take(&mut self.outer));
        if core.is_closed() {
            return;
        }
        core.groups
            .borrow_mut()
            .insert(self.key, members.unwrap_or_default());
        if !self.is_done || !self.local.contains(self.key) {
            self.local.remove_group(self.key);
        }
    }
}
