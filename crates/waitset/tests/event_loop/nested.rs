//! A loop as a source of poll(2) and of another loop, over each mechanism that lends a
//! descriptor.
#![cfg(any(target_os = "linux", target_os = "android"))]

use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use waitset::{Backend, EventLoop, LocalHandle, Mode, NestedLoop};

use crate::mechanisms::*;
use crate::sys;

type Log = Vec<&'static str>;
type Nested = NestedLoop<Log, AnyReactor>;
type Inner = LocalHandle<Log>;

/// The loop that waits for a nested one.
trait Outer {
    /// Waits until the nested loop's descriptor is readable, and runs it.
    fn turn(&mut self, log: &mut Log);
}

/// Calls poll(2), and nothing else.
struct PollCall(Nested);

impl Outer for PollCall {
    fn turn(&mut self, log: &mut Log) {
        let timeout = PollTimeout::try_from(Duration::from_secs(60)).unwrap();
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut fds, timeout).unwrap(), 1, "it stays silent");
        self.0.turn(log).unwrap();
    }
}

impl Outer for Loop<Log> {
    fn turn(&mut self, log: &mut Log) {
        let start = Instant::now();
        // A signal handler or a closed ring can end a wait early.
        while EventLoop::turn(self, log, Some(Duration::from_secs(60))).unwrap() == 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "it stays silent");
        }
    }
}

fn nested(backend: Backend) -> Option<Nested> {
    let event_loop: Loop<Log> = EventLoop::with_reactor(backend.open().ok()?);
    match event_loop.into_nested() {
        Ok(nested) => Some(nested),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().starts_with(backend.name()), "{error}");
            None
        }
    }
}

fn is_readable(fd: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).unwrap() > 0
}

/// What a test works with: the nested loop's handle, its descriptor, and the loop around it.
struct Scene<'a> {
    inner: Inner,
    fd: OwnedFd,
    outer: &'a mut dyn Outer,
    log: Log,
}

impl Scene<'_> {
    /// Turns until the nested loop has noted this, and comes to rest.
    fn await_note(&mut self, note: &'static str) {
        while !self.log.contains(&note) {
            self.outer.turn(&mut self.log);
        }
        self.log.clear();
        self.rest();
    }

    fn rest(&mut self) {
        // Many, because a child that was just forked can hold a copy of what was closed.
        for _ in 0..10_000 {
            if !is_readable(&self.fd) {
                return;
            }
            self.outer.turn(&mut self.log);
        }
        panic!("the nested loop does not come to rest");
    }
}

/// Runs a test on each nested mechanism within poll(2), and within a loop over each mechanism and
/// in each mode.
fn in_every_outer_loop(test: impl Fn(Scene<'_>) + Sync) {
    let mut checked = 0;
    for backend in Backend::all() {
        let in_thread = |name: String, run: &(dyn Fn(Nested) + Sync)| {
            eprintln!("{backend} in {name}");
            thread::scope(|scope| {
                let thread = scope.spawn(|| match nested(backend) {
                    Some(nested) => {
                        run(nested);
                        1
                    }
                    None => 0,
                });
                thread.join().unwrap()
            })
        };
        checked += in_thread("poll(2)".into(), &|mut nested| {
            let inner = nested.handle().local();
            let fd = nested.as_fd().try_clone_to_owned().unwrap();
            test(scene(inner, fd, &mut PollCall(nested)));
        });
        for outer in Backend::all() {
            for mode in [Mode::Level, Mode::Edge] {
                in_thread(format!("{outer}, {mode:?}"), &|mut nested| {
                    let Ok(reactor) = outer.open() else { return };
                    if !reactor.capabilities().supports(mode) {
                        return;
                    }
                    let inner = nested.handle().local();
                    let fd = nested.as_fd().try_clone_to_owned().unwrap();
                    let mut outer: Loop<Log> = EventLoop::with_reactor(reactor);
                    outer
                        .handle()
                        .insert_mut(nested, READ, mode, |log, nested, _, _| {
                            nested.turn(log).unwrap();
                        })
                        .unwrap();
                    test(scene(inner, fd, &mut outer));
                });
            }
        }
    }
    assert!(checked > 0, "epoll lends a descriptor");
}

fn scene(inner: Inner, fd: OwnedFd, outer: &mut dyn Outer) -> Scene<'_> {
    let log = Log::new();
    let mut scene = Scene {
        inner,
        fd,
        outer,
        log,
    };
    scene.rest();
    scene
}

