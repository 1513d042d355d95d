use waitset_core::Event;

use super::core::{Dispatch, Handle, LocalHandle};
use super::entry::Kind;
use crate::Key;

pub(super) struct Hook<F>(pub(super) F);

impl<State, F> Dispatch<State> for Hook<F>
where
    F: FnMut(&mut State, &mut Handle<'_, State>),
{
    fn run(&mut self, event: &Event, state: &mut State, local: &LocalHandle<State>) {
        (self.0)(state, &mut local.as_handle_of(event.token()));
    }
}

impl<State> LocalHandle<State> {
    /// Runs `callback` at the end of each turn, before the loop sleeps: the place to
    /// flush what the turn has gathered.
    ///
    /// Hooks run in the order in which they were added; one that is added by a hook runs from
    /// the next turn on. They can be [disabled](Self::disable) and [removed](Self::remove).
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
    pub fn before_sleep<F>(&self, callback: F) -> Key
    where
        F: FnMut(&mut State, &mut Handle<'_, State>) + 'static,
    {
        let key = self.0.insert_callback(Kind::Hook, Box::new(Hook(callback)));
        if self.0.entries.borrow().get(key).is_some() {
            self.0.set_has_more(true);
            self.0.hooks.borrow_mut().push(key);
        }
        key
    }

    /// Runs the hooks there are as it begins, and forgets those that were removed.
    #[inline]
    pub(super) fn run_hooks(&self, state: &mut State) {
        if !self.0.hooks.borrow().is_empty() {
            self.run_all_hooks(state);
        }
    }

    #[inline(never)]
    fn run_all_hooks(&self, state: &mut State) {
        let count = self.0.hooks.borrow().len();
        for position in 0..count {
            let key = self.0.hooks.borrow()[position];
            self.dispatch(state, key);
        }
        let entries = self.0.entries.borrow();
        let mut hooks = self.0.hooks.borrow_mut();
        hooks.retain(|key| entries.get(*key).is_some());
    }
}
