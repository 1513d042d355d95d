use std::fmt::{self, Write};
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use waitset_core::{Event, Interest, Mode, Reactor, Stats, Token};

use crate::text;

/// A call of a reactor and its result, as [`TraceReactor`](crate::TraceReactor) reports it.
///
/// Printed with `{}`, the call is on the first line and its result below, wrapped at 80 columns;
/// with `{:#}`, both are on a single line of any width.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TraceLine<'a> {
    /// The reactor's name.
    pub reactor: &'static str,
    /// `true` if its waits sleep; those of `busy` and `sweep` spin.
    pub sleeps: bool,
    /// The call.
    pub call: TraceCall,
    /// The number of registered sources, after a change or during a wait.
    pub sources: usize,
    /// The statistics since the last line. They include the calls that wakers made in the
    /// meantime, so that all lines together have all system calls.
    pub counts: Stats,
    /// How long the call took, asleep or not.
    pub took: Duration,
    /// The events that a wait returned.
    pub events: &'a [Event],
    /// `true` if a waker ended a wait, or would have ended it.
    pub was_woken: bool,
    /// `true` if a signal handler, or a stop of the process, ended a wait.
    pub was_interrupted: bool,
    /// The error that the call returned, if it failed.
    pub error: Option<&'a io::Error>,
}

/// A call of a reactor, with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the arguments of the methods")]
pub enum TraceCall {
    /// [`Reactor::register`].
    Register {
        descriptor: RawFd,
        token: Token,
        interest: Interest,
        mode: Mode,
    },
    /// [`Reactor::modify`].
    Modify {
        descriptor: RawFd,
        token: Token,
        interest: Interest,
        mode: Mode,
    },
    /// [`Reactor::deregister`].
    Deregister { descriptor: RawFd },
    /// [`Reactor::wait`].
    Wait { timeout: Option<Duration> },
}

impl TraceLine<'_> {
    /// A line with nothing filled in but what the reactor is.
    pub(super) fn of(reactor: &impl Reactor) -> Self {
        Self {
            reactor: reactor.name(),
            sleeps: reactor.capabilities().sleeps,
            call: TraceCall::Wait { timeout: None },
            sources: 0,
            counts: Stats::default(),
            took: Duration::ZERO,
            events: &[],
            was_woken: false,
            was_interrupted: false,
            error: None,
        }
    }

    fn is_wait(&self) -> bool {
        matches!(self.call, TraceCall::Wait { .. })
    }

    /// The name of the system call that waits, as its manual page has it: `epoll_wait` stands for
    /// `epoll_pwait2`, too.
    fn wait_call(&self) -> &'static str {
        match self.reactor {
            "select" => "select",
            "poll" | "sweep" => "poll",
            "epoll" => "epoll_wait",
            "uring" => "io_uring_enter",
            _ => self.reactor,
        }
    }

    /// What the thread did: with a zero timeout, or if it found something before it had to sleep,
    /// it checked.
    fn activity(&self) -> &'static str {
        let may_not_sleep = Some(Duration::ZERO);
        match self.call {
            TraceCall::Wait { timeout } if timeout == may_not_sleep => "checked",
            _ if self.counts.probe_hits > 0 => "checked",
            _ if self.sleeps => "slept",
            _ => "spun",
        }
    }

    fn write_result(&self, f: &mut impl Write) -> fmt::Result {
        let counts = &self.counts;
        // More digits mean nothing, least of all fractions of a nanosecond.
        let took = match self.took {
            took if took < Duration::from_micros(1) => format!("{took:?}"),
            took => format!("{took:.1?}"),
        };
        if let Some(error) = self.error {
            return write!(f, "failed: {error}");
        }
        if !self.is_wait() {
            write!(f, "{}: ", self.reactor)?;
            write_count(f, counts.system_calls(), "system call")?;
            return write!(f, ", {took}");
        }
        match counts.wait_calls {
            0 => f.write_str("no system call was needed")?,
            1 => write!(f, "{} {} for {took}", self.wait_call(), self.activity())?,
            calls => {
                let (name, did) = (self.wait_call(), self.activity());
                write!(f, "{name} {did} for {took} in {calls} calls")?;
            }
        }
        for (number, what) in [
            (counts.control_calls, "other call"),
            (counts.wake_calls, "wake call"),
        ] {
            if number > 0 {
                f.write_str(", ")?;
                write_count(f, number, what)?;
            }
        }
        f.write_str(": ")?;
        self.write_reason(f)
    }

    /// The reason why a wait returned.
    fn write_reason(&self, f: &mut impl Write) -> fmt::Result {
        let events = self.events.len() as u64;
        let reason = match self.call {
            _ if self.was_woken => "a waker ended the wait",
            _ if self.was_interrupted => "a signal or a stop interrupted the wait",
            _ if events > 0 => return write_count(f, events, "event"),
            TraceCall::Wait { timeout } if timeout == Some(Duration::ZERO) => "nothing is ready",
            TraceCall::Wait { timeout: Some(_) } => "the timeout expired",
            _ => "for no reported reason",
        };
        f.write_str(reason)?;
        if events > 0 {
            f.write_str(", and ")?;
            write_count(f, events, "event")?;
        }
        Ok(())
    }

    /// The events: their tokens and what was observed.
    fn write_events(&self, f: &mut impl Write) -> fmt::Result {
        for (position, event) in self.events.iter().enumerate() {
            let token = event.token().0;
            let separator = if position == 0 { ":" } else { ";" };
            write!(f, "{separator} token {token} ")?;
            write_list(f, observed(event))?;
        }
        Ok(())
    }
}

