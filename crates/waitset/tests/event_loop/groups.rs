//! One value with several sources and timers: inserted, paused and removed with one key.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use waitset::{ChannelSender, EventLoop, EventSource, Key, LocalHandle, Mode};

use crate::mechanisms::*;

/// Delivers the lines of a stream one by one, as a third-party crate would: at most one per
/// period, and none is read while enough of them are waiting.
struct PacedLines<F> {
    stream: Rc<UnixStream>,
    period: Duration,
    deliver: F,
}

#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    lines: VecDeque<String>,
}

impl Buffer {
    const MOST: usize = 2;

    fn is_full(&self) -> bool {
        self.lines.len() >= Self::MOST
    }

    fn read(&mut self, mut stream: &UnixStream) -> io::Result<bool> {
        let mut chunk = [0; 8];
        let count = match stream.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            read => read?,
        };
        self.bytes.extend(&chunk[..count]);
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            self.lines
                .push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        Ok(count > 0)
    }
}

impl<State, F> EventSource<State> for PacedLines<F>
where
    State: 'static,
    F: Fn(&mut State, String) + Clone + 'static,
{
    fn register(&mut self, group: Key, handle: &LocalHandle<State>) -> io::Result<()> {
        let buffer = Rc::new(RefCell::new(Buffer::default()));
        let is_open = Rc::new(Cell::new(true));
        let reading = {
            let (buffer, is_open) = (Rc::clone(&buffer), Rc::clone(&is_open));
            handle.insert(
                Rc::clone(&self.stream),
                READ,
                Mode::Level,
                move |_: &mut State, stream, _, handle| {
                    let mut buffer = buffer.borrow_mut();
                    is_open.set(buffer.read(stream).unwrap_or(false));
                    if !is_open.get() || buffer.is_full() {
                        handle.disable(handle.key());
                    }
                },
            )?
        };
        let deliver = self.deliver.clone();
        handle.arm_every(self.period, move |state, _, handle| {
            let line = buffer.borrow_mut().lines.pop_front();
            match line {
                Some(line) => {
                    deliver(state, line);
                    if is_open.get() && handle.enable(reading).is_err() {
                        handle.remove(group);
                    }
                }
                None if !is_open.get() => drop(handle.remove(group)),
                None => {}
            }
        });
        Ok(())
    }
}

type Lines = Vec<String>;

fn paced(stream: UnixStream) -> PacedLines<impl Fn(&mut Lines, String) + Clone> {
    PacedLines {
        stream: Rc::new(stream),
        period: Duration::from_millis(1),
        deliver: |lines: &mut Lines, line| lines.push(line),
    }
}

#[test]
fn a_group_works_until_it_removes_itself() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Lines> = EventLoop::with_reactor(reactor);
        let (near, mut far) = pair();
        let key = event_loop.handle().insert_group(paced(near)).unwrap();
        far.write_all(b"one\ntwo\nthree\nfour\nfive\n").unwrap();
        far.shutdown(std::net::Shutdown::Write).unwrap();
        let mut lines = Lines::new();
        while event_loop.handle().contains(key) {
            event_loop.turn(&mut lines, None).unwrap();
        }
        assert_eq!(lines, ["one", "two", "three", "four", "five"]);
        assert!(event_loop.handle().is_empty());
        await_end(&far);
    });
}

#[test]
fn removing_a_group_removes_its_members_and_its_value() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Lines> = EventLoop::with_reactor(reactor);
        let (near, far) = pair();
        let handle = event_loop.handle();
        let key = handle.insert_group(paced(near)).unwrap();
        assert!(handle.contains(key) && handle.is_enabled(key));
        assert_eq!(handle.len(), 2, "the group and its source");
        assert!(handle.remove(key) && !handle.remove(key));
        assert!(handle.is_empty());
        await_end(&far);
        let mut lines = Lines::new();
        settle(&mut event_loop, &mut lines);
        let handle = event_loop.handle();
        assert!(!handle.disable(key));
        assert_eq!(handle.enable(key).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[derive(Default)]
struct Counts {
    sources: usize,
    timers: usize,
    messages: usize,
    hooks: usize,
}

/// One of everything.
struct Everything {
    near: Rc<UnixStream>,
    sender: Rc<RefCell<Option<ChannelSender<()>>>>,
    /// The loop fails to insert it again.
    taken: Option<Rc<UnixStream>>,
    panics: bool,
}

impl EventSource<Counts> for Everything {
    fn register(&mut self, _: Key, handle: &LocalHandle<Counts>) -> io::Result<()> {
        handle.insert(
            Rc::clone(&self.near),
            READ,
            Mode::Level,
            |counts: &mut Counts, _, _, _| {
                counts.sources += 1;
            },
        )?;
        handle.arm_after(Duration::ZERO, |counts, tick, handle| {
            counts.timers += 1;
            handle.reset_after(tick.timer, Duration::ZERO);
        });
        let (sender, _) = handle.channel(|counts: &mut Counts, _, _| counts.messages += 1);
        *self.sender.borrow_mut() = Some(sender);
        handle.before_sleep(|counts: &mut Counts, _| counts.hooks += 1);
        assert!(!self.panics, "on purpose");
        if let Some(taken) = &self.taken {
            handle.insert(Rc::clone(taken), READ, Mode::Level, |_, _, _, _| ())?;
        }
        Ok(())
    }
}

fn everything() -> (Everything, UnixStream) {
    let (near, far) = ready();
    let everything = Everything {
        near: Rc::new(near),
        sender: Rc::default(),
        taken: None,
        panics: false,
    };
    (everything, far)
}

fn ran(counts: &Counts) -> [bool; 4] {
    [counts.sources, counts.timers, counts.messages, counts.hooks].map(|count| count > 0)
}

/// Makes some turns, and returns which kinds of callbacks ran.
fn turns(event_loop: &mut Loop<Counts>) -> [bool; 4] {
    let mut counts = Counts::default();
    for _ in 0..3 {
        event_loop.turn(&mut counts, AT_ONCE).unwrap();
    }
    ran(&counts)
}

#[test]
fn disabling_a_group_stops_all_that_it_has_until_it_is_enabled() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Counts> = EventLoop::with_reactor(reactor);
        let (value, _far) = everything();
        let sender = Rc::clone(&value.sender);
        let group = event_loop.handle().insert_group(value).unwrap();
        let sender = sender.borrow_mut().take().unwrap();
        for _ in 0..3 {
            sender.send(()).unwrap();
            assert_eq!(turns(&mut event_loop), [true; 4]);
            let handle = event_loop.handle();
            assert!(handle.disable(group) && !handle.is_enabled(group));
            assert!(handle.disable(group), "again, which changes nothing");
            sender.send(()).unwrap();
            assert_eq!(turns(&mut event_loop), [false; 4]);
            event_loop.handle().enable(group).unwrap();
            assert_eq!(turns(&mut event_loop), [true; 4]);
        }
    });
}

