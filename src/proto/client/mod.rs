//! The client engine.
//!
//! What it promises: every message that it accepts has one outcome, and `received` is said only
//! when an ack came from the address that was asked. Messages to one recipient go one after the
//! other, each to its outcome (only one that was stored can be overtaken); messages to different
//! recipients do not wait for each other. What it acknowledges it has handed to the
//! application, and while it is offline it acknowledges no message.

mod conversation;
mod interface;
mod request;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use chrono::NaiveDateTime;

use self::conversation::{Conversations, Direct};
pub use self::interface::{
    ClientCommand, ClientEmit, ClientEvent, Delivery, Failure, Incoming, MAX_PENDING, Route, Ticket,
};
use self::request::{Answer, Heard, Request, Requests};
use super::link::{Links, Step};
use super::timers::Timers;
use super::{Engine, Input, Instant, Now, Output, Stats};
use crate::wire::{Datagram, MAX_DATAGRAM, Nickname, Notice, Presence, Row};

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
        ticket: Ticket,
    },
    Online,
    Closed,
}

/// What the client's timers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The server has not answered the request.
    Request,
    /// The table that follows a welcome is late: go on without it.
    FirstTable,
    /// A table that tells of a recipient is late: go on without it.
    Conversations,
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
    requests: Requests,
    conversations: Conversations,
    /// Messages on their way to their recipients.
    links: Links<Direct>,
    timers: Timers<Timer>,
    outputs: VecDeque<Output<ClientEmit>>,
    stats: Stats,
}

impl Client {
    /// An offline client of the server at this address.
    #[must_use]
    pub fn new(server: SocketAddr, nickname: Nickname) -> Self {
        Self {
            server,
            nickname,
            phase: Phase::Offline,
            closing: false,
            table: BTreeMap::new(),
            table_is_cut: false,
            requests: Requests::default(),
            conversations: Conversations::default(),
            links: Links::new(),
            timers: Timers::new(),
            outputs: VecDeque::new(),
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
                self.request(now, Request::Register { ticket, nickname });
            }
            ClientCommand::Deregister { ticket }
                if !self.is_registered() && !self.is_registering() =>
            {
                self.emit(ClientEmit::Session(ticket, Ok(())));
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
            ClientCommand::Close if closed => {}
            ClientCommand::Close => self.close(now),
        }
    }

