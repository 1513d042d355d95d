use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::Command;

use super::sys;

/// Signals as a source: readable when one of them is pending.
///
/// The signals are blocked in the thread that makes this, so they interrupt nothing and are
/// read here instead. A standard signal that is sent again before it was read is one signal.
/// Real-time signals (`SIGRTMIN` to `SIGRTMAX`, 34 to 64 with glibc) queue: each of them is
/// read, the lowest number first (signal(7)).
///
/// # What a program must do
///
/// The kernel delivers a signal for the whole process, as `kill` and the terminal send it, to
/// any thread that does not block it, and its default action ends the process. Threads
/// inherit the blocked signals: make this before you spawn other threads. So do child
/// processes, and most programs do not expect that: see [`unblock_in`](Self::unblock_in).
///
/// If two `Signals` of a thread name the same signal, both become readable, and the first
/// that calls [`next`](Self::next) gets it.
///
/// # Ignored signals
///
/// A signal that the process ignores is read here like any other: the kernel discards an
/// ignored signal only if it is not blocked. A program that is started to ignore `SIGINT` or
/// `SIGHUP`, as by `nohup`, is expected to keep ignoring it: leave out the signals of which
/// [`Signal::is_ignored`] returns `true`.
///
/// # On drop
///
/// The thread's mask is restored: a signal is unblocked if this has blocked it and no other
/// `Signals` of the thread names it. If it is pending then, it is delivered. A `Signals`
/// cannot leave the thread whose signals it has blocked.
///
/// # Platform notes
///
/// signalfd(2), Linux only. Elsewhere, and in a sandbox that refuses it, [`new`](Self::new)
/// returns `Unsupported`.
///
/// ```no_run
/// use waitset::{EventLoop, Interest, Mode, Signal, Signals};
///
/// let signals = Signals::new(&[Signal::INTERRUPT, Signal::TERMINATE])?;
/// let mut event_loop = EventLoop::new()?;
/// let handle = event_loop.handle();
/// handle.insert(
///     signals,
///     Interest::READABLE,
///     Mode::Level,
///     |_, signals, _, handle| {
///         while let Ok(info) = signals.next() {
///             println!("{} of process {}", info.signal(), info.sender());
///             handle.stop();
///         }
///     },
/// )?;
/// event_loop.run(&mut ())?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("signalfd", "pthread_sigmask"))]
#[derive(Debug)]
pub struct Signals {
    inner: sys::SignalFd,
    /// What is blocked is this thread's.
    _thread: PhantomData<*const ()>,
}

impl Signals {
    /// Blocks `signals` in this thread and opens a descriptor for them, which is
    /// non-blocking and close-on-exec.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a number that is not a signal's, for `SIGKILL` and `SIGSTOP`, which
    /// cannot be blocked, and for those that the C library uses itself (32 and 33 with
    /// glibc); `Unsupported` if there is no signalfd; otherwise as signalfd(2). Nothing is
    /// blocked then.
    pub fn new(signals: &[Signal]) -> io::Result<Self> {
        let inner = sys::SignalFd::new(signals)?;
        let _thread = PhantomData;
        Ok(Self { inner, _thread })
    }

    /// Has a command start its child with these signals unblocked.
    ///
    /// [`Command`] passes on what is blocked, and most programs do not expect that: a
    /// child that was to end at `SIGTERM` would not.
    ///
    /// ```
    /// use std::process::Command;
    /// use waitset::{Signal, Signals};
    ///
    /// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
    /// let signals = Signals::new(&[Signal::TERMINATE])?;
    /// let mut command = Command::new("sh");
    /// signals.unblock_in(command.args(["-c", "kill -TERM $$"]));
    /// assert!(!command.status()?.success(), "the signal has ended it");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unblock_in(&self, command: &mut Command) {
        self.inner.unblock_in(command);
    }

    /// Takes the next pending signal.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if no signal is pending, as read(2) reports it for this descriptor;
    /// otherwise any other error of read(2).
    #[allow(
        clippy::should_implement_trait,
        reason = "it can fail, and wants no &mut"
    )]
    pub fn next(&self) -> io::Result<SignalInfo> {
        self.inner.next()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// What is known of a signal that was sent.
///
/// The numbers are those of `struct signalfd_siginfo`, see signalfd(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    pub(super) signal: Signal,
    pub(super) sender: u32,
    pub(super) user: u32,
    pub(super) code: i32,
    pub(super) status: i32,
    pub(super) value: i32,
}

