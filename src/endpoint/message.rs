//! The values that endpoints hand out.

use std::net::SocketAddr;
use std::time::SystemTime;

use crate::net::{system_time, system_time_from_local};
use crate::proto::{Arrival, ClientEvent, Route, SentAt};
use crate::wire::{Nickname, Row};

/// A message from another client.
///
/// ```
/// use superchat::{Message, Route};
///
/// fn show(message: &Message) {
///     // `{:?}`: no terminal obeys what is in it.
///     match message.route {
///         Route::Direct | Route::Relayed => println!("{}: {:?}", message.sender, message.text),
///         Route::Stored => println!("{} wrote meanwhile: {:?}", message.sender, message.text),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Who wrote it.
    pub sender: Nickname,
    /// What it says. Anything can be in it, also what a terminal would obey: escape sequences, line ends,
    /// overrides of the direction.
    pub text: String,
    /// The way that it came.
    pub route: Route,
    /// When the server stored it (to the second, if that speaks the classic dialect); `None` if it
    /// came at once.
    pub sent_at: Option<SystemTime>,
}

/// What comes to a client that has an [`Inbox`](crate::Inbox).
///
/// ```
/// use superchat::Incoming;
///
/// fn show(incoming: Incoming) {
///     match incoming {
///         Incoming::Message(message) => println!("{}: {:?}", message.sender, message.text),
///         Incoming::Event(event) => println!("{event:?}"),
///         _ => {} // more may come in a later version
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming {
    /// A message from another client.
    Message(Message),
    /// Something that the client tells.
    Event(ClientEvent),
}

impl From<Arrival> for Message {
    fn from(arrival: Arrival) -> Self {
        let Arrival { sender, text, route, sent_at } = arrival;
        let stamp = match sent_at {
            None => return Self { sender, text, route, sent_at: None },
            Some(SentAt::Unix(time)) => {
                return Self { sender, text, route, sent_at: Some(system_time(time)) };
            }
            Some(SentAt::Local(stamp)) => stamp,
        };
        match system_time_from_local(stamp) {
            Some(time) => Self { sender, text, route, sent_at: Some(time) },
            // No clock here has shown this time: it stays a part of the text, so that none is lost.
            None => Self { sender, text: format!("{stamp} {text}"), route, sent_at: None },
        }
    }
}

/// A row of the table of users.
///
/// ```
/// use superchat::User;
///
/// fn count_online(users: &[User]) -> usize {
///     users.iter().filter(|user| user.online).count()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The user's nickname.
    pub nickname: Nickname,
    /// Where it is, or was last.
    pub address: SocketAddr,
    /// Whether it is there.
    pub online: bool,
    /// When the server last heard of it; `None` while it is online, or where that is not known (a
    /// server of the classic dialect does not tell).
    pub last_seen: Option<SystemTime>,
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        let Row { nickname, address, presence, last_seen, .. } = row;
        let last_seen = last_seen.map(system_time);
        Self { nickname, address, online: presence.is_online(), last_seen }
    }
}
