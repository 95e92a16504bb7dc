//! The C functions of `include/superchat.h`.
//!
//! The invariants: no panic crosses into C; a null handle, string or out pointer is an error with a
//! status, never a crash; what C is given stays its own until the function's comment says otherwise.
//! All the crate's `unsafe` is here, and each has the contract that it relies on beside it: the one
//! that the header states to its reader.
//!
//! Every comment on a public item ends up in the header, so it speaks to a C programmer.
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]
// Public to C, which no Rust path leads to.
#![allow(unreachable_pub)]

mod boundary;
mod client;
mod events;
mod held;
mod limits;
mod polled;
mod server;
mod sized;
mod stats;
mod status;
mod strings;
