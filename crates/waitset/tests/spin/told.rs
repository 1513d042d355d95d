//! How a finding is told, and what of the reactor is left as it was.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use waitset::spin::{Culprit, SpinDetector};
use waitset::{Backend, Mode, Reactor, Stats, TraceReactor, WaitSet};

use super::mechanisms::*;

#[test]
fn what_is_no_wait_is_the_inner_reactors() {
    for backend in Backend::all() {
        let Ok(inner) = backend.open() else { continue };
        let capabilities = inner.capabilities();
        let reactor = SpinDetector::to_writer(inner, Vec::new()).unwrap();
        assert_eq!(reactor.name(), backend.name());
        assert_eq!(reactor.capabilities(), capabilities);
        assert_eq!(reactor.stats(), Stats::default());
        assert_eq!(reactor.get_ref().name(), backend.name());
        assert_eq!(reactor.into_inner().name(), backend.name());
    }
}

/// Where text is written to, and looked at.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_finding_is_text_beside_that_of_explain_from_either_side() {
    let page = Page::default();
    let explained = TraceReactor::to_writer(Backend::Poll.open().unwrap(), page.clone());
    let inside = SpinDetector::to_writer(explained, page.clone()).unwrap();
    let mut set = WaitSet::with_reactor(TraceReactor::new(inside, |_| ()));
    let (near, _far) = tcp_pair();
    set.insert(near, WRITE, Mode::Level).unwrap();
    for _ in 0..2000 {
        set.wait(None).unwrap();
        while set.next_event().is_some() {}
    }
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let from = lines.iter().position(|line| line.starts_with("spin"));
    let found = &lines[from.unwrap()..][..4];
    assert!(found[0].starts_with("spin       descriptor "), "{found:#?}");
    assert!(
        found[0].contains(" as token 0, TCP 127.0.0.1:"),
        "{found:#?}"
    );
    assert!(lines.iter().all(|line| line.chars().count() <= 80));
    assert_eq!(text.matches("spin ").count(), 1);
}

#[test]
fn a_timers_hint_reaches_a_detector_inside_explain() {
    let (reactor, told) = watched(Backend::Poll.open().unwrap());
    let mut event_loop = waitset::EventLoop::with_reactor(TraceReactor::new(reactor, |_| ()));
    event_loop.handle().arm_every(Duration::ZERO, |_, _, _| ());
    for _ in 0..300 {
        event_loop.turn(&mut (), None).unwrap();
    }
    assert!(matches!(told.expect_one().culprit, Culprit::Timer { .. }));
}

#[cfg(feature = "tracing")]
mod tracing_events {
    use super::*;
    use std::fmt::Debug;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    /// Keeps level and fields of each event of the target `waitset`.
    struct Keeper(Mutex<Vec<(Level, Fields)>>);

    #[derive(Default)]
    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0 += &format!("{field}={value:?} ");
        }
    }

    impl Subscriber for Keeper {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "waitset"
        }

        fn event(&self, event: &Event<'_>) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0
                .lock()
                .unwrap()
                .push((*event.metadata().level(), fields));
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_finding_is_one_event_of_tracing() {
        let keeper = Arc::new(Keeper(Mutex::default()));
        tracing::subscriber::with_default(Arc::clone(&keeper), || {
            let reactor = SpinDetector::tracing(Backend::Poll.open().unwrap()).unwrap();
            let mut set = WaitSet::with_reactor(reactor);
            let (near, _far) = unix_pair();
            set.insert(near, WRITE, Mode::Level).unwrap();
            for _ in 0..MEASURED {
                set.wait(None).unwrap();
                while set.next_event().is_some() {}
            }
        });
        let kept = keeper.0.lock().unwrap();
        assert_eq!(kept.len(), 1);
        let (level, Fields(fields)) = &kept[0];
        assert_eq!(*level, Level::WARN);
        assert!(fields.contains("reason=UnusedWriteInterest"), "{fields}");
        assert!(fields.contains("spin on descriptor"), "{fields}");
    }
}
