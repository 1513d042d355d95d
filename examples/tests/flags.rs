//! What all examples have in common: the flags, the first line, the end by Ctrl-C, and how
//! they refuse a mechanism that cannot be had.
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

mod support;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::Signal;
use support::{Running, Tab, example, is_raw_allowed, mechanisms, on_every_mechanism};
use waitset::Backend;
use waitset_examples::web::scratch::Scratch;

/// How an example is started, and how its first line begins.
struct Example {
    name: &'static str,
    flags: &'static [&'static str],
    begins: &'static str,
}

const fn listens(name: &'static str, flags: &'static [&'static str]) -> Example {
    let begins = "listening on 127.0.0.1:";
    Example {
        name,
        flags,
        begins,
    }
}

const AT_ANY_PORT: &[&str] = &["--addr", "127.0.0.1:0"];

/// They go on until they are told to end.
const EXAMPLES: [Example; 15] = [
    listens("chat", AT_ANY_PORT),
    listens("dashboard", AT_ANY_PORT),
    listens("echo", AT_ANY_PORT),
    listens("httpd", AT_ANY_PORT),
    listens("ports", AT_ANY_PORT),
    listens("proxy", &["--addr", "127.0.0.1:0", "--to", "127.0.0.1:9"]),
    listens("tour", &["--host", "127.0.0.1"]),
    listens("udp", AT_ANY_PORT),
    listens("ws_chat", AT_ANY_PORT),
    Example {
        name: "ping",
        flags: &["--addr", "127.0.0.1", "--interval-ms", "60000"],
        begins: "pinging 127.0.0.1 by a ",
    },
    Example {
        name: "signals",
        flags: &[],
        begins: "process ",
    },
    Example {
        name: "sniff",
        flags: &["--addr", "127.0.0.1"],
        begins: "sniffing at 127.0.0.1",
    },
    Example {
        name: "stdin",
        flags: &[],
        begins: "   1  hello",
    },
    Example {
        name: "timers",
        flags: &["--period-ms", "10", "--ticks", "1000000"],
        begins: "at ",
    },
    Example {
        name: "unix",
        flags: &["--addr", "socket"],
        begins: "listening on socket",
    },
];

/// Those that cannot be told to use a mechanism: the README's program, and the rival that
/// `httpd` is measured with. `waiting` has all of them in one run, and a test of its own.
const OTHERS: [&str; 3] = ["first", "httpd_hyper", "waiting"];

impl Example {
    fn command(&self, scratch: &Scratch) -> Command {
        let mut command = example(self.name);
        command.args(self.flags).current_dir(scratch.path());
        command
    }

    fn can_be_had(&self) -> bool {
        !matches!(self.name, "ping" | "sniff") || is_raw_allowed(self.name)
    }

    /// Whether its first line is to name the mechanism: a filter prints what it filters,
    /// and nothing else.
    fn names_mechanism(&self) -> bool {
        !matches!(self.name, "stdin" | "timers")
    }
}

/// What an example has said from its start to Ctrl-C, which it survives until its end.
struct Said {
    first: String,
    rest: String,
    errors: String,
}

fn run(command: &mut Command) -> Said {
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(command);
    let errors = running.errors();
    let mut input = running.input(); // open until the end, which else is the end of `stdin`
    // Only `stdin` reads it; another may have ended, about which its answer tells more.
    let _ = input.write_all(b"hello\n");
    let first = running.line();
    let rest = running.stop();
    let errors = errors.join().unwrap();
    Said {
        first,
        rest,
        errors,
    }
}

/// Whether this was told by `--explain`, about this mechanism.
fn explains(text: &str, backend: Backend) -> bool {
    let name = format!("{backend}: ");
    text.contains("register ") && text.lines().any(|line| line.trim().starts_with(&name))
}

fn for_each(test: impl Fn(&Example, &Scratch)) {
    for one in EXAMPLES.iter().filter(|one| one.can_be_had()) {
        eprintln!("{}", one.name);
        test(one, &Scratch::new());
    }
}

#[test]
fn each_tells_its_mechanism_and_what_it_does_and_counts_and_ends_at_ctrl_c() {
    for_each(|one, scratch| {
        for backend in mechanisms() {
            let mut command = one.command(scratch);
            command.args(["--stats", "--explain", "--backend", backend.name()]);
            let said = run(&mut command);
            let first = &said.first;
            assert!(first.starts_with(one.begins), "{first:?}");
            if one.names_mechanism() {
                assert!(first.ends_with(&format!(" backend={backend}")), "{first:?}");
            }
            assert!(!first.contains(":0 "), "no real port: {first:?}");
            assert!(said.rest.contains("Stats { "), "{:?}", said.rest);
            assert!(explains(&said.errors, backend), "{:.2000}", said.errors);
        }
    });
}

#[test]
fn each_takes_its_mechanism_from_the_environment() {
    for_each(|one, scratch| {
        for backend in mechanisms() {
            let mut command = one.command(scratch);
            command
                .arg("--explain")
                .env(Backend::VARIABLE, backend.name());
            let said = run(&mut command);
            assert!(explains(&said.errors, backend), "{:.2000}", said.errors);
        }
    });
}

#[test]
fn each_is_quiet_unless_asked_and_obeys_its_flag_before_the_environment() {
    for_each(|one, scratch| {
        let mut command = one.command(scratch);
        command
            .args(["--backend", "poll"])
            .env(Backend::VARIABLE, "no such mechanism");
        let said = run(&mut command);
        if one.names_mechanism() {
            assert!(said.first.ends_with(" backend=poll"), "{}", said.first);
        }
        assert!(!said.rest.contains("Stats"), "{:?}", said.rest);
        assert_eq!(said.errors, "");
    });
}

#[test]
fn each_names_the_mechanisms_if_it_is_asked_for_one_that_there_is_not() {
    let refuses = |mut command: Command| {
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("the names are auto, select, poll"), "{text}");
    };
    for_each(|one, scratch| {
        let mut flag = one.command(scratch);
        flag.args(["--backend", "kqueue"]);
        refuses(flag);
        let mut variable = one.command(scratch);
        variable.env(Backend::VARIABLE, "kqueue");
        refuses(variable);
    });
}

