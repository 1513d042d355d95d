//! Timers as a data structure: it knows no clock, and is told the time.

use std::collections::VecDeque;
use std::mem;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use super::heap::{Heap, Slot};
use crate::Key;
use crate::slab::Slab;

/// A moment as nanoseconds since the loop was made: 584 years of them.
pub(super) type Nanos = u64;

/// Less than any wait takes: who waits for it does not sleep.
pub(super) const INSTANT: Nanos = 1000;

/// The deadline of a timer that never fires.
pub(super) const NEVER: Nanos = Nanos::MAX;

/// Timers with a payload each, cheap to cancel and to reset: O(log n) with what is armed.
///
/// A cancelled timer leaves nothing behind but a place that the next one takes.
///
/// A heap, since most timers are timeouts, which are reset and cancelled and seldom fire:
/// there it beats an ordered map 2.7 to 12 times. At firing it loses, to the map 4 to 9 times
/// and to tokio's wheel 1.3 to 2.5 times (`benches/README.md`, Timers). Unlike the wheel it
/// has no ticks: deadlines are nanoseconds, and timers fire in their order.
pub(super) struct Timers<T> {
    timers: Slab<Timer<T>>,
    heap: Heap,
    /// Where in the heap each armed timer stands, by the index of its key. Apart from the
    /// timers, since a slot that rises or sinks passes by many that are not touched else.
    positions: Vec<u32>,
    /// How often a timer was armed.
    armed: u64,
}

struct Timer<T> {
    payload: T,
    period: Option<NonZeroU64>,
    deadline: Nanos,
    stage: Stage,
    /// Whether it was due as it was armed.
    is_zero: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// In the heap, at its position.
    Armed,
    /// Its deadline is beyond the clock's range.
    Never,
    /// Taken out of the heap by [`Timers::take_due`].
    Due,
    /// A one-shot timer whose callback runs, and may yet reset it.
    Fired,
}

/// A timer that fires.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fired<T> {
    pub(super) payload: T,
    pub(super) deadline: Nanos,
    /// How many further periods were over by then.
    pub(super) missed: u64,
}

impl<T> Timers<T> {
    pub(super) fn new() -> Self {
        Self {
            timers: Slab::new(),
            heap: Heap::new(),
            positions: Vec::new(),
            armed: 0,
        }
    }

    /// How many timers there are, those that never fire included.
    pub(super) fn len(&self) -> usize {
        self.timers.len()
    }

    #[inline]
    pub(super) fn next_deadline(&self) -> Option<Nanos> {
        self.heap.first().map(|slot| slot.deadline)
    }

    /// The next timer that is due, and whether it was due as it was armed.
    pub(super) fn next(&self) -> Option<(Key, bool)> {
        let key = self.heap.first()?.key;
        Some((key, self.timers.get(key)?.is_zero))
    }

    pub(super) fn arm(&mut self, deadline: Nanos, period: Option<NonZeroU64>, payload: T) -> Key {
        let key = self.timers.insert(Timer {
            payload,
            period,
            deadline,
            stage: Stage::Never,
            is_zero: false,
        });
        if self.positions.len() <= key.index() {
            self.positions.resize(key.index() + 1, 0);
        }
        self.reset(key, deadline);
        key
    }

    /// Gives a timer another deadline; false if it is gone. One that is due and has not
    /// fired waits for its new deadline, also if that is over as well.
    pub(super) fn reset(&mut self, key: Key, deadline: Nanos) -> bool {
        let order = self.armed;
        self.armed += 1;
        let Some(timer) = self.timers.get_mut(key) else {
            return false;
        };
        timer.deadline = deadline;
        timer.is_zero = timer.period.is_some_and(|period| period.get() < INSTANT);
        let stage = match deadline {
            NEVER => Stage::Never,
            _ => Stage::Armed,
        };
        let before = mem::replace(&mut timer.stage, stage);
        let slot = Slot {
            deadline,
            order,
            key,
        };
        let position = self.positions[key.index()] as usize;
        let moved = stand(&mut self.positions);
        match (before, stage) {
            (Stage::Armed, Stage::Armed) => self.heap.replace(position, slot, moved),
            (Stage::Armed, _) => drop(self.heap.remove(position, moved)),
            (_, Stage::Armed) => self.heap.push(slot, moved),
            _ => {}
        }
        true
    }