impl fmt::Display for TraceLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut call, mut result) = (String::new(), String::new());
        self.call.write(&mut call, self.sources)?;
        self.write_result(&mut result)?;
        self.write_events(&mut result)?;
        let name = self.call.name();
        if f.alternate() {
            return write!(f, "{name} {call}: {result}");
        }
        text::paragraph(f, name, [&call, &result])
    }
}

impl TraceCall {
    /// Returns the name of the method.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Modify { .. } => "modify",
            Self::Deregister { .. } => "deregister",
            Self::Wait { .. } => "wait",
        }
    }

    fn write(&self, f: &mut impl Write, sources: usize) -> fmt::Result {
        match *self {
            Self::Register {
                descriptor,
                token,
                interest,
                mode,
            }
            | Self::Modify {
                descriptor,
                token,
                interest,
                mode,
            } => {
                let (token, mode) = (token.0, mode_name(mode));
                write!(f, "descriptor {descriptor} as token {token}: ")?;
                write_list(f, directions(interest))?;
                write!(f, ", {mode}")
            }
            Self::Deregister { descriptor } => write!(f, "descriptor {descriptor}"),
            Self::Wait { timeout } => {
                f.write_str("on ")?;
                write_count(f, sources as u64, "source")?;
                match timeout {
                    None => f.write_str(", no timeout"),
                    Some(Duration::ZERO) => f.write_str(", zero timeout"),
                    Some(timeout) => write!(f, ", up to {timeout:?}"),
                }
            }
        }
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Level => "level-triggered",
        Mode::Edge => "edge-triggered",
        Mode::Oneshot => "one-shot",
    }
}

