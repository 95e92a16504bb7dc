//! Presence and direct messages that a program can embed.
//!
//! The invariant of the whole: a receipt tells the truth. [`Delivery::Received`] is said when the
//! recipient acknowledged the message, [`Delivery::Stored`] when the server has it on disk, and
//! nothing that was accepted is dropped in silence. Each message comes once, and the messages of one
//! sender in order, as long as both ends run on and no program of 2017 has a part in it: its
//! protocol, which is spoken too, has nothing to tell a repeat by.
//!
//! A [`Server`] keeps who is online where, and tells everyone of changes. A [`Client`] sends its
//! messages directly to its peers over UDP; where nothing is acknowledged for 500 ms they go to the
//! server, which passes them on if it can, or stores them and delivers them when the recipient
//! registers again. A client that has lost its server registers again by itself
//! ([`ClientEvent::ServerLost`]).
//!
//! How it works: `wire` (datagrams) ← `proto` (the engines: plain values, with no clock, socket or
//! thread) ← `store` and `net` (files; the socket and its thread) ← [`Server`] and [`Client`] ← the C
//! functions and the Python module. `ARCHITECTURE.md` has the whole picture.
//!
//! # Logs and figures
//!
//! [`Server::stats`] and [`Client::stats`] have the figures. What happens is logged through `tracing`, in a
//! span for each endpoint: nothing, until the program installs a subscriber. `docs/METRICS.md` says what
//! to make of both.
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

pub use endpoint::{
    Client, ClientBuilder, Error, Inbox, Incoming, Message, Pending, Server, ServerBuilder, User,
};
pub use proto::{ClientEvent, Delivery, LimitError, Limits, Route, ServerEvent, Stats};
pub use wire::{Nickname, NicknameError};

/// The Rust examples of the README are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The programs of the guide run.
#[cfg(doctest)]
#[doc = include_str!("../docs/RUST.md")]
struct Guide;
