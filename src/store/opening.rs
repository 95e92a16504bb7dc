//! A store where it begins: its lock, its journal, and files that were called otherwise.
//!
//! The invariant: what a server that ended had called stored is known before anything is asked, and
//! the journal that is written from then on is a whole one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::Path;

use super::disk::{Disk, Metadata, replace};
use super::files::{BATCH, FileStore, rewrite_past};
use super::journal::{self, Encoder, JOURNAL, Journal, Record};
use super::listing::Listing;
use super::mailbox::{Mailbox, Mailboxes, check};
use super::real_disk::RealDisk;
use super::{StoreLimits, name};
use crate::proto::{LastSeen, UnixTime};
use crate::wire::Nickname;

/// Held while a server uses the directory.
const LOCK: &str = "superchat.lock";

/// The end of a journal that could not be read.
const JOURNAL_END: &str = "superchat.journal.torn";

/// Why a directory cannot be used.
#[derive(Debug)]
pub enum OpenError {
    /// It is not there, or cannot be written, or a file of the server's own is something else.
    Io(io::Error),
    /// Another server uses it.
    InUse,
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl FileStore {
    /// Opens the mailboxes of a directory, for one server at a time.
    ///
    /// # Errors
    /// The directory must exist and be writable, and no other server may use it.
    pub fn open(directory: &Path, limits: StoreLimits) -> Result<Self, OpenError> {
        // The program may go to another directory while the server runs.
        Self::on(RealDisk::new(&std::path::absolute(directory)?), BATCH, limits)
    }
}

impl<D: Disk> FileStore<D> {
    /// Opens the mailboxes on a disk, to be read this many messages at a time: at least one.
    ///
    /// # Errors
    /// The disk must be writable, and no other server may use it.
    pub fn on(disk: D, batch: usize, limits: StoreLimits) -> Result<Self, OpenError> {
        let lock = disk.lock(LOCK)?;
        let mut faults = Vec::new();
        let Found { mailboxes, users } = read_journal(&disk, &mut faults)?;
        rename_old(&disk, &limits, &mut faults)?;
        let (filled, bytes) = count(&disk, &limits)?;
        let journal = Journal::create(&disk, &Encoder::snapshot(&users, &mailboxes))?;
        let mut store = Self {
            disk,
            batch: batch.max(1),
            limits,
            unsettled: BTreeSet::new(),
            settled_last: String::new(),
            stuck: BTreeSet::new(),
            is_failing: false,
            lagging: mailboxes.values().filter(|mailbox| !mailbox.changes.is_empty()).count(),
            unsettled_bytes: mailboxes.values().map(Mailbox::cost).sum(),
            mailboxes,
            listing: Listing::default(),
            users,
            rewrite_past: rewrite_past(journal.length),
            journal_lacks: false,
            journal,
            staged: Vec::new(),
            expiring: VecDeque::new(),
            expire_before: UnixTime::default(),
            filled,
            bytes,
            commits: 0,
            failed: BTreeSet::new(),
            faults,
            _lock: lock,
        };
        let names: BTreeSet<_> = store.mailboxes.keys().cloned().collect();
        for name in names {
            // How much is in it counts from now on. If it cannot be read, its file cannot follow.
            match store.look(&name) {
                Ok(()) => drop(store.unsettled.insert(name)),
                Err(reason) => store.faults.push(reason),
            }
        }
        Ok(store)
    }
}

/// What a journal says.
#[derive(Debug, Default)]
struct Found {
    mailboxes: Mailboxes,
    users: BTreeMap<Nickname, LastSeen>,
}

fn read_journal(disk: &impl Disk, faults: &mut Vec<String>) -> io::Result<Found> {
    let mut found = Found::default();
    let foreign = || {
        let reason = "is not a journal, or one of another version; move it away";
        io::Error::other(format!("{JOURNAL} {reason}"))
    };
    match disk.metadata(JOURNAL)? {
        None => return Ok(found),
        Some(metadata) if !metadata.is_file => return Err(foreign()),
        Some(_) => {}
    }
    let bytes = disk.read(JOURNAL)?;
    let torn = journal::read(&bytes, |record| found.replay(record)).map_err(|_| foreign())?;
    if !torn.is_empty() {
        // Mostly the beginning of what was not committed; but if the disk is faulty, more.
        replace(disk, JOURNAL_END, torn)?;
        let length = torn.len();
        faults.push(format!("the last {length} bytes of {JOURNAL} are torn, now {JOURNAL_END}"));
    }
    Ok(found)
}

impl Found {
    fn replay(&mut self, record: Record) {
        match record {
            Record::Changed(name, change) => {
                self.mailboxes.entry(name).or_default().changes.push(change);
            }
            Record::Settled(name) => drop(self.mailboxes.remove(&name)),
            Record::Remembered(nickname, last) => drop(self.users.insert(nickname, last)),
            Record::Forgotten(nickname) => drop(self.users.remove(&nickname)),
        }
    }
}

/// Gives mailboxes that were named when capital letters stood for themselves the names that they have
/// now. Other files are left alone.
fn rename_old(disk: &impl Disk, limits: &StoreLimits, faults: &mut Vec<String>) -> io::Result<()> {
    let names: BTreeSet<_> = disk.list()?.into_iter().collect();
    for old in &names {
        let Some(new) = name::renamed(old) else { continue };
        let found = disk.metadata(old)?.filter(|found| found.may_be_mailbox(limits));
        if found.is_none_or(|found| found.length == 0) {
            continue;
        }
        // What cannot be read is none of the server's.
        let Ok(bytes) = disk.read(old) else { continue };
        if check(&bytes).is_err() {
            continue;
        }
        if names.contains(&new) {
            faults
                .push(format!("{old} is a mailbox that is called {new} now, which is there, too"));
        } else {
            disk.rename(old, &new)?;
        }
    }
    disk.sync()
}

/// How many files may be mailboxes that have messages, and their bytes.
fn count(disk: &impl Disk, limits: &StoreLimits) -> io::Result<(usize, u64)> {
    let (mut filled, mut bytes) = (0, 0);
    for name in disk.list()?.iter().filter(|name| name::is_file_name(name)) {
        if let Some(found) = disk.metadata(name)?.filter(|found| found.may_be_mailbox(limits)) {
            filled += usize::from(found.length > 0);
            bytes += found.length;
        }
    }
    Ok((filled, bytes))
}

impl Metadata {
    /// Whether it may be that of a mailbox, as far as it says.
    pub(super) fn may_be_mailbox(&self, limits: &StoreLimits) -> bool {
        self.is_file && self.length <= limits.mailbox_bytes.saturating_mul(2)
    }
}
