//! Who is where: the table of users that the server keeps.
//!
//! The invariants: a nickname has one row; an address is the one of at most one online row; the rows
//! are at hand in the order of their last activity, newest first, because that is the order in
//! which a table that must be cut tells of them; and they are at hand in the order of the revisions
//! of their last changes, so that what has changed since a revision is where that order goes on.
//! Whoever is told all of that, from whichever revision, has the table.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Instant, LastSeen, Now};
use crate::wire::{Nickname, Presence, Row, Session, encode_table};

/// The table is full of users who are online.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Debug)]
struct Entry {
    address: SocketAddr,
    presence: Presence,
    session: Option<Session>,
    /// The larger, the more recently something came from this user. No two are the same.
    activity: u64,
    /// When that was.
    heard: Now,
    /// The revision of the table in which this row last changed. No two are the same.
    revision: u64,
}

#[derive(Debug)]
pub(super) struct Directory {
    rows: BTreeMap<Nickname, Entry>,
    online: BTreeMap<SocketAddr, Nickname>,
    online_by_activity: BTreeMap<u64, Nickname>,
    offline_by_activity: BTreeMap<u64, Nickname>,
    by_revision: BTreeMap<u64, Nickname>,
    last_activity: u64,
    last_revision: u64,
    capacity: usize,
}

