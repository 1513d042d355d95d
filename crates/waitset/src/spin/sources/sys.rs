//! What the kernel knows of a source: queues, counters, readiness, and whether anything
//! has come to pass.
#![allow(unsafe_code, reason = "system calls")]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::refusal;

/// How many descriptors one call tells of; the rest is told by the next.
const BATCH: usize = 32;

/// An epoll instance under edge: tells what has come to pass since it was asked last.
#[derive(Debug)]
pub(super) struct Edges(OwnedFd);

impl Edges {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: epoll_create1 takes an integer.
        let fd = answer(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
            .map_err(|error| refusal::of_call("cannot look for spins", "epoll(7)", error))?;
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Begins to look at a descriptor, in these directions (bits as of poll(2)).
    pub(super) fn add(&self, descriptor: RawFd, directions: u32) -> io::Result<()> {
        let events = directions | (libc::EPOLLRDHUP | libc::EPOLLET) as u32;
        let mut event = libc::epoll_event {
            events,
            u64: descriptor as u64,
        };
        self.control(libc::EPOLL_CTL_ADD, descriptor, &mut event)
    }

    pub(super) fn remove(&self, descriptor: RawFd) {
        let mut unused = libc::epoll_event { events: 0, u64: 0 };
        // It fails only if the descriptor was closed while it was registered, which is
        // against the promise of `register`.
        let _ = self.control(libc::EPOLL_CTL_DEL, descriptor, &mut unused);
    }

    fn control(
        &self,
        operation: libc::c_int,
        descriptor: RawFd,
        event: &mut libc::epoll_event,
    ) -> io::Result<()> {
        // SAFETY: `event` is valid for the call, which keeps nothing of it.
        answer(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, descriptor, event) })?;
        Ok(())
    }

    /// Tells of which descriptors something has come to pass since the last call.
    pub(super) fn take(&self, mut tell: impl FnMut(RawFd)) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        loop {
            let (epoll, room) = (self.0.as_raw_fd(), BATCH as libc::c_int);
            // SAFETY: there is room for as many events as are asked for.
            let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), room, 0) };
            let count = usize::try_from(count).unwrap_or(0);
            for event in &events[..count] {
                tell(event.u64 as RawFd);
            }
            if count < BATCH {
                return;
            }
        }
    }
}

/// What a registered descriptor is, borrowed for a question.
pub(super) fn borrow(descriptor: RawFd, _for: &Edges) -> BorrowedFd<'_> {
    // SAFETY: the descriptor is registered with the detector's reactor: who did that has
    // promised that it is open until it is deregistered, and the caller asks before that.
    unsafe { BorrowedFd::borrow_raw(descriptor) }
}

/// What poll(2) says of a descriptor: its bits, those of hang-ups included.
pub(super) fn readiness(descriptor: RawFd) -> u32 {
    let mut asked = libc::pollfd {
        fd: descriptor,
        events: libc::POLLIN | libc::POLLPRI | libc::POLLOUT | libc::POLLRDHUP,
        revents: 0,
    };
    // SAFETY: one entry, valid for the call.
    let count = unsafe { libc::poll(&mut asked, 1, 0) };
    match count {
        1 => u32::from(asked.revents as u16),
        _ => 0,
    }
}

/// How much is there to read, in the unit of the source (`FIONREAD`).
pub(super) fn unread(descriptor: RawFd) -> Option<u64> {
    queue(descriptor, libc::FIONREAD)
}

/// How much was written and has not left: unacknowledged or unread, as the source has it
/// (`SIOCOUTQ`, which is `TIOCOUTQ`).
pub(super) fn unsent(descriptor: RawFd) -> Option<u64> {
    queue(descriptor, libc::TIOCOUTQ)
}

fn queue(descriptor: RawFd, request: libc::Ioctl) -> Option<u64> {
    let mut length: libc::c_int = 0;
    // SAFETY: both requests write one int, which is valid for the call.
    let result = unsafe { libc::ioctl(descriptor, request, &mut length) };
    answer(result).ok()?;
    u64::try_from(length).ok()
}

/// Counters of a TCP socket (`TCP_INFO`); those that an older kernel does not have make it
/// none.
pub(super) struct Tcp {
    pub(super) received: u64,
    pub(super) acknowledged: u64,
    /// Of a listener: how many connections wait to be accepted.
    pub(super) waiting: u64,
}

pub(super) fn tcp(descriptor: RawFd) -> Option<Tcp> {
    // SAFETY: all of its fields are integers, for which zeros are values.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: `info` and `length` are valid for the call, which writes at most `length`
    // bytes.
    let result = unsafe {
        libc::getsockopt(
            descriptor,
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &mut length,
        )
    };
    answer(result).ok()?;
    let known = mem::offset_of!(libc::tcp_info, tcpi_segs_out);
    (length as usize >= known).then(|| Tcp {
        received: info.tcpi_bytes_received,
        acknowledged: info.tcpi_bytes_acked,
        waiting: info.tcpi_unacked.into(),
    })
}

/// The type of a file: `S_IFSOCK`, `S_IFIFO`, ….
pub(super) fn file_type(descriptor: RawFd) -> Option<libc::mode_t> {
    let mut status = mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `status` is valid for the call, which fills it.
    answer(unsafe { libc::fstat(descriptor, status.as_mut_ptr()) }).ok()?;
    // SAFETY: the call has succeeded.
    let status = unsafe { status.assume_init() };
    Some(status.st_mode & libc::S_IFMT)
}

fn answer(result: libc::c_int) -> io::Result<libc::c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}
