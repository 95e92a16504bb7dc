//! The thread that runs the callbacks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::outbox::{Job, Queue};
use super::{Error, threads::Threads};

/// Starts a thread of the endpoint's own that takes what comes, one at a time, in order, until the end.
///
/// A callback that panics was reported by the panic hook, and the next one runs all the same.
pub(super) fn start<T: Send + 'static>(
    threads: &Threads,
    queue: Queue<T>,
    mut callback: impl FnMut(T) + Send + 'static,
) -> Result<(), Error> {
    threads.spawn("callbacks", move || {
        while let Some(job) = queue.next() {
            let run = || match job {
                Job::Item(item) => callback(item),
                Job::Call(call) => call(),
            };
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                tracing::error!("a callback panicked");
            }
        }
    })
}
