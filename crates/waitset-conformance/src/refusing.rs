//! System calls that the kernel refuses by a filter, as in a container.

use std::env;
use std::io;
use std::thread;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// The system calls of io_uring(7).
pub const IO_URING: [libc::c_long; 3] = [
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Runs `body` in a new thread in which the kernel refuses each of `calls` with `errno`. The same
/// holds for the threads and processes that `body` starts.
///
/// ```
/// use std::fs::File;
/// use std::io::ErrorKind;
/// use waitset_conformance::refusing;
///
/// let answer = refusing(&[libc::SYS_openat], libc::EACCES, || File::open("/"))?;
/// assert_eq!(answer.unwrap_err().kind(), ErrorKind::PermissionDenied);
/// assert!(File::open("/").is_ok(), "in this thread it is as it was");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// Those of seccomp(2), if there are no filters, or none for this architecture.
///
/// # Panics
///
/// Panics if `body` does.
pub fn refusing<T: Send>(
    calls: &[libc::c_long],
    errno: i32,
    body: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    thread::scope(|scope| {
        let filtered = scope.spawn(|| filter(calls, errno).map(|()| body()));
        match filtered.join() {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Has the kernel answer each of `calls` of this thread, and of those that it starts, with
/// `errno` from now on.
fn filter(calls: &[libc::c_long], errno: i32) -> io::Result<()> {
    let refused = calls.iter().map(|call| (*call, Vec::new())).collect();
    let answer = SeccompAction::Errno(errno.unsigned_abs());
    let program = env::consts::ARCH
        .try_into()
        .and_then(|here| SeccompFilter::new(refused, SeccompAction::Allow, answer, here))
        .and_then(BpfProgram::try_from)
        .map_err(io::Error::other)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}
