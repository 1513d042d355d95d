//! What a forked child does with what it has inherited leaves its parent alone, on every
//! mechanism.
#![cfg(any(target_os = "linux", target_os = "android"))]

mod mechanisms;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::poll;
use waitset::EventLoop;
use waitset_async::{Async, Executor, JoinHandle, Spawn, sleep, spawn, yield_now};

use mechanisms::sys::{assert_ends_well, end, forked, in_a_fork};
use mechanisms::{complete, complete_in, on_every_mechanism, on_every_reactor};

/// What a child finds: an executor, a task that waits, and a source for which nobody does.
struct Inherited {
    executor: Executor,
    waiting: JoinHandle<usize>,
    idle: Async<UnixStream>,
    /// The other ends of both.
    peers: [UnixStream; 2],
}

impl Inherited {
    fn new(mut executor: Executor) -> Self {
        let (peer, waited_for) = UnixStream::pair().unwrap();
        let (other, idle) = UnixStream::pair().unwrap();
        let (waiting, idle) = complete(&mut executor, async {
            let waiting = spawn(async {
                let waited_for = Async::new(waited_for).unwrap();
                read(&waited_for).await
            });
            let idle = Async::new(idle).unwrap();
            assert!(poll!(pin!(idle.readable())).is_pending());
            sleep(Duration::from_millis(1)).await;
            (waiting, idle)
        });
        Self {
            executor,
            waiting,
            idle,
            peers: [peer, other],
        }
    }

    /// All that was registered is still there.
    fn assert_hears(self) {
        let Self {
            mut executor,
            waiting,
            idle,
            mut peers,
        } = self;
        for peer in &mut peers {
            peer.write_all(b"!").unwrap();
        }
        complete(&mut executor, async {
            assert_eq!(waiting.await.unwrap(), 1);
            assert_eq!(read(&idle).await, 1);
        });
    }
}

async fn read(source: &Async<UnixStream>) -> usize {
    let read = source.read_with(|mut source| source.read(&mut [0; 8]));
    read.await.unwrap()
}

/// Has a child do `deed` with all that it has inherited, and its parent go on.
fn a_child_harms_nobody_if_it(deed: impl Fn(Inherited) + Sync) {
    on_every_mechanism(|executor| {
        let mut inherited = Some(Inherited::new(executor));
        in_a_fork(|| deed(inherited.take().unwrap()));
        inherited.unwrap().assert_hears();
    });
}

#[test]
fn a_forked_child_may_drop_its_executor() {
    a_child_harms_nobody_if_it(|inherited| drop(inherited.executor));
}

#[test]
fn a_forked_child_may_drop_its_sources_before_its_executor() {
    a_child_harms_nobody_if_it(|inherited| {
        drop(inherited.idle);
        drop(inherited.waiting);
        drop(inherited.executor);
    });
}

#[test]
fn a_forked_child_may_take_a_source_apart_and_use_it() {
    a_child_harms_nobody_if_it(|inherited| {
        let source = inherited.idle.into_inner();
        assert_eq!(source.peer_addr().unwrap().as_pathname(), None);
        drop(inherited.executor);
    });
}

#[test]
fn a_forked_child_cannot_wait_with_its_parents_executor() {
    a_child_harms_nobody_if_it(|inherited| {
        let Inherited {
            mut executor,
            waiting,
            idle,
            ..
        } = inherited;
        waiting.cancel();
        let told = executor.block_on(yield_now()).unwrap_err();
        assert!(told.to_string().contains("forked"), "{told}");
        executor.block_on(idle.writable()).unwrap().unwrap_err();
        executor.block_on(sleep(Duration::ZERO)).unwrap();
        executor
            .block_on(sleep(Duration::from_secs(1)))
            .unwrap_err();
        let (near, _far) = UnixStream::pair().unwrap();
        let told = executor.block_on(async { Async::new(near).unwrap_err() });
        assert!(told.unwrap().to_string().contains("forked"));
        assert!(format!("{executor:?}").contains("forked"));
        assert_eq!(executor.stats().waits, 0);
    });
}

#[test]
fn a_forked_child_can_use_an_executor_of_its_own() {
    a_child_harms_nobody_if_it(|inherited| {
        let mut executor = Executor::new(waitset::PollReactor::new().unwrap());
        let source = inherited.idle.into_inner();
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            near.get_ref().write_all(b"!").unwrap();
            assert_eq!(read(&far).await, 1);
            drop(Async::new(source).unwrap());
        });
    });
}

#[test]
fn a_child_that_is_forked_by_a_task_and_goes_on_is_told_and_its_parent_goes_on() {
    on_every_mechanism(|executor| {
        let mut inherited = Inherited::new(executor);
        let is_parent = async {
            match forked() {
                Some(child) => assert_ends_well(child),
                None => {
                    sleep(Duration::from_secs(60)).await;
                    end(false);
                }
            }
        };
        let told = inherited.executor.block_on(is_parent);
        if let Err(error) = told {
            drop(inherited);
            end(error.to_string().contains("forked"));
        }
        inherited.assert_hears();
    });
}

#[test]
fn a_forked_child_may_drop_its_loop_and_its_sources_and_cannot_turn() {
    on_every_reactor(|reactor| {
        let mut event_loop = EventLoop::with_reactor(reactor);
        let (mut peer, waited_for) = UnixStream::pair().unwrap();
        let (mut other, idle) = UnixStream::pair().unwrap();
        let idle_in_task = Rc::new(RefCell::new(None));
        let kept = Rc::clone(&idle_in_task);
        let waiting = event_loop.handle().spawn(async move {
            *kept.borrow_mut() = Some(Async::new(idle).unwrap());
            let waited_for = Async::new(waited_for).unwrap();
            read(&waited_for).await
        });
        event_loop.turn(&mut (), Some(Duration::ZERO)).unwrap();

        let mut inherited = Some((event_loop, idle_in_task, waiting));
        in_a_fork(|| {
            let (mut event_loop, idle, waiting) = inherited.take().unwrap();
            for _ in 0..2 {
                let told = event_loop.turn(&mut (), Some(Duration::ZERO));
                let told = told.unwrap_err().to_string();
                assert!(told.contains("forked"), "{told}");
            }
            drop(idle.take().map(Async::into_inner));
            drop((waiting, event_loop));
        });
        let (mut event_loop, idle, waiting) = inherited.unwrap();
        for peer in [&mut peer, &mut other] {
            peer.write_all(b"!").unwrap();
        }
        let idle = idle.take().unwrap();
        complete_in(&mut event_loop, &mut (), async move {
            assert_eq!((waiting.await.unwrap(), read(&idle).await), (1, 1));
        });
    });
}
