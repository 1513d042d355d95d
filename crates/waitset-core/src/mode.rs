/// When a readiness that lasts is reported.
///
/// ```
/// use waitset_core::Mode;
///
/// assert_eq!(Mode::default(), Mode::Level);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// At every wait for as long as it lasts.
    #[default]
    Level,
    /// Once for each time it comes about, as the kernel sees it: read or write until
    /// `WouldBlock`, or [`modify`](crate::Reactor::modify) to be told again.
    Edge,
    /// Once, then silence, hang-up included, until
    /// [`modify`](crate::Reactor::modify) re-arms it.
    Oneshot,
}
