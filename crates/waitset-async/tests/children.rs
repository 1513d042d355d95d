//! Child processes and their pipes, on every mechanism.
#![cfg(any(target_os = "linux", target_os = "android"))]

mod mechanisms;

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::{Command, Stdio};

use futures::future::{join, join_all};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::poll;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, wait, waitid, waitpid};
use nix::unistd::Pid;

use mechanisms::{alone, complete, on_every_mechanism, sys};
use waitset_async::{Child, Executor, block_on, yield_now};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A shell whose standard input is a socket, and its other end: `read` ends when that is dropped,
/// so that the child does not outlive a failed test.
fn gated(script: &str) -> (Command, UnixStream) {
    let (gate, opener) = UnixStream::pair().unwrap();
    let mut command = shell(script);
    command.stdin(Stdio::from(OwnedFd::from(gate)));
    (command, opener)
}

fn process(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap())
}

/// Waits until a child has ended, and leaves it to others to reap it.
fn wait_for_end(process: Pid) {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    match waitid(Id::Pid(process), flags) {
        Ok(_) | Err(Errno::ECHILD) => {} // the latter if it has been reaped
        Err(error) => panic!("{error}"),
    }
}

fn is_reaped(process: Pid) -> bool {
    match waitpid(process, Some(WaitPidFlag::WNOHANG)) {
        Err(error) => {
            assert_eq!(error, Errno::ECHILD);
            true
        }
        Ok(status) => {
            eprintln!("{status:?}");
            false
        }
    }
}

#[test]
fn a_child_is_written_to_and_read_at_the_same_time() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let mut command = Command::new("cat");
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = Child::spawn(&mut command).unwrap();
            assert!(child.stderr.is_none());
            let mut stdin = child.stdin.take().unwrap();
            let stdout = child.stdout.as_mut().unwrap();
            let data = vec![7; 1 << 20]; // more than two pipes hold
            let write = async {
                stdin.write_all(&data).await.unwrap();
                drop(stdin);
            };
            let mut echo = Vec::new();
            let ((), read) = join(write, stdout.read_to_end(&mut echo)).await;
            assert_eq!(read.unwrap(), 1 << 20);
            assert_eq!(echo, data);
            assert!(child.status().await.unwrap().success());
        });
    });
}

#[test]
fn output_reads_both_pipes_at_the_same_time() {
    let fills_each_in_turn = "for pipe in 1 2 1 2; do head -c 200000 /dev/zero >&$pipe; done";
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let mut command = shell(&format!("{fills_each_in_turn}; cat; exit 3"));
            command.stdin(Stdio::piped());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = Child::spawn(&mut command).unwrap();
            let process = process(&child);
            let output = child.output().await.unwrap();
            assert_eq!(output.stdout, [0; 400_000]);
            assert_eq!(output.stderr, [0; 400_000]);
            assert_eq!(output.status.code(), Some(3));
            assert!(is_reaped(process));
        });
        assert_eq!(executor.tasks(), 0);
    });
}

#[test]
fn the_outputs_of_many_children_are_read_at_the_same_time() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let children = (0..20).map(|number| async move {
                let mut command = shell(&format!("echo {number}"));
                let child = Child::spawn(command.stdout(Stdio::piped())).unwrap();
                let output = child.output().await.unwrap();
                assert_eq!(output.stdout, format!("{number}\n").as_bytes());
                assert!(output.status.success() && output.stderr.is_empty());
            });
            join_all(children).await;
        });
    });
}

#[test]
fn status_closes_the_input_and_is_kept() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let mut command = shell("cat; exit 7");
            let mut child = Child::spawn(command.stdin(Stdio::piped())).unwrap();
            assert_eq!(child.try_status().unwrap(), None);
            for _ in 0..2 {
                assert_eq!(child.status().await.unwrap().code(), Some(7));
            }
            assert_eq!(child.try_status().unwrap().unwrap().code(), Some(7));
            child.kill().unwrap();
        });
    });
}

#[test]
fn a_killed_child_ends_by_the_signal() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (mut command, _gate) = gated("read line");
            let mut child = Child::spawn(&mut command).unwrap();
            {
                let mut status = pin!(child.status());
                assert!(poll!(&mut status).is_pending());
            }
            child.kill().unwrap();
            let status = child.status().await.unwrap();
            assert_eq!(status.signal(), Some(Signal::SIGKILL as i32));
        });
    });
}

