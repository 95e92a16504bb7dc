//! A directory of the operating system's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use rustix::{
    fs::{AtFlags, CWD, FileType, StatxFlags, statx},
    io::Errno,
};

use super::OpenError;
use super::disk::{Disk, DiskFile, Metadata};

/// A directory of the operating system's.
#[derive(Debug)]
pub struct RealDisk {
    directory: PathBuf,
}

impl RealDisk {
    /// The directory at this path, which need not be there.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// A file that is locked until this is dropped.
#[derive(Debug)]
pub struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // By itself it would stay locked as long as a forked child has it open. Where this fails, it is.
        let _ = self.0.unlock();
    }
}

impl Disk for RealDisk {
    /// A second of two thousand messages, and a millisecond to write.
    const AHEAD: u64 = 256 * 1024;

    type File = File;
    type Lock = Locked;

    fn lock(&self, name: &str) -> Result<Locked, OpenError> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(self.at(name))?;
        match file.try_lock() {
            Ok(()) => Ok(Locked(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.directory)?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn metadata(&self, name: &str) -> io::Result<Option<Metadata>> {
        match fs::symlink_metadata(self.at(name)) {
            Ok(found) => Ok(Some(Metadata {
                is_file: found.is_file(),
                length: found.len(),
                modified: found.modified().ok(),
                identity: identity(&found),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Once somebody has asked when a file was written last, Linux gives it a new time with the next write, and not
    /// with the next tick of the clock (<https://docs.kernel.org/filesystems/multigrain-ts.html>). To sync that time
    /// takes a write of its own.
    #[cfg(target_os = "linux")]
    fn metadata_without_time(&self, name: &str) -> io::Result<Option<Metadata>> {
        let asked = StatxFlags::TYPE | StatxFlags::SIZE | StatxFlags::INO;
        match statx(CWD, self.at(name), AtFlags::SYMLINK_NOFOLLOW, asked) {
            Ok(found) => Ok(Some(Metadata {
                is_file: FileType::from_raw_mode(found.stx_mode.into()).is_file(),
                length: found.stx_size,
                modified: None,
                identity: Some(found.stx_ino),
            })),
            Err(Errno::NOENT) => Ok(None),
            // A system that does not have the call has another one, and what is wrong otherwise, that says as well.
            Err(_) => self.metadata(name),
        }
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.at(name))
    }

    fn read_from(&self, name: &str, offset: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.at(name))?;
        let length = file.metadata()?.len().saturating_sub(offset);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.seek(SeekFrom::Start(offset))?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(self.at(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.at(name))
    }

    fn create_new(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(self.at(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.at(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

#[cfg(unix)]
fn identity(found: &fs::Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(found))
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Option<u64> {
    None
}

impl DiskFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn write_over(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.write_all(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        // The length is among what it brings to the disk: without it the bytes could not be read.
        self.sync_data()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn without_the_time_the_rest_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(directory.path());
        fs::write(disk.at("file"), "five!").unwrap();
        fs::create_dir(disk.at("folder")).unwrap();
        std::os::unix::fs::symlink("file", disk.at("link")).unwrap();
        for (name, is_file) in [("file", true), ("folder", false), ("link", false)] {
            let found = disk.metadata(name).unwrap().unwrap();
            assert_eq!(found.is_file, is_file, "{name}");
            let expected = Metadata { modified: None, ..found };
            assert_eq!(disk.metadata_without_time(name).unwrap(), Some(expected), "{name}");
        }
        assert_eq!(disk.metadata_without_time("nothing").unwrap(), None);
        let long = "a".repeat(300);
        assert!(disk.metadata_without_time(&long).is_err());
    }
}
