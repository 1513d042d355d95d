//! What is registered, by descriptor.

use std::io;
use std::os::fd::RawFd;

use waitset_core::{Event, Events, Interest, Mode, Readiness};
use waitset_unix::{FdTable, Registration, is_open};

use crate::held::{self, Held, ONESHOT, SILENT_BITS, WAKE};

/// One source: what is wanted and what the kernel holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) registration: Registration,
    pub(crate) held: Held,
    /// What is to be told of a one-shot source or a file; nothing while it is disarmed.
    armed: Readiness,
    pub(crate) queued: bool,
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

/// What became of a marked event.
#[derive(Debug)]
pub(crate) enum Fired {
    Told(Event),
    Wake,
    /// It was disarmed, in the kernel as well.
    Dropped,
    /// The kernel will tell it again unless it is told to be silent.
    ToSilence(RawFd),
    /// Nobody knows it: it was closed while registered and lives on in a duplicate, where
    /// nothing can silence it. The wait ends rather than spin unseen.
    Stray,
}

impl Entry {
    fn new(registration: Registration, held: Held) -> Self {
        Self {
            registration,
            held,
            armed: armed(registration.interest),
            queued: false,
            kind: Kind::Watched,
        }
    }

    /// Without the directions that a file is never ready in.
    pub(crate) fn into_file(self) -> Self {
        let directions = Interest::READABLE | Interest::WRITABLE;
        let ready = self.registration.interest.intersection(directions);
        Self {
            kind: Kind::File,
            armed: ready.map_or(Readiness::default(), Readiness::from),
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

    fn is_armed(&self) -> bool {
        self.armed != Readiness::default()
    }

    /// Re-arms a one-shot source if the kernel need not hear of it.
    #[inline]
    pub(crate) fn rearm(&mut self, wanted: Registration) -> bool {
        let bits = held::bits(wanted.interest);
        if self.kind != Kind::Watched || self.held.bits & bits != bits {
            return false;
        }
        self.registration = wanted;
        self.armed = armed(wanted.interest);
        true
    }

    /// What to tell of a one-shot source that fired, once.
    #[inline]
    fn fire(&mut self, observed: Readiness) -> Option<Event> {
        if self.held.bits & ONESHOT != 0 {
            // The kernel has disarmed it by telling.
            self.held.bits = SILENT_BITS;
        }
        let seen = Readiness(observed.0 & self.armed.0);
        if seen == Readiness::default() {
            return None;
        }
        self.armed = Readiness::default();
        Some(self.registration.event(seen))
    }

    /// What the kernel should hold of a one-shot source that fired in vain.
    fn silenced(&mut self) -> Held {
        if self.is_armed() {
            // It watches more than is wanted by now.
            return self.wanted();
        }
        self.kind = Kind::Flooding;
        Held {
            bits: SILENT_BITS,
            ..self.held
        }
    }

    /// Readiness of an always-ready file, if it is to be told.
    fn file_event(&mut self) -> Option<Event> {
        let seen = self.armed;
        if seen == Readiness::default() {
            return None;
        }
        if self.registration.mode != Mode::Level {
            self.armed = Readiness::default();
        }
        Some(self.registration.event(seen))
    }
}

/// All that an armed source tells.
#[inline]
fn armed(interest: Interest) -> Readiness {
    Readiness(held::bits(interest)) | Readiness::ERROR | Readiness::HANGUP
}

/// All sources, and which of them need care.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: FdTable<Entry>,
    files: Vec<RawFd>,
    /// Where telling the files goes on.
    next_file: usize,
    /// How many system calls have looked whether a file is still open.
    file_checks: u64,
    generation: u32,
}

impl Table {
    /// Whether there has ever been a mark: one may come back as long as the reactor lives.
    pub(crate) fn has_marks(&self) -> bool {
        self.generation != 0
    }

    pub(crate) fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    pub(crate) fn reserve(&mut self, mechanism: &str, fd: RawFd) -> io::Result<()> {
        self.entries.reserve(mechanism, fd)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn checks(&self) -> u64 {
        self.entries.checks() + self.file_checks
    }

    pub(crate) fn get_mut(&mut self, fd: RawFd) -> Option<&mut Entry> {
        self.entries.get_mut(fd)
    }

    pub(crate) fn is_file(&self, fd: RawFd) -> bool {
        self.entries.get(fd).is_some_and(Entry::is_file)
    }

    /// Looks a marked event up, and disarms its source if it is told.
    #[inline]
    pub(crate) fn fired(&mut self, event: &Event) -> Fired {
        if event.data() == WAKE.data {
            return Fired::Wake;
        }
        let fd = held::unmark(event.data());
        match self.entries.get_mut(fd) {
            Some(entry) if entry.held.data == event.data() => match entry.fire(event.readiness()) {
                Some(told) => Fired::Told(told),
                None if entry.held.bits == SILENT_BITS && !entry.is_armed() => Fired::Dropped,
                None => Fired::ToSilence(fd),
            },
            _ => Fired::Stray,
        }
    }

    /// What the kernel should hold of a one-shot source that fired in vain.
    pub(crate) fn silence(&mut self, fd: RawFd) -> Option<Held> {
        let entry = self.entries.get_mut(fd)?;
        entry.held = entry.silenced();
        Some(entry.held)
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
            entry.queued = old.queued;
            if old.is_file() {
                return entry.into_file();
            }
            entry.kind = old.kind;
            entry.held = entry.wanted();
        }
        entry
    }

    /// Puts an entry in, in place of an old one if there is.
    pub(crate) fn insert(&mut self, fd: RawFd, entry: Entry) {
        self.remove(fd);
        if entry.is_file() {
            self.files.push(fd);
        }
        self.entries.insert(fd, entry);
    }

    pub(crate) fn remove(&mut self, fd: RawFd) -> Option<Entry> {
        let entry = self.entries.remove(fd)?;
        if entry.is_file() {
            self.files.retain(|file| *file != fd);
        }
        Some(entry)
    }

    pub(crate) fn files_are_ready(&self) -> bool {
        let entries = self.files.iter().filter_map(|fd| self.entries.get(*fd));
        entries.into_iter().any(Entry::is_armed)
    }

    /// Tells the files that are ready, as far as there is room, each once in its turn.
    ///
    /// A file that was closed while registered is dropped, as the kernel drops others: it
    /// would be ready for ever. One `fcntl` for each that would be told.
    pub(crate) fn tell_files(&mut self, events: &mut Events) {
        for _ in 0..self.files.len() {
            if events.is_full() {
                return;
            }
            self.next_file = (self.next_file + 1) % self.files.len();
            let fd = self.files[self.next_file];
            let entry = self.entries.get_mut(fd);
            let Some(event) = entry.and_then(Entry::file_event) else {
                continue;
            };
            self.file_checks += 1;
            if is_open(fd) {
                events.push(event);
            } else {
                self.remove(fd);
                // Another has moved into its place, and its turn is now.
                self.next_file = self.next_file.saturating_sub(1);
            }
        }
    }
}
