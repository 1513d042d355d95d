use std::fmt;
use std::str::FromStr;

use crate::ParseNameError;

/// When a reactor reports readiness that lasts.
///
/// It is displayed and read as `level`, `edge` or `oneshot`.
///
/// ```
/// use waitset_core::Mode;
///
/// assert_eq!(Mode::default(), Mode::Level);
/// assert_eq!("edge".parse(), Ok(Mode::Edge));
/// assert_eq!(Mode::Oneshot.to_string(), "oneshot");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Mode {
    /// Level-triggered: every wait reports it for as long as it lasts.
    #[default]
    Level,
    /// Edge-triggered: a wait reports it once each time that the kernel sees it begin. Read or
    /// write until `WouldBlock`, or call [`modify`](crate::Reactor::modify) to have it reported
    /// again.
    Edge,
    /// One-shot: reported once. The source is then silent, even about a hang-up, until
    /// [`modify`](crate::Reactor::modify) re-arms it.
    Oneshot,
}

impl Mode {
    /// All three modes.
    pub const ALL: [Self; 3] = [Self::Level, Self::Edge, Self::Oneshot];

    /// Returns the name: `level`, `edge` or `oneshot`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Edge => "edge",
            Self::Oneshot => "oneshot",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = ParseNameError;

    fn from_str(name: &str) -> Result<Self, ParseNameError> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == name);
        found.ok_or_else(|| ParseNameError::new("mode", name, "level, edge or oneshot"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_is_read_as_it_is_displayed() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert!("Level".parse::<Mode>().is_err());
    }
}
