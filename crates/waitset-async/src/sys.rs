//! Notices that this process was forked.
#![allow(unsafe_code, reason = "pthread_atfork has to be called")]

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Returns how many forks lie between this process and the first that called this: a value
/// that was kept is another one in a child.
///
/// # Platform notes
///
/// pthread_atfork(3), once. It does not see a child of vfork(2) or of a bare clone(2), which
/// may do little else than execute a program. It fails only without memory, and forks are not
/// noticed then.
pub(crate) fn forks() -> u32 {
    static IS_COUNTING: Once = Once::new();
    IS_COUNTING.call_once(|| {
        // SAFETY: `count` only touches an atomic, which signal-safety(7) allows in the child
        // of a process with threads.
        unsafe { libc::pthread_atfork(None, None, Some(count)) };
    });
    FORKS.load(Ordering::Relaxed)
}
