//! The public server.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::server_builder::ServerPort;
use super::storing::StoreGauges;
use super::threads::Threads;
use super::{ServerBuilder, User};
use crate::proto::{Limits, ServerCommand, Stats};

/// A running server: it keeps who is online where, and stores what cannot be delivered now.
///
/// It serves on threads of its own until [`stop`](Self::stop), or until it is dropped.
///
/// ```
/// let directory = tempfile::tempdir()?;
/// let server = superchat::Server::builder()
///     .bind("localhost:0")
///     .directory(directory.path())
///     .on_event(|event| eprintln!("{event}"))
///     .start()?;
/// assert!(server.users().is_empty());
/// assert_eq!(server.stats().users, 0);
/// assert_eq!(server.limits(), superchat::Limits::default());
/// server.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it is stopped when it is dropped"]
pub struct Server {
    pub(super) port: Arc<ServerPort>,
    pub(super) limits: Limits,
    pub(super) threads: Threads,
    pub(super) gauges: Arc<StoreGauges>,
    pub(super) dropped: Arc<AtomicBool>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Server {
    /// A server with everything at its default.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::new()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// What it was started with.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Everyone who registered, online or not, by nickname.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.port.query(|engine| engine.users().map(User::from).collect())
    }

    /// What it has counted since the start, and how things stand now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.port.stats();
        self.gauges.observe(&mut stats);
        stats
    }

    /// Tells everyone online that the server is down, waits a second at the most for their acks,
    /// and stops. Calling it again does nothing.
    pub fn stop(&self) {
        self.port.command(ServerCommand::Stop);
        self.threads.join();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        // From inside a callback that did not wait for the others.
        self.dropped.store(true, Ordering::Release);
    }
}
