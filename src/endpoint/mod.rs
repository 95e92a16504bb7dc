//! The public `Server` and `Client`: builders, blocking calls, and the threads behind them.
//!
//! An endpoint has a driver thread (socket and timers: `net`), a dispatcher thread that runs the
//! callbacks, and, for a server, a thread for the store. The invariants:
//!
//! - callbacks run one at a time, in order, with no lock held;
//! - the dispatcher's queue is bounded: while it is full nothing is acknowledged that would add to
//!   it, so its sender sends it again;
//! - any call is safe on any thread, a callback included; only closing from inside a callback does
//!   not wait for the threads, since it is on one of them.

mod client;
mod dispatcher;
mod error;
mod log;
mod message;
mod resolve;
mod server;
mod threads;
mod waiting;

/// The longest message, in bytes of UTF-8.
const MAX_TEXT: usize = 1 << 20;

pub use client::{Client, ClientBuilder};
pub use error::Error;
pub use message::{Message, User};
pub use server::{Server, ServerBuilder};
pub use waiting::Pending;

/// A number that nobody can guess.
fn random() -> Result<u64, Error> {
    getrandom::u64().map_err(|error| Error::Random(error.into()))
}
