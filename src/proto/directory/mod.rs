//! Who is where: the table of users that the server keeps.
//!
//! The invariants: a nickname has one row; an address, and a session, is the one of at most one online row; the
//! rows are at hand in the order of their last activity, newest first, because that is the order in which a
//! table that must be cut tells of them; and they are at hand in the order of the revisions of their last
//! changes, so that what has changed since a revision is where that order goes on. Whoever is told all of that,
//! from whichever revision, has the table.
//!
//! The order of activity is that in which leases end, as well: all are equally long. So nobody has a timer of its
//! own. Those who were asked whether they are there are the first in it, until something comes from them.

mod index;
mod order;
mod slot;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::SocketAddr;

use self::index::{Index, Key};
use self::order::{Changes, Line, NOBODY};
pub(super) use self::slot::Address;
use self::slot::Slot;
use super::{Instant, LastSeen, Now};
use crate::wire::{Nickname, Presence, Row, Session, encode_table};

/// The table is full of users who are online.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A user in the table, as long as it is there: a small number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User(u32);

impl User {
    /// Those in the table have the lowest numbers.
    pub(super) fn number(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug)]
pub(super) struct Directory {
    /// The rows, and room that others have left.
    slots: Vec<Slot>,
    unused: Vec<u32>,
    index: Index,
    /// Who is at the address that was asked for last: a datagram has it asked for again and again.
    asked: Cell<Option<(SocketAddr, Option<User>)>>,
    online: Line,
    /// Who is online and was not asked, since something came from it, whether it is there: it and all after it.
    unasked: u32,
    offline: Line,
    changes: Changes,
    /// Those of the online ones who speak the classic dialect.
    classic: BTreeSet<SocketAddr>,
    capacity: usize,
}

impl Directory {
    pub(super) fn new(capacity: usize, seed: [u64; 2]) -> Self {
        Self {
            // Reserved, and only taken when it is used: what is large is not to move.
            slots: Vec::with_capacity(capacity),
            unused: Vec::new(),
            index: Index::new(capacity, seed),
            asked: Cell::new(None),
            online: Line::new(),
            unasked: NOBODY,
            offline: Line::new(),
            changes: Changes::new(capacity),
            classic: BTreeSet::new(),
            capacity,
        }
    }

    fn get(&self, user: User) -> Option<&Slot> {
        self.slots.get(user.0 as usize)
    }

    fn user(&self, key: Key<'_>) -> Option<User> {
        self.index.find(&self.slots, key).map(User)
    }

    fn named(&self, nickname: &Nickname) -> Option<&Slot> {
        self.get(self.user(Key::Name(nickname))?)
    }

    fn at(&self, address: SocketAddr) -> Option<User> {
        if let Some((asked, user)) = self.asked.get()
            && asked == address
        {
            return user;
        }
        let user = self.user(Key::Address(address.into()));
        self.asked.set(Some((address, user)));
        user
    }

    /// Where this user is, and whether it is there.
    pub(super) fn find(&self, nickname: &Nickname) -> Option<(SocketAddr, Presence)> {
        self.named(nickname).map(|slot| (slot.address(), presence(slot)))
    }

    /// Whether this user is online, wherever.
    pub(super) fn is_online(&self, nickname: &Nickname) -> bool {
        self.named(nickname).is_some_and(|slot| slot.online)
    }

    /// The online user at this address.
    pub(super) fn holder(&self, address: SocketAddr) -> Option<&Nickname> {
        Some(&self.get(self.at(address)?)?.nickname)
    }

    /// Whether this user is online at this very address.
    pub(super) fn is_at(&self, nickname: &Nickname, address: SocketAddr) -> bool {
        self.holder(address) == Some(nickname)
    }

    /// The session of this user, if it is online and speaks the current dialect.
    pub(super) fn session(&self, nickname: &Nickname) -> Option<Session> {
        self.named(nickname)?.session
    }

    /// The session at this address, and whose it is.
    pub(super) fn member_at(&self, address: SocketAddr) -> Option<(Session, User)> {
        let user = self.at(address)?;
        Some((self.get(user)?.session?, user))
    }

    /// Whose session it is.
    pub(super) fn member(&self, session: Session) -> Option<User> {
        self.user(Key::Session(session))
    }

    /// The name and the address of the user of a session.
    pub(super) fn member_named(&self, session: Session) -> Option<(&Nickname, SocketAddr)> {
        let slot = self.get(self.member(session)?)?;
        Some((&slot.nickname, slot.address()))
    }

