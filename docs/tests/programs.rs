//! Compiles and runs every program that a chapter shows.
//!
//! The programs assert what they show, so that one that ends well has shown it.
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn programs(extension: &str) -> Vec<PathBuf> {
    let directory = press::docs().join("programs");
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    paths.sort();
    paths
}

/// Seconds after which a program hangs. Those that wait beside others take a minute where
/// ten programs want each processor.
const PATIENCE: &str = "600";

fn run(program: &Path) {
    show(program, Command::new("timeout").arg(PATIENCE).arg(program));
}

/// Runs `command`; what it prints is shown, under the name of `program`, if it fails.
fn show(program: &Path, command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{} ended with {}\n{}{}",
        program.display(),
        output.status,
        text(&output.stdout),
        text(&output.stderr),
    );
    assert!(
        !output.stdout.is_empty(),
        "{} prints nothing",
        program.display()
    );
}

#[test]
fn the_programs_in_c_compile_without_a_warning_and_show_what_they_say() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for source in programs("c") {
        let program = directory.join(source.file_stem().unwrap());
        let compiled = Command::new("cc")
            .args([
                "-std=gnu11",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-pthread",
                "-o",
            ])
            .args([&program, &source])
            .status()
            .expect("the C compiler that Rust links with");
        assert!(compiled.success(), "{}", source.display());
        run(&program);
    }
}

#[test]
fn the_programs_in_rust_show_what_they_say() {
    for source in programs("rs") {
        run(&examples().join(source.file_stem().unwrap()));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_programs_in_rust_end_quietly_with_their_reader_and_fail_if_they_cannot_write() {
    let all = programs("rs")
        .into_iter()
        .map(|source| examples().join(source.file_stem().unwrap()));
    let press = PathBuf::from(env!("CARGO_BIN_EXE_press"));
    for program in all {
        let gone = gone();
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        for (output, code) in [(gone, 0), (full.into(), 1)] {
            let mut command = Command::new("timeout");
            command.arg(PATIENCE).arg(&program).stdin(Stdio::null());
            let output = command.stdout(output).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(
                output.status.code(),
                Some(code),
                "{}: {errors}",
                program.display()
            );
            assert!(!errors.contains("panicked"), "{errors}");
        }
    }
    // Its usage, which goes to the standard error.
    let status = Command::new(press).stderr(gone()).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn the_press_records_a_number_of_times_and_seconds_from_one_on() {
    for (times, seconds) in [
        ("0", "1"),
        ("1", "0"),
        ("-1", "1"),
        ("1", "nan"),
        ("4294967296", "1"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_press"));
        let output = command
            .args(["record", "none", times, seconds, "true"])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(
            errors.contains("a whole number from 1 on, up to 4294967295"),
            "{errors}"
        );
    }
    assert!(!press::docs().join("record/none.txt").exists());
}

#[test]
fn the_script_that_the_chapter_on_the_web_shows_runs() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: curl is not installed");
        return;
    }
    let root = press::docs().parent().unwrap();
    let mut script = Command::new("timeout");
    script
        .current_dir(root)
        .args([PATIENCE, "docs/run", "served"]);
    let httpd = examples().join("httpd");
    if httpd.exists() {
        script.env("HTTPD", httpd); // else it is compiled
    }
    show(Path::new("docs/run served"), &mut script);
}

/// Where cargo puts the examples.
fn examples() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples")
}

/// An output whose reader is gone.
fn gone() -> Stdio {
    let (_reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
    std::os::fd::OwnedFd::from(writer).into()
}
