use super::{Culprit, Spin};

impl Spin {
    /// Tells it to the subscriber.
    pub(super) fn trace(&self) {
        let descriptor = match self.culprit {
            Culprit::Source { descriptor, .. } => Some(descriptor),
            _ => None,
        };
        tracing::warn!(
            target: "waitset",
            operation = "spin",
            reactor = self.reactor,
            reason = ?self.reason,
            descriptor,
            waits = self.waits,
            took_ns = u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX),
            "{self:#}"
        );
    }
}
