//! Sources that their callbacks may change: what is registered is a duplicate.

use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::{ChildStdout, Command, Stdio};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use waitset::{EventLoop, Mode};

use crate::alone;
use crate::mechanisms::*;

fn read_all(
    text: &mut String,
    output: &mut ChildStdout,
    _: waitset::Event,
    handle: &mut In<'_, String>,
) {
    match output.read_to_string(text) {
        Ok(_) => assert!(handle.remove(handle.key())),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
}

#[test]
fn a_childs_output_is_read_through_a_mutable_reference() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<String> = EventLoop::with_reactor(reactor);
        for mode in [Mode::Level, Mode::Edge] {
            if !event_loop.handle().capabilities().supports(mode) {
                continue;
            }
            let mut command = Command::new("cat");
            let mut child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            let output = child.stdout.take().unwrap();
            waitset::set_nonblocking(&output, true).unwrap();
            event_loop
                .handle()
                .insert_mut(output, READ, mode, read_all)
                .unwrap();
            let mut text = String::new();
            for line in ["one\n", "two\n"] {
                input.write_all(line.as_bytes()).unwrap();
                turn_until(&mut event_loop, &mut text, |text| text.ends_with(line));
            }
            drop(input);
            while !event_loop.handle().is_empty() {
                event_loop.turn(&mut text, None).unwrap();
            }
            assert_eq!(text, "one\ntwo\n");
            assert!(child.wait().unwrap().success());
        }
    });
}

/// A source that a callback replaces: the one that was inserted is still watched, and the
/// number of the one that it closed can be watched for another file.
#[test]
fn a_callback_may_replace_its_source() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<RawFd>> = EventLoop::with_reactor(reactor);
        let ((near, mut far), (other, mut others_far)) = (ready(), pair());
        let number = near.as_raw_fd();
        let mut other = Some(other);
        let key = event_loop
            .handle()
            .insert_mut(
                near,
                READ,
                Mode::Level,
                move |calls: &mut Vec<RawFd>, near, _, _| {
                    drain(near);
                    calls.push(near.as_raw_fd());
                    if let Some(other) = other.take() {
                        drop(mem::replace(near, other));
                    }
                },
            )
            .unwrap();
        let mut calls = Vec::new();
        turn_until(&mut event_loop, &mut calls, |calls| !calls.is_empty());
        assert_eq!(calls, [number]);

        // The new source is not watched, and a newcomer that has the number of the old is.
        others_far.write_all(b"!").unwrap();
        settle(&mut event_loop, &mut calls);
        assert_eq!(calls.len(), 1);
        let newcomer = ready();
        let newcomer_number = newcomer.0.as_raw_fd();
        event_loop
            .handle()
            .insert(
                newcomer.0,
                READ,
                Mode::Level,
                |calls: &mut Vec<RawFd>, near, _, _| {
                    drain(near);
                    calls.push(near.as_raw_fd());
                },
            )
            .unwrap();
        turn_until(&mut event_loop, &mut calls, |calls| calls.len() > 1);
        assert_eq!(calls.pop(), Some(newcomer_number));

        // The old one is, and its peer sees its end when it is removed.
        event_loop.handle().modify(key, WRITE, Mode::Level).unwrap();
        turn_until(&mut event_loop, &mut calls, |calls| calls.len() > 1);
        let open = far.read(&mut [0]).unwrap_err();
        assert_eq!(open.kind(), ErrorKind::WouldBlock);
        assert!(event_loop.handle().remove(key));
        await_end(&far);
    });
}

/// What a callback with a mutable reference to its source can do at worst: lend one descriptor
/// and then another.
#[test]
fn a_source_that_is_emptied_in_its_callback_can_be_changed_and_removed() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<u32> = EventLoop::with_reactor(reactor);
        let (near, far) = pair();
        let placeholder = OwnedFd::from(pair().0);
        let key = event_loop
            .handle()
            .insert_mut(
                OwnedFd::from(near),
                WRITE,
                Mode::Level,
                move |calls, near, _, _| {
                    *calls += 1;
                    *near = placeholder.try_clone().unwrap();
                },
            )
            .unwrap();
        let mut calls = 0;
        turn_until(&mut event_loop, &mut calls, |calls| *calls > 0);
        let handle = event_loop.handle();
        assert!(handle.disable(key));
        handle.enable(key).unwrap();
        handle.modify(key, READ, Mode::Level).unwrap();
        assert!(handle.remove(key) && handle.is_empty());
        await_end(&far);
    });
}

#[test]
fn a_source_comes_back_if_it_cannot_be_duplicated() {
    alone::on_every_mechanism(
        "mutable::a_source_comes_back_if_it_cannot_be_duplicated",
        |reactor| {
            let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
            let (near, mut far) = pair();
            let number = near.as_raw_fd();
            let mut fillers: Vec<OwnedFd> = Vec::new();
            let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
            setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
            while let Ok(filler) = far.as_fd().try_clone_to_owned() {
                fillers.push(filler);
            }
            let handle = event_loop.handle();
            let refused = handle.insert_mut(near, READ, Mode::Level, |_, _, _, _| ());
            let refused = refused.unwrap_err();
            let text = refused.to_string();
            assert!(
                text.contains(&format!("cannot duplicate descriptor {number}")),
                "{text}"
            );
            let near: UnixStream = refused.into_source();
            assert!(handle.is_empty());
            fillers.pop();
            handle
                .insert_mut(near, READ, Mode::Level, |_, _, _, _| ())
                .unwrap();
            far.write_all(b"!").unwrap();
            assert_eq!(event_loop.turn(&mut (), None).unwrap(), 1);
        },
    );
}
