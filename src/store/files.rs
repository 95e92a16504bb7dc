//! File mailboxes: one file for each recipient, one JSON object a line, behind one journal for all.
//!
//! The invariants:
//! - a message is called stored only when the journal has it and is synced to the disk. Requests that
//!   are carried out together share that;
//! - what is in a mailbox is what is in its file, changed as the journal says. The files follow the
//!   journal when there is time: see [`settling`](super::settling);
//! - a file that is not a regular one made of messages is never read as a mailbox, appended to, or
//!   removed. A last line that a crash has torn is put aside, never delivered, never fatal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

use super::disk::Disk;
use super::journal::{Encoder, JOURNAL, Journal, REMEMBERED};
use super::line::{self, Line};
use super::listing::Listing;
use super::mailbox::{
    Change, Given, Mailbox, Mailboxes, Most, Size, Taken, contents, first, known_by,
};
use super::name::file_name;
use super::real_disk::RealDisk;
use super::{Store, StoreFigures, StoreLimits};
use crate::proto::{LastSeen, StoreAnswer, StoreRequest, StoredMessage, UnixTime};
use crate::wire::Nickname;

/// Messages that are read, and held in memory, at a time: between one batch and the next the recipient waits
/// for the disk.
pub(super) const BATCH: usize = 1024;

/// Bytes of them, past which no further one is read.
const BATCH_BYTES: u64 = 1 << 20;

/// Requests that have failed and are remembered: more than an engine has under way.
const MAX_FAILED: usize = 8192;

/// Bytes of the changes that are not in their files: they are in memory, and read again at a start.
/// Past it the files have to follow first.
pub(super) const MAX_UNSETTLED: usize = 64 << 20;

/// The mailboxes of one directory. See `docs/PROTOCOL.md` for what its files look like.
#[derive(Debug)]
pub struct FileStore<D: Disk = RealDisk> {
    pub(super) disk: D,
    /// Messages that one reading of a mailbox gives.
    pub(super) batch: usize,
    pub(super) limits: StoreLimits,
    /// Those that were looked at, or whose files lack something.
    pub(super) mailboxes: Mailboxes,
    /// What is known to have no file, while requests are carried out.
    pub(super) listing: Listing,
    pub(super) users: BTreeMap<Nickname, LastSeen>,
    pub(super) journal: Journal<D::File>,
    /// Changes that wait to be committed, oldest first.
    pub(super) staged: Vec<Staged>,
    /// The mailboxes whose files are to follow next.
    pub(super) unsettled: BTreeSet<String>,
    /// The mailbox whose turn it was last.
    pub(super) settled_last: String,
    /// Those whose files could not, of which the operator knows. One of them is tried again when another
    /// one could, and each when it is used.
    pub(super) stuck: BTreeSet<String>,
    /// Bytes of all changes that are not in their files.
    pub(super) unsettled_bytes: usize,
    /// The mailboxes that have such changes.
    pub(super) lagging: usize,
    /// The mailboxes in which too old messages are still to be looked for, and how old is too old.
    pub(super) expiring: VecDeque<String>,
    pub(super) expire_before: UnixTime,
    /// Mailboxes that have messages, and bytes of all.
    pub(super) filled: usize,
    pub(super) bytes: u64,
    pub(super) commits: u64,
    /// How long the journal may become until it is looked at how much of it is of use.
    pub(super) rewrite_past: u64,
    /// The journal lacks something that was done: it is to be written anew, however much of it is of use.
    pub(super) journal_lacks: bool,
    /// The last requests that failed: others may follow them.
    pub(super) failed: BTreeSet<u64>,
    /// The last commit failed, and the operator knows.
    pub(super) is_failing: bool,
    /// What the operator is to know.
    pub(super) faults: Vec<String>,
    /// Released when it is dropped.
    pub(super) _lock: D::Lock,
}

/// A request whose answer depends on the next commit.
#[derive(Debug)]
pub(super) struct Staged {
    /// Where its answer stands, if it has one.
    slot: Option<usize>,
    mailbox: String,
}

/// The answers to a batch of requests, as far as there are any.
type Slots = Vec<Option<StoreAnswer>>;

impl<D: Disk> Drop for FileStore<D> {
    fn drop(&mut self) {
        if self.journal.is_sound {
            // For who reads it. Where this fails, the NULs stay, and say nothing.
            let _ = self.journal.trim();
        }
    }
}