    /// Every session.
    pub(super) fn members(&self) -> impl Iterator<Item = (Session, User)> + '_ {
        self.members_from(0)
    }

    /// Every session: those of a user and of all after it, then those before it.
    pub(super) fn members_from(&self, number: usize) -> impl Iterator<Item = (Session, User)> + '_ {
        let slots = (0..).zip(&self.slots);
        let slots = slots.clone().skip(number).chain(slots.take(number));
        slots.filter_map(|(user, slot)| Some((slot.session?, User(user))))
    }

    /// How many sessions there are.
    pub(super) fn members_len(&self) -> usize {
        self.online.len() - self.classic.len()
    }

    /// When something last came from whoever was silent for longest, of those who are online and were not asked
    /// since.
    pub(super) fn longest_silent(&self) -> Option<Instant> {
        self.slots.get(self.unasked as usize).map(Slot::heard)
    }

    /// That one is asked now: where it is.
    pub(super) fn ask_longest_silent(&mut self) -> Option<SocketAddr> {
        let slot = self.slots.get(self.unasked as usize)?;
        self.unasked = slot.after;
        Some(slot.address())
    }

    /// Where this user is or was, and when something last came from there.
    pub(super) fn last_seen(&self, now: Now, nickname: &Nickname) -> Option<LastSeen> {
        let slot = self.named(nickname)?;
        Some(LastSeen { address: slot.address(), time: slot.last_seen(now) })
    }

    /// Everyone online, longest silent first.
    pub(super) fn online_users(&self) -> impl Iterator<Item = &Nickname> + '_ {
        self.online.oldest_first(&self.slots).map(|slot| &slot.nickname)
    }

    /// The addresses of everyone online who speaks the classic dialect.
    pub(super) fn classic_addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.classic.iter().copied()
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.online.len() + self.offline.len()
    }

    /// How many of them are online.
    pub(super) fn online(&self) -> usize {
        self.online.len()
    }

    /// Every row, by nickname.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        let lines = [&self.online, &self.offline];
        let slots = lines.into_iter().flat_map(|line| line.newest_first(&self.slots));
        let mut slots: Vec<_> = slots.collect();
        slots.sort_unstable_by_key(|slot| &slot.nickname);
        slots.into_iter().map(row)
    }

    /// The newest revision of the table.
    pub(super) fn revision(&self) -> u64 {
        self.changes.last()
    }

    /// The first rows that have changed since a revision, each with the revision of its change.
    pub(super) fn changed_since(&self, revision: u64, most: usize) -> Vec<(u64, Row)> {
        let changed = self.changes.since(revision).take(most);
        let slots = changed.filter_map(|user| self.get(User(user)));
        slots.map(|slot| (slot.revision, row(slot))).collect()
    }

    /// What the table says of this user.
    pub(super) fn row(&self, nickname: &Nickname) -> Option<Row> {
        self.named(nickname).map(row)
    }

    /// Whether this user is in the table, or can be.
    pub(super) fn has_room_for(&self, nickname: &Nickname) -> bool {
        self.len() < self.capacity || self.offline.len() > 0 || self.named(nickname).is_some()
    }

    /// Puts a user online at an address, with a session that is nobody else's. Whoever was online there is
    /// offline now.
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
        if !self.has_room_for(nickname) {
            return Err(Full);
        }
        let found = self.user(Key::Name(nickname));
        let full = found.is_none() && self.len() >= self.capacity;
        let forgotten = if full { self.forget_oldest() } else { None };
        if let Some(other) = self.at(address).filter(|other| Some(*other) != found) {
            self.take_offline(now, other);
        }
        let user = found.unwrap_or_else(|| self.add(nickname, address, now));
        self.change(user, |slot| slot.go_online(now, address, session));
        Ok(forgotten)
    }

    /// Knows of a user who was there once, if there is room.
    pub(super) fn recall(&mut self, nickname: &Nickname, last: LastSeen) -> Result<(), Full> {
        if self.named(nickname).is_some() {
            return Ok(());
        }
        if self.len() >= self.capacity {
            return Err(Full);
        }
        let unix = last.time;
        let user = self.add(nickname, last.address, Now { at: Instant::ZERO, unix });
        self.change(user, |_| {});
        Ok(())
    }

    /// Puts a user offline; its last address is remembered.
    pub(super) fn set_offline(&mut self, now: Now, nickname: &Nickname) {
        if let Some(user) = self.user(Key::Name(nickname)) {
            self.take_offline(now, user);
        }
    }

    fn take_offline(&mut self, now: Now, user: User) {
        self.change(user, |slot| slot.go_offline(now));
    }

    /// Something came from this address.
    pub(super) fn touch(&mut self, now: Now, address: SocketAddr) {
        let Some(user) = self.at(address) else { return };
        self.leave_line(user);
        if let Some(slot) = self.slots.get_mut(user.0 as usize) {
            slot.hear(now.at);
        }
        self.join_line(user);
    }

    /// Gives a user a place, in no order yet.
    fn add(&mut self, nickname: &Nickname, address: SocketAddr, last: Now) -> User {
        let slot = Slot::offline(nickname.clone(), address, last.unix);
        let user = match self.unused.pop() {
            Some(user) => {
                if let Some(unused) = self.slots.get_mut(user as usize) {
                    *unused = slot;
                }
                user
            }
            None => {
                self.slots.push(slot);
                // Limits allow no more than 2^24 users.
                (self.slots.len() - 1) as u32
            }
        };
        self.index.insert(&self.slots, Key::Name(nickname), user);
        self.offline.push(&mut self.slots, user);
        User(user)
    }

    /// Forgets who was offline for longest.
    fn forget_oldest(&mut self) -> Option<Nickname> {
        let user = self.offline.first;
        self.offline.remove(&mut self.slots, user);
        let slot = self.slots.get(user as usize)?;
        self.changes.forget(slot.revision);
        self.index.remove(&self.slots, Key::Name(&slot.nickname));
        self.unused.push(user);
        Some(slot.nickname.clone())
    }

    /// A row changes: it is the newest, of the changes and in its line.
    fn change(&mut self, user: User, how: impl FnOnce(&mut Slot)) {
        self.leave_line(user);
        self.forget_keys(user);
        if let Some(slot) = self.slots.get_mut(user.0 as usize) {
            how(slot);
            slot.revision = self.changes.record(user.0, slot.revision);
        }
        self.remember_keys(user);
        self.join_line(user);
    }

    fn leave_line(&mut self, User(user): User) {
        let Some(slot) = self.slots.get(user as usize) else { return };
        if self.unasked == user {
            self.unasked = slot.after;
        }
        let line = if slot.online { &mut self.online } else { &mut self.offline };
        line.remove(&mut self.slots, user);
    }

    fn join_line(&mut self, User(user): User) {
        let Some(slot) = self.slots.get(user as usize) else { return };
        if slot.online && self.unasked == NOBODY {
            self.unasked = user;
        }
        let line = if slot.online { &mut self.online } else { &mut self.offline };
        line.push(&mut self.slots, user);
    }

    /// Has who is online found by its address and its session.
    fn remember_keys(&mut self, User(user): User) {
        let Some(slot) = self.slots.get(user as usize).filter(|slot| slot.online) else { return };
        self.asked.set(None);
        self.index.insert(&self.slots, Key::Address(slot.address), user);
        match slot.session {
            Some(session) => self.index.insert(&self.slots, Key::Session(session), user),
            None => drop(self.classic.insert(slot.address())),
        }
    }

    fn forget_keys(&mut self, user: User) {
        let Some(slot) = self.slots.get(user.0 as usize).filter(|slot| slot.online) else { return };
        self.asked.set(None);
        self.index.remove(&self.slots, Key::Address(slot.address));
        match slot.session {
            Some(session) => self.index.remove(&self.slots, Key::Session(session)),
            None => drop(self.classic.remove(&slot.address())),
        }
    }

    /// The `Table` datagram for the user at this address: its own row, then who is online, then
    /// who is not, newest activity first, as many as fit.
    pub(super) fn table_for(&self, address: SocketAddr) -> Vec<u8> {
        let own = self.at(address).and_then(|user| self.get(user));
        let online = self.online.newest_first(&self.slots);
        let others = online.chain(self.offline.newest_first(&self.slots));
        let others = others.filter(|slot| own.is_none_or(|own| own.nickname != slot.nickname));
        encode_table(own.into_iter().chain(others).map(row))
    }

    /// Whether everybody is found by what it is to be found by, and nobody by anything else.
    pub(super) fn is_within_bounds(&self) -> bool {
        let keys = self.len() + self.online.len() + self.members_len();
        self.len() <= self.capacity
            && self.changes.len() == self.len()
            && self.changes.is_within_bounds()
            && self.slots.len() == self.len() + self.unused.len()
            && self.index.len() == keys
    }
}

fn presence(slot: &Slot) -> Presence {
    if slot.online { Presence::Online } else { Presence::Offline }
}

fn row(slot: &Slot) -> Row {
    let presence = presence(slot);
    // Of who is online it would change with each datagram, and the revision with it.
    let last_seen = slot.gone_since();
    Row {
        nickname: slot.nickname.clone(),
        address: slot.address(),
        presence,
        session: slot.session,
        last_seen,
    }
}

#[cfg(test)]
mod tests;
