//! What callbacks are given.

use std::ffi::{c_char, c_void};
use std::time::SystemTime;

use super::strings::Text;
use crate::{ClientEvent, Delivery, Message, Nickname, Route, ServerEvent, User};

/// The pointer that a callback is given back. It goes to another thread.
#[derive(Clone, Copy)]
pub(super) struct Userdata(pub(super) *mut c_void);

// SAFETY: the header says that callbacks run on another thread, and that what `userdata` points to
// must be usable there.
unsafe impl Send for Userdata {}

// SAFETY: callbacks of one handle run one at a time, which the header says too.
unsafe impl Sync for Userdata {}

impl Userdata {
    /// Through a method, so that a closure takes the whole and not the pointer inside.
    pub(super) fn get(self) -> *mut c_void {
        self.0
    }
}

/// What became of a message. Later versions may have more: an unknown one is none of these.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum superchat_delivery {
    /// Nothing yet, or nothing good: see the status.
    None = 0,
    /// The recipient acknowledged it.
    Received = 1,
    /// The recipient acknowledged it to the server, which passed it on.
    Relayed = 2,
    /// It is on the server's disk; the recipient gets it when it registers again.
    Stored = 3,
}

impl From<Delivery> for superchat_delivery {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Received => Self::Received,
            Delivery::Relayed => Self::Relayed,
            Delivery::Stored => Self::Stored,
        }
    }
}

/// The way that a message came. Later versions may have more.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum superchat_route {
    /// From its sender's own address.
    Direct = 1,
    /// Through the server, as it was sent.
    Relayed = 2,
    /// Out of the server's mailbox.
    Stored = 3,
}

/// A message from another client. Its strings live until the callback returns. Later versions may have
/// more fields at its end.
#[repr(C)]
pub struct superchat_message {
    /// Who wrote it. Never NULL.
    pub sender: *const c_char,
    /// What it says, in UTF-8, with a NUL at its end. Anything can be in it, also what a terminal would
    /// obey: escape sequences, line ends, overrides of the direction. Never NULL.
    pub text: *const c_char,
    /// Bytes of the text without that NUL: others may be inside.
    pub text_length: usize,
    /// The way that it came.
    pub route: superchat_route,
    /// When the server stored it, in seconds since the Unix epoch; 0 if it came at once.
    pub sent_at: f64,
}

/// A row of the table of users. Its strings live until the callback returns. Later versions may have
/// more fields at its end.
#[repr(C)]
pub struct superchat_user {
    /// The nickname. Never NULL.
    pub nickname: *const c_char,
    /// Where the user is, or was last, as "host:port". Never NULL.
    pub address: *const c_char,
    /// Whether the user is there.
    pub online: bool,
    /// When the server last heard of the user, in seconds since the Unix epoch; 0 while the user is
    /// there, or where that is not known.
    pub last_seen: f64,
}

/// What a client's event is about.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum superchat_client_event_kind {
    /// The server accepted the nickname: the client is online.
    Registered = 1,
    /// The client is offline, by its own wish or the server's.
    Deregistered = 2,
    /// A line from the server for the user, in text.
    Notification = 3,
    /// A new table of users came.
    UsersChanged = 4,
    /// The recipient, in nickname, did not acknowledge a direct message in time; the server is
    /// asked.
    Unacknowledged = 5,
    /// The server said that it is going down.
    ServerDown = 6,
    /// The server does not answer any more. The client registers again as soon as it does.
    ServerLost = 7,
}

/// Something that a client tells. Its strings live until the callback returns. Later versions may have
/// more fields at its end.
#[repr(C)]
pub struct superchat_client_event {
    /// What it is about. Later versions may have more kinds.
    pub kind: superchat_client_event_kind,
    /// Whom it is about; empty where it is about nobody. Never NULL.
    pub nickname: *const c_char,
    /// What the server says; empty where it says nothing. Never NULL.
    pub text: *const c_char,
}

/// What a server's event is about.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum superchat_server_event_kind {
    /// Somebody at address asks for a nickname.
    RegisterRequest = 1,
    /// Somebody at address asks to go offline.
    DeregisterRequest = 2,
    /// The user nickname could not reach the user recipient and asks the server to.
    StoreRequest = 3,
    /// No message waited for the one who just registered.
    MailboxEmpty = 4,
    /// A user is online at address.
    Online = 5,
    /// A user is offline.
    Offline = 6,
    /// A mailbox cannot be used; text says why, and names the file.
    MailboxFault = 7,
    /// Messages to nickname were not fetched in time, and are removed; text says how many.
    MessagesExpired = 8,
    /// Something is wrong with the files of the mailboxes; text says what, and names the file.
    StoreFault = 9,
}

/// Something that a server tells. Its strings live until the callback returns. Later versions may have
/// more fields at its end.
#[repr(C)]
pub struct superchat_server_event {
    /// What it is about. Later versions may have more kinds.
    pub kind: superchat_server_event_kind,
    /// Whom it is about. Never NULL.
    pub nickname: *const c_char,
    /// For whom a message is; otherwise empty. Never NULL.
    pub recipient: *const c_char,
    /// Where, as "host:port"; otherwise empty. Never NULL.
    pub address: *const c_char,
    /// The event as a line for a log, fit for a terminal. Never NULL.
    pub text: *const c_char,
}

/// Called with each message.
pub type superchat_on_message =
    Option<unsafe extern "C" fn(userdata: *mut c_void, message: *const superchat_message)>;

