//! A loop inside of tokio, over each mechanism that lends a descriptor.
#![cfg(any(target_os = "linux", target_os = "android"))]

#[path = "../examples/nested/sys.rs"]
mod sys;

use std::cell::RefCell;
use std::future;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use tokio::task::LocalSet;
use waitset::{Backend, EventLoop, Interest, LocalHandle, Mode, NestedLoop, Reactor};

type Notes = Rc<RefCell<Vec<&'static str>>>;
type Nested = NestedLoop<Vec<&'static str>, Box<dyn Reactor + Send>>;

/// Runs the nested loop whenever tokio finds it readable.
async fn drive(nested: Nested, notes: Notes) {
    let mut nested = sys::watch(nested).unwrap();
    loop {
        let mut guard = nested.readable_mut().await.unwrap();
        guard.get_inner_mut().turn(&mut notes.borrow_mut()).unwrap();
        guard.clear_ready();
    }
}

/// Lets tokio sleep until the nested loop has noted this.
async fn noted(notes: &Notes, note: &'static str) {
    let looking = future::poll_fn(|context| {
        if notes.borrow().contains(&note) {
            return Poll::Ready(());
        }
        // Once per wait of tokio's, which this does not keep from sleeping.
        let waker = context.waker().clone();
        WATCHERS.with_borrow_mut(|watchers| watchers.push(waker));
        Poll::Pending
    });
    tokio::time::timeout(Duration::from_secs(60), looking)
        .await
        .expect("the nested loop stays silent");
    notes.borrow_mut().clear();
    // Until the driver waits again.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

thread_local! {
    /// Whom a note wakes.
    static WATCHERS: RefCell<Vec<std::task::Waker>> = const { RefCell::new(Vec::new()) };
}

fn note(notes: &mut Vec<&'static str>, text: &'static str) {
    notes.push(text);
    WATCHERS.take().into_iter().for_each(std::task::Waker::wake);
}

fn insert(handle: &LocalHandle<Vec<&'static str>>, source: UnixStream, mode: Mode) {
    source.set_nonblocking(true).unwrap();
    let inserted = handle.insert(
        source,
        Interest::READABLE,
        mode,
        |notes, mut source, _, _| {
            let mut buffer = [0; 16];
            while matches!(source.read(&mut buffer), Ok(1..)) {}
            note(notes, "readable");
        },
    );
    inserted.unwrap();
}

async fn check(mut nested: Nested) {
    let handle = nested.handle().local();
    let notes = Notes::default();
    tokio::task::spawn_local(drive(nested, Rc::clone(&notes)));
    handle.defer(|notes, _| note(notes, "deferred"));
    noted(&notes, "deferred").await;

    let mut fars = Vec::new();
    for mode in [Mode::Level, Mode::Edge] {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"!").unwrap();
        insert(&handle, near, mode);
        noted(&notes, "readable").await;
        for _ in 0..3 {
            far.write_all(b"!").unwrap();
            noted(&notes, "readable").await;
        }
        fars.push(far);
    }

    handle.arm_after(Duration::from_millis(2), |notes, _, _| note(notes, "timer"));
    noted(&notes, "timer").await;

    for _ in 0..3 {
        let remote = handle.remote();
        let thread = thread::spawn(move || remote.post(|notes, _| note(notes, "posted")));
        noted(&notes, "posted").await;
        thread.join().unwrap().unwrap();
    }

    handle.defer(|notes, _| note(notes, "deferred"));
    noted(&notes, "deferred").await;
}

#[test]
fn tokio_runs_a_nested_loop() {
    let mut checked = Vec::new();
    for backend in Backend::all() {
        let Ok(reactor) = backend.open() else {
            continue;
        };
        let nested = match EventLoop::with_reactor(reactor).into_nested() {
            Err(error) if error.kind() == ErrorKind::Unsupported => continue,
            nested => nested.unwrap(),
        };
        eprintln!("{backend} in tokio");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        LocalSet::new().block_on(&runtime, check(nested));
        checked.push(backend);
    }
    assert!(checked.contains(&Backend::Epoll));
}

#[test]
fn the_program_nests_a_loop_in_tokio_and_in_waitset() {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--example", "nested"]);
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for outer in ["tokio", "waitset"] {
        for line in ["deferred call", "timer", "closure of a thread"] {
            assert!(
                text.contains(&format!("inside of {outer}: {line}\n")),
                "{text}"
            );
        }
    }
    assert!(output.status.success());
}
