use std::io;
use std::time::Duration;

use loom::sync::{Condvar, Mutex};
use waitset_core::{
    BorrowedSource, Capabilities, Doorbell, Events, Interest, Mode, Reactor, ReactorWaker, Stats,
    Token, WakeFlag,
};

/// A reactor for the model checker: it watches nothing, and sleeps until it is woken, by the
/// protocol of every reactor. A wake that is lost leaves it asleep for ever, which loom
/// reports as a deadlock.
pub struct Sleeper {
    wake: WakeFlag<Bell>,
}

/// A descriptor that is readable from ring to drain, as an eventfd.
#[derive(Default)]
struct Bell {
    has_rung: Mutex<bool>,
    rings: Condvar,
}

impl Doorbell for Bell {
    fn ring(&self) -> bool {
        *self.has_rung.lock().unwrap() = true;
        self.rings.notify_one();
        true
    }
}

impl Bell {
    /// Sleeps until it rings, unless it is only to look, and drains it.
    fn drain(&self, only_looks: bool) {
        let mut has_rung = self.has_rung.lock().unwrap();
        while !*has_rung && !only_looks {
            has_rung = self.rings.wait(has_rung).unwrap();
        }
        *has_rung = false;
    }
}

impl Sleeper {
    /// A reactor that nobody has woken.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wake: WakeFlag::new(Bell::default()),
        }
    }
}

impl Default for Sleeper {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Sleeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sleeper").finish_non_exhaustive()
    }
}

impl Reactor for Sleeper {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        _: BorrowedSource<'_>,
        _: Token,
        _: Interest,
        _: Mode,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn modify(&mut self, _: BorrowedSource<'_>, _: Token, _: Interest, _: Mode) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn deregister(&mut self, _: BorrowedSource<'_>) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    /// Any timeout but zero is for ever: a model has no clock.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.begin()?;
        self.wake.doorbell().drain(timeout == Some(Duration::ZERO));
        if self.wake.take() {
            events.set_woken();
        }
        Ok(0)
    }

    fn waker(&self) -> ReactorWaker {
        self.wake.waker()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::FULL
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }

    fn name(&self) -> &'static str {
        "sleeper"
    }
}
