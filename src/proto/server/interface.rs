//! What goes into a server engine and comes out of it, besides datagrams.

use std::fmt;
use std::net::SocketAddr;

use crate::proto::{LastSeen, Limits, StoreAnswer, StoreRequest, UnixTime};
use crate::wire::{Nickname, Visible};

/// What a server engine is set up with.
#[derive(Debug, Clone, Copy)]
pub struct ServerConfig {
    /// How much of everything it takes: within their ranges.
    pub limits: Limits,
    /// Whether classic clients are refused.
    pub refuse_classic: bool,
    /// How a time reads in the server's own time zone: `YYYY-MM-DD HH:MM:SS`.
    pub local_time: fn(UnixTime) -> String,
}

/// What a server tells the program that it is embedded in.
///
/// Its [`Display`](fmt::Display) form is a line for a log, whatever is in it: control characters and what
/// turns a direction are spelled out.
///
/// ```
/// use superchat::ServerEvent;
///
/// fn log(event: &ServerEvent) {
///     match event {
///         ServerEvent::MailboxFault { .. } | ServerEvent::StoreFault { .. } => eprintln!("{event}"),
///         _ => println!("{event}"),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// Somebody asks for a nickname.
    RegisterRequest {
        /// The nickname.
        nickname: Nickname,
        /// Who asks.
        address: SocketAddr,
    },
    /// Somebody asks to go offline.
    DeregisterRequest {
        /// The nickname.
        nickname: Nickname,
        /// Who asks.
        address: SocketAddr,
    },
    /// Somebody could not reach the recipient and asks the server to.
    StoreRequest {
        /// Who asks.
        sender: Nickname,
        /// For whom the message is.
        recipient: Nickname,
    },
    /// No message waited for the one who just registered.
    MailboxEmpty {
        /// Who registered.
        nickname: Nickname,
    },
    /// A user is online.
    Online {
        /// The user.
        nickname: Nickname,
        /// Where.
        address: SocketAddr,
    },
    /// A user is offline.
    Offline {
        /// The user.
        nickname: Nickname,
    },
    /// A mailbox cannot be used.
    MailboxFault {
        /// Whose.
        nickname: Nickname,
        /// Why not; names the file.
        reason: String,
    },
    /// Stored messages were not fetched in time, and are removed. Who of their authors is here is told.
    MessagesExpired {
        /// For whom they were; or the name of the mailbox, where that is all there is.
        recipient: String,
        /// How many.
        count: usize,
    },
    /// Something is wrong with the files of the mailboxes.
    StoreFault {
        /// What; names the file.
        reason: String,
    },
}

impl fmt::Display for ServerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegisterRequest { nickname, .. } => {
                write!(f, "Incoming Registration Request from {nickname}")
            }
            Self::DeregisterRequest { nickname, .. } => {
                write!(f, "Incoming De-reg Request from {nickname}")
            }
            Self::StoreRequest { sender, .. } => {
                write!(f, "Incoming Offline Message Request from {sender}")
            }
            Self::MailboxEmpty { nickname } => write!(f, "No Offline Message for {nickname}"),
            Self::Online { nickname, address } => write!(f, "{nickname} is online at {address}"),
            Self::Offline { nickname } => write!(f, "{nickname} is offline"),
            Self::MailboxFault { nickname, reason } => {
                write!(f, "The mailbox of {nickname} cannot be used: {}", Visible(reason))
            }
            Self::MessagesExpired { recipient, count } => {
                write!(f, "{count} messages to {recipient} waited too long and are removed")
            }
            Self::StoreFault { reason } => write!(f, "The mailboxes: {}", Visible(reason)),
        }
    }
}

/// What a server engine is told, besides datagrams.
#[derive(Debug)]
pub enum ServerCommand {
    /// The store has done something.
    Store(StoreAnswer),
    /// Those who were known before the server started.
    Known(Vec<(Nickname, LastSeen)>),
    /// Tell everyone and stop; [`ServerEmit::Stopped`] says when that is done.
    Stop,
}

/// What a server engine passes on.
#[derive(Debug)]
pub enum ServerEmit {
    /// To the application.
    Event(ServerEvent),
    /// To the store.
    Store(StoreRequest),
    /// The engine is done.
    Stopped,
}
