//! No wake is lost, in every interleaving: run by the model checker.
//!
//! `cargo test --release -p waitset-models --test waker_model`

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use waitset_core::{Doorbell, ReactorWaker, WakeFlag};

/// A descriptor that is readable from ring to drain, as an eventfd.
#[derive(Clone)]
struct Bell(Arc<AtomicBool>);

impl Doorbell for Bell {
    fn ring(&self) -> bool {
        self.0.store(true, Ordering::SeqCst);
        true
    }
}

/// One wait of a level-triggered reactor: sleeps until the bell rings, drains it, takes
/// the flag.
fn wait(flag: &WakeFlag<Bell>) {
    while !flag.doorbell().0.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    flag.doorbell().0.store(false, Ordering::SeqCst);
    assert!(flag.take(), "the bell rings only for a raised flag");
}

fn model(publishers: usize) {
    loom::model(move || {
        let flag = WakeFlag::new(Bell(Arc::new(AtomicBool::new(false))));
        let published = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..publishers)
            .map(|_| {
                let (waker, published): (ReactorWaker, _) = (flag.waker(), published.clone());
                thread::spawn(move || {
                    // Relaxed: it is the wake that makes it visible.
                    published.fetch_add(1, Ordering::Relaxed);
                    waker.wake();
                })
            })
            .collect();
        // A lost wake would leave this loop asleep for ever, which the checker reports.
        while published.load(Ordering::Relaxed) < publishers {
            wait(&flag);
        }
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_wake_of_one_thread_is_never_lost() {
    model(1);
}

#[test]
fn wakes_of_two_threads_coalesce_without_a_loss() {
    model(2);
}
