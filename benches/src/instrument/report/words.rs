//! Numbers and names as a person reads them.

use crate::instrument::data::Measure;

/// `450 ns`, `12 µs`, `3.1 ms`.
pub(super) fn time(ns: f64) -> String {
    let digits = |value: f64| match value {
        ..9.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    match ns {
        ..999.5 => format!("{} ns", digits(ns)),
        999.5..999_500.0 => format!("{} µs", digits(ns / 1e3)),
        999_500.0..999_500_000.0 => format!("{} ms", digits(ns / 1e6)),
        _ => format!("{} s", digits(ns / 1e9)),
    }
}

/// A mark on an axis of time: `1 µs`, without a digit that says nothing.
pub(super) fn time_mark(ns: f64) -> String {
    time(ns).replace(".0 ", " ")
}

/// A figure with its unit.
pub(super) fn figure(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Time | Measure::Lateness => time(value),
        Measure::WaitingCpu => format!("{:.2} %", value / 1e4),
        Measure::Bytes => format!("{value:.0} B"),
    }
}

/// The class that gives a contestant its colour.
pub(super) fn class(contestant: &str) -> &str {
    match contestant {
        "select" | "poll" | "epoll" | "uring" | "sweep" | "busy" | "adaptive" | "raw" | "mio"
        | "polling" => contestant,
        "select-oneshot" => "select",
        "poll-oneshot" => "poll",
        "epoll-oneshot" | "epoll-boxed" | "epoll-edge" => "epoll",
        "uring-oneshot" | "uring-edge" => "uring",
        "mio-reregister" => "mio",
        "polling-oneshot" => "polling",
        "raw-oneshot" | "raw-edge" => "raw",
        _ => "other",
    }
}

/// A count with what it counts.
pub(super) fn count(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    }
}
