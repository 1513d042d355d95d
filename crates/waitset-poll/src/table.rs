//! The registered sources: a dense array that the kernel reads and writes, the registrations in a
//! parallel array, and the place of each descriptor in both.

use std::io;
use std::ops::Range;
use std::os::fd::RawFd;

use libc::pollfd;
use waitset_core::{Events, Interest, Mode, Token};
use waitset_unix::{FdTable, Registration, refusal};

use crate::sys;

/// The name of the mechanism, in its errors.
pub(crate) const NAME: &str = "poll";

/// The waker's place in the array.
const WAKE: usize = 0;

#[derive(Debug)]
pub(crate) struct Table {
    asked: Vec<pollfd>,
    /// Parallel to `asked`; the waker's is a placeholder.
    registrations: Vec<Registration>,
    places: FdTable<u32>,
    /// The place to continue from if the last batch did not fit the buffer.
    next: usize,
    /// Descriptors found closed in a batch, removed after it.
    dead: Vec<RawFd>,
}

impl Table {
    pub(crate) fn new(bell: RawFd) -> Self {
        Self {
            asked: vec![sys::entry(bell, Interest::READABLE)],
            registrations: vec![Registration {
                token: Token(0),
                interest: Interest::READABLE,
                mode: Mode::Level,
            }],
            places: FdTable::default(),
            next: WAKE + 1,
            dead: Vec::new(),
        }
    }

    /// Returns how many descriptors the kernel is asked about, the waker's included.
    pub(crate) fn len(&self) -> usize {
        self.asked.len()
    }

    pub(crate) fn checks(&self) -> u64 {
        self.places.checks()
    }

    pub(crate) fn asked_mut(&mut self) -> &mut [pollfd] {
        &mut self.asked
    }

    #[inline]
    pub(crate) fn insert(&mut self, fd: RawFd, wanted: Registration) -> io::Result<()> {
        self.places.reserve(NAME, fd)?;
        if self.places.get(fd).is_some() {
            return Err(refusal::already_registered(NAME, fd));
        }
        // There are no more descriptors than numbers of 31 bits.
        self.places.insert(fd, self.asked.len() as u32);
        self.asked.push(sys::entry(fd, wanted.interest));
        self.registrations.push(wanted);
        Ok(())
    }

    #[inline]
    pub(crate) fn replace(&mut self, fd: RawFd, wanted: Registration) -> io::Result<()> {
        let Some(&place) = self.places.get(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        self.asked[place as usize] = sys::entry(fd, wanted.interest);
        self.registrations[place as usize] = wanted;
        Ok(())
    }

    #[inline]
    pub(crate) fn remove(&mut self, fd: RawFd) -> io::Result<()> {
        let Some(place) = self.places.remove(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        self.asked.swap_remove(place as usize);
        self.registrations.swap_remove(place as usize);
        if let Some(moved) = self.asked.get(place as usize) {
            let moved = sys::descriptor(moved);
            if let Some(moved_place) = self.places.get_mut(moved) {
                *moved_place = place;
            }
        }
        Ok(())
    }

    /// Puts the events of `ready` descriptors into the buffer. Returns `true` if the waker's bell is
    /// among them.
    ///
    /// Entries that do not fit stay as they are, and the next call continues there.
    pub(crate) fn tell(&mut self, events: &mut Events, ready: usize) -> bool {
        let woken = self.asked[WAKE].revents != 0;
        let mut left = ready - usize::from(woken);
        let end = self.asked.len();
        let start = if self.next < end { self.next } else { WAKE + 1 };
        self.next = WAKE + 1;
        if self.tell_range(start..end, events, &mut left) {
            self.tell_range(WAKE + 1..start, events, &mut left);
        }
        for fd in std::mem::take(&mut self.dead) {
            // Each was found in the table, once.
            let _ = self.remove(fd);
        }
        woken
    }

    /// Returns `true` if there is more to report, and room for it.
    fn tell_range(&mut self, range: Range<usize>, events: &mut Events, left: &mut usize) -> bool {
        let mut place = range.start;
        while *left > 0 && place < range.end {
            place += sys::idle_prefix(&self.asked[place..range.end]);
            if place == range.end {
                break;
            }
            if events.is_full() {
                self.next = place;
                return false;
            }
            self.tell_one(place, events);
            *left -= 1;
            place += 1;
        }
        *left > 0
    }

    fn tell_one(&mut self, place: usize, events: &mut Events) {
        let registration = &self.registrations[place];
        let asked = &mut self.asked[place];
        events.push(registration.event(sys::observed(asked)));
        if sys::is_dead(asked) {
            self.dead.push(asked.fd);
        } else if registration.mode == Mode::Oneshot {
            sys::disarm(asked);
        }
    }
}
