//! The goals that waitset was built to reach, and what is measured beside each.
//!
//! - [`claims`](Claim): what a goal says, as a bound and the figures that are held to it.
//! - [`lab`](Lab): how the figures come about.
//! - [`GOALS`]: the fourteen, in files by what they ask.

mod chains;
mod changes;
mod claim;
mod counts;
mod goal;
mod lab;
mod markdown;
mod print;
mod round_trips;
mod waits;

use std::io;

pub use claim::{Bound, Claim, Figure, Floor, Left, Unit, Verdict};
pub use goal::Goal;
pub use lab::Lab;
pub use markdown::markdown;
pub use print::{print, summary};

/// What is to be reached, before it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Aim {
    /// From 1 to 14.
    pub number: u8,
    /// What it is about.
    pub title: &'static str,
    measure: fn(&mut Lab) -> io::Result<Vec<Claim>>,
}

macro_rules! aims {
    ($($number:literal $title:literal $measure:path;)+) => {
        [$(Aim { number: $number, title: $title, measure: $measure },)+]
    };
}

/// All of them.
pub const GOALS: [Aim; 14] = aims! {
    1 "Instructions an event, through epoll" counts::instructions;
    2 "epoll, time against the raw level-triggered loop" chains::epoll_against_raw;
    3 "epoll against polling, times faster" chains::epoll_against_polling;
    4 "One-shot sources, each event re-armed" chains::rearming;
    5 "Interest off and on again between two waits" changes::toggling;
    6 "io_uring, time against the raw loop" chains::io_uring;
    7 "poll and select, one of N ready, times faster" chains::one_of_many;
    8 "poll and select, all of N ready, time against the raw loop" chains::all_ready;
    9 "select beyond FD_SETSIZE" changes::many_descriptors;
    10 "Registration in poll and select" changes::registration;
    11 "Busy polling" waits::busy;
    12 "Adaptive spinning" waits::adaptive;
    13 "Waking" changes::waking;
    14 "Short timeouts" waits::timeouts;
};

impl Aim {
    /// Measures it.
    ///
    /// # Errors
    ///
    /// As the contestants' calls. What this machine cannot do stands in the claim.
    pub fn measure(&self, lab: &mut Lab) -> io::Result<Goal> {
        Ok(Goal {
            number: self.number,
            title: self.title.to_owned(),
            claims: (self.measure)(lab)?,
        })
    }
}
