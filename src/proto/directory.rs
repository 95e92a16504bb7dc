//! Who is where: the table of users that the server keeps.
//!
//! The invariants: a nickname has one row; an address is the one of at most one online row; and
//! the rows are at hand in the order of their last activity, newest first, because that is the
//! order in which a table that must be cut tells of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::wire::{Nickname, Presence, Row, encode_table};

/// The table is full of users who are online.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Debug)]
struct Entry {
    address: SocketAddr,
    presence: Presence,
    /// The larger, the more recently something came from this user. No two are the same.
    activity: u64,
}

#[derive(Debug)]
pub(super) struct Directory {
    rows: BTreeMap<Nickname, Entry>,
    online: BTreeMap<SocketAddr, Nickname>,
    online_by_activity: BTreeMap<u64, Nickname>,
    offline_by_activity: BTreeMap<u64, Nickname>,
    last_activity: u64,
    capacity: usize,
}

impl Directory {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            rows: BTreeMap::new(),
            online: BTreeMap::new(),
            online_by_activity: BTreeMap::new(),
            offline_by_activity: BTreeMap::new(),
            last_activity: 0,
            capacity,
        }
    }

    /// Where this user is, and whether it is there.
    pub(super) fn find(&self, nickname: &Nickname) -> Option<(SocketAddr, Presence)> {
        self.rows.get(nickname).map(|row| (row.address, row.presence))
    }

    /// The online user at this address.
    pub(super) fn holder(&self, address: SocketAddr) -> Option<&Nickname> {
        self.online.get(&address)
    }

    /// Whether this user is online at this very address.
    pub(super) fn is_at(&self, nickname: &Nickname, address: SocketAddr) -> bool {
        self.holder(address) == Some(nickname)
    }

    /// The addresses of everyone online.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.online.keys().copied()
    }

    /// Every row, by nickname.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.rows.keys().filter_map(|nickname| self.row(nickname))
    }

    fn row(&self, nickname: &Nickname) -> Option<Row> {
        let (address, presence) = self.find(nickname)?;
        Some(Row { nickname: nickname.clone(), address, presence })
    }

    /// Puts a user online at an address. Whoever was online there is offline now.
    ///
    /// Where the table is full, the user who has been offline for longest makes room.
    pub(super) fn set_online(
        &mut self,
        nickname: &Nickname,
        address: SocketAddr,
    ) -> Result<(), Full> {
        if !self.rows.contains_key(nickname) && self.rows.len() >= self.capacity {
            let (_, oldest) = self.offline_by_activity.pop_first().ok_or(Full)?;
            self.rows.remove(&oldest);
        }
        if let Some(other) = self.online.get(&address).cloned() {
            self.set_offline(&other);
        }
        self.forget(nickname);
        self.insert(nickname, address, Presence::Online);
        Ok(())
    }

    /// Puts a user offline; its last address is remembered.
    pub(super) fn set_offline(&mut self, nickname: &Nickname) {
        if let Some(entry) = self.forget(nickname) {
            self.insert(nickname, entry.address, Presence::Offline);
        }
    }

    /// Something came from this address.
    pub(super) fn touch(&mut self, address: SocketAddr) {
        if let Some(nickname) = self.online.get(&address).cloned() {
            self.forget(&nickname);
            self.insert(&nickname, address, Presence::Online);
        }
    }

    fn insert(&mut self, nickname: &Nickname, address: SocketAddr, presence: Presence) {
        self.last_activity += 1;
        let activity = self.last_activity;
        if presence.is_online() {
            self.online.insert(address, nickname.clone());
            self.online_by_activity.insert(activity, nickname.clone());
        } else {
            self.offline_by_activity.insert(activity, nickname.clone());
        }
        self.rows.insert(nickname.clone(), Entry { address, presence, activity });
    }

    fn forget(&mut self, nickname: &Nickname) -> Option<Entry> {
        let entry = self.rows.remove(nickname)?;
        if entry.presence.is_online() {
            self.online.remove(&entry.address);
        }
        self.online_by_activity.remove(&entry.activity);
        self.offline_by_activity.remove(&entry.activity);
        Some(entry)
    }

    /// The `Table` datagram for the user at this address: its own row, then who is online, then
    /// who is not, newest activity first, as many as fit.
    pub(super) fn table_for(&self, address: SocketAddr) -> Vec<u8> {
        let own = self.holder(address);
        let others = self
            .online_by_activity
            .values()
            .rev()
            .chain(self.offline_by_activity.values().rev())
            .filter(|nickname| Some(*nickname) != own);
        encode_table(own.into_iter().chain(others).filter_map(|nickname| self.row(nickname)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Datagram, MAX_DATAGRAM};

    fn name(n: usize) -> Nickname {
        Nickname::new(&format!("user{n}")).unwrap()
    }

    fn address(port: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()))
    }

    fn filled(users: usize) -> Directory {
        let mut directory = Directory::new(users);
        for n in 0..users {
            directory.set_online(&name(n), address(n + 1)).unwrap();
        }
        directory
    }

    #[test]
    fn an_address_is_one_users() {
        let mut directory = filled(1);
        directory.capacity = 2;
        directory.set_online(&name(7), address(1)).unwrap();
        assert_eq!(directory.find(&name(0)), Some((address(1), Presence::Offline)));
        assert!(directory.is_at(&name(7), address(1)));
    }

    #[test]
    fn a_full_table_lets_go_of_who_was_offline_longest_but_of_nobody_online() {
        let mut directory = filled(3);
        assert_eq!(directory.set_online(&name(9), address(9)), Err(Full));
        directory.set_offline(&name(1));
        directory.set_offline(&name(0));
        directory.set_online(&name(9), address(9)).unwrap();
        assert_eq!(directory.find(&name(1)), None);
        assert!(directory.find(&name(0)).is_some());
        assert_eq!(directory.rows().count(), 3);
    }

    #[test]
    fn a_cut_table_has_the_own_row_and_the_newest_online_ones() {
        let mut directory = filled(500);
        directory.set_offline(&name(499));
        directory.touch(address(43));
        let bytes = directory.table_for(address(1));
        assert!(bytes.len() <= MAX_DATAGRAM);
        let Ok(Datagram::Table(rows)) = Datagram::decode(&bytes) else { panic!() };
        let has = |n| rows.iter().any(|row| row.nickname == name(n));
        assert!(has(0) && has(42) && has(498) && !has(43) && !has(499));
    }
}