#[test]
fn a_dropped_child_runs_on_and_is_reaped_when_it_ends() {
    on_every_mechanism(|mut executor| {
        let (mut command, mut gate) = gated("read line && test $line = go && exit 0; exit 1");
        let process = complete(&mut executor, async {
            let child = Child::spawn(&mut command).unwrap();
            process(&child)
        });
        assert_eq!(executor.tasks(), 1);
        gate.write_all(b"go\n").unwrap();
        wait_for_end(process);
        complete(&mut executor, async {
            for _ in 0..3 {
                yield_now().await;
            }
        });
        assert_eq!(executor.tasks(), 0);
        assert!(is_reaped(process));
    });
}

#[test]
fn a_child_that_outlives_its_executor_is_reaped_by_the_next() {
    on_every_mechanism(|mut executor| {
        let (mut command, gate) = gated("read line");
        let mut dropped = None;
        let (in_task, in_block_on) = complete(&mut executor, async {
            let of_task = Child::spawn(&mut command).unwrap();
            let of_test = Child::spawn(&mut command).unwrap();
            let processes = (process(&of_task), process(&of_test));
            drop(waitset_async::spawn(async move {
                let _child = of_task;
                std::future::pending::<()>().await;
            }));
            dropped = Some(of_test);
            processes
        });
        drop(executor);
        drop(dropped);
        drop((command, gate));
        for process in [in_task, in_block_on] {
            wait_for_end(process);
        }
        let reactor = waitset::PollReactor::new().unwrap();
        let status = block_on(reactor, async {
            Child::spawn(&mut shell("exit 0")).unwrap().status().await
        });
        assert!(status.unwrap().unwrap().success());
        assert!(is_reaped(in_task) && is_reaped(in_block_on));
    });
}

#[test]
fn a_child_is_killed_when_it_is_dropped_if_that_is_asked_for() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (mut command, _gate) = gated("read line");
            let mut child = Child::spawn(command.stdout(Stdio::piped())).unwrap();
            child.kill_on_drop(true);
            let process = process(&child);
            let mut stdout = child.stdout.take().unwrap();
            drop(child);
            // The gate is still closed: this ends because the process has.
            assert_eq!(stdout.read(&mut [0]).await.unwrap(), 0);
            wait_for_end(process);
            for _ in 0..3 {
                yield_now().await;
            }
            assert!(is_reaped(process));
        });
    });
}

#[test]
fn a_forked_child_leaves_the_children_of_its_parent_alone() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (mut command, gate) = gated("read line; exit 7");
            let mut child = Child::spawn(&mut command).unwrap();
            child.kill_on_drop(true);
            match sys::forked() {
                Some(forked) => sys::assert_ends_well(forked),
                None => {
                    drop(child);
                    sys::end(true);
                }
            }
            drop((command, gate));
            assert_eq!(child.status().await.unwrap().code(), Some(7));
        });
    });
}

#[test]
fn a_command_that_cannot_be_started_is_an_error() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let error = Child::spawn(&mut Command::new("/no/such/program")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        });
    });
}

#[test]
fn without_an_executor_nothing_is_started() {
    alone("without_an_executor_nothing_is_started", || {
        Child::spawn(&mut shell("exit 0")).unwrap_err();
        assert_eq!(wait(), Err(Errno::ECHILD));
    });
}

#[test]
fn a_child_that_cannot_be_registered_is_killed() {
    alone("a_child_that_cannot_be_registered_is_killed", || {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        if most < 1100 {
            eprintln!("NOT CHECKED: at most {most} descriptors");
            return;
        }
        setrlimit(Resource::RLIMIT_NOFILE, most.min(4096), most).unwrap();
        let mut executor = Executor::new(waitset::SelectReactor::posix().unwrap());
        // The next descriptors are above the limit of POSIX.
        let _low: Vec<_> = (0..1024)
            .map(|_| File::open("/dev/null").unwrap())
            .collect();
        for is_piped in [false, true] {
            let (mut command, gate) = gated("read line");
            if is_piped {
                command.stderr(Stdio::piped());
            }
            complete(&mut executor, async {
                Child::spawn(&mut command).unwrap_err();
            });
            drop((command, gate)); // one that was not killed exits
            let ended = matches!(wait().unwrap(), WaitStatus::Signaled(_, Signal::SIGKILL, _));
            assert!(ended);
        }
    });
}
