//! Users in the order of their activity, and of the changes of their rows.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::slot::Slot;

/// No user.
pub(super) const NOBODY: u32 = u32::MAX;

/// Users in the order in which they were put here. The links are in their slots.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) first: u32,
    last: u32,
    len: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { first: NOBODY, last: NOBODY, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, slots: &mut [Slot], user: u32) {
        if let Some(slot) = slots.get_mut(user as usize) {
            (slot.before, slot.after) = (self.last, NOBODY);
        }
        match slots.get_mut(self.last as usize) {
            Some(last) => last.after = user,
            None => self.first = user,
        }
        self.last = user;
        self.len += 1;
    }

    /// Takes out somebody who is here.
    pub(super) fn remove(&mut self, slots: &mut [Slot], user: u32) {
        let Some(slot) = slots.get(user as usize) else { return };
        let (before, after) = (slot.before, slot.after);
        match slots.get_mut(before as usize) {
            Some(slot) => slot.after = after,
            None => self.first = after,
        }
        match slots.get_mut(after as usize) {
            Some(slot) => slot.before = before,
            None => self.last = before,
        }
        self.len -= 1;
    }

    /// Everybody, the last first.
    pub(super) fn newest_first<'a>(&self, slots: &'a [Slot]) -> impl Iterator<Item = &'a Slot> {
        let slot = |user: u32| slots.get(user as usize);
        std::iter::successors(slot(self.last), move |last| slot(last.before))
    }

    /// Everybody, the first first.
    pub(super) fn oldest_first<'a>(&self, slots: &'a [Slot]) -> impl Iterator<Item = &'a Slot> {
        let slot = |user: u32| slots.get(user as usize);
        std::iter::successors(slot(self.first), move |first| slot(first.after))
    }
}

/// A row has changed. Packed: there is one for each user.
#[derive(Debug, Clone, Copy)]
#[repr(Rust, packed(4))]
struct Change {
    revision: u64,
    /// Nobody, if that row has changed again.
    user: u32,
}

/// The last change of each row, in the order of their revisions. To four of them comes no more than one, and a
/// few, whose row has changed again.
#[derive(Debug)]
pub(super) struct Changes {
    entries: VecDeque<Change>,
    /// How many are of somebody.
    rows: usize,
    last: u64,
}

/// Entries that are not worth being taken out.
const FEW: usize = 64;

impl Changes {
    /// Room for the changes of so many rows: it never has to grow.
    pub(super) fn new(rows: usize) -> Self {
        let entries = VecDeque::with_capacity(rows + rows / 4 + FEW + 2);
        Self { entries, rows: 0, last: 0 }
    }

    /// The revision of the last change.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// A row changes, of which the last change had this revision. Returns that of this one.
    pub(super) fn record(&mut self, user: u32, before: u64) -> u64 {
        self.last += 1;
        self.rows += 1;
        self.entries.push_back(Change { revision: self.last, user });
        self.forget(before);
        self.last
    }

    /// The row whose last change had this revision is no more.
    pub(super) fn forget(&mut self, revision: u64) {
        let Ok(at) = self.entries.binary_search_by(|entry| compare(entry, revision)) else {
            return;
        };
        if let Some(entry) = self.entries.get_mut(at) {
            entry.user = NOBODY;
            self.rows -= 1;
        }
        while self.entries.front().is_some_and(|entry| entry.user == NOBODY) {
            self.entries.pop_front();
        }
        if !self.is_within_bounds() {
            self.entries.retain(|entry| entry.user != NOBODY);
        }
    }

    /// Whose rows have changed since, in the order of the changes.
    pub(super) fn since(&self, revision: u64) -> impl Iterator<Item = u32> + '_ {
        let known = self.entries.partition_point(|entry| compare(entry, revision).is_le());
        self.entries.range(known..).map(|entry| entry.user).filter(|user| *user != NOBODY)
    }

    pub(super) fn is_within_bounds(&self) -> bool {
        self.entries.len() <= self.rows + self.rows / 4 + FEW
    }
}

fn compare(&Change { revision: entry, .. }: &Change, revision: u64) -> Ordering {
    entry.cmp(&revision)
}
