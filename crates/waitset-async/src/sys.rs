//! Notices that this process was forked, and lends buffers to socket2.
#![allow(unsafe_code, reason = "pthread_atfork, and buffers that socket2 fills")]

use std::mem::MaybeUninit;
use std::slice;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Returns the number of forks between this process and the first one that called this. A child
/// that compares it with a value from before the fork finds a difference.
///
/// # Platform notes
///
/// pthread_atfork(3), once. It does not notice vfork(2) and a bare clone(2), whose children may do
/// little more than execute a program. It fails only if there is no memory; then forks are not
/// noticed.
pub(crate) fn forks() -> u32 {
    static IS_COUNTING: Once = Once::new();
    IS_COUNTING.call_once(|| {
        // SAFETY: `count` only touches an atomic, which signal-safety(7) allows in the child
        // of a process with threads.
        unsafe { libc::pthread_atfork(None, None, Some(count)) };
    });
    FORKS.load(Ordering::Relaxed)
}

/// Lends `buffer` to a function of socket2 that reads into it.
///
/// Only for those, because a function that gets a buffer of this type could write uninitialized
/// bytes into it. socket2 promises not to (`Socket::recv`, to which `Socket::peek` refers).
pub(crate) fn as_uninit(buffer: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: both types have the same layout, the borrow is exclusive and handed on, and the
    // callers of this function, all in this crate, pass it to socket2's `peek` only, which
    // stores nothing but bytes that the kernel received.
    unsafe { slice::from_raw_parts_mut(buffer.as_mut_ptr().cast(), buffer.len()) }
}