#[test]
fn a_value_that_cannot_be_registered_comes_back_and_leaves_nothing() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Counts> = EventLoop::with_reactor(reactor);
        let (mut value, far) = everything();
        value.taken = Some(Rc::clone(&value.near));
        let handle = event_loop.handle();
        let refused = handle.insert_group(value).unwrap_err();
        assert_eq!(refused.error().kind(), ErrorKind::AlreadyExists);
        assert!(handle.is_empty());
        let mut value = refused.into_source();
        let sender = value.sender.take().unwrap();
        assert!(sender.send(()).is_err(), "the channel is gone");
        assert_eq!(turns(&mut event_loop), [false; 4]);

        value.taken = None;
        let key = event_loop.handle().insert_group(value).unwrap();
        assert!(turns(&mut event_loop)[0]);
        assert!(event_loop.handle().remove(key));
        await_end(&far);
    });
}

#[test]
fn a_value_that_panics_leaves_nothing() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Counts> = EventLoop::with_reactor(reactor);
        let (mut value, far) = everything();
        value.panics = true;
        let handle = event_loop.handle();
        catch_unwind(AssertUnwindSafe(|| handle.insert_group(value).is_ok())).unwrap_err();
        assert!(handle.is_empty());
        // What comes after it is nobody's member.
        let timer = handle.arm_after(Duration::ZERO, |counts, _, _| counts.timers += 1);
        assert!(handle.is_armed(timer));
        assert_eq!(turns(&mut event_loop), [false, true, false, false]);
        await_end(&far);
    });
}

/// A group that has another one as its member, and is inserted by a callback.
struct Outer(Option<Everything>, Rc<Cell<Option<Key>>>);

impl EventSource<Counts> for Outer {
    fn register(&mut self, group: Key, handle: &LocalHandle<Counts>) -> io::Result<()> {
        handle.insert_group(self.0.take().unwrap())?;
        handle.arm_after(Duration::MAX, |_, _, _| ());
        self.1.set(Some(group));
        Ok(())
    }
}

#[test]
fn a_group_can_have_groups_and_be_changed_by_callbacks() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Counts> = EventLoop::with_reactor(reactor);
        let (value, far) = everything();
        let key = Rc::new(Cell::new(None));
        let outer = Outer(Some(value), Rc::clone(&key));
        event_loop.handle().defer(move |_, handle| {
            handle.insert_group(outer).map(drop).unwrap();
        });
        turns(&mut event_loop);
        let key = key.get().unwrap();
        assert!(turns(&mut event_loop)[0]);
        event_loop.handle().disable(key);
        assert_eq!(turns(&mut event_loop), [false; 4]);
        event_loop.handle().enable(key).unwrap();
        assert!(turns(&mut event_loop)[0]);
        event_loop.handle().defer(move |_, handle| {
            assert!(handle.remove(key));
        });
        turns(&mut event_loop);
        assert!(event_loop.handle().is_empty());
        assert_eq!(turns(&mut event_loop), [false; 4]);
        await_end(&far);
    });
}

/// A value whose registration removes its own group.
struct RemovesItself(Everything);

impl EventSource<Counts> for RemovesItself {
    fn register(&mut self, group: Key, handle: &LocalHandle<Counts>) -> io::Result<()> {
        self.0.register(group, handle)?;
        assert!(handle.remove(group));
        Ok(())
    }
}

#[test]
fn a_value_that_removes_its_own_group_leaves_nothing() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Counts> = EventLoop::with_reactor(reactor);
        let (value, far) = everything();
        let handle = event_loop.handle();
        let key = handle
            .insert_group(RemovesItself(value))
            .map_err(io::Error::from);
        assert!(!handle.contains(key.unwrap()) && handle.is_empty());
        assert_eq!(turns(&mut event_loop), [false; 4]);
        await_end(&far);
    });
}

#[test]
fn a_value_comes_back_if_the_loop_was_dropped() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Counts> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle().local();
        drop(event_loop);
        let (value, _far) = everything();
        let refused = handle.insert_group(value).unwrap_err();
        assert_eq!(refused.error().kind(), ErrorKind::BrokenPipe);
        assert!(refused.into_source().sender.borrow().is_none());
    });
}
