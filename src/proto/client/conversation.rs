//! Messages to one recipient, in order, each down a ladder of paths: directly; through the server,
//! which passes it on or stores it.
//!
//! The invariant: all messages of a conversation that are under way are on the same path. Another
//! path is taken only by all of them together, oldest first; and back from the server to the direct
//! one only when the server has nothing more for this recipient. So they come in order, and whoever
//! remembers the last number has seen all before it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::peers::Sent;
use super::request::Request;
use super::{Client, ClientEmit, ClientEvent, Delivery, Failure, MAX_PENDING, Ticket, Timer};
use crate::proto::link::Patience;
use crate::proto::{Instant, Now};
use crate::wire::{
    Chat, Datagram, Frame, Keep, MAX_DATAGRAM, Nickname, Notice, Piece, Presence, Row, Session,
    pieces,
};

/// Bytes of the messages that wait for their outcome.
const MAX_PENDING_BYTES: usize = 64 << 20;

/// Recipients whose path is remembered without a message to them: a few megabytes.
const MAX_REMEMBERED: usize = 65_536;

/// How long the table is waited for that a classic server sends after it said that a recipient is
/// there.
const TABLE_PATIENCE: Duration = Duration::from_millis(500);

/// How long a direct path that failed is left alone: what blocks it (a NAT, a firewall) stays.
const BLOCKED_FOR: Duration = Duration::from_secs(30);

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nowhere yet.
    Waiting,
    /// On its way to the recipient itself.
    Direct,
    /// With the server.
    AtServer,
}

#[derive(Debug)]
struct Message {
    ticket: Ticket,
    number: u64,
    text: String,
    place: Place,
    /// The server said once that the recipient is there.
    retried: bool,
}

/// The path that a conversation is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// To the recipient, if it is online.
    Direct,
    /// The server may have messages for the recipient: it is asked with the next one, alone.
    Ask,
    /// Through the server, until nothing is under way.
    Server,
}

#[derive(Debug)]
struct Conversation {
    messages: VecDeque<Message>,
    path: Path,
    /// The server has stored something since the path was direct.
    stored: bool,
    /// The direct path is not tried before.
    blocked_until: Instant,
    /// The table that says where the recipient is is due.
    table_due: bool,
}

/// What to do with the next message of a conversation.
enum Way {
    Flow(Session, SocketAddr),
    Classic(SocketAddr),
    Server(Presence),
    /// Who is that? The server is asked.
    Lookup,
    Unknown,
    Wait,
}

/// Every conversation that has a message without an outcome, or whose path is not the direct one.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    by_recipient: BTreeMap<Nickname, Conversation>,
    /// Whose message the server has under a number.
    at_server: BTreeMap<u64, Nickname>,
    pending: usize,
    pending_bytes: usize,
}

impl Conversations {
    /// A session begins of which no server has anything yet. What waits for it is sent in it.
    pub(super) fn begin_anew(&mut self) {
        self.by_recipient.retain(|_, conversation| !conversation.messages.is_empty());
        for conversation in self.by_recipient.values_mut() {
            conversation.path = Path::Direct;
            conversation.stored = false;
            conversation.blocked_until = Instant::ZERO;
        }
    }

    /// Whether a message waits for word of this user.
    pub(super) fn waits_for(&self, recipient: &Nickname) -> bool {
        let conversation = self.by_recipient.get(recipient);
        conversation.is_some_and(|conversation| conversation.first_waiting().is_some())
    }
}

impl Conversation {
    fn new() -> Self {
        Self {
            messages: VecDeque::new(),
            path: Path::Direct,
            stored: false,
            blocked_until: Instant::ZERO,
            table_due: false,
        }
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.number == number)
    }

    fn first_waiting(&self) -> Option<usize> {
        self.messages.iter().position(|message| message.place == Place::Waiting)
    }

    /// Nothing is under way any more: the next message may take another path.
    fn rest(&mut self, now: Instant) {
        if self.path == Path::Server {
            self.path = match self.stored {
                true => Path::Ask,
                false if now >= self.blocked_until => Path::Direct,
                false => Path::Server,
            };
        }
    }
}

