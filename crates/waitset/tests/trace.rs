//! A reactor that reports what it does, on every mechanism.

use std::env;
use std::fmt::{Debug, Write as _};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use waitset::{Backend, Interest, Mode, Reactor, Stats, TraceCall, TraceReactor, WaitSet};

const READ: Interest = Interest::READABLE;
const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

type AnyReactor = Box<dyn Reactor + Send>;
type Set = WaitSet<TcpStream, (), TraceReactor<AnyReactor>>;

/// What a test keeps of a line.
#[derive(Clone)]
struct Told {
    call: TraceCall,
    sources: usize,
    counts: Stats,
    took: Duration,
    events: Vec<String>,
    was_woken: bool,
    error: Option<ErrorKind>,
    text: String,
}

/// Runs `test` on each mechanism, with the lines that were told so far.
///
/// Each has a thread of its own: closing an io_uring interrupts a later system call of
/// the thread that used it.
fn on_every_mechanism(test: impl Fn(Set, Arc<Mutex<Vec<Told>>>) + Sync) {
    for backend in Backend::all() {
        let reactor = match backend.open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                // Past the harness, which keeps what passing tests print to itself.
                let _ = writeln!(io::stderr(), "NOT CHECKED: {error}");
                continue;
            }
            opened => opened.unwrap(),
        };
        eprintln!("on {backend}");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (reactor, told) = listened(reactor, || {});
                test(WaitSet::with_reactor(reactor), told);
            });
        });
    }
}

/// A reactor whose lines are kept, and which calls `also` after each.
fn listened(
    reactor: AnyReactor,
    also: impl Fn() + Send + 'static,
) -> (TraceReactor<AnyReactor>, Arc<Mutex<Vec<Told>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&told);
    let reactor = TraceReactor::new(reactor, move |line| {
        lines.lock().unwrap().push(Told {
            call: line.call,
            sources: line.sources,
            counts: line.counts,
            took: line.took,
            events: line.events.iter().map(debug).collect(),
            was_woken: line.was_woken,
            error: line.error.map(io::Error::kind),
            text: line.to_string(),
        });
        also();
    });
    (reactor, told)
}

fn debug(value: impl Debug) -> String {
    format!("{value:?}")
}

/// Connected sockets: they send and receive, so that `read` and `write` in a trace are
/// the reactor's.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

#[test]
fn every_operation_is_one_line_with_its_answer() {
    on_every_mechanism(|mut set, told| {
        let (mut near, far) = pair();
        let descriptor = far.as_raw_fd();
        let key = set.insert(far, READ, Mode::Level).unwrap();
        set.modify(key, READ | Interest::WRITABLE, Mode::Oneshot)
            .unwrap();
        set.modify(key, READ, Mode::Level).unwrap();
        near.write_all(b"!").unwrap();
        set.wait(None).unwrap();
        let (_, event) = set.next_event().unwrap();
        set.waker().wake();
        set.wait(None).unwrap();
        while set.next_event().is_some() {}
        set.get(key).unwrap().read_exact(&mut [0]).unwrap();
        let timeout = Duration::from_millis(5);
        set.wait(Some(timeout)).unwrap();
        set.remove(key).unwrap();

        let told = told.lock().unwrap().clone();
        let asked: Vec<_> = told.iter().map(|line| line.call).collect();
        let [TraceCall::Register { token, .. }, ..] = asked[..] else {
            panic!("{asked:?}");
        };
        let change = |interest, mode| TraceCall::Modify {
            descriptor,
            token,
            interest,
            mode,
        };
        let wait = |timeout| TraceCall::Wait { timeout };
        assert_eq!(
            asked,
            [
                TraceCall::Register {
                    descriptor,
                    token,
                    interest: READ,
                    mode: Mode::Level
                },
                change(READ | Interest::WRITABLE, Mode::Oneshot),
                change(READ, Mode::Level),
                wait(None),
                wait(None),
                wait(Some(timeout)),
                TraceCall::Deregister { descriptor },
            ]
        );
        let sources: Vec<_> = told.iter().map(|line| line.sources).collect();
        assert_eq!(sources, [1, 1, 1, 1, 1, 1, 0]);
        assert_eq!(told[3].events, [debug(event)]);
        assert!(told[4].was_woken && !told[3].was_woken);
        assert!(told[5].took >= timeout && told[5].events.is_empty());
        assert!(
            told[5].text.contains("the timeout expired"),
            "{}",
            told[5].text
        );
    });
}

