//! Messages to one recipient, in order, each down a ladder of paths: directly; through the server,
//! which passes it on or stores it.
//!
//! The invariant: all messages of a conversation that are under way are on the same path. Another
//! path is taken only by all of them together, oldest first; and back from the server to the direct
//! one only when the server has nothing more for this recipient. So they come in order, and whoever
//! remembers the last number has seen all before it.
//!
//! A message that is in a flow has what depends on it there: whoever closes a flow, or empties it, takes back the
//! messages that were in it. Until then those that follow go after them, whatever the table says meanwhile.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use indexmap::IndexMap;

use super::messages::{Message, Messages, Place};
use super::{Client, ClientEmit, ClientEvent, Failure, MAX_PENDING, Phase, Ticket};
use crate::proto::{Instant, Now};
use crate::wire::{Datagram, MAX_DATAGRAM, Nickname, Presence, Row, Session};

/// Bytes of the messages that wait for their outcome.
const MAX_PENDING_BYTES: usize = 64 << 20;

/// Recipients whose path is remembered without a message to them: a few megabytes.
const MAX_REMEMBERED: usize = 65_536;

/// How long a direct path that failed is left alone: what blocks it (a NAT, a firewall) stays.
const BLOCKED_FOR: Duration = Duration::from_secs(30);

/// The path that a conversation is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// To the recipient, if it is online.
    Direct,
    /// The server may have messages for the recipient: it is asked with the next one, alone.
    Ask,
    /// Through the server, until nothing is under way.
    Server,
}

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) messages: Messages,
    pub(super) path: Path,
    /// The server has stored something since the path was direct.
    pub(super) stored: bool,
    /// The direct path is not tried before.
    pub(super) blocked_until: Instant,
    /// The table that says where the recipient is is due.
    pub(super) table_due: bool,
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
    /// Found by a hash that nobody can foresee, and gone through in an order that does not depend on it.
    pub(super) by_recipient: IndexMap<Nickname, Conversation>,
    /// Whose message the server has under a number, or had before a registration: it may have answered.
    pub(super) at_server: BTreeMap<u64, Nickname>,
    pub(super) pending: usize,
    pub(super) pending_bytes: usize,
}

impl Conversations {
    /// Whether what waits is what is counted, and no more than may be.
    pub(super) fn is_within_bounds(&self) -> bool {
        let conversations = || self.by_recipient.values();
        let messages = || conversations().flat_map(|conversation| conversation.messages.iter());
        self.pending == messages().count()
            && self.pending <= MAX_PENDING
            && self.pending_bytes == messages().map(|message| message.text.len()).sum::<usize>()
            && self.pending_bytes <= MAX_PENDING_BYTES
            && self.by_recipient.len() <= MAX_REMEMBERED + MAX_PENDING
            && self.at_server.len() <= self.pending
            && conversations().all(|conversation| conversation.messages.is_sound())
    }

    /// In which flows messages are under way, and how many in each.
    pub(super) fn flows(&self) -> impl Iterator<Item = (Session, usize)> + use<> {
        let mut messages = BTreeMap::new();
        for conversation in self.by_recipient.values() {
            for session in conversation.messages.flows() {
                *messages.entry(session).or_default() += 1;
            }
        }
        messages.into_iter()
    }

    /// A session begins of which no server has anything yet. What waits for it is sent in it.
    pub(super) fn begin_anew(&mut self) {
        self.by_recipient.retain(|_, conversation| !conversation.messages.is_empty());
        for conversation in self.by_recipient.values_mut() {
            conversation.path = Path::Direct;
            conversation.stored = false;
            conversation.blocked_until = Instant::ZERO;
        }
    }

    /// Remembers a recipient. If there are too many, one is forgotten to whom nothing is under way.
    fn begin(&mut self, recipient: Nickname) {
        if self.by_recipient.len() >= MAX_REMEMBERED
            && let Some(idle) = self.by_recipient.values().position(|it| it.messages.is_empty())
        {
            self.by_recipient.swap_remove_index(idle);
        }
        self.by_recipient.insert(recipient, Conversation::new());
    }

    /// Whether a message waits for word of this user.
    pub(super) fn waits_for(&self, recipient: &Nickname) -> bool {
        let conversation = self.by_recipient.get(recipient);
        conversation.is_some_and(|conversation| conversation.messages.any_waits())
    }
}

impl Conversation {
    fn new() -> Self {
        Self {
            messages: Messages::default(),
            path: Path::Direct,
            stored: false,
            blocked_until: Instant::ZERO,
            table_due: false,
        }
    }

