//! Cases that change what the whole process shares run alone, in a child process.

use std::cell::Cell;
use std::env;
use std::fmt::Display;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use waitset_core::{Capabilities, Mode};

use crate::Make;

/// The variable that names, in a child, the test that it was started for.
const VARIABLE: &str = "WAITSET_ALONE";

/// A case that takes longer hangs, most likely in a wait that does not end.
const LONGEST: Duration = Duration::from_secs(100);
/// A case with a child waits longer, so that the child reports first.
const LONGEST_WITH_CHILD: Duration = Duration::from_secs(120);

thread_local! {
    static TEST: Cell<&'static str> = const { Cell::new("") };
}

/// Runs `case`, which belongs to the test of the path `test`, crate included, and tests these
/// rules of the contract. A mechanism that this machine lacks is skipped, with a message.
#[doc(hidden)]
pub fn run(test: &'static str, rules: &[u8], case: impl FnOnce(Make), make: Make) {
    // The harness shows it if the case fails.
    for rule in rules {
        println!(
            "tests rule {rule} of the contract, see the documentation of waitset_core::Reactor"
        );
    }
    // The harness knows a test by its path within the crate.
    let (_, path) = test.split_once("::").unwrap_or(("", test));
    TEST.set(path);
    // Kept open, because closing some reactors disturbs their thread a moment later.
    let first = make();
    match &first {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            not_checked(format_args!("{path}: {error}"));
        }
        Ok(reactor) if is_declared_off(rules, &reactor.capabilities()) => {
            println!(
                "{ENDED_EARLY} the capabilities declare that rule {} does not hold",
                rules[0]
            );
        }
        _ => until_its_end(|| watched(path, || case(make))),
    }
}

/// Returns `true` if the mechanism declares that the main rule of a case does not hold. Only this
/// rule can be declared off as a whole.
fn is_declared_off(rules: &[u8], can: &Capabilities) -> bool {
    const CLOSED_WHILE_REGISTERED: u8 = 10;
    rules.first() == Some(&CLOSED_WHILE_REGISTERED) && !can.tolerates_closed_descriptors
}

/// Why a case ended early: the mechanism does not support this mode, and said so.
struct EndedWithout(Mode);

const ENDED_EARLY: &str = "ended early:";

/// Returns `true` if a child printed that its case [ended without](end_without) a mode.
pub(crate) fn has_ended_early(printed: &str) -> bool {
    printed.contains(ENDED_EARLY)
}

/// Ends the case that this thread runs, because the mechanism refuses `mode`, as its capabilities
/// declare.
pub(crate) fn end_without(mode: Mode) -> ! {
    panic::resume_unwind(Box::new(EndedWithout(mode)))
}

/// Runs a case that [`end_without`] can end.
fn until_its_end(case: impl FnOnce()) {
    let Err(payload) = panic::catch_unwind(AssertUnwindSafe(case)) else {
        return;
    };
    match payload.downcast::<EndedWithout>() {
        Ok(ended) => println!("{ENDED_EARLY} {} mode is refused, as declared", ended.0),
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// Ends the process, and names the test, if `case` hangs: a lost wake would keep the harness waiting
/// forever.
fn watched(test: &str, case: impl FnOnce()) {
    let limit = match is_child() {
        true => LONGEST,
        false => LONGEST_WITH_CHILD,
    };
    let (ended, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                let _ = writeln!(io::stderr(), "{test} hangs");
                process::abort();
            }
        });
        // Dropped also when the case panics.
        let _ended = ended;
        case();
    });
}

/// Prints that something was not tested, past the harness, which shows only the output of failed
/// tests.
///
/// ```
/// waitset_conformance::not_checked("io_uring: this kernel has none");
/// ```
pub fn not_checked(what: impl Display) {
    // In one piece, not to be mixed with what the harness prints.
    let line = format!("NOT CHECKED: {what}\n");
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Runs `body` without other tests around: in a child process, which is this binary, started again
/// for this test only.
pub(crate) fn alone(body: impl FnOnce()) {
    if is_child() {
        body();
    } else {
        run_to_end(&mut command());
    }
}

/// Returns `true` if this process is a child.
pub(crate) fn is_child() -> bool {
    env::var(VARIABLE).is_ok_and(|test| test == TEST.get())
}

/// Returns the command that starts the child. To wrap it in another program, use [`arguments`].
pub(crate) fn command() -> Command {
    let [program, arguments @ ..] = arguments();
    let mut command = Command::new(program);
    command.args(arguments);
    prepare(&mut command);
    command
}

/// Returns the command line of the child.
pub(crate) fn arguments() -> [String; 5] {
    let program = env::current_exe().unwrap().to_str().unwrap().to_owned();
    let [exact, threads, show] = ["--exact", "--test-threads=1", "--nocapture"].map(String::from);
    [program, TEST.get().to_owned(), exact, threads, show]
}

/// Sets the child's variable, and makes its output readable.
pub(crate) fn prepare(command: &mut Command) {
    command
        .env(VARIABLE, TEST.get())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// Runs the child and returns what it printed.
pub(crate) fn run_to_end(command: &mut Command) -> String {
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let stdout = thread::spawn(move || read_all(&mut stdout));
    let stderr = thread::spawn(move || read_all(&mut stderr));
    let status = wait_for(&mut child);
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let succeeded = status.is_some_and(|status| status.success());
    assert!(
        succeeded && stdout.contains("1 passed"),
        "the child ended with {status:?}\n{stdout}\n{stderr}"
    );
    stdout
}

fn read_all(from: &mut impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

/// Returns `None` if the child had to be killed.
fn wait_for(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if start.elapsed() > LONGEST_WITH_CHILD {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
