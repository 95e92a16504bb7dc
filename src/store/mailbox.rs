//! What is in a mailbox: the lines of its file, changed as the journal says.
//!
//! The invariant: the same changes lead to the same messages, however many of them, first ones first,
//! were brought into the file before. So nobody has to know how far the writing of a file had come
//! when a crash ended it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::hash::Hasher as _;
use std::str::FromStr;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::disk::Metadata;
use super::line::{self, Line};
use crate::wire::{MessageId, Session};

/// What a line is known by. It has 128 bits, and no key: nobody finds two lines with the same that the
/// server would write, because the time and the number in them are not the author's to choose freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digest(u128);

impl Digest {
    /// That of a line without its end.
    pub(super) fn of(line: &[u8]) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(line);
        Self(hasher.finish128().as_u128())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Digest {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// What was done to a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// A message was added.
    Added(Line),
    /// These were delivered, or were too old.
    Removed(BTreeSet<Digest>),
}

impl Change {
    /// About how many bytes it takes, in memory and in the journal.
    pub(super) fn cost(&self) -> usize {
        64 + match self {
            Self::Added(line) => line.bytes().len(),
            Self::Removed(digests) => 33 * digests.len(),
        }
    }
}

/// The lines of a mailbox, without their ends: those of its file, after these changes.
pub(super) fn contents<'a>(file: &'a [u8], changes: &'a [Change]) -> Vec<&'a [u8]> {
    if changes.is_empty() {
        return lines(file).collect();
    }
    let mut all: Vec<Option<&[u8]>> = lines(file).map(Some).collect();
    let mut places: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
    for (place, line) in lines(file).enumerate() {
        places.entry(Digest::of(line)).or_default().push(place);
    }
    for change in changes {
        match change {
            Change::Added(line) => {
                let line = line.without_end();
                // It may be in the file already.
                places.entry(Digest::of(line)).or_insert_with(|| {
                    all.push(Some(line));
                    vec![all.len() - 1]
                });
            }
            Change::Removed(digests) => {
                for place in digests.iter().filter_map(|digest| places.remove(digest)).flatten() {
                    if let Some(line) = all.get_mut(place) {
                        *line = None;
                    }
                }
            }
        }
    }
    all.into_iter().flatten().collect()
}

/// The first lines of [`contents`], until they are so many messages, or so many bytes, and where each ends
/// in the file, if it is there. It looks no further into the file than it has to.
pub(super) fn first<'a>(
    file: &'a [u8],
    changes: &'a [Change],
    Most { messages, bytes }: Most,
) -> Vec<(&'a [u8], Given)> {
    let removed: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Removed(digests) => Some(digests),
            Change::Added(_) => None,
        })
        .collect();
    let (mut batch, mut size, mut end) = (Vec::new(), 0, 0);
    for line in lines(file) {
        if batch.len() >= messages || size >= bytes {
            return batch;
        }
        let (digest, length) = known_by(line);
        end += length;
        if !removed.iter().any(|digests| digests.contains(&digest)) {
            size += length;
            batch.push((line, Given { digest, length, end: Some(end) }));
        }
    }
    // What was added comes after all that is in the file.
    for line in contents(file, changes).into_iter().skip(batch.len()) {
        if batch.len() >= messages || size >= bytes {
            break;
        }
        let (digest, length) = known_by(line);
        size += length;
        batch.push((line, Given { digest, length, end: None }));
    }
    batch
}

/// How much is read of a mailbox at a time: the one that is reached first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) messages: usize,
    pub(super) bytes: u64,
}

/// A line that was given out to be delivered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    pub(super) digest: Digest,
    /// Its bytes, with its end.
    pub(super) length: u64,
    /// Where it ends in the file, counted from where the file was read, if it is there.
    pub(super) end: Option<u64>,
}

/// What the file of a mailbox was when it was read last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was not read.
    #[default]
    Nothing,
    /// There is none.
    Absent,
    /// It is one of messages. If it is another one now, somebody has changed it.
    File(Metadata),
}

/// How much is in a mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) bytes: u64,
    pub(super) messages: usize,
}

impl Size {
    /// So much was removed.
    pub(super) fn reduce(&mut self, by: Self) {
        self.bytes = self.bytes.saturating_sub(by.bytes);
        self.messages = self.messages.saturating_sub(by.messages);
    }
}

/// Lines that are to be removed.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) digests: BTreeSet<Digest>,
    pub(super) size: Size,
}

impl FromIterator<(Digest, u64)> for Taken {
    fn from_iter<I: IntoIterator<Item = (Digest, u64)>>(lines: I) -> Self {
        let mut taken = Self::default();
        for (digest, bytes) in lines {
            taken.digests.insert(digest);
            taken.size.bytes += bytes;
            taken.size.messages += 1;
        }
        taken
    }
}

/// What a line is known by, and its bytes with its end.
pub(super) fn known_by(line: &[u8]) -> (Digest, u64) {
    (Digest::of(line), line.len() as u64 + 1)
}