impl Directory {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            rows: BTreeMap::new(),
            online: BTreeMap::new(),
            online_by_activity: BTreeMap::new(),
            offline_by_activity: BTreeMap::new(),
            by_revision: BTreeMap::new(),
            last_activity: 0,
            last_revision: 0,
            capacity,
        }
    }

    /// Where this user is, and whether it is there.
    pub(super) fn find(&self, nickname: &Nickname) -> Option<(SocketAddr, Presence)> {
        self.rows.get(nickname).map(|row| (row.address, row.presence))
    }

    /// Whether this user is online, wherever.
    pub(super) fn is_online(&self, nickname: &Nickname) -> bool {
        self.rows.get(nickname).is_some_and(|row| row.presence.is_online())
    }

    /// The online user at this address.
    pub(super) fn holder(&self, address: SocketAddr) -> Option<&Nickname> {
        self.online.get(&address)
    }

    /// Whether this user is online at this very address.
    pub(super) fn is_at(&self, nickname: &Nickname, address: SocketAddr) -> bool {
        self.holder(address) == Some(nickname)
    }

    /// The session of this user, if it is online and speaks the current dialect.
    pub(super) fn session(&self, nickname: &Nickname) -> Option<Session> {
        self.rows.get(nickname)?.session
    }

    /// When something came from this address last, if an online user is there.
    pub(super) fn heard(&self, address: SocketAddr) -> Option<Instant> {
        Some(self.rows.get(self.holder(address)?)?.heard.at)
    }

    /// Where this user is or was, and when something last came from there.
    pub(super) fn last_seen(&self, nickname: &Nickname) -> Option<LastSeen> {
        let &Entry { address, heard, .. } = self.rows.get(nickname)?;
        Some(LastSeen { address, time: heard.unix })
    }

    /// Everyone online.
    pub(super) fn online_users(&self) -> impl Iterator<Item = &Nickname> + '_ {
        self.online.values()
    }

    /// The addresses of everyone online who speaks the classic dialect.
    pub(super) fn classic_addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        let online = self.online.iter();
        online.filter(|(_, name)| self.session(name).is_none()).map(|(address, _)| *address)
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many of them are online.
    pub(super) fn online(&self) -> usize {
        self.online.len()
    }

    /// Every row, by nickname.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.rows.keys().filter_map(|nickname| self.row(nickname))
    }

    /// The newest revision of the table.
    pub(super) fn revision(&self) -> u64 {
        self.last_revision
    }

    /// The first rows that have changed since a revision, each with the revision of its change.
    pub(super) fn changed_since(&self, revision: u64, most: usize) -> Vec<(u64, Row)> {
        let changed = self.by_revision.range(revision + 1..).take(most);
        changed.filter_map(|(revision, name)| Some((*revision, self.row(name)?))).collect()
    }

    /// What the table says of this user.
    pub(super) fn row(&self, nickname: &Nickname) -> Option<Row> {
        let &Entry { address, presence, session, heard, .. } = self.rows.get(nickname)?;
        // Of who is online it would change with each datagram, and the revision with it.
        let last_seen = Some(heard.unix).filter(|_| !presence.is_online());
        Some(Row { nickname: nickname.clone(), address, presence, session, last_seen })
    }

    /// Puts a user online at an address. Whoever was online there is offline now.
    ///
    /// Where the table is full, the user who has been offline for longest makes room: who that was is
    /// returned.
    pub(super) fn set_online(
        &mut self,
        now: Now,
        nickname: &Nickname,
        address: SocketAddr,
        session: Option<Session>,
    ) -> Result<Option<Nickname>, Full> {
        let mut forgotten = None;
        if !self.rows.contains_key(nickname) && self.rows.len() >= self.capacity {
            let (_, oldest) = self.offline_by_activity.pop_first().ok_or(Full)?;
            self.forget(&oldest);
            forgotten = Some(oldest);
        }
        if let Some(other) = self.online.get(&address).filter(|other| *other != nickname).cloned() {
            self.set_offline(&other);
        }
        self.forget(nickname);
        let revision = self.next_revision();
        let presence = Presence::Online;
        let entry = Entry { address, presence, session, activity: 0, heard: now, revision };
        self.insert(nickname, entry);
        Ok(forgotten)
    }

    /// Knows of a user who was there once, if there is room.
    pub(super) fn recall(&mut self, nickname: &Nickname, last: LastSeen) -> Result<(), Full> {
        if self.rows.contains_key(nickname) {
            return Ok(());
        }
        if self.rows.len() >= self.capacity {
            return Err(Full);
        }
        let (presence, revision) = (Presence::Offline, self.next_revision());
        let heard = Now { at: Instant::ZERO, unix: last.time };
        let (address, session) = (last.address, None);
        let entry = Entry { address, presence, session, activity: 0, heard, revision };
        self.insert(nickname, entry);
        Ok(())
    }

    /// Puts a user offline; its last address is remembered.
    pub(super) fn set_offline(&mut self, nickname: &Nickname) {
        if let Some(entry) = self.forget(nickname) {
            let (presence, revision) = (Presence::Offline, self.next_revision());
            self.insert(nickname, Entry { presence, session: None, revision, ..entry });
        }
    }

    /// Something came from this address.
    pub(super) fn touch(&mut self, now: Now, address: SocketAddr) {
        if let Some(nickname) = self.online.get(&address).cloned()
            && let Some(entry) = self.forget(&nickname)
        {
            self.insert(&nickname, Entry { heard: now, ..entry });
        }
    }

    fn next_revision(&mut self) -> u64 {
        self.last_revision += 1;
        self.last_revision
    }

    fn insert(&mut self, nickname: &Nickname, mut entry: Entry) {
        self.last_activity += 1;
        entry.activity = self.last_activity;
        if entry.presence.is_online() {
            self.online.insert(entry.address, nickname.clone());
            self.online_by_activity.insert(entry.activity, nickname.clone());
        } else {
            self.offline_by_activity.insert(entry.activity, nickname.clone());
        }
        self.by_revision.insert(entry.revision, nickname.clone());
        self.rows.insert(nickname.clone(), entry);
    }

    fn forget(&mut self, nickname: &Nickname) -> Option<Entry> {
        let entry = self.rows.remove(nickname)?;
        if entry.presence.is_online() {
            self.online.remove(&entry.address);
        }
        self.online_by_activity.remove(&entry.activity);
        self.offline_by_activity.remove(&entry.activity);
        self.by_revision.remove(&entry.revision);
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
    use std::time::Duration;

    use super::*;
    use crate::wire::{Datagram, MAX_DATAGRAM, UnixTime};

    const T: Now = Now { at: Instant::ZERO, unix: UnixTime::EPOCH };

    fn later(seconds: u64) -> Now {
        let elapsed = Duration::from_secs(seconds);
        let unix = UnixTime::from_micros(i64::try_from(elapsed.as_micros()).unwrap());
        Now { at: Instant::after_start(elapsed), unix }
    }

    fn name(n: usize) -> Nickname {
        Nickname::new(&format!("user{n}")).unwrap()
    }

    fn address(port: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()))
    }

    fn filled(users: usize) -> Directory {
        let mut directory = Directory::new(users);
        for n in 0..users {
            directory.set_online(T, &name(n), address(n + 1), None).unwrap();
        }
        directory
    }

    #[test]
    fn an_address_is_one_users() {
        let mut directory = filled(1);
        directory.capacity = 2;
        directory.set_online(T, &name(7), address(1), None).unwrap();
        assert_eq!(directory.find(&name(0)), Some((address(1), Presence::Offline)));
        assert!(directory.is_at(&name(7), address(1)));
    }

    #[test]
    fn a_full_table_lets_go_of_who_was_offline_longest_but_of_nobody_online() {
        let mut directory = filled(3);
        assert_eq!(directory.set_online(T, &name(9), address(9), None), Err(Full));
        directory.set_offline(&name(1));
        directory.set_offline(&name(0));
        directory.set_online(T, &name(9), address(9), None).unwrap();
        assert_eq!(directory.find(&name(1)), None);
        assert!(directory.find(&name(0)).is_some());
        assert_eq!(directory.rows().count(), 3);
    }

    #[test]
    fn a_cut_table_has_the_own_row_and_the_newest_online_ones() {
        let mut directory = filled(500);
        directory.set_offline(&name(499));
        directory.touch(T, address(43));
        let bytes = directory.table_for(address(1));
        assert!(bytes.len() <= MAX_DATAGRAM);
        let Ok(Datagram::Table(rows)) = Datagram::decode(&bytes) else { panic!() };
        let has = |n| rows.iter().any(|row| row.nickname == name(n));
        assert!(has(0) && has(42) && has(498) && !has(43) && !has(499));
    }

    /// Whoever is told what has changed since a revision has the rows that whoever is told all has.
    #[test]
    fn what_changed_since_a_revision_leads_to_the_table() {
        let mut directory = filled(9);
        let mut known: BTreeMap<_, _> =
            directory.rows().map(|row| (row.nickname.clone(), row)).collect();
        let since = directory.revision();
        directory.set_offline(&name(3));
        directory.set_offline(&name(5));
        directory.set_online(T, &name(3), address(40), Session::new(8)).unwrap();
        directory.touch(T, address(2));
        let changed = directory.changed_since(since, 9);
        assert_eq!(changed.len(), 2, "each row once, the one that was only touched not at all");
        assert_eq!(changed.last().unwrap().0, directory.revision());
        known.extend(changed.into_iter().map(|(_, row)| (row.nickname.clone(), row)));
        assert!(known.into_values().eq(directory.rows()));
        assert_eq!(directory.changed_since(directory.revision(), 9), []);
    }

    #[test]
    fn it_is_known_when_an_address_was_heard_last() {
        let mut directory = filled(1);
        directory.touch(later(1), address(1));
        let heard = |port| directory.heard(address(port));
        assert_eq!((heard(1), heard(2)), (Some(later(1).at), None));
    }

    #[test]
    fn of_who_is_offline_it_is_told_when_something_came_last() {
        let mut directory = filled(2);
        let last_seen = |directory: &Directory| directory.row(&name(0)).unwrap().last_seen;
        directory.touch(later(1), address(1));
        assert_eq!(last_seen(&directory), None, "it is online");
        directory.set_offline(&name(0));
        directory.touch(later(2), address(1));
        assert_eq!(last_seen(&directory), Some(later(1).unix), "it was not there any more");
        directory.set_online(later(3), &name(0), address(2), None).unwrap();
        assert_eq!(last_seen(&directory), None);
        assert_eq!(directory.row(&name(1)).unwrap().last_seen, Some(T.unix), "it had to go");
    }

    #[test]
    fn who_is_recalled_was_seen_when_it_was_seen() {
        let mut directory = Directory::new(1);
        let last = LastSeen { address: address(1), time: later(7).unix };
        directory.recall(&name(0), last).unwrap();
        assert_eq!(directory.row(&name(0)).unwrap().last_seen, Some(later(7).unix));
        assert_eq!(directory.last_seen(&name(0)), Some(last));
    }
}