/// Inserts a source that notes each of its events.
fn insert(inner: &Inner, source: UnixStream, mode: Mode, note: &'static str) -> waitset::Key {
    let inserted = inner.insert(source, READ, mode, move |log: &mut Log, near, _, _| {
        drain(near);
        log.push(note);
    });
    inserted.unwrap()
}

#[test]
fn a_source_that_becomes_ready_wakes_the_outer_loop() {
    in_every_outer_loop(|mut scene| {
        for mode in [Mode::Level, Mode::Edge, Mode::Oneshot] {
            let (near, mut far) = pair();
            let key = insert(&scene.inner, near, mode, "readable");
            scene.rest();
            for _ in 0..3 {
                far.write_all(b"!").unwrap();
                scene.await_note("readable");
                scene.inner.modify(key, READ, mode).unwrap();
                scene.rest();
            }
            assert!(scene.inner.remove(key));
        }
    });
}

#[test]
fn changes_from_outside_wake_the_outer_loop() {
    in_every_outer_loop(|mut scene| {
        let (near, _far) = ready();
        let key = insert(&scene.inner, near, Mode::Level, "inserted");
        scene.await_note("inserted");
        scene.inner.modify(key, WRITE, Mode::Edge).unwrap();
        scene.await_note("inserted");
        assert!(scene.inner.disable(key));
        scene.inner.enable(key).unwrap();
        scene.await_note("inserted");

        scene.inner.defer(|log, _| log.push("deferred"));
        scene.await_note("deferred");
        let hook = scene
            .inner
            .before_sleep(|log: &mut Log, _| log.push("hook"));
        scene.await_note("hook");
        assert!(scene.inner.remove(hook));
    });
}

#[test]
fn timers_wake_the_outer_loop() {
    in_every_outer_loop(|mut scene| {
        scene
            .inner
            .arm_after(Duration::from_millis(2), |log, _, _| log.push("armed"));
        scene.await_note("armed");
        let timer = scene
            .inner
            .arm_after(Duration::MAX, |log, _, _| log.push("reset"));
        scene.rest();
        assert!(scene.inner.reset_after(timer, Duration::from_millis(1)));
        scene.await_note("reset");
        let timer = scene
            .inner
            .arm_every(Duration::from_millis(1), |log, _, _| log.push("tick"));
        for _ in 0..3 {
            while !scene.log.contains(&"tick") {
                scene.outer.turn(&mut scene.log);
            }
            scene.log.clear();
        }
        assert!(scene.inner.cancel(timer));
        scene.rest();
    });
}

#[test]
fn other_threads_wake_the_outer_loop() {
    in_every_outer_loop(|mut scene| {
        let (sender, key) = scene.inner.channel(|log: &mut Log, message, _| {
            log.extend(message);
        });
        scene.rest();
        for _ in 0..3 {
            let remote = scene.inner.remote();
            let thread = thread::spawn(move || {
                remote.post(|log: &mut Log, _| log.push("posted")).unwrap();
            });
            scene.await_note("posted");
            thread.join().unwrap();
            let sender = sender.clone();
            let thread = thread::spawn(move || sender.send("sent").unwrap());
            scene.await_note("sent");
            thread.join().unwrap();
        }
        assert!(scene.inner.remove(key));
    });
}

fn defer_again(left: usize, log: &mut Log, inner: &Inner) {
    match left {
        0 => log.push("last"),
        _ => inner.defer(move |log, handle| defer_again(left - 1, log, &handle.local())),
    }
}

#[test]
fn work_that_is_left_over_wakes_the_outer_loop() {
    in_every_outer_loop(|mut scene| {
        // More turns than one call makes.
        scene
            .inner
            .defer(|log, handle| defer_again(100, log, &handle.local()));
        scene.await_note("last");

        // More events than one wait returns, from sources that are not drained at once.
        let mut fars = Vec::new();
        for _ in 0..300 {
            let (near, mut far) = pair();
            far.write_all(&[b'!'; 40]).unwrap();
            let inserted =
                scene
                    .inner
                    .insert(near, READ, Mode::Level, |log: &mut Log, mut near, _, _| {
                        let count = std::io::Read::read(&mut near, &mut [0]).unwrap();
                        assert_eq!(count, 1);
                        log.push("byte");
                    });
            inserted.unwrap();
            fars.push(far);
        }
        while scene.log.iter().filter(|note| **note == "byte").count() < 300 * 40 {
            scene.outer.turn(&mut scene.log);
        }
        scene.rest();
    });
}

