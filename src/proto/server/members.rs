//! Clients that speak the current dialect.
//!
//! The invariant: a packet counts only if it comes from the session that is registered at the very
//! address that it comes from, and is meant for this run of the server. To any other the server
//! says what it needs to register (again), and remembers nothing.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::Server;
use super::handing::{MAX_ANSWERS, Owed};
use super::known::Known;
use super::requests::Request;
use crate::proto::Now;
use crate::proto::flows::{AckWait, FlowStep};
use crate::wire::{
    Assembly, Frame, Header, Hello, Keep, MessageId, Nickname, Packet, Sequence, Session,
};

/// How long a member is waited for. Blocked: as long as a classic client is asked. Silent: six tries
/// at the least; a member that lost its lease for nothing registers again by itself.
const MEMBER: AckWait =
    AckWait { blocked: Duration::from_millis(2500), silent: Duration::from_millis(3000) };

/// Frames that a member has not taken, past which nothing is taken from it, since it could lead to
/// more: a mailbox as full as it can be, in parts, and as many answers.
const MAX_OWED: usize = 16_384;

/// Sessions that have ended of which is remembered which registration was their last: as many as may
/// end while one of them is on its way.
const MAX_LEFT: usize = 1024;

/// Bytes of long messages of which some parts have come. Past that, whoever has sent most of them has
/// to register, and begins anew.
const MAX_PARTS: usize = 64 << 20;

/// A client that speaks the current dialect, and is online.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) nickname: Nickname,
    pub(super) address: SocketAddr,
    /// The number of the registration that was answered last.
    pub(super) registered: u64,
    /// What it knows of the table.
    pub(super) known: Known,
    /// The message that it is about to hand over, part by part.
    parts: Assembly,
}

/// Everyone who is such a client. An address has one session, and a session one address.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) by_session: BTreeMap<Session, Member>,
    by_address: BTreeMap<SocketAddr, Session>,
    /// Those who left last, and the numbers of their last registrations.
    left: VecDeque<(Session, u64)>,
}

impl Members {
    pub(super) fn sessions(&self) -> Vec<Session> {
        self.by_session.keys().copied().collect()
    }

    /// Whether a session is that of somebody under another name. Everyone is told of everyone's
    /// session: that one knows it proves nothing.
    pub(super) fn is_anothers(&self, session: Session, nickname: &Nickname) -> bool {
        self.by_session.get(&session).is_some_and(|member| member.nickname != *nickname)
    }

    /// Whether a registration is older than one that was carried out: it was long on its way.
    pub(super) fn is_old(&self, hello: Hello) -> bool {
        let present = self.by_session.get(&hello.session).map(|member| member.registered);
        let mut left = self.left.iter().rev().filter(|(session, _)| *session == hello.session);
        present.is_some_and(|last| hello.number < last)
            || left.next().is_some_and(|(_, last)| hello.number <= *last)
    }

    /// Adds one. Whoever had its address was removed before; itself, at another one, is returned.
    fn insert(&mut self, session: Session, member: Member) -> Option<Member> {
        let address = member.address;
        self.by_address.insert(address, session);
        let before = self.by_session.insert(session, member)?;
        if before.address != address {
            self.by_address.remove(&before.address);
        }
        Some(before)
    }

    fn remove_at(&mut self, address: SocketAddr) -> Option<(Session, Member)> {
        let session = self.by_address.remove(&address)?;
        let (session, member) = self.by_session.remove_entry(&session)?;
        self.left.push_back((session, member.registered));
        if self.left.len() > MAX_LEFT {
            self.left.pop_front();
        }
        Some((session, member))
    }
}

impl Server {
    /// The session of the member at this address.
    pub(super) fn member_at(&self, address: SocketAddr) -> Option<Session> {
        self.members.by_address.get(&address).copied()
    }

    pub(super) fn add_member(
        &mut self,
        now: Now,
        session: Session,
        address: SocketAddr,
        nickname: &Nickname,
        hello: Hello,
    ) {
        let member = Member {
            nickname: nickname.clone(),
            address,
            registered: hello.number,
            known: Known::default(),
            parts: Assembly::default(),
        };
        if let Some(before) = self.members.insert(session, member) {
            self.presences.forget(session, &before.known);
            self.parts -= before.parts.waiting();
        }
        self.flows.open(now.at, session, address, MEMBER);
        if let Some(flow) = self.flows.get_mut(session) {
            flow.expect_from(hello.floor);
        }
    }

    /// Ends the session of the member at an address, and returns what it has not taken.
    pub(super) fn drop_member(&mut self, address: SocketAddr) -> Vec<Owed> {
        let Some((session, member)) = self.members.remove_at(address) else { return Vec::new() };
        self.presences.forget(session, &member.known);
        self.parts -= member.parts.waiting();
        self.flows.close(session)
    }

    /// Whether this very registration was carried out already.
    pub(super) fn is_registered_by(
        &self,
        from: SocketAddr,
        nickname: &Nickname,
        hello: Hello,
    ) -> bool {
        self.members.by_session.get(&hello.session).is_some_and(|member| {
            member.address == from
                && member.nickname == *nickname
                && member.registered == hello.number
        })
    }

    /// Says what a registration has to have in it.
    pub(super) fn send_cookie(&mut self, now: Now, to: SocketAddr, session: Session) {
        let mut header = Header::new(self.flows.own(), session);
        header.cookie = Some(self.cookies.cookie(now.at, to, session));
        self.transmit(to, Packet::assemble(&header, []));
    }

