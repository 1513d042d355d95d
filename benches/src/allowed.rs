//! The most user-space instructions that `instructions --check` allows. To change a limit,
//! change its line here.

use crate::callgrind::TOKENS;

/// The most that an event of the chain may need, with 1 and with 10 of 100 pipes active.
pub const PER_EVENT: &[(&str, [f64; TOKENS.len()])] = &[
    ("epoll", [92.0, 58.0]),
    ("wait-set", [115.0, 75.0]),
    ("event-loop", [125.0, 85.0]),
];

/// The most that a message there and back may need, both ends included: 3 % above what was
/// counted when the limit was set.
pub const PER_MESSAGE: &[(&str, f64)] = &[
    ("connection", 654.0),
    ("async-echo", 2_791.0),
    ("async-http", 30_471.0),
];

/// The limits of a contestant, in the order of its counts.
#[must_use]
pub fn limits(name: &str) -> Option<&'static [f64]> {
    let per_event = PER_EVENT.iter().map(|(name, limits)| (*name, &limits[..]));
    let per_message = PER_MESSAGE
        .iter()
        .map(|(name, limit)| (*name, std::slice::from_ref(limit)));
    let mut all = per_event.chain(per_message);
    all.find(|(limited, _)| *limited == name)
        .map(|(_, limits)| limits)
}
