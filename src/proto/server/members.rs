//! Clients that speak the current dialect.
//!
//! The invariant: a packet counts only if it comes from the session that is registered at the very
//! address that it comes from, and is meant for this run of the server. To any other the server
//! says what it needs to register (again), and remembers nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Server;
use super::handing::{MAX_ANSWERS, Owed};
use super::known::Known;
use super::left::Left;
use super::requests::Request;
use crate::proto::Now;
use crate::proto::directory::User;
use crate::proto::flow::{Flow, Kept};
use crate::proto::flows::{AckWait, FlowStep};
use crate::proto::round_trip::KeptTrip;
use crate::wire::{
    Assembly, Frame, Header, Hello, Keep, MessageId, Nickname, Notice, Packet, Piece, Sequence,
    Session,
};

/// How long a member is waited for. Blocked: as long as a classic client is asked. Silent: six tries
/// at the least; a member that lost its lease for nothing registers again by itself.
const MEMBER: AckWait =
    AckWait { blocked: Duration::from_millis(2500), silent: Duration::from_millis(3000) };

/// Frames that a member has not taken, past which nothing is taken from it, since it could lead to
/// more: a mailbox as full as it can be, in parts, and as many answers.
const MAX_OWED: usize = 16_384;

/// Bytes of long messages of which some parts have come. Past that, whoever has sent most of them has
/// to register, and begins anew.
const MAX_PARTS: usize = 64 << 20;

/// What is always known of a member. Who it is, and where, is in the table of users. Packed: there is one for
/// each user.
#[derive(Debug, Clone, Copy, Default)]
#[repr(Rust, packed)]
struct Idle {
    /// The number of the registration that was answered last.
    registered: u64,
    /// What it knows of the table, if it is told nothing just now.
    revision: u64,
    /// What is to be known of its flow, if that rests.
    taken: u64,
    round_trip: KeptTrip,
    /// It has heard that it is registered: something of it was taken that it did not say before.
    has_heard: bool,
}

/// What is under way with a member.
#[derive(Debug, Default)]
pub(super) struct Busy {
    /// What it knows of the table.
    pub(super) known: Known,
    /// The message that it is about to hand over, part by part.
    parts: Assembly,
}

/// Clients that speak the current dialect, and are online: those with a session in the table of users.
#[derive(Debug)]
pub(super) struct Members {
    /// By the number of the user.
    idle: Vec<Idle>,
    /// Only of those with whom something is under way.
    busy: BTreeMap<Session, Busy>,
    /// Those who are none any more.
    left: Left,
}

impl Members {
    pub(super) fn new(users: usize) -> Self {
        let idle = Vec::with_capacity(users);
        Self { idle, busy: BTreeMap::new(), left: Left::default() }
    }

    fn idle(&self, user: User) -> Idle {
        self.idle.get(user.number()).copied().unwrap_or_default()
    }

    fn idle_mut(&mut self, user: User) -> &mut Idle {
        let number = user.number();
        if self.idle.len() <= number {
            self.idle.resize(number + 1, Idle::default());
        }
        // It has just been made long enough.
        #[expect(clippy::indexing_slicing)]
        &mut self.idle[number]
    }

    /// What is under way with a member, from now on.
    pub(super) fn busy(&mut self, session: Session, user: User) -> &mut Busy {
        let revision = self.idle(user).revision;
        self.busy.entry(session).or_insert_with(|| Busy {
            known: Known { revision, told: revision, ..Known::default() },
            parts: Assembly::default(),
        })
    }

    /// Whether a member has this revision of the table, and is told nothing.
    pub(super) fn has_all(&self, session: Session, user: User, revision: u64) -> bool {
        self.idle(user).revision == revision && !self.busy.contains_key(&session)
    }

    /// Forgets what is not under way any more.
    pub(super) fn settle(&mut self, session: Session, user: User) {
        let Some(busy) = self.busy.get(&session) else { return };
        if busy.known.is_settled() && !busy.parts.is_begun() {
            self.idle_mut(user).revision = busy.known.revision;
            self.busy.remove(&session);
        }
    }
}

impl Server {
    /// The session of the member at this address.
    pub(super) fn member_at(&self, address: SocketAddr) -> Option<Session> {
        self.directory.member_at(address).map(|(session, _)| session)
    }

    /// Whether a session is that of somebody under another name, or the server's own. Everyone is told of everyone's
    /// session: that one knows it proves nothing.
    pub(super) fn is_anothers(&self, session: Session, nickname: &Nickname) -> bool {
        let members =
            || self.directory.member_named(session).is_some_and(|(name, _)| name != nickname);
        session == self.flows.own() || members()
    }

