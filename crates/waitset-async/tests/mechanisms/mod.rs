//! Every mechanism that this machine has.
#![allow(dead_code, reason = "each test file uses some of it")]

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) mod sys;

use std::cell::Cell;
use std::env;
use std::io::{self, ErrorKind, Write};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset::{Backend, Capabilities, EventLoop, Reactor};
use waitset_async::{Executor, Spawn, timeout};

/// Runs a test on each mechanism, which names itself if it fails.
///
/// Each has a thread of its own: closing an io_uring interrupts a later system call of
/// the thread that used it.
pub(crate) fn on_every_mechanism(test: impl Fn(Executor) + Sync) {
    for_each_mechanism(|executor, _| test(executor));
}

pub(crate) fn for_each_mechanism(test: impl Fn(Executor, Capabilities) + Sync) {
    on_every_reactor(|reactor| {
        let capabilities = reactor.capabilities();
        test(Executor::new(reactor), capabilities);
    });
}

/// Like [`on_every_mechanism`], for tests that make an event loop.
pub(crate) fn on_every_reactor(test: impl Fn(Box<dyn Reactor + Send>) + Sync) {
    for backend in Backend::all() {
        let reactor = match backend.open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                // Past the harness, which keeps what passing tests print to itself.
                let _ = writeln!(io::stderr(), "NOT CHECKED: {error}");
                continue;
            }
            opened => opened.unwrap(),
        };
        eprintln!("on {backend}");
        std::thread::scope(|scope| {
            scope.spawn(|| test(reactor));
        });
    }
}

/// Set in a child of [`alone`].
const ALONE: &str = "WAITSET_ASYNC_ALONE";

/// Runs `body`, the whole of the test of this name, in a process of its own: it changes what
/// a process shares.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(ALONE, "yes")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs `future` to its end, which must come.
pub(crate) fn complete<F: Future>(executor: &mut Executor, future: F) -> F::Output {
    let bounded = async { timeout(Duration::from_secs(60), future).await };
    let ended = executor.block_on(bounded).unwrap();
    ended.expect("the test hangs")
}

/// Runs `future` to its end and returns how long it took.
pub(crate) fn timed<F: Future>(executor: &mut Executor, future: F) -> (F::Output, Duration) {
    let start = Instant::now();
    let output = complete(executor, future);
    (output, start.elapsed())
}

/// Turns until `future`, a task of the loop, has ended, which it must.
pub(crate) fn complete_in<State, R, F>(
    event_loop: &mut EventLoop<State, R>,
    state: &mut State,
    future: F,
) -> F::Output
where
    State: 'static,
    R: Reactor + 'static,
    F: Future + 'static,
{
    let bounded = async { timeout(Duration::from_secs(60), future).await };
    let task = event_loop.handle().spawn(bounded);
    let outcome = Rc::new(Cell::new(None));
    let told = Rc::clone(&outcome);
    drop(event_loop.handle().spawn(async move {
        told.set(Some(task.await));
    }));
    loop {
        if let Some(ended) = outcome.take() {
            return ended.unwrap().expect("the test hangs");
        }
        event_loop.turn(state, None).unwrap();
    }
}
