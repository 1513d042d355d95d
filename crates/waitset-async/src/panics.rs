use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// Of several calls that must all be made, the first that panicked.
#[derive(Default)]
pub(crate) struct Panics {
    first: Option<Box<dyn Any + Send>>,
}

impl Panics {
    /// Makes a call. Asserts unwind safety: what it panics with goes on in the end.
    pub(crate) fn catch(&mut self, call: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            self.first.get_or_insert(panic);
        }
    }

    /// Lets the first panic go on, unless another is under way: two would abort.
    pub(crate) fn resume(self) {
        match self.first {
            Some(panic) if !thread::panicking() => resume_unwind(panic),
            _ => {}
        }
    }
}
