//! Every operation, in every kind of callback, on every kind of target.
//!
//! Four sources are ready in one batch and stay so, since nobody reads from them. In the
//! midst of that some callback acts, once, and what comes of it is looked at when the turn
//! is over.

use std::any::Any;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use waitset::stream::{Acceptor, Notice};
use waitset::{Backend, EventLoop, Key, Mode, TimerKey};

use crate::mechanisms::*;
use crate::sys;

type Shared = Rc<UnixStream>;
type Act = fn(&mut World, &mut In<'_, World>, Key);
type Look = fn(&mut Loop<World>, &mut World, Key);

/// The state of a loop in which a callback is to act.
#[derive(Default)]
struct World {
    /// Taken by whoever acts.
    plan: Option<(Act, Target)>,
    acts_as: &'static str,
    /// Of the callback that acts, if it has one.
    own: Option<Key>,
    /// The sources that are ready, and those that were told, in that order.
    ready: Vec<(Key, Shared)>,
    told: Vec<Key>,
    /// What the operation was done to, and how many had been told by then.
    acted: Option<(Key, usize)>,
    newcomer: Option<(Key, UnixStream)>,
    timers: Vec<TimerKey>,
    /// What else has run.
    ran: Vec<&'static str>,
    kept: Vec<Box<dyn Any>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    Itself,
    /// One of the ready sources that was told before the callback runs, if any was.
    Told,
    /// One that was not.
    Untold,
}

impl World {
    /// What every callback does that is to act.
    fn act(&mut self, handle: &mut In<'_, Self>) {
        let Some((act, target)) = self.plan.take() else {
            return;
        };
        let ready = || self.ready.iter().map(|(key, _)| *key);
        let is_told = |key: &Key| self.told.contains(key);
        let key = match target {
            Target::Itself => self.own,
            Target::Told => ready().find(is_told),
            Target::Untold => ready().find(|key| !is_told(key)),
        };
        let key = key.unwrap_or_else(|| ready().next().unwrap());
        self.acted = Some((key, self.told.len()));
        act(self, handle, key);
    }

    /// How often a source was told since the operation.
    fn told_since(&self, key: Key) -> usize {
        let (_, before) = self.acted.unwrap();
        self.told[before..]
            .iter()
            .filter(|told| **told == key)
            .count()
    }

    fn is_ready_source(&self, key: Key) -> bool {
        self.ready.iter().any(|(ready, _)| *ready == key)
    }
}

fn tell(world: &mut World, _: &Shared, _: waitset::Event, handle: &mut In<'_, World>) {
    world.told.push(handle.key());
    assert!(world.told.len() < 100_000, "the loop does not stop");
    if world.acts_as == "source" && world.told.len() == 2 {
        world.own = Some(handle.key());
        world.act(handle);
    }
}

/// Has a callback of one kind act in the next turn, or as soon as it can be.
type Arrange = fn(&mut World, &mut In<'_, World>);

const CALLBACKS: &[(&str, Arrange)] = &[
    // The second of those that are ready.
    ("source", |_, _| {}),
    ("timer", |_, handle| {
        handle.arm_after(Duration::ZERO, |world, _, handle| world.act(handle));
    }),
    ("message", |world, handle| {
        let (sender, key) = handle.channel(|world: &mut World, _, handle| world.act(handle));
        sender.send(()).unwrap();
        world.own = Some(key);
        world.kept.push(Box::new(sender));
    }),
    ("disconnect", |_, handle| {
        drop(
            handle.channel(|world: &mut World, end: Option<()>, handle| {
                assert!(end.is_none());
                world.act(handle);
            }),
        );
    }),
    ("posted closure", |_, handle| {
        let posted = handle.remote().post(|world, handle| world.act(handle));
        posted.unwrap();
    }),
    ("deferred call", |_, handle| {
        handle.defer(|world, handle| world.act(handle));
    }),
    ("hook", |world, handle| {
        world.own = Some(handle.before_sleep(|world: &mut World, handle| world.act(handle)));
    }),
    #[cfg(any(target_os = "linux", target_os = "android"))]
    ("signal", |world, handle| {
        let signals = waitset::Signals::new(&[waitset::Signal::USER_2]).unwrap();
        let caught = handle.insert(
            signals,
            READ,
            Mode::Level,
            |world: &mut World, signals, _, handle| {
                if signals.next().is_ok() {
                    world.act(handle);
                }
            },
        );
        world.own = Some(caught.unwrap());
        // To this thread, which is the only one that blocks it.
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGUSR2).unwrap();
    }),
    #[cfg(any(target_os = "linux", target_os = "android"))]
    ("child", |world, handle| {
        let child = std::process::Command::new("true").spawn().unwrap();
        let child = waitset::ChildProcess::new(child).unwrap();
        let ended = handle.insert(
            child,
            READ,
            Mode::Level,
            |world: &mut World, child, _, handle| {
                if child.try_wait().is_ok() {
                    world.act(handle);
                }
            },
        );
        world.own = Some(ended.unwrap());
    }),
    ("accept", |world, handle| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let acceptor = Acceptor::new(listener).unwrap();
        let key = handle.listen(acceptor, Mode::Level, |world: &mut World, _, handle| {
            world.act(handle);
        });
        world.own = Some(key.unwrap());
        world.kept.push(Box::new(client));
    }),
    ("connect", |world, handle| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let limit = Duration::MAX;
        handle.connect_tcp(address, limit, |world: &mut World, stream, handle| {
            stream.unwrap();
            world.act(handle);
        });
        world.kept.push(Box::new(listener));
    }),
    ("notice", |world, handle| {
        let (near, far) = ready();
        let told = |world: &mut World, _: &_, notice: Notice, handle: &mut In<'_, World>| {
            assert!(matches!(notice, Notice::Received));
            world.act(handle);
        };
        let connection = handle.insert_stream(near, Mode::Level, told).unwrap();
        world.own = Some(connection.key());
        world.kept.push(Box::new((connection, far)));
    }),
];

