//! What the bytes of a mailbox are: whole lines, and perhaps what a crash has left of one more.
//!
//! The invariant: bytes are a mailbox only if every line is a message, but for a last one without an
//! end.

use std::collections::BTreeMap;

use super::line;
use crate::wire::{MessageId, Session};

/// What is known of a mailbox that was read.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Bytes in it. If it has another length now, somebody has changed it.
    pub(super) length: u64,
    /// The last number of each author's messages in it. They come in the order of their numbers:
    /// only one that is not higher can be there already.
    last: BTreeMap<Session, u64>,
}

impl Checked {
    /// A line was added to it, of this length with its end.
    pub(super) fn add(&mut self, length: u64, id: Option<MessageId>) {
        self.length += length;
        if let Some(MessageId { author, number }) = id {
            let last = self.last.entry(author).or_default();
            *last = number.max(*last);
        }
    }

    /// Whether this message may be in it.
    pub(super) fn may_have(&self, id: MessageId) -> bool {
        self.last.get(&id.author).is_some_and(|last| id.number <= *last)
    }
}

/// What comes after the last line that has an end.
#[derive(Debug)]
pub(super) enum Tail {
    /// Nothing, as it should be.
    None,
    /// A message that lacks only the end of its line. What is known of the mailbox counts both.
    Unended,
    /// The beginning of a line whose writing was cut short. It is not counted.
    Torn,
}

/// Reads the bytes of a mailbox line by line.
///
/// # Errors
/// It is none. Says why, in words that go on from its name.
pub(super) fn check(bytes: &[u8]) -> Result<(Checked, Tail), String> {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (whole, rest) = bytes.split_at(end);
    let mut checked = Checked::default();
    for (index, text) in lines(whole).enumerate() {
        let Some(message) = line::read(text) else {
            return Err(format!("is not a mailbox: line {} is no message", index + 1));
        };
        checked.add(text.len() as u64 + 1, message.id);
    }
    if rest.is_empty() {
        return Ok((checked, Tail::None));
    }
    if let Some(message) = line::read(rest) {
        checked.add(rest.len() as u64 + 1, message.id);
        return Ok((checked, Tail::Unended));
    }
    if line::is_torn(rest) {
        return Ok((checked, Tail::Torn));
    }
    Err("is not a mailbox: its last line is no message".to_owned())
}

/// The lines of a mailbox, without their ends.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}
