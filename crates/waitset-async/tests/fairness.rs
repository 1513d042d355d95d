//! An operation that always finishes immediately leaves the others their turns: other tasks,
//! and futures of the same task that are polled after it. On every mechanism.

mod mechanisms;

use std::cell::Cell;
use std::fs::File;
use std::future::{pending, poll_fn};
use std::io::{IoSlice, IoSliceMut, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::{Either, FutureExt, LocalBoxFuture, join, join_all, select};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::stream::{FuturesUnordered, StreamExt, repeat};
use futures::{AsyncRead, AsyncWrite};
use socket2::SockRef;

use mechanisms::{complete, on_every_mechanism};
use waitset_async::{
    Async, JoinHandle, consume_budget, sleep, sleep_until, spawn, timeout, yield_now,
};

/// How many operations a task does in one turn: its budget, and one that it has a right to.
const MOST: u64 = 32 + 1;

/// How often each operation is done.
const ROUNDS: usize = 120;

fn zero() -> Async<File> {
    Async::new(File::open("/dev/zero").unwrap()).unwrap()
}

fn sink() -> Async<File> {
    Async::new(File::options().write(true).open("/dev/null").unwrap()).unwrap()
}

/// A listener with room for all that these tests connect.
fn listener() -> Async<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener).listen(1024).unwrap();
    Async::new(listener).unwrap()
}