/// Mailboxes by the names of their files: in no order, so who goes through them puts them into one.
pub(super) type Mailboxes = HashMap<String, Mailbox>;

/// What is known of a mailbox.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    pub(super) seen: Seen,
    /// What is not in the file yet, oldest first.
    pub(super) changes: Vec<Change>,
    /// How many of them, last ones, are not committed.
    pub(super) staged: usize,
    /// What was given out to be delivered, in the order in which it is removed.
    pub(super) loaded: VecDeque<Given>,
    /// Whether all of that is still in it.
    pub(super) loaded_is_there: bool,
    /// Bytes in front of the file, as it was seen, of which every line was removed: whatever the changes
    /// are, they lead to the same messages without them.
    pub(super) gone: u64,
    /// There is no file, and was none when it was looked at for the first time, nor a change: nothing of it is on the
    /// disk, not even a file that was removed and may come back after a power cut.
    pub(super) is_fresh: bool,
    /// Its file could not be read or written: what is in it, and what of that is on the disk, is not known.
    pub(super) is_doubtful: bool,
    /// What is in the file and the changes together.
    pub(super) size: Size,
    /// At least the last number of each author's messages in it. They come in the order of their
    /// numbers: only one that is not higher can be there already.
    last: BTreeMap<Session, u64>,
}

impl Mailbox {
    /// It was found to have these lines.
    pub(super) fn found(&mut self, seen: Seen, size: Size, last: BTreeMap<Session, u64>) {
        (self.seen, self.size, self.last) = (seen, size, last);
        self.loaded_is_there = false;
        self.rewind();
    }

    /// Its file is another one.
    pub(super) fn rewind(&mut self) {
        self.gone = 0;
        self.loaded.iter_mut().for_each(|given| given.end = None);
    }

    /// Whether this message may be in it.
    pub(super) fn may_have(&self, id: Option<MessageId>) -> bool {
        let Some(MessageId { author, number }) = id else { return true };
        self.last.get(&author).is_some_and(|last| number <= *last)
    }

    /// A message was added to it.
    pub(super) fn added(&mut self, id: Option<MessageId>, bytes: u64) {
        self.size.bytes += bytes;
        self.size.messages += 1;
        note_last(&mut self.last, id);
    }

    /// Bytes of the changes that are not in the file.
    pub(super) fn cost(&self) -> usize {
        self.changes.iter().map(Change::cost).sum()
    }

    /// Whether a message that was added is not committed.
    pub(super) fn has_staged_message(&self) -> bool {
        let mut staged = self.changes.iter().rev().take(self.staged);
        staged.any(|change| matches!(change, Change::Added(_)))
    }

    /// Whether its file is to be looked at before something is added. Where it lacks something, it is looked at when
    /// that is brought into it: whatever somebody does to it meanwhile, what was added comes behind that.
    pub(super) fn is_to_be_looked_at(&self) -> bool {
        self.changes.is_empty() || self.is_doubtful
    }

    /// Whether there is nothing to know of it.
    pub(super) fn is_nothing(&self) -> bool {
        self.changes.is_empty() && self.loaded.is_empty() && self.seen == Seen::Absent
    }
}

/// How much these lines are, and the last number of each author's.
pub(super) fn measure(lines: &[&[u8]]) -> (Size, BTreeMap<Session, u64>) {
    let mut last = BTreeMap::new();
    let mut size = Size { bytes: 0, messages: lines.len() };
    for line in lines {
        size.bytes += line.len() as u64 + 1;
        note_last(&mut last, line::identify(line).flatten());
    }
    (size, last)
}

fn note_last(last: &mut BTreeMap<Session, u64>, id: Option<MessageId>) {
    if let Some(MessageId { author, number }) = id {
        let last = last.entry(author).or_default();
        *last = number.max(*last);
    }
}

/// What comes after the last line of a file that has an end.
#[derive(Debug)]
pub(super) enum Tail {
    /// Nothing, as it should be.
    None,
    /// A message that lacks only the end of its line.
    Unended,
    /// The beginning of a line whose writing was cut short.
    Torn,
}

/// Reads the bytes of a file line by line. Returns the length of its whole lines, and what follows.
///
/// # Errors
/// It is no mailbox. Says why, in words that go on from its name.
pub(super) fn check(bytes: &[u8]) -> Result<(usize, Tail), String> {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (whole, rest) = bytes.split_at(end);
    if let Some(at) = lines(whole).position(|line| line::identify(line).is_none()) {
        return Err(format!("is not a mailbox: line {} is no message", at + 1));
    }
    match rest {
        [] => Ok((end, Tail::None)),
        _ if line::read(rest).is_some() => Ok((end, Tail::Unended)),
        _ if line::is_torn(rest) => Ok((end, Tail::Torn)),
        _ => Err("is not a mailbox: its last line is no message".to_owned()),
    }
}

/// The lines of a file, without their ends.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
