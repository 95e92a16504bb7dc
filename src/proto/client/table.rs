//! The table of users, as a server that speaks the current dialect tells of it.
//!
//! The invariant: whatever the client was told leads from one revision to the next. What begins after
//! the one that it has is a gap, and left alone: the client says which revision it has, and the
//! server goes on from there.

use std::time::Duration;

use super::peers::Sent;
use super::{Client, ClientEvent, Direct, MAX_LOOKUPS, Phase, Timer};
use crate::proto::Now;
use crate::wire::{Frame, Header, Nickname, Packet, Row, Session};

/// Rows of the table: more than a server tells of (`lookup_past` is no more). Past that, users who are offline
/// are forgotten, of whom the server has perhaps forgotten most.
pub(super) const MAX_ROWS: usize = 131_072;

/// How long users of whom the server has told nothing since its welcome are still believed to be where they were:
/// if it began anew, two leases, in which they notice and register.
const STALE_FOR: Duration = Duration::from_secs(45);

impl Client {
    /// Rows of the table came.
    pub(super) fn on_changes(
        &mut self,
        now: Now,
        rows: Vec<Row>,
        since: u64,
        revision: u64,
        last: u64,
    ) {
        let Some(current) = &mut self.current else { return };
        if !matches!(self.phase, Phase::Welcomed { .. } | Phase::Online) {
            return;
        }
        let follows = since <= current.revision;
        let news = follows && revision > current.revision;
        // From now on it is told of nobody whom it does not look up.
        let of_nobody = rows.is_empty() && since == 0 && revision == last;
        let welcomed = matches!(self.phase, Phase::Welcomed { .. });
        if news {
            current.revision = revision;
            for row in rows {
                self.put_row(now, row);
            }
        }
        if of_nobody && news {
            self.doubt_all(now);
        }
        match of_nobody && welcomed {
            // With a welcome, of which the server knows that it asks for it until it has it.
            true => self.note_revision(),
            false => self.say_revision(),
        }
        let complete = self.current.as_ref().is_some_and(|current| current.revision >= last);
        if complete && (news || welcomed) {
            self.event(ClientEvent::UsersChanged);
            self.settle_registration();
        }
        if news {
            self.resume_conversations(now);
        }
    }

    /// From now on all that goes to the server says which revision of the table the client has.
    fn note_revision(&mut self) {
        if let Some(current) = &self.current {
            self.flows.say_revision(current.session, current.revision);
        }
    }

    /// Tells the server which revision of the table the client has.
    pub(super) fn say_revision(&mut self) {
        self.note_revision();
        let Some(current) = &self.current else { return };
        let (session, revision) = (current.session, current.revision);
        let mut header = Header::new(self.flows.own(), session);
        header.revision = Some(revision);
        self.transmit(self.server, Packet::assemble(&header, []));
    }

    /// Asks the server who somebody is, unless its answer is on its way.
    pub(super) fn look_up(&mut self, now: Now, nickname: Nickname) {
        let Some(session) = self.server_session() else { return };
        if self.lookups.contains(&nickname) {
            return;
        }
        if self.lookups.len() >= MAX_LOOKUPS {
            self.lookups.retain(|name| self.conversations.waits_for(name));
        }
        self.lookups.insert(nickname.clone());
        self.open_server(now);
        self.flows.push(session, &Frame::Lookup { nickname }.encode(), Sent::Part);
    }

    pub(super) fn on_found(
        &mut self,
        now: Now,
        nickname: Nickname,
        row: Option<Row>,
        revision: u64,
    ) {
        self.lookups.remove(&nickname);
        match row {
            Some(row) => {
                // What the table says may be newer by now.
                let known = self.table.contains_key(&nickname);
                let newer = self.current.as_ref().is_some_and(|c| revision >= c.revision);
                if newer || !known {
                    self.put_row(now, row);
                }
                if !newer && !known {
                    // It was said before the welcome: of changes to it nothing is told.
                    self.doubt(now, nickname.clone());
                }
                self.admit_stranger(now, &nickname);
                self.resume_conversation(now, &nickname);
            }
            None => self.refuse_unknown(now, &nickname),
        }
    }

    /// Of whom nothing is told from now on, nothing is known in the end.
    pub(super) fn doubt_all(&mut self, now: Now) {
        if let Some(current) = &mut self.current {
            current.stale = self.table.keys().cloned().collect();
            self.timers.set(Timer::Stale, now.at + STALE_FOR);
        }
    }

