//! What a peer is waited for to do, and until when.

use std::time::{Duration, Instant};

use super::limits::Limits;

/// What a peer is waited for to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// To ask.
    Idle,
    /// To complete what it has begun to ask.
    Request,
    /// To take what is queued for it.
    Sending,
    /// To say anything, on a WebSocket.
    Listening,
    /// To answer a ping, or show some other sign of life.
    Pinged,
    /// To close.
    Lingering,
}

impl Phase {
    fn time(self, limits: &Limits) -> Duration {
        match self {
            Self::Idle | Self::Listening => limits.idle,
            Self::Request | Self::Pinged => limits.head,
            Self::Sending => limits.send,
            Self::Lingering => limits.linger,
        }
    }
}

/// How long a peer is still waited for. Its deadline moves with the phase, or when
/// something was brought to its end; not with every byte.
#[derive(Debug)]
pub struct Patience {
    phase: Phase,
    deadline: Instant,
    /// Whether something was brought to its end, so that the next has its whole time.
    has_progressed: bool,
}

impl Patience {
    /// With a peer that is to do this from now on.
    #[must_use]
    pub fn new(phase: Phase, limits: &Limits, now: Instant) -> Self {
        Self {
            phase,
            deadline: after(now, phase.time(limits)),
            has_progressed: false,
        }
    }

    /// What the peer was waited for to do when that was last [settled](Self::settle).
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Until when the peer may take.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Notes whether something was brought to its end.
    pub fn progress(&mut self, has_progressed: bool) {
        self.has_progressed |= has_progressed;
    }

    /// Whether something was, since that was last settled.
    #[must_use]
    pub fn has_progressed(&self) -> bool {
        self.has_progressed
    }

    /// Waits for this from now on, with its whole time if it is another or the last one was
    /// brought to its end.
    pub fn settle(&mut self, phase: Phase, limits: &Limits, now: Instant) {
        if phase != self.phase || self.has_progressed {
            *self = Self::new(phase, limits, now);
        }
    }
}

/// A moment that a clock cannot count to is as good as the next century.
fn after(now: Instant, time: Duration) -> Instant {
    let century = Duration::from_secs(100 * 365 * 86400);
    now.checked_add(time).unwrap_or_else(|| now + century)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_peer_that_brings_nothing_to_its_end_gets_no_more_time() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut patience = Patience::new(Phase::Idle, &limits, start);
        patience.progress(true);
        for second in 1..5 {
            patience.settle(Phase::Request, &limits, start + second * SECOND);
            assert_eq!(patience.deadline(), start + SECOND + limits.head);
        }
    }

    #[test]
    fn who_brings_something_to_its_end_has_its_whole_time_for_the_next() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut patience = Patience::new(Phase::Sending, &limits, start);
        patience.progress(true);
        patience.progress(false);
        patience.settle(Phase::Sending, &limits, start + SECOND);
        assert_eq!(patience.deadline(), start + SECOND + limits.send);
    }

    #[test]
    fn a_limit_as_long_as_a_time_can_be_is_no_overflow() {
        let limits = Limits {
            idle: Duration::MAX,
            ..Limits::default()
        };
        let now = Instant::now();
        let patience = Patience::new(Phase::Idle, &limits, now);
        assert!(patience.deadline() > now + 1_000_000 * SECOND);
    }
}
