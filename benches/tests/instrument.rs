//! The instrument on machines that lack something: it runs, and says what was left out.
#![cfg(target_os = "linux")]
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use waitset_bench::instrument::run::Run;

const PROGRAM: &str = env!("CARGO_BIN_EXE_waitset-bench");

/// Files of one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// `compare` behind other words of a command line.
fn compare(before: &[&str], folder: &Path, arguments: &[&str]) -> Command {
    let mut words = before.iter().copied().chain([PROGRAM]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg("compare").args(arguments);
    command.arg("--json").arg(folder.join("run.jsonl"));
    command.arg("--html").arg(folder.join("run.html"));
    command.arg("--csv").arg(folder.join("run.csv"));
    command.stdin(Stdio::null());
    command
}

fn done(mut command: Command) -> (Output, String) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    (output, told)
}

fn is_installed(program: &str) -> bool {
    let is_there = Command::new(program).arg("-V").output().is_ok();
    if !is_there {
        eprintln!("{program} is not installed; nothing was tested");
    }
    is_there
}

#[test]
fn with_256_descriptors_it_measures_what_fits_and_says_what_does_not() {
    let folder = folder("descriptors");
    let limited = ["sh", "-c", "ulimit -n 256 && exec \"$@\"", "sh"];
    let chosen = ["--scenario", "one_ready", "--backend", "poll,epoll"];
    let (output, told) = done(compare(&limited, &folder, &chosen));
    assert!(told.contains("one_ready/4096 skipped: needs"), "{told}");
    assert!(told.contains("hard limit is 256"), "{told}");
    let run = Run::read(&folder.join("run.jsonl")).unwrap();
    assert!(run.cell("one_ready/64").is_some() && run.cell("one_ready/1024").is_none());
    assert!(run.skipped.iter().any(|one| one.cell == "one_ready/1024"));
    assert!(run.end.unwrap().is_complete);
    assert_eq!(run.environment.descriptors_hard, 256);
    let page = std::fs::read_to_string(folder.join("run.html")).unwrap();
    assert!(page.contains("What was left out"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Report: "));
}

#[test]
fn on_one_core_what_spins_against_another_thread_is_left_out() {
    if !is_installed("taskset") {
        return;
    }
    let folder = folder("one_core");
    let chosen = ["--scenario", "round_trip", "--backend", "epoll,poll,busy"];
    let (_, told) = done(compare(&["taskset", "-c", "0"], &folder, &chosen));
    assert!(
        told.contains("busy skipped: two threads that spin need two cores"),
        "{told}"
    );
    let run = Run::read(&folder.join("run.jsonl")).unwrap();
    let cell = run.cell("round_trip/threads").unwrap();
    assert!(cell.of("epoll").unwrap().latency.is_some() && cell.of("busy").is_none());
    assert_eq!(run.environment.cores, 1);
}

#[test]
fn without_io_uring_the_others_are_measured() {
    if !is_installed("strace") {
        return;
    }
    let folder = folder("no_uring");
    let denied = [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=io_uring_setup",
        "-e",
        "inject=io_uring_setup:error=ENOSYS",
    ];
    let denied: Vec<&str> = denied.into_iter().chain(["-o", "/dev/null"]).collect();
    let (_, told) = done(compare(&denied, &folder, &["--scenario", "one_ready/16"]));
    assert!(told.contains("uring skipped"), "{told}");
    let run = Run::read(&folder.join("run.jsonl")).unwrap();
    let cell = run.cell("one_ready/16").unwrap();
    assert!(cell.of("uring").is_none() && cell.of("select").is_some());
}

#[test]
fn without_a_terminal_there_are_plain_lines() {
    let folder = folder("plain");
    let chosen = ["--scenario", "one_ready/4", "--backend", "poll"];
    let (output, told) = done(compare(&[], &folder, &chosen));
    assert!(told.contains("[1/2] one_ready/4\n"), "{told}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!told.contains('\u{1b}') && !printed.contains('\u{1b}'));
    let wide = printed
        .lines()
        .filter(|line| !line.contains('/'))
        .map(|line| line.chars().count());
    assert!(wide.max().unwrap() <= 80, "{printed}");
    let rows = std::fs::read_to_string(folder.join("run.csv")).unwrap();
    let columns: Vec<usize> = rows.lines().map(|row| row.split(',').count()).collect();
    assert!(
        columns.len() == 3 && columns.iter().all(|count| *count == columns[0]),
        "{rows}"
    );
}

#[test]
fn on_a_terminal_that_draws_nothing_there_are_plain_lines_too() {
    if !is_installed("script") {
        return;
    }
    let folder = folder("dumb");
    let (json, html) = (folder.join("run.jsonl"), folder.join("run.html"));
    let line = format!(
        "{PROGRAM} compare --scenario one_ready/4 --backend poll --json {} --html {}",
        json.display(),
        html.display()
    );
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]);
    command.env("TERM", "dumb").stdin(Stdio::null());
    let (output, _) = done(command);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("[1/2] one_ready/4"), "{told}");
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let folder = folder("interrupt");
    let mut command = compare(&[], &folder, &["--backend", "poll,select"]);
    let mut child = command
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut is_sent = false;
    for line in lines.map(Result::unwrap) {
        if line.starts_with("[3/") && !is_sent {
            kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
            is_sent = true;
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = Run::read(&folder.join("run.jsonl")).unwrap();
    assert!(run.cells.len() >= 2, "{} cells", run.cells.len());
    assert!(!run.end.unwrap().is_complete);
    assert!(folder.join("run.html").exists());
}

#[test]
fn runs_of_two_kernels_are_compared_only_when_told_to() {
    let folder = folder("kernels");
    let chosen = ["--scenario", "one_ready/16", "--backend", "poll,select"];
    done(compare(&[], &folder, &chosen));
    let (here, there) = (folder.join("run.jsonl"), folder.join("other.jsonl"));
    let text = std::fs::read_to_string(&here).unwrap();
    std::fs::write(
        &there,
        text.replacen("\"kernel\":\"Linux ", "\"kernel\":\"Linux 9", 1),
    )
    .unwrap();
    let diff = |arguments: &[&str]| {
        Command::new(PROGRAM)
            .arg("diff")
            .arg(&here)
            .arg(&there)
            .args(arguments)
            .output()
            .unwrap()
    };
    let refused = diff(&[]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("kernel: Linux"));
    let told = diff(&["--across-machines"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("0 of 1 cells call another winner"), "{told}");
}

#[test]
fn recommend_answers_from_a_run_and_says_what_it_does_not_know() {
    let folder = folder("recommend");
    // The run that is kept, without all but one group: its noise is known.
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("record/compare.jsonl");
    let kept = std::fs::read_to_string(kept).unwrap();
    let is_chosen = |line: &&str| {
        line.contains("\"line\":\"environment\"") || line.contains("\"scenario\":\"one_ready\"")
    };
    let chosen: Vec<&str> = kept.lines().filter(is_chosen).collect();
    std::fs::write(folder.join("run.jsonl"), chosen.join("\n")).unwrap();
    let output = Command::new(PROGRAM)
        .args([
            "recommend",
            "--fds",
            "1000",
            "--active",
            "1",
            "--latency",
            "50us",
            "--from",
        ])
        .arg(folder.join("run.jsonl"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        // Which of the two is first, the run decides.
        told.replace("busy, epoll", "epoll, busy")
            .starts_with("tie: epoll, busy; uring costs 1."),
        "{told}"
    );
    assert!(
        told.contains("Beware: the run has no `round_trip`"),
        "{told}"
    );
}

fn refusal(arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_it_refuses_it_names_with_the_way_out() {
    let refused: [(&[&str], &[&str]); 7] = [
        (
            &["compare", "--scenario", "nothing"],
            &["nothing", "one_ready, "],
        ),
        (&["compare", "--backend", "epol"], &["epol", "epoll-edge"]),
        (
            &["compare", "--against", "libuv-epoll"],
            &["libuv-epoll", "--rivals"],
        ),
        (&["recommend", "--fds", "0"], &["'0'", "from 1 on"]),
        (
            &["recommend", "--fds", "9", "--from", "no-run"],
            &["no-run", "compare"],
        ),
        (&["report", PROGRAM], &[PROGRAM, "compare --json"]),
        (&["diff", "no-run", "no-run"], &["no-run", "compare"]),
    ];
    for (arguments, words) in refused {
        let told = refusal(arguments);
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
    }
}

#[test]
fn a_number_out_of_range_is_refused_with_its_flag_and_the_way_out() {
    const MANY: &str = "from 1 on, up to 2147483647";
    const TIME: &str = "such as 50us";
    const SHARE: &str = "above 0% and up to 100%";
    let refused = [
        (
            "--fds",
            MANY,
            &[
                "-1",
                "1.5",
                "2147483648",
                "99999999999999999999",
                " 7",
                "7x",
                "",
            ][..],
        ),
        ("--active", MANY, &["0", "-1", "nan", "1e400"]),
        (
            "--latency",
            TIME,
            &[
                "-5us",
                "0us",
                "50",
                "50 bananas",
                "inf",
                "nan",
                "1e400s",
                "",
            ],
        ),
        (
            "--cpu",
            SHARE,
            &["10%%", "0%", "-1%", "101%", "nan", "inf%", "1e400%", ""],
        ),
    ];
    for (flag, way_out, values) in refused {
        for value in values {
            let mut command = Command::new(PROGRAM);
            command.args(["recommend", &format!("{flag}={value}")]);
            if flag != "--fds" {
                command.args(["--fds", "10"]);
            }
            let output = command.output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{flag}={value}: {told}");
            // clap has words of its own for a value that is not there.
            let is_named = value.is_empty() || told.contains(way_out);
            assert!(told.contains(flag) && is_named, "{flag}={value}: {told}");
        }
    }
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/record/compare.jsonl");
    let output = Command::new(PROGRAM)
        .args([
            "recommend",
            "--active",
            "100",
            "--fds",
            "10",
            "--from",
            kept,
        ])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("--active 100 is more than --fds 10"),
        "{told}"
    );
    let chosen = ["compare", "--scenario", "one_ready/4", "--backend", "poll"];
    let told = refusal(&[&chosen[..], &["--json", "same", "--csv", "same"]].concat());
    assert!(told.contains("same is named twice"), "{told}");
    let told = refusal(&["compare", "--scenario", "one_ready/4,nothing"]);
    assert!(told.contains("name contains nothing"), "{told}");
    assert!(refusal(&["compare", "--scenario="]).contains("--scenario"));
}

#[test]
fn a_microsecond_may_be_written_with_either_sign_for_micro() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/record/compare.jsonl");
    let answers = ["50us", "50\u{b5}s", "50\u{3bc}s"].map(|time| {
        let output = Command::new(PROGRAM)
            .args([
                "recommend",
                "--fds",
                "10",
                "--from",
                kept,
                "--latency",
                time,
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{time}");
        output.stdout
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

fn help(arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands as the help lists them.
fn subcommands(help: &str) -> Vec<&str> {
    let listed = help.split_once("Commands:\n").unwrap().1;
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !["", "help"].contains(name));
    names.collect()
}

#[test]
fn every_help_fits_80_columns_and_says_how_long_its_command_takes() {
    let all = help(&["--help"]);
    let names = subcommands(&all);
    assert!(names.contains(&"compare") && names.contains(&"instructions"));
    assert!(!names.contains(&"run"), "it is for valgrind alone");
    let of_commands = names.iter().map(|name| help(&[name, "--help"]));
    for told in of_commands.clone().chain([all.clone()]) {
        let widest = told.lines().map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= 80, "{told}");
    }
    for told in of_commands {
        let second = told.split("\n\n").nth(1).unwrap();
        let begins = ["Takes ", "Immediate; "];
        assert!(begins.iter().any(|word| second.starts_with(word)), "{told}");
    }
}
