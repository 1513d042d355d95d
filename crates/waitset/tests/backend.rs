//! The mechanisms by name.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Write};
use std::process::Command;

use waitset::{Backend, Reactor};

#[test]
fn every_backend_opens_under_its_own_name() {
    let mut names = HashSet::new();
    for backend in Backend::all() {
        assert!(backend.is_available());
        match backend.open() {
            Ok(reactor) => assert_eq!(reactor.name(), backend.name()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                assert_eq!(backend, Backend::Uring);
                let _ = writeln!(io::stderr(), "NOT CHECKED: {error}");
            }
        }
        assert_eq!(backend.to_string().parse(), Ok(backend));
        assert!(names.insert(backend.name()));
    }
    assert!(names.contains("poll"));
}

#[test]
fn auto_is_the_default() {
    assert_eq!("auto".parse(), Ok(Backend::default()));
    assert!(Backend::all().any(|backend| backend == Backend::default()));
}

/// seccomp, `kernel.io_uring_disabled` and old kernels: nobody who did not ask for io_uring
/// by name finds out.
#[cfg(target_os = "linux")]
#[test]
fn without_io_uring_auto_and_all_others_open() {
    use waitset_conformance::{IO_URING, not_checked, refusing};

    let answer = refusing(&IO_URING, libc::EPERM, || {
        for backend in Backend::all() {
            match backend.open() {
                Ok(reactor) => assert_eq!(reactor.name(), backend.name()),
                Err(error) => {
                    assert_eq!(backend, Backend::Uring);
                    assert_eq!(error.kind(), ErrorKind::Unsupported);
                    assert!(error.to_string().contains("seccomp"), "{error}");
                }
            }
        }
        assert!(Backend::Uring.open().is_err());
        let auto: Backend = "auto".parse().unwrap();
        assert_eq!(auto.open().unwrap().name(), "epoll");
    });
    if let Err(error) = answer {
        not_checked(format_args!("no seccomp filter: {error}"));
    }
}

#[test]
fn an_unknown_name_is_refused_with_a_list_of_the_known() {
    let error = "epol".parse::<Backend>().unwrap_err().to_string();
    assert!(error.contains("\"epol\""), "{error}");
    for name in [
        "auto", "select", "poll", "epoll", "uring", "sweep", "busy", "adaptive",
    ] {
        assert!(error.contains(name), "{error}");
    }
    assert!("".parse::<Backend>().is_err());
    assert!("Poll".parse::<Backend>().is_err());
}

#[test]
fn backends_align_in_a_table() {
    assert_eq!(format!("{:>8}|", Backend::Poll), "    poll|");
}

/// The environment is the process's, so each setting has a child of its own.
fn backend_in_child(value: Option<&str>) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child_reads_the_environment", "--nocapture"]);
    child
        .env("WAITSET_TEST_CHILD", "1")
        .env_remove(Backend::VARIABLE);
    if let Some(value) = value {
        child.env(Backend::VARIABLE, value);
    }
    String::from_utf8(child.output().unwrap().stdout).unwrap()
}

#[test]
fn child_reads_the_environment() {
    if std::env::var_os("WAITSET_TEST_CHILD").is_none() {
        return;
    }
    match Backend::from_env() {
        Ok(backend) => println!("backend={backend}."),
        Err(error) => println!("error={error}."),
    }
}

#[test]
fn the_environment_chooses_the_backend() {
    let default = format!("backend={}.", Backend::default());
    for (value, expected) in [
        (None, default.as_str()),
        (Some(""), default.as_str()),
        (Some(" \t"), default.as_str()),
        (
            Some(" poll"),
            "error=unknown reactor \" poll\"; the names are auto, select",
        ),
        (Some("auto"), default.as_str()),
        (Some("select"), "backend=select."),
        (
            Some("slect"),
            "error=unknown reactor \"slect\"; the names are auto, select",
        ),
    ] {
        let output = backend_in_child(value);
        assert!(output.contains(expected), "{value:?}: {output}");
    }
}

#[test]
fn reactors_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    for backend in Backend::all() {
        let Ok(reactor) = backend.open() else {
            continue;
        };
        is_send::<Box<dyn Reactor + Send>>(&reactor);
        let name = std::thread::spawn(move || reactor.name()).join().unwrap();
        assert_eq!(name, backend.name());
    }
}
