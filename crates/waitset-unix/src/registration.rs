use waitset_core::{Event, Interest, Mode, Readiness, Token};

/// What a source is registered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The caller's number.
    pub token: Token,
    /// What is asked for.
    pub interest: Interest,
    /// When it is reported.
    pub mode: Mode,
}

impl Registration {
    /// The event that reports `observed` of this source.
    #[inline]
    #[must_use]
    pub fn event(&self, observed: Readiness) -> Event {
        Event::new(self.token, self.interest, observed)
    }
}
