//! What the server engine asks of a store, and what it is answered.

use super::UnixTime;
use crate::wire::{Datagram, MAX_DATAGRAM, Nickname};

/// A message that waits for its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Who wrote it.
    pub sender: Nickname,
    /// The message.
    pub text: String,
    /// When the server took it.
    pub time: UnixTime,
}

impl StoredMessage {
    /// What the local time in front of a stored message looks like.
    const STAMP: &str = "2017-03-01 15:28:35 ";

    /// Whether the datagram that delivers it is one that a classic client can read.
    ///
    /// It holds for every message that came by a datagram of [`MAX_DATAGRAM`] bytes or less: in
    /// either spelling the request to store it is longer than the delivery.
    #[must_use]
    pub fn is_deliverable(&self) -> bool {
        let text = format!("{}{}", Self::STAMP, self.text);
        Datagram::Chat { sender: self.sender.clone(), text }.encode().len() <= MAX_DATAGRAM
    }
}

/// Something for the store to do. Requests are carried out in the order in which they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreRequest {
    /// Add a message to the end of a mailbox.
    Append {
        /// Comes back in the answer.
        request: u64,
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
}
