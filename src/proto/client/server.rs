//! The server, where it speaks the current dialect: how a client registers, asks whether it is there,
//! loses it, and comes back to it.
//!
//! The invariant: a server that has forgotten the client, or is another run of it, is told everything
//! again that it has not answered.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::peers::Sent;
use super::request::{Answer, Request};
use super::{Client, ClientEvent, Failure, Phase, Ticket};
use crate::proto::flows::{AckWait, FlowStep};
use crate::proto::{Instant, Now};
use crate::wire::{Frame, Header, Nickname, Notice, Packet, Sequence, Session};

/// How long the server is waited for. Silent: as long as a classic client asks. Blocked: one that is
/// there takes what it has room for, and who has much for many who do not answer waits in line.
const SERVER: AckWait =
    AckWait { blocked: Duration::from_secs(30), silent: Duration::from_millis(2500) };

/// How long after a welcome the server may still seem not to hold this client.
const LATE_HELLO: Duration = Duration::from_secs(1);

/// What the client knows of a server that speaks the current dialect.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) session: Session,
    /// The revision of the table that the client has.
    pub(super) revision: u64,
    pub(super) heard: Instant,
    /// When it welcomed this client last.
    welcomed: Instant,
    pub(super) pings: u32,
    /// A deregistration that was sent, and who waits for it: nobody, if it is the last word.
    deregistering: Option<(u64, Option<Ticket>)>,
    /// Users in the table of whom the server has told nothing since it welcomed this client last.
    pub(super) stale: BTreeSet<Nickname>,
}

impl Current {
    /// Who waits for a deregistration, if one is under way; it is over.
    pub(super) fn take_deregistering(&mut self) -> Option<Option<Ticket>> {
        self.deregistering.take().map(|(_, ticket)| ticket)
    }
}

impl Client {
    /// The session of the server, if it speaks the current dialect.
    pub(super) fn server_session(&self) -> Option<Session> {
        self.current.as_ref().map(|current| current.session)
    }

    /// A flow to the server, the new one or the one that there is.
    pub(super) fn open_server(&mut self, now: Now) {
        if let Some(session) = self.server_session() {
            self.flows.open(now.at, session, self.server, SERVER);
        }
    }

    pub(super) fn on_server_packet(
        &mut self,
        now: Now,
        from: SocketAddr,
        packet: Packet,
        room: bool,
    ) {
        let Packet { header, frames } = packet;
        if let Some(cookie) = header.cookie {
            return self.on_hello(now, header.from, header.to, cookie);
        }
        let registering = self.registering_as();
        for frame in &frames {
            // It may be for a session that begins with it.
            if let Frame::Notification { text, offline, answers: Some(answers) } = frame
                && let Some((number, session, floor)) = registering
                && (*answers, header.to) == (number, session)
            {
                if !room {
                    self.stats.busy += 1;
                    return;
                }
                self.on_registration_answered(now, header.from, text, *offline, floor);
            }
        }
        let is_from_it =
            header.to == self.flows.own() && self.server_session() == Some(header.from);
        // The answer may have been the last thing that was waited for.
        if !is_from_it || self.phase == Phase::Closed {
            self.stats.unexpected += 1;
            return;
        }
        if let Some(current) = &mut self.current {
            current.heard = now.at;
            current.pings = 0;
        }
        self.flows.open(now.at, header.from, from, SERVER);
        self.on_peer_ack(now, header.from, header.ack.as_ref());
        let Some(sequence) = header.sequence else {
            return self.on_loose_frames(now, frames, room);
        };
        if !room {
            self.stats.busy += 1;
            if let Some(flow) = self.flows.get_mut(header.from) {
                flow.incoming.refuse(now.at);
            }
            return self.hear_answers(now, frames);
        }
        self.take_server_frames(now, &header, sequence, frames);
    }

    /// The last answers in a packet for which there is no room: what was asked for has room of its own, and
    /// who waits for it may be the one who is to make room. The packet comes again, maybe much later: so only
    /// answers with a number are heard, after which that number is not asked for again.
    pub(super) fn hear_answers(&mut self, now: Now, frames: Vec<Frame>) {
        for frame in frames {
            match &frame {
                // An answer before it was the last thing that was waited for.
                _ if self.phase == Phase::Closed => return,
                Frame::Notification { text, answers: Some(number), .. }
                    if self.awaits(*number)
                        && !matches!(Notice::parse(text), Some(Notice::Exists(_))) => {}
                _ => continue,
            }
            self.on_server_frame(now, frame);
        }
    }

