//! What the store does when there is time: the files follow the journal, and what is too old goes.
//!
//! The invariant: a file is called settled only when it is synced, with its name. Messages are added
//! to the end of it; otherwise it is written beside the old one, and takes its place.

use std::collections::BTreeSet;
use std::io;
use std::ops::Bound;

use super::disk::{Disk, DiskFile as _, replace};
use super::files::{FileStore, rewrite_past};
use super::journal::JOURNAL;
use super::mailbox::{Change, Mailbox, Seen, Taken, contents, known_by, lines};
use super::{line, name};
use crate::proto::{StoreAnswer, UnixTime};
use crate::wire::Nickname;

impl<D: Disk> FileStore<D> {
    /// One step of what there is to do, if there is anything.
    pub(super) fn step(&mut self) -> Option<Vec<StoreAnswer>> {
        if !self.faults.is_empty() {
            let fault = |reason| StoreAnswer::Fault { reason };
            return Some(std::mem::take(&mut self.faults).into_iter().map(fault).collect());
        }
        if self.journal_is_too_long() {
            return Some(self.shorten_journal());
        }
        if let Some(name) = self.next_unsettled() {
            return Some(self.settle_or_say_why_not(name));
        }
        if let Some(name) = self.expiring.pop_front() {
            return Some(self.expire(name));
        }
        (self.journal.length > self.rewrite_past).then(|| self.shorten_journal())
    }

    /// The mailbox whose turn it is, in the order of their names: where there are many, a message has had time to be
    /// delivered until then, and need not be written into a file and out of it.
    fn next_unsettled(&mut self) -> Option<String> {
        let after = (Bound::Excluded(&self.settled_last), Bound::Unbounded);
        let next =
            self.unsettled.range::<String, _>(after).next().or(self.unsettled.first()).cloned()?;
        self.unsettled.remove(&next);
        self.settled_last.clone_from(&next);
        Some(next)
    }

    /// Writes the journal anew, unless half of it is of use: where users only come, all of it is.
    fn shorten_journal(&mut self) -> Vec<StoreAnswer> {
        let most = rewrite_past(self.useful());
        if !self.journal_lacks && self.journal.length <= most {
            self.rewrite_past = most;
            return Vec::new();
        }
        let Err(error) = self.rewrite_journal() else { return Vec::new() };
        // It is tried again with the next commit if it has to be, otherwise when it has grown as much.
        self.rewrite_past = rewrite_past(self.journal.length);
        vec![StoreAnswer::Fault { reason: format!("{JOURNAL}: {error}") }]
    }

    fn settle_or_say_why_not(&mut self, name: String) -> Vec<StoreAnswer> {
        let Err(reason) = self.settle(&name) else {
            self.stuck.remove(&name);
            let after = (Bound::Excluded(name), Bound::Unbounded);
            let next = self.stuck.range(after).next().or(self.stuck.first()).cloned();
            self.unsettled.extend(next);
            return Vec::new();
        };
        if let Some(mailbox) = self.mailboxes.get_mut(&name) {
            mailbox.is_doubtful = true;
        }
        let is_new = self.stuck.insert(name);
        is_new.then_some(StoreAnswer::Fault { reason }).into_iter().collect()
    }

    /// Brings the changes of a mailbox into its file.
    fn settle(&mut self, name: &str) -> Result<(), String> {
        self.look(name)?;
        let Some(mailbox) = self.mailboxes.get(name) else { return Ok(()) };
        if mailbox.changes.is_empty() {
            return Ok(());
        }
        let file = self.read(name, mailbox.seen)?;
        let fail = |error: io::Error| format!("{name}: {error}");
        self.write_file(name, mailbox, &file).map_err(fail)?;
        let seen = match self.disk.metadata(name).map_err(fail)? {
            None => Seen::Absent,
            Some(found) if found.length == mailbox.size.bytes => Seen::File(found),
            // Somebody has changed it since.
            Some(_) => Seen::Nothing,
        };
        self.settled(name, seen);
        Ok(())
    }