/// A message on its way to a classic recipient.
#[derive(Debug)]
pub(super) struct Direct {
    pub(super) recipient: Nickname,
    pub(super) number: u64,
    pub(super) chat: Vec<u8>,
}

impl Client {
    pub(super) fn send(&mut self, now: Now, ticket: Ticket, recipient: Nickname, text: String) {
        if let Err(failure) = self.check(&recipient, &text) {
            return self.emit(ClientEmit::Sent(ticket, Err(failure)));
        }
        let number = self.next_number();
        let conversations = &mut self.conversations;
        conversations.pending += 1;
        conversations.pending_bytes += text.len();
        if !conversations.by_recipient.contains_key(&recipient)
            && conversations.by_recipient.len() >= MAX_REMEMBERED
        {
            let idle = conversations.by_recipient.iter().find(|(_, c)| c.messages.is_empty());
            if let Some(idle) = idle.map(|(name, _)| name.clone()) {
                conversations.by_recipient.remove(&idle);
            }
        }
        let fresh = Conversation::new;
        let conversation =
            conversations.by_recipient.entry(recipient.clone()).or_insert_with(fresh);
        if conversation.messages.is_empty() {
            conversation.rest(now.at);
        }
        let message = Message { ticket, number, text, place: Place::Waiting, retried: false };
        conversation.messages.push_back(message);
        self.advance(now, &recipient);
    }

    /// Whether a message can be accepted now.
    fn check(&self, recipient: &Nickname, text: &str) -> Result<(), Failure> {
        if !self.is_present() && !self.is_registering() {
            return Err(Failure::NotRegistered);
        }
        if self.conversations.pending >= MAX_PENDING
            || self.conversations.pending_bytes + text.len() > MAX_PENDING_BYTES
        {
            return Err(Failure::TooManyPending);
        }
        match self.length(recipient, text) {
            (bytes, limit) if bytes > limit => Err(Failure::TooLong(bytes)),
            _ => Ok(()),
        }
    }

    /// How long a message is, and may be: where it needs a classic datagram, as that.
    fn length(&self, recipient: &Nickname, text: &str) -> (usize, usize) {
        let classic = |row: &Row| row.presence.is_online() && row.session.is_none();
        let (sender, text) = (self.nickname.clone(), text.to_owned());
        let datagram = if self.is_registered() && self.current.is_none() {
            // The longest of those that may have to carry it.
            let (recipient, seen) = (recipient.clone(), Presence::Offline);
            Datagram::Keep { sender, recipient, seen, text }
        } else if self.table.get(recipient).is_some_and(classic) {
            Datagram::Chat { sender, text }
        } else {
            return (text.len(), self.max_text);
        };
        (datagram.encode().len(), MAX_DATAGRAM)
    }

    /// Sends what waits in a conversation on its way, as far as it goes.
    fn advance(&mut self, now: Now, recipient: &Nickname) {
        if !self.may_send() {
            return;
        }
        while let Some(conversation) = self.conversations.by_recipient.get(recipient) {
            let Some(index) = conversation.first_waiting() else { break };
            match self.way(recipient, conversation, index) {
                Way::Flow(session, address) => {
                    self.send_directly(now, recipient, index, session, address);
                }
                Way::Classic(address) => {
                    if !self.send_to_classic(now, recipient, index, address) {
                        continue;
                    }
                }
                Way::Server(seen) => {
                    if !self.send_to_server(now, recipient, index, seen) {
                        continue;
                    }
                }
                Way::Lookup => return self.look_up(now, recipient.clone()),
                Way::Unknown => return self.refuse_unknown(now, recipient),
                Way::Wait => return,
            }
        }
    }

