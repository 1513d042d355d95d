//! An allocator that counts what each thread does.
#![allow(unsafe_code, reason = "the trait GlobalAlloc is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The allocations of a thread since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    /// Calls that allocated or moved memory.
    pub calls: u64,
    /// Bytes allocated and not freed; negative in a thread that frees what others allocated.
    pub live_bytes: i64,
}

thread_local! {
    // Without a destructor and without an initialiser, so that it is safe to use from an
    // allocator.
    static ALLOCATED: Cell<Allocated> = const {
        Cell::new(Allocated {
            calls: 0,
            live_bytes: 0,
        })
    };
}

/// Returns what this thread has allocated, if the program's allocator is a [`CountingAllocator`].
#[must_use]
pub fn allocated() -> Allocated {
    ALLOCATED.get()
}

fn count(calls: u64, bytes: i64) {
    let so_far = ALLOCATED.get();
    ALLOCATED.set(Allocated {
        calls: so_far.calls + calls,
        live_bytes: so_far.live_bytes + bytes,
    });
}

/// The system's allocator, with counts for [`allocated`].
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
