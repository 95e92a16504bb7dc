//! The C library, built by a plain `cargo build --release`, as C programs use it: compiled with
//! every warning an error, linked with the shared and the static library, and run.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub)]

mod examples;
mod library;
mod programs;
mod toolchain;
mod versions;