    /// The way that a message has to take now.
    fn way(&self, recipient: &Nickname, conversation: &Conversation, index: usize) -> Way {
        let alone = index == 0;
        if conversation.table_due {
            return Way::Wait;
        }
        let Some(row) = self.table.get(recipient) else {
            return match self.server_session() {
                Some(_) => Way::Lookup,
                None if !self.table_is_cut => Way::Unknown,
                // Of whom the table does not tell, the server knows.
                None if alone => Way::Server(self.seen_as(conversation, Presence::Offline)),
                None => Way::Wait,
            };
        };
        let online = row.presence.is_online();
        match (conversation.path, row.session) {
            (Path::Direct, Some(session)) if online => Way::Flow(session, row.address),
            (Path::Direct, None) if online && alone => Way::Classic(row.address),
            (Path::Direct, None) if online => Way::Wait,
            (Path::Server, _) if self.server_session().is_some() || alone => {
                Way::Server(Presence::Online)
            }
            (Path::Server, _) => Way::Wait,
            (Path::Direct | Path::Ask, _) if alone => {
                Way::Server(self.seen_as(conversation, Presence::Offline))
            }
            (Path::Direct | Path::Ask, _) => Way::Wait,
        }
    }

    /// Who was said to be there, and was not found, is not asked for in the same way again.
    fn seen_as(&self, conversation: &Conversation, seen: Presence) -> Presence {
        let retried = conversation.messages.front().is_some_and(|first| first.retried);
        if retried { Presence::Online } else { seen }
    }

    fn place(&mut self, recipient: &Nickname, index: usize, place: Place) -> Option<(u64, String)> {
        let conversation = self.conversations.by_recipient.get_mut(recipient)?;
        let message = conversation.messages.get_mut(index)?;
        message.place = place;
        Some((message.number, message.text.clone()))
    }

    fn send_directly(
        &mut self,
        now: Now,
        recipient: &Nickname,
        index: usize,
        session: Session,
        address: SocketAddr,
    ) {
        let Some((number, text)) = self.place(recipient, index, Place::Direct) else { return };
        let sender = self.nickname().clone();
        let chat = |piece, text: &str| {
            let (sender, text) = (sender.clone(), text.to_owned());
            Frame::Chat(Chat { sender, author: None, number, stored_at: None, piece, text })
                .encode()
        };
        self.open_peer(now, session, address);
        let empty = chat(Piece::default(), "").len();
        for (piece, part) in pieces(&text, empty) {
            let sent = match piece.more {
                true => Sent::Part,
                false => Sent::Message { recipient: recipient.clone(), number },
            };
            self.flows.push(session, chat(piece, part), sent);
        }
    }

    /// Whether it could be sent.
    fn send_to_classic(
        &mut self,
        now: Now,
        recipient: &Nickname,
        index: usize,
        address: SocketAddr,
    ) -> bool {
        let Some((number, text)) = self.place(recipient, index, Place::Direct) else {
            return false;
        };
        let (sender, recipient) = (self.nickname().clone(), recipient.clone());
        let chat = Datagram::Chat { sender, text }.encode();
        if chat.len() > MAX_DATAGRAM {
            // It was posted before the table said what its recipient speaks.
            self.settle(now, &recipient, number, Err(Failure::TooLong(chat.len())));
            return false;
        }
        let direct = Direct { recipient, number, chat };
        self.links.push(now.at, address, direct, Patience::ONCE);
        true
    }

    /// Whether it could be sent.
    fn send_to_server(
        &mut self,
        now: Now,
        recipient: &Nickname,
        index: usize,
        seen: Presence,
    ) -> bool {
        let Some((number, text)) = self.place(recipient, index, Place::AtServer) else {
            return false;
        };
        if let Some(conversation) = self.conversations.by_recipient.get_mut(recipient)
            && conversation.path == Path::Direct
        {
            conversation.path = Path::Ask;
        }
        let (sender, recipient) = (self.nickname().clone(), recipient.clone());
        let Some(session) = self.server_session() else {
            let keep =
                Datagram::Keep { sender, recipient: recipient.clone(), seen, text: text.clone() };
            let bytes = keep.encode().len();
            if bytes > MAX_DATAGRAM {
                self.settle(now, &recipient, number, Err(Failure::TooLong(bytes)));
                return false;
            }
            self.request(now, Request::Keep { recipient, number, seen, text });
            return true;
        };
        self.conversations.at_server.insert(number, recipient.clone());
        let keep = |piece, text: &str| {
            let (sender, recipient) = (sender.clone(), recipient.clone());
            let text = text.to_owned();
            Frame::Keep(Keep { sender, recipient, seen, number, piece, text }).encode()
        };
        let empty = keep(Piece::default(), "").len();
        for (piece, part) in pieces(&text, empty) {
            self.flows.push(session, keep(piece, part), Sent::Part);
        }
        true
    }

