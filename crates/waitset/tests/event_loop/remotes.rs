//! Closures and wakes from other threads.

use std::io::Write;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use waitset::{EventLoop, LoopClosed, Mode, Remote};

use crate::mechanisms::*;

#[test]
fn a_posted_closure_runs_in_the_loops_thread_with_a_state_that_cannot_leave_it() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Rc<thread::ThreadId>> = EventLoop::with_reactor(reactor);
        let remote = event_loop.handle().remote();
        let poster = thread::spawn(move || {
            remote.post(|state: &mut Rc<thread::ThreadId>, handle: &mut In<'_, _>| {
                assert_eq!(**state, thread::current().id());
                handle.stop();
            })
        });
        event_loop
            .run(&mut Rc::new(thread::current().id()))
            .unwrap();
        poster.join().unwrap().unwrap();
    });
}

#[test]
fn closures_of_a_thread_run_in_the_order_they_were_posted_and_none_is_lost() {
    const THREADS: usize = 4;
    const EACH: usize = 5_000;
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<usize>> = EventLoop::with_reactor(reactor);
        let remote = event_loop.handle().remote();
        let mut seen = vec![0; THREADS];
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let remote = remote.clone();
                scope.spawn(move || {
                    for number in 0..EACH {
                        remote
                            .post(move |seen: &mut Vec<usize>, _: &mut In<'_, _>| {
                                assert_eq!(seen[thread], number);
                                seen[thread] += 1;
                            })
                            .unwrap();
                    }
                });
            }
            turn_until(&mut event_loop, &mut seen, |seen| {
                seen.iter().sum::<usize>() == THREADS * EACH
            });
        });
    });
}

#[test]
fn a_flood_of_posted_closures_lets_events_through() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<(u32, u32)> = EventLoop::with_reactor(reactor);
        let (near, _far) = ready();
        let insert = event_loop.handle().insert(
            near,
            READ,
            Mode::Level,
            |state: &mut (u32, u32), _, _, _| state.1 += 1,
        );
        insert.unwrap();
        // Each posts the next, so that the queue is never empty.
        fn flood(remote: Remote<(u32, u32)>) {
            let next = remote.clone();
            let post = remote.post(move |state, _| {
                state.0 += 1;
                flood(next);
            });
            post.unwrap();
        }
        flood(event_loop.handle().remote());
        let mut state = (0, 0);
        turn_until(&mut event_loop, &mut state, |state| state.1 == 20);
        assert!(state.0 <= 25 * 256, "{} closures for 20 events", state.0);
    });
}

#[test]
fn a_loop_that_is_gone_takes_no_closures() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let remote = event_loop.handle().remote();
        let held = std::sync::Arc::new(());
        let copy = held.clone();
        remote.post(move |(), _| drop(copy)).unwrap();
        drop(event_loop);
        assert_eq!(
            std::sync::Arc::strong_count(&held),
            1,
            "dropped with the loop"
        );
        let error: LoopClosed = remote.post(|(), _| unreachable!()).unwrap_err();
        let error = std::io::Error::from(error);
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        remote.wake();
    });
}

#[test]
fn a_wake_ends_the_wait_with_nothing_to_do() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let remote = event_loop.handle().remote();
        let waker = event_loop.handle().waker();
        for wake in [true, false] {
            let (remote, waker) = (remote.clone(), waker.clone());
            let thread = thread::spawn(move || match wake {
                true => remote.wake(),
                false => waker.wake(),
            });
            assert_eq!(event_loop.turn(&mut (), None).unwrap(), 0);
            thread.join().unwrap();
        }
    });
}

#[test]
fn what_is_posted_within_a_callback_runs_before_the_loop_sleeps_again() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<u32> = EventLoop::with_reactor(reactor);
        let (near, mut far) = pair();
        far.write_all(b"!").unwrap();
        let remote = event_loop.handle().remote();
        let insert = event_loop
            .handle()
            .insert(near, READ, Mode::Level, move |_, near, _, _| {
                drain(near);
                remote.post(|calls, _| *calls += 1).unwrap();
            });
        insert.unwrap();
        let mut calls = 0;
        turn_until(&mut event_loop, &mut calls, |calls| *calls == 1);
    });
}

#[test]
fn stopping_before_the_loop_runs_is_not_forgotten() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        event_loop.handle().stop();
        event_loop.run(&mut ()).unwrap();
        event_loop
            .handle()
            .arm_after(Duration::ZERO, |(), _, handle| handle.stop());
        event_loop.run(&mut ()).unwrap();
    });
}

#[test]
fn a_loop_can_be_dropped_while_others_post_send_and_wake() {
    on_every_mechanism(|reactor| {
        let backend: waitset::Backend = reactor.name().parse().unwrap();
        for _ in 0..20 {
            let mut event_loop: Loop<u32> = EventLoop::with_reactor(backend.open().unwrap());
            let handle = event_loop.handle();
            let remote = handle.remote();
            let (sender, _) = handle.channel(|count: &mut u32, message, _| {
                *count += u32::from(message.is_some());
            });
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let (remote, sender) = (remote.clone(), sender.clone());
                    thread::spawn(move || {
                        // Until both say that the loop is gone.
                        while remote.post(|count, _| *count += 1).is_ok() {
                            remote.wake();
                        }
                        while sender.send(()).is_ok() {}
                    })
                })
                .collect();
            let mut count = 0;
            turn_until(&mut event_loop, &mut count, |count| *count > 10);
            drop(event_loop);
            // Descriptors that are opened now may have the numbers that were the loop's.
            let strangers: Vec<_> = (0..4).map(|_| pair()).collect();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            for (near, far) in &strangers {
                assert_eq!(drain(near) + drain(far), 0, "a wake went to a stranger");
            }
        }
    });
}
