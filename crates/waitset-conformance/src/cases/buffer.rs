//! `wait` replaces what the buffer held.

use std::time::Duration;

use waitset_core::{Events, Mode};

use crate::Make;
use crate::sources::{drain, ready_pipe};
use crate::watch::{R, Watch};

pub fn a_wait_replaces_the_events_of_the_last_one(make: Make) {
    let mut watch = Watch::new(make);
    let (one, two) = (ready_pipe(), ready_pipe());
    watch.register(&one.0, 1, R, Mode::Level);
    watch.register(&two.0, 2, R, Mode::Level);
    assert_eq!(watch.look_for_tokens(), [1, 2]);
    drain(&one.0);
    assert_eq!(watch.look_for_tokens(), [2]);
    drain(&two.0);
    assert_eq!(watch.wait(Some(Duration::ZERO)), 0);
    assert!(watch.events.is_empty());
    assert_eq!(watch.events.iter().count(), 0);
}

pub fn a_wait_replaces_the_flags_of_the_last_one(make: Make) {
    let mut watch = Watch::new(make);
    watch.reactor.waker().wake();
    watch.wait(None);
    assert!(watch.events.was_woken());
    watch.wait(Some(Duration::from_millis(1)));
    assert!(!watch.events.was_woken() && !watch.events.was_interrupted());
}

pub fn a_refused_wait_leaves_no_old_events(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Level);
    watch.the_event();
    let mut none = Events::with_capacity(0);
    watch.reactor.wait(&mut none, None).unwrap_err();
    assert!(none.is_empty());
}

pub fn buffers_of_several_sizes_may_take_turns(make: Make) {
    let mut watch = Watch::new(make);
    let pipes: Vec<_> = (0..5).map(|_| ready_pipe()).collect();
    for ((reader, _), token) in pipes.iter().zip(0..) {
        watch.register(reader, token, R, Mode::Level);
    }
    for capacity in [1, 100, 2, 5, 4, 6, 1] {
        let mut events = Events::with_capacity(capacity);
        let count = watch.reactor.wait(&mut events, None).unwrap();
        assert_eq!(count, capacity.min(pipes.len()));
    }
}
