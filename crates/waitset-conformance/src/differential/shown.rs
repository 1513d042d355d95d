//! The one list of what reactors may report differently.

use waitset_core::{Capabilities, Interest, Readiness};

/// Returns the directions in which a reactor of these capabilities must report what raw poll(2)
/// `observed` of a source with `interest`, or `None` if it must be silent.
///
/// | poll(2) returns | reported as |
/// |---|---|
/// | `POLLIN`, `POLLRDHUP` | readable |
/// | `POLLPRI` | priority |
/// | `POLLOUT` | writable |
/// | `POLLHUP` | [`hangup_shows_as`](Capabilities::hangup_shows_as) |
/// | `POLLERR` | [`error_shows_as`](Capabilities::error_shows_as) |
///
/// If [`rechecks_events`](Capabilities::rechecks_events) is `false`, an event reports what the kernel
/// saw when it occurred. That can be gone by now, and it names only the newest direction: after
/// `POLLOUT` was reported, an edge of `POLLIN` is readable alone, and two arrivals are two events.
/// But every event that is due comes, if behind old ones, and a one-shot source has one event. Urgent
/// data is reported only if there is some, and a ready source only when that is due.
///
/// ```
/// use waitset_conformance::differential::shown;
/// use waitset_core::{Capabilities, Interest, Readiness};
///
/// // select(2) sees a hang-up in the set for reading only.
/// let select = Capabilities { hangup_shows_as: Interest::READABLE, ..Capabilities::FULL };
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert_eq!(shown(&select, Readiness::HANGUP, both), Some(Interest::READABLE));
/// assert_eq!(shown(&Capabilities::FULL, Readiness::HANGUP, both), Some(both));
/// assert_eq!(shown(&select, Readiness::HANGUP, Interest::WRITABLE), None);
/// ```
#[must_use]
pub fn shown(can: &Capabilities, observed: Readiness, interest: Interest) -> Option<Interest> {
    let reasons = [
        (
            Readiness::READABLE | Readiness::PEER_CLOSED,
            Interest::READABLE,
        ),
        (Readiness::PRIORITY, Interest::PRIORITY),
        (Readiness::WRITABLE, Interest::WRITABLE),
        (Readiness::HANGUP, can.hangup_shows_as),
        (Readiness::ERROR, can.error_shows_as),
    ];
    let due = reasons
        .iter()
        .filter(|(reason, _)| observed.intersects(*reason))
        .fold(0, |bits, (_, direction)| bits | direction.bits());
    Interest::from_bits(due)?.intersection(interest)
}
