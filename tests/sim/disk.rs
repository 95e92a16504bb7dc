//! A disk that fails as it is told to, and whose power can be cut.
//!
//! The invariant: whoever is told that something was synced finds it after a crash; of the rest, what
//! a crash leaves is drawn. See [`journal`](super::journal).

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use superchat::store::{Disk, DiskFile, Metadata, OpenError};

use super::journal::{Change, Directory, Inode};
use super::network::Random;

/// One disk, however many clones of this value there are.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

/// What fails, each by itself, so that a run can promise what the others do not break.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// The disk is full for those who write to a file: half of what they write fits.
    pub writes: bool,
    /// Nothing is brought to the disk: neither bytes nor names.
    pub syncs: bool,
    /// No file is removed or renamed.
    pub removes: bool,
}

#[derive(Debug, Clone, Default)]
struct State {
    directory: Directory,
    lock: Weak<()>,
    faults: Faults,
    /// Changes and syncs so far.
    operations: usize,
    /// How many more there will be, if the machine is about to stop, and of the bytes that are just
    /// being written then.
    left: Option<(usize, usize)>,
    stopped: bool,
    /// Of what was just being written then, how many bytes there were.
    cut_short: usize,
}

impl State {
    /// The disk is changed or synced, unless that fails.
    fn operate(&mut self, fault: bool, reason: &str) -> io::Result<()> {
        if fault {
            return Err(io::Error::other(reason));
        }
        match &mut self.left {
            Some((0, _)) => {
                self.stopped = true;
                return Err(io::Error::other("the machine has stopped"));
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        self.operations += 1;
        Ok(())
    }

    fn find(&self, name: &str) -> io::Result<Inode> {
        self.directory.find(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, name: &str) -> io::Result<Inode> {
        self.operate(false, "")?;
        Ok(self.directory.create(name))
    }

    fn find_or_create(&mut self, name: &str) -> io::Result<Inode> {
        let found = self.directory.find(name);
        found.map_or_else(|| self.create(name), Ok)
    }
}

impl SimDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A disk with this directory. Nobody has locked it, and nothing fails.
    fn with(directory: Directory) -> Self {
        Self(Arc::new(Mutex::new(State { directory, ..State::default() })))
    }

    /// Another disk, on which is what is on this one, synced or not.
    pub fn fork(&self) -> Self {
        Self::with(self.state().directory.clone())
    }

    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Changes and syncs so far.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// After so many more changes and syncs there are no more, until [`go_on`](Self::go_on); of what
    /// is just being written then, so many bytes are.
    pub fn stop_after(&self, operations: usize, bytes: usize) {
        self.state().left = Some((operations, bytes));
    }

    /// How many bytes were just being written when there were no more changes.
    pub fn cut_short(&self) -> usize {
        self.state().cut_short
    }

    /// Whether there was something to be done after that.
    pub fn has_stopped(&self) -> bool {
        self.state().stopped
    }

    pub fn go_on(&self) {
        let mut state = self.state();
        state.left = None;
        state.stopped = false;
        state.cut_short = 0;
    }

    /// The power is cut.
    pub fn crash(&self, random: &mut Random) {
        self.crash_by(&mut |last| match random.within(0..=2) {
            // What is most usual would be rare if it were drawn among thousands of bytes.
            0 => 0,
            1 => last,
            _ => random.within(0..=last as u64) as usize,
        });
    }

    /// The power is cut; what survives is chosen, by numbers from zero to the one that is given.
    pub fn crash_by(&self, choose: &mut dyn FnMut(usize) -> usize) {
        self.go_on();
        let mut state = self.state();
        state.directory = state.directory.crashed(choose);
    }

    /// What a crash can leave now, as far as it matters to whole lines.
    pub fn outcomes(&self) -> Vec<Self> {
        self.state().directory.outcomes().into_iter().map(Self::with).collect()
    }
}

impl Disk for SimDisk {
    /// So few that some commits go past them and some do not.
    const AHEAD: u64 = 256;
    type File = SimFile;
    type Lock = Arc<()>;

    fn lock(&self, name: &str) -> Result<Arc<()>, OpenError> {
        let mut state = self.state();
        if state.lock.strong_count() > 0 {
            return Err(OpenError::InUse);
        }
        state.find_or_create(name)?;
        let lock = Arc::new(());
        state.lock = Arc::downgrade(&lock);
        Ok(lock)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().directory.names().cloned().collect())
    }

    fn metadata(&self, name: &str) -> io::Result<Option<Metadata>> {
        let mut state = self.state();
        let Some(inode) = state.directory.find(name) else { return Ok(None) };
        let length = state.directory.file(inode).bytes.len() as u64;
        Ok(Some(Metadata { is_file: true, length, modified: None, identity: Some(inode) }))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        let inode = state.find(name)?;
        Ok(state.directory.file(inode).bytes.clone())
    }

    fn append(&self, name: &str) -> io::Result<SimFile> {
        let inode = self.state().find_or_create(name)?;
        Ok(SimFile { disk: self.clone(), inode, may_fail: true })
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        let inode = self.state().find(name)?;
        Ok(SimFile { disk: self.clone(), inode, may_fail: true })
    }

    fn create_new(&self, name: &str) -> io::Result<SimFile> {
        let mut state = self.state();
        if state.find(name).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.create(name)?;
        Ok(SimFile { disk: self.clone(), inode, may_fail: false })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.find(from)?;
        let fault = state.faults.removes;
        state.operate(fault, "the disk is gone")?;
        state.directory.rename(from, to);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.find(name)?;
        let fault = state.faults.removes;
        state.operate(fault, "the disk is gone")?;
        state.directory.remove(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        let fault = state.faults.syncs;
        state.operate(fault, "the disk does not answer")?;
        state.directory.sync_names();
        Ok(())
    }
}

/// An open file of a [`SimDisk`].
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    inode: Inode,
    /// It was there before.
    may_fail: bool,
}

impl SimFile {
    /// Writes these bytes, or as many of them as fit.
    fn put(&self, bytes: &[u8], change: impl FnOnce(Vec<u8>) -> Change) -> io::Result<()> {
        let mut state = self.disk.state();
        let (full, stopped) = (self.may_fail && state.faults.writes, state.stopped);
        let result = state.operate(full, "the disk is full");
        let fitting = match (&result, state.left) {
            (Ok(()), _) => bytes.len(),
            (Err(_), _) if stopped => 0,
            (Err(_), Some((0, fitting))) if !full => {
                state.cut_short = bytes.len();
                fitting.min(bytes.len())
            }
            (Err(_), _) => bytes.len() / 2,
        };
        state.directory.file(self.inode).change(change(bytes[..fitting].to_vec()));
        result
    }
}

impl DiskFile for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, Change::Append)
    }

    fn write_over(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        let state = self.disk.state();
        let before = state.directory.bytes(self.inode).get(offset..).unwrap();
        let before = &before[..before.len().min(bytes.len())];
        assert!(before.iter().all(|byte| *byte == 0), "what was written is written over");
        drop(state);
        self.put(bytes, |bytes| Change::Over(offset, bytes))
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operate(false, "")?;
        let cut = Change::Truncate(usize::try_from(length).unwrap());
        state.directory.file(self.inode).change(cut);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let fault = state.faults.syncs;
        state.operate(fault, "the disk does not answer")?;
        state.directory.file(self.inode).sync();
        Ok(())
    }
}