#[test]
fn a_variable_that_is_blank_counts_as_unset_in_each() {
    for blank in ["", " \t"] {
        for_each(|one, scratch| {
            let mut command = one.command(scratch);
            let said = run(command.arg("--explain").env(Backend::VARIABLE, blank));
            assert!(
                explains(&said.errors, Backend::default()),
                "{:.2000}",
                said.errors
            );
        });
        let mut hyper = example("httpd_hyper");
        let mut hyper = Running::start(hyper.args(AT_ANY_PORT).env(Backend::VARIABLE, blank));
        let line = hyper.line();
        assert!(
            line.ends_with(&format!(" backend={}", Backend::default())),
            "{line}"
        );
        let mut waiting = example("waiting");
        waiting.args(["--seconds", "0.05"]);
        let output = waiting.env(Backend::VARIABLE, blank).output().unwrap();
        let table = String::from_utf8(output.stdout).unwrap();
        for backend in Backend::all() {
            let is_shown = table.lines().any(|line| line.starts_with(backend.name()));
            assert!(is_shown, "{backend} is not shown: {table}");
        }
    }
}

/// A command that a shell runs which ignores this signal, as `nohup` and background jobs do.
fn ignoring(signal: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("trap '' {signal}; exec \"$0\" \"$@\"");
    shell.args(["-c", &script]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap_or(".".as_ref()));
    shell.env_remove(Backend::VARIABLE);
    shell
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    for_each(|one, scratch| {
        let mut command = ignoring("INT", &one.command(scratch));
        let mut running = Running::start(command.stdin(Stdio::piped()));
        let mut input = running.input();
        let _ = input.write_all(b"hello\n");
        running.line();
        // The kernel discards what is ignored and not blocked.
        let status = format!("/proc/{}/status", running.id());
        let status = std::fs::read_to_string(status).unwrap();
        let mask = |field: &str| {
            let line = status.lines().find(|line| line.starts_with(field)).unwrap();
            u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
        };
        let of = |signal: Signal| 1 << (signal as i32 - 1);
        let (ignored, blocked) = (mask("SigIgn:"), mask("SigBlk:"));
        assert!(ignored & of(Signal::SIGINT) != 0, "{status}");
        assert!(blocked & of(Signal::SIGINT) == 0, "it is read: {status}");
        assert!(blocked & of(Signal::SIGTERM) != 0, "{status}");
        running.send(Signal::SIGINT);
        running.send(Signal::SIGTERM);
        running.rest();
    });
}

