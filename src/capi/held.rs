//! What every handle keeps beside its endpoint.
//!
//! The invariants: a handle is freed once, also where a callback frees one that is being freed; and it is
//! used by the process that made it, and by no child of that, which has the socket but none of the
//! threads.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whose a handle is, and whether it goes.
pub(super) struct Held {
    process: u32,
    /// Its `_free` runs, and goes on when the callback that it waits for returns.
    freeing: AtomicBool,
}

impl Held {
    pub(super) fn new() -> Self {
        Self { process: process::id(), freeing: AtomicBool::new(false) }
    }

    pub(super) fn is_of_this_process(&self) -> bool {
        self.process == process::id()
    }

    /// Whether the one who asks is to free it: the first, in the process that made it. In a child the
    /// threads that would be waited for are not there, so that it stays as it is.
    pub(super) fn begins_to_go(&self) -> bool {
        self.is_of_this_process() && !self.freeing.swap(true, Ordering::AcqRel)
    }
}
