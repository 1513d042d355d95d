/// Exact counts of what a reactor has done since it was created.
///
/// Fields are added in minor versions. If you build one yourself, end it with
/// `..Stats::default()`.
///
/// ```
/// use waitset_core::Stats;
///
/// let before = Stats { waits: 10, wait_calls: 11, ..Stats::default() };
/// let after = Stats { waits: 30, wait_calls: 32, ..Stats::default() };
/// assert_eq!(after.since(&before).wait_calls, 21);
/// assert_eq!(after.since(&before).system_calls(), 21);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct Stats {
    /// Calls of [`wait`](crate::Reactor::wait) that asked the kernel or found an event.
    pub waits: u64,
    /// System calls that wait or check for readiness: `select`, `poll`, `epoll_wait`, ….
    pub wait_calls: u64,
    /// All other system calls of the reactor: registration, draining the waker, checking for
    /// closed descriptors. Those of its constructor and of dropping it are not counted.
    pub control_calls: u64,
    /// System calls made by wakers, from any thread. Wakes that coalesce make none.
    pub wake_calls: u64,
    /// Events returned.
    pub events: u64,
    /// Waits that returned no event: a timeout, a wake or a signal.
    pub empty_returns: u64,
    /// Probes: calls with a zero timeout that poll and select make before they block.
    pub probes: u64,
    /// Probes that found something, so that no blocking call was needed.
    pub probe_hits: u64,
}

impl Stats {
    /// Returns the number of system calls of all kinds.
    #[must_use]
    pub const fn system_calls(&self) -> u64 {
        self.wait_calls + self.control_calls + self.wake_calls
    }

    /// Returns what was added since `earlier`, a copy of the same reactor's stats.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            waits: self.waits - earlier.waits,
            wait_calls: self.wait_calls - earlier.wait_calls,
            control_calls: self.control_calls - earlier.control_calls,
            wake_calls: self.wake_calls - earlier.wake_calls,
            events: self.events - earlier.events,
            empty_returns: self.empty_returns - earlier.empty_returns,
            probes: self.probes - earlier.probes,
            probe_hits: self.probe_hits - earlier.probe_hits,
        }
    }

    /// Counts one wait that returns `events` events.
    #[inline]
    pub const fn count_wait(&mut self, events: usize) {
        self.waits += 1;
        self.events += events as u64;
        self.empty_returns += (events == 0) as u64;
    }
}
