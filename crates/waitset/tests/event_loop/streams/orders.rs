//! Reading, consuming, pausing and sending in random orders: no order stalls a connection.

use std::cell::Cell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use waitset::EventLoop;
use waitset::stream::{Connection, Limits, Notice};

use super::*;

const LIMIT: usize = 10;

/// What the callback and the test know of the input.
#[derive(Default)]
struct Known {
    /// How many bytes it holds.
    len: Cell<usize>,
    /// Whether it was reported to be full since it was last less than full.
    is_full: Cell<bool>,
    /// How many bytes were sent to it and consumed from it.
    sent: Cell<usize>,
    consumed: Cell<usize>,
}

impl Known {
    fn consume(&self, connection: &Connection<UnixStream>, count: usize, handle: &mut In<'_, ()>) {
        let taken = connection.take(count, handle);
        let before = self.consumed.get();
        let expected = &numbered(before + taken.len())[before..];
        assert!(taken == expected, "it is what was sent, in order");
        self.consumed.set(before + taken.len());
        self.len.set(connection.input(handle).len());
        if !taken.is_empty() {
            self.is_full.set(false);
        }
    }

    /// Whether all is read that there is room for, and a full input was reported.
    fn is_settled(&self) -> bool {
        let waiting = (self.sent.get() - self.consumed.get()).min(LIMIT);
        self.len.get() == waiting && self.is_full.get() == (waiting == LIMIT)
    }
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }
}

/// A connection whose callback consumes as many bytes as this says, each time that it is told
/// of input.
fn insert(
    event_loop: &mut Loop<()>,
    near: UnixStream,
    mode: Mode,
    known: &Rc<Known>,
    consumes: usize,
) -> Connection<UnixStream> {
    let known = Rc::clone(known);
    let note = move |(): &mut (),
                     connection: &Connection<UnixStream>,
                     notice: Notice,
                     handle: &mut In<'_, ()>| {
        known.len.set(connection.input(handle).len());
        match notice {
            Notice::Received => known.consume(connection, consumes, handle),
            Notice::InputFull => assert!(!known.is_full.replace(true), "it is told once"),
            Notice::Flushed => {}
            other => panic!("{other:?}"),
        }
    };
    let limits = Limits::new().with_input(LIMIT).with_output(1 << 20);
    let handle = event_loop.handle();
    handle.insert_stream_with(near, mode, limits, note).unwrap()
}

#[test]
fn no_order_of_operations_stalls_the_reading_or_hides_that_the_input_is_full() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        for seed in 0..50 {
            let (near, mut far) = pair();
            let known = Rc::new(Known::default());
            let mut numbers = Numbers(seed);
            let consumes = numbers.below(LIMIT);
            let near = insert(&mut event_loop, near, mode, &known, consumes);
            for _ in 0..60 {
                let count = numbers.below(2 * LIMIT);
                let mut handle = event_loop.handle();
                match numbers.below(8) {
                    0 | 1 => {
                        let sent = known.sent.get();
                        far.write_all(&numbered(sent + count)[sent..]).unwrap();
                        known.sent.set(sent + count);
                    }
                    2 | 3 => known.consume(&near, count, &mut handle),
                    4 => {
                        let (near, known) = (near.clone(), Rc::clone(&known));
                        handle.defer(move |(), handle| known.consume(&near, count, handle));
                    }
                    5 => near.pause_reading(&handle),
                    6 => near.send(&numbered(count), &handle).unwrap(),
                    _ => near.resume_reading(&handle),
                }
                if numbers.below(2) == 0 {
                    event_loop.turn(&mut (), AT_ONCE).unwrap();
                }
                if !near.is_reading_paused() && numbers.below(3) == 0 {
                    settle(&mut event_loop, &mut ()); // what was deferred
                    turn_until(&mut event_loop, &mut (), |()| known.is_settled());
                }
                while let Ok(1..) = far.read(&mut [0; 4_096]) {}
            }
            assert!(near.close(&event_loop.handle()));
        }
    });
}

