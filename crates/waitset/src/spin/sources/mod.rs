//! Sources that are ready again and again: whether anything is done about it.

mod evidence;
mod kind;
mod sys;

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;
use std::time::Instant;

use waitset_core::{Events, Interest, Mode, Token};

use self::evidence::{Circumstances, Evidence, Verdict};
use self::kind::Kind;
use self::sys::Edges;
use super::{Culprit, Found, Reason, STREAK};

/// How many sources one look picks.
const PICKED: usize = 4;

/// How many are watched at a time, those that were told of included.
const WATCHED: usize = 32;

/// In how many waits of a streak a source must be reported: not in all, since the caller's
/// buffer may be too small for all that is ready.
const REPORTED: u64 = STREAK / 8;

/// What is registered, and those of it that are watched.
#[derive(Debug)]
pub(super) struct Sources {
    /// Tells of what happens to the suspects. Made in advance: one of the things to be found
    /// is that there is no descriptor left.
    edges: Edges,
    registered: HashMap<RawFd, Registration>,
    by_token: HashMap<Token, RawFd>,
    suspects: Vec<Suspect>,
    /// How many waits of this streak are left; 0 if nobody is watched.
    left: u64,
    /// How often suspects were picked, so that another event is the first each time.
    looks: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Registration {
    token: Token,
    interest: Interest,
    mode: Mode,
}

/// A source that is watched.
#[derive(Debug)]
struct Suspect {
    descriptor: RawFd,
    registration: Registration,
    kind: Kind,
    evidence: Evidence,
    since: Instant,
    /// For how many waits it has been watched.
    waits: u64,
    /// In how many waits of this streak it was reported.
    reported: u64,
    is_silent: bool,
    told: Option<Reason>,
}

impl Sources {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            edges: Edges::new()?,
            registered: HashMap::new(),
            by_token: HashMap::new(),
            suspects: Vec::new(),
            left: 0,
            looks: 0,
        })
    }

    /// Takes note of a registration, or of a changed one. To ask for the same again is no
    /// change: that is how a one-shot source spins.
    pub(super) fn register(
        &mut self,
        descriptor: RawFd,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) {
        let registration = Registration {
            token,
            interest,
            mode,
        };
        let before = self.registered.insert(descriptor, registration);
        if before == Some(registration) {
            return;
        }
        self.forget(descriptor, before);
        self.by_token.insert(token, descriptor);
    }

    pub(super) fn deregister(&mut self, descriptor: RawFd) {
        let before = self.registered.remove(&descriptor);
        self.forget(descriptor, before);
    }

    fn forget(&mut self, descriptor: RawFd, registration: Option<Registration>) {
        let token = registration.map(|registration| registration.token);
        if let Some(token) = token.filter(|token| self.by_token.get(token) == Some(&descriptor)) {
            self.by_token.remove(&token);
        }
        self.retain(|suspect| suspect.descriptor != descriptor);
    }

    fn retain(&mut self, is_kept: impl Fn(&Suspect) -> bool) {
        let edges = &self.edges;
        self.suspects.retain(|suspect| {
            let is_kept = is_kept(suspect);
            if !is_kept {
                edges.remove(suspect.descriptor);
            }
            is_kept
        });
    }

    pub(super) fn are_watched(&self) -> bool {
        self.left > 0
    }

    /// Begins to watch some of the sources that this wait reports, beside those that were
    /// told of.
    pub(super) fn pick(&mut self, events: &Events) {
        let first = self.looks.checked_rem(events.len()).unwrap_or(0);
        self.looks = self.looks.wrapping_add(PICKED);
        let (before, after) = events.as_slice().split_at(first);
        for event in after.iter().chain(before).take(PICKED) {
            self.suspect(event.token());
        }
        self.begin();
    }

    /// Watches a source, unless nothing could be proved of it.
    fn suspect(&mut self, token: Token) -> Option<()> {
        let descriptor = *self.by_token.get(&token)?;
        let registration = *self.registered.get(&descriptor)?;
        let is_known = |suspect: &Suspect| suspect.descriptor == descriptor;
        let is_full = self.suspects.len() >= WATCHED;
        if is_full || registration.mode == Mode::Edge || self.suspects.iter().any(is_known) {
            return None;
        }
        let kind = Kind::of(sys::borrow(descriptor, &self.edges));
        kind.input().or(kind.output())?;
        let directions = kind.directions(registration.interest);
        self.edges.add(descriptor, directions).ok()?;
        // That it is ready as it is added is no news.
        self.listen();
        let Some(evidence) = Evidence::take(descriptor, kind) else {
            self.edges.remove(descriptor);
            return None;
        };
        self.suspects.push(Suspect {
            descriptor,
            registration,
            kind,
            evidence,
            since: Instant::now(),
            waits: 0,
            reported: 0,
            is_silent: true,
            told: None,
        });
        Some(())
    }

    fn begin(&mut self) {
        for suspect in &mut self.suspects {
            suspect.reported = 0;
        }
        self.left = match self.suspects.is_empty() {
            true => 0,
            false => STREAK,
        };
    }

    /// Asks whether something has come to pass.
    fn listen(&mut self) {
        let suspects = &mut self.suspects;
        self.edges.take(|descriptor| {
            let heard = suspects
                .iter_mut()
                .find(|suspect| suspect.descriptor == descriptor);
            if let Some(suspect) = heard {
                suspect.is_silent = false;
            }
        });
    }

    /// Takes note of a wait, and at the end of a streak tells of those that are guilty.
    pub(super) fn watch(&mut self, events: &Events, mut tell: impl FnMut(Found)) {
        for suspect in &mut self.suspects {
            let token = suspect.registration.token;
            suspect.waits += 1;
            suspect.reported += u64::from(events.iter().any(|event| event.token() == token));
        }
        self.left -= 1;
        if self.left > 0 {
            return;
        }
        self.listen();
        let edges = &self.edges;
        let mut is_undecided = false;
        self.suspects.retain_mut(|suspect| {
            let verdict = suspect.verdict();
            match verdict {
                Verdict::Guilty(reason) if suspect.told != Some(reason) => {
                    suspect.told = Some(reason);
                    tell(suspect.found(reason, edges));
                }
                Verdict::Guilty(_) => {}
                Verdict::Undecided => is_undecided = true,
                Verdict::Innocent => edges.remove(suspect.descriptor),
            }
            verdict != Verdict::Innocent
        });
        if is_undecided {
            self.begin();
        }
    }
}

impl Suspect {
    fn verdict(&self) -> Verdict {
        let now = Evidence::take(self.descriptor, self.kind);
        let Some(now) = now.filter(|_| self.reported >= REPORTED) else {
            return Verdict::Innocent;
        };
        self.evidence.judge(
            &now,
            Circumstances {
                kind: self.kind,
                interest: self.registration.interest,
                waits: self.waits,
                is_silent: self.is_silent,
            },
        )
    }

    fn found(&self, reason: Reason, edges: &Edges) -> Found {
        let source = sys::borrow(self.descriptor, edges);
        Found {
            culprit: Culprit::Source {
                descriptor: self.descriptor,
                token: self.registration.token,
                name: self.kind.name(source),
            },
            reason,
            waits: self.waits,
            took: self.since.elapsed(),
        }
    }
}
