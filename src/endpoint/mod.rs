//! The public `Server` and `Client`: builders, blocking calls, and the threads behind them.
//!
//! An endpoint has a driver thread (socket and timers: `net`), a dispatcher thread that runs the
//! callbacks, unless the application has an inbox and takes what comes by itself, and, for a server, a
//! thread for the store. The invariants:
//!
//! - callbacks run one at a time, in order, with no lock held;
//! - what waits for the application is bounded: while that is full nothing is acknowledged that would
//!   add to it, so its sender sends it again;
//! - any call is safe on any thread, a callback included; only closing from inside a callback does
//!   not wait for the threads, since it is on one of them.

mod bell;
mod client;
mod client_builder;
mod client_outlet;
mod dispatcher;
mod error;
mod inbox;
mod log;
mod message;
mod outbox;
mod pending;
mod resolve;
mod server;
mod server_builder;
mod storing;
mod threads;
mod waiting;

/// The longest message, in bytes of UTF-8.
const MAX_TEXT: usize = 1 << 20;

pub use client::Client;
pub use client_builder::ClientBuilder;
pub use error::Error;
pub use inbox::Inbox;
pub use message::{Incoming, Message, User};
pub use pending::Pending;
#[cfg(feature = "capi")]
pub(crate) use pending::Slot;
pub use server::Server;
pub use server_builder::ServerBuilder;

/// A number that nobody can guess.
fn random() -> Result<u64, Error> {
    getrandom::u64().map_err(|error| Error::Random(error.into()))
}
