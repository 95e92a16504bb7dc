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

/// What is left to do for who was told.
pub(super) enum Told {
    /// It is a callback: this is to be called, in order with the events.
    Call(Call),
    /// It sleeps: this is to be done.
    Later(Later),
}

impl<T> Waiter<T> {
    /// A waiter, and what it waits on.
    pub(super) fn pending(client: Arc<dyn Hasten>) -> (Self, Pending<T>) {
        let (teller, pending) = pending(client);
        (Self::Pending(teller), pending)
    }

    /// Tells whoever waits, as far as that can be done at once; `first` is done before somebody can know.
    fn tell(
        self,
        outcome: Result<T, Error>,
        call: fn(Callback<T>, Result<T, Error>) -> Call,
        first: impl FnOnce(),
    ) -> Option<Told> {
        match self {
            Self::Pending(teller) => {
                first();
                teller.tell(outcome).map(Told::Later)
            }
            Self::Callback(callback) => Some(Told::Call(call(callback, outcome))),
        }
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
    fn close(self) -> Option<Told> {
        match self {
            Self::Message(waiter) => waiter.tell(Err(Error::Closed), Call::Message, || {}),
            Self::Session(waiter) => waiter.tell(Err(Error::Closed), Call::Session, || {}),
        }
    }
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

    fn take(&mut self, ticket: Ticket) -> Option<Awaited> {
        self.awaited.try_remove(usize::try_from(ticket).ok()?)
    }

    /// Tells what became of a message; `first` is done before somebody who waits can know.
    pub(super) fn tell_message(
        &mut self,
        ticket: Ticket,
        outcome: Result<Delivery, Error>,
        first: impl FnOnce(),
    ) -> Option<Told> {
        let Awaited::Message(waiter) = self.take(ticket)? else { return None };
        waiter.tell(outcome, Call::Message, first)
    }

    /// Tells what became of a registration, or of leaving, in the same way.
    pub(super) fn tell_session(
        &mut self,
        ticket: Ticket,
        outcome: Result<(), Error>,
        first: impl FnOnce(),
    ) -> Option<Told> {
        let Awaited::Session(waiter) = self.take(ticket)? else { return None };
        waiter.tell(outcome, Call::Session, first)
    }

    /// Tells everyone that the client is closed; returns what is left to do.
    pub(super) fn close(&mut self) -> Vec<Told> {
        self.awaited.drain().filter_map(Awaited::close).collect()
    }
}
