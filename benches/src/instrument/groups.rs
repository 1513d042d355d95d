//! What each group asks, in one line.

/// The question a group asks, and what a unit is.
#[must_use]
pub fn title(group: &str) -> &str {
    match group {
        "one_ready" => "one of N is ready (write, wait, read)",
        "all_ready" => "all of N are ready (a wait)",
        "chain" => "chain: A tokens go round N pipes, NxA (an event)",
        "register" => "registration (one change)",
        "toggle" => "interest off and on again between two waits (both)",
        "wake" => "a wake",
        "echo" => "TCP echo, A of N clients talking, NxA (a message)",
        other => other,
    }
}
