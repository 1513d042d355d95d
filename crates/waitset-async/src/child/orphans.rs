//! The children that no executor waits for any more.

use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};

static ORPHANS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

fn orphans() -> MutexGuard<'static, Vec<Child>> {
    ORPHANS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `child` reaped by a later call of [`reap`].
pub(super) fn adopt(child: Child) {
    orphans().push(child);
}

/// Reaps the orphans that have ended.
pub(super) fn reap() {
    // An error means that somebody else has waited for it.
    orphans().retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}