    /// The same of one user.
    fn doubt(&mut self, now: Now, nickname: Nickname) {
        if let Some(current) = &mut self.current {
            current.stale.insert(nickname);
            self.timers.set_by(Timer::Stale, now.at + STALE_FOR);
        }
    }

    /// Users of whom the server has told nothing since its welcome are not there any more, or it does not tell of them.
    pub(super) fn on_stale(&mut self) {
        let Some(current) = &mut self.current else { return };
        let stale = std::mem::take(&mut current.stale);
        let before = self.table.len();
        for name in stale {
            if let Some(session) = self.table.remove(&name).and_then(|row| row.session) {
                self.forget_session(session, &name);
            }
        }
        if self.table.len() < before {
            self.event(ClientEvent::UsersChanged);
        }
    }

    /// Keeps the bound of the table: those go who are offline and whom no message waits for; then, until a
    /// quarter is free, so that this is not done for each row, those who are first in it.
    fn make_room_for(&mut self, name: &Nickname) {
        if self.table.len() < MAX_ROWS || self.table.contains_key(name) {
            return;
        }
        let conversations = &self.conversations;
        let needed = |row: &Row| conversations.waits_for(&row.nickname);
        self.table.retain(|_, row| row.presence.is_online() || needed(row));
        while self.table.len() > MAX_ROWS / 4 * 3 {
            let Some((name, row)) = self.table.pop_first() else { break };
            if let Some(session) = row.session {
                self.forget_session(session, &name);
            }
        }
    }

    /// A row of the table is known, or changed. One with the server's session would be the server, for what is sent
    /// there and comes from there, and is none.
    pub(super) fn put_row(&mut self, now: Now, row: Row) {
        if row.session.is_some() && row.session == self.server_session() {
            self.stats.unexpected += 1;
            return;
        }
        let name = row.nickname.clone();
        if let Some(current) = &mut self.current {
            current.stale.remove(&name);
        }
        self.make_room_for(&name);
        let before = self.table.insert(name.clone(), row.clone());
        if let Some(session) = before.as_ref().and_then(|before| before.session) {
            self.forget_session(session, &name);
        }
        if let Some(session) = row.session {
            self.by_session.insert(session, name.clone());
        }
        let moved = |before: &Row| before.session != row.session || before.address != row.address;
        let Some(before) = before.filter(moved) else { return };
        // Nobody listens there any more, or it is somebody else.
        let under_way = match before.session {
            Some(session) => {
                self.parts.remove(&session);
                Sent::recipients(self.flows.close(session))
            }
            None => {
                let to_it = |direct: &Direct, _| direct.recipient == name;
                let under_way = self.links.cancel(now.at, before.address, to_it);
                under_way.into_iter().map(|direct| direct.recipient).collect()
            }
        };
        for recipient in under_way {
            self.on_moved(now, &recipient);
        }
    }

    /// A user's session is that no more.
    fn forget_session(&mut self, session: Session, name: &Nickname) {
        if self.by_session.get(&session) == Some(name) {
            self.by_session.remove(&session);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::wire::{Presence, UnixTime};

    fn row(n: usize, presence: Presence) -> Row {
        let nickname = Nickname::new(&format!("user{n:06}")).unwrap();
        let address = SocketAddr::from(([10, 0, 0, 1], 1));
        let session = Session::new(n as u64 + 1).filter(|_| presence.is_online());
        Row { nickname, address, presence, session, last_seen: None }
    }

    #[test]
    fn a_table_forgets_who_is_offline_before_it_grows_past_its_bound() {
        let address = SocketAddr::from(([10, 0, 0, 1], 5000));
        let mut client = Client::new(address, Nickname::new("a").unwrap(), 1, 100);
        let now = Now { at: crate::proto::Instant::ZERO, unix: UnixTime::from_micros(0) };
        for n in 0..MAX_ROWS {
            let presence = if n % 4 == 0 { Presence::Offline } else { Presence::Online };
            client.put_row(now, row(n, presence));
        }
        client.put_row(now, row(1, Presence::Offline));
        assert_eq!(client.table.len(), MAX_ROWS, "nobody new");
        client.put_row(now, row(MAX_ROWS, Presence::Online));
        assert!(client.table.values().all(|row| row.presence.is_online()));
        assert_eq!(client.table.len(), MAX_ROWS / 4 * 3);
        for n in MAX_ROWS..2 * MAX_ROWS {
            client.put_row(now, row(n, Presence::Online));
            assert!(client.table.len() <= MAX_ROWS);
        }
        assert_eq!(client.by_session.len(), client.table.len());
    }
}
