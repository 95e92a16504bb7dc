//! File mailboxes: one file for each recipient, one JSON object a line.
//!
//! The invariants:
//! - a message is called stored only when its line and the file's name are synced to the disk;
//! - a file is shortened by writing the rest beside it and renaming that over it, so that a crash
//!   at any point leaves the old mailbox or the new one;
//! - a file that is not a regular one made of such lines is never read as a mailbox, appended to, or
//!   removed. A last line that a crash has torn is put aside, never delivered, never fatal.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{Store, line, name};
use crate::proto::{StoreAnswer, StoreRequest, StoredMessage};
use crate::wire::{MessageId, Nickname, Session};

/// Held while a server uses the directory. A mailbox has no dot in its name.
const LOCK_FILE: &str = "superchat.lock";

/// What is left of a mailbox, until it takes its place.
const TEMPORARY_FILE: &str = "superchat.tmp";

/// Messages that are read, and held in memory, at a time.
const BATCH: usize = 64;

/// Bytes of one mailbox: a thousand of the longest messages. To remove from it, it is rewritten.
const MAX_MAILBOX: u64 = 4 << 20;

/// Requests that have failed and are remembered. An engine has no more under way.
const MAX_FAILED: usize = 4096;

/// Mailboxes in the directory.
const MAX_MAILBOXES: usize = 65_536;

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
pub struct FileStore {
    directory: PathBuf,
    /// The files that were found to be mailboxes, to be read again if they change.
    checked: BTreeMap<String, Checked>,
    mailboxes: usize,
    /// The last requests that failed: others may follow them.
    failed: BTreeSet<u64>,
    /// Released when it is dropped.
    _lock: File,
}

/// A file that was found to be a mailbox.
#[derive(Debug, Default)]
struct Checked {
    length: u64,
    /// The last number of each author's messages in it. They come in the order of their numbers:
    /// only one that is not higher can be there already.
    last: BTreeMap<Session, u64>,
}

impl Checked {
    fn add(&mut self, length: u64, id: Option<MessageId>) {
        self.length += length;
        if let Some(MessageId { author, number }) = id {
            let last = self.last.entry(author).or_default();
            *last = number.max(*last);
        }
    }

    fn may_have(&self, id: MessageId) -> bool {
        self.last.get(&id.author).is_some_and(|last| id.number <= *last)
    }
}

/// Lines added to one file since it was last synced.
struct Added {
    file: File,
    length_before: u64,
    /// Which answers depend on it.
    answers: Vec<usize>,
}