#[test]
fn the_lines_have_all_that_was_counted() {
    on_every_mechanism(|mut set, told| {
        script(&mut set, pairs());
        // The last line is told before the last event is taken.
        let sum = told
            .lock()
            .unwrap()
            .iter()
            .fold(Stats::default(), |sum, line| Stats {
                waits: sum.waits + line.counts.waits,
                wait_calls: sum.wait_calls + line.counts.wait_calls,
                control_calls: sum.control_calls + line.counts.control_calls,
                wake_calls: sum.wake_calls + line.counts.wake_calls,
                events: sum.events + line.counts.events,
                empty_returns: sum.empty_returns + line.counts.empty_returns,
                probes: sum.probes + line.counts.probes,
                probe_hits: sum.probe_hits + line.counts.probe_hits,
            });
        assert_eq!(sum, set.reactor().stats());
        assert_eq!(sum, set.reactor().get_ref().stats());
    });
}

#[test]
fn errors_are_told_and_forwarded() {
    on_every_mechanism(|mut set, told| {
        let (_near, far) = pair();
        set.insert(far, READ, Mode::Level).unwrap();
        let edge = set.reactor().capabilities().supports(Mode::Edge);
        let answer = set.insert(pair().0, READ, Mode::Edge);
        assert_eq!(answer.is_ok(), edge);
        let last = told.lock().unwrap().pop().unwrap();
        match answer {
            Ok(_) => assert_eq!((last.error, last.sources), (None, 2)),
            Err(error) => {
                let kind = Some(ErrorKind::Unsupported);
                assert_eq!((last.error, last.sources), (kind, 1));
                let words: Vec<_> = last.text.split_whitespace().collect();
                let told = words.join(" ").contains(&format!("failed: {error}"));
                assert!(told, "{}", last.text);
            }
        }
    });
}

#[test]
fn what_is_no_operation_is_the_inner_reactors() {
    for backend in Backend::all() {
        let Ok(inner) = backend.open() else { continue };
        let capabilities = inner.capabilities();
        let reactor = TraceReactor::to_writer(inner, Vec::new());
        assert_eq!(reactor.name(), backend.name());
        assert_eq!(reactor.capabilities(), capabilities);
        assert_eq!(reactor.stats(), Stats::default());
        assert_eq!(reactor.into_inner().name(), backend.name());
    }
}

#[test]
fn no_line_of_text_is_wider_than_a_terminal() {
    on_every_mechanism(|mut set, told| {
        script(&mut set, pairs());
        for line in told
            .lock()
            .unwrap()
            .iter()
            .flat_map(|told| told.text.lines())
        {
            assert!(line.chars().count() <= 80, "{line}");
        }
    });
}

type Pairs = Vec<(TcpStream, TcpStream)>;

fn pairs() -> Pairs {
    std::iter::repeat_with(pair).take(6).collect()
}

/// Something of everything. It opens and closes nothing, since closing looks at the
/// descriptor where debug assertions are on.
fn script(set: &mut Set, pairs: Pairs) -> Pairs {
    let (mut peers, mut keys) = (Vec::new(), Vec::new());
    for (number, (near, far)) in pairs.into_iter().enumerate() {
        let mode = [Mode::Level, Mode::Oneshot][number % 2];
        peers.push(near);
        keys.push(set.insert(far, READ, mode).unwrap());
    }
    for _ in 0..5 {
        for peer in &mut peers {
            peer.write_all(b"!").unwrap();
        }
        for timeout in [None, AT_ONCE] {
            set.wait(timeout).unwrap();
            while set.next_event().is_some() {}
        }
        set.waker().wake();
        set.waker().wake();
        set.wait(None).unwrap();
        while set.next_event().is_some() {}
        for (position, key) in keys.iter().enumerate() {
            let mut source = set.get(*key).unwrap();
            assert_eq!(source.read(&mut [0; 9]).unwrap(), 1);
            if position % 2 == 1 {
                set.modify(*key, READ, Mode::Oneshot).unwrap();
            }
        }
        set.modify(keys[0], READ | Interest::WRITABLE, Mode::Level)
            .unwrap();
        set.wait(None).unwrap();
        while set.next_event().is_some() {}
        set.modify(keys[0], READ, Mode::Level).unwrap();
        set.wait(Some(Duration::from_micros(200))).unwrap();
    }
    let removed = keys.into_iter().map(|key| set.remove(key).unwrap());
    peers.into_iter().zip(removed).collect()
}

/// Set in a child to the mechanism that it runs.
const CHILD: &str = "WAITSET_TRACE_CHILD";

const WAITS: [&str; 7] = [
    "select",
    "pselect6",
    "poll",
    "ppoll",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
];
/// io_uring makes one and the same call for all.
const OTHERS: [&str; 6] = [
    "epoll_ctl",
    "fcntl",
    "io_uring_enter",
    "io_uring_register",
    "read",
    "write",
];