#[test]
fn input_that_ends_exactly_at_the_limit_and_is_consumed_in_part_does_not_spin() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let (near, mut far) = pair();
        let known = Rc::new(Known::default());
        let _near = insert(&mut event_loop, near, mode, &known, 1);
        far.write_all(&numbered(LIMIT)).unwrap();
        known.sent.set(LIMIT);
        turn_until(&mut event_loop, &mut (), |()| known.consumed.get() == 1);
        settle(&mut event_loop, &mut ());
        assert!(known.is_settled());
    });
}

/// The source and the destination of a proxy.
type Link = Option<(Connection<UnixStream>, Connection<UnixStream>)>;

fn pass(
    link: &mut Link,
    connection: &Connection<UnixStream>,
    notice: Notice,
    handle: &mut In<'_, Link>,
) {
    let (from, to) = link.as_ref().unwrap();
    let is_destination = connection.key() == to.key();
    match notice {
        Notice::Received if !is_destination => {}
        Notice::Flushed if is_destination => {}
        Notice::InputFull if !is_destination => return,
        other => panic!("{other:?}"),
    }
    from.forward(to, handle).unwrap();
}

#[test]
fn no_order_of_operations_stalls_a_proxy_or_loses_what_it_passes_on() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Link> = EventLoop::with_reactor(reactor);
        for seed in 0..2 {
            let mut numbers = Numbers(seed);
            let mut limits = || {
                let (input, output) = (1 + numbers.below(5_000), 1 + numbers.below(5_000));
                Limits::new().with_input(input).with_output(output)
            };
            let (limits_from, limits_to) = (limits(), limits());
            let (mut sender, from) = pair();
            let (to, mut receiver) = pair();
            // The least there is, so that the destination is often full.
            for stream in [&sender, &to] {
                let socket = socket2::SockRef::from(stream);
                socket.set_send_buffer_size(1).unwrap();
            }
            let handle = event_loop.handle();
            let from = handle
                .insert_stream_with(from, mode, limits_from, pass)
                .unwrap();
            let to = handle
                .insert_stream_with(to, mode, limits_to, pass)
                .unwrap();
            let mut link = Some((from.clone(), to.clone()));
            let bytes = numbered(40_000);
            let (mut sent, mut received) = (0, Vec::<u8>::new());
            let mut buffer = vec![0; 8_000];
            let (mut is_blocked, pauses) = (false, seed % 2 == 0);
            while received.len() < bytes.len() {
                let count = numbers.below(buffer.len());
                match numbers.below(7) {
                    0 | 1 => {
                        let end = bytes.len().min(sent + count);
                        let written = sender.write(&bytes[sent..end]).unwrap_or(0);
                        is_blocked = written == 0 && end > sent;
                        sent += written;
                    }
                    2 | 3 => {
                        let count = receiver.read(&mut buffer[..count]).unwrap_or(0);
                        received.extend(&buffer[..count]);
                    }
                    4 if pauses => from.pause_reading(&event_loop.handle()),
                    5 if pauses => from.resume_reading(&event_loop.handle()),
                    _ => {}
                }
                // If nothing can happen that a turn does not do, a turn has to do something.
                let is_stuck = (sent == bytes.len() || is_blocked)
                    && received.len() < bytes.len()
                    && !from.is_reading_paused();
                let wait = match is_stuck && receiver_is_empty(&receiver) {
                    true => Some(std::time::Duration::from_secs(30)),
                    false => AT_ONCE,
                };
                let ran = event_loop.turn(&mut link, wait).unwrap();
                is_blocked &= ran == 0;
                let (unsent, got) = (to.unsent(), received.len());
                let has_moved = ran > 0 || wait == AT_ONCE;
                assert!(
                    has_moved,
                    "seed {seed}: {sent} sent, {unsent} unsent, {got} received"
                );
            }
            assert!(received == bytes);
            let handle = event_loop.handle();
            assert!(from.close(&handle) && to.close(&handle));
        }
    });
}

fn receiver_is_empty(receiver: &UnixStream) -> bool {
    let mut byte = [std::mem::MaybeUninit::uninit()];
    socket2::SockRef::from(receiver).peek(&mut byte).is_err()
}
