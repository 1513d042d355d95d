//! Compiles and runs every program that a chapter shows.
//!
//! The programs assert what they show, so that one that ends well has shown it.

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
