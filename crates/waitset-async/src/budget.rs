use std::cell::Cell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::context::Context;

/// The number of operations that the task that is being polled may still do in this turn.
///
/// All futures of the task share it, so the turn of a task is bounded, however many futures it
/// has. A future that is polled after a sibling that always uses up the budget would starve, which
/// a [`Share`] prevents.
pub(crate) struct Budget {
    left: Cell<u32>,
    /// The number of operations refused in this turn.
    refused: Cell<u32>,
    /// Tells turns apart.
    turn: Cell<u64>,
}

/// Enough for a task to make progress, and few enough that the others do not wait long: the
/// slowest operations, such as connecting or copying a megabyte, take about 50 µs each.
const OPERATIONS: u32 = 32;

/// More futures than most tasks have. Code that is refused so often polls in a loop of its own,
/// as another executor inside the task does, and would never return to this one.
const REFUSALS: u32 = 10_000;

/// The right to one operation per turn beyond the budget, for a future that was refused in an
/// earlier turn.
///
/// It holds the turn of the last refusal, or of the last use of the right.
#[derive(Debug, Default)]
pub(crate) struct Share(AtomicU64);

impl Share {
    /// Returns `true` if there is a right to an operation in this turn, and uses it up.
    fn claim(&self, turn: u64) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        self.0.store(turn, Ordering::Relaxed);
        last != 0 && last != turn
    }
}

impl Budget {
    pub(crate) const fn new() -> Self {
        Self {
            left: Cell::new(OPERATIONS),
            refused: Cell::new(0),
            turn: Cell::new(1),
        }
    }

    /// Begins the turn of another task.
    pub(crate) fn refill(&self) {
        self.left.set(OPERATIONS);
        self.refused.set(0);
        self.turn.set(self.turn.get() + 1);
    }

    /// Returns `true` if an operation may run now, and charges the task for it. One of its shares
    /// is enough.
    pub(crate) fn charge(&self, shares: &[&Share]) -> bool {
        if let Some(left) = self.left.get().checked_sub(1) {
            self.left.set(left);
            return true;
        }
        let turn = self.turn.get();
        let claims = shares.iter().map(|share| share.claim(turn));
        let has_right = claims.fold(false, |any, one| any | one);
        if !has_right {
            self.refused.set(self.refused.get() + 1);
            if self.refused.get() == REFUSALS {
                self.refill();
            }
        }
        has_right
    }
}

/// Charges the task for one operation: returns immediately up to 32 times per turn, and then lets
/// the other tasks run first.
///
/// The operations of this crate charge the task themselves. Call this in loops over anything else
/// that can always be ready, such as the messages of a channel. Without it, the task would never
/// return to the executor, and not even a [`timeout`](crate::timeout) around it would end it.
/// Between long calculations, call [`yield_now`](crate::yield_now) instead.
///
/// ```
/// use futures::StreamExt;
/// use std::time::Duration;
/// use waitset_async::{consume_budget, timeout};
///
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// let mut endless = futures::stream::repeat(7);
/// let sum = timeout(Duration::from_millis(1), async {
///     let mut sum = 0_u64;
///     while let Some(number) = endless.next().await {
///         sum += number;
///         consume_budget().await;
///     }
///     sum
/// });
/// assert!(sum.await.is_err(), "it took too long");
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn consume_budget() {
    let share = Share::default();
    poll_fn(|context| Context::poll_charge_current(&[&share], context)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many operations a turn lets through, if they are tried again and again.
    fn allowed(budget: &Budget, share: &Share) -> u32 {
        let mut allowed = 0;
        while budget.charge(&[share]) {
            allowed += 1;
        }
        allowed
    }

    #[test]
    fn a_share_that_was_refused_has_one_operation_in_every_later_turn() {
        let (budget, greedy, late) = (Budget::new(), Share::default(), Share::default());
        assert_eq!(allowed(&budget, &greedy), OPERATIONS);
        assert_eq!(allowed(&budget, &late), 0);
        for _ in 0..3 {
            budget.refill();
            assert_eq!(allowed(&budget, &greedy), OPERATIONS + 1);
            assert_eq!(allowed(&budget, &late), 1);
        }
    }

    #[test]
    fn a_loop_that_polls_until_it_is_ready_comes_to_its_end() {
        let (budget, share) = (Budget::new(), Share::default());
        for _ in 0..10 * OPERATIONS {
            let mut refusals = 0;
            while !budget.charge(&[&share]) {
                refusals += 1;
                assert!(refusals <= REFUSALS);
            }
        }
    }

    #[test]
    fn operations_that_are_all_new_have_the_budget_and_no_more() {
        let budget = Budget::new();
        for _ in 0..3 {
            let new = || budget.charge(&[&Share::default()]);
            assert_eq!((0..1_000).filter(|_| new()).count(), OPERATIONS as usize);
            budget.refill();
        }
    }
}
