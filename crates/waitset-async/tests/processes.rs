//! Signals and child processes that are awaited, on every mechanism.
#![cfg(any(target_os = "linux", target_os = "android"))]

mod mechanisms;

use std::pin::pin;
use std::process::{Command, Stdio};

use futures::poll;
use nix::sys::signal::{Signal as Raw, raise};
use waitset::{ChildProcess, Signal, Signals};
use waitset_async::Async;

use mechanisms::{complete, on_every_mechanism};

#[test]
fn a_signal_is_awaited_until_it_comes() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            // Blocked in this thread, to which `raise` sends it.
            let signals = Async::new(Signals::new(&[Signal::USER_2]).unwrap()).unwrap();
            for _ in 0..2 {
                let mut next = pin!(signals.next());
                assert!(poll!(&mut next).is_pending());
                raise(Raw::SIGUSR2).unwrap();
                let info = next.await.unwrap();
                assert_eq!(info.signal(), Signal::USER_2);
                assert_eq!(info.sender(), std::process::id());
            }
        });
    });
}

#[test]
fn a_child_is_awaited_until_it_ends() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let mut command = Command::new("sh");
            let command = command.args(["-c", "read line; exit 7"]);
            let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
            let gate = child.stdin.take();
            let child = Async::new(ChildProcess::new(child).unwrap()).unwrap();
            let mut status = pin!(child.status());
            assert!(poll!(&mut status).is_pending());
            drop(gate);
            assert_eq!(status.await.unwrap().code(), Some(7));
            let again = child.read_with(ChildProcess::try_wait).await;
            assert_eq!(again.unwrap().code(), Some(7));
        });
    });
}
