//! Presence and direct messages that a program can embed.
//!
//! The invariant of the whole: a receipt tells the truth. [`Delivery::Received`] is said when the
//! recipient acknowledged the message, [`Delivery::Stored`] when the server has it on disk, and
//! nothing that was accepted is dropped in silence.
//!
//! A [`Server`] keeps who is online where, and pushes that table to everyone. A [`Client`] sends
//! its messages directly to its peers over UDP; a message that is not acknowledged within 500 ms
//! goes to the server, which passes it on if it can, or stores it and delivers it when the
//! recipient registers again.
//!
//! How it works: `wire` (datagrams) ← `proto` (the engines: plain values, with no clock, socket or
//! thread) ← `store` and `net` (files; the socket and its thread) ← [`Server`] and [`Client`] ← the C
//! functions and the Python module. `ARCHITECTURE.md` has the whole picture.
//!
//! # Features
//!
//! - `capi` (default): the C functions of `include/superchat.h`.
//! - `python`: the Python module, built by maturin.

#[cfg(feature = "capi")]
mod capi;
mod endpoint;
mod net;
#[cfg(feature = "python")]
mod python;
// Open to this crate's own tests, which drive the engines in a simulated network. No promise is
// made about them.
#[doc(hidden)]
pub mod proto;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod wire;

pub use endpoint::{Client, ClientBuilder, Error, Message, Pending, Server, ServerBuilder, User};
pub use proto::{ClientEvent, Delivery, Route, ServerEvent, Stats};
pub use wire::{Nickname, NicknameError};

/// The Rust examples of the README are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
