//! File mailboxes: one file for each recipient, one JSON object a line.
//!
//! The invariants:
//! - a message is called stored only when its line and the file's name are synced to the disk, also
//!   if it was written before, by a server that ended or on a disk that failed;
//! - a file is shortened by writing the rest beside it and renaming that over it, so that a crash
//!   at any point leaves the old mailbox or the new one;
//! - a file that is not a regular one made of such lines is never read as a mailbox, appended to, or
//!   removed. A last line that a crash has torn is put aside, never delivered, never fatal.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::disk::{Disk, DiskFile as _, Metadata, RealDisk};
use super::mailbox::{self, Checked, Tail, lines};
use super::{Store, line, name};
use crate::proto::{StoreAnswer, StoreRequest, StoredMessage};
use crate::wire::Nickname;

/// Held while a server uses the directory. A mailbox has no dot in its name.
const LOCK_FILE: &str = "superchat.lock";

/// What is left of a mailbox, until it takes its place.
const TEMPORARY_FILE: &str = "superchat.tmp";

/// Messages that are read, and held in memory, at a time.
const BATCH: usize = 64;

/// Bytes of one mailbox: the longest message fits, even where each of its characters is an escape. To
/// remove from it, it is rewritten.
pub(super) const MAX_MAILBOX: u64 = 8 << 20;

/// Requests that have failed and are remembered. An engine has no more under way.
const MAX_FAILED: usize = 4096;

/// Mailboxes in the directory.
pub(super) const MAX_MAILBOXES: usize = 65_536;

/// Why a directory cannot be used.
#[derive(Debug)]
pub enum OpenError {
    /// It is not there, or cannot be written.
    Io(io::Error),
    /// Another server uses it.
    InUse,
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The mailboxes of one directory. See `docs/PROTOCOL.md` for what a file looks like.
#[derive(Debug)]
pub struct FileStore<D: Disk = RealDisk> {
    pub(super) disk: D,
    /// Messages that one reading of a mailbox gives.
    batch: usize,
    /// The files that were found to be mailboxes, to be read again if they change.
    pub(super) checked: BTreeMap<String, Checked>,
    pub(super) mailboxes: usize,
    /// The last requests that failed: others may follow them.
    failed: BTreeSet<u64>,
    /// The mailboxes that a crash may leave without their names, or another file under them.
    pub(super) unsynced_names: BTreeSet<String>,
    /// Released when it is dropped.
    _lock: D::Lock,
}

impl FileStore {
    /// Opens the mailboxes of a directory, for one server at a time.
    ///
    /// # Errors
    /// The directory must exist and be writable, and no other server may use it.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::on(RealDisk::new(directory), BATCH)
    }
}

impl<D: Disk> FileStore<D> {
    /// Opens the mailboxes on a disk, to be read this many messages at a time: at least one.
    ///
    /// # Errors
    /// The disk must be writable, and no other server may use it.
    pub fn on(disk: D, batch: usize) -> Result<Self, OpenError> {
        let lock = disk.lock(LOCK_FILE)?;
        // A lock file that is there already says nothing about the rest of the directory.
        create_anew(&disk, TEMPORARY_FILE)?;
        disk.remove(TEMPORARY_FILE)?;
        // The server before this one may have ended before it had done so.
        disk.sync()?;
        let mailboxes = disk.list()?.iter().filter(|name| !name.contains('.')).count();
        Ok(Self {
            disk,
            batch: batch.max(1),
            checked: BTreeMap::new(),
            mailboxes,
            failed: BTreeSet::new(),
            unsynced_names: BTreeSet::new(),
            _lock: lock,
        })
    }

    /// The contents of a mailbox, checked line by line; a torn last line is put aside.
    pub(super) fn contents(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let fail = |error: io::Error| format!("{name}: {error}");
        match self.disk.metadata(name).map_err(fail)? {
            None => return Ok(Vec::new()),
            Some(Metadata { is_file: false, .. }) => {
                return Err(format!("{name} is not a regular file"));
            }
            Some(Metadata { length, .. }) if length > 2 * MAX_MAILBOX => {
                return Err(format!("{name} is not a mailbox: it is too long"));
            }
            Some(_) => {}
        }
        let mut bytes = self.disk.read(name).map_err(fail)?;
        if self.checked.get(name).is_some_and(|checked| checked.length == bytes.len() as u64) {
            return Ok(bytes);
        }
        let (checked, tail) =
            mailbox::check(&bytes).map_err(|reason| format!("{name} {reason}"))?;
        match tail {
            Tail::None => {}
            Tail::Unended => {
                self.append_now(name, b"\n").map_err(fail)?;
                bytes.push(b'\n');
            }
            Tail::Torn => {
                let whole = usize::try_from(checked.length).unwrap_or(usize::MAX);
                self.put_aside(name, bytes.get(whole..).unwrap_or_default(), checked.length)
                    .map_err(fail)?;
                bytes.truncate(whole);
            }
        }
        self.checked.insert(name.to_owned(), checked);
        Ok(bytes)
    }

