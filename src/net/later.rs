//! What is done with no lock held.
//!
//! The invariant: what is not ours may call the endpoint, or drop it, and may panic: a waker is the executor's, and
//! to drop a callback drops what it holds. So neither is done inside an input, and neither ends the driver. A thread
//! that waits could be woken at once, but would only wait for the lock then.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task;
use std::thread::Thread;

/// Something to do when the lock is released.
pub(crate) enum Later {
    /// Wake the task that waits.
    Wake(task::Waker),
    /// Wake the thread that waits.
    Unpark(Thread),
    /// Drop a callback that nobody is left to call.
    Drop(Box<dyn Send>),
}

impl Later {
    pub(crate) fn run(self) {
        let run = || match self {
            Self::Wake(waker) => waker.wake(),
            Self::Unpark(thread) => thread.unpark(),
            Self::Drop(callback) => drop(callback),
        };
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            tracing::error!("a waker, or the end of a callback, panicked");
        }
    }
}
