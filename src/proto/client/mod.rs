//! The client engine.
//!
//! What it promises: every message that it accepts has one outcome, and `received` is said only
//! when an ack came from the address that was asked. Messages to one recipient come in the order in
//! which they were sent, each once, as long as everyone in between speaks the current dialect;
//! messages to different recipients do not wait for each other. What it acknowledges it has handed
//! to the application, and while it is offline it acknowledges no message.
//!
//! [`conversation`] is which way a message takes, [`sending`] how it goes, and [`outcomes`] what becomes
//! of it; [`peers`], [`server`], [`lease`] and [`table`] are about those who speak the current dialect,
//! [`classic`] and [`request`] about those who do not; and [`seen`] is what has come already.

mod classic;
mod conversation;
mod given_again;
mod interface;
mod lease;
mod messages;
mod outcomes;
mod peers;
mod request;
mod seen;
mod sending;
mod server;
mod strangers;
mod table;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use self::conversation::{Conversations, Direct};
use self::given_again::GivenAgain;
pub use self::interface::{
    Arrival, ClientCommand, ClientEmit, ClientEvent, Delivery, Failure, MAX_PENDING, Route, SentAt,
    Ticket,
};
use self::peers::Sent;
use self::request::{Heard, Request, Requests};
use self::seen::Seen;
use self::server::Current;
use self::strangers::Strangers;
use self::table::MAX_ROWS;
use super::flows::Flows;
use super::link::{Links, Step};
use super::timers::Timers;
use super::{Engine, Input, Instant, Now, Output, Stats};
use crate::wire::{
    Assembly, Datagram, MAX_DATAGRAM, Nickname, Packet, Presence, Row, Session, is_packet,
};

/// The lengths of a table that may have been cut: the next row, at most 400 bytes long, did not fit.
const CUT: RangeInclusive<usize> = MAX_DATAGRAM - 400..=MAX_DATAGRAM;

/// Registrations and deregistrations that wait for their turn. People make them, one at a time.
const MAX_SESSIONS: usize = 16;

/// Where the client stands with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Offline,
    /// The server welcomed it, but its table has not come. A message would not find its recipient.
    Welcomed {
        ticket: Option<Ticket>,
    },
    Online,
    /// It was online, and will be again when the server is back. Who is known is still talked to.
    Lost,
    Closed,
}

/// Names that are being looked up.
const MAX_LOOKUPS: usize = 4096;

/// What the client's timers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The server has not answered the request.
    Request,
    /// The table that follows a welcome is late: go on without it.
    FirstTable,
    /// A table that tells of a recipient is late: go on without it.
    Conversations,
    /// Nothing may have come from the server for a while.
    Lease,
    /// What waits for a server that is lost has waited long enough.
    Outage,
    /// Those of whom a server that began anew has told nothing are gone.
    Stale,
    /// The client ends, and the server has not answered its last word.
    Farewell,
}

impl Timer {
    const ALL: [Self; 7] = [
        Self::Request,
        Self::FirstTable,
        Self::Conversations,
        Self::Lease,
        Self::Outage,
        Self::Stale,
        Self::Farewell,
    ];
}

/// The client engine; the head of this file says what it promises.
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    nickname: Nickname,
    phase: Phase,
    closing: bool,
    table: BTreeMap<Nickname, Row>,
    /// There may be users of whom the table had no room to tell.
    table_is_cut: bool,
    /// Whose session is whose.
    by_session: BTreeMap<Session, Nickname>,
    /// What is known of a server that speaks the current dialect.
    current: Option<Current>,
    requests: Requests,
    conversations: Conversations,
    /// Messages on their way to recipients who speak the classic dialect.
    links: Links<Direct>,
    /// What is exchanged with those who speak the current one.
    flows: Flows<Sent>,
    /// Long messages, by the session that they come from, of which some parts have come.
    parts: BTreeMap<Session, Assembly>,
    seen: Seen,
    /// Names that the server was asked for, and has not answered.
    lookups: BTreeSet<Nickname>,
    strangers: Strangers,
    /// Messages that the server is given a second time.
    given_again: GivenAgain,
    /// The number of the last message or request.
    last_number: u64,
    /// What the next session is drawn from.
    seed: u64,
    max_text: usize,
    timers: Timers<Timer>,
    outputs: VecDeque<Output<ClientEmit>>,
    /// The frame of a message is written here before it is queued.
    frame: Vec<u8>,
    stats: Stats,
}