/// An operation, its targets, and how one sees that it was done.
struct Operation {
    name: &'static str,
    targets: &'static [Target],
    act: Act,
    look: Look,
}

const ALL: &[Target] = &[Target::Itself, Target::Told, Target::Untold];
const OTHERS: &[Target] = &[Target::Told, Target::Untold];
/// For an operation that has no target.
const NONE: &[Target] = &[Target::Told];

const OPERATIONS: &[Operation] = &[
    Operation {
        name: "disable",
        targets: ALL,
        act: |_, handle, key| assert!(handle.disable(key) && !handle.is_enabled(key)),
        look: |event_loop, world, key| {
            turn_often(event_loop, world);
            assert_eq!(world.told_since(key), 0);
            assert!(event_loop.handle().contains(key));
            event_loop.handle().enable(key).unwrap();
            turn_often(event_loop, world);
            assert_eq!(world.told_since(key) > 0, world.is_ready_source(key));
        },
    },
    Operation {
        name: "disable and enable",
        targets: ALL,
        act: |_, handle, key| {
            assert!(handle.disable(key));
            handle.enable(key).unwrap();
        },
        look: |event_loop, world, key| {
            turn_often(event_loop, world);
            assert!(event_loop.handle().is_enabled(key));
            assert_eq!(world.told_since(key) > 0, world.is_ready_source(key));
        },
    },
    Operation {
        name: "modify",
        targets: OTHERS,
        act: |_, handle, key| handle.modify(key, READ, Mode::Oneshot).unwrap(),
        look: |event_loop, world, key| {
            turn_often(event_loop, world);
            // What was fetched before may be told beside what the change has armed.
            assert!(matches!(world.told_since(key), 1 | 2));
            let before = world.told_since(key);
            turn_often(event_loop, world);
            assert_eq!(world.told_since(key), before, "it is one-shot now");
        },
    },
    Operation {
        name: "remove",
        targets: ALL,
        act: |_, handle, key| {
            assert!(handle.remove(key));
            assert!(!handle.contains(key) && !handle.remove(key));
        },
        look: |event_loop, world, key| {
            turn_often(event_loop, world);
            assert_eq!(world.told_since(key), 0);
            assert!(!event_loop.handle().contains(key));
        },
    },
    Operation {
        name: "remove, and put another on its number",
        targets: OTHERS,
        act: replace,
        look: look_at_newcomer,
    },
    Operation {
        name: "insert",
        targets: NONE,
        act: |world, handle, _| {
            let (near, far) = ready();
            let insert = handle.insert(near, READ, Mode::Oneshot, |world: &mut World, _, _, _| {
                world.ran.push("inserted");
            });
            insert.unwrap();
            world.kept.push(Box::new(far));
        },
        look: |event_loop, world, _| ran(event_loop, world, &["inserted"]),
    },
    Operation {
        name: "arm",
        targets: NONE,
        act: |_, handle, _| {
            handle.arm_after(Duration::ZERO, |world, _, _| world.ran.push("armed"));
        },
        look: |event_loop, world, _| ran(event_loop, world, &["armed"]),
    },
    Operation {
        name: "arm, reset and reset again",
        targets: NONE,
        act: |_, handle, _| {
            let timer = handle.arm_after(Duration::ZERO, |world, _, _| world.ran.push("reset"));
            assert!(handle.reset_after(timer, Duration::MAX));
            assert!(handle.reset_after(timer, Duration::ZERO));
        },
        look: |event_loop, world, _| ran(event_loop, world, &["reset"]),
    },
    Operation {
        name: "reset one timer and cancel another",
        targets: NONE,
        act: |world, handle, _| {
            assert!(handle.reset_after(world.timers[0], Duration::ZERO));
            assert!(handle.cancel(world.timers[1]) && !handle.is_armed(world.timers[1]));
        },
        look: |event_loop, world, _| ran(event_loop, world, &["first timer"]),
    },
    Operation {
        name: "post",
        targets: NONE,
        act: |_, handle, _| {
            let posted = handle.remote().post(|world, _| world.ran.push("posted"));
            posted.unwrap();
        },
        look: |event_loop, world, _| ran(event_loop, world, &["posted"]),
    },
    Operation {
        name: "defer",
        targets: NONE,
        act: |_, handle, _| handle.defer(|world, _| world.ran.push("deferred")),
        look: |event_loop, world, _| ran(event_loop, world, &["deferred"]),
    },
    Operation {
        name: "channel and sync_channel",
        targets: NONE,
        act: |_, handle, _| {
            let (sender, _) = handle.channel(|world, message, _| {
                world.ran.push(message.unwrap_or("end"));
            });
            sender.send("message").unwrap();
            let (sender, key) = handle.sync_channel(1, |_, _: Option<()>, _| unreachable!());
            sender.try_send(()).unwrap();
            assert!(handle.remove(key) && sender.try_send(()).is_err());
        },
        look: |event_loop, world, _| ran(event_loop, world, &["message", "end"]),
    },
    Operation {
        name: "before_sleep",
        targets: NONE,
        act: |_, handle, _| {
            let gone = handle.before_sleep(|_, _| unreachable!());
            assert!(handle.remove(gone));
            handle.before_sleep(|world, _| world.ran.push("hook"));
        },
        look: |event_loop, world, _| {
            world.ran.clear();
            event_loop.turn(world, AT_ONCE).unwrap();
            assert_eq!(world.ran, ["hook"]);
        },
    },
    Operation {
        name: "stop and wake",
        targets: NONE,
        act: |_, handle, _| {
            handle.stop();
            handle.waker().wake();
        },
        look: |event_loop, world, _| event_loop.run(world).unwrap(),
    },
    Operation {
        name: "listen and connect",
        targets: NONE,
        act: |_, handle, _| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let acceptor = Acceptor::new(listener).unwrap();
            let listening = handle.listen(acceptor, Mode::Level, |world: &mut World, _, _| {
                world.ran.push("accepted");
            });
            listening.unwrap();
            handle.connect_tcp(address, Duration::MAX, |world: &mut World, stream, _| {
                world.kept.push(Box::new(stream.unwrap()));
                world.ran.push("connected");
            });
        },
        look: |event_loop, world, _| {
            turn_until(event_loop, world, |world| world.ran.len() == 2);
            world.ran.sort_unstable();
            assert_eq!(world.ran, ["accepted", "connected"]);
        },
    },
    Operation {
        name: "open",
        targets: NONE,
        act: |world, handle, _| {
            let (near, far) = ready();
            let told =
                |world: &mut World, _: &_, _, _: &mut In<'_, World>| world.ran.push("notice");
            world.kept.push(Box::new(
                handle.insert_stream(near, Mode::Level, told).unwrap(),
            ));
            world.kept.push(Box::new(far));
        },
        look: |event_loop, world, _| ran(event_loop, world, &["notice"]),
    },
];