impl<D: Disk> FileStore<D> {
    fn append(
        &mut self,
        slot: usize,
        recipient: &Nickname,
        message: &StoredMessage,
    ) -> Result<(), String> {
        let name = file_name(recipient);
        let may_have = |mailbox: &Mailbox| mailbox.may_have(message.id);
        if self.mailboxes.get(&name).is_none_or(|it| it.is_to_be_looked_at() || may_have(it)) {
            self.look(&name)?;
        }
        let Some(mailbox) = self.mailboxes.get(&name) else { return Ok(()) };
        let line = Line::of(message);
        if may_have(mailbox) && self.has(&name, message, &line)? {
            // It may be there only since this batch.
            if mailbox.staged > 0 {
                self.staged.push(Staged { slot: Some(slot), mailbox: name });
            }
            return Ok(());
        }
        let size = mailbox.size;
        let length = line.bytes().len() as u64;
        let StoreLimits { mailboxes, mailbox_bytes, mailbox_messages, store_bytes } = self.limits;
        let reason = if size.bytes + length > mailbox_bytes || size.messages >= mailbox_messages {
            Some(format!("{name} is full"))
        } else if size.messages == 0 && self.filled >= mailboxes {
            Some("there are too many mailboxes".to_owned())
        } else if self.bytes + length > store_bytes {
            Some("the mailboxes together are full".to_owned())
        } else if self.unsettled_bytes > MAX_UNSETTLED && self.unsettled.is_subset(&self.stuck) {
            // Otherwise files follow before further requests: what is amid a batch need not be refused.
            Some("the files of the mailboxes cannot be written".to_owned())
        } else {
            None
        };
        if let Some(reason) = reason {
            self.forget_if_nothing(&name);
            self.unsettled.append(&mut self.stuck.clone());
            return Err(reason);
        }
        self.stage(Some(slot), name, Change::Added(line), |mailbox| {
            mailbox.added(message.id, length);
        });
        Ok(())
    }

    /// Whether this very message is in a mailbox.
    fn has(&self, name: &str, message: &StoredMessage, line: &Line) -> Result<bool, String> {
        let Some(mailbox) = self.mailboxes.get(name) else { return Ok(false) };
        let file = self.read(name, mailbox.seen)?;
        let is_same = |text: &&[u8]| match message.id {
            // A session alone proves nothing: see `docs/PROTOCOL.md`.
            Some(id) => line::read(text)
                .is_some_and(|other| other.id == Some(id) && other.sender == message.sender),
            None => *text == line.without_end(),
        };
        Ok(contents(&file, &mailbox.changes).iter().any(is_same))
    }

    fn load(&mut self, recipient: &Nickname) -> Result<Vec<StoredMessage>, String> {
        let name = file_name(recipient);
        if !self.mailboxes.contains_key(&name) && self.listing.lacks(&name) {
            return Ok(Vec::new());
        }
        self.look(&name)?;
        let (mut batch, mut loaded) = (Vec::new(), VecDeque::new());
        if let Some(mailbox) = self.mailboxes.get(&name) {
            let file = self.read_rest(&name, mailbox)?;
            let most = Most { messages: self.batch, bytes: BATCH_BYTES };
            for (line, given) in first(&file, &mailbox.changes, most) {
                batch.extend(line::read(line));
                loaded.push_back(Given { end: given.end.map(|end| mailbox.gone + end), ..given });
            }
        }
        if let Some(mailbox) = self.mailboxes.get_mut(&name) {
            mailbox.loaded = loaded;
            mailbox.loaded_is_there = true;
            if !mailbox.changes.is_empty() {
                // It can be used: what kept its file from following is perhaps over.
                self.unsettled.insert(name.clone());
            }
        }
        self.forget_if_nothing(&name);
        Ok(batch)
    }

    /// All that is in a mailbox: for tests.
    ///
    /// # Errors
    /// Its file cannot be read as one.
    #[doc(hidden)]
    pub fn messages(&mut self, of: &Nickname) -> Result<Vec<StoredMessage>, String> {
        let name = file_name(of);
        self.look(&name)?;
        let Some(mailbox) = self.mailboxes.get(&name) else { return Ok(Vec::new()) };
        let file = self.read(&name, mailbox.seen)?;
        Ok(contents(&file, &mailbox.changes).into_iter().filter_map(line::read).collect())
    }

    /// Removes the first of the messages that were loaded last: those, and no others that somebody has
    /// put in their place.
    fn remove(&mut self, recipient: &Nickname, count: usize) -> Result<(), String> {
        let name = file_name(recipient);
        self.look(&name)?;
        let Some(mailbox) = self.mailboxes.get_mut(&name) else { return Ok(()) };
        let loaded: Vec<_> = mailbox.loaded.drain(..count.min(mailbox.loaded.len())).collect();
        let end = loaded.last().and_then(|last| last.end);
        let known = loaded.into_iter().map(|Given { digest, length, .. }| (digest, length));
        if mailbox.loaded_is_there {
            mailbox.gone = end.unwrap_or(mailbox.gone);
            self.take_out(name, known.collect());
            return Ok(());
        }
        let Some(mailbox) = self.mailboxes.get(&name) else { return Ok(()) };
        let file = self.read(&name, mailbox.seen)?;
        let there: BTreeSet<_> =
            contents(&file, &mailbox.changes).into_iter().map(known_by).collect();
        self.take_out(name, known.filter(|line| there.contains(line)).collect());
        Ok(())
    }