    /// Whether a registration is older than one that was carried out: it was long on its way.
    pub(super) fn is_old(&self, hello: Hello) -> bool {
        let present = self.directory.member(hello.session);
        let present = present.map(|user| self.members.idle(user).registered);
        present.is_some_and(|last| hello.number < last) || self.members.left.has(hello)
    }

    /// The table has a session for somebody. With one that it had before something may be under way.
    pub(super) fn add_member(&mut self, hello: Hello, had_it: bool) {
        let Some(user) = self.directory.member(hello.session) else { return };
        if had_it {
            self.forget_busy(hello.session);
            if let Some(flow) = self.flows.get_mut(hello.session) {
                flow.incoming.expect_from(hello.floor);
            }
        }
        let idle = self.members.idle_mut(user);
        let taken = { idle.taken }.max(hello.floor.saturating_sub(1));
        *idle = Idle { registered: hello.number, revision: 0, taken, has_heard: false, ..*idle };
    }

    /// The member at an address, if there is one, ends its session: its registration counts no more, should it
    /// come again. (Who was only found gone may not have heard that it was registered, and asks for just that: see
    /// [`drop_member`](Self::drop_member).)
    pub(super) fn outdate_registration(&mut self, address: SocketAddr) {
        if let Some((session, user)) = self.directory.member_at(address) {
            let registered = self.members.idle(user).registered;
            self.members.left.add(session, registered);
        }
    }

    /// Ends the session of the member at an address, and returns what it has not taken. If it has heard that it is
    /// registered, a copy of that registration does not begin the session anew: the member would not know, and wait
    /// for answers that are dropped here. It is to register again, and then asks again.
    pub(super) fn drop_member(&mut self, address: SocketAddr) -> Vec<Owed> {
        let Some((session, user)) = self.directory.member_at(address) else { return Vec::new() };
        let Idle { registered, has_heard, .. } = std::mem::take(self.members.idle_mut(user));
        if has_heard {
            self.members.left.add(session, registered);
        }
        self.forget_busy(session);
        self.flows.close(session)
    }

    fn forget_busy(&mut self, session: Session) {
        if let Some(busy) = self.members.busy.remove(&session) {
            self.presences.forget(session, &busy.known);
            self.parts -= busy.parts.waiting();
        }
    }

    /// The flow to a member, if there is one of this session.
    pub(super) fn flow(&mut self, session: Session) -> Option<&mut Flow<Owed>> {
        if self.flows.get(session).is_none() {
            let Idle { taken, round_trip, .. } = self.members.idle(self.directory.member(session)?);
            let (_, address) = self.directory.member_named(session)?;
            self.flows.resume(session, address, MEMBER, Kept { taken, round_trip });
        }
        self.flows.get_mut(session)
    }

    /// Nothing is under way with a member any more.
    fn rest(&mut self, session: Session) {
        if let Some(user) = self.directory.member(session)
            && let Some(Kept { taken, round_trip }) = self.flows.rest(session)
        {
            let idle = self.members.idle_mut(user);
            (idle.taken, idle.round_trip) = (taken, round_trip);
        }
    }

    /// Whether this very registration was carried out already.
    pub(super) fn is_registered_by(
        &self,
        from: SocketAddr,
        nickname: &Nickname,
        hello: Hello,
    ) -> bool {
        self.directory.member_at(from).is_some_and(|(session, user)| {
            session == hello.session
                && self.directory.is_at(nickname, from)
                && self.members.idle(user).registered == hello.number
        })
    }

    /// Says what a registration has to have in it, in answer to a datagram of so many bytes.
    pub(super) fn send_cookie(&mut self, now: Now, to: SocketAddr, session: Session, asked: usize) {
        let mut header = Header::new(self.flows.own(), session);
        header.cookie = Some(self.cookies.cookie(now.at, to, session));
        let cookie = Packet::assemble(&header, []);
        // Nobody's address is remembered for that.
        if self.is_stranger(to) && cookie.len() > self.budgets.for_bytes(asked) {
            self.stats.withheld += 1;
            return;
        }
        self.send(to, cookie);
    }

