//! What the small programs have in common: three flags, and a loop that Ctrl-C ends.

use std::io;
use std::process::ExitCode;

use crate::{output, say, warn};
use clap::Args;
use waitset::{Backend, EventLoop, Explain, Interest, Mode, Reactor, Signal, Signals};

/// Any mechanism.
pub type AnyReactor = Box<dyn Reactor + Send>;

/// A loop over any mechanism, and what its callbacks are given of it.
pub type Loop<State> = EventLoop<State, AnyReactor>;
/// See [`Loop`].
pub type Handle<'a, State> = waitset::Handle<'a, State, AnyReactor>;

/// The flags that all of them have.
#[derive(Args, Clone, Copy, Debug)]
pub struct LoopFlags {
    /// auto, select, poll, epoll, uring, sweep, busy or adaptive.
    #[arg(long, env = Backend::VARIABLE, default_value = "auto")]
    pub reactor: Backend,
    /// Say at the end what was counted.
    #[arg(long)]
    pub stats: bool,
    /// Tell on standard error what the loop does.
    #[arg(long)]
    pub explain: bool,
}

impl LoopFlags {
    /// Opens the mechanism that was asked for.
    ///
    /// # Errors
    ///
    /// As [`Backend::open`]: `Unsupported` if it cannot be had here.
    pub fn open(&self) -> io::Result<AnyReactor> {
        let reactor = self.reactor.open()?;
        Ok(match self.explain {
            true => Box::new(Explain::to_writer(reactor, output::StandardError)),
            false => reactor,
        })
    }

    /// A loop that Ctrl-C and SIGTERM end. Make it before other threads, which are to
    /// inherit that the signals are blocked.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`Signals::new`].
    pub fn event_loop<State: 'static>(&self) -> io::Result<Loop<State>> {
        let signals = Signals::new(&[Signal::INTERRUPT, Signal::TERMINATE])?;
        let mut event_loop = EventLoop::over(self.open()?);
        event_loop.handle().insert(
            signals,
            Interest::READABLE,
            Mode::Level,
            |_, signals, _, handle| {
                if signals.next().is_ok() {
                    handle.stop();
                }
            },
        )?;
        Ok(event_loop)
    }

    /// Runs the loop to its end, and says what was counted if that was asked for.
    ///
    /// # Errors
    ///
    /// As [`EventLoop::run`].
    pub fn run<State>(&self, mut event_loop: Loop<State>, state: &mut State) -> io::Result<()> {
        event_loop.run(state)?;
        if self.stats {
            say!("{:?}", event_loop.handle().reactor().stats());
        }
        Ok(())
    }
}

/// Exit code 0, 77 for what cannot be had here, and 1 for what else went wrong, each with
/// its line.
#[must_use]
pub fn finish(answer: io::Result<()>) -> ExitCode {
    let Err(error) = answer else {
        return ExitCode::SUCCESS;
    };
    warn!("{error}");
    match error.kind() {
        io::ErrorKind::Unsupported => ExitCode::from(77),
        _ => ExitCode::FAILURE,
    }
}
