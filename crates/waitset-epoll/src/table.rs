//! The registered sources, by descriptor.

use std::io;
use std::os::fd::RawFd;

use waitset_core::{Event, Events, Interest, Mode, Readiness};
use waitset_unix::{FdTable, Registration};

use crate::held::{self, Held, ONESHOT, SILENT_BITS, WAKE};

/// A source: the registration that is wanted and the one that the kernel holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) registration: Registration,
    pub(crate) held: Held,
    /// The readiness to report of a one-shot source or a file; empty while it is disarmed.
    armed: Readiness,
    pub(crate) queued: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The kernel watches it.
    Watched,
    /// Like `Watched`, but it has fired while disarmed, and is one-shot in the kernel, too.
    Flooding,
    /// The kernel refuses it (`EPERM`); it is always ready.
    File,
}

/// Why a marked event is not reported.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PassedOver {
    /// It is the waker's.
    Wake,
    /// Its source is disarmed, in the kernel as well.
    Disarmed,
    /// The kernel will report it again unless it is silenced.
    ToSilence(RawFd),
    /// It is unknown: it was closed while registered and lives on in a duplicate, where nothing can
    /// silence it.
    Stray,
}

impl Entry {
    fn new(registration: Registration, held: Held) -> Self {
        Self {
            registration,
            held,
            armed: Readiness::reportable(registration.interest),
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

    /// Returns `true` if the kernel holds a mark of it.
    fn is_marked(&self) -> bool {
        !self.is_file() && held::is_marked(self.held.data)
    }

    /// Returns what the kernel should hold.
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
        !self.armed.is_empty()
    }

    /// Keeps a change here, and returns `true`, if it need not reach the kernel now: for a
    /// level-triggered source not before the next wait, and for a one-shot source not at all if it is
    /// only re-armed.
    #[inline]
    pub(crate) fn keep(&mut self, wanted: Registration) -> bool {
        let bits = held::bits(wanted.interest);
        let is_kept = match wanted.mode {
            Mode::Level => self.kind != Kind::File,
            Mode::Oneshot => self.kind == Kind::Watched && self.held.bits & bits == bits,
            Mode::Edge => false,
        };
        if !is_kept || self.registration.mode != wanted.mode {
            return false;
        }
        self.registration = wanted;
        self.armed = Readiness::reportable(wanted.interest);
        true
    }

    /// Returns the event of a one-shot source that fired, once.
    #[inline]
    fn fire(&mut self, observed: Readiness) -> Option<Event> {
        if self.held.bits & ONESHOT != 0 {
            // The kernel disarmed it when it reported it.
            self.held.bits = SILENT_BITS;
        }
        let seen = observed & self.armed;
        if seen.is_empty() {
            return None;
        }
        self.armed = Readiness::EMPTY;
        Some(self.registration.event(seen))
    }

    /// Returns what the kernel should hold of a one-shot source that fired unwanted.
    fn silenced(&mut self) -> Held {
        if self.is_armed() {
            // The kernel watches more than is wanted by now.
            return self.wanted();
        }
        self.kind = Kind::Flooding;
        Held {
            bits: SILENT_BITS,
            ..self.held
        }
    }

    /// Returns the event of an always-ready file that is armed.
    fn tell_file(&mut self) -> Event {
        let seen = self.armed;
        if self.registration.mode != Mode::Level {
            self.armed = Readiness::EMPTY;
        }
        self.registration.event(seen)
    }
}

/// All sources, and which of them need care.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: FdTable<Entry>,
    files: Vec<RawFd>,
    /// The file to report next.
    next_file: usize,
    /// The number of system calls that checked whether a file is still one.
    file_checks: u64,
    generation: u32,
    /// The number of sources of which the kernel holds a mark.
    marks: usize,
}

impl Table {
    /// Returns `true` if the kernel holds a mark of a source, so that one can come back.
    pub(crate) fn has_marks(&self) -> bool {
        self.marks > 0
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

    /// Turns an event of the kernel into the one to report. Returns `false` if it must not be
    /// reported: a plain event always is, a marked one once if its source is armed for it.
    #[inline]
    pub(crate) fn tell(&mut self, event: &mut Event) -> bool {
        if !held::is_marked(event.data()) {
            return true;
        }
        let told = self
            .marked(event)
            .and_then(|entry| entry.fire(event.readiness()));
        *event = told.unwrap_or(*event);
        told.is_some()
    }

    /// Returns the source that a mark names.
    #[inline]
    fn marked(&mut self, event: &Event) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(held::unmark(event.data()))?;
        (entry.held.data == event.data()).then_some(entry)
    }

    /// Returns why [`tell`](Self::tell) returned `false`.
    pub(crate) fn passed_over(&mut self, event: &Event) -> PassedOver {
        if event.data() == WAKE.data {
            return PassedOver::Wake;
        }
        match self.marked(event) {
            None => PassedOver::Stray,
            Some(entry) if entry.held.bits == SILENT_BITS && !entry.is_armed() => {
                PassedOver::Disarmed
            }
            Some(_) => PassedOver::ToSilence(held::unmark(event.data())),
        }
    }

