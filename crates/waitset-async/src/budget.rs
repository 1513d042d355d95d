use std::cell::Cell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::context::Context;

/// How many operations the task that is being polled may still do in this turn.
///
/// It is shared by all futures of the task, so a task's turn is bounded however many there
/// are. A future that is polled after a sibling that always uses up the budget would starve:
/// that is what a [`Share`] prevents.
pub(crate) struct Budget {
    left: Cell<u32>,
    /// How often this turn has refused an operation.
    refused: Cell<u32>,
    /// Tells turns apart.
    turn: Cell<u64>,
}

/// Enough for a task to get something done, few enough for the others not to wait long: the
/// slowest operations, such as connecting or copying a megabyte, take about 50 µs each.
const OPERATIONS: u32 = 32;

/// More than most tasks have futures: code that is refused so often polls in a loop of its
/// own, as another executor within the task does, and would never return to this one.
const REFUSALS: u32 = 10_000;

/// The right to one operation per turn beyond the budget, for what was refused in an earlier
/// turn.
///
/// Holds the turn of the last refusal, or of the last use of the right.
#[derive(Debug, Default)]
pub(crate) struct Share(AtomicU64);

impl Share {
    /// Returns `true` if there is a right to an operation in this turn, which is used up then.
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

    /// Returns `true` if an operation may run now, and charges for it. Any of its shares will
    /// do.
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

/// Charges the task for one operation: returns immediately up to 32 times per turn, and then
/// lets the other tasks run first.
///
/// The operations of this crate charge for themselves. Call this in loops over anything else
/// that can be ready without end, such as the messages of a channel: the task would never
/// return to the executor, and not even a [`timeout`](crate::timeout) around it would end it.
/// Between longer calculations, [`yield_now`](crate::yield_now) is the better choice.
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
