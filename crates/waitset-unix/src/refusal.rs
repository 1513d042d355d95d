//! The errors that all mechanisms return alike.
//!
//! Each has a documented kind and a message of the form `mechanism: cannot VERB descriptor N:
//! reason (ERRNO); remedy`.
//!
//! ```
//! use std::io::ErrorKind;
//! use waitset_unix::refusal;
//!
//! let error = refusal::already_registered("mine", 7);
//! assert_eq!(error.kind(), ErrorKind::AlreadyExists);
//! assert!(error.to_string().starts_with("mine: cannot register descriptor 7: it is already"));
//! ```

use std::fmt::Display;
use std::io::{Error, ErrorKind};
use std::os::fd::RawFd;

use waitset_core::{Events, Mode, Token};

/// Returns the error of registering a descriptor twice, of the kind `AlreadyExists`.
#[cold]
#[must_use]
pub fn already_registered(mechanism: &str, fd: RawFd) -> Error {
    let text = format!(
        "{mechanism}: cannot register descriptor {fd}: it is already registered; use modify to \
         change its interest"
    );
    Error::new(ErrorKind::AlreadyExists, text)
}

/// Returns the error of changing a descriptor that is not registered, of the kind `NotFound`.
#[cold]
#[must_use]
pub fn not_registered(mechanism: &str, fd: RawFd) -> Error {
    let text = format!(
        "{mechanism}: cannot modify or deregister descriptor {fd}: it is not registered; \
         register it first"
    );
    Error::new(ErrorKind::NotFound, text)
}

/// Returns the error of a descriptor that is closed or was opened with `O_PATH`, of the kind
/// `InvalidInput`.
#[cold]
#[must_use]
pub fn not_open(mechanism: &str, fd: RawFd) -> Error {
    let text = format!(
        "{mechanism}: cannot watch descriptor {fd}: it is closed, or was opened with O_PATH \
         (EBADF); deregister a source before you close it, and open it without O_PATH"
    );
    Error::new(ErrorKind::InvalidInput, text)
}

/// Returns the error of a descriptor that is too large for the mechanism, of the kind
/// `InvalidInput`.
#[cold]
#[must_use]
pub fn beyond_limit(mechanism: &str, fd: RawFd, limit: usize, remedy: &str) -> Error {
    let text = format!(
        "{mechanism}: cannot watch descriptor {fd}: numbers must be below {limit}; {remedy}"
    );
    Error::new(ErrorKind::InvalidInput, text)
}

/// Refuses [`Mode::Edge`], for a mechanism without edge-triggered mode.
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

/// Returns the error of a mode that the mechanism does not support, of the kind `Unsupported`.
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

/// Refuses tokens above [`Token::MAX`], which leave no bits for the interest.
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
        "{mechanism}: cannot watch descriptor {fd}: token {} is above Token::MAX (2^61 - 1); \
         use a smaller number, such as an index",
        token.0
    );
    Error::new(ErrorKind::InvalidInput, text)
}

/// Returns `true` if a system call failed because it does not exist for this process.
///
/// The kernel returns `ENOSYS` for a call that it lacks. A sandbox returns `EPERM` or `EACCES` for
/// a call that it does not allow, and many do so for every call that is newer than they are. Use
/// it only for calls that have no such errors of their own.
#[must_use]
pub fn is_missing(error: &Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOSYS | libc::EPERM | libc::EACCES)
    )
}

/// Returns a kernel's error with the mechanism's name and `what` failed, such as `cannot wait`. The
/// kind stays as it is, and becomes `Unsupported` for a call that [is missing](is_missing).
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
