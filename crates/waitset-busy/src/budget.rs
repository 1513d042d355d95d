use std::time::Duration;

/// How long [`Adaptive`](crate::Adaptive) spins before it sleeps.
///
/// The rule is that of KVM's halt polling (Linux, Documentation/virt/kvm/halt-polling.rst): after a
/// wait that slept, the budget grows if the event came so soon that a spin within
/// [`limit`](Self::limit) would have caught it, and shrinks if not. An idle reactor ends up without
/// spinning, and learns for free, from how long it slept, when spinning would pay again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    limit: Duration,
    current: Duration,
}

impl Budget {
    /// The limit of [`Budget::default`]: two to three times the cost of a sleep and a wakeup (18 µs,
    /// measured on Linux 6.18). A longer spin costs more than it saves.
    ///
    /// Between two threads that reply immediately, a round trip then takes a tenth of the time and at
    /// most a third of the CPU time of a reactor that sleeps. If replies take 100 µs or longer, it
    /// takes at most 1.1 times the CPU time (goal 12 of `cargo run --release -p waitset-bench --
    /// goals`, which measures it on any machine).
    pub const DEFAULT_LIMIT: Duration = Duration::from_micros(50);

    /// The first step from zero.
    const STEP: Duration = Duration::from_micros(10);

    /// Creates a budget that never exceeds `limit`. With a limit of zero, it never spins.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self {
            limit,
            current: Duration::ZERO,
        }
    }

    /// Returns the longest spin.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }

    /// Returns how long the next wait will spin.
    #[must_use]
    pub const fn current(&self) -> Duration {
        self.current
    }

    /// Learns from a wait that slept and took `waited` in all, spin included.
    pub(crate) fn slept(&mut self, waited: Duration) {
        if waited <= self.limit {
            let grown = (self.current * 2).max(Self::STEP);
            self.current = grown.min(self.limit);
        } else {
            self.current /= 4;
            if self.current < Self::STEP {
                self.current = Duration::ZERO;
            }
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_micros(30);
    const LATE: Duration = Duration::from_millis(30);

    #[test]
    fn it_starts_without_spinning_and_grows_to_its_limit() {
        let mut budget = Budget::default();
        assert_eq!(budget.current(), Duration::ZERO);
        for _ in 0..10 {
            budget.slept(SOON);
        }
        assert_eq!(budget.current(), budget.limit());
    }

    #[test]
    fn spins_that_miss_end_after_three_and_come_back_when_they_pay() {
        let mut budget = Budget::default();
        (0..10).for_each(|_| budget.slept(SOON));
        (0..3).for_each(|_| budget.slept(LATE));
        assert_eq!(budget.current(), Duration::ZERO);
        budget.slept(SOON);
        assert!(budget.current() > Duration::ZERO);
    }

    #[test]
    fn a_limit_of_zero_never_spins() {
        let mut budget = Budget::new(Duration::ZERO);
        budget.slept(Duration::ZERO);
        assert_eq!(budget.current(), Duration::ZERO);
    }
}