    pub(super) fn on_packet(&mut self, now: Now, from: SocketAddr, payload: &[u8], room: bool) {
        let Ok(Packet { header, frames }) = Packet::decode(payload) else {
            self.stats.malformed += 1;
            return;
        };
        let known = self.member_at(from) == Some(header.from);
        if !known || header.to != self.flows.own() {
            self.stats.unexpected += 1;
            if !self.stopping {
                self.send_cookie(now, from, header.from, payload.len());
            }
            return;
        }
        self.directory.touch(now, from);
        if let Some(revision) = header.revision {
            let was_told = header.ack.is_none() && header.sequence.is_none() && frames.is_empty();
            self.on_revision(now, header.from, revision, was_told);
        }
        // If its flow rests, nothing is under way that it could have taken.
        let taken = self.flows.hear(now.at, header.from, header.ack.as_ref()).unwrap_or_default();
        if taken.is_empty() {
            self.on_heard(now, from);
        } else {
            for owed in taken {
                self.on_taken(now, owed);
            }
            self.on_sign_of_life(now, from);
        }
        match header.sequence {
            Some(sequence) => self.on_sequence(now, header.from, sequence, frames, room),
            // It asks whether the server is there.
            None if frames.contains(&Frame::Verification) => {
                if let Some(flow) = self.flow(header.from) {
                    flow.incoming.refuse(now.at);
                }
            }
            None => {}
        }
    }

    fn on_sequence(
        &mut self,
        now: Now,
        session: Session,
        sequence: Sequence,
        frames: Vec<Frame>,
        room: bool,
    ) {
        self.bound_answers(now);
        let owed = self.flows.get(session).map_or(0, |flow| flow.load());
        let busy =
            self.stopping || !room || owed > MAX_OWED || !self.requests.has_room_for_more(session);
        let Some((name, _)) = self.directory.member_named(session) else { return };
        let limited = !busy && !self.rates.admits_frames(now.at, name, &frames);
        self.stats.busy += u64::from(busy);
        self.stats.limited += u64::from(limited);
        let Some(flow) = self.flow(session) else { return };
        if busy || limited {
            return flow.incoming.refuse(now.at);
        }
        flow.incoming.receive(now.at, sequence, frames);
        let appends = self.keeping.appends;
        while let Some(frames) = self.flows.get_mut(session).and_then(|flow| flow.incoming.take()) {
            self.note_that_it_heard(session);
            for frame in frames {
                self.on_frame(now, session, frame);
            }
        }
        if self.keeping.appends > appends
            && let Some(flow) = self.flows.get_mut(session)
        {
            flow.incoming.let_ack_ride();
        }
    }

    /// A packet of a member was taken. One with a number from the floor of its registration on was not sent before it
    /// had heard that this was carried out, or had given it up.
    fn note_that_it_heard(&mut self, session: Session) {
        if let Some(user) = self.directory.member(session) {
            self.members.idle_mut(user).has_heard = true;
        }
    }

    fn on_frame(&mut self, now: Now, session: Session, frame: Frame) {
        let Some((_, from)) = self.directory.member_named(session) else { return };
        match frame {
            Frame::Keep(keep) => {
                let Keep { sender, recipient, seen, number, piece, text } = keep;
                let id = Some(MessageId { author: session, number });
                let text = match self.put_together(session, number, piece, text) {
                    Ok(Some(text)) => text,
                    Ok(None) => return self.bound_parts(now),
                    Err(notice) => {
                        let text = String::new();
                        let request = Request::Keep { sender, recipient, seen, text, id };
                        return self.answer_member(now, from, session, number, &request, &notice);
                    }
                };
                let message = MessageId { author: session, number };
                if self.requests.take_repeat(message, seen) {
                    return;
                }
                let name = sender.clone();
                let request = Request::Keep { sender, recipient, seen, text, id };
                match self.requests.answer_to(&name, message).cloned() {
                    Some(notice) => {
                        self.answer_member(now, from, session, number, &request, &notice);
                    }
                    None => self.open(now, from, request),
                }
            }
            Frame::Deregister { nickname, number } => {
                let id = Some(MessageId { author: session, number });
                self.open(now, from, Request::Deregister { nickname, id });
            }
            Frame::Lookup { nickname } => self.on_lookup(session, &nickname),
            Frame::Verification => {}
            _ => self.stats.unexpected += 1,
        }
    }

    /// The whole text of a message, once its last part has come, or why it is not taken.
    fn put_together(
        &mut self,
        session: Session,
        number: u64,
        piece: Piece,
        text: String,
    ) -> Result<Option<String>, Notice> {
        let limit = self.config.limits.message_bytes;
        let is_whole = piece == Piece::default() && text.len() <= limit;
        if is_whole && !self.members.busy.contains_key(&session) {
            return Ok(Some(text));
        }
        let Some(user) = self.directory.member(session) else { return Ok(None) };
        let parts = &mut self.members.busy(session, user).parts;
        let too_long = parts.exceeds(number, piece, &text, limit);
        let before = parts.waiting();
        let text = parts.add(number, piece, text, limit);
        self.parts = self.parts + parts.waiting() - before;
        self.members.settle(session, user);
        if too_long { Err(self.too_long()) } else { Ok(text) }
    }

