//! The names in the directory, where many of them are asked for at once.
//!
//! The invariant: a listing is of the time in which the requests are carried out for which it is made, and gone with them.
//! So a file that somebody puts there is found by whoever asks after that. (What is replaced at that very moment may be
//! found by the next one only: not every file system lists it then.)

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
    /// Lists the directory, which most likely has so many mailboxes, if that takes less time than to ask for so many.
    pub(super) fn begin(&mut self, disk: &impl Disk, asked: usize, mailboxes: usize) {
        if asked < FEW || self.last.max(mailboxes) > asked * LISTED {
            return;
        }
        // If it cannot be read, each request finds out, and says why.
        let Ok(names) = disk.list() else { return };
        self.last = names.len();
        // What the file system takes a foreign name for as well, it knows best.
        if names.iter().all(|name| name.is_ascii()) {
            self.names = Some(names.into_iter().map(|name| name.to_ascii_lowercase()).collect());
        }
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
        for (asked, mailboxes, is_listed) in
            [(FEW - 1, 0, false), (FEW, FEW * LISTED, true), (FEW, FEW * LISTED + 1, false)]
        {
            let mut listing = Listing::default();
            listing.begin(&disk, asked, mailboxes);
            assert_eq!(lacks(&listing), [false, false, is_listed], "{asked} {mailboxes}");
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
        listing.end();
        put("\u{212a}nuckles");
        listing.begin(&disk, FEW * 2, 0);
        assert!(!listing.lacks("knuckles"), "some take a Kelvin sign for a k");
    }
}
