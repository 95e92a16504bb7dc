//! The files of mailboxes, as they are read.
//!
//! The invariant: what is used as a mailbox was read after its file was changed last, and every line
//! of it is a message.

use std::io;

use super::disk::{Disk, DiskFile as _, Metadata};
use super::files::FileStore;
use super::line::without_nuls;
use super::mailbox::{Change, Mailbox, Seen, Size, Tail, check, contents, measure};

const NONE: Size = Size { bytes: 0, messages: 0 };

impl<D: Disk> FileStore<D> {
    /// Reads the file of a mailbox if somebody has changed it since it was read last.
    pub(super) fn look(&mut self, name: &str) -> Result<(), String> {
        self.look_at(name).inspect_err(|_| {
            if let Some(mailbox) = self.mailboxes.get_mut(name) {
                mailbox.is_doubtful = true;
            }
        })
    }

    fn look_at(&mut self, name: &str) -> Result<(), String> {
        let found = self.see(name)?;
        let before = self.mailboxes.get(name).map(|mailbox| mailbox.seen).unwrap_or_default();
        if before == found {
            return Ok(());
        }
        let file = self.read(name, found)?;
        let (file, seen) = self.mend(name, found, file)?;
        let is_new = !self.mailboxes.contains_key(name);
        let mailbox = self.mailboxes.entry(name.to_owned()).or_default();
        mailbox.is_fresh = (is_new || mailbox.is_fresh) && seen == Seen::Absent;
        let (size, last) = measure(&contents(&file, &mailbox.changes));
        let size_before = match (before, found) {
            // So it was counted when the directory was opened, before its end was mended.
            (Seen::Nothing, Seen::File(Metadata { length, .. })) if mailbox.size == NONE => {
                Size { bytes: length, messages: usize::from(length > 0) }
            }
            _ => mailbox.size,
        };
        mailbox.found(seen, size, last);
        self.account(size_before, size);
        Ok(())
    }

    /// What the file of a mailbox is now.
    fn see(&self, name: &str) -> Result<Seen, String> {
        if self.listing.lacks(name) {
            return Ok(Seen::Absent);
        }
        match self.disk.metadata(name).map_err(|error| format!("{name}: {error}"))? {
            None => Ok(Seen::Absent),
            Some(found) if !found.is_file => Err(format!("{name} is not a regular file")),
            Some(found) if !found.may_be_mailbox(&self.limits) => {
                Err(format!("{name} is not a mailbox: it is too long"))
            }
            Some(found) => Ok(Seen::File(found)),
        }
    }

    /// The bytes of a mailbox's file.
    pub(super) fn read(&self, name: &str, seen: Seen) -> Result<Vec<u8>, String> {
        match seen {
            Seen::File(_) => self.disk.read(name).map_err(|error| format!("{name}: {error}")),
            Seen::Nothing | Seen::Absent => Ok(Vec::new()),
        }
    }

    /// The bytes of a mailbox's file, without those in front of which every line was removed.
    pub(super) fn read_rest(&self, name: &str, mailbox: &Mailbox) -> Result<Vec<u8>, String> {
        match mailbox.seen {
            Seen::File(_) if mailbox.gone > 0 => {
                let rest = self.disk.read_from(name, mailbox.gone);
                rest.map_err(|error| format!("{name}: {error}"))
            }
            seen => self.read(name, seen),
        }
    }

    /// Checks a file, and mends the end of its last line.
    fn mend(
        &mut self,
        name: &str,
        seen: Seen,
        mut file: Vec<u8>,
    ) -> Result<(Vec<u8>, Seen), String> {
        let fail = |error: io::Error| format!("{name}: {error}");
        let (whole, tail) = check(&file).map_err(|reason| format!("{name} {reason}"))?;
        match tail {
            Tail::None => return Ok((file, seen)),
            Tail::Unended => {
                self.append_now(name, b"\n").map_err(fail)?;
                file.push(b'\n');
            }
            Tail::Torn => {
                let torn = file.split_off(whole);
                self.put_aside(name, &torn, whole as u64).map_err(fail)?;
            }
        }
        Ok((file, self.see(name)?))
    }

    /// Adds to a file, and syncs it.
    fn append_now(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.disk.append(name)?;
        file.write(bytes)?;
        file.sync()
    }

    /// Cuts a mailbox where its last line is torn, and keeps that beside it, if the journal has not
    /// the whole.
    fn put_aside(&mut self, name: &str, torn: &[u8], end: u64) -> io::Result<()> {
        let changes = self.mailboxes.get(name).map(|mailbox| &mailbox.changes[..]);
        let written = without_nuls(torn);
        let is_known = changes.unwrap_or_default().iter().any(|change| match change {
            Change::Added(line) => line.bytes().starts_with(written),
            Change::Removed(_) => false,
        });
        if !is_known {
            let aside = format!("{name}.torn");
            if matches!(self.disk.metadata(&aside), Ok(Some(Metadata { is_file: false, .. }))) {
                return Err(io::Error::other(format!("{aside} is not a regular file")));
            }
            self.append_now(&aside, &[torn, b"\n"].concat())?;
            self.disk.sync()?;
            self.faults.push(format!("the last line of {name} was torn, and is in {aside} now"));
        }
        let mut file = self.disk.append(name)?;
        file.truncate(end)?;
        file.sync()
    }
}
