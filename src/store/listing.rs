//! The names in the directory, where many of them are asked for at once.
//!
//! The invariant: what is not in a listing was not in the directory when the requests were carried out for which it was
//! made, and it is gone with them. So a file that somebody puts there is found by whoever asks after that.

use std::collections::HashSet;

use super::disk::Disk;

/// So few requests ask for each name by itself.
const FEW: usize = 8;

/// Names that are listed in the time in which one is asked for, about.
const LISTED: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Listing {
    /// In small letters: where the file system takes capital and small ones for the same, so does this.
    names: Option<HashSet<String>>,
    /// How many there were the last time.
    last: usize,
}

impl Listing {
    /// Lists the directory, which has so many names or more, if that takes less time than to ask for so many.
    pub(super) fn begin(&mut self, disk: &impl Disk, asked: usize, at_least: usize) {
        if asked < FEW || self.last.max(at_least) > asked * LISTED {
            return;
        }
        // If it cannot be read, each request finds out, and says why.
        let Ok(names) = disk.list() else { return };
        self.last = names.len();
        self.names = Some(names.into_iter().map(|name| name.to_ascii_lowercase()).collect());
    }

    pub(super) fn end(&mut self) {
        self.names = None;
    }

    /// Whether it is known that nothing has this name.
    pub(super) fn lacks(&self, name: &str) -> bool {
        self.names.as_ref().is_some_and(|names| !names.contains(&name.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::real_disk::RealDisk;
    use super::*;

    #[test]
    fn both_sides_of_what_is_listed() {
        let directory = tempfile::tempdir().unwrap();
        let put = |name: &str| std::fs::write(directory.path().join(name), "").unwrap();
        put("tails");
        put("Sonic");
        let disk = RealDisk::new(directory.path());
        let lacks = |listing: &Listing| ["sonic", "tails", "knuckles"].map(|it| listing.lacks(it));
        for (asked, at_least, is_listed) in
            [(FEW - 1, 0, false), (FEW, FEW * LISTED, true), (FEW, FEW * LISTED + 1, false)]
        {
            let mut listing = Listing::default();
            listing.begin(&disk, asked, at_least);
            assert_eq!(lacks(&listing), [false, false, is_listed], "{asked} {at_least}");
            listing.end();
            assert_eq!(lacks(&listing), [false; 3]);
        }
        (0..FEW * LISTED).for_each(|n| put(&n.to_string()));
        let mut listing = Listing::default();
        listing.begin(&disk, FEW, 0);
        assert!(listing.lacks("knuckles"), "how many there are it finds out");
        listing.end();
        listing.begin(&disk, FEW, 0);
        assert!(!listing.lacks("knuckles"));
        listing.begin(&disk, FEW + 1, 0);
        assert!(listing.lacks("knuckles"));
    }
}