/// Called with each event of a client, in order with its messages.
pub type superchat_on_client_event =
    Option<unsafe extern "C" fn(userdata: *mut c_void, event: *const superchat_client_event)>;

/// Called with each event of a server.
pub type superchat_on_server_event =
    Option<unsafe extern "C" fn(userdata: *mut c_void, event: *const superchat_server_event)>;

/// Called with each row of a table of users, before the function that was given it returns.
pub type superchat_on_user =
    Option<unsafe extern "C" fn(userdata: *mut c_void, user: *const superchat_user)>;

/// Seconds since the Unix epoch; 0 for none.
fn seconds(time: Option<SystemTime>) -> f64 {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// Has `callback`, if there is one, called with a message.
pub(super) fn give_message(callback: superchat_on_message, userdata: Userdata, message: &Message) {
    let Some(callback) = callback else { return };
    let (sender, text) = (Text::new(message.sender.as_str()), Text::new(&message.text));
    let message = superchat_message {
        sender: sender.as_ptr(),
        text: text.as_ptr(),
        text_length: text.len(),
        route: match message.route {
            Route::Direct => superchat_route::Direct,
            Route::Relayed => superchat_route::Relayed,
            Route::Stored => superchat_route::Stored,
        },
        sent_at: seconds(message.sent_at),
    };
    // SAFETY: the header asks for a function of this type that may be called on any thread; the
    // message and its strings live until it returns.
    unsafe { callback(userdata.get(), &raw const message) }
}

/// Has `callback`, if there is one, called with an event of a client.
pub(super) fn give_client_event(
    callback: superchat_on_client_event,
    userdata: Userdata,
    event: &ClientEvent,
) {
    let Some(callback) = callback else { return };
    use superchat_client_event_kind as kind;
    let (kind, nickname, text) = match event {
        ClientEvent::Registered { nickname } => (kind::Registered, nickname.as_str(), ""),
        ClientEvent::Deregistered { nickname } => (kind::Deregistered, nickname.as_str(), ""),
        ClientEvent::Notification { text } => (kind::Notification, "", text.as_str()),
        ClientEvent::UsersChanged => (kind::UsersChanged, "", ""),
        ClientEvent::Unacknowledged { recipient } => (kind::Unacknowledged, recipient.as_str(), ""),
        ClientEvent::ServerDown => (kind::ServerDown, "", ""),
        ClientEvent::ServerLost => (kind::ServerLost, "", ""),
    };
    let (nickname, text) = (Text::new(nickname), Text::new(text));
    let event = superchat_client_event { kind, nickname: nickname.as_ptr(), text: text.as_ptr() };
    // SAFETY: as for a message.
    unsafe { callback(userdata.get(), &raw const event) }
}

/// Has `callback`, if there is one, called with an event of a server.
pub(super) fn give_server_event(
    callback: superchat_on_server_event,
    userdata: Userdata,
    event: &ServerEvent,
) {
    let Some(callback) = callback else { return };
    use superchat_server_event_kind as kind;
    let line = Text::new(&event.to_string());
    let name = Nickname::as_str;
    let (kind, nickname, recipient, address) = match event {
        ServerEvent::RegisterRequest { nickname, address } => {
            (kind::RegisterRequest, name(nickname), "", Some(address))
        }
        ServerEvent::DeregisterRequest { nickname, address } => {
            (kind::DeregisterRequest, name(nickname), "", Some(address))
        }
        ServerEvent::StoreRequest { sender, recipient } => {
            (kind::StoreRequest, name(sender), name(recipient), None)
        }
        ServerEvent::MailboxEmpty { nickname } => (kind::MailboxEmpty, name(nickname), "", None),
        ServerEvent::Online { nickname, address } => {
            (kind::Online, name(nickname), "", Some(address))
        }
        ServerEvent::Offline { nickname } => (kind::Offline, name(nickname), "", None),
        ServerEvent::MailboxFault { nickname, .. } => {
            (kind::MailboxFault, name(nickname), "", None)
        }
        ServerEvent::MessagesExpired { recipient, .. } => {
            (kind::MessagesExpired, recipient.as_str(), "", None)
        }
        ServerEvent::StoreFault { .. } => (kind::StoreFault, "", "", None),
    };
    let (nickname, recipient) = (Text::new(nickname), Text::new(recipient));
    let address = Text::new(&address.map(ToString::to_string).unwrap_or_default());
    let event = superchat_server_event {
        kind,
        nickname: nickname.as_ptr(),
        recipient: recipient.as_ptr(),
        address: address.as_ptr(),
        text: line.as_ptr(),
    };
    // SAFETY: as for a message.
    unsafe { callback(userdata.get(), &raw const event) }
}

/// Has `callback` called with each row.
pub(super) fn give_users(
    callback: unsafe extern "C" fn(*mut c_void, *const superchat_user),
    userdata: *mut c_void,
    users: &[User],
) {
    for user in users {
        let nickname = Text::new(user.nickname.as_str());
        let address = Text::new(&user.address.to_string());
        let user = superchat_user {
            nickname: nickname.as_ptr(),
            address: address.as_ptr(),
            online: user.online,
            last_seen: seconds(user.last_seen),
        };
        // SAFETY: as for a message; and this is the caller's own thread.
        unsafe { callback(userdata, &raw const user) }
    }
}