impl Client {
    /// An offline client of the server at this address. Two seeds must not be the same: sessions are
    /// made of them. A message may have `max_text` bytes of UTF-8.
    #[must_use]
    pub fn new(server: SocketAddr, nickname: Nickname, seed: u64, max_text: usize) -> Self {
        Self {
            server,
            nickname,
            phase: Phase::Offline,
            closing: false,
            table: BTreeMap::new(),
            table_is_cut: false,
            by_session: BTreeMap::new(),
            current: None,
            requests: Requests::default(),
            conversations: Conversations::default(),
            links: Links::new(),
            flows: Flows::new(Session::from_random(seed)),
            parts: BTreeMap::new(),
            seen: Seen::default(),
            lookups: BTreeSet::new(),
            strangers: Strangers::default(),
            given_again: GivenAgain::default(),
            last_number: 0,
            seed,
            max_text,
            timers: Timers::new(),
            outputs: VecDeque::new(),
            frame: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// The nickname that it is, or was last, registered under.
    #[must_use]
    pub fn nickname(&self) -> &Nickname {
        &self.nickname
    }

    /// Whether the server holds it online.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        matches!(self.phase, Phase::Welcomed { .. } | Phase::Online)
    }

    /// Whether other clients can reach it: it is registered, or was until its server was lost.
    fn is_present(&self) -> bool {
        self.is_registered() || self.phase == Phase::Lost
    }

    /// Whether messages can be sent on their way.
    fn may_send(&self) -> bool {
        matches!(self.phase, Phase::Online | Phase::Lost)
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// The session for a nickname: the one that there is goes on under the same name.
    fn session_for(&mut self, nickname: &Nickname) -> Session {
        if *nickname == self.nickname {
            return self.flows.own();
        }
        // SplitMix64's increment (Steele, Lea, Flood 2014): as random as the seed, and another one.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Session::from_random(self.seed)
    }

    /// The table of users as the server last sent it, by nickname.
    pub fn users(&self) -> impl Iterator<Item = &Row> + '_ {
        self.table.values()
    }

    fn on_command(&mut self, now: Now, command: ClientCommand) {
        let closed = self.closing || self.phase == Phase::Closed;
        match command {
            ClientCommand::Register { ticket, .. } | ClientCommand::Deregister { ticket }
                if closed =>
            {
                self.emit(ClientEmit::Session(ticket, Err(Failure::Closed)));
            }
            ClientCommand::Register { ticket, .. } | ClientCommand::Deregister { ticket }
                if self.requests.sessions_waiting() >= MAX_SESSIONS =>
            {
                self.emit(ClientEmit::Session(ticket, Err(Failure::TooManyPending)));
            }
            ClientCommand::Register { ticket, nickname } => {
                self.forget_own_registration();
                self.register(now, Some(ticket), nickname);
            }
            ClientCommand::Deregister { ticket } if self.phase == Phase::Lost => {
                self.forget_own_registration();
                self.go_offline(now, &Failure::NotRegistered);
                self.emit(ClientEmit::Session(ticket, Ok(())));
            }
            ClientCommand::Deregister { ticket }
                if !self.is_registered() && !self.is_registering() =>
            {
                self.emit(ClientEmit::Session(ticket, Ok(())));
            }
            ClientCommand::Deregister { ticket }
                if self.is_registered() && self.current.is_some() =>
            {
                self.forget_own_registration();
                self.deregister(now, Some(ticket));
            }
            ClientCommand::Deregister { ticket } => {
                self.request(now, Request::Deregister { ticket: Some(ticket) });
            }
            ClientCommand::Send { ticket, .. } if closed => {
                self.emit(ClientEmit::Sent(ticket, Err(Failure::Closed)));
            }
            ClientCommand::Send { ticket, recipient, text } => {
                self.send(now, ticket, recipient, text);
            }
            ClientCommand::Hasten => self.flows.hasten(),
            ClientCommand::Close if closed => {}
            ClientCommand::Close => self.close(now),
        }
    }

    fn on_datagram(&mut self, now: Now, from: SocketAddr, payload: &[u8], room: bool) {
        self.stats.count_received(payload);
        if is_packet(payload) {
            return self.on_packet(now, from, payload, room);
        }
        let Ok(datagram) = Datagram::decode(payload) else {
            self.stats.malformed += 1;
            return;
        };
        // A classic server knows no limit for its table.
        let is_table = from == self.server && matches!(datagram, Datagram::Table(_));
        if payload.len() > MAX_DATAGRAM && !is_table {
            self.stats.oversized += 1;
            return;
        }
        match datagram {
            Datagram::Ack if from == self.server => self.on_server_ack(now),
            Datagram::Ack => match self.links.acknowledge(now.at, from) {
                Some(Direct { recipient, number, .. }) => {
                    self.settle(now, &recipient, number, Ok(Delivery::Received));
                }
                None => self.stats.unexpected += 1,
            },
            _ if self.phase == Phase::Closed => self.stats.unexpected += 1,
            // It leads to no event, so that it needs no room. Who registers again is there, too:
            // its name is not to be given away meanwhile.
            Datagram::Verification
                if from == self.server && (self.is_registered() || self.is_registering()) =>
            {
                self.acknowledge(from);
            }
            _ if !room => self.stats.busy += 1,
            Datagram::Chat { sender, text } if self.is_present() => {
                self.on_classic_chat(now, from, sender, text);
            }
            Datagram::Notification { text, offline }
                if from == self.server && (self.current.is_none() || self.is_asking()) =>
            {
                self.on_notification(now, text, offline);
            }
            // A server that speaks the current dialect tells of the table in that.
            Datagram::Table(rows) if from == self.server && self.current.is_none() => {
                self.acknowledge(from);
                self.table_is_cut = CUT.contains(&payload.len());
                self.on_table(now, rows);
            }
            _ => self.stats.unexpected += 1,
        }
    }

    fn on_packet(&mut self, now: Now, from: SocketAddr, payload: &[u8], room: bool) {
        let Ok(packet) = Packet::decode(payload) else {
            self.stats.malformed += 1;
            return;
        };
        if self.phase == Phase::Closed {
            self.stats.unexpected += 1;
        } else if from == self.server {
            self.on_server_packet(now, from, packet, room);
        } else if self.is_present() && packet.header.to == self.flows.own() {
            self.on_peer_packet(now, from, packet, room);
        } else {
            self.stats.unexpected += 1;
        }
    }

    /// Hands a message to the application.
    fn message(&mut self, arrival: Arrival) {
        self.emit(ClientEmit::Message(arrival));
    }

    /// The table that follows a welcome came, or will not.
    fn on_table_known(&mut self, now: Now) {
        self.settle_registration();
        self.resume_conversations(now);
    }

    fn settle_registration(&mut self) {
        self.timers.stop(&Timer::FirstTable);
        if let Phase::Welcomed { ticket } = self.phase {
            self.phase = Phase::Online;
            self.tell_session(ticket, Ok(()));
        }
    }

    /// The client is not online any more. Messages that wait fail, for this reason.
    fn go_offline(&mut self, now: Now, why: &Failure) {
        // It was welcomed, and is sent off before the table came: registered it was.
        self.settle_registration();
        let was_lost = self.phase == Phase::Lost;
        if self.is_present() {
            self.phase = Phase::Offline;
            let nickname = self.nickname.clone();
            if let Some(own) = self.table.get_mut(&nickname) {
                own.presence = Presence::Offline;
            }
            if !was_lost {
                self.event(ClientEvent::Deregistered { nickname });
            }
        }
        self.timers.stop(&Timer::Lease);
        for session in self.flows.sessions() {
            drop(self.flows.close(session));
        }
        self.parts.clear();
        self.fail_conversations(now, why);
        // Offline is what was asked for.
        match self.current.as_mut().and_then(Current::take_deregistering) {
            Some(None) => self.end(),
            Some(ticket) => self.tell_session(ticket, Ok(())),
            None => {}
        }
    }

    fn close(&mut self, now: Now) {
        self.closing = true;
        self.begin_farewell(now);
        self.fail_conversations(now, &Failure::Closed);
        if let Phase::Welcomed { ticket } = self.phase {
            self.phase = Phase::Online;
            self.tell_session(ticket, Err(Failure::Closed));
        }
        let registering = self.fail_requests(&Failure::Closed);
        if let Some((nickname, Heard::Yes)) = &registering {
            self.nickname = nickname.clone();
        }
        if self.is_registered() && self.current.is_some() {
            return self.deregister(now, None);
        }
        if self.is_registered() || matches!(registering, Some((_, Heard::Yes))) {
            return self.request(now, Request::Deregister { ticket: None });
        }
        if let Some((nickname, Heard::Perhaps)) = registering {
            // The server may have heard; but nothing was heard of it, so it is not waited for.
            let farewell = Datagram::Deregister { nickname };
            self.transmit(self.server, farewell.encode());
        }
        self.end();
    }

    /// Nothing more comes out of the engine after this.
    fn end(&mut self) {
        self.phase = Phase::Closed;
        for timer in Timer::ALL {
            self.timers.stop(&timer);
        }
        self.requests = Requests::default();
        self.links = Links::new();
        self.flows.begin_anew(self.flows.own());
        self.emit(ClientEmit::Closed);
    }

    fn acknowledge(&mut self, to: SocketAddr) {
        self.transmit(to, Datagram::Ack.encode());
    }

    fn transmit(&mut self, to: SocketAddr, payload: Vec<u8>) {
        self.stats.count_sent(&payload);
        self.outputs.push_back(Output::Transmit { to, payload });
    }

    fn emit(&mut self, emit: ClientEmit) {
        if let ClientEmit::Sent(_, outcome) = &emit {
            *match outcome {
                Ok(Delivery::Received) => &mut self.stats.messages_received,
                Ok(Delivery::Relayed) => &mut self.stats.messages_relayed,
                Ok(Delivery::Stored) => &mut self.stats.messages_stored,
                Err(_) => &mut self.stats.messages_failed,
            } += 1;
        }
        self.outputs.push_back(Output::Emit(emit));
    }

    fn event(&mut self, event: ClientEvent) {
        self.emit(ClientEmit::Event(event));
    }

    /// Does one thing that is due; whether there was one.
    fn step(&mut self, now: Now) -> bool {
        if let Some(timer) = self.timers.pop_expired(now.at) {
            match timer {
                Timer::Request => self.on_request_timeout(now),
                Timer::FirstTable => self.on_table_known(now),
                Timer::Conversations => self.resume_conversations(now),
                Timer::Lease => self.on_lease_over(now),
                Timer::Outage => self.on_outage(now),
                Timer::Stale => self.on_stale(),
                Timer::Farewell => self.on_farewell_over(now),
            }
            return true;
        }
        if let Some((to, step)) = self.links.poll(now.at) {
            match step {
                Step::Transmit(direct) => {
                    let chat = direct.chat.clone();
                    self.transmit(to, chat);
                }
                Step::Failed(direct) => self.on_direct_failed(now, &direct.recipient),
            }
            return true;
        }
        // What is said to a server while it is asked for a registration would be said twice.
        let registering = self.registering_as().is_some();
        self.flows.pause(self.server_session().filter(|_| registering));
        let step = self.flows.poll(now.at);
        let any = step.is_some();
        if let Some(step) = step {
            self.on_flow_step(now, step);
        }
        any
    }
}

impl Engine for Client {
    type Command = ClientCommand;
    type Emit = ClientEmit;