/// Ends its task when it is dropped.
struct Owned<T>(JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A number of operations.
#[derive(Clone, Default)]
struct Count(Rc<Cell<u64>>);

impl Count {
    fn add_one(&self) {
        self.0.set(self.0.get() + 1);
    }

    /// A task that has a turn in every turn of the executor, and how many operations were
    /// done between two of them at the most.
    fn most_per_turn(&self) -> (Rc<Cell<u64>>, Owned<()>) {
        let (count, most) = (self.clone(), Rc::new(Cell::new(0)));
        let told = Rc::clone(&most);
        let watch = spawn(async move {
            loop {
                let before = count.0.get();
                yield_now().await;
                most.set(most.get().max(count.0.get() - before));
            }
        });
        (told, Owned(watch))
    }
}

/// A future for each operation of the crate that can finish immediately, which does it
/// `ROUNDS` times and counts.
fn operations(count: &Count) -> Vec<(&'static str, LocalBoxFuture<'static, ()>)> {
    /// Does the same again and again.
    macro_rules! again {
        ($name:literal, $setup:block, $operation:expr) => {{
            let count = count.clone();
            let again = async move {
                let mut thing = $setup;
                let operation = $operation;
                for _ in 0..ROUNDS {
                    operation(&mut thing).await;
                    count.add_one();
                }
            };
            ($name, again.boxed_local())
        }};
    }
    vec![
        again!("read", { zero() }, async |zero: &mut Async<File>| {
            zero.read_exact(&mut [0; 64]).await.unwrap();
        }),
        again!("read_with", { zero() }, async |zero: &mut Async<File>| {
            let read = zero.read_with(|mut zero| zero.read(&mut [0; 64]));
            read.await.unwrap();
        }),
        again!("read_vectored", { zero() }, async |zero: &mut Async<
            File,
        >| {
            let mut bytes = [0; 64];
            let buffers = &mut [IoSliceMut::new(&mut bytes)];
            poll_fn(|context| Pin::new(&mut *zero).poll_read_vectored(context, buffers))
                .await
                .unwrap();
        }),
        again!("write", { sink() }, async |sink: &mut Async<File>| {
            sink.write_all(b"!").await.unwrap();
        }),
        again!("write_vectored", { sink() }, async |sink: &mut Async<
            File,
        >| {
            let buffers = [IoSlice::new(b"!")];
            poll_fn(|context| Pin::new(&mut *sink).poll_write_vectored(context, &buffers))
                .await
                .unwrap();
        }),
        again!("flush", { sink() }, async |sink: &mut Async<File>| {
            sink.flush().await.unwrap();
        }),
        again!(
            "close",
            { Async::<UnixStream>::pair().unwrap() },
            async |pair: &mut (Async<UnixStream>, Async<UnixStream>)| {
                pair.0.close().await.unwrap();
            }
        ),
        again!(
            "send_to",
            { Async::new(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap() },
            async |socket: &mut Async<UdpSocket>| {
                let to = socket.get_ref().local_addr().unwrap();
                let send = socket.write_with(|socket| socket.send_to(b"!", to));
                send.await.unwrap();
            }
        ),
        again!(
            "recv",
            {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                let to = socket.local_addr().unwrap();
                for _ in 0..ROUNDS {
                    socket.send_to(b"!", to).unwrap();
                }
                Async::new(socket).unwrap()
            },
            async |socket: &mut Async<UdpSocket>| {
                let receive = socket.read_with(|socket| socket.recv(&mut [0; 8]));
                receive.await.unwrap();
            }
        ),
        again!("connect", { listener() }, async |listener: &mut Async<
            TcpListener,
        >| {
            let address = listener.get_ref().local_addr().unwrap();
            drop(Async::<TcpStream>::connect(address).await.unwrap());
        }),
        again!(
            "accept",
            {
                let listener = listener();
                let address = listener.get_ref().local_addr().unwrap();
                for _ in 0..ROUNDS {
                    drop(TcpStream::connect(address).unwrap());
                }
                listener
            },
            async |listener: &mut Async<TcpListener>| {
                drop(listener.accept().await.unwrap());
            }
        ),
        again!(
            "join",
            {
                let tasks: Vec<_> = (0..ROUNDS).map(|_| spawn(async {})).collect();
                yield_now().await;
                yield_now().await;
                tasks
            },
            async |tasks: &mut Vec<JoinHandle<()>>| tasks.pop().unwrap().await.unwrap()
        ),
        again!("spawn and join", {}, async |(): &mut ()| {
            spawn(async {}).await.unwrap();
        }),
        again!("sleep", {}, async |(): &mut ()| sleep(Duration::ZERO).await),
        again!(
            "sleep_until",
            { Instant::now() },
            async |past: &mut Instant| {
                sleep_until(*past).await;
            }
        ),
        again!(
            "timers that are all due",
            {
                let mut timers: Vec<_> = (0..ROUNDS).map(|_| sleep(Duration::MAX)).collect();
                for timer in &mut timers {
                    assert!(futures::poll!(&mut *timer).is_pending());
                    timer.reset(Instant::now());
                }
                yield_now().await;
                timers
            },
            async |timers: &mut Vec<waitset_async::Sleep>| timers.pop().unwrap().await
        ),
        again!("timeout", {}, async |(): &mut ()| {
            timeout(Duration::ZERO, pending::<()>()).await.unwrap_err();
        }),
        again!(
            "consume_budget",
            { repeat(7) },
            async |numbers: &mut futures::stream::Repeat<u8>| {
                numbers.next().await.unwrap();
                consume_budget().await;
            }
        ),
    ]
}

#[test]
fn each_operation_that_finishes_immediately_is_charged() {
    on_every_mechanism(|mut executor| {
        let count = Count::default();
        for (name, operation) in operations(&count) {
            complete(&mut executor, async {
                let (most, _watch) = count.most_per_turn();
                spawn(operation).await.unwrap();
                yield_now().await;
                assert!(most.get() > 0, "{name} was not seen");
                assert!(most.get() <= MOST, "{name}: {} in a turn", most.get());
            });
        }
    });
}

/// Otherwise the backlog overflows, and an attempt is repeated after a second.
#[test]
fn a_listener_of_the_same_executor_has_a_turn_between_two_connects_of_a_task() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let listener = listener();
            let address = listener.get_ref().local_addr().unwrap();
            let count = Count::default();
            let (most, _watch) = count.most_per_turn();
            let accepts = async {
                for _ in 0..ROUNDS {
                    drop(listener.accept().await.unwrap());
                }
            };
            let connects = async {
                for _ in 0..ROUNDS {
                    drop(Async::<TcpStream>::connect(address).await.unwrap());
                    count.add_one();
                }
            };
            join(connects, accepts).await;
            assert_eq!(most.get(), 1);
        });
    });
}

