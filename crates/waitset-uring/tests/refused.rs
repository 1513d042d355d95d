//! Where io_uring can't be had, the reason is told.
#![cfg(target_os = "linux")]

use std::io::{self, ErrorKind};

use waitset_conformance::{IO_URING, not_checked, refusing};
use waitset_uring::UringReactor;

/// What opening a reactor comes to where the kernel answers `calls` with `errno`; `None`
/// where it can't be made to, or has no io_uring anyway.
fn refused(calls: &[libc::c_long], errno: i32) -> Option<io::Error> {
    if let Err(error) = UringReactor::new() {
        not_checked(error);
        return None;
    }
    match refusing(calls, errno, || UringReactor::new().map(drop)) {
        Ok(opened) => Some(opened.expect_err("it is opened all the same")),
        Err(error) => {
            not_checked(format_args!("no seccomp filter: {error}"));
            None
        }
    }
}

#[track_caller]
fn assert_unsupported(error: &io::Error, reason: &str) {
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("uring: ") && text.contains(reason),
        "{text}"
    );
}

#[test]
fn a_filter_that_forbids_io_uring_is_named() {
    for errno in [libc::EPERM, libc::EACCES] {
        if let Some(error) = refused(&IO_URING, errno) {
            assert_unsupported(&error, "a seccomp filter forbids io_uring");
        }
    }
}

#[test]
fn a_filter_that_hides_io_uring_is_named() {
    if let Some(error) = refused(&IO_URING, libc::ENOSYS) {
        assert_unsupported(&error, "a seccomp filter hides io_uring");
    }
}

#[test]
fn a_kernel_that_knows_no_flag_is_too_old() {
    if let Some(error) = refused(&[libc::SYS_io_uring_setup], libc::EINVAL) {
        assert_unsupported(&error, "too old, Linux 5.17 is needed");
    }
}

#[test]
fn a_ring_that_may_be_opened_and_not_used_is_refused() {
    for call in [libc::SYS_io_uring_enter, libc::SYS_io_uring_register] {
        if let Some(error) = refused(&[call], libc::EPERM) {
            assert_unsupported(&error, "a seccomp filter forbids io_uring");
        }
    }
}

/// What has run out is no absence.
#[test]
fn a_want_of_descriptors_is_told_as_it_is() {
    for call in [libc::SYS_io_uring_setup, libc::SYS_eventfd2] {
        if let Some(error) = refused(&[call], libc::EMFILE) {
            assert_ne!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains("os error 24"), "{error}");
        }
    }
}