    pub(super) fn on_packet(&mut self, now: Now, from: SocketAddr, payload: &[u8], room: bool) {
        let Ok(Packet { header, frames }) = Packet::decode(payload) else {
            self.stats.malformed += 1;
            return;
        };
        let known =
            self.members.by_session.get(&header.from).is_some_and(|member| member.address == from);
        if !known || header.to != self.flows.own() {
            self.stats.unexpected += 1;
            if !self.stopping {
                self.send_cookie(now, from, header.from);
            }
            return;
        }
        self.directory.touch(now, from);
        if let Some(revision) = header.revision {
            let was_told = header.ack.is_none() && header.sequence.is_none() && frames.is_empty();
            self.on_revision(now, header.from, revision, was_told);
        }
        let taken = self.flows.hear(now.at, header.from, header.ack.as_ref());
        let Some(taken) = taken else { return };
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
                if let Some(flow) = self.flows.get_mut(header.from) {
                    flow.refuse();
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
        let member = self.members.by_session.get(&session).map(|member| member.nickname.clone());
        let (Some(flow), Some(name)) = (self.flows.get_mut(session), member) else { return };
        if busy {
            self.stats.busy += 1;
            return flow.refuse();
        }
        if !self.rates.admits_frames(now.at, &name, &frames) {
            self.stats.limited += 1;
            return flow.refuse();
        }
        flow.receive(sequence, frames);
        while let Some(frames) = self.flows.get_mut(session).and_then(|flow| flow.take()) {
            for frame in frames {
                self.on_frame(now, session, frame);
            }
        }
    }

    fn on_frame(&mut self, now: Now, session: Session, frame: Frame) {
        let Some(member) = self.members.by_session.get_mut(&session) else { return };
        let from = member.address;
        match frame {
            Frame::Keep(keep) => {
                let Keep { sender, recipient, seen, number, piece, text } = keep;
                let limit = self.config.limits.message_bytes;
                let too_long = member.parts.exceeds(number, piece, &text, limit);
                let before = member.parts.waiting();
                let text = member.parts.add(number, piece, text, limit);
                self.parts = self.parts + member.parts.waiting() - before;
                let id = Some(MessageId { author: session, number });
                if too_long {
                    let text = String::new();
                    let request = Request::Keep { sender, recipient, seen, text, id };
                    let notice = self.too_long();
                    return self.answer_member(now, from, session, number, &request, &notice);
                }
                let Some(text) = text else { return self.bound_parts(now) };
                let name = sender.clone();
                let request = Request::Keep { sender, recipient, seen, text, id };
                if self.requests.is_under_way(id) {
                    return;
                }
                let before = MessageId { author: session, number };
                match self.requests.answer_to(&name, before).cloned() {
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

    /// Whether what is kept for members is what is counted, and no more than may be.
    pub(super) fn are_members_within_bounds(&self) -> bool {
        let members = self.members.by_session.values();
        let parts: usize = members.map(|member| member.parts.waiting()).sum();
        let answers = |session: &Session| {
            self.flows.get(*session).map_or(0, |flow| flow.load_of(Owed::is_answer))
        };
        // A server that goes down waits for no answer to be taken.
        (self.stopping
            || self.members.by_session.keys().map(answers).sum::<usize>() == self.answers)
            && self.answers <= MAX_ANSWERS + MAX_OWED
            && parts == self.parts
            && parts <= MAX_PARTS
            && self.members.by_address.len() == self.members.by_session.len()
            && self.members.by_session.len() <= self.directory.len()
            && self.members.left.len() <= MAX_LEFT
    }

    /// Keeps the bound of what waits for the rest of its message.
    fn bound_parts(&mut self, now: Now) {
        if self.parts <= MAX_PARTS {
            return;
        }
        let members = self.members.by_session.values();
        if let Some(most) = members.max_by_key(|member| member.parts.waiting()) {
            self.on_gone(now, most.address);
        }
    }

    /// A member has taken something.
    fn on_taken(&mut self, now: Now, owed: Owed) {
        self.answers -= usize::from(owed.is_answer());
        match owed {
            Owed::Nothing | Owed::Answer => {}
            Owed::Relay(id) => self.on_relayed(now, id),
            Owed::Mail(recipient) => self.on_mail_received(now, &recipient),
            Owed::Refusal(author, recipient) => self.on_refusal_heard(now, author, recipient),
        }
    }

    /// A member will not take something any more.
    pub(super) fn on_not_taken(&mut self, now: Now, owed: Owed) {
        self.answers -= usize::from(owed.is_answer());
        match owed {
            Owed::Nothing | Owed::Answer => {}
            Owed::Relay(id) => {
                if let Some((_, Request::Keep { recipient, .. })) = self.requests.get(id) {
                    self.forget_relay(&recipient, id);
                }
                self.proceed(now, id);
            }
            Owed::Mail(recipient) => self.end_mail(&recipient),
            Owed::Refusal(author, recipient) => self.on_refusal_lost(author, recipient),
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
        }
    }

    /// A member is there, and takes nothing: its application does not keep up.
    fn on_blocked(&mut self, now: Now, session: Session) {
        let Some(member) = self.members.by_session.get(&session) else { return };
        let nickname = member.nickname.clone();
        let Some(flow) = self.flows.get_mut(session) else { return };
        let given_up = flow.abandon_where(|owed| !owed.is_answer());
        self.store_relays(now, &nickname);
        self.refuse_what_waits(now, session);
        if given_up.iter().any(|owed| matches!(owed, Owed::Mail(_))) {
            self.end_mail(&nickname);
            self.mail.stall(nickname);
        }
        // When it takes this, it takes the rest again.
        self.remind(session);
    }
}
