//! The targets, for the fuzzer. `tests/corpus.rs` takes them from the same place.

#[path = "../targets/mod.rs"]
mod targets;

pub use targets::*;
