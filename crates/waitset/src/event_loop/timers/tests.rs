use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Fires everything that is due at `now`: payload, deadline and missed ticks of each.
fn run<T: Clone>(timers: &mut Timers<T>, now: Nanos) -> Vec<(T, Nanos, u64)> {
    let mut due = VecDeque::new();
    timers.take_due(now, &mut due);
    let mut fired = Vec::new();
    for key in due {
        let Fired {
            payload,
            deadline,
            missed,
        } = timers.fire(key, now).unwrap();
        timers.retire(key);
        fired.push((payload, deadline, missed));
    }
    fired
}

fn period(nanos: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(nanos)
}

impl<T> Timers<T> {
    /// Every armed timer stands where it says, and nowhere before its parent.
    fn check(&self) {
        let mut armed = 0;
        for (key, timer) in self.timers.iter() {
            if timer.stage == Stage::Armed {
                armed += 1;
                let position = self.positions[key.index()] as usize;
                let slot = self.heap.at(position);
                assert_eq!((slot.key, slot.deadline), (key, timer.deadline));
                assert!(position == 0 || self.heap.at((position - 1) / 4) < slot);
            }
        }
        assert_eq!(armed, self.heap.len());
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Arm { delay: u64, period: u64 },
    Cancel { which: usize },
    Reset { which: usize, delay: u64 },
    Advance { by: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let delay = prop_oneof![9 => 0..100_u64, 1 => Just(NEVER)];
    let period = prop_oneof![2 => Just(0), 1 => 1..40_u64];
    prop_oneof![
        4 => (delay.clone(), period).prop_map(|(delay, period)| Step::Arm { delay, period }),
        2 => any::<usize>().prop_map(|which| Step::Cancel { which }),
        2 => (any::<usize>(), delay).prop_map(|(which, delay)| Step::Reset { which, delay }),
        2 => (0..60_u64).prop_map(|by| Step::Advance { by }),
    ]
}

/// The same by other means: what is due first stands first in an ordered map.
#[derive(Default)]
struct Model {
    /// By deadline and the order of arming: number and period.
    armed: BTreeMap<(Nanos, u64), (usize, u64)>,
    order: u64,
}

impl Model {
    fn arm(&mut self, deadline: Nanos, number: usize, period: u64) {
        let order = self.order;
        self.armed.insert((deadline, order), (number, period));
        self.order += 1;
    }

    fn cancel(&mut self, number: usize) -> Option<u64> {
        let mut found = self.armed.iter().filter(|(_, timer)| timer.0 == number);
        let place = found.next().map(|(place, _)| *place)?;
        self.armed.remove(&place).map(|(_, period)| period)
    }

    fn run(&mut self, now: Nanos) -> Vec<(usize, Nanos, u64)> {
        let later = self.armed.split_off(&(now + 1, 0));
        let due = mem::replace(&mut self.armed, later);
        let fire = due.into_iter().map(|((deadline, _), (number, period))| {
            let mut missed = 0;
            if period > 0 {
                let mut next = deadline + period;
                while next <= now {
                    next += period;
                    missed += 1;
                }
                self.arm(next, number, period);
            }
            (number, deadline, missed)
        });
        fire.collect()
    }
}

proptest! {
    #[test]
    fn timers_fire_as_those_of_an_ordered_map(steps in vec(step(), 1..120)) {
        let mut timers = Timers::new();
        let mut model = Model::default();
        let mut keys = Vec::new();
        let mut now: Nanos = 0;
        for step in steps {
            match step {
                Step::Arm { delay, period: nanos } => {
                    let (deadline, number) = (now.saturating_add(delay), keys.len());
                    keys.push(timers.arm(deadline, period(nanos), number));
                    model.arm(deadline, number, nanos);
                }
                Step::Cancel { which } if !keys.is_empty() => {
                    let number = which % keys.len();
                    let cancelled = timers.cancel(keys[number]);
                    prop_assert_eq!(cancelled, model.cancel(number).map(|_| number));
                }
                Step::Reset { which, delay } if !keys.is_empty() => {
                    let (number, deadline) = (which % keys.len(), now.saturating_add(delay));
                    let period = model.cancel(number);
                    prop_assert_eq!(timers.reset(keys[number], deadline), period.is_some());
                    if let Some(period) = period {
                        model.arm(deadline, number, period);
                    }
                }
                Step::Advance { by } => {
                    now += by;
                    prop_assert_eq!(run(&mut timers, now), model.run(now));
                }
                _ => {}
            }
            timers.check();
            let next = model.armed.keys().next().map(|(deadline, _)| *deadline);
            prop_assert_eq!(timers.next_deadline(), next.filter(|next| *next != NEVER));
            prop_assert_eq!(timers.len(), model.armed.len());
        }
    }
}

#[test]
fn nothing_fires_a_nanosecond_early() {
    let mut timers = Timers::new();
    timers.arm(1_000, None, 'a');
    assert_eq!(run(&mut timers, 999), []);
    assert_eq!(run(&mut timers, 1_000), [('a', 1_000, 0)]);
    assert_eq!(run(&mut timers, 2_000), []);
    assert_eq!(timers.len(), 0);
}

#[test]
fn equal_deadlines_fire_in_the_order_they_were_armed() {
    let mut timers = Timers::new();
    for number in 0..100 {
        timers.arm(7, None, number);
    }
    let fired = run(&mut timers, 7);
    assert!(fired.iter().map(|(number, ..)| *number).eq(0..100));
}

#[test]
fn a_late_repeating_timer_counts_what_it_missed_and_does_not_drift() {
    let mut timers = Timers::new();
    timers.arm(10, period(10), 'a');
    assert_eq!(run(&mut timers, 10), [('a', 10, 0)]);
    assert_eq!(run(&mut timers, 19), []);
    assert_eq!(run(&mut timers, 57), [('a', 20, 3)]);
    assert_eq!(timers.next_deadline(), Some(60));
    assert_eq!(run(&mut timers, 60), [('a', 60, 0)]);
}

#[test]
fn a_repeating_timer_at_the_end_of_the_clock_stops() {
    let mut timers = Timers::new();
    let last = timers.arm(NEVER - 1, period(1_000), 'a');
    assert_eq!(run(&mut timers, NEVER - 1), [('a', NEVER - 1, 0)]);
    assert_eq!(timers.next_deadline(), None);
    assert_eq!(timers.cancel(last), Some('a'));
}

#[test]
fn what_never_fires_is_not_in_the_heap_and_can_be_reset() {
    let mut timers = Timers::new();
    let never = timers.arm(NEVER, None, 'n');
    assert_eq!((timers.next_deadline(), timers.heap.len()), (None, 0));
    assert!(timers.reset(never, 5));
    assert!(timers.reset(never, NEVER));
    assert_eq!((timers.next_deadline(), timers.len()), (None, 1));
    assert!(timers.reset(never, 5));
    assert_eq!(run(&mut timers, 5), [('n', 5, 0)]);
    assert!(!timers.reset(never, 6));
}

#[test]
fn one_that_is_due_can_be_cancelled_and_reset_before_it_fires() {
    let mut timers = Timers::new();
    let [cancelled, reset, kept] = ['c', 'r', 'k'].map(|name| timers.arm(1, None, name));
    let mut due = VecDeque::new();
    timers.take_due(1, &mut due);
    assert_eq!(due, [cancelled, reset, kept]);
    assert_eq!(timers.cancel(cancelled), Some('c'));
    // Its new deadline is over as well, and yet it is not among those that fire now.
    assert!(timers.reset(reset, 0));
    assert_eq!(timers.fire(cancelled, 1), None);
    assert_eq!(timers.fire(reset, 1), None);
    assert_eq!(timers.fire(kept, 1).unwrap().payload, 'k');
    timers.retire(kept);
    assert_eq!(run(&mut timers, 1), [('r', 0, 0)]);
    assert_eq!(timers.len(), 0);
}

#[test]
fn a_one_shot_timer_that_its_callback_resets_is_not_retired() {
    let mut timers = Timers::new();
    let key = timers.arm(1, None, 'a');
    let mut due = VecDeque::new();
    timers.take_due(1, &mut due);
    assert!(timers.fire(key, 1).is_some());
    assert!(timers.reset(key, NEVER));
    timers.retire(key);
    assert!(timers.contains(key));
}

#[test]
fn a_million_cancelled_timers_leave_one_place_behind() {
    let mut timers = Timers::new();
    for deadline in 0..1_000_000 {
        let key = timers.arm(deadline, None, ());
        assert!(timers.cancel(key).is_some());
    }
    assert_eq!(timers.heap.len(), 0);
    assert_eq!(timers.timers.capacity(), 1);
    assert!(timers.heap.capacity() <= 4);
}

#[test]
fn a_burst_gives_the_memory_of_its_heap_back() {
    let mut timers = Timers::new();
    let keys: Vec<_> = (0..100_000)
        .map(|deadline| timers.arm(deadline, None, ()))
        .collect();
    for key in keys {
        timers.cancel(key);
    }
    assert!(
        timers.heap.capacity() <= 1_024,
        "{}",
        timers.heap.capacity()
    );
}

#[test]
fn moments_turn_into_nanoseconds_and_back() {
    let start = Instant::now();
    let clock = Clock::starting_at(start);
    assert_eq!(clock.nanos(start), 0);
    let later = start + Duration::from_nanos(1_234_567_890_123);
    assert_eq!(clock.nanos(later), 1_234_567_890_123);
    assert_eq!(clock.instant(clock.nanos(later)), later);
    if let Some(earlier) = start.checked_sub(Duration::from_secs(1)) {
        assert_eq!(clock.nanos(earlier), 0);
    }
    assert_eq!(clock.after(Duration::MAX), NEVER);
    assert_eq!(
        clock.nanos(start + Duration::from_secs(u64::MAX / 1_000_000_000 + 9)),
        NEVER
    );
    assert_eq!(clock.until(0), Duration::ZERO);
}
