//! The public API over real sockets, on the loopback interface. Each test has its own server, in its
//! own directory, at a port that the system chose. A deadline here only bounds how long a failure
//! takes; nothing is judged by time.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod crowd;
mod endpoints;
mod errors;
#[path = "../processes/hose.rs"]
#[allow(dead_code, unreachable_pub, reason = "the flood is a test of its own")]
mod hose;
mod hostile;
mod inbox;
mod mailboxes;
mod peer;
mod pending;
mod stats;

use superchat::{Client, Server};
use tempfile::TempDir;

/// A server in a directory of its own, which goes when both are dropped.
fn server() -> (TempDir, Server) {
    let directory = TempDir::new().unwrap();
    let server = Server::builder().directory(directory.path()).start().unwrap();
    (directory, server)
}

fn client(nickname: &str, server: &Server) -> Client {
    Client::builder(nickname).server(server.address().to_string()).connect().unwrap()
}
