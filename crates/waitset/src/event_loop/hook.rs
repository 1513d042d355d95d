use std::mem;

use waitset_core::{Event, Reactor};

use super::Handle;
use super::callbacks::{Context, Dispatch};
use super::entry::Kind;
use super::inner::Inner;
use crate::Key;

struct Hook<F>(F);

impl<State, R, F> Dispatch<State, R> for Hook<F>
where
    F: FnMut(&mut State, &mut Handle<'_, State, R>),
{
    fn run(&mut self, _event: &Event, context: &mut Context<'_, State, R>) {
        (self.0)(context.state, &mut context.handle);
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
        let key = self.insert_callback(Kind::Hook, Box::new(Hook(callback)));
        self.core.beside_mut().hooks.push(key);
        key
    }
}

impl<State, R: Reactor + 'static> Inner<State, R> {
    /// Runs the hooks there are as it begins, and forgets those that were removed.
    #[inline]
    pub(super) fn run_hooks(&mut self, state: &mut State) {
        if self.core.has_more() {
            self.run_all_hooks(state);
        }
    }

    #[inline(never)]
    fn run_all_hooks(&mut self, state: &mut State) {
        for position in 0..self.core.beside().hooks.len() {
            let key = self.core.beside().hooks[position];
            self.tell(state, key);
        }
        let mut hooks = mem::take(&mut self.core.beside_mut().hooks);
        hooks.retain(|key| self.core.entries.get(*key).is_some());
        self.core.beside_mut().hooks = hooks;
    }
}
