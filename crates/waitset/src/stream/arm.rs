use std::io;
use std::time::Duration;

use waitset_core::{Interest, Mode, Reactor};

use crate::{Handle, Key};

/// Before the next try, if the kernel has no memory or no watch left for a change.
const PAUSE: Duration = Duration::from_millis(10);

/// What becomes of a source that is disabled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It stays so.
    Left,
    Ended,
}

/// Asks for `interest`, now or as soon as the mechanism takes it: a stream that nobody could
/// ask for anything would be silent for good.
pub(super) fn arm<State, R: Reactor + 'static>(
    handle: &mut Handle<'_, State, R>,
    key: Key,
    interest: Interest,
    mode: Mode,
    rest: Rest,
) {
    let mut answer = handle.modify(key, interest, mode);
    if answer.is_ok() && rest == Rest::Ended {
        answer = handle.enable(key);
    }
    match answer {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {} // it has been removed
        Err(_) => {
            handle.arm_after(PAUSE, move |_, _, handle| {
                arm(handle, key, interest, mode, rest);
            });
        }
    }
}
