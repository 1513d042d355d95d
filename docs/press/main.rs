//! `cargo run -p waitset-book -- COMMAND`: the book's press.

use std::process::ExitCode;

use press::{eprintln, println};

const USAGE: &str = "\
press splice                         fill the chapters' marks and write the figures
press check                          check marks, code, links, figures and translations
press record NAME [TIMES SECONDS COMMAND]   run a command and keep what it prints
press commands                       run every command of the book once, within its bound
press translated FILE                say that ko/FILE now says what en/FILE says";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["splice"] => press::splice().map(|files| {
            for file in files {
                println!("wrote {}", file.display());
            }
        }),
        ["check"] => check(),
        ["record", name] => press::record(name, None),
        ["record", name, times, seconds, command] => (|| {
            let given = (
                number("TIMES", times)?,
                number("SECONDS", seconds)?,
                *command,
            );
            press::record(name, Some(given))
        })(),
        ["commands"] => press::commands(),
        ["translated", file] => press::stamp(file),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn number(name: &str, text: &str) -> press::Result<u32> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(format!(
            "{name} is {text:?}; give a whole number from 1 on, up to {}",
            u32::MAX
        )),
    }
}

fn check() -> press::Result<()> {
    for chapter in press::outdated()? {
        println!("older than its English: ko/{chapter}");
    }
    let faults = press::check()?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(faults.join("\n"))
}
