//! The thread that runs the callbacks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Sender, unbounded};

use super::{Error, threads::Threads};

/// Events that wait for the application before datagrams that would add to them are left
/// unanswered: 4 MiB of the longest messages.
const QUEUE: usize = 1024;

/// Where events are put. A thread of the endpoint's own takes them out, one at a time, in order.
///
/// The channel itself has no bound: what may go over it is bounded by [`Dispatcher::has_room`],
/// which is asked before a datagram is handled, and beyond it by what is already under way (an
/// outcome for each pending message, a few events for each open request).
pub(super) struct Dispatcher<E> {
    queue: Sender<E>,
}

impl<E: Send + 'static> Dispatcher<E> {
    /// Starts the thread. It ends when the dispatcher is dropped and its queue is empty.
    ///
    /// A callback that panics was reported by the panic hook, and the next one runs all the same.
    pub(super) fn start(
        threads: &Threads,
        mut callback: impl FnMut(E) + Send + 'static,
    ) -> Result<Self, Error> {
        let (queue, events) = unbounded();
        threads.spawn("callbacks", move || {
            for event in events {
                let _ = catch_unwind(AssertUnwindSafe(|| callback(event)));
            }
        })?;
        Ok(Self { queue })
    }

    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < QUEUE
    }

    pub(super) fn dispatch(&self, event: E) {
        // It fails only if the thread is gone, and with it whoever would be told.
        let _ = self.queue.send(event);
    }
}