#[test]
fn signals_says_which_one_was_ignored_at_the_start() {
    let mut command = ignoring("HUP", &example("signals"));
    let mut running = Running::start(&mut command);
    assert!(running.line().starts_with("process "));
    assert_eq!(
        running.line(),
        "SIGHUP was ignored at the start, and stays so"
    );
    running.send(Signal::SIGHUP);
    running.send(Signal::SIGUSR1);
    assert!(running.line().starts_with("SIGUSR1 of process "));
    assert_eq!(running.stop(), "SIGUSR1: 1\n");
}

#[test]
fn a_number_out_of_range_is_refused_with_its_flag_and_the_range() {
    let many = "99999999999999999999";
    let refused: [(&str, &str, &[&str], &str); 9] = [
        (
            "timers",
            "--period-ms",
            &["0", "-1", "60001", "1e3", "nan", many],
            "60000",
        ),
        ("timers", "--ticks", &["0", "-1", "1.5", many], ""),
        ("ping", "--count", &["0", "-1", "65536"], "65535"),
        (
            "ping",
            "--interval-ms",
            &["0", "-1", "60001", many],
            "60000",
        ),
        ("ports", "--count", &["0", "-1", "101"], "100"),
        ("udp", "--burst", &["-1", "1000001", "inf"], ""),
        (
            "waiting",
            "--seconds",
            &["0", "-1", "0.04", "60.1", "nan", "inf", "1e400", "2s"],
            "0.05 to 60",
        ),
        (
            "echo",
            "--connect",
            &["127.0.0.1:0", "127.0.0.1", "localhost:1", "127.0.0.1:65536"],
            "such as",
        ),
        ("proxy", "--to", &["127.0.0.1:0", "", "[::1]"], "such as"),
    ];
    for (name, flag, values, range) in refused {
        for value in values {
            let output = example(name)
                .arg(format!("{flag}={value}"))
                .output()
                .unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(
                output.status.code(),
                Some(2),
                "{name} {flag}={value}: {text}"
            );
            // What is no number at all is refused before its range is looked at.
            let is_number = value.parse::<u16>().is_ok();
            assert!(text.contains(flag), "{name} {flag}={value}: {text}");
            assert!(
                !is_number || text.contains(range),
                "{name} {flag}={value}: {text}"
            );
        }
    }
}

#[test]
fn a_proxy_to_itself_is_refused() {
    // A port that nobody else is given: bound, and listened at by the proxy alone.
    let free = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for (own, to) in [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
    ] {
        let port = free();
        let mut command = example("proxy");
        command.args([
            "--addr",
            &format!("{own}:{port}"),
            "--to",
            &format!("{to}:{port}"),
        ]);
        let mut running = Running::start(command.stderr(Stdio::piped()));
        let errors = running.errors();
        assert_eq!(running.end(), (Some(1), String::new()));
        let errors = errors.join().unwrap();
        assert!(errors.contains(" is this proxy; "), "{errors}");
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (over_tcp, over_udp) = (listener.local_addr().unwrap(), socket.local_addr().unwrap());
    for (name, flags, address) in [
        ("echo", &[][..], over_tcp),
        ("chat", &[], over_tcp),
        ("ports", &[], over_tcp),
        ("proxy", &["--to", "127.0.0.1:9"], over_tcp),
        ("udp", &[], over_udp),
    ] {
        let mut command = example(name);
        command.args(flags).arg(format!("--addr={address}"));
        let mut running = Running::start(command.stderr(Stdio::piped()));
        let errors = running.errors();
        assert_eq!(running.end(), (Some(1), String::new()), "{name}");
        let errors = errors.join().unwrap();
        assert!(
            errors.starts_with(&format!("{address}: Address already in use")),
            "{errors}"
        );
    }
}

#[test]
fn every_help_fits_80_columns() {
    let others = OTHERS.iter().filter(|name| **name != "first");
    for name in EXAMPLES.iter().map(|one| &one.name).chain(others) {
        let output = example(name).arg("--help").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && !text.is_empty(), "{name}");
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= 80, "{text}");
    }
}

