//! What the programs have in common: three flags, and a loop that Ctrl-C ends.

use std::env;
use std::fmt::{Debug, Display};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::builder::Resettable;
use clap::{Args, Parser};
use waitset::stream::AcceptError;
use waitset::{Backend, EventLoop, Interest, Mode, Reactor, Signal, Signals, TraceReactor};

use crate::{output, say, warn};

/// Any mechanism.
pub type AnyReactor = Box<dyn Reactor + Send>;

/// A loop over any mechanism, and what its callbacks are given of it.
pub type Loop<State> = EventLoop<State, AnyReactor>;
/// See [`Loop`].
pub type Handle<'a, State> = waitset::Handle<'a, State>;

/// The flags that all of them have.
#[derive(Args, Clone, Copy, Debug)]
pub struct LoopFlags {
    /// auto, select, poll, epoll, uring, sweep, busy or adaptive.
    #[arg(long, env = Backend::VARIABLE, default_value = "auto")]
    pub backend: Backend,
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
        let reactor = self.backend.open()?;
        Ok(match self.explain {
            true => Box::new(TraceReactor::to_writer(reactor, output::StandardError)),
            false => reactor,
        })
    }

    /// A loop that Ctrl-C and SIGTERM end. Make it before other threads, which are to
    /// inherit that the signals are blocked.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`ends`].
    pub fn event_loop<State: 'static>(&self) -> io::Result<Loop<State>> {
        let signals = ends()?;
        let mut event_loop = EventLoop::with_reactor(self.open()?);
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
            say!("{:?}", event_loop.handle().stats());
        }
        Ok(())
    }
}

/// Reads the flags of a program. A variable of the environment that is blank counts as unset, as
/// [`Backend::from_env`] has it.
#[must_use]
pub fn parse<F: Parser>() -> F {
    let mut command = F::command().max_term_width(80); // of help
    let is_blank = |name| {
        let value = env::var_os(name);
        value.is_some_and(|value| value.to_string_lossy().trim().is_empty())
    };
    let args = command.get_arguments();
    let blank: Vec<_> = args
        .filter(|arg| arg.get_env().is_some_and(is_blank))
        .map(|arg| arg.get_id().clone())
        .collect();
    for arg in blank {
        command = command.mut_arg(arg, |arg| arg.env(Resettable::Reset));
    }
    let matches = command.clone().get_matches();
    F::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

/// Has an error begin with what it is about: an address or a file.
///
/// # Errors
///
/// That of `answer`.
pub fn about<T>(what: impl Display, answer: io::Result<T>) -> io::Result<T> {
    answer.map_err(|error| io::Error::new(error.kind(), format!("{what}: {error}")))
}

/// Reads the address of a server. Port 0 is a question when one listens and no answer when one
/// connects.
///
/// # Errors
///
/// A sentence with the way out.
pub fn server(text: &str) -> Result<SocketAddr, String> {
    let way_out = "give the address and port that the server prints, such as 127.0.0.1:7000";
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => Ok(address),
        Ok(_) => Err(format!("nobody listens at port 0; {way_out}")),
        Err(error) => Err(format!("{error}; {way_out}")),
    }
}

/// The signals that end a program, as a source: Ctrl-C and SIGTERM. One that this process was
/// started to ignore stays ignored, as `nohup` and shells that start it in the background
/// expect.
///
/// # Errors
///
/// As [`Signals::new`].
pub fn ends() -> io::Result<Signals> {
    let signals = [Signal::INTERRUPT, Signal::TERMINATE].into_iter();
    let heeded: Vec<_> = signals.filter(|signal| !signal.is_ignored()).collect();
    Signals::new(&heeded)
}

/// Whether [`fail`] was called.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// Says what went wrong and stops the loop, which ends the program with exit code 1.
pub fn fail<State>(error: &dyn Display, handle: &mut Handle<'_, State>) {
    warn!("{error}");
    HAS_FAILED.store(true, Ordering::Relaxed);
    handle.stop();
}

/// Returns a connection that was accepted, and says why if there is none. Without a listener
/// that works, the program [fails](fail).
pub fn accepted<State, Stream, Peer: Debug>(
    accepted: Result<(Stream, Peer), AcceptError<Peer>>,
    handle: &mut Handle<'_, State>,
) -> Option<(Stream, Peer)> {
    match accepted {
        Ok(connection) => return Some(connection),
        Err(AcceptError::Aborted(_)) => {} // its peer knows
        Err(refusal @ AcceptError::Failed(_)) => fail(&refusal, handle),
        Err(refusal) => warn!("{refusal}"),
    }
    None
}

/// Returns exit code 0, 77 for what is not available here, and 1 for what else went wrong, each
/// with its line.
#[must_use]
pub fn finish(answer: io::Result<()>) -> ExitCode {
    match answer {
        Ok(()) if HAS_FAILED.load(Ordering::Relaxed) => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            warn!("{error}");
            match error.kind() {
                io::ErrorKind::Unsupported => ExitCode::from(77),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
