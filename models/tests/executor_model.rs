//! No wake from another thread is lost, in every interleaving with an executor, or a loop with
//! tasks, that polls and sleeps: run by the model checker.
//!
//! `cargo test --release -p waitset-models --test executor_model`
//!
//! These are red if a ticket leaves the queue after its future was polled, or by a store
//! instead of a swap, and if the executor says that it sleeps under another lock than the
//! one under which it saw that nothing is ready.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, JoinHandle};
use waitset::EventLoop;
use waitset_async::{Executor, Spawn, spawn};
use waitset_models::Sleeper;

/// Runs a model: all interleavings with at most three preemptions, which is what errors of
/// this kind take.
fn model(run: impl Fn(Sleeper) + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || run(Sleeper::new()));
}

fn model_executor(run: impl Fn(Executor) + Send + Sync + 'static) {
    model(move |reactor| run(Executor::new(reactor)));
}

/// Ends when as many threads have said that they are done, each by a wake.
async fn told_by_threads(count: usize) {
    let mut threads = Vec::<(Arc<AtomicBool>, JoinHandle<()>)>::new();
    poll_fn(|context| {
        while threads.len() < count {
            let is_done = Arc::new(AtomicBool::new(false));
            let (done, waker) = (Arc::clone(&is_done), context.waker().clone());
            let thread = thread::spawn(move || {
                // Relaxed: it is the wake that makes it visible.
                done.store(true, Ordering::Relaxed);
                waker.wake();
            });
            threads.push((is_done, thread));
        }
        let is_done = |(done, _): &(Arc<AtomicBool>, _)| done.load(Ordering::Relaxed);
        match threads.iter().all(is_done) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    for (_, thread) in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_wake_of_the_main_future_is_never_lost() {
    model_executor(|mut executor| {
        executor.block_on(told_by_threads(1)).unwrap();
    });
}

#[test]
fn wakes_of_two_threads_coalesce_without_a_loss() {
    model_executor(|mut executor| {
        executor.block_on(told_by_threads(2)).unwrap();
    });
}

#[test]
fn a_task_that_is_woken_while_others_run_is_polled() {
    model_executor(|mut executor| {
        let (one, other) = executor
            .block_on(async {
                let (one, other) = (spawn(told_by_threads(1)), spawn(told_by_threads(1)));
                (one.await, other.await)
            })
            .unwrap();
        one.and(other).unwrap();
    });
}

#[test]
fn the_wakes_of_a_loops_tasks_are_not_lost() {
    model(|reactor| {
        let mut event_loop: EventLoop<(), Sleeper> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let left = Rc::new(Cell::new(2));
        for _ in 0..left.get() {
            let left = Rc::clone(&left);
            drop(handle.spawn(async move {
                told_by_threads(1).await;
                left.set(left.get() - 1);
            }));
        }
        while left.get() > 0 {
            event_loop.turn(&mut (), None).unwrap();
        }
    });
}

#[test]
fn a_task_that_another_thread_starts_is_run() {
    model(|reactor| {
        let mut event_loop: EventLoop<(), Sleeper> = EventLoop::with_reactor(reactor);
        let is_done = Arc::new(AtomicBool::new(false));
        let (done, remote) = (Arc::clone(&is_done), event_loop.handle().remote());
        let thread = thread::spawn(move || {
            let task = async move { done.store(true, Ordering::Relaxed) };
            remote.spawn(task).unwrap();
        });
        while !is_done.load(Ordering::Relaxed) {
            event_loop.turn(&mut (), None).unwrap();
        }
        thread.join().unwrap();
    });
}