/// Often enough for what is to come to have come. The sources that are ready stay so: the
/// loop never comes to rest.
fn turn_often(event_loop: &mut Loop<World>, world: &mut World) {
    for _ in 0..4 {
        event_loop.turn(world, AT_ONCE).unwrap();
    }
}

/// These ran, in this order, and once each.
fn ran(event_loop: &mut Loop<World>, world: &mut World, expected: &[&str]) {
    turn_until(event_loop, world, |world| world.ran.len() >= expected.len());
    turn_often(event_loop, world);
    assert_eq!(world.ran, expected);
}

/// Removes a source, and watches a stranger that has the same number by then.
fn replace(world: &mut World, handle: &mut In<'_, World>, key: Key) {
    let at = world.ready.iter().position(|(ready, _)| *ready == key);
    let (_, source) = world.ready.swap_remove(at.unwrap());
    assert!(handle.remove(key));
    let (stranger, peer) = pair();
    sys::put_onto_number_of(&*source, &stranger);
    let told = |world: &mut World, source: &Shared, _, _: &mut In<'_, World>| {
        drain(source);
        world.ran.push("newcomer");
    };
    let newcomer = handle.insert(source, READ, Mode::Level, told).unwrap();
    world.newcomer = Some((newcomer, peer));
}

fn look_at_newcomer(event_loop: &mut Loop<World>, world: &mut World, key: Key) {
    turn_often(event_loop, world);
    assert_eq!(world.told_since(key), 0, "the old source");
    assert!(world.ran.is_empty(), "nobody has written to the newcomer");
    let (newcomer, peer) = world.newcomer.as_mut().unwrap();
    assert_ne!(*newcomer, key);
    peer.write_all(b"!").unwrap();
    ran(event_loop, world, &["newcomer"]);
}

