use std::fmt;
use std::sync::Arc;
use std::task;

use pending::Pending;

/// What interrupts a sleeping reactor: one write to a descriptor, or nothing at all for
/// a reactor that never sleeps.
pub trait Doorbell: Send + Sync {
    /// Makes the reactor's current or next system call return. Returns whether a system
    /// call was made.
    ///
    /// Called once between two calls of [`WakeFlag::take`], however many wakes there are.
    fn ring(&self) -> bool;
}

/// Ends the current or the next wait of a reactor, from any thread.
///
/// Many wakes before a wait coalesce into one, and only the first of them makes a
/// system call. What a thread did before `wake` is visible to the thread whose wait it
/// ends. Clones wake the same reactor; a waker that outlives its reactor wakes nobody.
#[derive(Clone)]
pub struct Waker(Arc<Shared<dyn Doorbell>>);

/// The reactor's end of its [`Waker`]s.
///
/// The order in which a reactor uses it keeps wakes from being lost: first silence the
/// doorbell (drain its descriptor, if it has one to drain), then [`take`](Self::take).
/// A wake in between finds the flag still set and makes no call, and the wait that is
/// about to return serves it.
pub struct WakeFlag<D>(Arc<Shared<D>>);

struct Shared<D: ?Sized> {
    pending: Pending,
    doorbell: D,
}

impl Waker {
    /// Ends the current or the next wait.
    ///
    /// # Platform notes
    ///
    /// One `write` on an eventfd (Linux) or a socket pair (other Unix systems), and none
    /// if a wake is already pending or the reactor never sleeps.
    #[inline]
    pub fn wake(&self) {
        if self.0.pending.raise() {
            self.0.ring();
        }
    }
}

impl Shared<dyn Doorbell> {
    #[cold]
    fn ring(&self) {
        if self.doorbell.ring() {
            self.pending.count_call();
        }
    }
}

impl<D: Doorbell + 'static> WakeFlag<D> {
    /// A flag that is down, and its doorbell.
    #[must_use]
    pub fn new(doorbell: D) -> Self {
        Self(Arc::new(Shared {
            pending: Pending::default(),
            doorbell,
        }))
    }

    /// A waker that raises this flag.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker(self.0.clone())
    }

    /// The doorbell.
    #[must_use]
    pub fn doorbell(&self) -> &D {
        &self.0.doorbell
    }

    /// Takes the flag down and says whether it was up.
    #[inline]
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.pending.take()
    }

    /// Whether a wake is pending, without taking it.
    #[inline]
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.bar() != pending::LOWERED
    }

    /// What a system call's answer has to exceed to be told as it came: zero, or more than
    /// any answer while a wake is pending. One comparison does for both.
    #[inline]
    #[must_use]
    pub fn bar(&self) -> i32 {
        self.0.pending.bar()
    }

    /// How many system calls the wakers have made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.pending.calls()
    }
}

/// `std::task::Waker::from(Arc::new(waker))` lets a future wake a reactor.
impl task::Wake for Waker {
    fn wake(self: Arc<Self>) {
        Self::wake(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Self::wake(self);
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker")
            .field("pending", &(self.0.pending.bar() != pending::LOWERED))
            .finish()
    }
}

impl<D: Doorbell + 'static> fmt::Debug for WakeFlag<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeFlag")
            .field("raised", &self.is_raised())
            .finish()
    }
}

mod pending {
    #[cfg(loom)]
    use loom::sync::atomic::{AtomicI32, AtomicU64, Ordering};
    #[cfg(not(loom))]
    use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

    pub(super) const LOWERED: i32 = 0;
    const RAISED: i32 = i32::MAX;

    /// The flag that coalesces wakes, apart from what it rings, for the model checker.
    #[derive(Debug, Default)]
    pub(super) struct Pending {
        bar: AtomicI32,
        calls: AtomicU64,
    }

    impl Pending {
        /// Raises the flag; true for the one caller who must ring.
        ///
        /// A read-modify-write even when the flag is up: only so does the taker's swap
        /// see what this thread did before.
        #[inline]
        pub(super) fn raise(&self) -> bool {
            self.bar.swap(RAISED, Ordering::AcqRel) == LOWERED
        }

        #[inline]
        pub(super) fn take(&self) -> bool {
            self.bar.swap(LOWERED, Ordering::AcqRel) != LOWERED
        }

        #[inline]
        pub(super) fn bar(&self) -> i32 {
            self.bar.load(Ordering::Acquire)
        }

        pub(super) fn count_call(&self) {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }

        pub(super) fn calls(&self) -> u64 {
            self.calls.load(Ordering::Relaxed)
        }
    }
}
