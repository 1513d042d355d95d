//! What a registration must and may tell.

use waitset_core::{Interest, Mode};

/// A registration as a reactor has to keep it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered {
    pub(crate) token: u64,
    pub(crate) interest: Interest,
    pub(crate) mode: Mode,
    /// The program asked for an edge, which not every reactor has.
    pub(crate) is_edge_elsewhere: bool,
    pub(crate) is_file: bool,
    /// For one-shot sources and edge-triggered files: not told since it was armed. For
    /// other edge-triggered sources: something came since it was told.
    pub(crate) armed: bool,
    /// How many more edges can be told: one for the arming, and one for each thing that was
    /// done to the source and may have woken it. See [`MOST_WAKEUPS`].
    pub(crate) edges: u32,
}

/// How often one operation may wake a source: a connection that ends is told by its state and
/// by what is to be read, and a thread may run in between.
pub(crate) const MOST_WAKEUPS: u32 = 2;

/// Whether an event is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Must,
    /// An edge that the kernel may see, such as room that grew.
    May,
    MustNot,
}

impl Registered {
    /// Something was done to the source that may have woken it.
    pub(crate) fn may_wake(&mut self, wakeups: u32) {
        self.edges = self.edges.saturating_add(wakeups);
    }

    /// Something new came that is asked for.
    pub(crate) fn came(&mut self) {
        if self.mode == Mode::Edge && !self.is_file {
            self.armed = true;
        }
    }

    /// What is due while the source is ready, or is not.
    pub(crate) fn due(&self, is_ready: bool) -> Due {
        match (is_ready, self.mode) {
            (false, _) => Due::MustNot,
            (true, Mode::Level) => Due::Must,
            (true, _) if self.armed => Due::Must,
            (true, Mode::Edge) if !self.is_file && self.edges > 0 => Due::May,
            (true, _) => Due::MustNot,
        }
    }

    pub(crate) fn was_told(&mut self) {
        self.armed = false;
        self.edges = self.edges.saturating_sub(1);
    }

    /// Whether what was seen once may be told, where sources are not looked at again.
    pub(crate) fn may_be_told_late(&self) -> bool {
        match self.mode {
            Mode::Level => true,
            Mode::Oneshot => self.armed,
            Mode::Edge => self.is_file || self.edges > 0,
        }
    }

    /// A wait found it unready: an edge that came and went is gone.
    pub(crate) fn was_passed_over(&mut self) {
        if self.mode == Mode::Edge && !self.is_file {
            self.armed = false;
        }
    }
}
