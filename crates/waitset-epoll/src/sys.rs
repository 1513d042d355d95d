//! The system calls of this crate.
#![allow(unsafe_code, reason = "system calls")]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
#[cfg(target_os = "linux")]
use std::process;
use std::ptr;

use waitset_core::{Event, Interest, Readiness, Token};

use crate::held::Held;

/// The kernel writes its events as [`Event`]s: their layouts are one.
const _: () = {
    assert!(size_of::<Event>() == size_of::<libc::epoll_event>());
    assert!(align_of::<Event>() == align_of::<libc::epoll_event>());
    let kernel = libc::epoll_event {
        events: libc::EPOLLOUT as u32 | libc::EPOLLRDHUP as u32,
        u64: Event::pack(Token(0x0123_4567_89ab_cdef), Interest::ALL),
    };
    // SAFETY: both are plain integers of the same total size.
    let event: Event = unsafe { mem::transmute(kernel) };
    assert!(event.token().0 == 0x0123_4567_89ab_cdef);
    assert!(event.readiness().bits() == Readiness::WRITABLE.bits() | Readiness::PEER_CLOSED.bits());
    assert!(libc::EPOLLIN as u32 == Readiness::READABLE.bits());
    assert!(libc::EPOLLPRI as u32 == Readiness::PRIORITY.bits());
    assert!(libc::EPOLLERR as u32 == Readiness::ERROR.bits());
    assert!(libc::EPOLLHUP as u32 == Readiness::HANGUP.bits());
};

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

pub(crate) fn create() -> io::Result<OwnedFd> {
    // SAFETY: epoll_create1 takes a flag and returns a new descriptor.
    let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(crate) fn add(epoll: &OwnedFd, fd: RawFd, held: Held) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_ADD, fd, held)
}

pub(crate) fn modify(epoll: &OwnedFd, fd: RawFd, held: Held) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_MOD, fd, held)
}

/// Linux before 2.6.9 wanted an event here, too (epoll_ctl(2), BUGS).
pub(crate) fn delete(epoll: &OwnedFd, fd: RawFd) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_DEL, fd, Held { bits: 0, data: 0 })
}

/// Returns `true` if the instance holds more than `known` sources under a number, or if the kernel
/// does not say. One kcmp(2).
#[cfg(target_os = "linux")]
pub(crate) fn holds_more(epoll: &OwnedFd, fd: RawFd, known: u32) -> bool {
    /// The target of an epoll instance (linux/kcmp.h).
    const KCMP_EPOLL_TFD: libc::c_int = 7;
    let this = process::id();
    let epoll = epoll.as_raw_fd();
    // `struct kcmp_epoll_slot`: the instance, the number, and how many of it to pass over.
    let slot = [epoll as u32, fd as u32, known];
    // SAFETY: the kernel reads the slot, which lives through the call, and changes nothing.
    let found = unsafe {
        libc::syscall(
            libc::SYS_kcmp,
            this,
            this,
            KCMP_EPOLL_TFD,
            epoll as libc::c_ulong,
            slot.as_ptr(),
        )
    };
    found != -1 || io::Error::last_os_error().raw_os_error() != Some(libc::ENOENT)
}

/// Android ends a program for a call that it does not expect.
#[cfg(not(target_os = "linux"))]
pub(crate) fn holds_more(_: &OwnedFd, _: RawFd, _: u32) -> bool {
    true
}

fn control(epoll: &OwnedFd, operation: libc::c_int, fd: RawFd, held: Held) -> io::Result<()> {
    let mut event = libc::epoll_event {
        events: held.bits,
        u64: held.data,
    };
    // SAFETY: the kernel reads one event, which lives through the call.
    checked(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &raw mut event) })?;
    Ok(())
}

/// The kernel refuses more events than fit an int's bytes.
const MOST_EVENTS: usize = i32::MAX as usize / size_of::<Event>();

/// Like [`wait`], for a buffer of any length. Returns the raw result, -1 for an error.
///
/// A length that does not fit the kernel's int is cut. The kernel then fills at most the buffer, or
/// returns `EINVAL`.
#[inline]
pub(crate) fn wait_plainly(epoll: &OwnedFd, buffer: &mut [Event], millis: i32) -> libc::c_int {
    let room = buffer.len() as libc::c_int;
    let first = buffer.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most `room` events, no more than the buffer has, whose
    // elements have its layout, as asserted above.
    unsafe { libc::epoll_wait(epoll.as_raw_fd(), first, room, millis) }
}

pub(crate) fn wait(epoll: &OwnedFd, buffer: &mut [Event], millis: i32) -> io::Result<usize> {
    let room = buffer.len().min(MOST_EVENTS) as libc::c_int;
    let first = buffer.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most `room` events into the buffer, whose elements
    // have its layout, as asserted above.
    let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), first, room, millis) };
    checked(count).map(|count| count as usize)
}

/// `epoll_pwait2`. The C library may be older than the kernel, so it is called by number.
#[cfg(target_pointer_width = "64")]
pub(crate) fn wait_nanoseconds(
    epoll: &OwnedFd,
    buffer: &mut [Event],
    timeout: Option<libc::timespec>,
) -> io::Result<usize> {
    let room = buffer.len().min(MOST_EVENTS) as libc::c_int;
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let no_mask = ptr::null::<libc::sigset_t>();
    // SAFETY: as in `wait`; timeout and mask are null or live through the call, and on
    // targets of 64 bits the kernel's timespec is the C library's.
    let count = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll.as_raw_fd(),
            buffer.as_mut_ptr(),
            room,
            timeout,
            no_mask,
            0_usize,
        )
    };
    checked(count as libc::c_int).map(|count| count as usize)
}

/// If the C library's timespec can differ from the kernel's, milliseconds have to do.
#[cfg(not(target_pointer_width = "64"))]
pub(crate) fn wait_nanoseconds(
    _: &OwnedFd,
    _: &mut [Event],
    _: Option<libc::timespec>,
) -> io::Result<usize> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}
