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
//! registers again.
//!
//! This page is short, and has all of the interface; `docs/RUST.md` is the guide that takes its time.
//!
//! # A first program
//!
//! A server and two clients, which may as well be three programs on three machines:
//!
//! ```
//! use superchat::{Client, Delivery, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! let server = Server::builder().bind("localhost:0").directory(directory).start()?;
//! let at = server.address().to_string();
//!
//! let sonic = Client::builder("sonic")
//!     .server(&at)
//!     .on_message(|message| println!("{}: {:?}", message.sender, message.text))
//!     .connect()?;
//! let lanking = Client::builder("lanking").server(&at).connect()?;
//!
//! assert_eq!(lanking.send("sonic", "hi")?, Delivery::Received);
//! sonic.close();
//! assert_eq!(lanking.send("sonic", "until tomorrow")?, Delivery::Stored);
//! # Ok(())
//! # }
//! ```
//!
//! Port 0 is any free one. The directory is where the mailboxes are, of one server at a time.
//!
//! # Receipts
//!
//! [`Client::send`] returns when it is known what became of the message:
//!
//! | outcome | what it means |
//! |---|---|
//! | [`Delivery::Received`] | the recipient's program has it, directly |
//! | [`Delivery::Relayed`] | the recipient's program has it, through the server |
//! | [`Delivery::Stored`] | it is on the server's disk; the recipient gets it when it is back |
//! | [`Error::UnknownUser`], [`Error::TooLong`], [`Error::TooManyPending`] | nobody has it |
//! | [`Error::Refused`] | the server does not take it, and says why; if it was tried directly before, the recipient may have it |
//! | [`Error::NotRegistered`], [`Error::ServerNotResponding`], [`Error::Closed`] | the client went offline, lost its server, or ended first: if the message was on its way, it may have come, or come yet |
//!
//! # Receiving by callbacks
//!
//! [`on_message`](ClientBuilder::on_message) and [`on_event`](ClientBuilder::on_event) are called on one thread
//! of the client's own, one at a time, in order, and may call anything, the client included. A channel takes
//! what comes elsewhere. (For a client in its own callback, see the [`chat`][examples] example.)
//!
//! # Receiving by an iterator
//!
//! [`connect_with_inbox`](ClientBuilder::connect_with_inbox) leaves the thread to you: an [`Inbox`] is an
//! iterator, with the methods of a channel's receiver. The [`bot`][examples] example is one loop over it.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let server = superchat::Server::builder().directory(directory.path()).start()?;
//! # let server = server.address().to_string();
//! use superchat::{Client, Incoming};
//!
//! let (sonic, inbox) = Client::builder("sonic").server(&server).connect_with_inbox()?;
//! # sonic.send("sonic", "quit")?;
//! for incoming in &inbox {
//!     if let Incoming::Message(message) = incoming {
//!         if message.text == "quit" {
//!             break;
//!         }
//!         sonic.post(message.sender.as_str(), &message.text)?.wait()?; // an echo
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Receiving in an event loop
//!
//! An inbox has a file descriptor. Where a loop tells for as long as it is readable (`poll`, `select`),
//! [`Inbox::dispatch`] takes what is there. Where it tells only that it became readable, as `mio` does,
//! [`Inbox::try_recv`] takes until nothing is left:
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let server = superchat::Server::builder().directory(directory.path()).start()?;
//! # let server = server.address().to_string();
//! use std::os::fd::AsRawFd;
//! use std::sync::mpsc::TryRecvError;
//! use mio::{Events, Interest, Poll, Token, unix::SourceFd};
//! use superchat::{Client, Incoming};
//!
//! let (sonic, inbox) = Client::builder("sonic").server(&server).connect_with_inbox()?;
//! let mut poll = Poll::new()?;
//! poll.registry().register(&mut SourceFd(&inbox.as_raw_fd()), Token(0), Interest::READABLE)?;
//!
//! let mut events = Events::with_capacity(16);
//! 'run: loop {
//!     poll.poll(&mut events, None)?;
//!     // Here, the other sources of the loop; for Token(0):
//!     loop {
//!         match inbox.try_recv() {
//!             Ok(Incoming::Message(message)) => println!("{:?}", message.text),
//!             Ok(_) => sonic.close(), // an example has to end
//!             Err(TryRecvError::Empty) => break,
//!             Err(TryRecvError::Disconnected) => break 'run,
//!         }
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Async
//!
//! Any executor will do, and no thread is needed. A [`Pending`] is a future, and [`Inbox::recv_async`] takes what
//! comes:
//!
//! ```
//! use superchat::{Client, Delivery, Incoming};
//!
//! async fn talk(server: &str) -> Result<(), Box<dyn std::error::Error>> {
//!     // Registering would wait for the server: it is awaited instead.
//!     let builder = Client::builder("sonic").server(server).register(false);
//!     let (sonic, inbox) = builder.connect_with_inbox()?;
//!     sonic.post_register("sonic")?.await?;
//!     assert_eq!(sonic.post("sonic", "a word to myself")?.await?, Delivery::Received);
//!     while let Ok(incoming) = inbox.recv_async().await {
//!         if let Incoming::Message(message) = incoming {
//!             assert_eq!(message.text, "a word to myself");
//!             break;
//!         }
//!     }
//!     // So that closing has nobody to wait for.
//!     sonic.post_deregister()?.await?;
//!     Ok(())
//! }
//! # let directory = tempfile::tempdir()?;
//! # let server = superchat::Server::builder().directory(directory.path()).start()?;
//! # pollster::block_on(talk(&server.address().to_string()))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What waits all the same: looking up the name of a host (`connect`, `start`; an address needs none), and
//! closing while a server or client does not answer, up to a second. For these a runtime has `spawn_blocking`.
//!
//! # Posting
//!
//! [`Client::post`] does not wait: it returns a [`Pending`], to be waited for, awaited, or dropped.
//! [`Client::post_then`] has a callback called with the outcome, in order with the messages and events.
//! What is posted to one recipient comes in that order. Up to 1024 messages may be under way:
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let server = superchat::Server::builder().directory(directory.path()).start()?;
//! # let server = server.address().to_string();
//! # let sonic = superchat::Client::builder("sonic").server(&server).connect()?;
//! # let lanking = superchat::Client::builder("lanking").server(&server).connect()?;
//! let pending: Result<Vec<_>, _> = (0..100).map(|n| lanking.post("sonic", &n.to_string())).collect();
//! for pending in pending? {
//!     pending.wait()?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Presence
//!
//! [`Client::users`] is the table of who registered; [`ClientEvent::UsersChanged`] says that it is another now.
//! [`ClientEvent::ServerLost`] and [`ServerDown`](ClientEvent::ServerDown) say that the server is gone, and
//! [`Registered`](ClientEvent::Registered) that it is back: the client registers again by itself. (With a
//! server of 2017, [`Client::register`] does.) Direct messages go on meanwhile.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let server = superchat::Server::builder().directory(directory.path()).start()?;
//! # let server = server.address().to_string();
//! # let lanking = superchat::Client::builder("lanking").server(&server).connect()?;
//! let online = lanking.users().into_iter().filter(|user| user.online);
//! for user in online {
//!     println!("{} is at {}", user.nickname, user.address);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! One enum, [`Error`], has every cause, and names what is wrong. Each function says which it returns. A
//! callback that panics is reported, and the next one is called. What others wrote, in [`Message::text`], may
//! have anything in it: `{:?}` and the [examples] print it so that no terminal obeys it.
//!
//! # Closing
//!
//! [`Client::close`] and [`Server::stop`] wait for their threads, so that no callback runs afterwards; so does
//! dropping. What is pending fails with [`Error::Closed`]; an inbox gives what it has, and ends. A server that
//! stops has everything on disk that it called stored. From inside a callback they return at once.
//!
//! # Threads
//!
//! [`Client`], [`Server`], [`Inbox`] and [`Pending`] are `Send` and `Sync`, and every method takes `&self`: lend
//! them to scoped threads, or put them in an [`Arc`](std::sync::Arc).
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let server = superchat::Server::builder().directory(directory.path()).start()?;
//! # let server = server.address().to_string();
//! # let sonic = superchat::Client::builder("sonic").server(&server).connect()?;
//! # let lanking = superchat::Client::builder("lanking").server(&server).connect()?;
//! std::thread::scope(|scope| {
//!     for name in ["sonic", "lanking"] {
//!         let lanking = &lanking;
//!         scope.spawn(move || lanking.send(name, "hi"));
//!     }
//! });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Testing a program
//!
//! A server at port 0 of `localhost` in a temporary directory, as in the first program, is a real one, starts
//! in milliseconds, and ends with the test: there is nothing to mock. `register(false)` makes a client that is
//! offline; who drops its [`Inbox`], or [pauses](Inbox::pause) it, is one whose messages are stored.
//!
//! # Logs and figures
//!
//! [`Server::stats`] and [`Client::stats`] have the figures. What happens is logged through `tracing`, in a
//! span for each endpoint: nothing, until the program installs a subscriber. `docs/METRICS.md` says what
//! to make of both.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `capi` | yes | the C functions of `include/superchat.h`, exported by every library that the crate is linked into |
//! | `python` | no | the Python module; built by maturin, not for use from Rust |
//!
//! A Rust program needs neither: `superchat = { version = "0.1", default-features = false }`.
//!
//! # Versions
//!
//! Rust 1.91 or later, on Linux. A later minor version may need a later Rust, a patch release does not. Versions
//! follow semantic versioning: before 1.0 a minor version may break, and a patch release adds at most. What is
//! public is in `tests/public-api.txt`; what is not in it (`proto`, `store`, `wire` are for the crate's own tests)
//! is no part of the promise, and neither is the text of an error. Enums and structs that may grow are
//! `#[non_exhaustive]`; [`Delivery`] and [`Route`] are complete, so that a `match` on them has to say what it does.
//!
//! How it works: `wire` (datagrams) ← `proto` (the engines: plain values, with no clock, socket or
//! thread) ← `store` and `net` (files; the socket and its thread) ← [`Server`] and [`Client`] ← the C
//! functions and the Python module. `ARCHITECTURE.md` has the whole picture.
//!
//! [examples]: #examples
//!
//! # Examples
//!
//! In the directory `examples`: `cargo run --example server`, `chat` (callbacks), `bot` (an inbox).

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

/// What a pending of the C functions points to.
#[cfg(feature = "capi")]
pub(crate) use endpoint::Slot;
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
