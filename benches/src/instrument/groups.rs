//! What each group asks, in one line.

/// The question a group asks, and what a unit is.
#[must_use]
pub fn title(group: &str) -> &str {
    match group {
        "one_ready" => "one of N is ready (write, wait, read)",
        "active_share" => "A of N become ready at once, NxA (an event)",
        "all_ready" => "all of N are ready (a wait)",
        "sparse" => "one of 16 is ready, numbers from M on, 16@M (write, wait, read)",
        "chain" => "chain: A tokens go round N pipes, NxA (an event)",
        "register" => "registration (one change)",
        "toggle" => "interest off and on again between two waits (both)",
        "rearm" => "chain of those that re-arm after each event, NxA (an event)",
        "wake" => "a wake: coalesced, with its wait, from another thread",
        "tax" => "chain through every layer, NxA (an event)",
        "memory" => "memory of a registered source (bytes in this process)",
        "round_trip" => "a byte to another thread and its answer",
        "waiting" => "nothing happens (share of a processor)",
        "timeouts" => "nothing happens until a timeout (how late it is noticed)",
        "echo" => "TCP echo, A of N clients talking, NxA (a message)",
        "accept" => "a TCP connection's whole life beside idle listeners",
        "udp" => "a datagram for one of N sockets",
        "libevent" => "libevent's own benchmark, in its order, NxA (an event)",
        "kerrisk" => "Kerrisk's table 63-9: one of N is ready (write, wait, read)",
        "gammo" => "Gammo et al. 2004: 64 clients talk, others are idle (a message)",
        other => other,
    }
}
