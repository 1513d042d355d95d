//! Every mechanism by name.

use std::io;

use waitset_busy::{Adaptive, Busy, Sweep};
use waitset_conformance::{Make, Reactor};
use waitset_epoll::EpollReactor;
use waitset_poll::PollReactor;
use waitset_select::SelectReactor;

type Opened = io::Result<Box<dyn Reactor + Send>>;

fn boxed(reactor: impl Reactor + Send + 'static) -> Opened {
    Ok(Box::new(reactor))
}

/// What the tests of this directory run on.
pub(crate) const ALL: [(&str, Make); 10] = [
    ("select", || boxed(SelectReactor::new()?)),
    ("poll", || boxed(PollReactor::new()?)),
    ("epoll", || boxed(EpollReactor::new()?)),
    ("sweep", || boxed(Sweep::new())),
    ("busy select", || boxed(Busy::new(SelectReactor::new()?))),
    ("busy poll", || boxed(Busy::new(PollReactor::new()?))),
    ("busy epoll", || boxed(Busy::new(EpollReactor::new()?))),
    ("adaptive select", || {
        boxed(Adaptive::new(SelectReactor::new()?))
    }),
    ("adaptive poll", || {
        boxed(Adaptive::new(PollReactor::new()?))
    }),
    ("adaptive epoll", || {
        boxed(Adaptive::new(EpollReactor::new()?))
    }),
];
