//! How those who speak the current dialect are told of the table.
//!
//! The invariant: a client that has revision R and is told what has changed since R has the table.
//! It says which revision it has whenever it is told something. Where that is not the one that was
//! to follow, something was lost: it is told again from there, and the gap closes. Every row has
//! the revision of its last change: nothing is remembered for each change, and one that is
//! overtaken by another is never told.
//!
//! The pace is bounded: all are told in rounds, and in each round some of them, in turn. Who is told late
//! is told at once of all that has changed until then. Past a number of users a client is not told
//! of all of them: it looks up whom it needs, and is told of changes to those.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use super::handing::MAX_ANSWERS;
use super::handing::Owed;
use super::known::{FIRST_PATIENCE, Known};
use super::{Server, Timer};
use crate::proto::directory::User;
use crate::proto::{Instant, Now};
use crate::wire::{Frame, Header, Nickname, Notice, Packet, Session};

/// The shortest time from one round to the next.
const ROUND: Duration = Duration::from_millis(20);

/// How many are told in one: at most 10,000 datagrams a second, to however many, and no more at a time than a
/// socket has room for the acks of.
const TOLD_IN_ROUND: usize = 200;

/// How often a thing is told again, at growing distances, to a client that does not say that it has it.
/// After that it is told with the next change, or when it is heard of.
const TRIES: u32 = 5;

/// Rows that are looked at for one datagram: more than fit.
const MOST_ROWS: usize = 64;

/// Names of which a client is told past that number of users. Of more, the one that it looked up
/// longest ago is not told of any longer.
const MAX_WATCHED: usize = 256;

/// The same for all clients together: 100 MB. Past that, a client that watches nobody is told of no change,
/// and asks again when it needs to know.
const MAX_WATCHED_BY_ALL: usize = 1 << 20;

/// Frames that a client has not taken, past which it is told of no further change to these.
const MAX_NEWS: usize = 1024;

/// Which changes are written: a table of one revision is always the same.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    since: u64,
    last: u64,
    room: usize,
}

/// When the rounds are, and who is told of whom past the number of users that are told to all.
#[derive(Debug, Default)]
pub(super) struct Presences {
    last_round: Option<Instant>,
    /// Whose turn it is, in the order of the table.
    turn: usize,
    watchers: BTreeMap<Nickname, BTreeSet<Session>>,
    /// How many names all of them watch, each counted for each.
    watched: usize,
    /// The revision of the table from which on nobody is told of everyone. Who has an older one was told of everyone
    /// before, and has to hear that this is over.
    nobody_from: Option<u64>,
    /// Those who watch were told of all changes up to this revision.
    watched_to: u64,
    /// Of the first change after that, those up to this session were told.
    partly: Option<(u64, Session)>,
    /// Which changes were written last, and how: most of a round are told the same.
    written: (Written, (Vec<u8>, u64)),
}

impl Presences {
    fn unwatch(&mut self, session: Session, nickname: &Nickname) {
        if let Some(watchers) = self.watchers.get_mut(nickname) {
            self.watched -= usize::from(watchers.remove(&session));
            if watchers.is_empty() {
                self.watchers.remove(nickname);
            }
        }
    }

    /// The next of those who are to be told of a change.
    fn to_be_told(&self, revision: u64, nickname: &Nickname, most: usize) -> Vec<Session> {
        let told = self.partly.filter(|(partly, _)| *partly == revision);
        let after = told.map_or(Bound::Unbounded, |(_, session)| Bound::Excluded(session));
        let watchers = self.watchers.get(nickname).into_iter();
        watchers.flat_map(|all| all.range((after, Bound::Unbounded))).take(most).copied().collect()
    }

    /// Whether what is watched is what is counted, and no more than may be.
    pub(super) fn is_within_bounds(&self) -> bool {
        self.watched == self.watchers.values().map(BTreeSet::len).sum::<usize>()
            && self.watched <= MAX_WATCHED_BY_ALL
    }

    /// A client is gone.
    pub(super) fn forget(&mut self, session: Session, known: &Known) {
        for nickname in &known.watched {
            self.unwatch(session, nickname);
        }
    }
}

