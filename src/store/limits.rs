//! How much is kept, and how much is.

/// How much a store keeps. Past it a message is refused, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Mailboxes: files in the directory.
    pub mailboxes: usize,
    /// Bytes of one mailbox.
    pub mailbox_bytes: u64,
    /// Messages in one mailbox.
    pub mailbox_messages: usize,
    /// Bytes of all mailboxes together.
    pub store_bytes: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            mailboxes: 65_536,
            // The longest message fits, even where each of its characters is an escape.
            mailbox_bytes: 8 << 20,
            mailbox_messages: 10_000,
            store_bytes: 1 << 30,
        }
    }
}

/// What a store has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// Mailboxes that have messages.
    pub mailboxes: u64,
    /// Bytes of all messages that wait, as they stand in the files.
    pub bytes: u64,
    /// Times that requests were made durable, many together, since the start.
    pub commits: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Mailboxes whose files lack what is in the journal.
    pub unsettled: u64,
}
