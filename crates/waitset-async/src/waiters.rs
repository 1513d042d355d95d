use std::cell::{Cell, RefCell};
use std::io;
use std::mem;
use std::task::Waker;

use waitset::{Event, Interest};

use crate::budget::Share;
use crate::panics::Panics;

/// Who waits for a source: what the loop has beside it.
pub(crate) struct Waiting {
    pub(crate) waiters: RefCell<Waiters>,
    reading: Share,
    writing: Share,
    /// Room for the wakers that one event calls.
    woken: Cell<Vec<Waker>>,
}

impl Waiting {
    /// Of a source that is registered with `interest`.
    pub(crate) fn new(interest: Interest) -> Self {
        Self {
            waiters: RefCell::new(Waiters::new(interest)),
            reading: Share::default(),
            writing: Share::default(),
            woken: Cell::default(),
        }
    }

    /// The share of one direction: reading and writing do not take it from each other.
    pub(crate) fn share(&self, interest: Interest) -> &Share {
        match interest.is_writable() {
            true => &self.writing,
            false => &self.reading,
        }
    }

    /// Wakes those whom an event, which has disarmed the source, is for, and has the others wait
    /// on. If the source cannot be armed for them, they are woken: they try again, and are told
    /// why it fails.
    pub(crate) fn notify(&self, event: &Event, arm: impl FnOnce(Interest) -> io::Result<()>) {
        let mut woken = self.woken.take();
        let others = self.waiters.borrow_mut().fire(event, &mut woken);
        if others.is_some_and(|interest| arm(interest).is_err()) {
            self.waiters.borrow_mut().give_up(&mut woken);
        }
        // Only here, where nothing is borrowed: a waker may do anything.
        let mut panics = Panics::default();
        for waker in woken.drain(..) {
            panics.catch(|| waker.wake());
        }
        self.woken.set(woken);
        panics.resume();
    }
}

/// The tasks that wait for a source, and the interest that it is armed for until it fires.
///
/// Cloning, dropping or waking a waker can run any code, which can come back here. So these
/// methods, which are called while the list is borrowed, do none of that. They return the wakers,
/// and the caller must drop them after the borrow has ended.
pub(crate) struct Waiters {
    armed: Option<Interest>,
    waiting: Vec<Waiter>,
    /// The number of the last future that joined.
    numbered: u64,
}

struct Waiter {
    /// Identifies a future, which leaves when it is dropped; `None` for a task that polls.
    number: Option<u64>,
    interest: Interest,
    waker: Waker,
}

impl Waiters {
    /// Creates the list for a source that is registered with `interest`.
    pub(crate) fn new(interest: Interest) -> Self {
        Self {
            armed: Some(interest),
            waiting: Vec::new(),
            numbered: 0,
        }
    }

    /// Adds a future, which [leaves](Self::leave) when it is dropped.
    pub(crate) fn join(&mut self, interest: Interest, waker: Waker) -> u64 {
        self.numbered += 1;
        let number = Some(self.numbered);
        self.waiting.push(Waiter {
            number,
            interest,
            waker,
        });
        self.numbered
    }

    /// Returns `true` if a future that joined still waits, and exchanges its waker for this one.
    pub(crate) fn still_waits(&mut self, number: u64, waker: &mut Waker) -> bool {
        let found = self.waiting.iter_mut();
        let mut found = found.filter(|waiter| waiter.number == Some(number));
        let Some(waiter) = found.next() else {
            return false;
        };
        mem::swap(&mut waiter.waker, waker);
        true
    }

    /// Removes a future that joined, and returns its waker if it still waited.
    #[must_use]
    pub(crate) fn leave(&mut self, number: u64) -> Option<Waker> {
        let mut all = self.waiting.iter();
        let place = all.position(|waiter| waiter.number == Some(number))?;
        Some(self.waiting.swap_remove(place).waker)
    }

    /// Adds a task that polls, or returns its waker if it is there already. Several tasks can
    /// poll one source.
    #[must_use]
    pub(crate) fn join_polling(&mut self, interest: Interest, waker: Waker) -> Option<Waker> {
        let is_this = |waiter: &Waiter| {
            let is_polling = waiter.number.is_none();
            is_polling && waiter.interest == interest && waiter.waker.will_wake(&waker)
        };
        if self.waiting.iter().any(is_this) {
            return Some(waker);
        }
        self.waiting.push(Waiter {
            number: None,
            interest,
            waker,
        });
        None
    }

