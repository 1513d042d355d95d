//! The errors that every mechanism gives alike: a documented kind, and a message that
//! names the descriptor, the mechanism, the limit and the way out.

use std::fmt::Display;
use std::io::{Error, ErrorKind};
use std::os::fd::RawFd;

use waitset_core::{Events, Mode, Token};

/// The descriptor has a registration already.
#[cold]
#[must_use]
pub fn already_registered(mechanism: &str, fd: RawFd) -> Error {
    let text = format!(
        "{mechanism}: descriptor {fd} is already registered; use modify to change what is asked"
    );
    Error::new(ErrorKind::AlreadyExists, text)
}

/// The descriptor has no registration.
#[cold]
#[must_use]
pub fn not_registered(mechanism: &str, fd: RawFd) -> Error {
    let text = format!("{mechanism}: descriptor {fd} is not registered");
    Error::new(ErrorKind::NotFound, text)
}

/// The descriptor is not open, or not any more, or was opened with `O_PATH`.
#[cold]
#[must_use]
pub fn not_open(mechanism: &str, fd: RawFd) -> Error {
    let text = format!(
        "{mechanism}: cannot watch descriptor {fd}: it is closed, or was opened with O_PATH \
         (EBADF); deregister a source before you close it, and open it without O_PATH"
    );
    Error::new(ErrorKind::InvalidInput, text)
}

/// The descriptor's number is beyond what the mechanism can hold.
#[cold]
#[must_use]
pub fn beyond_limit(mechanism: &str, fd: RawFd, limit: usize, way_out: &str) -> Error {
    let text = format!(
        "{mechanism}: descriptor {fd} is beyond the limit, numbers must be below {limit}; {way_out}"
    );
    Error::new(ErrorKind::InvalidInput, text)
}

/// Checks that the mechanism, which has no edge, is not asked for one.
///
/// # Errors
///
/// `Unsupported` for [`Mode::Edge`].
#[inline]
pub fn edge(mechanism: &str, fd: RawFd, mode: Mode) -> Result<(), Error> {
    if mode == Mode::Edge {
        return Err(unsupported_mode(mechanism, fd, mode));
    }
    Ok(())
}

/// Returns the error of a mode that the mechanism does not support.
#[cold]
#[must_use]
pub fn unsupported_mode(mechanism: &str, fd: RawFd, mode: Mode) -> Error {
    let (name, others) = match mode {
        Mode::Level => ("level-triggered", "Mode::Edge or Mode::Oneshot"),
        Mode::Edge => ("edge-triggered", "Mode::Level or Mode::Oneshot"),
        Mode::Oneshot => ("one-shot", "Mode::Level or Mode::Edge"),
    };
    let text = format!(
        "{mechanism}: cannot watch descriptor {fd}: {name} mode is not supported; use {others}, \
         or a mechanism that supports Mode::{mode:?}"
    );
    Error::new(ErrorKind::Unsupported, text)
}

/// Checks that a token leaves the bits free that carry the interest.
///
/// # Errors
///
/// `InvalidInput` above [`Token::MAX`].
#[inline]
pub fn token(mechanism: &str, fd: RawFd, token: Token) -> Result<(), Error> {
    if token > Token::MAX {
        return Err(token_too_large(mechanism, fd, token));
    }
    Ok(())
}

#[cold]
fn token_too_large(mechanism: &str, fd: RawFd, token: Token) -> Error {
    let text = format!(
        "{mechanism}: descriptor {fd} has token {}, above Token::MAX (2^61 - 1); \
         use a smaller number, such as an index",
        token.0
    );
    Error::new(ErrorKind::InvalidInput, text)
}

/// Returns `true` if a system call failed because it does not exist for this process.
///
/// The kernel answers `ENOSYS` to a call that it lacks. A sandbox answers `EPERM` or `EACCES`
/// to one that it does not allow, and many do so for each call that is newer than they are.
/// Only for calls that have no such errors of their own.
#[must_use]
pub fn is_missing(error: &Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOSYS | libc::EPERM | libc::EACCES)
    )
}

/// The kernel refused; `what` says what to look at. `Unsupported` for a call that
/// [is missing](is_missing).
#[cold]
#[must_use]
pub fn by_kernel(mechanism: &str, what: impl Display, error: &Error) -> Error {
    if is_missing(error) {
        let text = format!(
            "{mechanism}: {what}: this kernel lacks a system call, or a sandbox refuses it \
             ({error}); allow it in the seccomp filter, or use another mechanism"
        );
        return Error::new(ErrorKind::Unsupported, text);
    }
    Error::new(error.kind(), format!("{mechanism}: {what}: {error}"))
}

/// Handles the error of a wait: a signal (`EINTR`) is none, and is noted in `events`.
///
/// # Errors
///
/// All errors but `EINTR`, with the mechanism's name.
#[cold]
pub fn of_wait(mechanism: &str, events: &mut Events, error: &Error) -> Result<(), Error> {
    if error.kind() != ErrorKind::Interrupted {
        return Err(by_kernel(mechanism, "cannot wait", error));
    }
    events.set_interrupted();
    Ok(())
}

/// Handles the error of a poll(2) of `count` descriptors: like [`of_wait`], and `EINVAL` means that
/// the process may not have so many.
///
/// # Errors
///
/// All errors but `EINTR`, with the mechanism's name.
#[cold]
pub fn of_poll(
    mechanism: &str,
    count: usize,
    events: &mut Events,
    error: &Error,
) -> Result<(), Error> {
    if error.kind() != ErrorKind::InvalidInput {
        return of_wait(mechanism, events, error);
    }
    let text = format!(
        "{mechanism}: cannot wait for {count} descriptors: more than RLIMIT_NOFILE allows \
         ({error}); raise the soft limit or deregister some"
    );
    Err(Error::new(ErrorKind::InvalidInput, text))
}
