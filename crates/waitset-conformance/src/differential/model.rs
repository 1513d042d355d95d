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
}

/// Whether an event is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Must,
    /// An edge that the kernel may see, such as room that grew.
    May,
    MustNot,
}

impl Registered {
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
            (true, Mode::Edge) if !self.is_file => Due::May,
            (true, _) => Due::MustNot,
        }
    }

    pub(crate) fn was_told(&mut self) {
        self.armed = false;
    }

    /// A wait found it unready: an edge that came and went is gone.
    pub(crate) fn was_passed_over(&mut self) {
        if self.mode == Mode::Edge && !self.is_file {
            self.armed = false;
        }
    }
}
