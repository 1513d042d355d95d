//! What a program prints, where its reader may be slow or gone, and may be a terminal.
//!
//! `println!` and `eprintln!` panic if they cannot write, and a panic in a callback ends a
//! server with all its connections. [`say!`](crate::say) and [`warn!`](crate::warn) never panic,
//! and clippy refuses the others here (`clippy.toml`). What happens to a line that cannot be
//! written depends on the program:
//!
//! - A **server** keeps serving, and its exit code does not depend on its lines.
//! - A **filter**, whose lines are what it is run for, calls [`end_with_output`]. When its reader
//!   goes, as `head` does when it has its lines, it ends with exit code 0. If its output fails in
//!   another way (`ENOSPC`), it says so and ends with exit code 1.
//!
//! A reader that is slow holds the program up, but not Ctrl-C and SIGTERM: while a line waits
//! for room they have the effect that they had before the program blocked them.

use std::fmt::{self, Write as _};
use std::io::{self, ErrorKind, IsTerminal as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd;

use crate::printable::printable;

/// Prints a line on the standard output, as `println!` does, but without its panic: see
/// [`output`](crate::output).
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::output::say(::std::format_args!($($text)*)) };
}

/// Prints a line on the standard error, as `eprintln!` does, but without its panic: what cannot
/// be written is left out.
#[macro_export]
macro_rules! warn {
    ($($text:tt)*) => { $crate::output::warn(::std::format_args!($($text)*)) };
}

/// Whether this program ends when its output fails.
static ENDS_WITH_OUTPUT: AtomicBool = AtomicBool::new(false);

/// Whether a failure of the output has been reported.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// A pipe that poll(2) reports as writable has room for as many bytes (`PIPE_BUF`, pipe(7)).
const AT_A_TIME: usize = 4096;

/// Has this program end when its standard output fails: see [`output`](self).
pub fn end_with_output() {
    ENDS_WITH_OUTPUT.store(true, Ordering::Relaxed);
}

/// See [`say!`](crate::say).
pub fn say(text: fmt::Arguments<'_>) {
    print(format!("{text}\n").as_bytes());
}

/// See [`warn!`](crate::warn).
pub fn warn(text: fmt::Arguments<'_>) {
    // There is nobody left to tell that it failed.
    let _ = write_all(io::stderr().lock().as_fd(), format!("{text}\n").as_bytes());
}

/// Prints bytes on the standard output as they are.
pub fn print(bytes: &[u8]) {
    let Err(error) = write_all(io::stdout().lock().as_fd(), bytes) else {
        return;
    };
    let is_unread = error.kind() == ErrorKind::BrokenPipe;
    if !is_unread && !HAS_FAILED.swap(true, Ordering::Relaxed) {
        warn(format_args!("cannot write to the standard output: {error}"));
    }
    if ENDS_WITH_OUTPUT.load(Ordering::Relaxed) {
        // From within a callback, too, as SIGPIPE would.
        process::exit(i32::from(!is_unread));
    }
}

/// The standard error as a writer without an error that a terminal or a pipe can cause for a
/// moment (`EAGAIN`).
#[derive(Clone, Copy, Debug)]
pub struct StandardError;

impl io::Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_all(io::stderr().lock().as_fd(), bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all bytes, whether or not the open file description is non-blocking: a program that
/// shares the terminal may have made it so.
fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        wait_for_room(to)?;
        match unistd::write(to, &bytes[..bytes.len().min(AT_A_TIME)]) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn wait_for_room(to: BorrowedFd<'_>) -> io::Result<()> {
    let room = &mut [PollFd::new(to, PollFlags::POLLOUT)];
    match poll(room, PollTimeout::ZERO).and_then(|ready| match ready {
        0 => sleep(room),
        _ => Ok(()),
    }) {
        Ok(()) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Sleeps until a descriptor is ready. Ctrl-C and SIGTERM, which a loop blocks in order to take
/// them in a callback, end the process meanwhile: no callback can run.
#[cfg(target_os = "linux")]
fn sleep(on: &mut [PollFd<'_>]) -> Result<(), Errno> {
    use nix::poll::ppoll;
    use nix::sys::signal::{SigSet, Signal};

    let mut blocked = SigSet::thread_get_mask()?;
    blocked.remove(Signal::SIGINT);
    blocked.remove(Signal::SIGTERM);
    ppoll(on, None, Some(blocked)).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn sleep(on: &mut [PollFd<'_>]) -> Result<(), Errno> {
    poll(on, PollTimeout::NONE).map(drop)
}

/// Prints text of a peer on the standard output: as it is if that is a file or a pipe, and
/// without what a terminal would obey if it is a terminal.
#[derive(Debug)]
pub struct Passed {
    is_terminal: bool,
    /// The beginning of a character whose end has not come.
    cut: Vec<u8>,
}

/// Nothing has been printed.
impl Default for Passed {
    fn default() -> Self {
        Self {
            is_terminal: io::stdout().is_terminal(),
            cut: Vec::new(),
        }
    }
}

impl Passed {
    /// Prints the next bytes. They may end within a character.
    pub fn print(&mut self, bytes: &[u8]) {
        if !self.is_terminal {
            return print(bytes);
        }
        self.cut.extend_from_slice(bytes);
        let whole = self.cut.len() - cut_off(&self.cut);
        let text = lines(&self.cut[..whole]);
        self.cut.drain(..whole);
        print(text.as_bytes());
    }

    /// Nothing more comes.
    pub fn finish(self) {
        print(lines(&self.cut).as_bytes());
    }
}

/// How many bytes at the end begin a character of UTF-8 and do not complete it.
fn cut_off(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last();
    let open = last.map_or(&b""[..], |chunk| chunk.invalid());
    // `error_len` is `None` only if further bytes could complete it.
    match std::str::from_utf8(open) {
        Err(error) if error.error_len().is_none() => open.len(),
        _ => 0,
    }
}

/// Text of several lines for a terminal: line feeds and tabs remain what they are.
fn lines(bytes: &[u8]) -> String {
    let parts = bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\t'));
    parts.fold(String::new(), |mut text, part| {
        let (own, end) = match part {
            [own @ .., end @ (b'\n' | b'\t')] => (own, char::from(*end).to_string()),
            own => (own, String::new()),
        };
        for chunk in own.utf8_chunks() {
            let invalid = chunk.invalid().escape_ascii();
            // A string takes all that it is given.
            let _ = write!(text, "{}{invalid}", printable(chunk.valid()));
        }
        text + &end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_comes_in_two_reads_is_one_on_a_terminal() {
        let text = "가\t\x07나\n\u{1f600}".as_bytes();
        for middle in 0..=text.len() {
            let (first, second) = text.split_at(middle);
            let whole = first.len() - cut_off(first);
            let rest = [&first[whole..], second].concat();
            let shown = lines(&first[..whole]) + &lines(&rest);
            assert_eq!(shown, "가\t\\u{7}나\n\u{1f600}");
        }
        assert_eq!(cut_off(b"\xff"), 0, "no character begins with it");
        assert_eq!(cut_off("가".as_bytes()), 0);
        assert_eq!(lines(b"caf\xe9\n"), "caf\\xe9\n");
    }
}