    fn take_server_frames(
        &mut self,
        now: Now,
        header: &Header,
        sequence: Sequence,
        frames: Vec<Frame>,
    ) {
        if self.is_present() {
            self.take_frames(now, header, sequence, frames, None);
        } else {
            self.stats.unexpected += 1;
        }
    }

    /// Frames that are not acknowledged with their packet.
    fn on_loose_frames(&mut self, now: Now, frames: Vec<Frame>, room: bool) {
        for frame in frames {
            match frame {
                _ if self.phase == Phase::Closed => self.stats.unexpected += 1,
                Frame::Changes { .. } if !room => self.stats.busy += 1,
                Frame::Changes { rows, since, revision, last } => {
                    self.on_changes(now, rows, since, revision, last);
                }
                Frame::Notification { answers: Some(answers), .. } => {
                    self.on_deregistered(now, Some(answers));
                }
                _ => {}
            }
        }
    }

    /// The server says that it does not hold this session, and how to register.
    fn on_hello(&mut self, now: Now, server: Session, to: Session, cookie: u64) {
        if self.on_cookie(now, to, cookie) {
            return;
        }
        if to != self.flows.own() {
            self.stats.unexpected += 1;
            return;
        }
        // What was said before the last welcome may come after it.
        let late =
            |current: &Current| current.session == server && now.at < current.welcomed + LATE_HELLO;
        if self.current.as_ref().is_none_or(late) {
            return;
        }
        if self.on_deregistered(now, None) {
            return;
        }
        if self.is_registered() && !self.is_registering() {
            self.register_again(now);
            self.on_cookie(now, to, cookie);
        }
    }

    /// A server that speaks the current dialect has answered a registration.
    fn on_registration_answered(
        &mut self,
        now: Now,
        server: Session,
        text: &str,
        offline: bool,
        floor: u64,
    ) {
        let answer = Answer { notice: Notice::parse(text), text, offline };
        let by_itself = self.registers_by_itself();
        let quietly = self.phase == Phase::Online && by_itself;
        if !quietly {
            self.event(ClientEvent::Notification { text: text.to_owned() });
        }
        if answer.notice != Some(Notice::Welcome) {
            return self.on_answer(now, &answer);
        }
        let mut before = self.current.take();
        let deregistering = before.as_mut().and_then(|before| before.deregistering.take());
        self.table_is_cut = false;
        self.on_answer(now, &answer);
        self.current = Some(Current {
            session: server,
            revision: 0,
            heard: now.at,
            welcomed: now.at,
            pings: 0,
            deregistering: None,
            stale: BTreeSet::new(),
        });
        if let Some(before) = before.filter(|before| before.session != server) {
            self.flows.close(before.session);
            self.parts.remove(&before.session);
            self.given_again.clear();
        }
        self.flows.open(now.at, server, self.server, SERVER);
        self.flows.say_revision(server, 0);
        if let Some(flow) = self.flows.get_mut(server) {
            flow.restart_at(floor);
        }
        self.given_again.abandon();
        self.begin_lease(now);
        self.doubt_all(now);
        self.lookups.clear();
        self.strangers.clear();
        self.give_again(now);
        self.await_abandoned(server);
        if let Some((_, ticket)) = deregistering {
            self.on_welcome_instead(now, by_itself, ticket);
        }
    }

    /// The client was welcomed while it waited to be deregistered. If it registered by itself, it still
    /// is to go; if it was told to, that was the later word.
    pub(super) fn on_welcome_instead(&mut self, now: Now, by_itself: bool, ticket: Option<Ticket>) {
        if !by_itself {
            self.tell_session(ticket, Ok(()));
        } else if self.current.is_some() {
            self.deregister(now, ticket);
        } else {
            self.request(now, Request::Deregister { ticket });
        }
    }

    /// Takes over the session of a registration that was answered. Under a new one nothing is left
    /// of the old.
    pub(super) fn take_session(&mut self, session: Session) {
        if session != self.flows.own() {
            self.flows.begin_anew(session);
            self.parts.clear();
            self.given_again.clear();
            self.seen = super::Seen::default();
            self.conversations.begin_anew();
        }
    }