    /// Removes these lines from a mailbox.
    pub(super) fn take_out(&mut self, name: String, taken: Taken) {
        let Taken { digests, size } = taken;
        if digests.is_empty() {
            // No record says so: what cannot be read would hide all that comes after it.
            return;
        }
        let removed = Change::Removed(digests);
        self.stage(None, name, removed, |mailbox| mailbox.size.reduce(size));
    }

    /// Changes a mailbox, to be committed.
    fn stage(
        &mut self,
        slot: Option<usize>,
        name: String,
        change: Change,
        resize: impl FnOnce(&mut Mailbox),
    ) {
        let Some(mailbox) = self.mailboxes.get_mut(&name) else { return };
        self.journal.waiting().changed(&name, &change);
        self.unsettled_bytes += change.cost();
        let before = mailbox.size;
        self.lagging += usize::from(mailbox.changes.is_empty());
        mailbox.changes.push(change);
        mailbox.staged += 1;
        resize(mailbox);
        let after = mailbox.size;
        self.account(before, after);
        self.staged.push(Staged { slot, mailbox: name });
    }

    /// Makes what is staged durable. If it fails, nothing was added. What was removed was delivered
    /// and stays removed: the next journal says so, and only a crash before that brings it back.
    pub(super) fn commit(&mut self, slots: &mut Slots) -> Result<(), String> {
        if self.staged.is_empty() && !self.journal.has_waiting() {
            return Ok(());
        }
        let written = self.write_down().map_err(|error| {
            let reason = format!("{JOURNAL}: {error}");
            self.journal.forget_waiting();
            // What stays removed, and who is known, is written down as soon as there is time.
            self.note_journal_lacks();
            if !self.is_failing {
                self.faults.push(reason.clone());
            }
            reason
        });
        self.is_failing = written.is_err();
        for Staged { slot, mailbox } in std::mem::take(&mut self.staged) {
            if written.is_err() {
                self.undo(&mailbox);
            }
            if let Some(known) = self.mailboxes.get_mut(&mailbox) {
                known.staged = 0;
                self.unsettled.insert(mailbox);
            }
            let slot = slot.and_then(|slot| slots.get_mut(slot));
            if let (Err(reason), Some(Some(StoreAnswer::Appended { request, result, .. }))) =
                (&written, slot)
            {
                note_failed(&mut self.failed, *request);
                *result = Err(reason.clone());
            }
        }
        written
    }

    fn write_down(&mut self) -> io::Result<()> {
        let found = self.disk.metadata_without_time(JOURNAL)?;
        let is_ours = found.is_some_and(|found| self.journal.is(found));
        if is_ours && self.journal.is_sound {
            self.journal.commit()?;
        } else {
            // It has failed, or somebody has removed it.
            self.rewrite_journal()?;
        }
        self.commits += 1;
        Ok(())
    }

    /// Takes back what was added to a mailbox and not committed.
    fn undo(&mut self, name: &str) {
        let Some(mailbox) = self.mailboxes.get_mut(name) else { return };
        let (before, lagged) = (mailbox.size, !mailbox.changes.is_empty());
        let committed = mailbox.changes.len().saturating_sub(mailbox.staged);
        mailbox.staged = 0;
        for change in mailbox.changes.split_off(committed) {
            match &change {
                Change::Added(line) => {
                    self.unsettled_bytes = self.unsettled_bytes.saturating_sub(change.cost());
                    let bytes = line.bytes().len() as u64;
                    mailbox.size.reduce(Size { bytes, messages: 1 });
                }
                Change::Removed(_) => mailbox.changes.push(change),
            }
        }
        let after = mailbox.size;
        self.lagging -= usize::from(lagged && mailbox.changes.is_empty());
        self.account(before, after);
        self.forget_if_nothing(name);
    }

    /// Writes the journal anew: what is not in the files of the mailboxes, and the users.
    pub(super) fn rewrite_journal(&mut self) -> io::Result<()> {
        let snapshot = Encoder::snapshot(&self.users, &self.mailboxes);
        self.journal.replace(&self.disk, &snapshot)?;
        self.rewrite_past = rewrite_past(self.journal.length);
        self.journal_lacks = false;
        Ok(())
    }

    /// Something could not be written to the journal. It is written anew as soon as there is time; if that fails, when it has
    /// grown as much.
    pub(super) fn note_journal_lacks(&mut self) {
        (self.rewrite_past, self.journal_lacks) = (0, true);
    }