/// One case; false if a callback of this kind has no key to be its own target.
fn run_case(
    reactor: AnyReactor,
    kind: &'static str,
    arrange: Arrange,
    operation: &Operation,
    target: Target,
) -> bool {
    let (mut event_loop, mut world) = loop_with(reactor, kind, arrange);
    if target == Target::Itself && world.own.is_none() && kind != "source" {
        return false;
    }
    world.plan = Some((operation.act, target));
    turn_until(&mut event_loop, &mut world, |world| world.acted.is_some());
    let (key, _) = world.acted.unwrap();
    (operation.look)(&mut event_loop, &mut world, key);
    true
}

/// Four ready sources and two timers, and a callback of one kind that is to act.
fn loop_with(reactor: AnyReactor, kind: &'static str, arrange: Arrange) -> (Loop<World>, World) {
    let mut event_loop: Loop<World> = EventLoop::with_reactor(reactor);
    let mut world = World {
        acts_as: kind,
        ..World::default()
    };
    let mut handle = event_loop.handle();
    for _ in 0..4 {
        let (near, far) = ready();
        let near = Rc::new(near);
        let key = handle.insert(Rc::clone(&near), READ, Mode::Level, tell);
        world.ready.push((key.unwrap(), near));
        world.kept.push(Box::new(far));
    }
    let first = handle.arm_after(Duration::MAX, |world, _, _| world.ran.push("first timer"));
    let second = handle.arm_after(Duration::MAX, |world, _, _| world.ran.push("second timer"));
    world.timers = vec![first, second];
    arrange(&mut world, &mut handle);
    (event_loop, world)
}

#[test]
fn every_operation_in_every_callback_on_every_target_does_what_it_says() {
    on_every_mechanism(|reactor| {
        let backend: Backend = reactor.name().parse().unwrap();
        drop(reactor);
        let mut cases = 0;
        for operation in OPERATIONS {
            for (kind, arrange) in CALLBACKS {
                for target in operation.targets {
                    // Shown if it fails.
                    eprintln!("{}: in a {kind}, {target:?}", operation.name);
                    let reactor = backend.open().unwrap();
                    cases += u32::from(run_case(reactor, kind, *arrange, operation, *target));
                }
            }
        }
        assert!(cases > 200, "{cases}");
    });
}

/// Unwinds without the panic hook, which would print it.
fn panic(_: &mut World, _: &mut In<'_, World>, _: Key) {
    std::panic::resume_unwind(Box::new("on purpose"));
}

#[test]
fn a_panic_in_every_callback_goes_through_the_turn_and_the_loop_is_as_before() {
    on_every_mechanism(|reactor| {
        let backend: Backend = reactor.name().parse().unwrap();
        drop(reactor);
        for (kind, arrange) in CALLBACKS {
            eprintln!("in a {kind}");
            let (mut event_loop, mut world) = loop_with(backend.open().unwrap(), kind, *arrange);
            world.plan = Some((panic, Target::Untold));
            let turn = AssertUnwindSafe(|| {
                turn_until(&mut event_loop, &mut world, |world| world.acted.is_some());
            });
            let thrown = catch_unwind(turn).unwrap_err();
            assert_eq!(thrown.downcast_ref(), Some(&"on purpose"));

            // The others are told, and everything works.
            let handle = event_loop.handle();
            handle.arm_after(Duration::ZERO, |world, _, _| world.ran.push("timer"));
            handle.defer(|world, _| world.ran.push("call"));
            let posted = handle.remote().post(|world, _| world.ran.push("closure"));
            posted.unwrap();
            ran(&mut event_loop, &mut world, &["timer", "call", "closure"]);
            let sources: Vec<_> = world.ready.iter().map(|(key, _)| *key).collect();
            assert!(sources.iter().all(|key| world.told_since(*key) > 0));

            // Nothing is left of who panicked but itself.
            let handle = event_loop.handle();
            assert!(sources.iter().all(|key| handle.remove(*key)));
            if let Some(own) = world.own.filter(|_| *kind != "source") {
                assert!(handle.remove(own), "it is as it was before");
            }
            assert!(world.timers.iter().all(|timer| handle.cancel(*timer)));
            settle(&mut event_loop, &mut world);
            let text = format!("{event_loop:?}");
            assert!(
                text.contains("entries: 0, timers: 0, deferred: 0"),
                "{text}"
            );
        }
    });
}
