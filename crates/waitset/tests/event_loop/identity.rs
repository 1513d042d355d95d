//! Whose event it is: closed, reused and forged.

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use waitset::{Event, EventLoop, Events, Key, Mode, Token};

use crate::mechanisms::*;
use crate::sys::Forger;

type Shared = Rc<UnixStream>;

/// Sources that are ready at once, as their callbacks see them.
#[derive(Default)]
struct Ready {
    sources: Vec<(Key, Shared)>,
    peers: Vec<UnixStream>,
    /// Whose callback ran.
    ran: Vec<Key>,
    removed: Option<Shared>,
    newcomer: Option<Key>,
}

impl Ready {
    /// Takes a source that has not this key.
    fn other(&mut self, own: Key) -> Option<(Key, Shared)> {
        let is_other = |(key, _): &(Key, Shared)| *key != own;
        let position = self.sources.iter().position(is_other)?;
        Some(self.sources.swap_remove(position))
    }
}

type Callback = fn(&mut Ready, &Shared, Event, &mut In<'_, Ready>);

/// A loop with ready sources, and its state.
fn ready_sources(count: usize, reactor: AnyReactor, callback: Callback) -> (Loop<Ready>, Ready) {
    let mut event_loop = EventLoop::with_reactor(reactor);
    let mut state = Ready::default();
    for _ in 0..count {
        let (near, far) = ready();
        let near = Rc::new(near);
        let insert = event_loop
            .handle()
            .insert(Rc::clone(&near), READ, Mode::Level, callback);
        state.sources.push((insert.unwrap(), near));
        state.peers.push(far);
    }
    (event_loop, state)
}

/// Puts a stranger that has nothing to read onto the number of `source`.
fn reuse_number(source: Shared, state: &mut Ready) -> UnixStream {
    let (stranger, peer) = pair();
    state.peers.push(peer);
    let number = source.as_raw_fd();
    let mut reused = OwnedFd::from(Rc::into_inner(source).expect("the loop has let it go"));
    nix::unistd::dup2(stranger.as_fd(), &mut reused).unwrap();
    assert_eq!(reused.as_raw_fd(), number);
    reused.into()
}

#[test]
fn of_two_ready_sources_that_remove_each_other_one_runs() {
    on_every_mechanism(|reactor| {
        let (mut event_loop, mut state) = ready_sources(2, reactor, |state, _, _, handle| {
            state.ran.push(handle.key());
            if let Some((other, _)) = state.other(handle.key()) {
                assert!(handle.remove(other));
            }
        });
        turn_until(&mut event_loop, &mut state, |state| !state.ran.is_empty());
        assert_eq!((state.ran.len(), event_loop.handle().len()), (1, 1));
        turn_until(&mut event_loop, &mut state, |state| state.ran.len() == 2);
        assert_eq!(state.ran[0], state.ran[1], "the other is watched as before");
    });
}

#[test]
fn a_newcomer_with_a_reused_number_gets_no_event_of_the_old_source() {
    on_every_mechanism(|reactor| {
        // The first to run removes another, the second gives its number to a newcomer.
        let (mut event_loop, mut state) = ready_sources(3, reactor, |state, source, _, handle| {
            state.ran.push(handle.key());
            drain(source);
            if state.ran.len() == 1 {
                let (victim, source) = state.other(handle.key()).unwrap();
                assert!(handle.remove(victim));
                state.removed = Some(source);
            } else if let Some(source) = state.removed.take() {
                let stranger = reuse_number(source, state);
                let insert = handle.insert(
                    stranger,
                    READ,
                    Mode::Level,
                    |state: &mut Ready, _, _, handle| {
                        state.ran.push(handle.key());
                    },
                );
                state.newcomer = Some(insert.unwrap());
            }
        });
        turn_until(&mut event_loop, &mut state, |state| state.ran.len() == 2);
        settle(&mut event_loop, &mut state);
        assert_eq!(
            state.ran.len(),
            2,
            "neither the old source nor the newcomer"
        );
        let newcomer = state.newcomer.unwrap();
        assert!(event_loop.handle().contains(newcomer));
        state.peers[3].write_all(b"!").unwrap();
        turn_until(&mut event_loop, &mut state, |state| state.ran.len() == 3);
        assert_eq!(state.ran[2], newcomer);
    });
}

#[test]
fn removing_by_a_late_key_leaves_the_newcomer_on_the_same_number_alone() {
    on_every_mechanism(|reactor| {
        let (mut event_loop, mut state) = ready_sources(2, reactor, |state, source, _, handle| {
            state.ran.push(handle.key());
            drain(source);
        });
        settle(&mut event_loop, &mut state);
        state.ran.clear();
        let (old, source) = state.sources.remove(0);
        assert!(event_loop.handle().remove(old));
        let stranger = reuse_number(source, &mut state);
        let insert = event_loop.handle().insert(
            stranger,
            READ,
            Mode::Level,
            |state: &mut Ready, stranger, _, handle| {
                state.ran.push(handle.key());
                drain(stranger);
            },
        );
        let newcomer = insert.unwrap();
        assert!(!event_loop.handle().remove(old));
        assert!(!event_loop.handle().disable(old));
        assert!(event_loop.handle().enable(old).is_err());
        assert!(event_loop.handle().modify(old, WRITE, Mode::Level).is_err());
        state.peers[2].write_all(b"!").unwrap();
        turn_until(&mut event_loop, &mut state, |state| !state.ran.is_empty());
        assert_eq!(state.ran, [newcomer]);
    });
}

#[test]
fn a_source_that_replaces_itself_leaves_its_place_to_the_newcomer_whole() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<&str>> = EventLoop::with_reactor(reactor);
        let (near, mut far) = ready();
        let (next, mut next_far) = pair();
        let mut next = Some(next);
        let insert = event_loop.handle().insert(
            near,
            READ,
            Mode::Level,
            move |ran: &mut Vec<&str>, _, _, handle| {
                ran.push("old");
                assert!(handle.remove(handle.key()));
                let next = next.take().unwrap();
                let callback = |ran: &mut Vec<&str>, next: &UnixStream, _, _: &mut In<'_, _>| {
                    ran.push("newcomer");
                    drain(next);
                };
                let newcomer = handle.insert(next, READ, Mode::Level, callback).unwrap();
                // The same place, another generation.
                assert_ne!(newcomer, handle.key());
            },
        );
        insert.unwrap();
        let mut ran = Vec::new();
        turn_until(&mut event_loop, &mut ran, |ran| !ran.is_empty());
        settle(&mut event_loop, &mut ran);
        assert_eq!(event_loop.handle().len(), 1);
        let _ = far.write(b"!");
        next_far.write_all(b"!").unwrap();
        turn_until(&mut event_loop, &mut ran, |ran| ran.len() == 2);
        settle(&mut event_loop, &mut ran);
        assert_eq!(ran, ["old", "newcomer"]);
    });
}