    fn write_file(&self, name: &str, mailbox: &Mailbox, file: &[u8]) -> io::Result<()> {
        let all = contents(file, &mailbox.changes);
        if all.is_empty() {
            if mailbox.is_fresh && !mailbox.is_doubtful {
                // All was delivered before a file was made for it.
                return Ok(());
            }
            if mailbox.seen != Seen::Absent {
                self.disk.remove(name)?;
            }
            return self.disk.sync();
        }
        let only_added = mailbox.changes.iter().all(|change| matches!(change, Change::Added(_)));
        if file.is_empty() || !only_added || mailbox.is_doubtful {
            return replace(&self.disk, name, &with_ends(&all));
        }
        let new = all.get(lines(file).count()..).unwrap_or_default();
        let mut open = self.disk.append(name)?;
        open.write(&with_ends(new)).and_then(|()| open.sync()).inspect_err(|_| {
            // Half a line must not stay in front of the next one. If it does, it is found there; and
            // what could not be synced is not taken for what is on the disk: see `is_doubtful`.
            let _ = open.truncate(file.len() as u64);
        })
    }

    fn settled(&mut self, name: &str, seen: Seen) {
        let Some(mailbox) = self.mailboxes.get_mut(name) else { return };
        self.unsettled_bytes = self.unsettled_bytes.saturating_sub(mailbox.cost());
        self.lagging = self.lagging.saturating_sub(usize::from(!mailbox.changes.is_empty()));
        mailbox.changes.clear();
        mailbox.seen = seen;
        mailbox.is_fresh &= seen == Seen::Absent;
        mailbox.rewind();
        mailbox.is_doubtful = false;
        if self.journal.is_sound {
            self.journal.waiting().settled(name);
            // Not synced: who reads the changes again finds them in the file. If it fails, the
            // journal is written anew.
            if self.journal.write().is_err() {
                self.note_journal_lacks();
            }
        }
        self.forget_if_nothing(name);
    }

    /// Begins to remove what was taken before that time.
    pub(super) fn begin_expiry(&mut self, before: UnixTime) {
        self.expire_before = before;
        if !self.expiring.is_empty() {
            // The last time is not over: whoever comes late in the order must not wait for ever.
            return;
        }
        let listed = self.disk.list().unwrap_or_default();
        let named = listed.into_iter().filter(|name| name::is_file_name(name));
        let mut names: BTreeSet<_> = named.collect();
        names.extend(self.mailboxes.keys().cloned());
        self.expiring = names.into_iter().collect();
    }

    /// Removes what is too old from a mailbox. What is none is left alone.
    fn expire(&mut self, name: String) -> Vec<StoreAnswer> {
        let Ok(senders) = self.take_out_old(&name) else { return Vec::new() };
        match self.commit(&mut Vec::new()) {
            Ok(()) if senders.is_empty() => Vec::new(),
            Ok(()) => {
                let recipient = name::nickname(&name).unwrap_or(name);
                vec![StoreAnswer::Expired { recipient, senders }]
            }
            // The operator is told.
            Err(_) => Vec::new(),
        }
    }

    fn take_out_old(&mut self, name: &str) -> Result<Vec<Nickname>, String> {
        self.look(name)?;
        let Some(mailbox) = self.mailboxes.get(name) else { return Ok(Vec::new()) };
        let file = self.read(name, mailbox.seen)?;
        let (mut old, mut senders) = (Vec::new(), Vec::new());
        for text in contents(&file, &mailbox.changes) {
            if let Some(message) = line::read(text).filter(|it| it.time < self.expire_before) {
                old.push(text);
                senders.push(message.sender);
            }
        }
        let old: Taken = old.into_iter().map(known_by).collect();
        if senders.is_empty() {
            self.forget_if_nothing(name);
        } else {
            if let Some(mailbox) = self.mailboxes.get_mut(name) {
                mailbox.loaded_is_there = false;
            }
            self.take_out(name.to_owned(), old);
        }
        Ok(senders)
    }
}

fn with_ends(lines: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    bytes
}
