//! What is registered, by descriptor.

use std::io;
use std::os::fd::RawFd;

use waitset_core::{Event, Events, Interest, Mode, Readiness};
use waitset_unix::{FdTable, Registration};

use crate::held::{self, Held, ONESHOT, SILENT_BITS};

/// One source: what is wanted and what the kernel holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) registration: Registration,
    pub(crate) held: Held,
    pub(crate) queued: bool,
    armed: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The kernel watches it.
    Watched,
    /// As above, and it once fired while disarmed: one-shot in the kernel, too.
    Flooding,
    /// The kernel refuses it (`EPERM`); it is always ready.
    File,
}

/// What to do about a one-shot source that fired.
#[derive(Debug)]
pub(crate) enum Verdict {
    Tell(Event),
    Silent,
    Correct(Held),
}

impl Entry {
    fn new(registration: Registration, held: Held) -> Self {
        Self {
            registration,
            held,
            queued: false,
            armed: true,
            kind: Kind::Watched,
        }
    }

    pub(crate) fn into_file(self) -> Self {
        Self {
            kind: Kind::File,
            ..self
        }
    }

    pub(crate) fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    /// What the kernel should hold.
    pub(crate) fn wanted(&self) -> Held {
        match self.registration.mode {
            Mode::Oneshot => Held {
                bits: held::bits(self.registration.interest) | self.kernel_oneshot(),
                data: self.held.data,
            },
            _ => held::plain(&self.registration),
        }
    }

    fn kernel_oneshot(&self) -> u32 {
        match self.kind {
            Kind::Flooding => ONESHOT,
            _ => 0,
        }
    }

    /// Re-arms a one-shot source if the kernel need not hear of it.
    pub(crate) fn rearm(&mut self, wanted: Registration) -> bool {
        let bits = held::bits(wanted.interest);
        let watched = self.kind == Kind::Watched && self.held.bits & bits == bits;
        if watched || self.kind == Kind::File {
            self.registration = wanted;
            self.armed = true;
            return true;
        }
        false
    }

    pub(crate) fn fire(&mut self, observed: Readiness) -> Verdict {
        if self.held.bits & ONESHOT != 0 {
            // The kernel has disarmed it by telling.
            self.held.bits = SILENT_BITS;
        }
        let ended = Readiness::ERROR | Readiness::HANGUP;
        let asked = Readiness(held::bits(self.registration.interest) | ended.0);
        if self.armed && observed.intersects(asked) {
            self.armed = false;
            let seen = Readiness(observed.0 & asked.0);
            return Verdict::Tell(self.registration.event(seen));
        }
        if self.held.bits == SILENT_BITS && !self.armed {
            return Verdict::Silent;
        }
        if self.armed {
            // It watches more than is wanted by now.
            return Verdict::Correct(self.wanted());
        }
        self.kind = Kind::Flooding;
        Verdict::Correct(Held {
            bits: SILENT_BITS,
            ..self.held
        })
    }

    /// Readiness of an always-ready file, if it is to be told.
    fn file_event(&mut self) -> Option<Event> {
        let directions = Interest::READABLE | Interest::WRITABLE;
        let seen = self.registration.interest.intersection(directions)?;
        if !self.armed {
            return None;
        }
        self.armed = self.registration.mode == Mode::Level;
        Some(self.registration.event(seen.into()))
    }

    fn is_ready_file(&self) -> bool {
        let mut looked_at = *self;
        looked_at.file_event().is_some()
    }
}

/// All sources, and which of them need care.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: FdTable<Entry>,
    files: Vec<RawFd>,
    /// Where telling the files goes on.
    next_file: usize,
    oneshots: usize,
    generation: u32,
}

impl Table {
    /// Whether every event the kernel gives is told as it is.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.oneshots == 0 && self.files.is_empty()
    }

    pub(crate) fn reserve(&mut self, mechanism: &str, fd: RawFd) -> io::Result<()> {
        self.entries.reserve(mechanism, fd)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn checks(&self) -> u64 {
        self.entries.checks()
    }

    pub(crate) fn get_mut(&mut self, fd: RawFd) -> Option<&mut Entry> {
        self.entries.get_mut(fd)
    }

    pub(crate) fn is_file(&self, fd: RawFd) -> bool {
        self.entries.get(fd).is_some_and(Entry::is_file)
    }

    /// The one-shot source of that generation, unless it has been removed.
    pub(crate) fn oneshot_mut(&mut self, fd: RawFd, generation: u32) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(fd)?;
        (entry.held.data == held::mark(fd, generation)).then_some(entry)
    }

    /// A new entry, not in the table yet.
    pub(crate) fn entry(&mut self, fd: RawFd, wanted: Registration) -> Entry {
        let held = match wanted.mode {
            Mode::Oneshot => {
                // Zero is the waker's. A repetition would need 2²⁹ registrations while
                // one event waits in the kernel, and deregistering removes that event.
                self.generation = self.generation % ((1 << 29) - 1) + 1;
                Held {
                    bits: held::bits(wanted.interest),
                    data: held::mark(fd, self.generation),
                }
            }
            _ => held::plain(&wanted),
        };
        Entry::new(wanted, held)
    }

    /// The entry of a registered source with something else wanted, not in the table yet.
    pub(crate) fn changed(&mut self, fd: RawFd, wanted: Registration) -> Entry {
        let mut entry = self.entry(fd, wanted);
        if let Some(old) = self.entries.get(fd) {
            entry.kind = old.kind;
            entry.queued = old.queued;
            entry.held = entry.wanted();
        }
        entry
    }

    /// Puts an entry in, in place of an old one if there is.
    pub(crate) fn insert(&mut self, fd: RawFd, entry: Entry) {
        self.remove(fd);
        self.oneshots += usize::from(entry.registration.mode == Mode::Oneshot);
        if entry.is_file() {
            self.files.push(fd);
        }
        self.entries.insert(fd, entry);
    }

    pub(crate) fn remove(&mut self, fd: RawFd) -> Option<Entry> {
        let entry = self.entries.remove(fd)?;
        self.oneshots -= usize::from(entry.registration.mode == Mode::Oneshot);
        if entry.is_file() {
            self.files.retain(|file| *file != fd);
        }
        Some(entry)
    }

    pub(crate) fn files_are_ready(&self) -> bool {
        let entries = self.files.iter().filter_map(|fd| self.entries.get(*fd));
        entries.into_iter().any(Entry::is_ready_file)
    }

    /// Tells the files that are ready, as far as there is room, each once in its turn.
    pub(crate) fn tell_files(&mut self, events: &mut Events) {
        for _ in 0..self.files.len() {
            if events.is_full() {
                return;
            }
            self.next_file = (self.next_file + 1) % self.files.len();
            let entry = self.entries.get_mut(self.files[self.next_file]);
            if let Some(event) = entry.and_then(Entry::file_event) {
                events.push(event);
            }
        }
    }
}
