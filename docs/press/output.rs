//! Printing for programs whose reader may go: `println!` of the standard library panics then.
//!
//! The programs of the chapters import these two under the names of those of the standard
//! library, so that their text is what a reader would write.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::process;

/// Prints a line on the standard output. When its reader goes, as `head` does when it has its
/// lines, the program ends with exit code 0, and with 1 if it cannot print for another reason.
#[macro_export]
macro_rules! println {
    ($($text:tt)*) => { $crate::print_line(::std::format_args!($($text)*)) };
}

/// Prints a line on the standard error, if anybody reads it.
#[macro_export]
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::note_line(::std::format_args!($($text)*)) };
}

/// See [`println!`].
pub fn print_line(text: fmt::Arguments<'_>) {
    if let Err(error) = io::stdout().write_all(format!("{text}\n").as_bytes()) {
        let is_unread = error.kind() == ErrorKind::BrokenPipe;
        if !is_unread {
            eprintln!("cannot write to the standard output: {error}");
        }
        process::exit(i32::from(!is_unread));
    }
}

/// See [`eprintln!`].
pub fn note_line(text: fmt::Arguments<'_>) {
    // There is nobody left to tell that it failed.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}