    /// Returns what the kernel should hold of a one-shot source that fired unwanted.
    pub(crate) fn silence(&mut self, fd: RawFd) -> Option<Held> {
        let entry = self.entries.get_mut(fd)?;
        entry.held = entry.silenced();
        Some(entry.held)
    }

    /// Creates an entry, not in the table yet.
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

    /// Creates the entry of a registered source with another registration, not in the table yet.
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

    /// Inserts an entry, and returns the old one if there was one.
    pub(crate) fn insert(&mut self, fd: RawFd, entry: Entry) -> Option<Entry> {
        let old = self.remove(fd);
        if entry.is_file() {
            self.files.push(fd);
        }
        self.marks += usize::from(entry.is_marked());
        self.entries.insert(fd, entry);
        old
    }

    pub(crate) fn remove(&mut self, fd: RawFd) -> Option<Entry> {
        let entry = self.entries.remove(fd)?;
        if entry.is_file() {
            self.files.retain(|file| *file != fd);
        }
        self.marks -= usize::from(entry.is_marked());
        Some(entry)
    }

    /// Returns the level-triggered source with this data word.
    pub(crate) fn find_level(&self, data: u64) -> Option<(RawFd, Held)> {
        let is_it =
            |entry: &Entry| entry.held.data == data && entry.registration.mode == Mode::Level;
        let (fd, entry) = self.watched().find(|(_, entry)| is_it(entry))?;
        Some((fd, entry.held))
    }

    /// Iterates over the sources that the kernel must watch, with their descriptors.
    pub(crate) fn watched(&self) -> impl Iterator<Item = (RawFd, Entry)> + '_ {
        let entries = self.entries.descriptors();
        let entries = entries.filter_map(|fd| Some((fd, *self.entries.get(fd)?)));
        entries.filter(|(_, entry)| !entry.is_file())
    }

    pub(crate) fn files_are_ready(&self) -> bool {
        let entries = self.files.iter().filter_map(|fd| self.entries.get(*fd));
        entries.into_iter().any(Entry::is_armed)
    }

    /// Reports the files that are ready, as far as there is room, each in its turn.
    ///
    /// `add` registers each with the kernel before it is reported. The kernel still refuses a file
    /// (`EPERM`). If it accepts the number, that has been given to another source, which is watched
    /// from now on; if the number is closed, the entry is dropped. Both would otherwise be ready
    /// forever. If the kernel has no memory or watch left, the file is reported, and checked the next
    /// time.
    pub(crate) fn tell_files(
        &mut self,
        events: &mut Events,
        mut add: impl FnMut(RawFd, Held) -> io::Result<()>,
    ) {
        for _ in 0..self.files.len() {
            if events.is_full() {
                return;
            }
            self.next_file = (self.next_file + 1) % self.files.len();
            let fd = self.files[self.next_file];
            let Some(entry) = self.entries.get_mut(fd).filter(|entry| entry.is_armed()) else {
                continue;
            };
            self.file_checks += 1;
            let answer = add(fd, entry.held).map_err(|error| error.raw_os_error());
            match answer {
                Err(Some(libc::EPERM | libc::ENOMEM | libc::ENOSPC)) => {
                    events.push(entry.tell_file());
                    continue;
                }
                Ok(()) => {
                    let watched = Entry::new(entry.registration, entry.held);
                    self.insert(fd, watched);
                }
                Err(_) => drop(self.remove(fd)),
            }
            // Another one has moved into its place, and has its turn now.
            self.next_file = self.next_file.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waitset_core::Token;

    #[test]
    fn marks_are_looked_for_as_long_as_the_kernel_holds_one_of_a_source() {
        let wanted = |mode| Registration {
            token: Token(7),
            interest: Interest::READABLE,
            mode,
        };
        let mut table = Table::default();
        table.reserve("epoll", 1).unwrap();
        let register = |table: &mut Table, mode| {
            let entry = table.entry(1, wanted(mode));
            table.insert(1, entry);
            table.has_marks()
        };
        assert!(!register(&mut table, Mode::Edge));
        assert!(
            register(&mut table, Mode::Oneshot),
            "over one that was closed"
        );
        let leveled = table.changed(1, wanted(Mode::Level));
        table.insert(1, leveled);
        assert!(!table.has_marks(), "the kernel holds another word now");
        assert!(register(&mut table, Mode::Oneshot));
        table.remove(1).unwrap();
        assert!(!table.has_marks());
    }

    #[test]
    fn a_file_stays_registered_though_the_kernel_cannot_say_whether_it_is_still_one() {
        let wanted = Registration {
            token: Token(7),
            interest: Interest::READABLE,
            mode: Mode::Level,
        };
        let mut table = Table::default();
        table.reserve("epoll", 1).unwrap();
        let file = table.entry(1, wanted).into_file();
        table.insert(1, file);
        for errno in [libc::ENOMEM, libc::ENOSPC, libc::EPERM] {
            let mut events = Events::with_capacity(1);
            events.begin().unwrap();
            table.tell_files(&mut events, |_, _| Err(io::Error::from_raw_os_error(errno)));
            assert_eq!(events.len(), 1, "errno {errno}");
            assert!(table.is_file(1), "errno {errno}");
        }
    }
}
