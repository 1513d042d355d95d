//! Once warm, a turn of the executor allocates nothing.

mod mechanisms;

use std::future::poll_fn;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::channel::mpsc;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::{SinkExt, StreamExt};
use waitset::EventLoop;
use waitset_conformance::{CountingAllocator, allocated};

use mechanisms::{complete, complete_in, on_every_mechanism, on_every_reactor};
use waitset_async::{Async, sleep, spawn, yield_now};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What 1 000 rounds allocate once 200 are done.
macro_rules! assert_frugal {
    ($round:expr) => {{
        for _ in 0..200 {
            $round;
        }
        let before = allocated();
        for _ in 0..1_000 {
            $round;
        }
        assert_eq!(allocated().calls, before.calls);
    }};
}

#[test]
fn reading_and_writing_allocate_nothing() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (mut near, far) = Async::<UnixStream>::pair().unwrap();
            let far = Rc::new(far);
            let echo = spawn({
                let far = Rc::clone(&far);
                async move {
                    let mut byte = [0];
                    while (&*far).read(&mut byte).await.unwrap() > 0 {
                        far.writable().await.unwrap();
                        (&*far).write_all(&byte).await.unwrap();
                    }
                }
            });
            assert_frugal!({
                near.write_all(b"!").await.unwrap();
                near.readable().await.unwrap();
                near.read_exact(&mut [0]).await.unwrap();
            });
            near.close().await.unwrap();
            echo.await.unwrap();
        });
    });
}

#[test]
fn waking_and_yielding_allocate_nothing() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            // The channel allocates a node for each message; wakes are counted alone.
            let (mut sender, mut receiver) = mpsc::channel::<()>(0);
            let task = spawn(async move { while receiver.next().await.is_some() {} });
            sender.send(()).await.unwrap();
            assert_frugal!({
                poll_fn(|context| {
                    context.waker().wake_by_ref();
                    let waker = context.waker().clone(); // which allocates nothing either
                    waker.wake();
                    Poll::Ready(())
                })
                .await;
                yield_now().await;
            });
            drop(sender);
            task.await.unwrap();
        });
    });
}

#[test]
fn the_tasks_of_a_loop_read_write_sleep_and_yield_without_allocating() {
    on_every_reactor(|reactor| {
        let mut event_loop = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        // The ticks of a callback come in between.
        handle.arm_every(Duration::from_micros(100), |(), _, _| ());
        complete_in(&mut event_loop, &mut (), async {
            let (mut near, mut far) = Async::<UnixStream>::pair().unwrap();
            assert_frugal!({
                near.write_all(b"!").await.unwrap();
                far.read_exact(&mut [0]).await.unwrap();
                sleep(Duration::from_micros(10)).await;
                yield_now().await;
            });
        });
    });
}