#[test]
fn no_example_is_left_out() {
    let manifest = include_str!("../Cargo.toml");
    let sections = manifest.split("[[example]]").skip(1);
    let mut names: Vec<_> = sections
        .map(|section| section.split('"').nth(1).unwrap())
        .collect();
    names.sort_unstable();
    let known = EXAMPLES.iter().map(|one| one.name).chain(OTHERS);
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    assert_eq!(names, known);
}

#[test]
#[cfg(target_os = "linux")]
fn each_says_in_one_line_why_a_mechanism_cannot_be_had_and_exits_with_77() {
    use waitset_conformance::{IO_URING, refusing};

    refusing(&IO_URING, libc::EPERM, without_io_uring).unwrap();
}

#[cfg(target_os = "linux")]
fn without_io_uring() {
    let refuses = |output: Output| {
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(77), "{text}");
        assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
        assert!(text.starts_with("uring: "), "{text}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    };
    for_each(|one, scratch| {
        let mut command = one.command(scratch);
        refuses(command.args(["--backend", "uring"]).output().unwrap());
        // The one that is chosen unless another is named can be had.
        let mut command = one.command(scratch);
        run(command.args(["--backend", "auto"]));
    });
    let mut loops = example("httpd");
    loops
        .args(AT_ANY_PORT)
        .args(["--loops", "3", "--backend", "uring"]);
    refuses(loops.output().unwrap());
    refuses(
        example("waiting")
            .args(["--backend", "uring"])
            .output()
            .unwrap(),
    );
    // Where all are compared the others are shown.
    let output = example("waiting").args(["--seconds", "0.05"]).output();
    let output = output.unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{table}");
    let mut lines = table.lines();
    let line = lines.find(|line| line.starts_with("uring")).unwrap();
    assert!(line.ends_with(" cannot be had here"), "{line}");
}

/// A limit of nothing would serve nobody, and is refused by name; the largest is none.
#[test]
fn limits_of_web_servers_have_a_range_and_no_overflow() {
    for flag in [
        "--max-connections",
        "--head-ms",
        "--idle-ms",
        "--send-ms",
        "--loops",
    ] {
        // It ends in any case, for want of a root.
        let mut command = example("httpd");
        command.args([flag, "0", "--root", "/no such root"]);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(flag) && text.contains("1.."), "{text}");
    }
    let most = u64::MAX.to_string();
    let mut flags = Vec::new();
    for flag in [
        "--head-ms",
        "--idle-ms",
        "--send-ms",
        "--linger-ms",
        "--message-bytes",
        "--queue-bytes",
    ] {
        flags.extend([flag, &*most]);
    }
    flags.extend(["--max-connections", "4294967295"]);
    on_every_mechanism("ws_chat", &flags, |running| {
        assert_eq!(running.connect().get("/").status, 200);
        let mut tab = Tab::open(&running, "/echo");
        tab.0.send("hello".into()).unwrap();
        assert_eq!(tab.0.read().unwrap(), "hello".into());
        tab.close();
    });
    let flags = [
        "--queue-bytes",
        "0",
        "--message-bytes",
        "0",
        "--linger-ms",
        "0",
    ];
    on_every_mechanism("ws_chat", &flags, |running| {
        assert_eq!(running.connect().get("/").status, 200);
        assert_eq!(running.connect().get("/").status, 200);
    });
}
