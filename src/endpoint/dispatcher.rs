//! The thread that runs the callbacks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Sender, unbounded};

use super::{Error, threads::Threads};

/// Events that wait for the application before datagrams that would add to them are left
/// unanswered.
const QUEUE: usize = 1024;

/// Bytes of the texts in them, of which the same is true.
const QUEUE_BYTES: usize = 64 << 20;

/// Where events are put. A thread of the endpoint's own takes them out, one at a time, in order.
///
/// The channel itself has no bound: what may go over it is bounded by [`Dispatcher::has_room`],
/// which is asked before a datagram is handled, and beyond it by what is already under way (an
/// outcome for each pending message, a few events for each open request).
pub(super) struct Dispatcher<E> {
    queue: Sender<(E, usize)>,
    bytes: Arc<AtomicUsize>,
}

impl<E: Send + 'static> Dispatcher<E> {
    /// Starts the thread. It ends when the dispatcher is dropped and its queue is empty.
    ///
    /// A callback that panics was reported by the panic hook, and the next one runs all the same.
    pub(super) fn start(
        threads: &Threads,
        mut callback: impl FnMut(E) + Send + 'static,
    ) -> Result<Self, Error> {
        let (queue, events) = unbounded::<(E, usize)>();
        let bytes = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::clone(&bytes);
        threads.spawn("callbacks", move || {
            for (event, size) in events {
                waiting.fetch_sub(size, Ordering::Relaxed);
                if catch_unwind(AssertUnwindSafe(|| callback(event))).is_err() {
                    tracing::error!("a callback panicked");
                }
            }
        })?;
        Ok(Self { queue, bytes })
    }

    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < QUEUE && self.bytes.load(Ordering::Relaxed) < QUEUE_BYTES
    }

    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn dispatch(&self, event: E) {
        self.dispatch_text(event, 0);
    }

    /// Queues an event with a text of so many bytes.
    pub(super) fn dispatch_text(&self, event: E, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        // It fails only if the thread is gone, and with it whoever would be told.
        let _ = self.queue.send((event, bytes));
    }
}
