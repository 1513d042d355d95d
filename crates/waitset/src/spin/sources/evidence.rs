//! What is known of a source at a moment, to be compared with what is known of it later.

use std::os::fd::RawFd;

use waitset_core::{Interest, Readiness};

use super::super::Reason;
use super::kind::{Kind, MEASURED, Proof};
use super::sys;

/// A source at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    ready: Readiness,
    input: Input,
    output: Output,
}

/// What an arrival, a read or an accept changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Input {
    /// Bytes that have ever arrived, or connections that wait, where the kernel tells.
    arrived: u64,
    unread: u64,
}

/// What a write changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Output {
    /// Bytes that the peer has ever acknowledged, where the kernel tells.
    acknowledged: u64,
    unsent: u64,
}

/// What else there is to judge by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) kind: Kind,
    pub(super) interest: Interest,
    /// For how many waits it has been watched.
    pub(super) waits: u64,
    /// Whether nothing has come to pass in that time.
    pub(super) is_silent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Innocent,
    /// Nothing has happened yet, but that is no proof so far.
    Undecided,
    Guilty(Reason),
}

impl Evidence {
    /// Takes it, unless the kernel does not tell, or something happens at that moment.
    pub(super) fn take(descriptor: RawFd, kind: Kind) -> Option<Self> {
        let mut input = Input::default();
        let mut output = Output::default();
        match kind {
            Kind::Tcp => {
                let before = sys::tcp(descriptor)?;
                output.unsent = sys::unsent(descriptor)?;
                input.unread = sys::unread(descriptor)?;
                let after = sys::tcp(descriptor)?;
                if before.acknowledged != after.acknowledged {
                    // What was acknowledged in between is in neither number, or in both.
                    return None;
                }
                output.acknowledged = after.acknowledged;
                input.arrived = after.received;
            }
            Kind::TcpListener => input.arrived = sys::tcp(descriptor)?.waiting,
            Kind::UnixStream | Kind::UnixDatagram | Kind::Udp => {
                input.unread = sys::unread(descriptor)?;
                output.unsent = sys::unsent(descriptor)?;
            }
            Kind::Pipe | Kind::Terminal | Kind::Inotify => {
                input.unread = sys::unread(descriptor)?;
            }
            _ => {}
        }
        Some(Self {
            ready: Readiness::from_bits(sys::readiness(descriptor)),
            input,
            output,
        })
    }

    /// Judges a source by what it was and what it is now: the first reason that holds, those
    /// that explain others first.
    pub(super) fn judge(&self, now: &Self, found: Circumstances) -> Verdict {
        let Circumstances { kind, interest, .. } = found;
        let lasting = self.ready & now.ready;
        let readable = interest.is_readable() && lasting.intersects(Readiness::READABLE);
        let urgent = interest.is_priority() && lasting.intersects(Readiness::PRIORITY);
        let writable = interest.is_writable() && lasting.intersects(Readiness::WRITABLE);
        let no_input = self.input == now.input;
        // A half-closed source is reported to those who read; a closed one to all.
        let half_closed = interest.is_readable() && lasting.intersects(Readiness::PEER_CLOSED);
        let ended = half_closed || lasting.intersects(Readiness::HANGUP);
        let read_to_end = !interest.is_readable() || now.input.unread == 0;
        let end = kind.input().map(|_| MEASURED);
        let not_read = match kind.is_listener() {
            true => Reason::UnacceptedConnection,
            false => Reason::UndrainedInput,
        };
        let charges = [
            (
                lasting.intersects(Readiness::ERROR),
                no_input,
                end,
                Reason::UnhandledError,
            ),
            (ended && read_to_end, no_input, end, Reason::UnhandledHangup),
            (readable || urgent, no_input, kind.input(), not_read),
            (
                writable,
                self.output == now.output,
                kind.output(),
                Reason::UnusedWriteInterest,
            ),
        ];
        let charges = charges
            .into_iter()
            .filter(|(applies, same, ..)| *applies && *same);
        let verdicts = charges.map(|(.., proof, reason)| found.weigh(proof, reason));
        let mut verdicts = verdicts.filter(|verdict| *verdict != Verdict::Innocent);
        verdicts.next().unwrap_or(Verdict::Innocent)
    }
}

impl Circumstances {
    /// Whether it is proved, for marks that are the same.
    fn weigh(&self, proof: Option<Proof>, reason: Reason) -> Verdict {
        match proof {
            None => Verdict::Innocent,
            Some(proof) if proof.needs_silence && !self.is_silent => Verdict::Innocent,
            Some(proof) if self.waits < proof.waits => Verdict::Undecided,
            Some(_) => Verdict::Guilty(reason),
        }
    }
}