    /// Nothing is under way any more: the next message may take another path.
    pub(super) fn rest(&mut self, now: Instant) {
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
        let conversation = self.conversations.by_recipient.get(&recipient);
        let conversation = conversation.filter(|_| self.may_send());
        let flow = conversation.and_then(|conversation| conversation.messages.flow());
        if let Err(failure) = self.check(&recipient, &text, flow) {
            return self.emit(ClientEmit::Sent(ticket, Err(failure)));
        }
        let number = self.next_number();
        let conversations = &mut self.conversations;
        if !conversations.by_recipient.contains_key(&recipient) {
            conversations.begin(recipient.clone());
        }
        // It is there.
        let Some(conversation) = conversations.by_recipient.get_mut(&recipient) else { return };
        conversations.pending += 1;
        conversations.pending_bytes += text.len();
        if conversation.messages.is_empty() {
            conversation.rest(now.at);
        }
        conversation.messages.push(Message::new(ticket, number, text));
        match flow {
            // It goes after them.
            Some(session) => self.put_in_flow(&recipient, session),
            None => self.advance(now, &recipient),
        }
    }

    /// Whether a message can be accepted now, behind those that are in a flow, if they are.
    fn check(
        &self,
        recipient: &Nickname,
        text: &str,
        flow: Option<Session>,
    ) -> Result<(), Failure> {
        if !self.is_present() && !self.is_registering() {
            return Err(Failure::NotRegistered);
        }
        if self.conversations.pending >= MAX_PENDING
            || self.conversations.pending_bytes + text.len() > MAX_PENDING_BYTES
        {
            return Err(Failure::TooManyPending);
        }
        let length = match flow {
            Some(_) => (text.len(), self.max_text),
            None => self.length(recipient, text),
        };
        match length {
            (bytes, limit) if bytes > limit => Err(Failure::TooLong(bytes)),
            _ => Ok(()),
        }
    }

    /// How long a message is, and may be: where it needs a classic datagram, as that.
    fn length(&self, recipient: &Nickname, text: &str) -> (usize, usize) {
        let classic = |row: &Row| row.presence.is_online() && row.session.is_none();
        let datagram = if self.is_registered() && self.current.is_none() {
            // The longest of those that may have to carry it.
            let (sender, recipient) = (self.nickname.clone(), recipient.clone());
            Datagram::Keep { sender, recipient, seen: Presence::Offline, text: text.to_owned() }
        } else if self.table.get(recipient).is_some_and(classic) {
            Datagram::Chat { sender: self.nickname.clone(), text: text.to_owned() }
        } else {
            return (text.len(), self.max_text);
        };
        (datagram.encode().len(), MAX_DATAGRAM)
    }

    /// Sends what waits in a conversation on its way, as far as it goes.
    pub(super) fn advance(&mut self, now: Now, recipient: &Nickname) {
        if !self.may_send() {
            return;
        }
        while let Some(conversation) = self.conversations.by_recipient.get(recipient) {
            let Some(index) = conversation.messages.first_waiting() else { break };
            let way = self.way(recipient, conversation, index);
            if self.phase == Phase::Lost && matches!(way, Way::Server(_) | Way::Lookup) {
                return self.await_server(now);
            }
            match way {
                Way::Flow(session, address) => {
                    return self.send_directly(now, recipient, session, address);
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

    /// Who was said to be there, and was not found, is not asked for in the same way again. Nor is who is to get what a
    /// current server may have had before: that the recipient is there could be its answer to either asking, and nobody
    /// could tell to which. (A server of 2017 would take the recipient for gone.)
    fn seen_as(&self, conversation: &Conversation, seen: Presence) -> Presence {
        let again = |first: &Message| match self.server_session() {
            Some(_) => first.is_given_again(),
            None => first.retried,
        };
        if conversation.messages.first().is_some_and(again) { Presence::Online } else { seen }
    }

    /// The direct path to a recipient has failed: all that is on it goes to the server.
    pub(super) fn on_direct_failed(&mut self, now: Now, recipient: &Nickname) {
        let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else { return };
        conversation.path = Path::Server;
        conversation.blocked_until = now.at + BLOCKED_FOR;
        let failed = conversation.messages.take_back(Place::is_direct);
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
        conversation.messages.take_back(Place::is_direct);
        self.advance(now, recipient);
    }

    /// The server is another run of it, or has forgotten what it was given: it is given that again.
    pub(super) fn give_again(&mut self, now: Now) {
        let recipients: Vec<Nickname> = self.conversations.by_recipient.keys().cloned().collect();
        for recipient in &recipients {
            let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else {
                continue;
            };
            conversation.messages.take_back(Place::is_at_server);
            self.advance(now, recipient);
        }
    }

    /// The table changed, or is not waited for any longer: whoever waited for that goes on.
    pub(super) fn resume_conversations(&mut self, now: Now) {
        let mut ready = Vec::new();
        for (recipient, conversation) in &mut self.conversations.by_recipient {
            conversation.table_due = false;
            if conversation.messages.any_waits() {
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
}
