//! The engines: the whole behaviour of a server and of a client, as plain values.
//!
//! The invariant: an engine has no socket, thread, clock, lock or source of randomness, and nothing
//! in it depends on an order that differs from run to run. What happens depends on the inputs
//! alone, so that a simulator replays any run from its seed.
//!
//! The loop around an engine, whoever drives it:
//!
//! 1. [`Engine::handle`] one input: a datagram, a command, or the passing of the deadline;
//! 2. [`Engine::poll_output`] until it returns `None`: datagrams to send, things to pass on;
//! 3. wait for the next input, until [`Engine::deadline`] at the most.
//!
//! Where several datagrams have come, each may be [taken](Engine::take), with its outputs, and what is due
//! then done [for all of them](Engine::flush): so that one ack is for all.
//!
//! Storage is an input and an output like the rest: the server engine emits a [`StoreRequest`],
//! and is given the [`StoreAnswer`] as a command.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

mod bundle;
mod client;
mod directory;
mod flow;
mod flows;
mod incoming;
mod limits;
mod link;
mod repeats;
mod round_trip;
mod server;
mod stats;
mod storage;
mod time;
mod timers;

use std::net::SocketAddr;

pub use client::{
    Arrival, Client, ClientCommand, ClientEmit, ClientEvent, Delivery, Failure, MAX_PENDING, Route,
    SentAt, Ticket,
};
pub use limits::{LimitError, Limits};
pub use server::{Server, ServerCommand, ServerConfig, ServerEmit, ServerEvent};
pub use stats::Stats;
pub use storage::{LastSeen, StoreAnswer, StoreRequest, StoredMessage};
pub use time::{Instant, Now};

pub use crate::wire::UnixTime;

/// What happens to an engine.
#[derive(Debug)]
pub enum Input<'a, C> {
    /// A datagram came.
    Datagram {
        /// Its source address.
        from: SocketAddr,
        /// Its bytes.
        payload: &'a [u8],
        /// Whether the application can take one more event. Where it cannot, a datagram that
        /// would lead to one is left unanswered, and its sender sends it again.
        room: bool,
    },
    /// The application or the store says something.
    Command(C),
    /// The deadline has passed.
    Deadline,
}

/// What an engine wants done.
#[derive(Debug)]
pub enum Output<E> {
    /// Send a datagram.
    Transmit {
        /// Where to.
        to: SocketAddr,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// Pass something on: to the application, or to the store.
    Emit(E),
}

/// A sans-IO state machine.
pub trait Engine {
    /// What the application and the store tell it.
    type Command;
    /// What it tells them.
    type Emit;

    /// Takes one input, and does what is due. The outputs are to be taken before the next.
    fn handle(&mut self, now: Now, input: Input<'_, Self::Command>) {
        self.take(now, input);
        self.flush(now);
    }

    /// Takes one input, and leaves what is due: more come at the same time. The outputs are to be taken
    /// before the next.
    fn take(&mut self, now: Now, input: Input<'_, Self::Command>);

    /// Does what is due. The outputs are to be taken before the next input.
    fn flush(&mut self, now: Now);

    /// The next output, until there is none.
    fn poll_output(&mut self) -> Option<Output<Self::Emit>>;

    /// When [`Input::Deadline`] is due, if ever.
    fn deadline(&self) -> Option<Instant>;

    /// Whether it holds something back that may go with what comes next.
    fn holds_back(&self) -> bool {
        false
    }

    /// What it has counted: cheap enough to be asked for with each input.
    fn counters(&self) -> Stats;

    /// The same, and how things stand with it.
    fn stats(&self) -> Stats {
        self.counters()
    }

    /// Whether its tables and queues are within their bounds: for the simulator, which asks after each
    /// input. It counts them, and so is not for use.
    fn is_within_bounds(&self) -> bool {
        true
    }
}
