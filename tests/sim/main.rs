//! The whole protocol in a simulated world: virtual time, and nothing left to chance.
//!
//! [`faults`] has the faults of the program of 2017, [`server_answers`], [`server_limits`] and
//! [`client_answers`] what the engines say to whom. [`check`] and [`wire_check`] hold what must be
//! true all the time.
#![allow(dead_code, reason = "the runs with drawn faults use the rest")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the modules of a test are nobody else's")]

mod check;
mod classic;
mod classic_server;
mod client_answers;
mod faults;
mod host;
mod network;
mod script;
mod server_answers;
mod server_limits;
mod store;
mod verbs;
mod wire_check;
mod world;