    /// Returns the interest that the source must be armed for before a task joins with
    /// `interest`, or `None` if it is armed for it already.
    ///
    /// The caller arms first, so that an interest that cannot be armed does not harm the others.
    pub(crate) fn missing(&self, interest: Interest) -> Option<Interest> {
        let wanted = self.wanted().map_or(interest, |others| others | interest);
        let is_armed = self.armed.is_some_and(|armed| armed.contains(wanted));
        (!is_armed).then_some(wanted)
    }

    fn wanted(&self) -> Option<Interest> {
        let interests = self.waiting.iter().map(|waiter| waiter.interest);
        interests.reduce(|all, one| all | one)
    }

    /// The source has been armed for `interest`.
    pub(crate) fn armed(&mut self, interest: Interest) {
        self.armed = Some(interest);
    }

    /// Removes the tasks that an event concerns. The event has disarmed the source; returns the
    /// interest that the source must be armed for again.
    pub(crate) fn fire(&mut self, event: &Event, woken: &mut Vec<Waker>) -> Option<Interest> {
        let mut place = 0;
        while let Some(waiter) = self.waiting.get(place) {
            if concerns(event, waiter.interest) {
                woken.push(self.waiting.swap_remove(place).waker);
            } else {
                place += 1;
            }
        }
        self.armed = self.wanted();
        self.armed
    }

    /// Removes all tasks, because the source could not be armed.
    pub(crate) fn give_up(&mut self, woken: &mut Vec<Waker>) {
        self.armed = None;
        woken.extend(self.waiting.drain(..).map(|waiter| waiter.waker));
    }
}

fn concerns(event: &Event, interest: Interest) -> bool {
    event.is_readable() && interest.is_readable()
        || event.is_writable() && interest.is_writable()
        || event.is_priority() && interest.is_priority()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::task::Wake;

    use waitset::Token;
    use waitset_core::Readiness;

    const READ: Interest = Interest::READABLE;
    const WRITE: Interest = Interest::WRITABLE;

    struct Nobody;

    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }

    fn waker() -> Waker {
        Arc::new(Nobody).into()
    }

    fn event(interest: Interest, observed: Readiness) -> Event {
        Event::new(Token(0), interest, observed)
    }

    #[test]
    fn who_leaves_is_forgotten() {
        let mut waiters = Waiters::new(READ);
        let stays = waiters.join(WRITE, waker());
        for _ in 0..1_000 {
            let leaves = waiters.join(READ | WRITE, waker());
            assert!(waiters.leave(leaves).is_some());
            assert!(waiters.leave(leaves).is_none());
        }
        assert_eq!(waiters.waiting.len(), 1);
        assert!(waiters.still_waits(stays, &mut waker()));
        assert_eq!(waiters.missing(WRITE), Some(WRITE));
    }

    #[test]
    fn a_task_that_polls_again_waits_once_in_each_direction() {
        let mut waiters = Waiters::new(READ);
        let (one, other) = (waker(), waker());
        for round in 0..10 {
            for (interest, waker) in [(READ, &one), (WRITE, &one), (READ, &other)] {
                let spare = waiters.join_polling(interest, waker.clone());
                assert_eq!(spare.is_some(), round > 0);
            }
        }
        assert_eq!(waiters.waiting.len(), 3);
    }

    #[test]
    fn an_event_wakes_those_whom_it_concerns_and_arms_for_the_others() {
        let mut waiters = Waiters::new(READ);
        let writer = waiters.join(WRITE, waker());
        let armed = waiters.missing(READ).unwrap();
        waiters.armed(armed);
        let readers = [(); 3].map(|()| waiters.join(READ, waker()));
        assert_eq!((armed, waiters.missing(READ)), (READ | WRITE, None));

        let mut woken = Vec::new();
        let again = waiters.fire(&event(armed, Readiness::READABLE), &mut woken);
        assert_eq!((woken.len(), again), (3, Some(WRITE)));
        assert!(
            readers
                .iter()
                .all(|reader| !waiters.still_waits(*reader, &mut waker()))
        );
        assert!(waiters.still_waits(writer, &mut waker()));

        let again = waiters.fire(&event(WRITE, Readiness::HANGUP), &mut woken);
        assert_eq!((woken.len(), again), (4, None));
        assert_eq!(waiters.missing(WRITE), Some(WRITE), "it has fired");
    }

    #[test]
    fn those_who_gave_up_arm_it_anew() {
        let mut waiters = Waiters::new(READ);
        assert_eq!(
            waiters.missing(READ),
            None,
            "it is armed from the beginning"
        );
        let reader = waiters.join(READ, waker());
        let mut woken = Vec::new();
        waiters.give_up(&mut woken);
        assert!(woken.len() == 1 && !waiters.still_waits(reader, &mut waker()));
        assert_eq!(waiters.missing(READ), Some(READ));
    }
}
