//! Goals of what changes what is watched, and of the waker.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use waitset_core::{Events, Mode};
use waitset_select::SelectReactor;

use super::claim::{Bound, Claim, Figure, Unit};
use super::lab::{Lab, control_calls};
use crate::scenario::CHANGED;
use crate::scenarios::register::Change;
use crate::scenarios::wake::Part;
use crate::sources::Sources;
use crate::sys::Keeper;
use crate::{Entrant, Scenario, limits};

const NO_CALLS: Bound = Bound::at_most(0.0, Unit::Count);

/// The claim that none of `entrants` makes a system call in a scenario.
fn no_calls(lab: &mut Lab, what: &str, scenario: Scenario, entrants: &[Entrant]) -> Claim {
    let mut claim = Claim::new(what, NO_CALLS);
    for entrant in entrants {
        let at = entrant.name();
        let record = lab.compare(scenario, *entrant, *entrant);
        claim.add(at, record.and_then(|record| control_calls(at, &record)));
    }
    claim
}

pub(super) fn toggling(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let scenario = Scenario::Toggle { n: CHANGED };
    let entrants = [Entrant::Epoll];
    Ok(vec![
        lab.across("off and on, epoll", 10.0, scenario, &entrants),
        no_calls(lab, "system calls, epoll", scenario, &entrants),
    ])
}

pub(super) fn registration(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let entrants = [Entrant::Poll, Entrant::Select];
    let mut claims = Vec::new();
    for (change, limit) in [
        (Change::Add, 10.0),
        (Change::Modify, 3.0),
        (Change::Delete, 5.0),
    ] {
        let scenario = Scenario::Register { n: CHANGED, change };
        claims.push(lab.across(change.name(), limit, scenario, &entrants));
        let what = format!("system calls to {}", change.name());
        claims.push(no_calls(lab, &what, scenario, &entrants));
    }
    Ok(claims)
}

pub(super) fn waking(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let coalesced = Scenario::Wake {
        part: Part::Coalesced,
    };
    let both = Scenario::Wake {
        part: Part::WakeAndWait,
    };
    let mut all = vec![Entrant::Epoll, Entrant::Poll, Entrant::Select];
    all.extend(Some(Entrant::Uring).filter(|uring| uring.is_here()));
    let ratio = |limit| Bound::at_most(limit, Unit::Ratio);
    let (epoll, mio, polling) = (Entrant::Epoll, Entrant::Mio, Entrant::Polling);
    Ok(vec![
        lab.across("a wake that coalesces", 5.0, coalesced, &all),
        lab.times(
            "wake and wait, of mio's time",
            ratio(1.03),
            [both],
            epoll,
            mio,
        ),
        lab.times(
            "wake and wait, of polling's",
            ratio(0.42),
            [both],
            epoll,
            polling,
        ),
    ])
}

/// What goal 9 asks select to watch.
const MANY: usize = 18_000;

pub(super) fn many_descriptors(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    lab.close();
    let bound = Bound::at_least(MANY as f64, Unit::Count);
    let mut claim = Claim::new("descriptors watched at once", bound);
    let found = match limits::check(MANY) {
        Ok(()) => Ok(Figure::exact("select", found_by_select(MANY)? as f64)),
        Err(reason) => Err(reason),
    };
    claim.add("select", found);
    Ok(vec![claim])
}

/// How many of `count` descriptors select finds: some of them alone, and all at once.
fn found_by_select(count: usize) -> io::Result<usize> {
    let mut pairs = Vec::with_capacity(count / 2);
    for _ in 0..count / 2 {
        pairs.push(UnixStream::pair()?);
    }
    let ends = pairs.into_iter().flat_map(|(one, other)| [one, other]);
    let sources: Sources = ends.map(OwnedFd::from).collect();
    let mut keeper = Keeper::new(SelectReactor::new()?, sources.clone());
    for index in 0..count {
        keeper.register(index, Mode::Level)?;
    }
    let mut events = Events::with_capacity(count);
    for index in (0..count).step_by(count / 100) {
        write_to_peer(&sources, index)?;
        keeper.wait(&mut events, None)?;
        let told: Vec<_> = events
            .iter()
            .map(|event| event.token().0 as usize)
            .collect();
        assert_eq!(told, [index], "select tells another one");
        read(&sources, index)?;
    }
    (0..count).try_for_each(|index| write_to_peer(&sources, index))?;
    keeper.wait(&mut events, None)?;
    let mut seen = vec![false; count];
    events
        .iter()
        .for_each(|event| seen[event.token().0 as usize] = true);
    Ok(seen.into_iter().filter(|is_seen| *is_seen).count())
}

/// Makes descriptor `index` readable, through the other end of its pair.
fn write_to_peer(sources: &Sources, index: usize) -> io::Result<()> {
    io::Write::write_all(&mut sources.file(index ^ 1), &[1])
}

fn read(sources: &Sources, index: usize) -> io::Result<()> {
    io::Read::read_exact(&mut sources.file(index), &mut [0])
}
