//! What the store does when there is time: the files follow the journal, and what is too old goes.
//!
//! The invariant: a file is called settled only when it is synced, with its name. Messages are added
//! to the end of it; otherwise it is written beside the old one, and takes its place.

use std::collections::BTreeSet;
use std::io;

use super::disk::{Disk, DiskFile as _, replace};
use super::files::{FileStore, MAX_UNSETTLED};
use super::mailbox::{Change, Mailbox, Seen, Taken, contents, lines};
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
        if let Some(name) = self.unsettled.pop_first() {
            return Some(self.settle_or_say_why_not(&name));
        }
        if let Some(name) = self.expiring.pop_front() {
            return Some(self.expire(name));
        }
        if self.journal.length > self.rewrite_past {
            // If it fails, it is tried again with the next commit.
            self.rewrite_past = u64::MAX;
            let failed = self.rewrite_journal().err();
            let fault = failed.map(|error| StoreAnswer::Fault { reason: error.to_string() });
            return Some(fault.into_iter().collect());
        }
        None
    }

    /// Lets the files follow until half of what is too much is done.
    pub(super) fn catch_up(&mut self) -> Vec<StoreAnswer> {
        let mut answers = Vec::new();
        while self.unsettled_bytes > MAX_UNSETTLED / 2
            && let Some(name) = self.unsettled.pop_first()
        {
            answers.extend(self.settle_or_say_why_not(&name));
        }
        answers
    }

    /// If it fails, it is tried again when the mailbox is used again.
    fn settle_or_say_why_not(&mut self, name: &str) -> Vec<StoreAnswer> {
        let failed = self.settle(name).err();
        failed.map(|reason| StoreAnswer::Fault { reason }).into_iter().collect()
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
            if mailbox.seen != Seen::Absent {
                self.disk.remove(name)?;
            }
            return self.disk.sync();
        }
        let only_added = mailbox.changes.iter().all(|change| matches!(change, Change::Added(_)));
        if file.is_empty() || !only_added {
            return replace(&self.disk, name, &with_ends(&all));
        }
        let new = all.get(lines(file).count()..).unwrap_or_default();
        let mut open = self.disk.append(name)?;
        open.write(&with_ends(new)).inspect_err(|_| {
            // Half a line must not stay in front of the next one. If it does, it is found there.
            let _ = open.truncate(file.len() as u64);
        })?;
        open.sync()?;
        // The file may be there only since a try that failed before its name was synced.
        self.disk.sync()
    }

    fn settled(&mut self, name: &str, seen: Seen) {
        let Some(mailbox) = self.mailboxes.get_mut(name) else { return };
        self.unsettled_bytes = self.unsettled_bytes.saturating_sub(mailbox.cost());
        mailbox.changes.clear();
        mailbox.seen = seen;
        if self.journal.is_sound {
            self.journal.waiting().settled(name);
            // Not synced: who reads the changes again finds them in the file. If it fails, the
            // journal is written anew.
            let _ = self.journal.write();
        }
        self.forget_if_nothing(name);
    }

    /// Begins to remove what was taken before that time.
    pub(super) fn begin_expiry(&mut self, before: UnixTime) {
        self.expire_before = before;
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
            Err(reason) => vec![StoreAnswer::Fault { reason }],
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
        let old: Taken = old.into_iter().collect();
        if senders.is_empty() {
            self.forget_if_nothing(name);
        } else {
            self.take_out(name.to_owned(), old);
        }
        Ok(senders)
    }
}

fn with_ends(lines: &[&[u8]]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line, &b"\n"[..]]).flatten().copied().collect()
}