#[test]
fn tasks_that_all_connect_in_one_turn_fit_the_backlog_of_a_listener_of_their_executor() {
    // As many as the system lets any listener have, at most 300.
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn");
    let most = most.map_or(128, |most| most.trim().parse().unwrap());
    let tasks = 300.min(most);
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
            let address = listener.get_ref().local_addr().unwrap();
            let connects: Vec<_> = (0..tasks)
                .map(|_| spawn(Async::<TcpStream>::connect(address)))
                .collect();
            // They have begun, and all of them are in the backlog.
            yield_now().await;
            let accepted = std::iter::repeat_with(|| listener.get_ref().accept());
            assert_eq!(accepted.take_while(Result::is_ok).count(), tasks);
            for connect in connects {
                connect.await.unwrap().unwrap();
            }
        });
    });
}

#[test]
fn connects_of_one_task_at_the_same_time_are_spread_over_its_turns() {
    const CONNECTS: u64 = 200;
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let listener = listener();
            let address = listener.get_ref().local_addr().unwrap();
            let connects = (0..CONNECTS).map(|_| Async::<TcpStream>::connect(address));
            let mut connects = pin!(join_all(connects));
            let mut all = 0;
            poll_fn(|context| {
                let polled = connects.as_mut().poll(context);
                let connected = std::iter::repeat_with(|| listener.get_ref().accept());
                let connected = connected.take_while(Result::is_ok).count() as u64;
                // The budget, and those that were refused in earlier turns.
                assert!(connected <= 2 * MOST, "{connected} in a turn");
                all += connected;
                polled
            })
            .await;
            assert_eq!(all, CONNECTS);
        });
    });
}

#[test]
fn a_loop_within_a_task_that_polls_until_its_future_is_ready_ends() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            for (_, operation) in operations(&Count::default()).drain(..2) {
                let mut operation = operation;
                poll_fn(|context| {
                    while operation.as_mut().poll(context).is_pending() {}
                    Poll::Ready(())
                })
                .await;
            }
        });
    });
}

/// Reads forever without having to wait, and counts its reads.
async fn flood(count: Count) {
    let mut zero = zero();
    loop {
        zero.read_exact(&mut [0; 64]).await.unwrap();
        count.add_one();
    }
}

#[test]
fn a_timeout_ends_what_is_always_ready() {
    /// Far longer than one turn takes, but for a machine that stands still.
    const LATE: Duration = Duration::from_secs(10);
    let limit = Duration::from_millis(5);
    on_every_mechanism(|mut executor| {
        let kinds = operations(&Count::default()).len();
        for kind in 0..kinds {
            complete(&mut executor, async {
                let mut name = "";
                let start = Instant::now();
                let endless = async {
                    loop {
                        let (this, operation) = operations(&Count::default()).swap_remove(kind);
                        name = this;
                        operation.await;
                    }
                };
                let ended = timeout(limit, endless).await;
                let took = start.elapsed();
                assert!(ended.is_err() && took >= limit, "{name}");
                assert!(took < LATE, "{name}: {took:?}");
            });
        }
    });
}

#[test]
fn a_timeout_ends_what_is_always_ready_two_turns_after_its_deadline_at_the_latest() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let late = Count::default();
            let due = Rc::new(Cell::new(None));
            let (seen, told) = (late.clone(), Rc::clone(&due));
            let endless = async move {
                let mut zero = zero();
                loop {
                    zero.read_exact(&mut [0; 64]).await.unwrap();
                    if told.get().is_some_and(|due| Instant::now() > due) {
                        seen.add_one();
                    }
                }
            };
            let limit = Duration::from_millis(5);
            let endless = timeout(limit, endless);
            due.set(Some(Instant::now() + limit));
            endless.await.unwrap_err();
            assert!(late.0.get() <= 2 * MOST, "{}", late.0.get());
        });
    });
}

