//! Calls that wait for their outcome.
//!
//! The invariant: whoever waits is told once. What the engine has no outcome for, because its driver
//! ended, is told that the client is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slab::Slab;

use super::Error;
use super::pending::{Hasten, Pending, Teller, pending};
use crate::net::Later;
use crate::proto::{Delivery, MAX_PENDING, Ticket};

/// Who is told of an outcome.
pub(super) enum Waiter<T> {
    /// A thread or task that waits for it. It is told by the driver, so that a call from inside a callback
    /// does not wait for the dispatcher, which is itself.
    Pending(Teller<T>),
    /// A callback, in order with the events.
    Callback(Callback<T>),
}

/// A posted callback, which is counted until it has run.
pub(super) struct Callback<T> {
    run: Box<dyn FnOnce(Result<T, Error>) + Send>,
    counted: Counted,
}

/// A posted callback that has its outcome.
pub(super) enum Call {
    Message(Callback<Delivery>, Result<Delivery, Error>),
    Session(Callback<()>, Result<(), Error>),
}

impl Call {
    pub(super) fn run(self) {
        match self {
            Self::Message(callback, outcome) => callback.run(outcome),
            Self::Session(callback, outcome) => callback.run(outcome),
        }
    }
}

impl<T> Callback<T> {
    fn run(self, outcome: Result<T, Error>) {
        let Self { run, counted } = self;
        run(outcome);
        drop(counted);
    }
}

/// Somebody who waits, and the outcome.
pub(super) enum Tell {
    Message(Teller<Delivery>, Result<Delivery, Error>),
    Session(Teller<()>, Result<(), Error>),
}

impl Tell {
    /// Tells it. What is returned is to be done with no lock held.
    pub(super) fn run(self) -> Option<Later> {
        match self {
            Self::Message(teller, outcome) => teller.tell(outcome),
            Self::Session(teller, outcome) => teller.tell(outcome),
        }
    }
}

impl<T> Waiter<T> {
    /// A waiter, and what it waits on.
    pub(super) fn pending(client: Arc<dyn Hasten>) -> (Self, Pending<T>) {
        let (teller, pending) = pending(client);
        (Self::Pending(teller), pending)
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

/// Callbacks of calls, counted until they have run: the engine bounds what it has under way, and not those of calls
/// that it refused at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Callbacks(Arc<AtomicUsize>);

impl Callbacks {
    /// A waiter that calls a callback.
    pub(super) fn waiter<T>(
        &self,
        run: impl FnOnce(Result<T, Error>) + Send + 'static,
    ) -> Result<Waiter<T>, Error> {
        let counted = Counted(Arc::clone(&self.0));
        if self.0.fetch_add(1, Ordering::Relaxed) >= MAX_PENDING {
            return Err(Error::TooManyPending);
        }
        Ok(Waiter::Callback(Callback { run: Box::new(run), counted }))
    }
}

/// Whoever waits for something, by ticket. A ticket that was told is given out again.
#[derive(Default)]
pub(super) struct Waiting {
    /// A ticket is where it stands.
    awaited: Slab<Awaited>,
}

impl Waiting {
    pub(super) fn add(&mut self, awaited: Awaited) -> Ticket {
        self.awaited.insert(awaited) as Ticket
    }

    /// Who waits for the outcome of a message.
    pub(super) fn take_message(&mut self, ticket: Ticket) -> Option<Waiter<Delivery>> {
        match self.take(ticket)? {
            Awaited::Message(waiter) => Some(waiter),
            Awaited::Session(_) => None,
        }
    }

    /// Who waits for that of a registration, or of leaving.
    pub(super) fn take_session(&mut self, ticket: Ticket) -> Option<Waiter<()>> {
        match self.take(ticket)? {
            Awaited::Session(waiter) => Some(waiter),
            Awaited::Message(_) => None,
        }
    }

    /// Everyone who waits.
    pub(super) fn take_all(&mut self) -> Vec<Awaited> {
        self.awaited.drain().collect()
    }

    fn take(&mut self, ticket: Ticket) -> Option<Awaited> {
        self.awaited.try_remove(usize::try_from(ticket).ok()?)
    }
}