impl Server {
    /// The table has changed: everyone online is told.
    pub(super) fn table_changed(&mut self, now: Now) {
        let classic: Vec<_> = self.directory.classic_addresses().collect();
        for address in classic {
            self.push_table(now, address);
        }
        self.set_round(now.at);
    }

    fn set_round(&mut self, wanted: Instant) {
        if self.stopping {
            // It would be one more thing that is waited for.
            return;
        }
        let allowed = self.presences.last_round.map_or(wanted, |last| last + ROUND);
        self.timers.set_by(Timer::Round, wanted.max(allowed));
    }

    /// Tells those who are behind, as many as may be told in a round.
    pub(super) fn push_round(&mut self, now: Now) {
        self.presences.last_round = Some(now.at);
        if self.is_past_lookup() {
            return self.tell_watchers(now);
        }
        let last = self.directory.revision();
        self.presences.watched_to = last;
        let (mut told, mut next) = (0, None);
        let members: Vec<_> = self.directory.members_from(self.presences.turn).collect();
        self.presences.turn = 0;
        for (session, user) in members {
            if self.members.has_all(session, user, last) {
                continue;
            }
            if told == TOLD_IN_ROUND {
                self.presences.turn = user.number();
                return self.set_round(now.at);
            }
            let known = &mut self.members.busy(session, user).known;
            if known.is_overdue(now.at) {
                known.again_at = None;
                if known.tries >= TRIES {
                    continue;
                }
                known.tries += 1;
                known.told = known.revision;
            }
            let is_told = known.told < last;
            told += usize::from(is_told);
            let again_at =
                if is_told { self.tell(now, session, Vec::new()) } else { known.again_at };
            next = next.into_iter().chain(again_at).min();
        }
        if let Some(at) = next {
            self.set_round(at);
        }
    }

    /// Whether there are so many users that clients look up whom they need.
    pub(super) fn is_past_lookup(&self) -> bool {
        self.directory.len() > self.config.limits.lookup_past
    }

    /// Tells a client what has changed since what it has, with something else in front. When it is
    /// to be told again.
    fn tell(&mut self, now: Now, session: Session, mut frames: Vec<Vec<u8>>) -> Option<Instant> {
        let last = self.directory.revision();
        let (_, to) = self.directory.member_named(session)?;
        let user = self.directory.member(session)?;
        let known = &mut self.members.busy(session, user).known;
        let since = known.told;
        let taken: usize = frames.iter().map(|frame| frame.len() + 1).sum();
        let room = Packet::ROOM.saturating_sub(taken + 1);
        let written = Written { since, last, room };
        if self.presences.written.0 != written {
            let rows = self.directory.changed_since(since, MOST_ROWS);
            self.presences.written = (written, Frame::encode_changes(&rows, since, last, room));
        }
        let (_, (changes, revision)) = &self.presences.written;
        frames.push(changes.clone());
        let revision = *revision;
        known.told = revision;
        known.partly = revision < last;
        let again_at = *known.again_at.get_or_insert(now.at + known.patience());
        let header = Header::new(self.flows.own(), session);
        self.transmit(to, Packet::assemble(&header, frames.iter().map(Vec::as_slice)));
        Some(again_at)
    }

    /// Welcomes a client, and begins to tell it of the table.
    pub(super) fn welcome(&mut self, now: Now, session: Session, number: u64) {
        let (text, answers) = (Notice::Welcome.to_string(), Some(number));
        let notification = Frame::Notification { text, offline: false, answers }.encode();
        if self.is_past_lookup() {
            // There is nothing that it could say that it has: if this is lost, it asks for it again.
            return self.tell_of_nobody(session, vec![notification]);
        }
        if let Some(at) = self.tell(now, session, vec![notification]) {
            self.set_round(at);
        }
    }

    /// Tells a client, with something else in front, that from now on it is told of nobody whom it does not look up.
    fn tell_of_nobody(&mut self, session: Session, mut frames: Vec<Vec<u8>>) {
        let last = self.directory.revision();
        self.presences.nobody_from.get_or_insert(last);
        let Some((_, to)) = self.directory.member_named(session) else { return };
        let (nobody, _) = Frame::encode_changes(&[], 0, last, Packet::ROOM);
        frames.push(nobody);
        let header = Header::new(self.flows.own(), session);
        self.transmit(to, Packet::assemble(&header, frames.iter().map(Vec::as_slice)));
    }

