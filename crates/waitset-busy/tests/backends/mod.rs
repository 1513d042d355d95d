//! Every mechanism by name.

use std::io;

use waitset_busy::{Adaptive, Busy, Sweep};
use waitset_conformance::{Make, Reactor};
use waitset_epoll::Epoll;
use waitset_poll::Poll;
use waitset_select::Select;

type Opened = io::Result<Box<dyn Reactor + Send>>;

fn boxed(reactor: impl Reactor + Send + 'static) -> Opened {
    Ok(Box::new(reactor))
}

/// What the tests of this directory run on.
pub(crate) const ALL: [(&str, Make); 10] = [
    ("select", || boxed(Select::new()?)),
    ("poll", || boxed(Poll::new()?)),
    ("epoll", || boxed(Epoll::new()?)),
    ("sweep", || boxed(Sweep::new())),
    ("busy select", || boxed(Busy::new(Select::new()?))),
    ("busy poll", || boxed(Busy::new(Poll::new()?))),
    ("busy epoll", || boxed(Busy::new(Epoll::new()?))),
    ("adaptive select", || boxed(Adaptive::new(Select::new()?))),
    ("adaptive poll", || boxed(Adaptive::new(Poll::new()?))),
    ("adaptive epoll", || boxed(Adaptive::new(Epoll::new()?))),
];
