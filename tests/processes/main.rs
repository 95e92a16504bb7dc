//! The server in a process of its own: killed without a word, with a disk that fails, and flooded.
//! Clients are in the test's process. All go through the public API.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the modules of a test are nobody else's")]

mod disk;
mod flood;
mod hose;
mod kill;
mod ledger;
mod server;

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;

use self::server::ServerProcess;

/// The server's process: see [`server::serve`].
#[test]
#[ignore = "the other tests start it as a process"]
fn serve() {
    server::serve();
}

fn start(bind: &str, directory: &Path) -> ServerProcess {
    start_through(&[], bind, directory)
}

fn start_through(through: &[&str], bind: &str, directory: &Path) -> ServerProcess {
    let own_test = ["serve", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    ServerProcess::start(through, &own_test, bind, directory)
}

/// Prints a line that is seen although the test passes.
fn show(line: fmt::Arguments<'_>) {
    // Nobody waits for it where nobody reads it.
    let _ = writeln!(io::stderr(), "{line}");
}
