//! Callbacks that run where the program says, for event loops.
//!
//! The invariant: callbacks of a handle run one at a time, and each posted one runs once, also where a
//! callback closes or frees its own handle. So what is needed to run them does not go with the handle
//! while they run.

use std::ffi::c_int;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::boundary::Fault;
use crate::{Error, Inbox};

/// What comes to a polled handle, and what it is given to.
pub(super) struct Polled<T> {
    inbox: Inbox<T>,
    give: Box<dyn Fn(T) + Send + Sync>,
    /// From inside a callback. What the others use may be gone.
    freed: AtomicBool,
}

impl<T> Polled<T> {
    pub(super) fn new(inbox: Inbox<T>, give: impl Fn(T) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { inbox, give: Box::new(give), freed: AtomicBool::new(false) })
    }

    /// Runs what waits. An own reference, since a callback may free the handle.
    pub(super) fn dispatch(self: Arc<Self>) -> Result<(), Fault> {
        // After a callback has freed the handle nobody else runs what is left.
        let more = self.run() && (!self.freed.load(Ordering::Acquire) || self.run());
        if more { Ok(()) } else { Err(Error::Closed.into()) }
    }

    /// Runs what is left of an endpoint that has ended; or leaves it to the call of which this is a
    /// callback.
    pub(super) fn finish(&self) {
        // What has ended is run to its end at once, unless it is run already.
        let is_run_already = self.run();
        self.freed.store(is_run_already, Ordering::Release);
    }

    fn run(&self) -> bool {
        self.inbox.dispatch(|item| {
            if !self.freed.load(Ordering::Acquire) {
                (self.give)(item);
            }
        })
    }

    pub(super) fn fd(&self) -> c_int {
        self.inbox.as_raw_fd()
    }
}
