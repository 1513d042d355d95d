//! The one list of what reactors may tell differently.

use waitset_core::{Capabilities, Interest, Readiness};

/// The directions in which a reactor of these capabilities must show what raw poll(2)
/// observed of a source, for that interest; `None` for silence.
///
/// | poll(2) says | shown as |
/// |---|---|
/// | `POLLIN`, `POLLRDHUP` | readable |
/// | `POLLPRI` | priority |
/// | `POLLOUT` | writable |
/// | `POLLHUP` | [`hangup_shows_as`](Capabilities::hangup_shows_as) |
/// | `POLLERR` | [`error_shows_as`](Capabilities::error_shows_as) |
///
/// And where [`rechecks_events`](Capabilities::rechecks_events) is not
/// so, an event says what the kernel saw when it came. By now that may have gone, and it
/// names the news only: after `POLLOUT` was told, an edge of `POLLIN` says readable
/// alone, and two arrivals are two events. But each event that is due comes, if behind old
/// ones, and a one-shot source has one; urgent data is told where there is some; and a
/// source that is ready is told only where that is due.
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
