//! Timers as such: waitset's beside the structures that others keep them in.
//!
//! - [`queues`]: who takes part.
//! - [`course`]: what is timed, and in which turns.

pub mod course;
pub mod queues;

use std::time::{Duration, Instant};

/// Something that timers are armed in.
pub trait Timers {
    /// What cancels and resets a timer.
    type Key;

    /// By how much deadlines can differ that are told in any order.
    const GRAIN: Duration;

    /// With none armed, for numbers below `most`.
    fn new(most: u32) -> Self;

    /// Does what a program does in the place where these timers can be used.
    fn inside<A>(&mut self, work: impl FnOnce(&mut Self) -> A) -> A {
        work(self)
    }

    /// Arms a timer that tells `number` when it fires.
    fn arm(&mut self, deadline: Instant, number: u32) -> Self::Key;

    /// Drops a timer that has not fired.
    fn cancel(&mut self, key: Self::Key);

    /// Gives a timer that has not fired another deadline.
    fn reset(&mut self, key: &mut Self::Key, deadline: Instant);

    /// Waits until `count` timers have fired and adds their numbers to `fired`.
    fn fire(&mut self, count: usize, fired: &mut Vec<u32>);
}

/// Arms, cancels, resets and fires with answers that are known.
///
/// # Panics
///
/// If a timer fires early, late in the order, twice, not at all, or after it was
/// cancelled.
pub fn verify<T: Timers>(count: u32) {
    let mut random = fastrand::Rng::with_seed(1);
    let mut timers = T::new(count + 1);
    let start = Instant::now();
    let mut moment = || start + Duration::from_micros(random.u64(..20_000));
    let kept = timers.inside(|timers| {
        let arm = |number| {
            let deadline = moment();
            (number, deadline, timers.arm(deadline, number))
        };
        let mut armed: Vec<_> = (0..count).map(arm).collect();
        for (_, deadline, key) in armed.iter_mut().step_by(5) {
            *deadline = moment();
            timers.reset(key, *deadline);
        }
        let cancelled = armed.extract_if(.., |(number, ..)| *number % 3 == 0);
        cancelled.for_each(|(.., key)| timers.cancel(key));
        armed
    });
    let mut fired = Vec::new();
    timers.fire(kept.len(), &mut fired);
    let end = Instant::now();
    let mut deadlines = vec![None; count as usize];
    for (number, deadline, _) in &kept {
        assert!(*deadline <= end, "{number} fired early");
        deadlines[*number as usize] = Some(*deadline);
    }
    let mut latest = start;
    for number in &fired {
        let deadline = deadlines[*number as usize].take();
        let deadline = deadline.expect("neither cancelled nor told before");
        assert!(deadline + T::GRAIN >= latest, "{number} fired out of order");
        latest = latest.max(deadline);
    }
    assert_eq!(fired.len(), kept.len());
    // Nothing is left that would come before the next one.
    let next = Instant::now() + Duration::from_millis(5);
    let _key = timers.inside(|timers| timers.arm(next, count));
    fired.clear();
    timers.fire(1, &mut fired);
    assert_eq!(fired, [count]);
    assert!(Instant::now() >= next, "the last one fired early");
}

#[cfg(test)]
mod tests {
    use super::queues::{BTree, Sleeps, Waitset, Wheel};
    use super::*;

    #[test]
    fn everybody_fires_all_in_order_never_early_and_never_what_was_cancelled() {
        verify::<Waitset>(10_000);
        verify::<BTree>(10_000);
        verify::<Wheel>(10_000);
        verify::<Sleeps>(10_000);
    }
}