    fn on_datagram(&mut self, now: Now, from: SocketAddr, payload: &[u8], room: bool) {
        self.stats.count_received(payload);
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
            Datagram::Ack => {
                if let Some(direct) = self.links.acknowledge(now.at, from) {
                    self.on_received(now, &direct);
                }
            }
            _ if self.phase == Phase::Closed => self.stats.unexpected += 1,
            // It leads to no event, so that it needs no room. Who registers again is there, too:
            // its name is not to be given away meanwhile.
            Datagram::Verification
                if from == self.server && (self.is_registered() || self.is_registering()) =>
            {
                self.acknowledge(from);
            }
            _ if !room => self.stats.busy += 1,
            Datagram::Chat { sender, text } if self.is_registered() => {
                self.acknowledge(from);
                let message = self.incoming(from, sender, text);
                self.emit(ClientEmit::Message(message));
            }
            Datagram::Notification { text, offline } if from == self.server => {
                self.on_notification(now, text, offline);
            }
            Datagram::Table(rows) if from == self.server => {
                self.acknowledge(from);
                self.table_is_cut = CUT.contains(&payload.len());
                self.on_table(now, rows);
            }
            _ => self.stats.unexpected += 1,
        }
    }

    fn incoming(&self, from: SocketAddr, sender: Nickname, text: String) -> Incoming {
        if from != self.server {
            return Incoming { sender, text, route: Route::Direct, stored_at: None };
        }
        match split_stamp(&text) {
            Some((stored_at, rest)) => {
                let (text, stored_at) = (rest.to_owned(), Some(stored_at));
                Incoming { sender, text, route: Route::Stored, stored_at }
            }
            None => Incoming { sender, text, route: Route::Relayed, stored_at: None },
        }
    }

    fn on_notification(&mut self, now: Now, text: String, offline: bool) {
        let answer = Answer { notice: Notice::parse(&text), text: &text, offline };
        let down = offline && answer.notice == Some(Notice::ServerDown);
        // What answers no request is no repeat of an answer.
        let answers = answer.notice != Some(Notice::HaveMessages);
        if !down && answers && self.may_be_repeated(now) {
            // Unacknowledged, it comes again.
            self.stats.unexpected += 1;
            return;
        }
        self.acknowledge(self.server);
        self.requests.heard_at = Some(now.at);
        // That a recipient is unknown is the outcome of its message, and said as such.
        if !matches!(answer.notice, Some(Notice::NotExisted(_))) {
            self.event(ClientEvent::Notification { text: text.clone() });
        }
        if down {
            // First the cause, then what fails of it.
            self.event(ClientEvent::ServerDown);
            self.go_offline(now, &Failure::ServerNotResponding);
            return self.fail_request(now, &Failure::ServerNotResponding);
        }
        self.on_answer(now, &answer);
    }

    fn on_table(&mut self, now: Now, rows: Vec<Row>) {
        if !self.is_registered() {
            return;
        }
        self.table = rows.into_iter().map(|row| (row.nickname.clone(), row)).collect();
        self.event(ClientEvent::UsersChanged);
        self.on_table_known(now);
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
            self.emit(ClientEmit::Session(ticket, Ok(())));
        }
    }

    /// The client is not online any more. Messages that wait fail, for this reason.
    fn go_offline(&mut self, now: Now, why: &Failure) {
        // It was welcomed, and is sent off before the table came: registered it was.
        self.settle_registration();
        if self.is_registered() {
            self.phase = Phase::Offline;
            let nickname = self.nickname.clone();
            if let Some(own) = self.table.get_mut(&nickname) {
                own.presence = Presence::Offline;
            }
            self.event(ClientEvent::Deregistered { nickname });
        }
        self.fail_conversations(now, why);
    }

    fn close(&mut self, now: Now) {
        self.closing = true;
        self.fail_conversations(now, &Failure::Closed);
        if let Phase::Welcomed { ticket } = self.phase {
            self.phase = Phase::Online;
            self.emit(ClientEmit::Session(ticket, Err(Failure::Closed)));
        }
        let registering = self.fail_requests(&Failure::Closed);
        if let Some((nickname, Heard::Yes)) = &registering {
            self.nickname = nickname.clone();
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
        for timer in [Timer::Request, Timer::FirstTable, Timer::Conversations] {
            self.timers.stop(&timer);
        }
        self.links = Links::new();
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
        self.outputs.push_back(Output::Emit(emit));
    }

    fn event(&mut self, event: ClientEvent) {
        self.emit(ClientEmit::Event(event));
    }

    /// Does what is due.
    fn flush(&mut self, now: Now) {
        while let Some(timer) = self.timers.pop_expired(now.at) {
            match timer {
                Timer::Request => self.on_request_timeout(now),
                Timer::FirstTable => self.on_table_known(now),
                Timer::Conversations => self.resume_conversations(now),
            }
        }
        while let Some((to, step)) = self.links.poll(now.at) {
            match step {
                Step::Transmit(direct) => {
                    let chat = direct.chat.clone();
                    self.transmit(to, chat);
                }
                Step::Failed(direct) => self.on_direct_failed(now, direct),
            }
        }
    }
}

/// Takes the server's local time off the front of a stored message.
fn split_stamp(text: &str) -> Option<(NaiveDateTime, &str)> {
    let (stamp, rest) = text.split_at_checked("2017-03-01 15:28:35".len())?;
    let time = NaiveDateTime::parse_from_str(stamp, "%Y-%m-%d %H:%M:%S").ok()?;
    // Only what would be written the same way is the server's: no missing zero, no 60th second.
    let same = time.format("%Y-%m-%d %H:%M:%S").to_string() == stamp;
    same.then_some((time, rest.strip_prefix(' ')?))
}

impl Engine for Client {
    type Command = ClientCommand;
    type Emit = ClientEmit;

    fn handle(&mut self, now: Now, input: Input<'_, ClientCommand>) {
        match input {
            Input::Datagram { from, payload, room } => self.on_datagram(now, from, payload, room),
            Input::Command(command) => self.on_command(now, command),
            Input::Deadline => {}
        }
        self.flush(now);
    }

    fn poll_output(&mut self) -> Option<Output<ClientEmit>> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.timers.next().into_iter().chain(self.links.deadline()).min()
    }

    fn stats(&self) -> Stats {
        self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_taken_off_only_where_the_server_put_one() {
        let (time, rest) = split_stamp("2017-03-01 15:28:35 hi").unwrap();
        assert_eq!((time.to_string().as_str(), rest), ("2017-03-01 15:28:35", "hi"));
        for text in [
            "hi",
            "2017-03-01 15:28:35",
            "2017-03-01 15:28:35x",
            "2017-13-01 15:28:35 hi",
            "2017-3-001 15:28:35 hi",
            "2017-03-01 15:28:3é hi",
        ] {
            assert_eq!(split_stamp(text), None, "{text}");
        }
    }
}
