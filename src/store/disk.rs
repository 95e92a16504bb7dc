//! What the store needs of a file system: the files of one directory, by their names.
//!
//! The invariant: only what was synced is on the disk, the bytes of a file by [`DiskFile::sync`], and
//! that it is there, or is there no longer, or has another name, by [`Disk::sync`]. The store relies
//! on nothing else, so a disk that loses all the rest can stand in for the real one.

use std::fmt::Debug;
use std::io;
use std::time::SystemTime;

use super::OpenError;

/// What a name in the directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// It is a regular file: no directory, and no link to something else.
    pub is_file: bool,
    /// Bytes in it.
    pub length: u64,
    /// When it was written last, where the file system says so.
    pub modified: Option<SystemTime>,
    /// Which file it is, of all that there are at a time, where the system says so.
    pub identity: Option<u64>,
}

/// One directory.
pub trait Disk: Debug + Send {
    /// How many bytes a file that is added to all the time is made longer by at a time: a disk that has to note no
    /// new length has synced sooner.
    const AHEAD: u64;

    /// A file that is open.
    type File: DiskFile;
    /// The directory is locked until this is dropped.
    type Lock: Debug + Send;

    /// Locks the directory by a file of this name.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if it is locked.
    fn lock(&self, name: &str) -> Result<Self::Lock, OpenError>;

    /// The names in the directory. What of them is no text is approximated.
    ///
    /// # Errors
    /// The directory cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// What this name stands for, itself and not what it may be a link to; `None` if nothing does.
    ///
    /// # Errors
    /// The directory cannot be read.
    fn metadata(&self, name: &str) -> io::Result<Option<Metadata>>;

    /// The same, but never when it was written last: of a file that is looked at before each write to it.
    ///
    /// # Errors
    /// As of [`metadata`](Self::metadata).
    fn metadata_without_time(&self, name: &str) -> io::Result<Option<Metadata>> {
        Ok(self.metadata(name)?.map(|found| Metadata { modified: None, ..found }))
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// There is none of this name, or it cannot be read.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// The bytes of a file from this one on.
    ///
    /// # Errors
    /// As of [`read`](Self::read).
    fn read_from(&self, name: &str, offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = self.read(name)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.split_off(offset))
    }

    /// Opens a file to write at its end; creates it if nothing has its name.
    ///
    /// # Errors
    /// It cannot be opened or created.
    fn append(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file to write over what is in it.
    ///
    /// # Errors
    /// There is none of this name, or it cannot be opened.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Creates a file.
    ///
    /// # Errors
    /// Something has its name, if only a link to nothing; or it cannot be created.
    fn create_new(&self, name: &str) -> io::Result<Self::File>;

    /// Gives a file another name, and takes that from the one that had it.
    ///
    /// # Errors
    /// Nothing was changed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// There is none of this name, or it cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Brings the names of the directory, and what they stand for, to the disk.
    ///
    /// # Errors
    /// Some of it may not have reached the disk.
    fn sync(&self) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Debug + Send {
    /// Writes these bytes at the end.
    ///
    /// # Errors
    /// Some of them may have been written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes these bytes from this one of the file on, which was opened to be written over. It becomes longer if
    /// they go past its end.
    ///
    /// # Errors
    /// Some of them may have been written.
    fn write_over(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to this length.
    ///
    /// # Errors
    /// It is as long as it was.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Brings the bytes and the length of the file to the disk.
    ///
    /// # Errors
    /// Some of it may not have reached the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// What is to take the place of another file, until it does.
const TEMPORARY: &str = "superchat.tmp";

/// Puts a file with these bytes in the place of the one of that name: after a crash it is the old one
/// or the new one.
pub(super) fn replace(disk: &impl Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    prepare(disk, bytes)?;
    put(disk, name)
}

/// Writes the file that is to take the place of another one. If it fails, nothing is left of it.
pub(super) fn prepare(disk: &impl Disk, bytes: &[u8]) -> io::Result<()> {
    let write = || {
        match disk.remove(TEMPORARY) {
            // It may be a link to somewhere else, and must not be written to.
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = disk.create_new(TEMPORARY)?;
        file.write(bytes).and_then(|()| file.sync()).inspect_err(|_| {
            let _ = disk.remove(TEMPORARY);
        })
    };
    write().map_err(|error| io::Error::new(error.kind(), format!("{TEMPORARY}: {error}")))
}

/// Puts the file that was prepared in the place of the one of that name.
pub(super) fn put(disk: &impl Disk, name: &str) -> io::Result<()> {
    disk.rename(TEMPORARY, name)?;
    disk.sync()
}