#[test]
fn a_nested_loop_that_fails_or_panics_is_readable_again() {
    for backend in Backend::all() {
        let Some(mut nested) = nested(backend) else {
            continue;
        };
        let mut log = Log::new();
        nested.turn(&mut log).unwrap();
        nested.handle().defer(|_, _| panic!("on purpose"));
        nested.handle().defer(|log, _| log.push("after"));
        catch_unwind(AssertUnwindSafe(|| nested.turn(&mut log))).unwrap_err();
        assert!(log.is_empty());
        let mut outer = PollCall(nested);
        outer.turn(&mut log);
        assert_eq!(log, ["after"]);
    }
}

/// A reactor that replaces its own descriptor: the one that is lent stays.
#[test]
fn a_nested_loop_outlives_a_source_that_was_closed_while_registered() {
    in_every_outer_loop(|mut scene| {
        for _ in 0..3 {
            let (near, mut far) = ready();
            let near = Rc::new(near);
            let duplicate = near.as_fd().try_clone_to_owned().unwrap();
            let key = scene
                .inner
                .insert(
                    Rc::clone(&near),
                    READ,
                    Mode::Level,
                    |log: &mut Log, _, _, _| {
                        log.push("closed");
                    },
                )
                .unwrap();
            sys::put_onto_number_of(&*near, &pair().0);
            // That is noticed by the first call about the number.
            scene.inner.modify(key, WRITE, Mode::Edge).unwrap();
            scene.await_note("closed");
            far.write_all(b"!").unwrap();
            scene.rest();
            assert!(scene.inner.remove(key));
            drop(duplicate);

            let (near, mut far) = pair();
            let key = insert(&scene.inner, near, Mode::Level, "alive");
            scene.rest();
            far.write_all(b"!").unwrap();
            scene.await_note("alive");
            assert!(scene.inner.remove(key));
        }
    });
}

#[test]
fn a_nested_loop_can_nest_another_one() {
    for backend in Backend::all() {
        let (Some(mut innermost), Some(mut middle)) = (nested(backend), nested(backend)) else {
            continue;
        };
        let inner = innermost.handle().local();
        middle
            .handle()
            .insert_mut(innermost, READ, Mode::Level, |log, nested, _, _| {
                nested.turn(log).unwrap();
            })
            .unwrap();
        let fd = middle.as_fd().try_clone_to_owned().unwrap();
        let mut outer: Loop<Log> = EventLoop::with_reactor(backend.open().unwrap());
        outer
            .handle()
            .insert_mut(middle, READ, Mode::Edge, |log, nested, _, _| {
                nested.turn(log).unwrap();
            })
            .unwrap();
        let mut scene = scene(inner, fd, &mut outer);
        let (near, mut far) = pair();
        insert(&scene.inner, near, Mode::Level, "readable");
        scene.rest();
        far.write_all(b"!").unwrap();
        scene.await_note("readable");
        scene.inner.defer(|log, _| log.push("deferred"));
        scene.await_note("deferred");
    }
}

#[test]
fn a_nested_loop_becomes_its_own_again() {
    for backend in Backend::all() {
        let Some(mut nested) = nested(backend) else {
            continue;
        };
        let mut log = Log::new();
        nested.turn(&mut log).unwrap();
        assert!(nested.as_raw_fd() >= 0 && !is_readable(&nested));
        let mut event_loop = nested.into_event_loop();
        for _ in 0..3 {
            // Posted and sent by another thread, perhaps while it sleeps.
            let remote = event_loop.handle().remote();
            let (near, mut far) = pair();
            let key = insert(&event_loop.handle(), near, Mode::Level, "readable");
            let thread = thread::spawn(move || {
                remote.post(|log: &mut Log, _| log.push("posted")).unwrap();
                far.write_all(b"!").unwrap();
                far
            });
            let both = |log: &Log| log.contains(&"posted") && log.contains(&"readable");
            turn_until(&mut event_loop, &mut log, both);
            assert!(event_loop.handle().remove(key));
            drop(thread.join().unwrap());
            log.clear();
            let mut nested = event_loop.into_nested().unwrap();
            nested.handle().defer(|log, _| log.push("deferred"));
            let mut outer = PollCall(nested);
            while log.is_empty() {
                outer.turn(&mut log);
            }
            assert_eq!(log, ["deferred"]);
            event_loop = outer.0.into_event_loop();
        }
    }
}
