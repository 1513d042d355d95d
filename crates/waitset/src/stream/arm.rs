use std::io;
use std::time::Duration;

use waitset_core::{Interest, Mode};

use crate::{Key, LocalHandle};

/// Before the next try, if the kernel has no memory or no watch left for a change.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// What becomes of a source that is disabled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It stays so.
    Left,
    Ended,
}

/// Asks for `interest`. Nothing is left to be asked of a source that has been removed.
///
/// If it fails, the caller has to try again after a [`PAUSE`], for what is wanted then: a
/// stream that nothing could be asked of would be silent for good.
pub(super) fn arm<State>(
    handle: &LocalHandle<State>,
    key: Key,
    interest: Interest,
    mode: Mode,
    rest: Rest,
) -> io::Result<()> {
    let mut answer = handle.modify(key, interest, mode);
    if answer.is_ok() && rest == Rest::Ended {
        answer = handle.enable(key);
    }
    match answer {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}

/// Removes a source that is to be silent from now on, immediately or as soon as the mechanism
/// lets go of it.
pub(super) fn let_go<State>(handle: &LocalHandle<State>, key: Key) {
    if handle.remove(key) || !handle.contains(key) {
        return;
    }
    handle.disable(key);
    handle.arm_after(PAUSE, move |_, _, handle| let_go(handle, key));
}
