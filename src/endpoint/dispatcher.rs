//! The thread that runs the callbacks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::outbox::{Job, Queue};
use super::{Error, threads::Threads};

/// Callbacks that run in one [scope](Scope): what it holds, others may want.
const TOGETHER: usize = 64;

/// What is done around callbacks that run one after the other; it calls what it is given, or does not.
pub(super) type Scope = Box<dyn FnMut(&mut dyn FnMut()) + Send>;

/// Nothing.
pub(super) fn no_scope() -> Scope {
    Box::new(|callbacks| callbacks())
}

/// Starts a thread of the endpoint's own that takes what comes, one at a time, in order, until the end.
///
/// A callback that panics was reported by the panic hook, and the next one runs all the same.
pub(super) fn start<T: Send + 'static>(
    threads: &Threads,
    queue: Queue<T>,
    mut scope: Scope,
    mut callback: impl FnMut(T) + Send + 'static,
) -> Result<(), Error> {
    threads.spawn("callbacks", move || {
        let mut run = |job| {
            let run = || match job {
                Job::Item(item) => callback(item),
                Job::Call(call) => call.run(),
            };
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                tracing::error!("a callback panicked");
            }
        };
        while let Ok(first) = queue.next(None) {
            let mut first = Some(first);
            scope(&mut || {
                first.take().into_iter().for_each(&mut run);
                queue.waiting(TOGETHER).for_each(&mut run);
            });
        }
    })
}