    /// About how many bytes of the journal say what nothing else does.
    pub(super) fn useful(&self) -> u64 {
        let users = self.users.keys().map(|nickname| nickname.as_str().len() + REMEMBERED);
        (users.sum::<usize>() + self.unsettled_bytes) as u64
    }

    /// How much is in a mailbox has changed.
    pub(super) fn account(&mut self, before: Size, after: Size) {
        self.bytes = (self.bytes + after.bytes).saturating_sub(before.bytes);
        let filled = self.filled + usize::from(after.messages > 0);
        self.filled = filled.saturating_sub(usize::from(before.messages > 0));
    }

    pub(super) fn forget_if_nothing(&mut self, name: &str) {
        if self.mailboxes.get(name).is_some_and(Mailbox::is_nothing) {
            self.mailboxes.remove(name);
        }
    }

    /// What is remembered of a user.
    #[must_use]
    pub fn user(&self, nickname: &Nickname) -> Option<LastSeen> {
        self.users.get(nickname).copied()
    }

    fn remember(&mut self, nickname: Nickname, last: LastSeen) {
        self.journal.waiting().remembered(&nickname, last);
        self.users.insert(nickname, last);
    }

    fn forget(&mut self, nickname: &Nickname) {
        if self.users.remove(nickname).is_some() {
            self.journal.waiting().forgotten(nickname);
        }
    }

    /// Carries out one request, of which this is the number among those of its batch.
    fn carry_out(&mut self, request: StoreRequest, slots: &mut Slots) -> Option<StoreAnswer> {
        let slot = slots.len();
        match request {
            StoreRequest::Append { request, follows, recipient, message } => {
                let result = if follows.is_some_and(|before| self.failed.contains(&before)) {
                    Err("the message before it was not saved".to_owned())
                } else {
                    self.append(slot, &recipient, &message)
                };
                if result.is_err() {
                    note_failed(&mut self.failed, request);
                }
                Some(StoreAnswer::Appended { request, recipient, result })
            }
            StoreRequest::Load { request, recipient } => {
                let name = file_name(&recipient);
                if self.mailboxes.get(&name).is_some_and(Mailbox::has_staged_message) {
                    // What is delivered must not turn out to be refused.
                    let _ = self.commit(slots);
                }
                let result = self.load(&recipient);
                Some(StoreAnswer::Loaded { request, recipient, result })
            }
            StoreRequest::Remove { recipient, count } => {
                let removed = self.remove(&recipient, count);
                removed.err().map(|reason| StoreAnswer::NotRemoved { recipient, reason })
            }
            StoreRequest::Remember { nickname, last } => {
                self.remember(nickname, last);
                None
            }
            StoreRequest::Forget { nickname } => {
                self.forget(&nickname);
                None
            }
            StoreRequest::Expire { before } => {
                self.begin_expiry(before);
                None
            }
        }
    }
}

/// Remembers that a request has failed, as long as another may follow it.
fn note_failed(failed: &mut BTreeSet<u64>, request: u64) {
    failed.insert(request);
    if failed.len() > MAX_FAILED {
        failed.pop_first();
    }
}

impl<D: Disk> FileStore<D> {
    /// Whether the journal is to be written anew before anything else is done.
    pub(super) fn journal_is_too_long(&self) -> bool {
        self.rewrite_past < u64::MAX
            && self.journal.length > self.rewrite_past.saturating_add(MAX_UNSETTLED as u64)
    }
}

/// How long a journal may become of which so many bytes are of use: half of it, and 64 KiB, may be of none any more.
pub(super) fn rewrite_past(useful: u64) -> u64 {
    2 * useful + (64 << 10)
}

impl<D: Disk> Store for FileStore<D> {
    fn apply(&mut self, requests: Vec<StoreRequest>) -> Vec<StoreAnswer> {
        let mut slots = Vec::with_capacity(requests.len());
        let loads = requests.iter().filter(|it| matches!(it, StoreRequest::Load { .. })).count();
        self.listing.begin(&self.disk, loads, self.filled);
        for request in requests {
            let answer = self.carry_out(request, &mut slots);
            slots.push(answer);
        }
        self.listing.end();
        // If it fails, the answers say so.
        let _ = self.commit(&mut slots);
        slots.into_iter().flatten().collect()
    }

    fn is_behind(&self) -> bool {
        self.unsettled_bytes > MAX_UNSETTLED && !self.unsettled.is_empty()
            || self.journal_is_too_long()
    }

    fn tend(&mut self) -> Option<Vec<StoreAnswer>> {
        self.step()
    }

    fn users(&self) -> Vec<(Nickname, LastSeen)> {
        self.users.iter().map(|(nickname, last)| (nickname.clone(), *last)).collect()
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures {
            mailboxes: self.filled as u64,
            bytes: self.bytes,
            commits: self.commits,
            journal_bytes: self.journal.room,
            unsettled: self.lagging as u64,
        }
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
