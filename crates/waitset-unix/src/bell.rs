use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use waitset_core::{Doorbell, Events, WakeFlag};

#[cfg(any(target_os = "linux", target_os = "android"))]
use event_fd::Inner;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use socket_pair::Inner;

/// A descriptor that becomes readable when it is rung: the [`Doorbell`] of reactors that sleep.
///
/// It is non-blocking and close-on-exec. It lives as long as the last waker, so that a late wake
/// never writes to a number that has been given to another file.
///
/// ```
/// use waitset_core::{Events, WakeFlag};
/// use waitset_unix::{Bell, take_wake};
///
/// let wake = WakeFlag::new(Bell::new()?);
/// wake.waker().wake();
///
/// // The system call of a wait finds the bell readable, and then:
/// let mut events = Events::with_capacity(8);
/// events.begin()?;
/// let control_calls = take_wake(&wake, &mut events);
/// assert!(events.was_woken() && control_calls >= 1);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Platform notes
///
/// On Linux and Android, an eventfd: one descriptor, one `write` to ring and one `read` to drain.
/// Elsewhere, a socket pair: two descriptors.
#[derive(Debug)]
pub struct Bell(Inner);

impl Bell {
    /// Opens the descriptor.
    ///
    /// # Errors
    ///
    /// Those of eventfd(2) or socketpair(2), such as `EMFILE`.
    pub fn new() -> io::Result<Self> {
        Inner::new().map(Self)
    }

    /// Makes the descriptor unreadable again. Returns how many system calls it took.
    pub fn drain(&self) -> u64 {
        self.0.drain()
    }
}

impl Doorbell for Bell {
    fn ring(&self) -> bool {
        self.0.ring();
        true
    }
}

/// Takes the wake that made the bell readable, and notes it in `events`. Returns how many system
/// calls it took.
///
/// It drains the bell first and takes the flag then, so that no wake is lost.
#[inline]
pub fn take_wake(wake: &WakeFlag<Bell>, events: &mut Events) -> u64 {
    let calls = wake.doorbell().drain();
    if wake.take() {
        events.set_woken();
    }
    calls
}

/// Lends the descriptor to wait for.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod event_fd {
    use std::fs::File;
    use std::io::{self, ErrorKind, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};

    use crate::sys;

    #[derive(Debug)]
    pub(super) struct Inner(File);

    impl Inner {
        pub(super) fn new() -> io::Result<Self> {
            sys::eventfd().map(|fd| Self(File::from(fd)))
        }

        /// A full counter (eventfd(2): `EAGAIN` at 2⁶⁴ − 1) makes a level-triggered
        /// waiter readable as it is; for an edge-triggered one it is emptied and rung.
        pub(super) fn ring(&self) {
            while let Err(error) = (&self.0).write(&1_u64.to_ne_bytes()) {
                match error.kind() {
                    ErrorKind::WouldBlock => drop(self.drain()),
                    ErrorKind::Interrupted => {}
                    _ => unreachable!("write on an eventfd that is open: {error}"),
                }
            }
        }

        pub(super) fn drain(&self) -> u64 {
            // One read empties the counter; WouldBlock says that it was empty.
            let _ = (&self.0).read(&mut [0; 8]);
            1
        }
    }

    impl AsFd for Inner {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

/// Compiled everywhere on Unix and tested on Linux too.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod socket_pair {
    use std::io::{self, ErrorKind, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::net::UnixStream;

    #[derive(Debug)]
    pub(super) struct Inner {
        waiting: UnixStream,
        ringing: UnixStream,
    }

    impl Inner {
        pub(super) fn new() -> io::Result<Self> {
            let (waiting, ringing) = UnixStream::pair()?;
            waiting.set_nonblocking(true)?;
            ringing.set_nonblocking(true)?;
            Ok(Self { waiting, ringing })
        }

        pub(super) fn ring(&self) {
            // A full buffer is readable already: WouldBlock is success.
            while let Err(error) = (&self.ringing).write(&[1]) {
                if error.kind() != ErrorKind::Interrupted {
                    return;
                }
            }
        }

        pub(super) fn drain(&self) -> u64 {
            let mut buffer = [0; 64];
            let mut calls = 0;
            loop {
                calls += 1;
                match (&self.waiting).read(&mut buffer) {
                    Ok(64) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    _ => return calls,
                }
            }
        }
    }

    impl AsFd for Inner {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.waiting.as_fd()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn is_readable(fd: BorrowedFd<'_>) -> bool {
        crate::sys::is_readable_now(fd.as_raw_fd())
    }

    #[test]
    fn a_bell_is_readable_from_ring_to_drain() {
        let bell = Bell::new().unwrap();
        assert!(!is_readable(bell.as_fd()));
        assert!(bell.ring());
        assert!(bell.ring());
        assert!(is_readable(bell.as_fd()));
        bell.drain();
        assert!(!is_readable(bell.as_fd()));
    }

    #[test]
    fn the_portable_bell_does_the_same_even_when_it_is_full() {
        let bell = socket_pair::Inner::new().unwrap();
        for _ in 0..100_000 {
            bell.ring();
        }
        assert!(is_readable(bell.as_fd()));
        assert!(bell.drain() > 1);
        assert!(!is_readable(bell.as_fd()));
        assert_eq!(bell.drain(), 1);
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn a_full_eventfd_counter_still_rings() {
        use std::io::Write;

        let bell = Bell::new().unwrap();
        let fd = bell.as_fd().try_clone_to_owned().unwrap();
        let mut preset = std::fs::File::from(fd);
        preset.write_all(&(u64::MAX - 1).to_ne_bytes()).unwrap();
        assert!(bell.ring());
        assert!(is_readable(bell.as_fd()));
        bell.drain();
        assert!(!is_readable(bell.as_fd()));
    }
}
