//! Where a task goes that is woken.

use std::sync::Arc;
use std::task::Wake;

use crate::context::Context;
use crate::task::Ticket;

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.join_queue() && !Context::queue_here(self, self.inbox()) {
            self.inbox().push(Arc::clone(self));
        }
    }
}