    pub(super) fn on_server_frame(&mut self, now: Now, frame: Frame) {
        match frame {
            Frame::Chat(chat) => {
                if let Some(session) = self.server_session() {
                    self.on_chat(session, chat, false);
                }
            }
            Frame::Found { nickname, row, revision } => {
                self.on_found(now, nickname, row, revision);
            }
            Frame::Notification { text, offline, answers } => {
                self.on_server_line(now, text, offline, answers);
            }
            Frame::Verification => {}
            _ => self.stats.unexpected += 1,
        }
    }

    fn on_server_line(&mut self, now: Now, text: String, offline: bool, answers: Option<u64>) {
        let notice = Notice::parse(&text);
        // That a recipient is unknown, or there after all, is no news for the user; nor is an answer
        // that comes again.
        let again = answers.is_some_and(|number| !self.awaits(number));
        let quiet = again || matches!(notice, Some(Notice::NotExisted(_) | Notice::Exists(_)));
        if !quiet {
            self.event(ClientEvent::Notification { text: text.clone() });
        }
        if let Some(number) = answers {
            if !self.on_kept(now, number, notice, &text) {
                self.on_deregistered(now, answers);
            }
        } else if offline && notice == Some(Notice::ServerDown) {
            self.event(ClientEvent::ServerDown);
            if self.current.as_ref().is_some_and(|current| current.deregistering.is_some()) {
                // It holds nobody any more, as was asked of it.
                self.go_offline(now, &Failure::NotRegistered);
            } else {
                self.lose_server(now);
            }
        }
    }

    /// Asks a current server to be deregistered.
    pub(super) fn deregister(&mut self, now: Now, ticket: Option<Ticket>) {
        let number = self.next_number();
        let nickname = self.nickname.clone();
        let Some(current) = &mut self.current else { return };
        let session = current.session;
        if let Some((_, before)) = current.deregistering.replace((number, ticket)) {
            self.tell_session(before, Ok(()));
        }
        if ticket.is_none()
            && let Some(flow) = self.flows.get_mut(session)
        {
            // Nothing else matters any more.
            drop(flow.abandon());
        }
        self.flows.open(now.at, session, self.server, SERVER);
        let frame = Frame::Deregister { nickname, number };
        self.flows.push(session, &frame.encode(), Sent::Part);
    }

    /// Whether the answer to this request has not come.
    fn awaits(&self, number: u64) -> bool {
        let deregistering = self.current.as_ref().and_then(|current| current.deregistering);
        self.conversations.at_server.contains_key(&number)
            || deregistering.is_some_and(|(asked, _)| asked == number)
    }

    /// The server does not hold this client any more, as it was asked; or does not answer. Whether it
    /// was asked.
    fn on_deregistered(&mut self, now: Now, answers: Option<u64>) -> bool {
        let Some(current) = &mut self.current else { return false };
        let asked = |(number, _): &(u64, _)| answers.is_none_or(|answers| answers == *number);
        let Some((_, ticket)) = current.deregistering.take_if(|asked_for| asked(asked_for)) else {
            return false;
        };
        self.end_deregistration(now, ticket, Ok(()));
        true
    }

    pub(super) fn end_deregistration(
        &mut self,
        now: Now,
        ticket: Option<Ticket>,
        result: Result<(), Failure>,
    ) {
        if result.is_ok() && ticket.is_some() {
            self.event(ClientEvent::Notification { text: Notice::Bye.to_string() });
        }
        // Offline is what was asked for, and a server that is gone holds nobody online.
        self.go_offline(now, &Failure::NotRegistered);
        match ticket {
            Some(_) => self.tell_session(ticket, result),
            None => self.end(),
        }
    }

    /// What a flow does.
    pub(super) fn on_flow_step(&mut self, now: Now, step: FlowStep) {
        let session = match step {
            FlowStep::Transmit(to, payload) => return self.transmit(to, payload),
            // It stays: a client has few.
            FlowStep::Resting(_) => return,
            FlowStep::Blocked(session) | FlowStep::Silent(session) => session,
        };
        if self.server_session() == Some(session) {
            return self.on_server_silent(now);
        }
        let failed = self.flows.get_mut(session).map(|flow| flow.abandon()).unwrap_or_default();
        for recipient in Sent::recipients(failed) {
            self.on_direct_failed(now, &recipient);
        }
    }
}
