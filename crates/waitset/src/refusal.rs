//! The errors of system calls that a kernel lacks or a sandbox refuses.

use std::io;

/// The error of a call that can be missing: `Unsupported` with the reason if it is. The call
/// must have no `EPERM` or `EACCES` of its own, so that each is a sandbox that does not know it.
pub(crate) fn of_call(what: &str, call: &str, error: io::Error) -> io::Error {
    let reason = match error.raw_os_error() {
        Some(libc::ENOSYS) => "this kernel does not have it",
        Some(libc::EPERM | libc::EACCES) => {
            "a sandbox refuses it; allow it in the seccomp filter or the security module"
        }
        _ => return error,
    };
    let text = format!("{what}: it needs {call}, and {reason} ({error})");
    io::Error::new(io::ErrorKind::Unsupported, text)
}
