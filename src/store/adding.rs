//! Lines on their way to the disk.
//!
//! The invariant: a message is called stored only when its line and the file's name are synced.
//! Requests that are carried out together share a sync of each file, and one of the directory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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
            if lines(&bytes).filter_map(line::read).any(|other| {
                // A session alone proves nothing: see `docs/PROTOCOL.md`.
                other.id == Some(id) && other.sender == message.sender
            }) {
                // Whoever added it may not have come to sync it: the answer waits for that as well.
                let length = bytes.len() as u64;
                self.opened(&name, length, added)?.answers.push(answer);
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
        let entry = self.opened(&name, length, added)?;
        if length == 0 {
            self.unsynced_names.insert(name.clone());
        }
        if let Err(error) = entry.file.write(&line) {
            // Half a line must not stay in front of the next one, nor an empty file for nobody.
            let _ = entry.file.truncate(length);
            if !exists {
                let _ = self.disk.remove(&name);
                added.remove(&name);
            }
            return Err(format!("{name}: {error}"));
        }
        self.mailboxes += usize::from(!exists);
        entry.answers.push(answer);
        self.checked.entry(name).or_default().add(line.len() as u64, message.id);
        Ok(())
    }

    /// The file of this name, which is so long, among those that were added to.
    fn opened<'a>(
        &self,
        name: &str,
        length: u64,
        added: &'a mut AllAdded<D>,
    ) -> Result<&'a mut Added<D::File>, String> {
        match added.entry(name.to_owned()) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let file = self.disk.append(name).map_err(|error| format!("{name}: {error}"))?;
                Ok(entry.insert(Added { file, length_before: length, answers: Vec::new() }))
            }
        }
    }

    /// Makes what was added durable. Returns which answers must say that it is not.
    pub(super) fn sync(&mut self, added: AllAdded<D>) -> Vec<(usize, String)> {
        let mut failed = Vec::new();
        let mut of_names = Vec::new();
        for (name, mut entry) in added {
            if self.unsynced_names.contains(&name) {
                of_names.extend(entry.answers.iter().copied());
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
        if !of_names.is_empty()
            && let Err(error) = self.sync_names()
        {
            failed.extend(
                of_names.into_iter().map(|answer| (answer, format!("the directory: {error}"))),
            );
        }
        failed
    }
}