#[test]
fn strace_sees_the_system_calls_of_each_line() {
    if let Ok(name) = env::var(CHILD) {
        return run_traced(name.parse().unwrap());
    }
    let mut strace = Command::new("strace");
    let works = strace.args(["-qq", "-o", "/dev/null", "true"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        let what = "strace is not installed or may not trace here";
        let _ = writeln!(io::stderr(), "NOT CHECKED: {what}");
        return;
    }
    for backend in Backend::all() {
        if let Err(error) = backend.open() {
            let _ = writeln!(io::stderr(), "NOT CHECKED: {error}");
            continue;
        }
        let (told, traced) = trace(backend);
        assert!(told.lines().count() > 30, "{told}");
        assert_eq!(told, traced, "{backend}: what is told, and what strace saw");
    }
}

/// Runs `script` in a child under strace. Returns what was told and what was traced: for
/// each line the numbers of wait calls and of all.
fn trace(backend: Backend) -> (String, String) {
    let file = format!("waitset-trace-{}-{backend}.strace", std::process::id());
    let file = env::temp_dir().join(file);
    let names = [&WAITS[..], &OTHERS, &["close"]].concat().join(",");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", &format!("trace={names}"), "-o"]);
    strace.arg(&file).arg(env::current_exe().unwrap());
    strace.args([
        "strace_sees_the_system_calls_of_each_line",
        "--exact",
        "--nocapture",
    ]);
    let output = strace.env(CHILD, backend.name()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    let traced = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();

    let told = printed.lines().filter_map(|line| line.split_once("told "));
    let told = told.fold(String::new(), |all, (_, line)| all + line + "\n");
    // Before the first mark the process starts, after the last line it ends.
    let marked: Vec<_> = traced.split("close(-1)").collect();
    let counted = marked[1..marked.len() - 2].iter();
    let counted = counted.map(|calls| count(calls, backend));
    (told, counted.collect())
}

fn count(trace: &str, backend: Backend) -> String {
    let is_named = |names: &[&str], call: &str| names.contains(&call.rsplit(' ').next().unwrap());
    let calls = || {
        trace
            .lines()
            .filter_map(|line| Some(line.split_once('(')?.0))
    };
    let waits = calls().filter(|call| is_named(&WAITS, call)).count();
    let others = calls().filter(|call| is_named(&OTHERS, call)).count();
    numbers(waits, waits + others, backend)
}

fn numbers(waits: usize, all: usize, backend: Backend) -> String {
    match backend {
        Backend::Uring => format!("{all} calls\n"),
        _ => format!("{waits} of {all} calls\n"),
    }
}

/// In the child: marks the trace after each line.
fn run_traced(backend: Backend) {
    let mark = || {
        // A call that can be found in the trace and does nothing.
        nix::unistd::close(-1).unwrap_err();
    };
    let (reactor, told) = listened(backend.open().unwrap(), mark);
    let (mut set, pairs) = (WaitSet::with_reactor(reactor), pairs());
    mark();
    let pairs = script(&mut set, pairs);
    mark();
    drop(pairs);
    let mut text = String::new();
    for Told { counts, .. } in told.lock().unwrap().iter() {
        let (waits, all) = (counts.wait_calls as usize, counts.system_calls() as usize);
        write!(text, "told {}", numbers(waits, all, backend)).unwrap();
    }
    println!("\n{text}");
}

#[cfg(feature = "tracing")]
mod tracing_events {
    use super::*;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    /// Keeps level, operation and message of each event of the target `waitset`.
    struct Keeper(Mutex<Vec<(Level, String, String)>>);

    #[derive(Default)]
    struct Fields {
        operation: String,
        message: String,
    }

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            match field.name() {
                "message" => self.message = format!("{value:?}"),
                "operation" => self.operation = format!("{value:?}"),
                _ => {}
            }
        }
    }

    impl Subscriber for Keeper {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "waitset"
        }

        fn event(&self, event: &Event<'_>) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            let kept = (*event.metadata().level(), fields.operation, fields.message);
            self.0.lock().unwrap().push(kept);
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn lines_are_events_of_tracing() {
        let keeper = Arc::new(Keeper(Mutex::default()));
        tracing::subscriber::with_default(Arc::clone(&keeper), || {
            let mut set =
                WaitSet::with_reactor(TraceReactor::tracing(waitset::PollReactor::new().unwrap()));
            let key = set.insert(pair().0, READ, Mode::Level).unwrap();
            set.insert(pair().0, READ, Mode::Edge).unwrap_err();
            set.wait(AT_ONCE).unwrap();
            set.remove(key).unwrap();
        });
        let kept = keeper.0.lock().unwrap();
        let names: Vec<_> = kept
            .iter()
            .map(|(level, name, _)| (*level, name.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                (Level::DEBUG, "\"register\""),
                (Level::WARN, "\"register\""),
                (Level::TRACE, "\"wait\""),
                (Level::DEBUG, "\"deregister\""),
            ]
        );
        let wait = &kept[2].2;
        assert!(
            wait.starts_with("wait on 1 source, zero timeout: poll checked"),
            "{wait}"
        );
    }
}