    /// Whether what is kept for members is what is counted, and no more than may be.
    pub(super) fn are_members_within_bounds(&self) -> bool {
        let busy = self.members.busy.iter();
        let parts: usize = busy.clone().map(|(_, busy)| busy.parts.waiting()).sum();
        let answers = |session: Session| {
            self.flows.get(session).map_or(0, |flow| flow.load_of(Owed::is_answer))
        };
        // A server that goes down waits for no answer to be taken.
        (self.stopping
            || self.flows.sessions().into_iter().map(answers).sum::<usize>() == self.answers)
            && self.answers <= MAX_ANSWERS + MAX_OWED
            && parts == self.parts
            && parts <= MAX_PARTS
            && busy.clone().all(|(session, _)| self.directory.member(*session).is_some())
            && self.flows.sessions().into_iter().all(|s| self.directory.member(s).is_some())
            && self.members.left.is_within_bounds()
    }

    /// Keeps the bound of what waits for the rest of its message.
    fn bound_parts(&mut self, now: Now) {
        if self.parts <= MAX_PARTS {
            return;
        }
        let most = self.members.busy.iter().max_by_key(|(_, busy)| busy.parts.waiting());
        let most = most.and_then(|(session, _)| self.directory.member_named(*session));
        if let Some((_, address)) = most {
            self.on_gone(now, address);
        }
    }

    /// A member has taken something.
    fn on_taken(&mut self, now: Now, owed: Owed) {
        self.answers -= usize::from(owed.is_answer());
        match owed {
            Owed::Nothing | Owed::Answer => {}
            Owed::Outcome(id) => {
                if let Some((author, _)) = self.directory.member_named(id.author) {
                    self.requests.forget_answer(author, id);
                }
            }
            Owed::Relay(id) => self.on_relayed(now, id),
            Owed::Mail(recipient, delivery) if self.mail.is_in(&recipient, delivery) => {
                self.on_mail_received(now, &recipient);
            }
            // It is in the next one again.
            Owed::Mail(..) => {}
            Owed::Refusal(id, recipient) => self.on_refusal_heard(now, id, recipient),
        }
    }

    /// A member will not take something any more.
    pub(super) fn on_not_taken(&mut self, now: Now, owed: Owed) {
        self.answers -= usize::from(owed.is_answer());
        match owed {
            // Its author asks again, if it is there.
            Owed::Nothing | Owed::Answer | Owed::Outcome(_) => {}
            Owed::Relay(id) => {
                if let Some((_, Request::Keep { recipient, .. })) = self.requests.get(id) {
                    self.forget_relay(&recipient.clone(), id);
                }
                self.proceed(now, id);
            }
            Owed::Mail(recipient, delivery) if self.mail.is_in(&recipient, delivery) => {
                self.end_mail(&recipient);
            }
            Owed::Mail(..) => {}
            Owed::Refusal(id, recipient) => self.on_refusal_lost(id.author, recipient),
        }
    }

    pub(super) fn on_flow_step(&mut self, now: Now, step: FlowStep) {
        match step {
            FlowStep::Transmit(to, payload) => self.transmit(to, payload),
            FlowStep::Silent(session) | FlowStep::Blocked(session) if self.stopping => {
                self.flows.close(session);
            }
            FlowStep::Silent(session) => {
                if let Some(address) = self.flows.address(session) {
                    self.on_gone(now, address);
                }
            }
            FlowStep::Blocked(session) => self.on_blocked(now, session),
            FlowStep::Resting(session) => self.rest(session),
        }
    }

    /// A member is there, and takes nothing: its application does not keep up.
    fn on_blocked(&mut self, now: Now, session: Session) {
        let Some((nickname, _)) = self.directory.member_named(session) else { return };
        let nickname = nickname.clone();
        let Some(flow) = self.flows.get_mut(session) else { return };
        let given_up = flow.abandon_where(|owed| !owed.is_answer());
        self.store_relays(now, &nickname);
        self.refuse_what_waits(now, session);
        if given_up.iter().any(|owed| matches!(owed, Owed::Mail(..))) {
            self.end_mail(&nickname);
            self.mail.stall(nickname);
        }
        // When it takes this, it takes the rest again.
        self.remind(session);
    }
}
