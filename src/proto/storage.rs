//! What the server engine asks of a store, and what it is answered.

use std::net::SocketAddr;

use super::UnixTime;
use crate::wire::{MessageId, Nickname};

/// A message that waits for its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Who wrote it.
    pub sender: Nickname,
    /// The message.
    pub text: String,
    /// When the server took it.
    pub time: UnixTime,
    /// Which message it is. A line that a program of 2017 wrote has none.
    pub id: Option<MessageId>,
}

/// What is remembered of a user across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSeen {
    /// Where it was.
    pub address: SocketAddr,
    /// When it was last heard of, as far as the store was told: when it came, went, or the server ended.
    pub time: UnixTime,
}

/// Something for the store to do. Requests are carried out in the order in which they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreRequest {
    /// Add a message to the end of a mailbox, unless it is there already.
    Append {
        /// Comes back in the answer.
        request: u64,
        /// To be done only if this request was: the one before it of the same author, if that is not
        /// answered yet. So a message is not stored where the one before it is refused.
        follows: Option<u64>,
        /// Whose mailbox.
        recipient: Nickname,
        /// What to add.
        message: StoredMessage,
    },
    /// Read the first messages of a mailbox.
    Load {
        /// Comes back in the answer.
        request: u64,
        /// Whose mailbox.
        recipient: Nickname,
    },
    /// Remove this many messages from the front of a mailbox: they were delivered.
    Remove {
        /// Whose mailbox.
        recipient: Nickname,
        /// How many.
        count: usize,
    },
    /// Know this user after a restart.
    Remember {
        /// Who it is.
        nickname: Nickname,
        /// Where and when it was last.
        last: LastSeen,
    },
    /// Do not.
    Forget {
        /// Who it was.
        nickname: Nickname,
    },
    /// Remove the messages that are older, one mailbox after the other.
    Expire {
        /// When the oldest ones were taken that stay.
        before: UnixTime,
    },
}

/// What the store has done. Whatever it says was done has reached the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAnswer {
    /// The message is in the mailbox, or why not.
    Appended {
        /// The number in the request.
        request: u64,
        /// Whose mailbox.
        recipient: Nickname,
        /// Why not: one line, for the sender and the operator.
        result: Result<(), String>,
    },
    /// The first messages, oldest first: some of them, or none if the mailbox is empty.
    Loaded {
        /// The number in the request.
        request: u64,
        /// Whose mailbox.
        recipient: Nickname,
        /// Why not: one line, for the operator.
        result: Result<Vec<StoredMessage>, String>,
    },
    /// A mailbox could not be shortened: what was delivered from it will be delivered again.
    NotRemoved {
        /// Whose mailbox.
        recipient: Nickname,
        /// Why not: one line, for the operator.
        reason: String,
    },
    /// Messages were removed from a mailbox, because they were too old.
    Expired {
        /// Whose; or the name of its file, where that is all there is.
        recipient: String,
        /// Who wrote them, oldest first.
        senders: Vec<Nickname>,
    },
    /// Something is wrong that is nobody's request.
    Fault {
        /// What: one line, for the operator.
        reason: String,
    },
}
