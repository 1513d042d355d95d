//! How many descriptors this process may open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors that are not a scenario's: standard streams, reactors, wakers, reports.
const RESERVED: u64 = 64;

/// Raises the soft limit of open descriptors to the hard one and returns what it is then.
///
/// Where the system refuses (macOS caps it below a hard limit that says "infinite"), the
/// old limit stays, and what does not fit it is skipped.
pub fn raise() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return 256; // the smallest default of any Unix in use
    };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// Whether `needed` descriptors can be opened, or why not.
///
/// # Errors
///
/// A sentence that names both numbers and the way out.
pub fn check(needed: usize) -> Result<(), String> {
    let limit = raise();
    if needed as u64 + RESERVED <= limit {
        return Ok(());
    }
    Err(format!(
        "needs {needed} descriptors and {RESERVED} spare, but the hard limit is {limit}; \
         raise RLIMIT_NOFILE (ulimit -Hn)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_both_numbers() {
        let limit = raise();
        assert_eq!(check(10), Ok(()));
        let Ok(too_many) = usize::try_from(limit) else {
            return; // an unlimited process: everything fits
        };
        if let Err(reason) = check(too_many) {
            assert!(reason.contains(&limit.to_string()), "{reason}");
        }
    }
}
