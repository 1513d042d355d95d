//! Goals that are exact: instructions, system calls and looks at the clock, as valgrind
//! counts them.

use std::io;

use super::claim::{Bound, Claim, Figure, Unit};
use super::lab::Lab;
use crate::callgrind;

/// The most instructions an event: who, and with 1 and with 10 of 100 active.
const INSTRUCTIONS: [(&str, &str, [f64; 2]); 2] = [
    ("epoll", "epoll as a Reactor", [100.0, 68.0]),
    ("event-loop", "EventLoop's callbacks", [125.0, 85.0]),
];

pub(super) fn instructions(_: &mut Lab) -> io::Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for (name, what, limits) in INSTRUCTIONS {
        for (a, limit) in callgrind::TOKENS.into_iter().zip(limits) {
            let bound = Bound::at_most(limit, Unit::Instructions);
            let mut claim = Claim::new(format!("{what}, A = {a}"), bound);
            let counted = callgrind::instructions_an_event(name, a);
            let counted = counted.map_err(|failure| failure.to_string());
            claim.add(name, counted.map(|count| Figure::exact(name, count)));
            claims.push(claim);
        }
    }
    Ok(claims)
}

/// What a wait without a timeout asks of the system, in a chain with one active.
pub(super) fn calls_of_waits() -> Vec<Claim> {
    let mut waits = Claim::new(
        "system calls of a wait without one",
        Bound::at_most(1.0, Unit::Count),
    );
    let mut looks = Claim::new(
        "looks at the clock of such a wait",
        Bound::at_most(0.0, Unit::Count),
    );
    for name in ["epoll", "poll", "select"] {
        match callgrind::system_calls_an_event(name, 1) {
            Ok(calls) => {
                // A read and a write are the workload's.
                let of_waits = calls.all - 2.0;
                waits.add(name, Ok(Figure::exact(name, of_waits)));
                looks.add(name, Ok(Figure::exact(name, calls.looks_at_clock)));
            }
            Err(failure) => {
                waits.add(name, Err(failure.to_string()));
                looks.add(name, Err(failure.to_string()));
            }
        }
    }
    vec![waits, looks]
}
