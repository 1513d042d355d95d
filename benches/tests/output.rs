//! A reader that goes before the end, as `head` does, ends a program quietly.
#![cfg(target_os = "linux")]
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const INSTRUMENT: &str = env!("CARGO_BIN_EXE_waitset-bench");

/// What a program says whose reader has gone already.
fn unread(command: &mut Command) -> Output {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let command = command.stdin(Stdio::null()).stdout(writer);
    command.stderr(Stdio::piped()).output().unwrap()
}

fn assert_quiet(program: &str, arguments: &[&str]) {
    let output = unread(Command::new(program).args(arguments));
    let told = String::from_utf8_lossy(&output.stderr);
    let said = format!("{program} {arguments:?}: {}, {told}", output.status);
    assert!(output.status.success(), "{said}");
    let complaints = ["panicked", "Broken pipe"];
    assert!(!complaints.iter().any(|word| told.contains(word)), "{said}");
}

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("record/compare.jsonl")
}

/// A file or folder of one test.
fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn nobody_has_to_read_the_standard_error() {
    let run = |program: &str, arguments: &[&str]| {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stderr(writer);
        command.output().unwrap().status.code()
    };
    let json = place("unheard.jsonl");
    let cell = ["compare", "--scenario", "one_ready/4", "--backend", "poll"];
    let files = ["--json", json.to_str().unwrap()];
    assert_eq!(run(INSTRUMENT, &[&cell[..], &files].concat()), Some(0));
    assert_eq!(run(INSTRUMENT, &["diff", "no-run", "no-run"]), Some(1));
    let timers = ["timers", "--live", "10", "--rounds", "15"];
    assert_eq!(run(INSTRUMENT, &timers), Some(0));
    assert_eq!(run(INSTRUMENT, &["ratios", "--scenario", "none"]), Some(1));
}

#[test]
fn a_run_that_an_interrupt_is_not_to_end_is_not_ended_by_one() {
    let json = place("ignored.jsonl");
    let _ = std::fs::remove_file(&json); // of another run of this test
    // The shell ignores SIGINT, as it does for what it starts in the background, and sends it
    // while the run is under way.
    let script = "trap '' INT; \"$0\" \"$@\" & while ! grep -q '\"line\":\"samples\"' \"$JSON\"; do \
                  kill -0 $! || exit 9; done; kill -INT $!; wait $!";
    let output = Command::new("sh")
        .args(["-c", script, INSTRUMENT])
        .args([
            "compare",
            "--scenario",
            "one_ready",
            "--backend",
            "poll",
            "--json",
        ])
        .arg(&json)
        .env("JSON", &json)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let text = std::fs::read_to_string(json).unwrap();
    let end = text.lines().last().unwrap();
    assert!(end.contains("\"is_complete\":true"), "{end}");
}

#[test]
fn what_reads_a_run_ends_with_its_reader() {
    let kept = kept();
    let kept = kept.to_str().unwrap();
    assert_quiet(INSTRUMENT, &["diff", kept, kept]);
    assert_quiet(INSTRUMENT, &["recommend", "--fds", "100", "--from", kept]);
    let page = place("unread.html");
    let page = page.to_str().unwrap();
    assert_quiet(INSTRUMENT, &["report", kept, "--html", page]);
    let folder = place("unread");
    let folder = folder.to_str().unwrap();
    assert_quiet(INSTRUMENT, &["record", kept, "--into", folder]);
}

#[test]
fn the_files_of_a_run_are_whole_though_nobody_reads_its_tables() {
    let files = ["unread-run.jsonl", "unread-run.csv", "unread-run.html"].map(place);
    let [json, csv, html] = files.each_ref().map(|path| path.to_str().unwrap());
    files
        .iter()
        .for_each(|path| drop(std::fs::remove_file(path)));
    let chosen = ["--scenario", "one_ready/4", "--backend", "poll"];
    let written = ["--json", json, "--csv", csv, "--html", html];
    assert_quiet(
        INSTRUMENT,
        &[&["compare"], &chosen[..], &written[..]].concat(),
    );
    let ends = ["\"line\":\"end\"", "one_ready,4,", "</html>"];
    for (path, end) in files.iter().zip(ends) {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(end), "{}", path.display());
    }
}

#[test]
fn what_measures_ends_with_its_reader() {
    assert_quiet(INSTRUMENT, &["goals", "--quick", "--only", "9"]);
    assert_quiet(INSTRUMENT, &["ratios", "--scenario", "none"]);
    assert_quiet(INSTRUMENT, &["timers", "--live", "10"]);
}

#[test]
fn instructions_ends_with_its_reader() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return eprintln!("valgrind is not installed; nothing was tested");
    }
    assert_quiet(INSTRUMENT, &["instructions", "raw"]);
}
