//! Waits that bring nothing: what their timeouts say.

use std::time::{Duration, Instant};

use waitset_core::WaitHint;

use super::{Culprit, Found, Reason, STREAK};

/// A tick this fast may be meant: half a millisecond is 2000 wake-ups a second.
const SHORT: Duration = Duration::from_micros(500);

/// Who leaves more time than this between two waits works there.
const IDLE: Duration = Duration::from_micros(10);

/// How many waits a reason that was told must stay away to be told again.
const FORGOTTEN_AFTER: u64 = 65_536;

/// Follows waits that bring nothing, one after the other.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// What the caller has said of the next wait.
    hint: Option<WaitHint>,
    /// When the wait before returned, if it brought nothing: it slept until its time was up,
    /// or it is one of the zeros after such a wait.
    rested: Option<Instant>,
    streak: Option<Streak>,
    /// With the number of the wait that it was last seen in.
    told: Vec<(Reason, u64)>,
}

/// Waits in a row with one and the same reason.
#[derive(Debug)]
struct Streak {
    reason: Reason,
    began: Instant,
    waits: u64,
}

/// A wait, as it is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) timeout: Option<Duration>,
    /// `None` where the wait was not expected to be of interest.
    pub(super) entered: Option<Instant>,
    /// Counted from the reactor's first.
    pub(super) number: u64,
}

impl Pace {
    pub(super) fn hint(&mut self, hint: WaitHint) {
        self.hint = Some(hint);
    }

    /// Whether there is something that the next wait goes on with, or puts an end to.
    pub(super) fn is_following(&self) -> bool {
        self.rested.is_some() || self.streak.is_some()
    }

    /// The next wait brings something, and nothing was followed.
    #[inline]
    pub(super) fn forget_hint(&mut self) {
        self.hint = None;
    }

    /// Something has happened: events, a wake, a signal, an error.
    pub(super) fn interrupt(&mut self) {
        self.hint = None;
        self.rested = None;
        self.streak = None;
    }

    /// Takes note of a wait that brought nothing, and says whether it is one too many.
    pub(super) fn note(&mut self, wait: Wait) -> Option<Found> {
        let hint = self.hint.take();
        let is_zero = wait.timeout == Some(Duration::ZERO);
        if is_zero && hint.is_none() && self.rested.is_none() {
            // A caller who only ever looks polls on purpose.
            self.streak = None;
            return None;
        }
        let left = Instant::now();
        let reason = self.reason(wait, hint, left);
        if !is_zero || self.rested.is_some() {
            self.rested = Some(left);
        }
        let Some(reason) = reason else {
            self.streak = None;
            return None;
        };
        let streak = match self.streak.take() {
            Some(streak) if streak.reason == reason => streak,
            _ => Streak {
                reason,
                began: wait.entered.unwrap_or(left),
                waits: 0,
            },
        };
        let waits = streak.waits + 1;
        let took = left - streak.began;
        self.streak = Some(Streak { waits, ..streak });
        let is_told = waits % STREAK != 0 || self.was_told(reason, wait.number);
        (!is_told).then(|| Found {
            reason,
            culprit: culprit(reason, hint, wait.timeout),
            waits,
            took,
        })
    }

    fn reason(&self, wait: Wait, hint: Option<WaitHint>, left: Instant) -> Option<Reason> {
        match hint {
            Some(WaitHint::Work) => return None,
            Some(WaitHint::Timer { is_zero: true, .. }) => return Some(Reason::ZeroTimer),
            _ => {}
        }
        let (before, entered) = (self.rested?, wait.entered?);
        let is_early = |timeout| left - entered < timeout;
        if wait.timeout.is_none_or(is_early) {
            return Some(Reason::EarlyReturn);
        }
        if hint.is_some() || entered - before > IDLE {
            // It waits for a timer, or it works between the waits.
            return None;
        }
        match wait.timeout? {
            Duration::ZERO => Some(Reason::ZeroTimeout),
            timeout => (timeout < SHORT).then_some(Reason::ShortTimeout),
        }
    }

    /// Whether the reason has been told not long ago; from now on it has.
    fn was_told(&mut self, reason: Reason, number: u64) -> bool {
        let told = self.told.iter_mut().find(|(told, _)| *told == reason);
        let Some((_, last)) = told else {
            self.told.push((reason, number));
            return false;
        };
        let is_recent = number.saturating_sub(*last) < FORGOTTEN_AFTER;
        *last = number;
        is_recent
    }
}

fn culprit(reason: Reason, hint: Option<WaitHint>, timeout: Option<Duration>) -> Culprit {
    match hint {
        Some(WaitHint::Timer { token, .. }) if reason == Reason::ZeroTimer => {
            Culprit::Timer { token }
        }
        _ => Culprit::Timeout(timeout),
    }
}
