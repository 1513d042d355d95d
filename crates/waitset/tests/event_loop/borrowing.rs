//! Code that runs inside of the reactor, such as a trace's, and has a handle of the loop.

use std::cell::RefCell;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use waitset::{
    DefaultReactor, EventLoop, Interest, LocalHandle, Mode, Reactor, TraceCall, TraceLine,
    TraceReactor,
};

type Log = Vec<&'static str>;
type Inner = Box<dyn FnMut(&LocalHandle<Log>)>;

thread_local! {
    /// What the reactor's next wait does inside of itself.
    static INNER: RefCell<Option<(LocalHandle<Log>, Inner)>> = RefCell::default();
}

fn on_line(line: &TraceLine<'_>) {
    if matches!(line.call, TraceCall::Wait { .. }) {
        let inner = INNER.take();
        if let Some((local, mut inner)) = inner {
            inner(&local);
        }
    }
}

type Traced = TraceReactor<DefaultReactor>;

fn traced() -> EventLoop<Log, Traced> {
    let reactor = DefaultReactor::new().unwrap();
    EventLoop::with_reactor(TraceReactor::new(reactor, on_line))
}

fn within_the_next_wait(
    event_loop: &mut EventLoop<Log, Traced>,
    inner: impl FnMut(&LocalHandle<Log>) + 'static,
) {
    let local = event_loop.handle().local();
    INNER.set(Some((local, Box::new(inner))));
}

/// Adds a source that is ready, whose callback notes it.
fn ready(local: &LocalHandle<Log>) -> UnixStream {
    let (mut near, far) = UnixStream::pair().unwrap();
    near.write_all(b"x").unwrap();
    local
        .insert(far, Interest::READABLE, Mode::Level, |log, _, _, handle| {
            log.push("source");
            handle.remove(handle.key());
        })
        .unwrap();
    near
}

#[test]
fn a_call_that_is_deferred_inside_of_a_wait_is_made() {
    let mut event_loop = traced();
    within_the_next_wait(&mut event_loop, |local| {
        local.defer(|log, _| log.push("deferred"));
    });
    let mut log = Vec::new();
    let _near = ready(&event_loop.handle());
    event_loop.turn(&mut log, None).unwrap();
    event_loop.turn(&mut log, None).unwrap();
    assert_eq!(log, ["source", "deferred"]);
}

#[test]
fn what_changes_no_source_inside_of_a_wait_waits_for_its_end() {
    let mut event_loop = traced();
    let local = event_loop.handle().local();
    let hook = local.before_sleep(|log, _| log.push("hook"));
    let mut log = Vec::new();
    let dropped = Rc::new(());
    let held = Rc::downgrade(&dropped);
    let removed = local.before_sleep(move |_, _| drop(Rc::clone(&dropped)));
    within_the_next_wait(&mut event_loop, move |local| {
        assert!(local.remove(removed) && local.disable(hook));
    });
    event_loop.turn(&mut log, Some(Duration::ZERO)).unwrap();
    assert!(held.upgrade().is_none(), "its callback was not dropped");
    event_loop.turn(&mut log, Some(Duration::ZERO)).unwrap();
    assert!(log.is_empty(), "{log:?}");
}

#[test]
fn a_source_cannot_be_inserted_inside_of_a_wait_and_the_loop_can_be_used_after() {
    let mut event_loop = traced();
    let _near = ready(&event_loop.handle());
    within_the_next_wait(&mut event_loop, |local| drop(ready(local)));
    let mut log = Vec::new();
    let turned = catch_unwind(AssertUnwindSafe(|| event_loop.turn(&mut log, None)));
    let panic = turned.unwrap_err();
    let text = panic.downcast_ref::<&str>().unwrap();
    assert!(text.contains("reactor is in use"), "{text}");
    assert!(log.is_empty());
    event_loop.turn(&mut log, None).unwrap();
    assert_eq!(log, ["source"]);
    let _near = ready(&event_loop.handle());
    event_loop.turn(&mut log, None).unwrap();
    assert_eq!(log, ["source", "source"]);
}

#[test]
fn the_reactor_is_lent_more_than_once_and_nothing_changes_it_meanwhile() {
    let mut event_loop = traced();
    let local = event_loop.handle().local();
    let (first, second) = (event_loop.reactor(), event_loop.reactor());
    assert_eq!(first.name(), second.name());
    drop(first);
    let insert = catch_unwind(AssertUnwindSafe(|| ready(&local)));
    assert!(insert.is_err());
    assert_eq!(second.stats().control_calls, 0);
    drop(second);
    let _near = ready(&local);
    let mut log = Vec::new();
    event_loop.turn(&mut log, None).unwrap();
    assert_eq!(log, ["source"]);
}
