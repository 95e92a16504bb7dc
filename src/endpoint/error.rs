//! What can go wrong, in one enum: the same causes, by the same names, in Rust, C and Python.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::MAX_TEXT;
use crate::proto::{Failure, LimitError};
use crate::wire::{MAX_DATAGRAM, Nickname, NicknameError, Visible};

/// Why a call did not do what it was asked to.
///
/// Its text is one line that names the thing and has the reason in it, so there is no
/// [`source`](std::error::Error::source) to be printed besides: the system's error is a field.
///
/// ```
/// use superchat::{Error, Server};
///
/// match Server::builder().directory("/nobody/has/this").start() {
///     Err(error @ Error::Directory { .. }) => println!("{error}"),
///     Err(Error::Bind { address, reason }) if reason.kind() == std::io::ErrorKind::AddrInUse => {
///         println!("somebody is at {address} already");
///     }
///     Err(other) => return Err(other),
///     Ok(_) => unreachable!("there is no such directory"),
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A host name or port does not lead to an address.
    #[error("cannot find the address {address:?}: {reason}")]
    Address {
        /// What was to be resolved.
        address: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// The socket could not be bound, for example because the port is in use.
    #[error("cannot bind {address}: {reason}")]
    Bind {
        /// Where to.
        address: SocketAddr,
        /// The system's reason.
        reason: io::Error,
    },
    /// The server's directory cannot be written.
    #[error("cannot use the directory {path:?}: {reason}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// A directory is one server's, and this one has one.
    #[error("the directory {path:?} is in use by another server")]
    DirectoryInUse {
        /// The directory.
        path: PathBuf,
    },
    /// A limit that a server was to have is out of its range.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// The system has no file descriptors left for an inbox.
    #[error("cannot make an inbox: {0}")]
    Descriptor(io::Error),
    /// The system has no random numbers to give.
    #[error("no random numbers: {0}")]
    Random(io::Error),
    /// A nickname is not allowed: see [`Nickname`].
    #[error("the nickname {text:?} is not allowed: {reason}")]
    Nickname {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: NicknameError,
    },
    /// Somebody else is online under this nickname.
    #[error("{nickname} is already online")]
    NameTaken {
        /// The nickname.
        nickname: Nickname,
    },
    /// The client is offline: register first.
    #[error("the client is not registered")]
    NotRegistered,
    /// The table of users does not have this nickname.
    #[error("there is no user {nickname}")]
    UnknownUser {
        /// The nickname.
        nickname: Nickname,
    },
    /// The message is longer than 1 MiB, or than the one datagram that a recipient of the classic
    /// dialect can take.
    #[error("the message is too long: {bytes} bytes, at most {limit}")]
    TooLong {
        /// How long it is; in a datagram, as it would be on the wire.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The server refused, in its own words.
    #[error("the server refused: {}", Visible(.0))]
    Refused(String),
    /// The server did not answer five tries, 500 ms apart, or said that it goes down.
    #[error("the server at {server} is not responding")]
    ServerNotResponding {
        /// The server's address.
        server: SocketAddr,
    },
    /// Too many calls wait for their outcome: 1024 messages or 64 MiB of them, 16 registrations, or 1024 callbacks.
    #[error("too many calls wait for their outcome; wait for some of them")]
    TooManyPending,
    /// The client is closed, or was closed before the outcome was known.
    #[error("the client is closed")]
    Closed,
}

impl Error {
    pub(super) fn from_failure(failure: Failure, server: SocketAddr) -> Self {
        match failure {
            Failure::NameTaken(nickname) => Self::NameTaken { nickname },
            Failure::UnknownUser(nickname) => Self::UnknownUser { nickname },
            Failure::NotRegistered => Self::NotRegistered,
            Failure::TooLong(bytes) => {
                let limit = if bytes > MAX_TEXT { MAX_TEXT } else { MAX_DATAGRAM };
                Self::TooLong { bytes, limit }
            }
            Failure::Refused(text) => Self::Refused(text),
            Failure::ServerNotResponding => Self::ServerNotResponding { server },
            Failure::TooManyPending => Self::TooManyPending,
            Failure::Closed => Self::Closed,
        }
    }
}

/// Parses a nickname, keeping the text for the error.
pub(super) fn nickname(text: &str) -> Result<Nickname, Error> {
    Nickname::new(text).map_err(|reason| Error::Nickname { text: text.to_owned(), reason })
}
