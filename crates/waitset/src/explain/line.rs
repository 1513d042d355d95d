use std::fmt::{self, Write};
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use waitset_core::{Event, Interest, Mode, Reactor, Stats, Token};

use crate::text;

/// One operation of a reactor, as [`Explain`](crate::Explain) tells it.
///
/// Printed with `{}` it is what was asked, and below it what came of it, wrapped at 80
/// columns; with `{:#}` it is one line, however wide.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The reactor's name.
    pub reactor: &'static str,
    /// Whether its waits sleep; those of `busy` and `sweep` spin.
    pub sleeps: bool,
    /// What was asked of it.
    pub asked: Asked,
    /// How many sources were registered, after a change or while it waited.
    pub sources: usize,
    /// What was counted since the last line. That includes what wakers did meanwhile, so
    /// that all lines together have all system calls.
    pub counts: Stats,
    /// How long it took, asleep or not.
    pub took: Duration,
    /// What a wait brought.
    pub events: &'a [Event],
    /// Whether a waker ended a wait, or would have.
    pub was_woken: bool,
    /// `true` if a signal handler, or a stop of the process, ended a wait.
    pub was_interrupted: bool,
    /// Why it failed, if it did.
    pub error: Option<&'a io::Error>,
}

/// What was asked of a reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the arguments of the methods")]
pub enum Asked {
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

impl Line<'_> {
    /// A line that tells nothing so far.
    pub(super) fn of(reactor: &impl Reactor) -> Self {
        Self {
            reactor: reactor.name(),
            sleeps: reactor.capabilities().sleeps,
            asked: Asked::Wait { timeout: None },
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
        matches!(self.asked, Asked::Wait { .. })
    }

    /// The system call that waits, under the name that its manual page has: `epoll_wait`
    /// stands for `epoll_pwait2` too.
    fn wait_call(&self) -> &'static str {
        match self.reactor {
            "select" => "select",
            "poll" | "sweep" => "poll",
            "epoll" => "epoll_wait",
            "uring" => "io_uring_enter",
            _ => self.reactor,
        }
    }

    /// What the thread did: it looks if it may not sleep, or if it found something
    /// before it had to.
    fn activity(&self) -> &'static str {
        let may_not_sleep = Some(Duration::ZERO);
        match self.asked {
            Asked::Wait { timeout } if timeout == may_not_sleep => "looked",
            _ if self.counts.probe_hits > 0 => "looked",
            _ if self.sleeps => "slept",
            _ => "spun",
        }
    }

    fn tell_answer(&self, f: &mut impl Write) -> fmt::Result {
        let counts = &self.counts;
        // More digits say nothing; fractions of a nanosecond least of all.
        let took = match self.took {
            took if took < Duration::from_micros(1) => format!("{took:?}"),
            took => format!("{took:.1?}"),
        };
        if let Some(error) = self.error {
            return write!(f, "refused: {error}");
        }
        if !self.is_wait() {
            write!(f, "{}: ", self.reactor)?;
            tell_number(f, counts.system_calls(), "system call")?;
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
                tell_number(f, number, what)?;
            }
        }
        f.write_str(": ")?;
        self.tell_reason(f)
    }

    /// Why a wait returned.
    fn tell_reason(&self, f: &mut impl Write) -> fmt::Result {
        let events = self.events.len() as u64;
        let reason = match self.asked {
            _ if self.was_woken => "a waker woke it",
            _ if self.was_interrupted => "a signal or a stop interrupted it",
            _ if events > 0 => return tell_number(f, events, "event"),
            Asked::Wait { timeout } if timeout == Some(Duration::ZERO) => "nothing is ready",
            Asked::Wait { timeout: Some(_) } => "the time was up",
            _ => "for no reason that it tells",
        };
        f.write_str(reason)?;
        if events > 0 {
            f.write_str(", and ")?;
            tell_number(f, events, "event")?;
        }
        Ok(())
    }

    /// The events: their tokens and what was observed.
    fn tell_events(&self, f: &mut impl Write) -> fmt::Result {
        for (position, event) in self.events.iter().enumerate() {
            let token = event.token().0;
            let separator = if position == 0 { ":" } else { ";" };
            write!(f, "{separator} token {token} ")?;
            tell_list(f, observed(event))?;
        }
        Ok(())
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut asked, mut answer) = (String::new(), String::new());
        self.asked.tell(&mut asked, self.sources)?;
        self.tell_answer(&mut answer)?;
        self.tell_events(&mut answer)?;
        let name = self.asked.name();
        if f.alternate() {
            return write!(f, "{name} {asked}: {answer}");
        }
        text::paragraph(f, name, [&asked, &answer])
    }
}