impl FileStore {
    /// Opens the mailboxes of a directory, for one server at a time.
    ///
    /// # Errors
    /// The directory must exist and be writable, and no other server may use it.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let mut options = OpenOptions::new();
        let lock =
            options.create(true).truncate(false).write(true).open(directory.join(LOCK_FILE))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        // A lock file that is there already says nothing about the rest of the directory.
        create_anew(&directory.join(TEMPORARY_FILE))?;
        fs::remove_file(directory.join(TEMPORARY_FILE))?;
        let mut mailboxes = 0;
        for entry in fs::read_dir(directory)? {
            mailboxes += usize::from(!entry?.file_name().as_encoded_bytes().contains(&b'.'));
        }
        let directory = directory.to_owned();
        Ok(Self {
            directory,
            checked: BTreeMap::new(),
            mailboxes,
            failed: BTreeSet::new(),
            _lock: lock,
        })
    }

    /// The contents of a mailbox, checked line by line; a torn last line is put aside.
    fn contents(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let path = self.directory.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(format!("{name} is not a regular file"));
            }
            Ok(metadata) if metadata.len() > 2 * MAX_MAILBOX => {
                return Err(format!("{name} is not a mailbox: it is too long"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(format!("{name}: {error}")),
        }
        let mut bytes = fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
        if self.checked.get(name).is_some_and(|checked| checked.length == bytes.len() as u64) {
            return Ok(bytes);
        }
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (whole, tail) = bytes.split_at(end);
        let mut checked = Checked::default();
        for (index, text) in lines(whole).enumerate() {
            let Some(message) = line::read(text) else {
                let number = index + 1;
                return Err(format!("{name} is not a mailbox: line {number} is no message"));
            };
            checked.add(text.len() as u64 + 1, message.id);
        }
        if tail.is_empty() {
            // As it should be.
        } else if let Some(message) = line::read(tail) {
            append(&path, b"\n").map_err(|error| format!("{name}: {error}"))?;
            checked.add(tail.len() as u64 + 1, message.id);
            bytes.push(b'\n');
        } else if line::is_torn(tail) {
            self.put_aside(&path, tail, end as u64).map_err(|error| format!("{name}: {error}"))?;
            bytes.truncate(end);
        } else {
            return Err(format!("{name} is not a mailbox: its last line is no message"));
        }
        self.checked.insert(name.to_owned(), checked);
        Ok(bytes)
    }

    /// Moves the torn end of a mailbox to a file beside it.
    fn put_aside(&self, path: &Path, tail: &[u8], end: u64) -> io::Result<()> {
        let mut torn = tail.to_vec();
        torn.push(b'\n');
        let aside = path.with_extension("torn");
        if fs::symlink_metadata(&aside).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(io::Error::other(format!("{} is not a regular file", aside.display())));
        }
        append(&aside, &torn)?;
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(end)?;
        file.sync_all()?;
        self.sync_directory()
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

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    /// Adds a line, not yet synced.
    fn append(
        &mut self,
        recipient: &Nickname,
        message: &StoredMessage,
        added: &mut BTreeMap<String, Added>,
        answer: usize,
    ) -> Result<(), String> {
        let name = name::file_name(recipient);
        let path = self.directory.join(&name);
        let exists = fs::symlink_metadata(&path).is_ok();
        let length = match self.checked.get(&name) {
            // Read again only if somebody else has changed it.
            Some(Checked { length, .. })
                if fs::symlink_metadata(&path).is_ok_and(|m| m.is_file() && m.len() == *length) =>
            {
                *length
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
            let file = OpenOptions::new().append(true).create(true).open(&path).map_err(fail)?;
            let entry = Added { file, length_before: length, answers: Vec::new() };
            added.insert(name.clone(), entry);
        }
        let Some(entry) = added.get_mut(&name) else { return Ok(()) };
        if let Err(error) = entry.file.write_all(&line) {
            // Half a line must not stay in front of the next one, nor an empty file for nobody.
            let _ = entry.file.set_len(length);
            if !exists {
                let _ = fs::remove_file(&path);
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
    fn sync(&mut self, added: BTreeMap<String, Added>) -> Vec<(usize, String)> {
        let mut failed = Vec::new();
        let mut created = BTreeSet::new();
        for (name, entry) in added {
            if entry.length_before == 0 {
                created.extend(entry.answers.iter().copied());
            }
            if let Err(error) = entry.file.sync_data() {
                // What is on the disk is not known; the senders are told that it is not stored.
                let _ = entry.file.set_len(entry.length_before);
                self.checked.remove(&name);
                failed.extend(
                    entry.answers.iter().map(|answer| (*answer, format!("{name}: {error}"))),
                );
            }
        }
        if !created.is_empty()
            && let Err(error) = self.sync_directory()
        {
            failed
                .extend(created.iter().map(|answer| (*answer, format!("the directory: {error}"))));
        }
        failed
    }

    fn load(&mut self, recipient: &Nickname) -> Result<Vec<StoredMessage>, String> {
        let bytes = self.contents(&name::file_name(recipient))?;
        Ok(lines(&bytes).take(BATCH).filter_map(line::read).collect())
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

    fn replace(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        let path = self.directory.join(name);
        if contents.is_empty() {
            fs::remove_file(path)?;
        } else {
            let temporary = self.directory.join(TEMPORARY_FILE);
            let mut file = create_anew(&temporary)?;
            file.write_all(contents)?;
            file.sync_all()?;
            fs::rename(temporary, path)?;
        }
        self.sync_directory()
    }
}

/// The lines of a mailbox, without their ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}

/// Creates a file, in place of whatever has its name, which may be a link to somewhere else.
fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

impl Store for FileStore {
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
