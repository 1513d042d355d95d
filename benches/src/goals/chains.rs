//! Goals of the pipe chain: time against the raw loop and the rivals.

use std::io;

use super::claim::{Bound, Claim, Unit};
use super::lab::{Lab, control_calls};
use crate::instrument::plan::CHAINS;
use crate::{Entrant, Scenario};

fn chains(cells: impl IntoIterator<Item = (usize, usize)>) -> Vec<Scenario> {
    let chain = |(n, a)| Scenario::Chain { n, a };
    cells.into_iter().map(chain).collect()
}

/// Cells with at most a tenth active.
fn few_active() -> Vec<Scenario> {
    chains(CHAINS.into_iter().filter(|(n, a)| a * 10 <= *n))
}

/// Cells with at least a tenth active.
fn many_active() -> Vec<Scenario> {
    chains(CHAINS.into_iter().filter(|(n, a)| a * 10 >= *n))
}

fn one_active() -> Vec<Scenario> {
    chains(CHAINS.into_iter().filter(|(_, a)| *a == 1))
}

fn all_active() -> Vec<Scenario> {
    chains(CHAINS.into_iter().filter(|(n, a)| a == n))
}

fn ratio(limit: f64) -> Bound {
    Bound::at_most(limit, Unit::Ratio)
}

fn times(limit: f64) -> Bound {
    Bound::at_least(limit, Unit::Times)
}

pub(super) fn epoll_against_raw(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let (level, edge, raw) = (Entrant::Epoll, Entrant::EpollEdge, Entrant::Raw);
    Ok(vec![
        lab.times("level, every cell", ratio(1.0), chains(CHAINS), level, raw),
        lab.times("edge, A ≤ N/10", ratio(0.97), few_active(), edge, raw),
    ])
}

pub(super) fn epoll_against_polling(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let (level, oneshot) = (Entrant::Polling, Entrant::PollingOneshot);
    let (ours, armed) = (Entrant::Epoll, Entrant::EpollOneshot);
    let (one, many) = (one_active(), many_active());
    let claims = [
        ("level, its level, A = 1", 1.8, &one, ours, level),
        ("level, its one-shot, A = 1", 1.9, &one, ours, oneshot),
        ("both one-shot, A = 1", 1.9, &one, armed, oneshot),
        ("level, its one-shot, A ≥ N/10", 1.3, &many, ours, oneshot),
        ("both one-shot, A ≥ N/10", 1.3, &many, armed, oneshot),
    ];
    let measured = claims.map(|(what, limit, cells, ours, theirs)| {
        lab.times_above(Entrant::Raw, what, times(limit), cells, ours, theirs)
    });
    Ok(measured.into())
}

pub(super) fn rearming(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let (ours, raw) = (Entrant::EpollOneshot, Entrant::Raw);
    let mio = Entrant::MioReregister;
    let mut calls = Claim::new("epoll_ctl calls an event", Bound::at_most(0.0, Unit::Count));
    let time = lab.times(
        "time, of the raw level loop",
        ratio(1.02),
        chains(CHAINS),
        ours,
        raw,
    );
    for cell in chains(CHAINS) {
        let record = lab.compare(cell, ours, raw);
        let at = cell.number();
        calls.add(&at, record.and_then(|record| control_calls(&at, &record)));
    }
    Ok(vec![
        time,
        calls,
        lab.times_above(
            raw,
            "times faster than mio reregister",
            times(1.25),
            &chains(CHAINS),
            ours,
            mio,
        ),
    ])
}

pub(super) fn io_uring(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let raw = Entrant::Raw;
    let (level, edge, oneshot) = (Entrant::Uring, Entrant::UringEdge, Entrant::UringOneshot);
    if !level.is_here() {
        let mut claim = Claim::new("edge, level, one-shot", ratio(0.88));
        claim.add(
            "this machine",
            Err("io_uring cannot be had here".to_owned()),
        );
        return Ok(vec![claim]);
    }
    let (few, every) = (few_active(), chains(CHAINS));
    let (multishot, again) = (Entrant::RawRing, Entrant::RawRingLevel);
    let claims = [
        ("edge, A ≤ N/10", 0.88, few, edge, multishot),
        ("edge, A = N", 0.95, all_active(), edge, multishot),
        ("level, every cell", 1.15, every.clone(), level, again),
        ("one-shot, every cell", 1.15, every, oneshot, again),
    ];
    let measured = claims.map(|(what, limit, cells, ours, floor)| {
        lab.times_above(floor, what, ratio(limit), &cells, ours, raw)
    });
    Ok(measured.into())
}

pub(super) fn one_of_many(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    const SIZES: [usize; 4] = [100, 400, 1000, 4000];
    let mut claims = Vec::new();
    for (ours, method) in [(Entrant::Poll, "poll"), (Entrant::Select, "select")] {
        for library in ["libevent", "libev"] {
            let name = format!("{library}-{method}");
            let what = format!("{method}, against {library}'s");
            let cells = chains(SIZES.map(|n| (n, 1)));
            claims.push(match lab.rival(&name) {
                Ok(rival) => lab.times(&what, times(2.0), cells, ours, &rival),
                Err(reason) => {
                    let mut claim = Claim::new(what, times(2.0));
                    claim.add(&name, Err(reason));
                    claim
                }
            });
        }
    }
    Ok(claims)
}

pub(super) fn all_ready(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let cells = chains([(10, 10), (100, 100), (1000, 1000)]);
    let (poll, select, raw) = (Entrant::Poll, Entrant::Select, Entrant::Raw);
    Ok(vec![
        lab.times("poll", ratio(0.88), cells.clone(), poll, raw),
        lab.times("select", ratio(0.88), cells, select, raw),
    ])
}
