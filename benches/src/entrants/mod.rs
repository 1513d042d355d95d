//! Who takes part, by name.

pub mod loops;
pub mod owned;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod raw;
#[cfg(target_os = "linux")]
pub mod ring;
pub mod rivals;
pub mod watched;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod wrapped;

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use crate::Contestant;
use crate::foreign;
use crate::note;
use loops::{NotingCallbacks, NotingCalloop};
use owned::Owned;
use rivals::{Mio, Polling};
use watched::{
    AdaptiveLevel, BusyLevel, PollLevel, PollOneshot, SelectLevel, SelectOneshot, SweepLevel,
    Watched,
};
#[cfg(any(target_os = "linux", target_os = "android"))]
use {
    raw::Raw,
    watched::{EpollBoxed, EpollEdge, EpollLevel, EpollOneshot},
    wrapped::Nix,
};
#[cfg(target_os = "linux")]
use {
    ring::RawRing,
    watched::{UringEdge, UringLevel, UringOneshot},
};

/// Something to be done with whichever contestant a name stands for.
pub trait Visitor {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<C: Contestant>(self) -> Self::Output;
}

/// Declares the entrants: variant, name, type.
macro_rules! entrants {
    ($($(#[$meta:meta])* $variant:ident $name:literal $contestant:ty;)+) => {
        /// A contestant by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Entrant {
            $($(#[$meta])* #[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl Entrant {
            /// All of this platform's.
            pub const ALL: &[Self] = &[$($(#[$meta])* Self::$variant,)+];

            /// The name, as it stands in tables and identifiers.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $($(#[$meta])* Self::$variant => $name,)+
                }
            }

            /// Lets `visitor` have the type.
            pub fn visit<V: Visitor>(self, visitor: V) -> V::Output {
                match self {
                    $($(#[$meta])* Self::$variant => visitor.visit::<$contestant>(),)+
                }
            }
        }
    };
}

entrants! {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Raw "raw" Raw<raw::Level>;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    RawEdge "raw-edge" Raw<raw::Edge>;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    RawOneshot "raw-oneshot" Raw<raw::Oneshot>;
    #[cfg(target_os = "linux")]
    RawRing "raw-ring" RawRing<true>;
    #[cfg(target_os = "linux")]
    RawRingLevel "raw-ring-level" RawRing<false>;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Epoll "epoll" Watched<EpollLevel>;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    EpollEdge "epoll-edge" Watched<EpollEdge>;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    EpollOneshot "epoll-oneshot" Watched<EpollOneshot>;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    EpollBoxed "epoll-boxed" Watched<EpollBoxed>;
    #[cfg(target_os = "linux")]
    Uring "uring" Watched<UringLevel>;
    #[cfg(target_os = "linux")]
    UringEdge "uring-edge" Watched<UringEdge>;
    #[cfg(target_os = "linux")]
    UringOneshot "uring-oneshot" Watched<UringOneshot>;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Nix "nix" Nix;
    WaitSet "wait-set" Owned;
    EventLoop "event-loop" NotingCallbacks;
    Poll "poll" Watched<PollLevel>;
    PollOneshot "poll-oneshot" Watched<PollOneshot>;
    Select "select" Watched<SelectLevel>;
    SelectOneshot "select-oneshot" Watched<SelectOneshot>;
    Sweep "sweep" Watched<SweepLevel>;
    Busy "busy" Watched<BusyLevel>;
    Adaptive "adaptive" Watched<AdaptiveLevel>;
    Mio "mio" Mio<false>;
    MioReregister "mio-reregister" Mio<true>;
    Polling "polling" Polling<false>;
    PollingOneshot "polling-oneshot" Polling<true>;
    Calloop "calloop" NotingCalloop;
}

impl Entrant {
    /// The mechanisms that `cargo bench` compares on this machine, and their floor.
    pub fn mechanisms() -> impl Iterator<Item = Self> {
        Self::MECHANISMS.iter().copied().filter(|one| one.is_here())
    }

    /// The layers over one mechanism, and the rivals beside them.
    pub fn layers() -> impl Iterator<Item = Self> {
        const LAYERS: &[Entrant] = &[
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Entrant::Raw,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Entrant::Nix,
            Entrant::DEFAULT,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Entrant::EpollBoxed,
            Entrant::WaitSet,
            Entrant::EventLoop,
            // mio is edge-triggered: these two are its measure.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Entrant::RawEdge,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Entrant::EpollEdge,
            Entrant::Mio,
            Entrant::Polling,
            Entrant::Calloop,
        ];
        LAYERS.iter().copied()
    }

    /// All that this machine has.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|one| one.is_here())
    }

    /// Whether this machine has the mechanism; io_uring can be switched off. Says once
    /// why it is left out.
    #[must_use]
    pub fn is_here(self) -> bool {
        #[cfg(target_os = "linux")]
        if self.is_io_uring() {
            static IS_HERE: OnceLock<bool> = OnceLock::new();
            return *IS_HERE.get_or_init(|| match waitset_uring::UringReactor::new() {
                Ok(_) => true,
                Err(reason) => {
                    note!("uring skipped: {reason}");
                    false
                }
            });
        }
        true
    }

    #[cfg(target_os = "linux")]
    const fn is_io_uring(self) -> bool {
        matches!(
            self,
            Self::Uring | Self::UringEdge | Self::UringOneshot | Self::RawRing | Self::RawRingLevel
        )
    }

    const MECHANISMS: &[Self] = &[
        Self::Select,
        Self::Poll,
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Self::Epoll,
        #[cfg(target_os = "linux")]
        Self::Uring,
        Self::Sweep,
        Self::Busy,
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Self::Raw,
    ];

    /// What ratios are measured against: the raw loop, or poll where there is no epoll.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const BASELINE: Self = Self::Raw;
    /// What ratios are measured against: the raw loop, or poll where there is no epoll.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub const BASELINE: Self = Self::Poll;

    /// The platform's default mechanism, which the noise is measured with.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub const DEFAULT: Self = Self::Epoll;
    /// The platform's default mechanism, which the noise is measured with.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub const DEFAULT: Self = Self::Poll;

    /// Whether it keeps a processor while it waits.
    #[must_use]
    pub const fn spins(self) -> bool {
        matches!(self, Self::Sweep | Self::Busy | Self::Adaptive)
    }

    /// Whether a source that is ready and was not read is told again.
    #[must_use]
    pub fn tells_again(self) -> bool {
        self.visit(Habits).tells_again
    }

    /// Whether each event is followed by a change that re-arms its source.
    #[must_use]
    pub fn rearms(self) -> bool {
        self.visit(Habits).rearms
    }
}

/// The constants of a [`Contestant`].
struct Habits;

struct Found {
    tells_again: bool,
    rearms: bool,
}

impl Visitor for Habits {
    type Output = Found;

    fn visit<C: Contestant>(self) -> Found {
        Found {
            tells_again: C::TELLS_AGAIN,
            rearms: C::REARMS,
        }
    }
}

impl fmt::Display for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Entrant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = |entrant: &&Self| entrant.name() == name;
        let found = Self::ALL.iter().find(named).copied();
        found.ok_or_else(|| unknown(name))
    }
}

/// What to do about a name that nobody has.
fn unknown(name: &str) -> String {
    if foreign::has_library_of(name) {
        return format!(
            "{name} would be a loop in C.\n\
             libevent, libev and libuv take part in chains only, and are built when asked for:\n\
             cargo run --release -p waitset-bench -- ratios --rivals"
        );
    }
    let names: Vec<_> = Entrant::ALL.iter().map(|entrant| entrant.name()).collect();
    let lines: Vec<_> = names.chunks(7).map(|names| names.join(", ")).collect();
    format!(
        "no contestant has this name; there are\n{}",
        lines.join(",\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_has_is_answered_with_those_there_are() {
        let told = "epol".parse::<Entrant>().unwrap_err();
        assert!(told.contains("epoll-edge") && told.contains("polling"));
        assert!(told.lines().all(|line| line.len() <= 80), "{told}");
        let told = "libev-poll".parse::<Entrant>().unwrap_err();
        assert!(told.contains("-- ratios --rivals"), "{told}");
    }
}
