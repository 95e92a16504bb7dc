//! Lines on their way to the disk.
//!
//! The invariant: a message is called stored only when its line and the file's name are synced.
//! Requests that are carried out together share a sync of each file, and one of the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::disk::{Disk, DiskFile as _};
use super::files::{FileStore, MAX_MAILBOX, MAX_MAILBOXES};
use super::mailbox::lines;
use super::{line, name};
use crate::proto::StoredMessage;
use crate::wire::Nickname;

/// Lines added to one file since it was last synced.
pub(super) struct Added<F> {
    file: F,
    length_before: u64,
    /// Which answers depend on it.
    answers: Vec<usize>,
}

/// The files that were added to since they were last synced.
pub(super) type AllAdded<D> = BTreeMap<String, Added<<D as Disk>::File>>;

impl<D: Disk> FileStore<D> {
    /// Adds a line, not yet synced.
    pub(super) fn append(
        &mut self,
        recipient: &Nickname,
        message: &StoredMessage,
        added: &mut AllAdded<D>,
        answer: usize,
    ) -> Result<(), String> {
        let name = name::file_name(recipient);
        let found = self.disk.metadata(&name).ok().flatten();
        let exists = found.is_some();
        let length = match (self.checked.get(&name), found) {
            // Read again only if somebody else has changed it.
            (Some(checked), Some(found)) if found.is_file && found.length == checked.length => {
                found.length
            }
            _ => self.contents(&name)?.len() as u64,
        };
        if let Some(id) = message.id
            && self.checked.get(&name).is_some_and(|checked| checked.may_have(id))
        {
            let bytes = self.contents(&name)?;
            if lines(&bytes).filter_map(line::read).any(|message| message.id == Some(id)) {
                // Perhaps not synced yet: the answer waits for that as well.
                if let Some(entry) = added.get_mut(&name) {
                    entry.answers.push(answer);
                }
                return Ok(());
            }
        }
        let line = line::write(message);
        if length + line.len() as u64 > MAX_MAILBOX {
            return Err(format!("{name} is full"));
        }
        if !exists && self.mailboxes >= MAX_MAILBOXES {
            return Err("there are too many mailboxes".to_owned());
        }
        let fail = |error: io::Error| format!("{name}: {error}");
        if !added.contains_key(&name) {
            let file = self.disk.append(&name).map_err(fail)?;
            let entry = Added { file, length_before: length, answers: Vec::new() };
            added.insert(name.clone(), entry);
        }
        let Some(entry) = added.get_mut(&name) else { return Ok(()) };
        if let Err(error) = entry.file.write(&line) {
            // Half a line must not stay in front of the next one, nor an empty file for nobody.
            let _ = entry.file.truncate(length);
            if !exists {
                let _ = self.disk.remove(&name);
                added.remove(&name);
            }
            return Err(fail(error));
        }
        self.mailboxes += usize::from(!exists);
        entry.answers.push(answer);
        self.checked.entry(name).or_default().add(line.len() as u64, message.id);
        Ok(())
    }

    /// Makes what was added durable. Returns which answers must say that it is not.
    pub(super) fn sync(&mut self, added: AllAdded<D>) -> Vec<(usize, String)> {
        let mut failed = Vec::new();
        let mut created = BTreeSet::new();
        for (name, mut entry) in added {
            if entry.length_before == 0 {
                created.extend(entry.answers.iter().copied());
            }
            if let Err(error) = entry.file.sync() {
                // What is on the disk is not known; the senders are told that it is not stored.
                let _ = entry.file.truncate(entry.length_before);
                self.checked.remove(&name);
                failed.extend(
                    entry.answers.iter().map(|answer| (*answer, format!("{name}: {error}"))),
                );
            }
        }
        if !created.is_empty()
            && let Err(error) = self.disk.sync()
        {
            failed
                .extend(created.iter().map(|answer| (*answer, format!("the directory: {error}"))));
        }
        failed
    }
}
