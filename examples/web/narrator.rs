//! Tells what the server does, beside what `TraceReactor` tells of its reactor.

use std::net::SocketAddr;
use std::os::fd::RawFd;

use super::answer::Answer;
use super::connection::End;
use super::head::Head;
use super::patience::Phase;
use super::status::Status;
use crate::printable::printable;
use crate::warn;

/// Tells to standard error, or not at all.
#[derive(Clone, Copy, Debug)]
pub struct Narrator {
    is_telling: bool,
}

/// As much of a target as a line has room for.
const TARGET_SHOWN: usize = 40;

impl Narrator {
    /// One that tells if it is to.
    #[must_use]
    pub const fn new(is_telling: bool) -> Self {
        Self { is_telling }
    }

    /// In the columns of `TraceReactor`'s lines, each written at once, so that those of two
    /// threads do not mix. What cannot be written is left out.
    fn tell(self, what: &str, text: impl FnOnce() -> String) {
        if self.is_telling {
            warn!("{what:<11}{}", text());
        }
    }

    /// A connection was accepted.
    pub fn accepted(self, number: u64, peer: SocketAddr, descriptor: RawFd) {
        self.tell("accept", || {
            format!("connection {number} from {peer}, as descriptor {descriptor}")
        });
    }

    /// None could be.
    pub fn could_not_accept(self, reason: &str) {
        self.tell("accept", || reason.to_owned());
    }

    /// No more are accepted until one is closed.
    pub fn is_full(self, connections: usize) {
        self.tell("full", || {
            format!("{connections} connections: others wait in the backlog")
        });
    }

    /// A read has brought something.
    pub fn received(self, number: u64, bytes: usize) {
        self.tell("recv", || format!("{bytes} bytes on connection {number}"));
    }

    /// A request was understood and answered.
    pub fn answered(self, number: u64, head: &Head, answer: &Answer) {
        self.tell("answer", || {
            let target: String = head.target.chars().take(TARGET_SHOWN).collect();
            let (method, target) = (printable(&head.method), printable(&target));
            let (code, reason) = (answer.status.code(), answer.status.reason());
            format!("{method} {target} on connection {number}: {code} {reason}")
        });
    }

    /// A request was not understood, or not taken.
    pub fn refused(self, number: u64, status: Status) {
        self.tell("refuse", || {
            format!("connection {number}: {} {}", status.code(), status.reason())
        });
    }

    /// Bytes were given to the kernel, or queued.
    pub fn sent(self, number: u64, bytes: usize) {
        if bytes > 0 {
            self.tell("send", || format!("{bytes} bytes on connection {number}"));
        }
    }

    /// A connection is closed.
    pub fn closed(self, number: u64, end: &End) {
        self.tell("close", || match end {
            End::Peer => format!("connection {number}: the peer has closed it"),
            End::Excess => format!("connection {number}: it went on sending after the end"),
            End::Panicked => format!("connection {number}: the server has panicked"),
            End::Failed(error) => format!("connection {number}: {error}"),
            End::Late(phase) => {
                let late = match phase {
                    Phase::Idle => "nothing more was asked in time",
                    Phase::Request => "its request was not complete in time",
                    Phase::Sending => "it did not take its answer in time",
                    Phase::Listening | Phase::Pinged => "no sign of life in time",
                    Phase::Lingering => "it did not close in time",
                };
                format!("connection {number}: {late}")
            }
        });
    }
}
