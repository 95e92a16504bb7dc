//! Calls that wait for their outcome.
//!
//! The invariant: whoever waits is told once. What the engine has no outcome for, because its driver
//! ended, is told that the client is closed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::Error;
use super::outbox::Call;
use crate::proto::{Delivery, MAX_PENDING, Ticket};

/// A call that is under way: [`wait`](Self::wait) gives what became of it.
///
/// Dropping it does not take anything back.
#[derive(Debug)]
#[must_use]
pub struct Pending<T> {
    outcome: Receiver<Result<T, Error>>,
}

impl<T> Pending<T> {
    /// Waits for the outcome.
    ///
    /// # Errors
    /// Those of the call that returned it.
    pub fn wait(self) -> Result<T, Error> {
        // Every accepted call has an outcome; without one, the client was closed.
        self.outcome.recv().unwrap_or(Err(Error::Closed))
    }

    /// Waits for the outcome for a time; returns itself when that has passed.
    ///
    /// # Errors
    /// Itself, to be waited for again.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<T, Error>, Self> {
        match self.outcome.recv_timeout(timeout) {
            Ok(outcome) => Ok(outcome),
            Err(RecvTimeoutError::Timeout) => Err(self),
            Err(RecvTimeoutError::Disconnected) => Ok(Err(Error::Closed)),
        }
    }
}

/// Who is told of an outcome.
pub(super) enum Waiter<T> {
    /// A thread that waits for it. It is told by the driver, so that a call from inside a callback
    /// does not wait for the dispatcher, which is itself.
    Thread(Sender<Result<T, Error>>),
    /// A callback, in order with the events.
    Callback(Box<dyn FnOnce(Result<T, Error>) + Send>),
}

impl<T: Send + 'static> Waiter<T> {
    /// A waiter for a thread, and what that thread waits on.
    pub(super) fn thread() -> (Self, Pending<T>) {
        let (sender, outcome) = bounded(1);
        (Self::Thread(sender), Pending { outcome })
    }

    pub(super) fn callback(callback: impl FnOnce(Result<T, Error>) + Send + 'static) -> Self {
        Self::Callback(Box::new(callback))
    }

    /// Tells a thread; for a callback, returns the call that tells it.
    pub(super) fn tell(self, outcome: Result<T, Error>) -> Option<Call> {
        match self {
            Self::Thread(waiter) => {
                // Where this fails, whoever waited has gone away.
                let _ = waiter.send(outcome);
                None
            }
            Self::Callback(callback) => Some(Box::new(move || callback(outcome))),
        }
    }

    /// A callback that is counted until it has run.
    fn counted(self, counter: &Arc<AtomicUsize>) -> Result<Self, Error> {
        let Self::Callback(callback) = self else { return Ok(self) };
        let counted = Counted(Arc::clone(counter));
        if counter.fetch_add(1, Ordering::Relaxed) >= MAX_PENDING {
            return Err(Error::TooManyPending);
        }
        Ok(Self::callback(move |outcome| {
            let _counted = counted;
            callback(outcome);
        }))
    }
}

/// Takes one from its counter when it goes.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is waited for.
pub(super) enum Awaited {
    Message(Waiter<Delivery>),
    Session(Waiter<()>),
}

impl Awaited {
    fn counted(self, counter: &Arc<AtomicUsize>) -> Result<Self, Error> {
        Ok(match self {
            Self::Message(waiter) => Self::Message(waiter.counted(counter)?),
            Self::Session(waiter) => Self::Session(waiter.counted(counter)?),
        })
    }

    fn close(self) -> Option<Call> {
        match self {
            Self::Message(waiter) => waiter.tell(Err(Error::Closed)),
            Self::Session(waiter) => waiter.tell(Err(Error::Closed)),
        }
    }
}

/// Whoever waits for something, by ticket.
///
/// The engine bounds what it has under way; this bounds the callbacks that have not run, which may
/// be of calls that the engine refused at once.
#[derive(Default)]
pub(super) struct Waiting {
    last_ticket: AtomicU64,
    awaited: Mutex<BTreeMap<Ticket, Awaited>>,
    callbacks: Arc<AtomicUsize>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("count", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Ticket, Awaited>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, awaited: Awaited) -> Result<Ticket, Error> {
        let awaited = awaited.counted(&self.callbacks)?;
        let ticket = self.last_ticket.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(ticket, awaited);
        Ok(ticket)
    }

    pub(super) fn take(&self, ticket: Ticket) -> Option<Awaited> {
        self.lock().remove(&ticket)
    }

    /// Tells everyone that the client is closed; returns the calls that tell callbacks.
    pub(super) fn close(&self) -> Vec<Call> {
        std::mem::take(&mut *self.lock()).into_values().filter_map(Awaited::close).collect()
    }
}
