//! The standard output and error, whose readers may go away before everything is said.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::sys;

/// Prints a line on the standard error, as `eprintln!` does, but without its panic when nobody
/// reads it any more.
#[macro_export]
macro_rules! note {
    ($($text:tt)*) => { $crate::output::note(::std::format_args!($($text)*)) };
}

/// See [`note!`](crate::note).
pub fn note(text: fmt::Arguments<'_>) {
    // In one write, so that those of two threads do not mix. There is nobody left to tell that
    // it failed.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// The standard output. `println!` would panic when its reader is gone.
#[derive(Debug)]
pub struct Output {
    stdout: io::Stdout,
    is_closed: bool,
}

impl Output {
    fn noted<T>(&mut self, outcome: io::Result<T>) -> io::Result<T> {
        let kind = outcome.as_ref().map_err(io::Error::kind).err();
        self.is_closed |= kind == Some(io::ErrorKind::BrokenPipe);
        outcome
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stdout.write(bytes);
        self.noted(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.stdout.flush();
        self.noted(flushed)
    }
}

/// Ends this process, too, when its reader goes: for one whose lines are printed by another
/// crate, which would panic.
pub fn end_with_reader() {
    sys::heed_broken_pipes();
}

/// Runs what there is to do, and says on the standard error why it failed.
///
/// A reader that has gone, as `head` does when it has its lines, ends it too, and is no
/// failure.
pub fn run(program: &str, work: impl FnOnce(&mut Output) -> io::Result<ExitCode>) -> ExitCode {
    let mut out = Output {
        stdout: io::stdout(),
        is_closed: false,
    };
    let outcome = work(&mut out).and_then(|code| out.flush().map(|()| code));
    match outcome {
        Ok(code) => code,
        Err(_) if out.is_closed => ExitCode::SUCCESS,
        Err(error) => {
            note!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}