    /// Gives every message to a recipient whom nobody knows its outcome, unless the server has one
    /// of them.
    pub(super) fn refuse_unknown(&mut self, now: Now, recipient: &Nickname) {
        let Some(conversation) = self.conversations.by_recipient.get(recipient) else { return };
        if conversation.messages.iter().any(|message| message.place != Place::Waiting) {
            return;
        }
        for number in self.numbers_to(recipient) {
            self.settle(now, recipient, number, Err(Failure::UnknownUser(recipient.clone())));
        }
    }

    /// The direct path to a recipient has failed: all that is on it goes to the server.
    pub(super) fn on_direct_failed(&mut self, now: Now, recipient: &Nickname) {
        let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else { return };
        conversation.path = Path::Server;
        conversation.blocked_until = now.at + BLOCKED_FOR;
        let mut failed = 0;
        for message in &mut conversation.messages {
            if message.place == Place::Direct {
                message.place = Place::Waiting;
                failed += 1;
            }
        }
        for _ in 0..failed {
            self.event(ClientEvent::Unacknowledged { recipient: recipient.clone() });
        }
        // It may be somewhere else by now; and from here on the client is told.
        self.look_up(now, recipient.clone());
        self.advance(now, recipient);
    }

    /// The recipient is somewhere else, or begins a new life: what is on its way to the old one goes
    /// to the new one.
    pub(super) fn on_moved(&mut self, now: Now, recipient: &Nickname) {
        let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else { return };
        for message in &mut conversation.messages {
            if message.place == Place::Direct {
                message.place = Place::Waiting;
            }
        }
        self.advance(now, recipient);
    }

    /// The server is another run of it, or has forgotten what it was given: it is given that again.
    pub(super) fn give_again(&mut self, now: Now) {
        let recipients: Vec<Nickname> = self.conversations.by_recipient.keys().cloned().collect();
        self.conversations.at_server.clear();
        for recipient in &recipients {
            let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else {
                continue;
            };
            for message in &mut conversation.messages {
                if message.place == Place::AtServer {
                    message.place = Place::Waiting;
                }
            }
            self.advance(now, recipient);
        }
    }

    /// The server has answered what became of the message of this number. Whether it was asked.
    pub(super) fn on_kept(
        &mut self,
        now: Now,
        number: u64,
        notice: Option<Notice>,
        text: &str,
    ) -> bool {
        let Some(recipient) = self.conversations.at_server.get(&number).cloned() else {
            return false;
        };
        let refusal = Failure::Refused(text.to_owned());
        let outcome = match notice {
            Some(Notice::Saved) => Ok(Delivery::Stored),
            Some(Notice::Received(_)) => Ok(Delivery::Relayed),
            Some(Notice::Exists(_)) => {
                self.conversations.at_server.remove(&number);
                self.on_there_after_all(now, &recipient, number, refusal);
                return true;
            }
            Some(Notice::NotExisted(_)) => Err(Failure::UnknownUser(recipient.clone())),
            _ => Err(refusal),
        };
        self.settle(now, &recipient, number, outcome);
        true
    }

    /// The server says that a recipient, whom the table held to be offline, is there.
    pub(super) fn on_there_after_all(
        &mut self,
        now: Now,
        recipient: &Nickname,
        number: u64,
        refusal: Failure,
    ) {
        let classic = self.server_session().is_none();
        let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else { return };
        let Some(message) = conversation.get_mut(number) else { return };
        if classic && message.retried {
            return self.settle(now, recipient, number, Err(refusal));
        }
        message.retried = true;
        message.place = Place::Waiting;
        conversation.path = Path::Direct;
        conversation.stored = false;
        if classic {
            conversation.table_due = true;
            self.timers.set(Timer::Conversations, now.at + TABLE_PATIENCE);
        } else {
            self.advance(now, recipient);
        }
    }

