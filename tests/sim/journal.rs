//! What is in a directory, and what of it a crash can leave.
//!
//! The invariant: a crash leaves of each file what was synced and the first of the changes since, cut
//! at any byte, of which the first bytes are there or the last ones; and of the names what was synced and the first of their changes since. The one says
//! nothing about the other, as with the file systems that promise least: a file may be there without
//! its bytes, and its synced bytes may be gone with its name.

use std::collections::BTreeMap;

pub type Inode = u64;
type Names = BTreeMap<String, Inode>;

/// The names and the files of a directory, as its users see them and as they are on the disk.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    files: BTreeMap<Inode, Content>,
    names: Names,
    synced_names: Names,
    /// What was done to the names since they were synced.
    renamed: Vec<Renaming>,
    last_inode: Inode,
}

#[derive(Debug, Clone)]
enum Renaming {
    Create(String, Inode),
    Rename(String, String),
    Remove(String),
}

/// The bytes of a file.
#[derive(Debug, Clone, Default)]
pub struct Content {
    pub bytes: Vec<u8>,
    synced: Vec<u8>,
    /// What was done to it since it was synced.
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
pub enum Change {
    Append(Vec<u8>),
    /// From this byte on.
    Over(usize, Vec<u8>),
    Truncate(usize),
}

impl Directory {
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    pub fn find(&self, name: &str) -> Option<Inode> {
        self.names.get(name).copied()
    }

    /// A file that has a name, or had one when the names were synced.
    pub fn file(&mut self, inode: Inode) -> &mut Content {
        self.files.get_mut(&inode).expect("nobody uses a file that has no name any more")
    }

    /// The bytes of such a file.
    pub fn bytes(&self, inode: Inode) -> &[u8] {
        &self.files[&inode].bytes
    }

    pub fn create(&mut self, name: &str) -> Inode {
        self.last_inode += 1;
        self.files.insert(self.last_inode, Content::default());
        self.change(Renaming::Create(name.to_owned(), self.last_inode));
        self.last_inode
    }

    pub fn rename(&mut self, from: &str, to: &str) {
        self.change(Renaming::Rename(from.to_owned(), to.to_owned()));
    }

    pub fn remove(&mut self, name: &str) {
        self.change(Renaming::Remove(name.to_owned()));
    }

    fn change(&mut self, renaming: Renaming) {
        renaming.apply(&mut self.names);
        self.renamed.push(renaming);
    }

    pub fn sync_names(&mut self) {
        self.renamed.clear();
        self.synced_names.clone_from(&self.names);
        self.files.retain(|inode, _| self.names.values().any(|named| named == inode));
    }

    /// What a crash leaves where each number that has to be chosen, from zero to the one that is
    /// given, is chosen so.
    pub fn crashed(&self, choose: &mut dyn FnMut(usize) -> usize) -> Self {
        let renamed = choose(self.renamed.len());
        self.survived(renamed, &mut |content| {
            let point = choose(content.points());
            let mut bytes = content.cut(point);
            // A disk need not write the bytes of one change in their order.
            if content.is_cut_within(point) && choose(1) == 1 {
                bytes = content.cut_last(point);
            }
            // Some file systems have the new length on the disk before the bytes.
            if bytes.len() < content.bytes.len() && choose(1) == 1 {
                bytes.resize(content.bytes.len(), 0);
            }
            bytes
        })
    }

    /// What a crash can leave, as far as whole changes go. A line that is in all of it is in
    /// whatever else a crash can leave: bytes that are added take nothing away.
    pub fn outcomes(&self) -> Vec<Self> {
        let longest = self.files.values().map(|content| content.changes.len()).max();
        let mut outcomes = Vec::new();
        for renamed in 0..=self.renamed.len() {
            for changes in 0..=longest.unwrap_or(0) {
                outcomes.push(self.survived(renamed, &mut |content| {
                    content.cut(content.changes.iter().take(changes).map(Change::points).sum())
                }));
            }
        }
        outcomes
    }

    /// What a crash leaves that leaves so many of the changes to the names, and these bytes of each
    /// file.
    fn survived(&self, renamed: usize, bytes: &mut dyn FnMut(&Content) -> Vec<u8>) -> Self {
        let mut names = self.synced_names.clone();
        self.renamed[..renamed].iter().for_each(|renaming| renaming.apply(&mut names));
        let files = names.values().map(|inode| {
            let bytes = bytes(&self.files[inode]);
            (*inode, Content { synced: bytes.clone(), bytes, changes: Vec::new() })
        });
        Self {
            files: files.collect(),
            synced_names: names.clone(),
            names,
            renamed: Vec::new(),
            last_inode: self.last_inode,
        }
    }
}

impl Renaming {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Create(name, inode) => drop(names.insert(name.clone(), *inode)),
            Self::Remove(name) => drop(names.remove(name)),
            Self::Rename(from, to) => {
                let inode = names.remove(from).expect("what is renamed is there");
                names.insert(to.clone(), inode);
            }
        }
    }
}

impl Content {
    pub fn change(&mut self, change: Change) {
        change.apply(&mut self.bytes, usize::MAX);
        self.changes.push(change);
    }

    pub fn sync(&mut self) {
        self.synced.clone_from(&self.bytes);
        self.changes.clear();
    }

    /// At how many points the changes can be cut, besides after all of them.
    fn points(&self) -> usize {
        self.changes.iter().map(Change::points).sum()
    }

    /// What there is if the changes are cut at this point.
    fn cut(&self, mut point: usize) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for change in &self.changes {
            change.apply(&mut bytes, point);
            point = point.saturating_sub(change.points());
        }
        bytes
    }

    /// The same, but that of the change that is cut the last bytes are there, and as many of the first are not.
    fn cut_last(&self, mut point: usize) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for change in &self.changes {
            if point < change.points() {
                change.apply_last(&mut bytes, point);
                break;
            }
            change.apply(&mut bytes, point);
            point -= change.points();
        }
        bytes
    }

    /// Whether this point is within bytes that are written over others.
    fn is_cut_within(&self, mut point: usize) -> bool {
        for change in &self.changes {
            if point < change.points() {
                return point > 0 && matches!(change, Change::Over(..));
            }
            point -= change.points();
        }
        false
    }
}

impl Change {
    fn points(&self) -> usize {
        match self {
            Self::Append(bytes) | Self::Over(_, bytes) => bytes.len(),
            Self::Truncate(_) => 1,
        }
    }

    /// Does as much of it as comes before this point.
    fn apply(&self, to: &mut Vec<u8>, point: usize) {
        match self {
            Self::Append(bytes) => to.extend(&bytes[..point.min(bytes.len())]),
            Self::Over(offset, bytes) => write(to, *offset, &bytes[..point.min(bytes.len())]),
            Self::Truncate(length) if point > 0 => to.resize(*length, 0),
            Self::Truncate(_) => {}
        }
    }
    /// Of bytes that are written over others, so many of the last.
    fn apply_last(&self, to: &mut Vec<u8>, count: usize) {
        if let Self::Over(offset, bytes) = self {
            let first = bytes.len() - count;
            write(to, offset + first, &bytes[first..]);
        }
    }
}

fn write(to: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    to.resize(to.len().max(offset + bytes.len()), 0);
    to[offset..offset + bytes.len()].copy_from_slice(bytes);
}
