use std::env;
use std::error::Error;
use std::fmt;
use std::io;
use std::str::FromStr;

use waitset_core::Reactor;

#[cfg(feature = "busy")]
use crate::DefaultReactor;
use crate::best::BEST;

/// The mechanisms by name.
///
/// ```
/// use waitset::{Backend, Reactor};
///
/// let backend: Backend = "poll".parse()?;
/// let reactor: Box<dyn Reactor + Send> = backend.open()?;
/// assert_eq!(reactor.name(), backend.to_string());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # A mechanism of your own
///
/// The enum names waitset's own mechanisms. To offer yours by name as well, compare the name before
/// you parse it. `EventLoop` and `WaitSet` take the boxed reactor like any other.
///
/// ```
/// use std::io;
/// use waitset::{Backend, Reactor};
///
/// # use waitset::PollReactor as MyReactor;
/// fn open(name: &str) -> io::Result<Box<dyn Reactor + Send>> {
///     match name {
///         "mine" => Ok(Box::new(MyReactor::new()?)),
///         name => name.parse::<Backend>()?.open(),
///     }
/// }
///
/// open("mine")?;
/// assert_eq!(open("select")?.name(), "select");
/// assert_eq!(open("mien").err().unwrap().kind(), io::ErrorKind::InvalidInput);
/// # Ok::<(), io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// select(2), feature `select`.
    Select,
    /// poll(2), feature `poll`.
    Poll,
    /// epoll(7), feature `epoll`, Linux.
    Epoll,
    /// io_uring(7), feature `uring`, Linux 5.17.
    Uring,
    /// One descriptor at a time, never sleeping; feature `busy`.
    Sweep,
    /// [`DefaultReactor`](crate::DefaultReactor) spun without sleep; feature `busy`.
    Busy,
    /// [`DefaultReactor`](crate::DefaultReactor) spun for a while, then slept in; feature `busy`.
    Adaptive,
}

const HAS_EPOLL: bool = cfg!(all(
    feature = "epoll",
    any(target_os = "linux", target_os = "android")
));

const HAS_URING: bool = cfg!(all(feature = "uring", target_os = "linux"));

const KNOWN: [Backend; 7] = [
    Backend::Select,
    Backend::Poll,
    Backend::Epoll,
    Backend::Uring,
    Backend::Sweep,
    Backend::Busy,
    Backend::Adaptive,
];

impl Backend {
    /// The variable that [`from_env`](Self::from_env) reads.
    pub const VARIABLE: &'static str = "WAITSET_BACKEND";

    /// All that are compiled in and exist on this platform.
    ///
    /// io_uring may still be switched off on this machine: opening it says so.
    pub fn all() -> impl Iterator<Item = Self> {
        KNOWN.into_iter().filter(|backend| backend.is_available())
    }

    /// Returns what `WAITSET_BACKEND` names, or [`Backend::default`] if it is unset, empty or
    /// blank.
    ///
    /// # Errors
    ///
    /// [`UnknownBackend`], which lists the known names.
    pub fn from_env() -> Result<Self, UnknownBackend> {
        let name = env::var_os(Self::VARIABLE).unwrap_or_default();
        match name.to_string_lossy() {
            blank if blank.trim().is_empty() => Ok(Self::default()),
            name => name.parse(),
        }
    }

    /// The name: `select`, `poll`, `epoll`, `uring`, `sweep`, `busy` or `adaptive`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Poll => "poll",
            Self::Epoll => "epoll",
            Self::Uring => "uring",
            Self::Sweep => "sweep",
            Self::Busy => "busy",
            Self::Adaptive => "adaptive",
        }
    }

    /// Whether it is compiled in and exists on this platform.
    #[must_use]
    pub const fn is_available(self) -> bool {
        match self {
            Self::Select => cfg!(feature = "select"),
            Self::Poll => cfg!(feature = "poll"),
            Self::Epoll => HAS_EPOLL,
            Self::Uring => HAS_URING,
            Self::Sweep => cfg!(feature = "busy"),
            Self::Busy | Self::Adaptive => cfg!(feature = "busy") && BEST.is_some(),
        }
    }

    /// Opens a reactor of this kind.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it [is not available](Self::is_available) or, as io_uring can be,
    /// switched off; else as its constructor.
    pub fn open(self) -> io::Result<Box<dyn Reactor + Send>> {
        match self {
            #[cfg(feature = "select")]
            Self::Select => Ok(Box::new(waitset_select::SelectReactor::new()?)),
            #[cfg(feature = "poll")]
            Self::Poll => Ok(Box::new(waitset_poll::PollReactor::new()?)),
            #[cfg(all(feature = "epoll", any(target_os = "linux", target_os = "android")))]
            Self::Epoll => Ok(Box::new(waitset_epoll::EpollReactor::new()?)),
            #[cfg(all(feature = "uring", target_os = "linux"))]
            Self::Uring => Ok(Box::new(waitset_uring::UringReactor::new()?)),
            #[cfg(feature = "busy")]
            Self::Sweep => Ok(Box::new(waitset_busy::Sweep::new())),
            #[cfg(feature = "busy")]
            Self::Busy => Ok(Box::new(waitset_busy::Busy::new(DefaultReactor::new()?))),
            #[cfg(feature = "busy")]
            Self::Adaptive => {
                let inner = DefaultReactor::new()?;
                Ok(Box::new(waitset_busy::Adaptive::new(inner)))
            }
            #[allow(unreachable_patterns, reason = "reached where a feature is off")]
            missing => Err(missing.unavailable()),
        }
    }

    /// What has to be enabled for it.
    #[allow(dead_code, reason = "used where a feature is off")]
    const fn features(self) -> &'static str {
        match self {
            Self::Select => "the feature select",
            Self::Poll => "the feature poll",
            Self::Epoll => "the feature epoll (Linux)",
            Self::Uring => "the feature uring (Linux)",
            Self::Sweep => "the feature busy",
            Self::Busy | Self::Adaptive => "the feature busy and a mechanism to spin",
        }
    }

    #[allow(dead_code, reason = "used where a feature is off")]
    fn unavailable(self) -> io::Error {
        let available = match names(Self::all()) {
            none if none.is_empty() => "none".into(),
            names => names,
        };
        let text = format!(
            "{self} is not available in this build on {}; enable {} of waitset, or use one \
             that is available: {available}",
            env::consts::OS,
            self.features(),
        );
        io::Error::new(io::ErrorKind::Unsupported, text)
    }
}

fn names(backends: impl Iterator<Item = Backend>) -> String {
    backends.map(Backend::name).collect::<Vec<_>>().join(", ")
}

/// The backend of [`DefaultReactor`](crate::DefaultReactor). If no mechanism that sleeps is
/// compiled in, it is [`Epoll`](Backend::Epoll), which then cannot be opened.
impl Default for Backend {
    fn default() -> Self {
        BEST.unwrap_or(Self::Epoll)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Reads a [name](Backend::name), or `auto` for [`Backend::default`].
impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        let known = KNOWN.into_iter().find(|backend| backend.name() == name);
        match known {
            Some(backend) => Ok(backend),
            None if name == "auto" => Ok(Self::default()),
            None => Err(UnknownBackend { name: name.into() }),
        }
    }
}

/// A name that no backend has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBackend {
    name: String,
}

impl fmt::Display for UnknownBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown reactor {:?}; the names are auto, {}",
            self.name,
            names(KNOWN.into_iter())
        )
    }
}

impl Error for UnknownBackend {}

impl From<UnknownBackend> for io::Error {
    fn from(error: UnknownBackend) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
