use waitset_core::{Event, Interest, Mode, Readiness, Token};

/// The arguments that a source is registered with.
///
/// ```
/// use waitset_core::{Interest, Mode, Readiness, Token};
/// use waitset_unix::Registration;
///
/// let registration = Registration::new(Token(7), Interest::READABLE, Mode::Level);
/// let event = registration.event(Readiness::READABLE);
/// assert_eq!(event.token(), Token(7));
/// assert!(event.is_readable());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Registration {
    /// The caller's number.
    pub token: Token,
    /// The directions to report.
    pub interest: Interest,
    /// When to report them.
    pub mode: Mode,
}

impl Registration {
    /// Creates a registration from the arguments of [`register`](waitset_core::Reactor::register)
    /// or [`modify`](waitset_core::Reactor::modify).
    #[inline]
    #[must_use]
    pub const fn new(token: Token, interest: Interest, mode: Mode) -> Self {
        Self {
            token,
            interest,
            mode,
        }
    }

    /// Returns the event that reports `observed` of this source.
    #[inline]
    #[must_use]
    pub const fn event(&self, observed: Readiness) -> Event {
        Event::new(self.token, self.interest, observed)
    }
}