    /// Adds to a file, and syncs it.
    fn append_now(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.disk.append(name)?;
        file.write(bytes)?;
        file.sync()
    }

    /// Moves the torn end of a mailbox to a file beside it.
    fn put_aside(&mut self, name: &str, tail: &[u8], end: u64) -> io::Result<()> {
        let aside = format!("{name}.torn");
        if matches!(self.disk.metadata(&aside), Ok(Some(Metadata { is_file: false, .. }))) {
            return Err(io::Error::other(format!("{aside} is not a regular file")));
        }
        self.append_now(&aside, &[tail, b"\n"].concat())?;
        let mut file = self.disk.append(name)?;
        file.truncate(end)?;
        file.sync()?;
        self.sync_names()
    }

    /// Brings the names of all mailboxes to the disk.
    pub(super) fn sync_names(&mut self) -> io::Result<()> {
        self.disk.sync()?;
        self.unsynced_names.clear();
        Ok(())
    }

    /// Turns the answers that turned out to be untrue.
    fn withdraw(&mut self, answers: &mut [StoreAnswer], failed: Vec<(usize, String)>) {
        for (index, reason) in failed {
            if let Some(StoreAnswer::Appended { request, result, .. }) = answers.get_mut(index) {
                *result = Err(reason);
                self.note(*request, true);
            }
        }
    }

    /// Remembers whether a request has failed, as long as another may follow it.
    fn note(&mut self, request: u64, failed: bool) {
        if failed {
            self.failed.insert(request);
            if self.failed.len() > MAX_FAILED {
                self.failed.pop_first();
            }
        }
    }

    fn load(&mut self, recipient: &Nickname) -> Result<Vec<StoredMessage>, String> {
        let bytes = self.contents(&name::file_name(recipient))?;
        Ok(lines(&bytes).take(self.batch).filter_map(line::read).collect())
    }

    fn remove(&mut self, recipient: &Nickname, count: usize) -> Result<(), String> {
        let name = name::file_name(recipient);
        let bytes = self.contents(&name)?;
        let delivered: usize = lines(&bytes).take(count).map(|text| text.len() + 1).sum();
        let rest = bytes.get(delivered..).unwrap_or_default();
        self.replace(&name, rest).map_err(|error| format!("{name}: {error}"))?;
        if rest.is_empty() {
            self.checked.remove(&name);
            self.mailboxes = self.mailboxes.saturating_sub(1);
        } else {
            self.checked.entry(name).or_default().length = rest.len() as u64;
        }
        Ok(())
    }

    fn replace(&mut self, name: &str, contents: &[u8]) -> io::Result<()> {
        if contents.is_empty() {
            self.disk.remove(name)?;
            self.unsynced_names.remove(name);
        } else {
            let mut file = create_anew(&self.disk, TEMPORARY_FILE)?;
            file.write(contents)?;
            file.sync()?;
            self.disk.rename(TEMPORARY_FILE, name)?;
            self.unsynced_names.insert(name.to_owned());
        }
        self.sync_names()
    }
}

/// Creates a file, in place of whatever has its name, which may be a link to somewhere else.
fn create_anew<D: Disk>(disk: &D, name: &str) -> io::Result<D::File> {
    match disk.remove(name) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    disk.create_new(name)
}

impl<D: Disk> Store for FileStore<D> {
    fn apply(&mut self, requests: Vec<StoreRequest>) -> Vec<StoreAnswer> {
        let mut answers = Vec::new();
        let mut added = BTreeMap::new();
        for request in requests {
            match request {
                StoreRequest::Append { request, follows, recipient, message } => {
                    let result = if follows.is_some_and(|before| self.failed.contains(&before)) {
                        Err("the message before it was not saved".to_owned())
                    } else {
                        self.append(&recipient, &message, &mut added, answers.len())
                    };
                    self.note(request, result.is_err());
                    answers.push(StoreAnswer::Appended { request, recipient, result });
                }
                StoreRequest::Load { request, recipient } => {
                    // What is delivered must not turn out to be refused.
                    let failed = self.sync(std::mem::take(&mut added));
                    self.withdraw(&mut answers, failed);
                    let result = self.load(&recipient);
                    answers.push(StoreAnswer::Loaded { request, recipient, result });
                }
                StoreRequest::Remove { recipient, count } => {
                    // The file that was added to is about to be replaced.
                    let failed = self.sync(std::mem::take(&mut added));
                    self.withdraw(&mut answers, failed);
                    if let Err(reason) = self.remove(&recipient, count) {
                        answers.push(StoreAnswer::NotRemoved { recipient, reason });
                    }
                }
            }
        }
        let failed = self.sync(added);
        self.withdraw(&mut answers, failed);
        answers
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