    /// A client says which revision it has: because it was just told, or in passing.
    pub(super) fn on_revision(
        &mut self,
        now: Now,
        session: Session,
        revision: u64,
        was_told: bool,
    ) {
        let last = self.directory.revision();
        let Some(user) = self.directory.member(session) else { return };
        if self.is_past_lookup() {
            return self.on_revision_of_many(now, session, user, revision.min(last));
        }
        let known = &mut self.members.busy(session, user).known;
        let before = std::mem::replace(&mut known.revision, revision.min(last));
        if known.revision > before {
            known.tries = 0;
            known.again_at = known.again_at.map(|_| now.at + FIRST_PATIENCE);
        }
        if known.revision >= known.told {
            known.told = known.revision;
            known.again_at = None;
            if known.told < last && known.partly {
                // There was no room for the rest, which does not wait for a round.
                if let Some(at) = self.tell(now, session, Vec::new()) {
                    self.set_round(at);
                }
                return;
            }
        } else if was_told && known.revision <= before || known.again_at.is_none() {
            // It was told what follows on something that it has not; or was given up before.
            known.told = known.revision;
        }
        let is_behind = known.told < last;
        known.partly &= is_behind;
        self.members.settle(session, user);
        if is_behind {
            self.set_round(now.at);
        }
    }

    /// The same where nobody is told of everyone: who was before is told that this is over, until it has heard. Every
    /// client says something while its lease lasts, so that nobody has to be looked for.
    fn on_revision_of_many(&mut self, now: Now, session: Session, user: User, revision: u64) {
        let is_over = self.presences.nobody_from.is_some_and(|from| revision >= from);
        let known = &mut self.members.busy(session, user).known;
        let was_just_told = known.again_at.is_some_and(|at| at > now.at);
        (known.revision, known.told, known.partly, known.tries) = (revision, revision, false, 0);
        if is_over {
            known.again_at = None;
        } else if !was_just_told {
            known.again_at = Some(now.at + FIRST_PATIENCE);
            self.tell_of_nobody(session, Vec::new());
        }
        self.members.settle(session, user);
    }

    /// Tells of every change those who looked up the name, as many as may be told in a round.
    fn tell_watchers(&mut self, now: Now) {
        let mut room = TOLD_IN_ROUND;
        loop {
            let changed = self.directory.changed_since(self.presences.watched_to, MOST_ROWS);
            if changed.is_empty() {
                return;
            }
            for (revision, row) in changed {
                let watchers = self.presences.to_be_told(revision, &row.nickname, room);
                room -= watchers.len();
                let last = watchers.last().copied();
                for session in watchers {
                    // Who takes nothing asks again when it needs to know.
                    let takes = self.flows.get(session).is_none_or(|f| f.load() <= MAX_NEWS);
                    if takes && self.answers <= MAX_ANSWERS {
                        self.tell_of(session, &row.nickname);
                    }
                }
                if room == 0 {
                    self.presences.partly = last.map(|last| (revision, last));
                    return self.set_round(now.at);
                }
                self.presences.watched_to = revision;
            }
        }
    }

    /// A client asks who somebody is.
    pub(super) fn on_lookup(&mut self, session: Session, nickname: &Nickname) {
        self.tell_of(session, nickname);
        let Some(user) = self.directory.member(session) else { return };
        let watched = &mut self.members.busy(session, user).known.watched;
        if watched.contains(nickname) {
            return;
        }
        if watched.len() >= MAX_WATCHED || self.presences.watched >= MAX_WATCHED_BY_ALL {
            let Some(forgotten) = watched.pop_front() else { return };
            self.presences.unwatch(session, &forgotten);
        }
        watched.push_back(nickname.clone());
        self.presences.watchers.entry(nickname.clone()).or_default().insert(session);
        self.presences.watched += 1;
    }

    /// Tells a client what the table says of somebody.
    pub(super) fn tell_of(&mut self, session: Session, nickname: &Nickname) {
        let revision = self.directory.revision();
        let (nickname, row) = (nickname.clone(), self.directory.row(nickname));
        let found = Frame::Found { nickname, row, revision };
        self.push_answer(session, found.encode(), Owed::Answer);
    }
}
