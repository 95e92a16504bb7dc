//! What goes into a client engine and comes out of it, besides datagrams.

use chrono::NaiveDateTime;

use crate::wire::{Nickname, UnixTime};

/// Messages that wait for their outcome, over all recipients.
pub const MAX_PENDING: usize = 1024;

/// The caller's number for something that it waits for.
pub type Ticket = u64;

/// What became of a message. There are no others: a `match` says what it does in each case.
///
/// ```
/// use superchat::Delivery;
///
/// fn mark(delivery: Delivery) -> &'static str {
///     match delivery {
///         Delivery::Received | Delivery::Relayed => "✓✓",
///         Delivery::Stored => "✓",
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// The recipient acknowledged it.
    Received,
    /// The recipient acknowledged it to the server, which passed it on.
    Relayed,
    /// It is on the server's disk; the recipient gets it when it registers again.
    Stored,
}

/// The way that a message came. There are no others.
///
/// ```
/// use superchat::Route;
///
/// fn is_late(route: Route) -> bool {
///     match route {
///         Route::Direct | Route::Relayed => false,
///         Route::Stored => true,
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// From its sender's own address.
    Direct,
    /// Through the server, as it was sent.
    Relayed,
    /// Out of the server's mailbox.
    Stored,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Somebody else is online under this nickname.
    NameTaken(Nickname),
    /// The table of users does not have this nickname.
    UnknownUser(Nickname),
    /// The client is offline.
    NotRegistered,
    /// The message is longer than the limit, or than its classic recipient can read: its bytes.
    TooLong(usize),
    /// The server refused, in its own words.
    Refused(String),
    /// The server did not answer, or went down.
    ServerNotResponding,
    /// [`MAX_PENDING`] messages, or too many registrations, wait already.
    TooManyPending,
    /// The client is closed.
    Closed,
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Who wrote it.
    pub sender: Nickname,
    /// The message.
    pub text: String,
    /// The way that it came.
    pub route: Route,
    /// When the server stored it, if it did.
    pub sent_at: Option<SentAt>,
}

/// When a server stored a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentAt {
    /// By the server's own clock on the wall, to the second: all that the classic dialect tells.
    Local(NaiveDateTime),
    /// Exactly.
    Unix(UnixTime),
}

/// What a client tells the program that it is embedded in.
///
/// ```
/// use superchat::ClientEvent;
///
/// fn show(event: &ClientEvent) {
///     match event {
///         ClientEvent::Registered { nickname } => println!("online as {nickname}"),
///         ClientEvent::ServerLost | ClientEvent::ServerDown => println!("the server is gone"),
///         _ => {} // more may come in a later version
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The server accepted the nickname: the client is online.
    Registered {
        /// The nickname.
        nickname: Nickname,
    },
    /// The client is offline, by its own wish or the server's.
    Deregistered {
        /// The nickname that it had.
        nickname: Nickname,
    },
    /// A line from the server for the user, in the server's words.
    Notification {
        /// The line.
        text: String,
    },
    /// A new table of users came.
    UsersChanged,
    /// The recipient did not acknowledge a direct message in time; the server is asked.
    Unacknowledged {
        /// The recipient.
        recipient: Nickname,
    },
    /// The server said that it is going down.
    ServerDown,
    /// The server does not answer any more. The client registers again as soon as it does.
    ServerLost,
}

/// What a client engine is told, besides datagrams.
#[derive(Debug)]
pub enum ClientCommand {
    /// Go online under a nickname.
    Register {
        /// Comes back with the result.
        ticket: Ticket,
        /// The nickname.
        nickname: Nickname,
    },
    /// Go offline.
    Deregister {
        /// Comes back with the result.
        ticket: Ticket,
    },
    /// Send a message.
    Send {
        /// Comes back with the outcome.
        ticket: Ticket,
        /// For whom it is.
        recipient: Nickname,
        /// The message.
        text: String,
    },
    /// Somebody waits: what is held back, so that more goes with it, is sent.
    Hasten,
    /// Log off and end; [`ClientEmit::Closed`] says when that is done.
    Close,
}

/// What a client engine passes on.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientEmit {
    /// A message for the application.
    Message(Arrival),
    /// An event for the application.
    Event(ClientEvent),
    /// What became of a message.
    Sent(Ticket, Result<Delivery, Failure>),
    /// What became of a registration or deregistration.
    Session(Ticket, Result<(), Failure>),
    /// The engine is done.
    Closed,
}