impl SignalInfo {
    /// Which signal.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The process that sent it; of [`Signal::CHILD`], the child.
    #[must_use]
    pub fn sender(&self) -> u32 {
        self.sender
    }

    /// The real user of that process.
    #[must_use]
    pub fn user(&self) -> u32 {
        self.user
    }

    /// Why it was sent: an `SI_` or `CLD_` constant, see sigaction(2).
    #[must_use]
    pub fn code(&self) -> i32 {
        self.code
    }

    /// Of [`Signal::CHILD`], the exit status or signal of the child.
    #[must_use]
    pub fn status(&self) -> i32 {
        self.status
    }

    /// The number that was sent along with it by sigqueue(3).
    #[must_use]
    pub fn value(&self) -> i32 {
        self.value
    }
}

/// A signal by its number.
///
/// Real-time signals have no constants, because the C library decides where they begin:
/// `Signal::from_number(libc::SIGRTMIN())` is the first of them.
///
/// ```
/// use waitset::Signal;
///
/// assert_eq!(Signal::TERMINATE.to_string(), "SIGTERM");
/// assert_eq!(Signal::from_number(15), Signal::TERMINATE);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

/// Declares the signals that have names.
macro_rules! signals {
    ($($(#[$doc:meta])* $name:ident = $constant:ident;)+) => {
        impl Signal {
            $(
                $(#[$doc])*
                #[doc = concat!("\n\n`", stringify!($constant), "`.")]
                pub const $name: Self = Self(libc::$constant);
            )+

            /// Its name, if it is one of the constants.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $(libc::$constant => Some(stringify!($constant)),)+
                    _ => None,
                }
            }
        }
    };
}

signals! {
    /// The terminal is gone, or a daemon is to read its configuration again.
    HANGUP = SIGHUP;
    /// Control-C.
    INTERRUPT = SIGINT;
    /// Control-backslash.
    QUIT = SIGQUIT;
    /// A request to end.
    TERMINATE = SIGTERM;
    /// A child has changed its state. Many at once are one signal: use
    /// [`ChildProcess`](crate::ChildProcess) to lose none.
    CHILD = SIGCHLD;
    /// alarm(2).
    ALARM = SIGALRM;
    /// The program's own.
    USER_1 = SIGUSR1;
    /// The program's own.
    USER_2 = SIGUSR2;
    /// The terminal has another size.
    WINDOW = SIGWINCH;
    /// A write to a pipe or socket that nobody reads.
    PIPE = SIGPIPE;
    /// The process goes on after a stop.
    CONTINUE = SIGCONT;
    /// Control-Z.
    TERMINAL_STOP = SIGTSTP;
}

impl Signal {
    /// The signal of a number, which [`Signals::new`] checks.
    #[must_use]
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Returns `true` if this process ignores the signal (`SIG_IGN`), and `false` for a number
    /// that is not a signal's.
    ///
    /// A process inherits what it ignores from the one that started it: `nohup` and shells that
    /// start a program in the background make use of that. See
    /// [`Signals`](Signals#ignored-signals).
    ///
    /// # Platform notes
    ///
    /// One call of sigaction(2), which changes nothing.
    ///
    /// ```
    /// use waitset::Signal;
    ///
    /// assert!(Signal::PIPE.is_ignored(), "as in every Rust program");
    /// assert!(!Signal::WINDOW.is_ignored());
    /// ```
    #[doc(alias = "sigaction")]
    #[must_use]
    pub fn is_ignored(self) -> bool {
        sys::is_ignored(self.0)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
