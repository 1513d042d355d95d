//! Something that happens in another thread while this one waits.

use std::fs;
use std::process::id as this_process;
use std::thread;
use std::time::Instant;

use crate::watch::BOUND;

/// The kernel's number of this thread.
pub(crate) fn this_thread() -> i32 {
    nix::unistd::gettid().as_raw()
}

/// Runs `wait` here, and `act` in another thread: once this one sleeps, if it ever does.
pub(crate) fn once_asleep(sleeps: bool, act: impl FnOnce() + Send, wait: impl FnOnce()) {
    let waiting = this_thread();
    thread::scope(|scope| {
        scope.spawn(move || {
            if sleeps {
                await_state(this_process(), waiting, 'S');
            }
            act();
        });
        wait();
    });
}

/// Returns when a thread is in this state (proc(5)): `S` if it sleeps in the kernel, `T` if it
/// is stopped.
pub(crate) fn await_state(process: u32, thread: i32, state: char) {
    let path = format!("/proc/{process}/task/{thread}/stat");
    let start = Instant::now();
    while start.elapsed() < BOUND {
        let stat = fs::read_to_string(&path).unwrap();
        // The name before the state may contain anything, parentheses included.
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        if rest.starts_with(state) {
            return;
        }
        thread::yield_now();
    }
    panic!("the waiting thread never came to state {state}");
}
