use std::cell::RefCell;
use std::rc::Rc;

use waitset_core::{Event, Reactor};

use super::Handle;
use super::core::Core;
use super::entry::{Dispatch, Entry, Kind, Status};
use crate::Key;

struct Hook<F>(RefCell<F>);

impl<State, R, F> Dispatch<State, R> for Hook<F>
where
    F: FnMut(&mut State, &mut Handle<'_, State, R>),
{
    fn run(
        self: Rc<Self>,
        state: &mut State,
        _event: &Event,
        handle: &mut Handle<'_, State, R>,
    ) -> usize {
        (self.0.borrow_mut())(state, handle);
        1
    }
}

impl<State, R: Reactor + 'static> Handle<'_, State, R> {
    /// Runs `callback` at the end of each turn, before the loop sleeps: the place to
    /// flush what the turn has gathered.
    ///
    /// Hooks run in the order they were added; one that is added by a hook runs from the
    /// next turn on. They can be [disabled](Self::disable) and [removed](Self::remove).
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// event_loop.handle().before_sleep(|log: &mut String, _| log.push_str("flush "));
    /// event_loop.handle().defer(|log, _| log.push_str("work "));
    /// let mut log = String::new();
    /// event_loop.turn(&mut log, Some(Duration::ZERO))?;
    /// assert_eq!(log, "work flush ");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn before_sleep<F>(&mut self, callback: F) -> Key
    where
        F: FnMut(&mut State, &mut Handle<'_, State, R>) + 'static,
    {
        let hook = Rc::new(Hook(RefCell::new(callback)));
        let key = self.core.entries.insert(Entry::new(hook, Kind::Hook));
        self.core.hooks.push(key);
        key
    }
}

/// Runs the hooks there are as it begins, and forgets those that were removed.
#[cold]
pub(super) fn run_all<State, R: Reactor + 'static>(core: &mut Core<State, R>, state: &mut State) {
    let mut some_are_gone = false;
    for position in 0..core.hooks.len() {
        let Some(entry) = core.entries.get(core.hooks[position]) else {
            some_are_gone = true;
            continue;
        };
        if entry.status == Status::Enabled {
            let callback = Rc::clone(&entry.callback);
            callback.run(state, &Event::default(), &mut Handle::new(core));
        }
    }
    if some_are_gone {
        let Core { hooks, entries, .. } = core;
        hooks.retain(|key| entries.get(*key).is_some());
    }
}