    fn take(&mut self, now: Now, input: Input<'_, ClientCommand>) {
        match input {
            Input::Datagram { from, payload, room } => self.on_datagram(now, from, payload, room),
            Input::Command(command) => self.on_command(now, command),
            Input::Deadline => {}
        }
    }

    fn flush(&mut self, now: Now) {
        while self.step(now) {}
    }

    fn poll_output(&mut self) -> Option<Output<ClientEmit>> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let deadlines = [self.timers.next(), self.links.deadline(), self.flows.deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn holds_back(&self) -> bool {
        self.flows.hold_back()
    }

    fn counters(&self) -> Stats {
        self.stats
    }

    fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.messages_pending = self.conversations.pending as u64;
        stats.frames_pending = self.links.load() as u64;
        self.flows.observe(&mut stats);
        stats
    }

    fn is_within_bounds(&self) -> bool {
        self.conversations.is_within_bounds()
            && self.conversations.flows().all(|(session, messages)| {
                let flow = self.flows.get(session);
                let is_message = |sent: &Sent| matches!(sent, Sent::Message { .. });
                flow.is_some_and(|flow| flow.load_of(is_message) >= messages)
            })
            && self.are_peers_within_bounds()
            && self.by_session.len() <= self.table.len()
            && self.table.len() <= MAX_ROWS
    }
}
