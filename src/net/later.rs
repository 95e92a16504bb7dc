//! What is done with no lock held.
//!
//! The invariant: what is not ours may call the endpoint, or drop it, and may panic: a waker is the executor's, and
//! to drop a callback drops what it holds. So neither is done inside an input, and neither ends the driver.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task;

/// Something to do when the lock is released.
pub(crate) enum Later {
    /// Wake the task that waits.
    Wake(task::Waker),
    /// Drop a callback that nobody is left to call.
    Drop(Box<dyn FnOnce() + Send>),
}

impl Later {
    pub(crate) fn run(self) {
        let run = || match self {
            Self::Wake(waker) => waker.wake(),
            Self::Drop(callback) => drop(callback),
        };
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            tracing::error!("a waker, or the end of a callback, panicked");
        }
    }
}