#[test]
fn a_source_ready_both_ways_that_removes_itself_runs_once() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<u32> = EventLoop::with_reactor(reactor);
        let (near, far) = ready();
        drop(far); // readable, writable and hung up
        let insert =
            event_loop
                .handle()
                .insert(near, READ | WRITE, Mode::Level, |calls, _, _, handle| {
                    *calls += 1;
                    handle.remove(handle.key());
                });
        insert.unwrap();
        let mut calls = 0;
        turn_until(&mut event_loop, &mut calls, |calls| *calls > 0);
        settle(&mut event_loop, &mut calls);
        assert_eq!(calls, 1);
    });
}

#[test]
fn forged_tokens_reach_nobody() {
    on_every_mechanism(|inner| {
        let mut random = 1_u64;
        let mut forged = vec![Token(0), Token::MAX, Token(2), Token(u32::MAX.into())];
        forged.extend((0..100).map(|_| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            Token((random >> 3) | 1)
        }));
        assert!(forged.len() < Events::with_capacity(256).capacity());
        let mut event_loop: EventLoop<u32, _> = EventLoop::with_reactor(Forger { inner, forged });
        let handle = event_loop.handle();
        // The first place has had another generation, so that no forged key is right.
        let (near, _far) = pair();
        let (next, _next_far) = pair();
        let first = handle
            .insert(near, READ, Mode::Level, |calls, _, _, _| *calls += 1)
            .unwrap();
        handle.remove(first);
        handle
            .insert(next, READ, Mode::Level, |calls, _, _, _| *calls += 1)
            .unwrap();
        let mut calls = 0;
        for _ in 0..10 {
            assert_eq!(event_loop.turn(&mut calls, AT_ONCE).unwrap(), 0);
        }
        assert_eq!(calls, 0);
    });
}
