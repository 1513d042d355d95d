//! Numbers the lines of its standard input: a terminal, a pipe or a file.
//!
//! `cargo run --release --example stdin`, or with `< Cargo.toml` behind it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::process::ExitCode;

use clap::Parser;
use libc::{O_NOCTTY, O_NONBLOCK};
use waitset::{Interest, Mode};
use waitset_examples::output::{self, Passed};
use waitset_examples::program::{self, LoopFlags, finish, parse};
use waitset_examples::say;

/// Numbers the lines of its standard input.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
}

/// What has been read.
#[derive(Default)]
struct Text {
    /// Without its end as yet.
    line: Vec<u8>,
    /// Not yet printed.
    numbered: Vec<u8>,
    output: Passed,
    lines: u64,
    bytes: u64,
}

fn main() -> ExitCode {
    let flags: Flags = parse();
    output::end_with_output();
    finish(run(&flags))
}

fn run(flags: &Flags) -> io::Result<()> {
    let input = input()?;
    let mut event_loop = flags.common.event_loop()?;
    // A file always has something, also on epoll, which knows no files.
    event_loop.handle().insert(
        input,
        Interest::READABLE,
        Mode::Level,
        |text: &mut Text, mut input, _, handle| {
            let mut buffer = [0; 4096];
            match input.read(&mut buffer) {
                Ok(0) => {
                    handle.remove(handle.key());
                    handle.stop();
                }
                Ok(count) => text.add(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => program::fail(&format!("standard input: {error}"), handle),
            }
        },
    )?;
    let mut text = Text::default();
    flags.common.run(event_loop, &mut text)?;
    if !text.line.is_empty() {
        text.end_line(); // the last one had no line feed
    }
    text.show();
    say!("{} lines, {} bytes", text.lines, text.bytes);
    Ok(())
}

/// The standard input as a source that does not block.
///
/// `io::stdin()` has a buffer, and what lies in there no mechanism knows of: it would wait for
/// more while there is a line to show. So the descriptor is read itself.
fn input() -> io::Result<File> {
    let own = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let kind = own.metadata()?.file_type();
    if !kind.is_fifo() && !kind.is_char_device() {
        return Ok(own); // a file never blocks, and neither does a socket that is ready
    }
    // O_NONBLOCK belongs to the open file description, which the shell has, too. Opened again, a
    // pipe or terminal has one more. Without it, another program that reads there could take
    // what this one was told of, and the read would block, and Ctrl-C with it.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(O_NONBLOCK | O_NOCTTY);
    Ok(options.open("/dev/stdin").unwrap_or(own))
}

impl Text {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        for &byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                other => self.line.push(other),
            }
        }
        self.show();
    }

    fn end_line(&mut self) {
        self.lines += 1;
        self.numbered.extend(format!("{:>4}  ", self.lines).bytes());
        self.numbered.append(&mut self.line);
        self.numbered.push(b'\n');
    }

    /// Prints whole lines, those of one read in one write.
    fn show(&mut self) {
        self.output.print(&self.numbered);
        self.numbered.clear();
    }
}
