//! N pipes and the random order in which they are visited.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use std::os::unix::net::UnixStream;
use std::rc::Rc;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::sources::Sources;
use crate::sys::duplicate_above;

/// The same order in every run, so that runs can be compared.
const SEED: u64 = 0x5eed;

/// N non-blocking pipes. Their read ends are the sources. A clone has the same.
#[derive(Clone, Debug)]
pub struct Pipes {
    readers: Sources,
    writers: Rc<[File]>,
    next: Rc<[usize]>,
}

impl Pipes {
    /// Opens `count` pipes.
    ///
    /// # Errors
    ///
    /// As pipe(2), `EMFILE` above all.
    pub fn open(count: usize) -> io::Result<Self> {
        let mut readers = Vec::with_capacity(count);
        let mut writers = Vec::with_capacity(count);
        for _ in 0..count {
            let (reader, writer) = nonblocking_pipe()?;
            readers.push(reader);
            writers.push(File::from(writer));
        }
        Ok(Self::of(readers, writers))
    }

    /// Opens `count` pipes whose read ends have numbers from `lowest` on.
    ///
    /// # Errors
    ///
    /// As pipe(2) and fcntl(2), `EINVAL` if the limit is lower.
    pub fn open_above(lowest: usize, count: usize) -> io::Result<Self> {
        let mut readers = Vec::with_capacity(count);
        let mut writers = Vec::with_capacity(count);
        for _ in 0..count {
            let (reader, writer) = nonblocking_pipe()?;
            readers.push(duplicate_above(&reader, lowest)?);
            writers.push(File::from(writer));
        }
        Ok(Self::of(readers, writers))
    }

    /// Opens `count` pairs of Unix stream sockets, which serve as pipes.
    ///
    /// # Errors
    ///
    /// As socketpair(2).
    pub fn open_pairs(count: usize) -> io::Result<Self> {
        let mut readers = Vec::with_capacity(count);
        let mut writers = Vec::with_capacity(count);
        for _ in 0..count {
            let (reader, writer) = UnixStream::pair()?;
            reader.set_nonblocking(true)?;
            writer.set_nonblocking(true)?;
            readers.push(OwnedFd::from(reader));
            writers.push(File::from(OwnedFd::from(writer)));
        }
        Ok(Self::of(readers, writers))
    }

    fn of(readers: Vec<OwnedFd>, writers: Vec<File>) -> Self {
        Self {
            next: random_cycle(readers.len()).into(),
            readers: readers.into_iter().collect(),
            writers: writers.into(),
        }
    }

    /// The read ends.
    #[must_use]
    pub fn readers(&self) -> &Sources {
        &self.readers
    }

    /// How many pipes there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.writers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writers.is_empty()
    }

    /// The pipe that is visited after pipe `index`: one random cycle through all.
    ///
    /// In the order of opening, the next ready descriptor would always stand early in
    /// poll's array, and poll would look twice as good as it is.
    #[inline]
    #[must_use]
    pub fn next(&self, index: usize) -> usize {
        self.next[index]
    }

    /// The numbers of pipe `index`'s ends, read and write, for a loop in C.
    #[must_use]
    pub fn descriptors(&self, index: usize) -> (RawFd, RawFd) {
        let (reader, writer) = (self.readers.get(index), &self.writers[index]);
        (reader.as_raw_fd(), writer.as_raw_fd())
    }

    /// Takes one byte out of pipe `index`.
    #[inline]
    pub(crate) fn read(&self, index: usize) {
        let moved = self.readers.file(index).read(&mut [0]);
        if !matches!(moved, Ok(1)) {
            failed("read", moved);
        }
    }

    /// Whether there is nothing to read in any pipe.
    #[must_use]
    pub fn are_drained(&self) -> bool {
        (0..self.len()).all(|index| {
            let read = self.readers.file(index).read(&mut [0]);
            read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        })
    }

    /// Puts one byte into pipe `index`.
    #[inline]
    pub(crate) fn write(&self, index: usize) {
        let moved = (&self.writers[index]).write(&[1]);
        if !matches!(moved, Ok(1)) {
            failed("write", moved);
        }
    }
}

#[cold]
fn failed(call: &str, moved: io::Result<usize>) -> ! {
    panic!("{call} of one byte: {moved:?}; an event was told that was not there, or twice");
}

/// A pipe, its read end first, neither end of which blocks.
pub(crate) fn nonblocking_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    set_nonblocking(reader.as_fd())?;
    set_nonblocking(writer.as_fd())?;
    Ok((reader.into(), writer.into()))
}

fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

/// A random permutation that is one cycle (Sattolo's algorithm): from anywhere, `count`
/// steps visit everything once.
#[must_use]
pub fn random_cycle(count: usize) -> Vec<usize> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut next: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        next.swap(last, random.usize(..last));
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cycle_visits_everything_once_and_is_not_in_order() {
        for count in [1, 2, 3, 100] {
            let next = random_cycle(count);
            let mut seen = vec![false; count];
            let mut at = 0;
            for _ in 0..count {
                assert!(!std::mem::replace(&mut seen[at], true));
                at = next[at];
            }
            assert_eq!(at, 0);
        }
        let next = random_cycle(1_000);
        let in_order = (0..1_000).filter(|at| next[*at] == (at + 1) % 1_000);
        assert!(in_order.count() < 10);
    }
}
