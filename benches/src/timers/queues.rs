//! Who takes part: waitset's event loop, an ordered map, and tokio's wheel, twice.
//!
//! tokio's wheel is not public. Two things lie on it that are: `DelayQueue` of
//! tokio-util, a copy of the wheel that no runtime turns, and `Sleep`, an entry in the
//! wheel of the runtime itself. The queue makes a `Sleep` of its own in the runtime for
//! each timer that it fires, so its firing says less of the wheel than that of `Sleep`.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time::Sleep;
use tokio_util::time::{DelayQueue, delay_queue};
use waitset::{EventLoop, TimerKey};

use super::Timers;

/// An event loop, each timer with a callback.
#[derive(Debug)]
pub struct Waitset(EventLoop<Vec<u32>>);

impl Timers for Waitset {
    type Key = TimerKey;

    const GRAIN: Duration = Duration::ZERO;

    fn new(_: u32) -> Self {
        Self(EventLoop::new().expect("descriptors are left"))
    }

    #[inline]
    fn arm(&mut self, deadline: Instant, number: u32) -> TimerKey {
        self.0
            .handle()
            .arm_at(deadline, move |fired: &mut Vec<u32>, _, _| {
                fired.push(number);
            })
    }

    #[inline]
    fn cancel(&mut self, key: TimerKey) {
        assert!(self.0.handle().cancel(key));
    }

    #[inline]
    fn reset(&mut self, key: &mut TimerKey, deadline: Instant) {
        assert!(self.0.handle().reset_at(*key, deadline));
    }

    fn fire(&mut self, count: usize, fired: &mut Vec<u32>) {
        while fired.len() < count {
            self.0.turn(fired, None).expect("a wait that may sleep");
        }
    }
}

/// The map that many a loop has, and an index from numbers to deadlines, without which
/// nothing could be cancelled. The index is an array and knows no generations: nothing is
/// cheaper, and a key that is used late would cancel a stranger.
#[derive(Debug)]
pub struct BTree {
    timers: BTreeMap<(Instant, u64), u32>,
    deadlines: Vec<Instant>,
    free: Vec<u64>,
}

impl Timers for BTree {
    type Key = u64;

    const GRAIN: Duration = Duration::ZERO;

    fn new(_: u32) -> Self {
        Self {
            timers: BTreeMap::new(),
            deadlines: Vec::new(),
            free: Vec::new(),
        }
    }

    #[inline]
    fn arm(&mut self, deadline: Instant, number: u32) -> u64 {
        let key = match self.free.pop() {
            Some(key) => {
                self.deadlines[key as usize] = deadline;
                key
            }
            None => {
                self.deadlines.push(deadline);
                self.deadlines.len() as u64 - 1
            }
        };
        self.timers.insert((deadline, key), number);
        key
    }

    #[inline]
    fn cancel(&mut self, key: u64) {
        let deadline = self.deadlines[key as usize];
        assert!(self.timers.remove(&(deadline, key)).is_some());
        self.free.push(key);
    }

    #[inline]
    fn reset(&mut self, key: &mut u64, deadline: Instant) {
        let before = mem::replace(&mut self.deadlines[*key as usize], deadline);
        let number = self.timers.remove(&(before, *key)).expect("it is armed");
        self.timers.insert((deadline, *key), number);
    }

    fn fire(&mut self, count: usize, fired: &mut Vec<u32>) {
        while fired.len() < count {
            let now = Instant::now();
            while let Some(first) = self.timers.first_entry() {
                if first.key().0 > now {
                    break;
                }
                self.free.push(first.key().1);
                fired.push(first.remove());
            }
        }
    }
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().build().expect("threads are left")
}

/// tokio-util's `DelayQueue`.
#[derive(Debug)]
pub struct Wheel {
    queue: DelayQueue<u32>,
    runtime: Runtime,
}

impl Timers for Wheel {
    type Key = delay_queue::Key;

    const GRAIN: Duration = Duration::from_millis(1);

    fn new(_: u32) -> Self {
        Self {
            queue: DelayQueue::new(),
            runtime: runtime(),
        }
    }

    fn inside<A>(&mut self, work: impl FnOnce(&mut Self) -> A) -> A {
        let handle = self.runtime.handle().clone();
        let _entered = handle.enter();
        work(self)
    }

    #[inline]
    fn arm(&mut self, deadline: Instant, number: u32) -> delay_queue::Key {
        self.queue.insert_at(number, deadline.into())
    }

    #[inline]
    fn cancel(&mut self, key: delay_queue::Key) {
        self.queue.remove(&key);
    }

    #[inline]
    fn reset(&mut self, key: &mut delay_queue::Key, deadline: Instant) {
        self.queue.reset_at(key, deadline.into());
    }

    fn fire(&mut self, count: usize, fired: &mut Vec<u32>) {
        let Self { queue, runtime } = self;
        runtime.block_on(async {
            while fired.len() < count {
                let expired = poll_fn(|context| queue.poll_expired(context)).await;
                fired.push(expired.expect("one is armed").into_inner());
            }
        });
    }
}

/// tokio's `Sleep`, in a runtime. Each has a waker of its own, as each has a task in a
/// program; the wakers are made beforehand.
#[derive(Debug)]
pub struct Sleeps {
    wakers: Vec<Waker>,
    woken: Arc<Mutex<Vec<u32>>>,
    runtime: Runtime,
}

struct Number {
    number: u32,
    woken: Arc<Mutex<Vec<u32>>>,
}

impl Wake for Number {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = self.woken.lock();
        woken
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.number);
    }
}

impl Timers for Sleeps {
    type Key = Pin<Box<Sleep>>;

    const GRAIN: Duration = Duration::from_millis(1);

    fn new(most: u32) -> Self {
        let woken = Arc::default();
        let waker = |number| {
            let woken = Arc::clone(&woken);
            Waker::from(Arc::new(Number { number, woken }))
        };
        Self {
            wakers: (0..most).map(waker).collect(),
            woken,
            runtime: runtime(),
        }
    }

    fn inside<A>(&mut self, work: impl FnOnce(&mut Self) -> A) -> A {
        let handle = self.runtime.handle().clone();
        let _entered = handle.enter();
        work(self)
    }

    #[inline]
    fn arm(&mut self, deadline: Instant, number: u32) -> Self::Key {
        let mut sleep = Box::pin(tokio::time::sleep_until(deadline.into()));
        let mut context = Context::from_waker(&self.wakers[number as usize]);
        if sleep.as_mut().poll(&mut context).is_ready() {
            self.wakers[number as usize].wake_by_ref();
        }
        sleep
    }

    #[inline]
    fn cancel(&mut self, key: Self::Key) {
        assert!(!key.is_elapsed());
        drop(key);
    }

    #[inline]
    fn reset(&mut self, key: &mut Self::Key, deadline: Instant) {
        key.as_mut().reset(deadline.into());
    }

    fn fire(&mut self, count: usize, fired: &mut Vec<u32>) {
        let Self { woken, runtime, .. } = self;
        runtime.block_on(async {
            while fired.len() < count {
                tokio::task::yield_now().await;
                let mut woken = woken.lock().unwrap_or_else(PoisonError::into_inner);
                fired.append(&mut woken);
            }
        });
    }
}