/// Futures that are ready, one of each kind, and must be polled beside a flood.
fn ready_futures() -> Vec<(&'static str, LocalBoxFuture<'static, ()>)> {
    let mut all = operations(&Count::default());
    all.push((
        "a quiet source",
        async {
            let (near, mut far) = Async::<UnixStream>::pair().unwrap();
            (&near).write_all(b"!").await.unwrap();
            far.read_exact(&mut [0]).await.unwrap();
        }
        .boxed_local(),
    ));
    all.push((
        "a longer sleep",
        sleep(Duration::from_millis(1)).boxed_local(),
    ));
    all
}

#[test]
fn a_future_that_is_polled_after_a_flood_has_its_turn() {
    on_every_mechanism(|mut executor| {
        for (name, ready) in ready_futures() {
            complete(&mut executor, async {
                let flood = pin!(flood(Count::default()));
                match select(flood, ready).await {
                    Either::Right(((), _)) => {}
                    Either::Left(_) => panic!("the flood has ended before {name}"),
                }
            });
        }
    });
}

#[test]
fn all_futures_that_are_polled_after_several_floods_have_their_turns() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let ready = ready_futures().into_iter().map(|(_, ready)| ready);
            let floods = async { join(flood(Count::default()), flood(Count::default())).await };
            match select(pin!(floods), join_all(ready)).await {
                Either::Right(_) => {}
                Either::Left(_) => panic!("the floods have ended"),
            }
        });
    });
}

#[test]
fn a_flood_among_unordered_futures_does_not_starve_them() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let mut all = FuturesUnordered::new();
            all.push(flood(Count::default()).boxed_local());
            let ready = ready_futures();
            let others = ready.len();
            all.extend(ready.into_iter().map(|(_, ready)| ready));
            for _ in 0..others {
                all.next().await.unwrap();
            }
        });
    });
}

#[test]
fn a_future_that_a_select_makes_again_in_each_round_has_its_turn_beside_a_flood() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            (&near).write_all(b"!").await.unwrap();
            let zero = zero();
            let flood = || zero.read_with(|mut zero| zero.read(&mut [0; 64]));
            let quiet = || far.read_with(|mut far| far.read(&mut [0]));
            while let Either::Left(_) = select(pin!(flood()), pin!(quiet())).await {}
        });
    });
}

#[test]
fn of_two_futures_that_read_the_same_source_neither_starves() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let zero = zero();
            let read = || zero.read_with(|mut zero| zero.read(&mut [0; 64]));
            let flood = async {
                loop {
                    read().await.unwrap();
                }
            };
            let quiet = async {
                for _ in 0..ROUNDS {
                    read().await.unwrap();
                }
            };
            match select(pin!(flood), pin!(quiet)).await {
                Either::Right(((), _)) => {}
                Either::Left(((), _)) => panic!("the flood has ended"),
            }
        });
    });
}

#[test]
fn a_task_with_more_sources_than_its_budget_sleeps_while_none_is_ready() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let pairs: Vec<_> = (0..5 * MOST)
                .map(|_| Async::<UnixStream>::pair().unwrap())
                .collect();
            let mut polls = 0;
            let any = poll_fn(|context| {
                polls += 1;
                let reads = pairs.iter().map(|(_, far)| {
                    let mut far = far;
                    Pin::new(&mut far).poll_read(context, &mut [0])
                });
                reads.fold(Poll::Pending, |any, read| match read {
                    Poll::Ready(read) => Poll::Ready(read),
                    Poll::Pending => any,
                })
            });
            let quiet = timeout(Duration::from_millis(20), any).await;
            assert!(quiet.is_err());
            assert!(polls < 20, "polled {polls} times");
        });
    });
}
