//! Numbers the lines of its standard input: a terminal, a pipe or a file.
//!
//! `cargo run --release --example stdin`, or with `< Cargo.toml` behind it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::ExitCode;

use clap::Parser;
use waitset::{Interest, Key, Mode};
use waitset_examples::program::{LoopFlags, finish, parse};
use waitset_examples::{output, say, warn};

/// Numbers the lines of its standard input.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
}

/// What has been read.
#[derive(Default)]
struct Text {
    line: Vec<u8>,
    lines: u64,
    bytes: u64,
}

fn main() -> ExitCode {
    let flags: Flags = parse();
    output::end_with_output();
    finish(run(&flags))
}

fn run(flags: &Flags) -> io::Result<()> {
    let mut event_loop = flags.common.event_loop()?;
    // `io::stdin()` has a buffer, and what lies in there no mechanism knows of: it would
    // wait for more while there is a line to show. So the descriptor is read itself.
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    // It stays blocking: O_NONBLOCK would be set for the shell, too, with which it is
    // shared. One read for each event does not block, for the event says that there is
    // something. A file always has something, also on epoll, which knows no files.
    event_loop.handle().insert(
        input,
        Interest::READABLE,
        Mode::Level,
        |text: &mut Text, mut input, event, handle| {
            let mut buffer = [0; 4096];
            match input.read(&mut buffer) {
                Ok(0) => {
                    handle.remove(Key::of(event));
                    handle.stop();
                }
                Ok(count) => text.add(&buffer[..count]),
                Err(error) => {
                    warn!("{error}");
                    handle.stop();
                }
            }
        },
    )?;
    let mut text = Text::default();
    flags.common.run(event_loop, &mut text)?;
    if !text.line.is_empty() {
        text.show(); // the last one had no line feed
    }
    say!("{} lines, {} bytes", text.lines, text.bytes);
    Ok(())
}

impl Text {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        for &byte in bytes {
            match byte {
                b'\n' => self.show(),
                other => self.line.push(other),
            }
        }
    }

    fn show(&mut self) {
        self.lines += 1;
        say!("{:>4}  {}", self.lines, String::from_utf8_lossy(&self.line));
        self.line.clear();
    }
}
