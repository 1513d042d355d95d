use tracing::Level;

use super::{TraceCall, TraceLine};

/// An event needs its level at compile time.
macro_rules! event {
    ($level:expr, $line:expr) => {{
        let line: &TraceLine<'_> = $line;
        let counts = &line.counts;
        tracing::event!(
            target: "waitset",
            $level,
            operation = line.call.name(),
            reactor = line.reactor,
            sources = line.sources,
            took_ns = u64::try_from(line.took.as_nanos()).unwrap_or(u64::MAX),
            wait_calls = counts.wait_calls,
            control_calls = counts.control_calls,
            wake_calls = counts.wake_calls,
            events = line.events.len(),
            was_woken = line.was_woken,
            was_interrupted = line.was_interrupted,
            "{line:#}"
        );
    }};
}

impl TraceLine<'_> {
    /// Reports the line to the subscriber.
    pub(super) fn emit(&self) {
        match self.call {
            _ if self.error.is_some() => event!(Level::WARN, self),
            TraceCall::Wait { .. } => event!(Level::TRACE, self),
            _ => event!(Level::DEBUG, self),
        }
    }
}