fn directions(interest: Interest) -> [(bool, &'static str); 3] {
    [
        (interest.is_readable(), "readable"),
        (interest.is_writable(), "writable"),
        (interest.is_priority(), "priority"),
    ]
}

fn observed(event: &Event) -> [(bool, &'static str); 6] {
    [
        (event.is_readable(), "readable"),
        (event.is_writable(), "writable"),
        (event.is_priority(), "priority"),
        (event.is_error(), "error"),
        (event.is_hangup(), "hang-up"),
        (event.is_peer_closed() && !event.is_hangup(), "peer closed"),
    ]
}

fn write_list<const N: usize>(f: &mut impl Write, words: [(bool, &'static str); N]) -> fmt::Result {
    let true_ones = words.into_iter().filter(|(is_true, _)| *is_true);
    for (position, (_, word)) in true_ones.enumerate() {
        f.write_str(if position == 0 { "" } else { ", " })?;
        f.write_str(word)?;
    }
    Ok(())
}

/// `0 sources`, `1 source`, `2 sources`.
fn write_count(f: &mut impl Write, number: u64, what: &str) -> fmt::Result {
    match number {
        1 => write!(f, "1 {what}"),
        _ => write!(f, "{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waitset_core::Readiness;
    use waitset_poll::PollReactor;

    fn wait(timeout: Option<Duration>) -> TraceLine<'static> {
        TraceLine {
            reactor: "epoll",
            call: TraceCall::Wait { timeout },
            sources: 3,
            counts: Stats {
                wait_calls: 1,
                ..Stats::default()
            },
            took: Duration::from_micros(12_345),
            ..TraceLine::of(&PollReactor::new().unwrap())
        }
    }

    const UP_TO_50: Option<Duration> = Some(Duration::from_millis(50));

    fn event(token: u64, observed: Readiness) -> Event {
        Event::new(Token(token), Interest::READABLE, observed)
    }

    #[test]
    fn a_wait_reads_as_a_sentence() {
        let events = [event(2, Readiness::READABLE)];
        let line = TraceLine {
            events: &events,
            ..wait(UP_TO_50)
        };
        let expected = "\
wait       on 3 sources, up to 50ms
           epoll_wait slept for 12.3ms: 1 event: token 2 readable";
        assert_eq!(line.to_string(), expected);
        let expected = "wait on 3 sources, up to 50ms: \
                        epoll_wait slept for 12.3ms: 1 event: token 2 readable";
        assert_eq!(format!("{line:#}"), expected);
    }

    #[test]
    fn the_reason_for_an_empty_wait_is_reported() {
        let reason = |line: TraceLine<'_>| {
            let text = line.to_string();
            text.rsplit_once(": ").unwrap().1.to_owned()
        };
        assert_eq!(reason(wait(UP_TO_50)), "the timeout expired");
        assert_eq!(reason(wait(Some(Duration::ZERO))), "nothing is ready");
        let woken = TraceLine {
            was_woken: true,
            ..wait(None)
        };
        assert_eq!(reason(woken), "a waker ended the wait");
        let interrupted = TraceLine {
            was_interrupted: true,
            ..wait(None)
        };
        assert_eq!(
            reason(interrupted),
            "a signal or a stop interrupted the wait"
        );
    }

    #[test]
    fn the_activity_of_the_thread_is_named() {
        let result = |line: TraceLine<'_>| {
            let text = line.to_string();
            let result: Vec<_> = text.lines().skip(1).map(str::trim).collect();
            result.join(" ")
        };
        let checked = result(wait(Some(Duration::ZERO)));
        assert_eq!(checked, "epoll_wait checked for 12.3ms: nothing is ready");
        let spun = TraceLine {
            reactor: "sweep",
            sleeps: false,
            counts: Stats {
                wait_calls: 7,
                control_calls: 2,
                wake_calls: 1,
                ..Stats::default()
            },
            ..wait(UP_TO_50)
        };
        let expected = "poll spun for 12.3ms in 7 calls, 2 other calls, 1 wake call: \
                        the timeout expired";
        assert_eq!(result(spun), expected);
        let needless = TraceLine {
            counts: Stats::default(),
            ..wait(UP_TO_50)
        };
        assert_eq!(
            result(needless),
            "no system call was needed: the timeout expired"
        );
    }

    #[test]
    fn changes_read_as_sentences() {
        let register = TraceLine {
            call: TraceCall::Register {
                descriptor: 5,
                token: Token(2),
                interest: Interest::ALL,
                mode: Mode::Edge,
            },
            counts: Stats {
                control_calls: 1,
                ..Stats::default()
            },
            took: Duration::from_nanos(3_210),
            ..wait(None)
        };
        let expected = "\
register   descriptor 5 as token 2: readable, writable, priority, edge-triggered
           epoll: 1 system call, 3.2µs";
        assert_eq!(register.to_string(), expected);
        let error = io::Error::other("no room");
        let refused = TraceLine {
            error: Some(&error),
            call: TraceCall::Deregister { descriptor: 5 },
            ..wait(None)
        };
        let expected = "deregister descriptor 5\n           failed: no room";
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn many_events_are_wrapped() {
        let hangup = Readiness::READABLE | Readiness::HANGUP;
        let events: Vec<_> = (0..9).map(|token| event(token * 1_000, hangup)).collect();
        let line = TraceLine {
            events: &events,
            ..wait(None)
        };
        let text = line.to_string();
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.lines().count() > 2, "{text}");
        let narrow = text
            .lines()
            .skip(1)
            .all(|line| line.starts_with(&" ".repeat("register   ".len())));
        assert!(narrow, "{text}");
        assert_eq!(text.matches("hang-up").count(), 9);
        assert_eq!(format!("{line:#}").lines().count(), 1);
    }
}
