//! A directory in memory: what the store asks of a file system, and nothing else.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use superchat::store::{Disk, DiskFile, Metadata, OpenError};

/// A file, under whatever name; also one that is open.
#[derive(Debug, Clone, Default)]
pub struct Contents(Arc<Mutex<Vec<u8>>>);

impl Contents {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap()
    }
}

/// One directory, however many clones of this value there are.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Contents>,
    lock: Weak<()>,
}

impl MemoryDisk {
    /// Puts a file there.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        self.state().files.insert(name.to_owned(), Contents(Arc::new(Mutex::new(bytes.to_vec()))));
    }

    /// The bytes of a file, if it is there.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.find(name).ok().map(|contents| contents.bytes().clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn find(&self, name: &str) -> io::Result<Contents> {
        self.state().files.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for MemoryDisk {
    const AHEAD: u64 = 256;
    type File = Contents;
    type Lock = Arc<()>;

    fn lock(&self, name: &str) -> Result<Arc<()>, OpenError> {
        let mut state = self.state();
        if state.lock.strong_count() > 0 {
            return Err(OpenError::InUse);
        }
        state.files.entry(name.to_owned()).or_default();
        let lock = Arc::new(());
        state.lock = Arc::downgrade(&lock);
        Ok(lock)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn metadata(&self, name: &str) -> io::Result<Option<Metadata>> {
        let length = self.get(name).map(|bytes| bytes.len() as u64);
        let found = |length| Metadata { is_file: true, length, modified: None, identity: None };
        Ok(length.map(found))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn append(&self, name: &str) -> io::Result<Contents> {
        Ok(self.state().files.entry(name.to_owned()).or_default().clone())
    }

    fn open(&self, name: &str) -> io::Result<Contents> {
        self.find(name)
    }

    fn create_new(&self, name: &str) -> io::Result<Contents> {
        let mut state = self.state();
        if state.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(state.files.entry(name.to_owned()).or_default().clone())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let contents = self.find(from)?;
        let mut state = self.state();
        state.files.remove(from);
        state.files.insert(to.to_owned(), contents);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = self.state().files.remove(name);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for Contents {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes().extend_from_slice(bytes);
        Ok(())
    }

    fn write_over(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut all = self.bytes();
        let (offset, length) = (usize::try_from(offset).unwrap(), all.len());
        all.resize(length.max(offset + bytes.len()), 0);
        all[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.bytes().truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
