//! Features add: what compiles with some compiles with more, and with none.

use std::path::PathBuf;

use waitset_checks::Program;

const MANIFEST: &str = r#"
[dependencies]
waitset = { path = "CRATES/waitset", default-features = false }
[features]
select = ["waitset/select"]
poll = ["waitset/poll"]
epoll = ["waitset/epoll"]
uring = ["waitset/uring"]
busy = ["waitset/busy"]
"#;

/// The types by name, whatever mechanism is inside.
const NAMED: &str = r#"
use std::io;
use std::os::unix::net::UnixStream;
use waitset::{Backend, DefaultReactor, EventLoop, WaitSet};

struct Server {
    set: WaitSet<UnixStream>,
    other: WaitSet<UnixStream, (), DefaultReactor>,
}

fn open() -> io::Result<(Server, EventLoop<u32>)> {
    let reactor: DefaultReactor = DefaultReactor::new()?;
    drop(reactor);
    let server = Server { set: WaitSet::new()?, other: WaitSet::new()? };
    Ok((server, EventLoop::new()?))
}

fn main() {
    let is_open = match open() {
        Ok((server, _)) => server.set.is_empty() && server.other.is_empty(),
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains("features"), "{error}");
            false
        }
    };
    let backend = Backend::default();
    assert_eq!(is_open, backend.is_available(), "{backend}");
    assert_eq!(is_open, backend.open().is_ok(), "{backend}");
    for backend in Backend::all() {
        let name = backend.open().map(|reactor| reactor.name());
        assert_eq!(name.ok(), Some(backend.name()));
    }
    println!("{is_open}");
}
"#;

/// The same, of a program that names the reactor of one feature.
const NAMED_POLL: &str = r#"
use waitset::{EventLoop, PollReactor, Reactor, WaitSet};

fn main() {
    let (event_loop, set) = (EventLoop::<()>::new(), WaitSet::<std::net::TcpStream>::new());
    assert!(event_loop.is_ok() && set.is_ok());
    println!("{}", PollReactor::new().is_ok_and(|poll| poll.name() == "poll"));
}
"#;

fn program(name: &str, source: &str) -> Program {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    Program::write(directory, MANIFEST, source).unwrap()
}

/// Builds the program with the features and returns what it prints.
fn run(program: &Program, features: &str) -> String {
    let arguments = ["run", "--quiet", "--no-default-features", "--features"];
    let output = program
        .cargo(&[&arguments[..], &[features]].concat())
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{features:?}: {error}");
    String::from_utf8_lossy(&output.stdout).trim().into()
}

#[test]
fn no_feature_changes_the_types_that_a_program_names() {
    let program = program("named", NAMED);
    for features in ["poll", "select", "epoll", "poll,epoll,busy"] {
        assert_eq!(run(&program, features), "true", "{features}");
    }
}

#[test]
fn what_is_written_for_poll_compiles_when_another_crate_enables_epoll() {
    let program = program("named_poll", NAMED_POLL);
    for features in ["poll", "poll,epoll", "select,poll,epoll,busy"] {
        assert_eq!(run(&program, features), "true", "{features}");
    }
}

#[test]
fn a_build_without_a_mechanism_that_sleeps_compiles_and_says_so_when_opened() {
    let program = program("absent", NAMED);
    for features in ["", "busy"] {
        assert_eq!(run(&program, features), "false", "{features}");
    }
}
