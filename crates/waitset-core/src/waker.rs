use std::fmt;
use std::sync::Arc;
use std::task;

use pending::Pending;

/// What interrupts a sleeping reactor: a write to a descriptor, or nothing for a reactor that
/// never sleeps.
///
/// `waitset_unix::Bell` implements it with an eventfd or a socket pair.
pub trait Doorbell: Send + Sync {
    /// Makes the reactor's current or next system call return. Returns `true` if it made a
    /// system call for that.
    ///
    /// It is called once between two calls of [`WakeFlag::take`], however many wakes there are.
    fn ring(&self) -> bool;
}

/// Ends the current or the next wait of a reactor, from any thread.
///
/// Many wakes before a wait coalesce into one, and only the first of them makes a system call.
/// Everything that a thread did before `wake` is visible to the thread whose wait it ends. Clones
/// wake the same reactor. A waker that outlives its reactor has no effect.
#[derive(Clone)]
pub struct ReactorWaker(Arc<Shared<dyn Doorbell>>);

/// The reactor's end of its [`ReactorWaker`]s.
///
/// A reactor must use it in this order, so that no wake is lost: first silence the doorbell (drain
/// its descriptor, if it has one), then [`take`](Self::take) the flag. A wake in between finds the
/// flag still raised and makes no system call, and the wait that is about to return reports it.
///
/// ```
/// use waitset_core::{Doorbell, WakeFlag};
///
/// /// The doorbell of a reactor that never sleeps: the flag is enough.
/// struct Silent;
///
/// impl Doorbell for Silent {
///     fn ring(&self) -> bool {
///         false
///     }
/// }
///
/// let flag = WakeFlag::new(Silent);
/// let waker = flag.waker();
/// waker.wake();
/// waker.wake();
/// assert!(flag.take());
/// assert!(!flag.take(), "the two wakes were one");
/// assert_eq!(flag.calls(), 0);
/// ```
pub struct WakeFlag<D>(Arc<Shared<D>>);

struct Shared<D: ?Sized> {
    pending: Pending,
    doorbell: D,
}

impl ReactorWaker {
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
    /// Creates a lowered flag with its doorbell.
    #[must_use]
    pub fn new(doorbell: D) -> Self {
        Self(Arc::new(Shared {
            pending: Pending::default(),
            doorbell,
        }))
    }

    /// Creates a waker that raises this flag.
    #[must_use]
    pub fn waker(&self) -> ReactorWaker {
        ReactorWaker(self.0.clone())
    }

    /// Returns the doorbell.
    #[must_use]
    pub fn doorbell(&self) -> &D {
        &self.0.doorbell
    }

    /// Lowers the flag. Returns `true` if it was raised.
    #[inline]
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.pending.take()
    }

    /// Returns `true` if a wake is pending, and leaves it pending.
    #[inline]
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.bar() != pending::LOWERED
    }

    /// Returns the number that a system call's result must exceed to be reported as it is: zero,
    /// or `i32::MAX` while a wake is pending. So one comparison checks for both.
    #[inline]
    #[must_use]
    pub fn bar(&self) -> i32 {
        self.0.pending.bar()
    }

    /// Returns how many system calls the wakers have made: [`Stats::wake_calls`](crate::Stats).
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.pending.calls()
    }
}

/// Lets a future wake a reactor: `std::task::Waker::from(Arc::new(waker))`.
impl task::Wake for ReactorWaker {
    fn wake(self: Arc<Self>) {
        Self::wake(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Self::wake(self);
    }
}

impl fmt::Debug for ReactorWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactorWaker")
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
    #[cfg(waitset_model)]
    use loom::sync::atomic::{AtomicI32, AtomicU64, Ordering};
    #[cfg(not(waitset_model))]
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
