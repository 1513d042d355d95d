//! Which mechanism is the best of those that are compiled in.

#[cfg(all(feature = "epoll", any(target_os = "linux", target_os = "android")))]
mod chosen {
    pub(crate) use waitset_epoll::EpollReactor as Best;

    pub(crate) const BEST: Option<crate::Backend> = Some(crate::Backend::Epoll);
}

#[cfg(all(
    feature = "poll",
    not(all(feature = "epoll", any(target_os = "linux", target_os = "android")))
))]
mod chosen {
    pub(crate) use waitset_poll::PollReactor as Best;

    pub(crate) const BEST: Option<crate::Backend> = Some(crate::Backend::Poll);
}

#[cfg(all(
    feature = "select",
    not(feature = "poll"),
    not(all(feature = "epoll", any(target_os = "linux", target_os = "android")))
))]
mod chosen {
    pub(crate) use waitset_select::SelectReactor as Best;

    pub(crate) const BEST: Option<crate::Backend> = Some(crate::Backend::Select);
}

/// A program that compiles io_uring alone asks for it: there is nothing to fall back to.
#[cfg(all(
    feature = "uring",
    target_os = "linux",
    not(any(feature = "select", feature = "poll", feature = "epoll"))
))]
mod chosen {
    pub(crate) use waitset_uring::UringReactor as Best;

    pub(crate) const BEST: Option<crate::Backend> = Some(crate::Backend::Uring);
}

#[cfg(not(any(
    feature = "select",
    feature = "poll",
    all(feature = "epoll", any(target_os = "linux", target_os = "android")),
    all(feature = "uring", target_os = "linux")
)))]
mod chosen {
    pub(crate) use crate::absent::Absent as Best;

    pub(crate) const BEST: Option<crate::Backend> = None;
}

pub(crate) use chosen::{BEST, Best};
