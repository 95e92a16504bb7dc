//! Users by name, by address and by session: one table of their numbers, in five bytes for each key.
//!
//! The invariant: nothing is ever read from it in its own order, which depends on the key of its hashes; it is
//! only asked. And nobody who does not know that key can choose names that fall together.

use std::hash::Hasher as _;

use hashbrown::HashTable;
use siphasher::sip::{SipHasher13, SipHasher24};

use super::slot::{Address, Slot};
use crate::wire::{Nickname, Session};

/// What a user is found by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    Name(&'a Nickname),
    Address(Address),
    Session(Session),
}

/// The bits of an entry that say which key of its user it is for. Those above are its number.
const KIND: u32 = 0b11;

impl<'a> Key<'a> {
    fn kind(self) -> u32 {
        match self {
            Self::Name(_) => 0,
            Self::Address(_) => 1,
            Self::Session(_) => 2,
        }
    }

    fn is_of(self, slot: &Slot) -> bool {
        match self {
            Self::Name(name) => slot.nickname == *name,
            Self::Address(address) => slot.address == address,
            Self::Session(session) => slot.session == Some(session),
        }
    }

    /// The key that an entry is for.
    fn of(entry: u32, slots: &'a [Slot]) -> Option<Self> {
        let slot = slots.get((entry >> 2) as usize)?;
        match entry & KIND {
            0 => Some(Self::Name(&slot.nickname)),
            1 => Some(Self::Address(slot.address)),
            _ => slot.session.map(Self::Session),
        }
    }
}

#[derive(Debug)]
pub(super) struct Index {
    entries: HashTable<u32>,
    hashes: Hashes,
}

/// The key of the hashes.
#[derive(Debug)]
struct Hashes(u64, u64);

impl Hashes {
    fn of(&self, key: Key<'_>) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        match key {
            Key::Name(name) => hasher.write(name.as_str().as_bytes()),
            Key::Address(address) => hasher.write(&address.bytes()),
            Key::Session(session) => hasher.write_u64(session.number()),
        }
        hasher.finish()
    }
}

impl Index {
    /// A table that has room for three keys of each of so many users: it never has to grow, which would take a
    /// while when they are many.
    pub(super) fn new(users: usize, seed: [u64; 2]) -> Self {
        // Of the seed of cookies, which are hashes that everybody is told, another key.
        let key = |which: u64| {
            let mut hasher = SipHasher24::new_with_keys(seed[0], seed[1]);
            hasher.write(b"users");
            hasher.write_u64(which);
            hasher.finish()
        };
        Self { entries: HashTable::with_capacity(3 * users), hashes: Hashes(key(0), key(1)) }
    }

    /// Whether an entry is for this key.
    fn is_for(key: Key<'_>, slots: &[Slot], entry: u32) -> bool {
        let slot = slots.get((entry >> 2) as usize);
        entry & KIND == key.kind() && slot.is_some_and(|slot| key.is_of(slot))
    }

    pub(super) fn find(&self, slots: &[Slot], key: Key<'_>) -> Option<u32> {
        let entry =
            self.entries.find(self.hashes.of(key), |entry| Self::is_for(key, slots, *entry));
        entry.map(|entry| *entry >> 2)
    }

    /// Has a user found by a key by which nobody is found.
    pub(super) fn insert(&mut self, slots: &[Slot], key: Key<'_>, user: u32) {
        let hashes = &self.hashes;
        let again = |entry: &u32| Key::of(*entry, slots).map_or(0, |key| hashes.of(key));
        self.entries.insert_unique(hashes.of(key), user << 2 | key.kind(), again);
    }

    /// Has nobody found by this key. The user still has it.
    pub(super) fn remove(&mut self, slots: &[Slot], key: Key<'_>) {
        let hash = self.hashes.of(key);
        if let Ok(entry) = self.entries.find_entry(hash, |entry| Self::is_for(key, slots, *entry)) {
            entry.remove();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
