//! One event loop inside of tokio, and inside of another waitset loop.
//!
//! `cargo run -p waitset-checks --example nested`

mod sys;

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use waitset::{Backend, EventLoop, Interest, Mode, NestedLoop, Reactor};

type AnyReactor = Box<dyn Reactor + Send>;

/// What the inner loop notes, and whether it is done.
#[derive(Default)]
struct Notes {
    lines: Vec<&'static str>,
}

impl Notes {
    fn are_complete(&self) -> bool {
        self.lines.len() == 3
    }
}

/// A loop with a timer, a deferred call, and a thread that posts.
fn inner() -> io::Result<NestedLoop<Notes, AnyReactor>> {
    let event_loop = EventLoop::with_reactor(Backend::default().open()?);
    let mut nested = event_loop.into_nested()?;
    let handle = nested.handle();
    handle.defer(|notes: &mut Notes, _| notes.lines.push("deferred call"));
    handle.arm_after(Duration::from_millis(10), |notes, _, _| {
        notes.lines.push("timer");
    });
    let remote = handle.remote();
    thread::spawn(move || remote.post(|notes, _| notes.lines.push("closure of a thread")));
    Ok(nested)
}

/// Runs the inner loop as a task of tokio.
async fn in_tokio(notes: Rc<RefCell<Notes>>) -> io::Result<()> {
    let mut nested = sys::watch(inner()?)?;
    while !notes.borrow().are_complete() {
        let mut guard = nested.readable_mut().await?;
        guard.get_inner_mut().turn(&mut notes.borrow_mut())?;
        guard.clear_ready();
    }
    Ok(())
}

/// Runs the inner loop as a source of another one.
fn in_waitset(notes: &mut Notes) -> io::Result<()> {
    let mut outer = EventLoop::new()?;
    outer.handle().insert_mut(
        inner()?,
        Interest::READABLE,
        Mode::Level,
        |notes: &mut Notes, nested, _, handle| {
            if let Err(error) = nested.turn(notes) {
                eprintln!("{error}");
                handle.stop();
            }
            if notes.are_complete() {
                handle.stop();
            }
        },
    )?;
    outer.run(notes)
}

fn main() -> io::Result<()> {
    let notes = Rc::new(RefCell::new(Notes::default()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(in_tokio(Rc::clone(&notes)))?;
    report("tokio", &notes.borrow());

    let mut notes = Notes::default();
    in_waitset(&mut notes)?;
    report("waitset", &notes);
    Ok(())
}

fn report(outer: &str, notes: &Notes) {
    for line in &notes.lines {
        writeln!(io::stdout(), "inside of {outer}: {line}").ok();
    }
}
