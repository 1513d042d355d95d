//! Why io_uring is not available.

use std::fs;
use std::io::{self, ErrorKind};

use waitset_unix::refusal;

/// The name of the mechanism, in its errors.
pub(crate) const NAME: &str = "uring";

/// Signs of the system about io_uring, apart from the error.
#[derive(Clone, Copy, Debug, Default)]
struct Signs {
    /// The sysctl `kernel.io_uring_disabled`; 0 if there is none.
    disabled: u8,
    /// `true` if a seccomp filter checks this thread's calls.
    is_filtered: bool,
}

impl Signs {
    fn read() -> Self {
        let number = |text: &str| text.trim().parse().ok();
        let disabled = fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let mut lines = status.lines();
        let seccomp = lines.find_map(|line| line.strip_prefix("Seccomp:"));
        Self {
            disabled: disabled.ok().and_then(|text| number(&text)).unwrap_or(0),
            is_filtered: seccomp.and_then(number).is_some_and(|mode| mode > 0),
        }
    }
}

/// Returns the error of a reactor that the kernel does not open: `Unsupported`, with the reason,
/// if io_uring is not available.
#[cold]
pub(crate) fn explain(error: &io::Error) -> io::Error {
    match reason(error.raw_os_error(), Signs::read()) {
        Some(reason) => unsupported(format!("{reason} ({error})")),
        None => refusal::by_kernel(NAME, "cannot open a reactor", error),
    }
}

/// Returns the error of a kernel that lacks newer parts of io_uring.
#[cold]
pub(crate) fn too_old() -> io::Error {
    unsupported(TOO_OLD)
}

const TOO_OLD: &str = "this kernel's io_uring is too old, Linux 5.17 is needed";

fn unsupported(reason: impl std::fmt::Display) -> io::Error {
    let text = format!("{NAME}: cannot open a reactor: {reason}; use another mechanism");
    io::Error::new(ErrorKind::Unsupported, text)
}

/// Returns `None` for errors that do not mean absence, such as a lack of descriptors.
fn reason(errno: Option<i32>, signs: Signs) -> Option<&'static str> {
    let reason = match (errno?, signs) {
        (libc::EINVAL, _) => TOO_OLD,
        (libc::ENOSYS | libc::EOPNOTSUPP, signs) if signs.is_filtered => {
            "a seccomp filter hides io_uring, or this kernel has none"
        }
        (libc::ENOSYS | libc::EOPNOTSUPP, _) => "this kernel has no io_uring",
        (libc::EPERM | libc::EACCES, Signs { disabled: 2.., .. }) => {
            "the sysctl kernel.io_uring_disabled = 2 switches io_uring off"
        }
        (
            libc::EPERM | libc::EACCES,
            Signs {
                disabled: 1,
                is_filtered,
            },
        ) => match is_filtered {
            false => {
                "the sysctl kernel.io_uring_disabled = 1 leaves io_uring to CAP_SYS_ADMIN and \
                 the group kernel.io_uring_group"
            }
            true => {
                "the sysctl kernel.io_uring_disabled = 1 leaves io_uring to CAP_SYS_ADMIN and \
                 the group kernel.io_uring_group, or a seccomp filter forbids it"
            }
        },
        (libc::EPERM | libc::EACCES, signs) if signs.is_filtered => {
            "a seccomp filter forbids io_uring"
        }
        (libc::EPERM | libc::EACCES, _) => "a security module of this kernel forbids io_uring",
        _ => return None,
    };
    Some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_absence_is_told_by_its_reason() {
        let signs = |disabled, is_filtered| Signs {
            disabled,
            is_filtered,
        };
        let table = [
            (libc::ENOSYS, signs(0, false), &["this kernel has no"][..]),
            (
                libc::ENOSYS,
                signs(0, true),
                &["seccomp", "kernel has none"],
            ),
            (libc::EOPNOTSUPP, signs(0, false), &["this kernel has no"]),
            (libc::EINVAL, signs(0, false), &["too old", "Linux 5.17"]),
            (
                libc::EPERM,
                signs(2, false),
                &["kernel.io_uring_disabled = 2"],
            ),
            (
                libc::EPERM,
                signs(2, true),
                &["kernel.io_uring_disabled = 2"],
            ),
            (
                libc::EPERM,
                signs(1, false),
                &["kernel.io_uring_disabled = 1", "kernel.io_uring_group"],
            ),
            (
                libc::EPERM,
                signs(1, true),
                &["kernel.io_uring_disabled = 1", "seccomp"],
            ),
            (libc::EPERM, signs(0, true), &["seccomp filter forbids"]),
            (libc::EACCES, signs(0, false), &["security module"]),
        ];
        for (errno, signs, parts) in table {
            let told = reason(Some(errno), signs).unwrap();
            let tells = |part: &&str| told.contains(*part);
            assert!(parts.iter().all(tells), "{errno}, {signs:?}: {told}");
        }
        for other in [Some(libc::EMFILE), Some(libc::ENOMEM), None] {
            assert_eq!(reason(other, signs(2, true)), None, "no absence");
        }
    }

    #[test]
    fn the_signs_are_those_of_this_thread() {
        let plain = Signs::read();
        let filtered = waitset_conformance::refusing(&[], 0, Signs::read);
        match filtered {
            Ok(filtered) => assert!(filtered.is_filtered),
            Err(error) => waitset_conformance::not_checked(error),
        }
        assert_eq!(Signs::read().is_filtered, plain.is_filtered);
    }
}
