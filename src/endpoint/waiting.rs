//! Calls that wait for their outcome.
//!
//! The invariant: whoever waits is told once. What the engine has no outcome for, because its driver
//! ended, is told that the client is closed.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task;

use slab::Slab;

use super::Error;
use super::outbox::Call;
use super::pending::{Pending, Teller, pending};
use crate::net::Port;
use crate::proto::{self, Delivery, MAX_PENDING, Ticket};

/// Who is told of an outcome.
pub(super) enum Waiter<T> {
    /// A thread or task that waits for it. It is told by the driver, so that a call from inside a callback
    /// does not wait for the dispatcher, which is itself.
    Pending(Teller<T>),
    /// A callback, in order with the events.
    Callback(Box<dyn FnOnce(Result<T, Error>) + Send>),
}

/// What is left to do for who was told.
pub(super) enum Told {
    /// It is a callback: this is to be called, in order with the events.
    Call(Call),
    /// It is a task: this is to be woken, with no lock held.
    Wake(task::Waker),
}

impl<T: Send + 'static> Waiter<T> {
    /// A waiter, and what it waits on.
    pub(super) fn pending(port: &Arc<Port<proto::Client>>) -> (Self, Pending<T>) {
        let (teller, pending) = pending(Arc::clone(port));
        (Self::Pending(teller), pending)
    }

    pub(super) fn callback(callback: impl FnOnce(Result<T, Error>) + Send + 'static) -> Self {
        Self::Callback(Box::new(callback))
    }

    /// Tells whoever waits, as far as that can be done at once.
    pub(super) fn tell(self, outcome: Result<T, Error>) -> Option<Told> {
        match self {
            Self::Pending(teller) => teller.tell(outcome).map(Told::Wake),
            Self::Callback(callback) => Some(Told::Call(Box::new(move || callback(outcome)))),
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

    fn close(self) -> Option<Told> {
        match self {
            Self::Message(waiter) => waiter.tell(Err(Error::Closed)),
            Self::Session(waiter) => waiter.tell(Err(Error::Closed)),
        }
    }
}

/// Whoever waits for something, by ticket. A ticket that was told is given out again.
///
/// The engine bounds what it has under way; this bounds the callbacks that have not run, which may
/// be of calls that the engine refused at once.
#[derive(Default)]
pub(super) struct Waiting {
    /// A ticket is where it stands.
    awaited: Mutex<Slab<Awaited>>,
    callbacks: Arc<AtomicUsize>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("count", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Slab<Awaited>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, awaited: Awaited) -> Result<Ticket, Error> {
        let awaited = awaited.counted(&self.callbacks)?;
        Ok(self.lock().insert(awaited) as Ticket)
    }

    pub(super) fn take(&self, ticket: Ticket) -> Option<Awaited> {
        self.lock().try_remove(usize::try_from(ticket).ok()?)
    }

    /// Tells everyone that the client is closed; returns what is left to do.
    pub(super) fn close(&self) -> Vec<Told> {
        let awaited = std::mem::take(&mut *self.lock());
        awaited.into_iter().filter_map(|(_, awaited)| awaited.close()).collect()
    }
}
