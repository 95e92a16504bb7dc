//! Calls that wait for their outcome.
//!
//! The invariant: whoever waits is told once. What the engine has no outcome for, because its driver
//! ended, is told that the client is closed.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slab::Slab;

use super::Error;
use super::pending::{Pending, Teller, pending};
use crate::net::{Later, Port};
use crate::proto::{self, Delivery, MAX_PENDING, Ticket};

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
    pub(super) fn pending(port: &Arc<Port<proto::Client>>) -> (Self, Pending<T>) {
        let (teller, pending) = pending(Arc::clone(port));
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

    /// A waiter that calls a callback.
    pub(super) fn callback<T>(
        &self,
        run: impl FnOnce(Result<T, Error>) + Send + 'static,
    ) -> Result<Waiter<T>, Error> {
        let counted = Counted(Arc::clone(&self.callbacks));
        if self.callbacks.fetch_add(1, Ordering::Relaxed) >= MAX_PENDING {
            return Err(Error::TooManyPending);
        }
        Ok(Waiter::Callback(Callback { run: Box::new(run), counted }))
    }

    pub(super) fn add(&self, awaited: Awaited) -> Ticket {
        self.lock().insert(awaited) as Ticket
    }

    /// Takes back who waits.
    pub(super) fn take(&self, ticket: Ticket) -> Option<Awaited> {
        self.lock().try_remove(usize::try_from(ticket).ok()?)
    }

    /// Tells what became of a message; `first` is done before somebody who waits can know.
    pub(super) fn tell_message(
        &self,
        ticket: Ticket,
        outcome: Result<Delivery, Error>,
        first: impl FnOnce(),
    ) -> Option<Told> {
        let Awaited::Message(waiter) = self.take(ticket)? else { return None };
        waiter.tell(outcome, Call::Message, first)
    }

    /// Tells what became of a registration, or of leaving, in the same way.
    pub(super) fn tell_session(
        &self,
        ticket: Ticket,
        outcome: Result<(), Error>,
        first: impl FnOnce(),
    ) -> Option<Told> {
        let Awaited::Session(waiter) = self.take(ticket)? else { return None };
        waiter.tell(outcome, Call::Session, first)
    }

    /// Tells everyone that the client is closed; returns what is left to do.
    pub(super) fn close(&self) -> Vec<Told> {
        let awaited = std::mem::take(&mut *self.lock());
        awaited.into_iter().filter_map(|(_, awaited)| awaited.close()).collect()
    }
}
