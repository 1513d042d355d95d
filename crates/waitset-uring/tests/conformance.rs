//! The contract, on io_uring.
#![cfg(target_os = "linux")]

use std::process::Command;

use waitset_conformance::{IO_URING, not_checked, refusing};

waitset_conformance::conformance!(waitset_uring::UringReactor::new());

/// All tests above once more, in a child process without io_uring: they pass, since there
/// is nothing to be wrong, and each says so where it can be seen.
#[test]
fn without_io_uring_each_test_says_that_it_was_not_checked() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--skip", "without_io_uring"]);
    let output = match refusing(&IO_URING, libc::ENOSYS, || child.output().unwrap()) {
        Ok(output) => output,
        Err(error) => return not_checked(format_args!("no seccomp filter: {error}")),
    };
    let told = String::from_utf8(output.stdout).unwrap();
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}\n{warned}");
    let passed = told
        .lines()
        .filter(|line| line.ends_with(" ... ok"))
        .count();
    let warnings = warned.lines().filter(|line| {
        line.starts_with("NOT CHECKED: ") && line.contains("a seccomp filter hides io_uring")
    });
    assert_eq!(warnings.count(), passed, "{told}\n{warned}");
    assert!(passed > 100, "{told}");
}