impl Asked {
    /// The method's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Modify { .. } => "modify",
            Self::Deregister { .. } => "deregister",
            Self::Wait { .. } => "wait",
        }
    }

    fn tell(&self, f: &mut impl Write, sources: usize) -> fmt::Result {
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
                tell_list(f, directions(interest))?;
                write!(f, ", {mode}")
            }
            Self::Deregister { descriptor } => write!(f, "descriptor {descriptor}"),
            Self::Wait { timeout } => {
                f.write_str("on ")?;
                tell_number(f, sources as u64, "source")?;
                match timeout {
                    None => f.write_str(", for ever"),
                    Some(Duration::ZERO) => f.write_str(", without sleeping"),
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

fn tell_list<const N: usize>(f: &mut impl Write, words: [(bool, &'static str); N]) -> fmt::Result {
    let true_ones = words.into_iter().filter(|(is_true, _)| *is_true);
    for (position, (_, word)) in true_ones.enumerate() {
        f.write_str(if position == 0 { "" } else { ", " })?;
        f.write_str(word)?;
    }
    Ok(())
}

/// `no source`, `1 source`, `2 sources`.
fn tell_number(f: &mut impl Write, number: u64, what: &str) -> fmt::Result {
    match number {
        0 => write!(f, "no {what}"),
        1 => write!(f, "1 {what}"),
        _ => write!(f, "{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waitset_core::Readiness;
    use waitset_poll::Poll;

    fn wait(timeout: Option<Duration>) -> Line<'static> {
        Line {
            reactor: "epoll",
            asked: Asked::Wait { timeout },
            sources: 3,
            counts: Stats {
                wait_calls: 1,
                ..Stats::default()
            },
            took: Duration::from_micros(12_345),
            ..Line::of(&Poll::new().unwrap())
        }
    }

    const UP_TO_50: Option<Duration> = Some(Duration::from_millis(50));

    fn event(token: u64, observed: Readiness) -> Event {
        Event::new(Token(token), Interest::READABLE, observed)
    }

    #[test]
    fn a_wait_reads_as_a_sentence() {
        let events = [event(2, Readiness::READABLE)];
        let line = Line {
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
    fn the_reason_for_an_empty_wait_is_told() {
        let reason = |line: Line<'_>| {
            let text = line.to_string();
            text.rsplit_once(": ").unwrap().1.to_owned()
        };
        assert_eq!(reason(wait(UP_TO_50)), "the time was up");
        assert_eq!(reason(wait(Some(Duration::ZERO))), "nothing is ready");
        let woken = Line {
            was_woken: true,
            ..wait(None)
        };
        assert_eq!(reason(woken), "a waker woke it");
        let interrupted = Line {
            was_interrupted: true,
            ..wait(None)
        };
        assert_eq!(reason(interrupted), "a signal or a stop interrupted it");
    }

    #[test]
    fn what_the_thread_did_is_called_by_its_name() {
        let answer = |line: Line<'_>| {
            let text = line.to_string();
            let answer: Vec<_> = text.lines().skip(1).map(str::trim).collect();
            answer.join(" ")
        };
        let looked = answer(wait(Some(Duration::ZERO)));
        assert_eq!(looked, "epoll_wait looked for 12.3ms: nothing is ready");
        let spun = Line {
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
                        the time was up";
        assert_eq!(answer(spun), expected);
        let needless = Line {
            counts: Stats::default(),
            ..wait(UP_TO_50)
        };
        assert_eq!(
            answer(needless),
            "no system call was needed: the time was up"
        );
    }

    #[test]
    fn changes_read_as_sentences() {
        let register = Line {
            asked: Asked::Register {
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
        let refused = Line {
            error: Some(&error),
            asked: Asked::Deregister { descriptor: 5 },
            ..wait(None)
        };
        let expected = "deregister descriptor 5\n           refused: no room";
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn many_events_are_wrapped() {
        let hangup = Readiness::READABLE | Readiness::HANGUP;
        let events: Vec<_> = (0..9).map(|token| event(token * 1_000, hangup)).collect();
        let line = Line {
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