    /// The table changed, or is not waited for any longer: whoever waited for that goes on.
    pub(super) fn resume_conversations(&mut self, now: Now) {
        let mut ready = Vec::new();
        for (recipient, conversation) in &mut self.conversations.by_recipient {
            conversation.table_due = false;
            if conversation.first_waiting().is_some() {
                ready.push(recipient.clone());
            }
        }
        for recipient in ready {
            self.advance(now, &recipient);
        }
    }

    /// The same for one recipient.
    pub(super) fn resume_conversation(&mut self, now: Now, recipient: &Nickname) {
        if let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) {
            conversation.table_due = false;
            self.advance(now, recipient);
        }
    }

    /// Gives a message its outcome, if it has none.
    pub(super) fn settle(
        &mut self,
        now: Now,
        recipient: &Nickname,
        number: u64,
        outcome: Result<Delivery, Failure>,
    ) {
        self.conversations.at_server.remove(&number);
        let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else { return };
        let position = conversation.messages.iter().position(|message| message.number == number);
        let Some(message) = position.and_then(|at| conversation.messages.remove(at)) else {
            return;
        };
        match &outcome {
            // A classic server's table alone says which way is next.
            _ if self.current.is_none() => conversation.path = Path::Direct,
            Ok(Delivery::Stored) => {
                conversation.stored = true;
                conversation.path = Path::Server;
            }
            // The server may have it all the same.
            Err(Failure::ServerNotResponding) if message.place == Place::AtServer => {
                conversation.stored = true;
                conversation.path = Path::Ask;
            }
            _ => {}
        }
        if conversation.messages.iter().all(|message| message.place == Place::Waiting) {
            conversation.rest(now.at);
        }
        if conversation.messages.is_empty() && conversation.path == Path::Direct {
            self.conversations.by_recipient.remove(recipient);
        }
        self.conversations.pending -= 1;
        self.conversations.pending_bytes -= message.text.len();
        self.emit(ClientEmit::Sent(message.ticket, outcome));
        self.advance(now, recipient);
    }

    /// Gives every message that needs the server this outcome.
    pub(super) fn fail_at_server(&mut self, now: Now, why: &Failure) {
        for (number, recipient) in std::mem::take(&mut self.conversations.at_server) {
            self.settle(now, &recipient, number, Err(why.clone()));
        }
        // Nor is there anybody to ask who these are.
        let unknown = |name: &&Nickname| !self.table.contains_key(*name);
        let unknown = self.conversations.by_recipient.keys().filter(unknown);
        for recipient in unknown.cloned().collect::<Vec<_>>() {
            for number in self.numbers_to(&recipient) {
                self.settle(now, &recipient, number, Err(why.clone()));
            }
        }
    }

    fn numbers_to(&self, recipient: &Nickname) -> Vec<u64> {
        let conversation = self.conversations.by_recipient.get(recipient);
        let messages = conversation.into_iter().flat_map(|conversation| &conversation.messages);
        messages.map(|message| message.number).collect()
    }

    /// Gives every message that has none this outcome.
    pub(super) fn fail_conversations(&mut self, now: Now, why: &Failure) {
        for address in self.links.addresses() {
            self.links.cancel_all(now.at, address);
        }
        self.timers.stop(&Timer::Conversations);
        let mut failed = Vec::new();
        for conversation in self.conversations.by_recipient.values_mut() {
            // What the server was given it may have stored.
            conversation.stored |= conversation.messages.iter().any(|m| m.place == Place::AtServer);
            conversation.path = if conversation.stored { Path::Ask } else { Path::Direct };
            conversation.table_due = false;
            failed.extend(conversation.messages.drain(..).map(|message| message.ticket));
        }
        self.conversations.by_recipient.retain(|_, conversation| conversation.stored);
        self.conversations.at_server.clear();
        (self.conversations.pending, self.conversations.pending_bytes) = (0, 0);
        for ticket in failed {
            self.emit(ClientEmit::Sent(ticket, Err(why.clone())));
        }
        self.forget_keeps();
    }
}
