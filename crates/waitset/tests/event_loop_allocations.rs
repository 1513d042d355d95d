//! What the event loop allocates, counted exactly: nothing for an event, nothing that
//! stays for a timer.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use waitset::stream::{Connection, Notice};
use waitset::{Backend, EventLoop, Handle, Interest, Mode, Reactor};
use waitset_conformance::{CountingAllocator, allocated, not_checked};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

type Loop<State> = EventLoop<State, Box<dyn Reactor + Send>>;

/// Each mechanism has a thread of its own: the counts are a thread's.
fn on_every_mechanism(test: impl Fn(Box<dyn Reactor + Send>) + Sync) {
    for backend in Backend::all() {
        match backend.open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                not_checked(error);
            }
            opened => {
                eprintln!("on {backend}");
                let reactor = opened.unwrap();
                thread::scope(|scope| {
                    scope.spawn(|| test(reactor));
                });
            }
        }
    }
}

#[test]
fn an_event_a_tick_and_a_message_allocate_nothing() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<u64> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        for _ in 0..20 {
            let (near, mut far) = UnixStream::pair().unwrap();
            far.write_all(b"!").unwrap();
            handle
                .insert(
                    near,
                    Interest::READABLE,
                    Mode::Level,
                    move |events, mut near, _, _| {
                        near.read_exact(&mut [0]).unwrap();
                        far.write_all(b"!").unwrap();
                        *events += 1;
                    },
                )
                .unwrap();
        }
        handle.arm_after(Duration::ZERO, |_, tick, handle| {
            handle.reset_after(tick.timer, Duration::ZERO);
        });
        handle.arm_every(Duration::from_micros(100), |_, _, _| ());
        handle.before_sleep(|_, _| ());
        // A bounded channel has its room from the start.
        let (sender, _) = handle.sync_channel(4, |_, _: Option<u64>, _| ());
        let mut events = 0;
        let mut run = |events: &mut u64, until| {
            while *events < until {
                let _ = sender.try_send(*events);
                event_loop.turn(events, None).unwrap();
            }
        };
        run(&mut events, 2_000);
        let before = allocated().calls;
        run(&mut events, 22_000);
        let allocated = allocated().calls - before;
        // The queue in which channels are scheduled takes a block for 31 of them.
        assert!(
            allocated <= 20_000 / 20 / 31 + 100,
            "{allocated} allocations"
        );
    });
}

#[test]
fn a_connection_that_echoes_allocates_nothing() {
    on_every_mechanism(|reactor| {
        let (near, far) = UnixStream::pair().unwrap();
        let mut event_loop: Loop<u64> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let echo = |received: &mut u64,
                    connection: &Connection<UnixStream>,
                    notice,
                    handle: &mut Handle<'_, u64>| {
            assert!(matches!(notice, Notice::Received));
            *received += 1;
            connection.forward(connection, handle).unwrap();
        };
        let near = handle.insert_stream(near, Mode::Level, echo).unwrap();
        handle.insert_stream(far, Mode::Level, echo).unwrap();
        near.send(&[b'!'; 1_000], &handle).unwrap();
        let mut received = 0;
        let mut run = |until| {
            while received < until {
                event_loop.turn(&mut received, None).unwrap();
            }
        };
        run(100);
        let before = allocated().calls;
        run(10_000);
        assert_eq!(allocated().calls, before);
    });
}

#[test]
fn a_million_timers_armed_and_cancelled_leave_nothing_behind() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let mut arm_and_cancel = || {
            let text = String::from("held by the callback");
            let delay = Duration::from_secs(3_600);
            let timer = event_loop
                .handle()
                .arm_after(delay, move |(), _, _| assert!(text.is_empty()));
            assert!(event_loop.handle().cancel(timer));
        };
        (0..10).for_each(|_| arm_and_cancel());
        let before = allocated().live_bytes;
        (0..1_000_000).for_each(|_| arm_and_cancel());
        assert_eq!(allocated().live_bytes, before);
    });
}

#[test]
fn a_million_live_timers_fire_in_order_and_give_their_callbacks_back() {
    #[derive(Default)]
    struct State {
        fired: u32,
        sum: u64,
        latest: Option<Instant>,
    }
    let mut event_loop: EventLoop<State> = EventLoop::new().unwrap();
    let before = allocated().live_bytes;
    let past = Instant::now();
    for number in 0..1_000_000_u32 {
        let deadline = past + Duration::from_nanos(u64::from(number.reverse_bits()) >> 12);
        event_loop
            .handle()
            .arm_at(deadline, move |state: &mut State, tick, _| {
                assert!(state.latest.is_none_or(|latest| latest <= tick.due));
                state.latest = Some(tick.due);
                state.fired += 1;
                state.sum += u64::from(number);
            });
    }
    // The last of them is due long before a turn begins.
    let mut state = State::default();
    while state.fired < 1_000_000 {
        event_loop.turn(&mut state, None).unwrap();
    }
    assert_eq!(state.sum, 1_000_000 * 999_999 / 2);
    // What is kept: a place for each of a million, and the list of those that were due.
    let kept = allocated().live_bytes - before;
    assert!(kept < 1_000_000 * 100, "{kept} bytes are kept");
}

#[test]
fn sources_that_come_and_go_leave_nothing_behind() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let mut come_and_go = || {
            let (near, _far) = UnixStream::pair().unwrap();
            let handle = event_loop.handle();
            let insert = handle.insert(near, Interest::READABLE, Mode::Level, |(), _, _, _| ());
            assert!(handle.remove(insert.unwrap()));
        };
        (0..100).for_each(|_| come_and_go());
        let before = allocated().live_bytes;
        (0..20_000).for_each(|_| come_and_go());
        assert_eq!(allocated().live_bytes, before);
    });
}