    /// Takes note that a timer was due as it was armed, until it is armed again.
    pub(super) fn mark_as_zero(&mut self, key: Key) {
        if let Some(timer) = self.timers.get_mut(key) {
            timer.is_zero = true;
        }
    }

    pub(super) fn cancel(&mut self, key: Key) -> Option<T> {
        let timer = self.timers.remove(key)?;
        if timer.stage == Stage::Armed {
            let position = self.positions[key.index()] as usize;
            self.heap.remove(position, stand(&mut self.positions));
        }
        Some(timer.payload)
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.timers.get(key).is_some()
    }

    /// Moves what is due at `now` to the end of `due`, the earliest first.
    ///
    /// They fire one by one, so that the callback of one can cancel and reset the next;
    /// what it arms is not among them, however early it is due.
    pub(super) fn take_due(&mut self, now: Nanos, due: &mut VecDeque<Key>) {
        while self.next_deadline().is_some_and(|deadline| deadline <= now) {
            let slot = self.heap.remove(0, stand(&mut self.positions));
            if let Some(timer) = self.timers.get_mut(slot.key) {
                timer.stage = Stage::Due;
            }
            due.push_back(slot.key);
        }
    }

    /// Fires a timer that [was due](Self::take_due), unless it was cancelled or reset
    /// since. A repeating timer is armed again before its callback runs; a one-shot timer
    /// is to be [retired](Self::retire) after.
    pub(super) fn fire(&mut self, key: Key, now: Nanos) -> Option<Fired<T>>
    where
        T: Clone,
    {
        let timer = self.timers.get_mut(key)?;
        if timer.stage != Stage::Due {
            return None;
        }
        timer.stage = Stage::Fired;
        let payload = timer.payload.clone();
        let deadline = timer.deadline;
        let mut missed = 0;
        if let Some(period) = timer.period {
            // From deadline to deadline, not from now: a late callback does not shift
            // those after it.
            missed = now.saturating_sub(deadline) / period;
            let periods = period.get().saturating_mul(missed.saturating_add(1));
            self.reset(key, deadline.saturating_add(periods));
        }
        Some(Fired {
            payload,
            deadline,
            missed,
        })
    }

    /// Removes a one-shot timer that has fired and was not reset by its callback.
    ///
    /// Returns its payload, which may run anything as it is dropped.
    pub(super) fn retire(&mut self, key: Key) -> Option<T> {
        let timer = self.timers.get(key);
        timer.filter(|timer| timer.stage == Stage::Fired)?;
        self.timers.remove(key).map(|timer| timer.payload)
    }

    /// The deadline of a timer, [`NEVER`] if it has none.
    pub(super) fn deadline(&self, key: Key) -> Option<Nanos> {
        self.timers.get(key).map(|timer| timer.deadline)
    }

    pub(super) fn payload_mut(&mut self, key: Key) -> Option<&mut T> {
        self.timers.get_mut(key).map(|timer| &mut timer.payload)
    }

    /// A key that no timer has: one that would be armed next.
    pub(super) fn dead_key(&mut self) -> Key {
        self.timers.next_key()
    }
}

/// Notes where in the heap a timer stands; a position is below 2³², as an index is.
fn stand(positions: &mut [u32]) -> impl FnMut(Key, usize) {
    |key, position| positions[key.index()] = position as u32
}

/// Turns moments into [`Nanos`] and back.
///
/// The monotonic clock, `Instant`: nobody sets it, so timers do not move when the wall
/// clock does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) const fn starting_at(start: Instant) -> Self {
        Self { start }
    }

    /// A moment of long ago is 0, one beyond the range [`NEVER`].
    pub(super) fn nanos(&self, moment: Instant) -> Nanos {
        let since = moment.saturating_duration_since(self.start);
        u64::try_from(since.as_nanos()).unwrap_or(NEVER)
    }

    pub(super) fn now(&self) -> Nanos {
        self.nanos(Instant::now())
    }

    /// The moment `delay` from now, or [`NEVER`].
    pub(super) fn after(&self, delay: Duration) -> Nanos {
        let moment = Instant::now().checked_add(delay);
        moment.map_or(NEVER, |moment| self.nanos(moment))
    }

    pub(super) fn until(&self, deadline: Nanos) -> Duration {
        Duration::from_nanos(deadline.saturating_sub(self.now()))
    }

    pub(super) fn instant(&self, deadline: Nanos) -> Instant {
        self.start + Duration::from_nanos(deadline)
    }
}

#[cfg(test)]
mod tests;
