//! What is fuzzed: for each target a function that takes any bytes, and panics where a promise is broken.

mod bytes;
pub mod client;
pub mod decoder;
mod disk;
mod driven;
mod far;
pub mod journal;
pub mod mailbox;
pub mod server;
mod shelf;
