//! Messages to one recipient, one after the other, each down a ladder of paths: directly; through
//! the server, which relays or stores it.
//!
//! The invariant: the first message of a conversation is at one place at a time, and leaves the
//! conversation with its outcome. Where the server says that a recipient held to be offline is
//! there after all, the message is tried directly once more, by itself.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::request::Request;
use super::{
    Client, ClientEmit, ClientEvent, Delivery, Failure, MAX_PENDING, Phase, Ticket, Timer,
};
use crate::proto::Now;
use crate::proto::link::Patience;
use crate::wire::{Datagram, MAX_DATAGRAM, Nickname, Presence};

/// How long the table is waited for that the server sends after it said that a recipient is there.
const TABLE_PATIENCE: Duration = Duration::from_millis(500);

/// Where the first message of a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nowhere yet: the client is not online.
    Waiting,
    /// On its way to the recipient itself.
    Direct,
    /// With the server.
    AtServer,
    /// The recipient is there after all; the table that says where is due.
    TableDue,
}

#[derive(Debug)]
struct Conversation {
    queue: VecDeque<(Ticket, String)>,
    stage: Stage,
    /// The server said once that the recipient is there.
    retried: bool,
}

/// Every conversation that has a message without an outcome.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    by_recipient: BTreeMap<Nickname, Conversation>,
    pending: usize,
}

/// A message on its way to its recipient.
#[derive(Debug)]
pub(super) struct Direct {
    pub(super) recipient: Nickname,
    pub(super) ticket: Ticket,
    pub(super) chat: Vec<u8>,
}

impl Client {
    pub(super) fn send(&mut self, now: Now, ticket: Ticket, recipient: Nickname, text: String) {
        if let Err(failure) = self.check(&recipient, &text) {
            return self.emit(ClientEmit::Sent(ticket, Err(failure)));
        }
        self.conversations.pending += 1;
        let conversation =
            self.conversations.by_recipient.entry(recipient.clone()).or_insert_with(|| {
                Conversation { queue: VecDeque::new(), stage: Stage::Waiting, retried: false }
            });
        conversation.queue.push_back((ticket, text));
        self.advance(now, &recipient);
    }

    /// Whether a message can be accepted now.
    fn check(&self, recipient: &Nickname, text: &str) -> Result<(), Failure> {
        if !self.is_registered() && !self.is_registering() {
            return Err(Failure::NotRegistered);
        }
        if self.conversations.pending >= MAX_PENDING {
            return Err(Failure::TooManyPending);
        }
        // The longest of the datagrams that may have to carry it.
        let longest = Datagram::Keep {
            sender: self.nickname().clone(),
            recipient: recipient.clone(),
            seen: Presence::Offline,
            text: text.to_owned(),
        };
        match longest.encode().len() {
            bytes if bytes > MAX_DATAGRAM => Err(Failure::TooLong(bytes)),
            _ => Ok(()),
        }
    }

    /// Sends the first message of a conversation on its way.
    fn advance(&mut self, now: Now, recipient: &Nickname) {
        if self.phase != Phase::Online {
            return;
        }
        let row = self.table.get(recipient);
        if row.is_none() && !self.table_is_cut {
            return self.refuse_unknown(recipient);
        }
        let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else { return };
        if conversation.stage != Stage::Waiting {
            return;
        }
        let Some((ticket, text)) = conversation.queue.front().cloned() else {
            self.conversations.by_recipient.remove(recipient);
            return;
        };
        let (sender, recipient) = (self.nickname.clone(), recipient.clone());
        if let Some(row) = row.filter(|row| row.presence.is_online()) {
            conversation.stage = Stage::Direct;
            let chat = Datagram::Chat { sender, text }.encode();
            let direct = Direct { recipient, ticket, chat };
            self.links.push(now.at, row.address, direct, Patience::ONCE);
        } else {
            // Of whom the table does not tell, the server knows.
            conversation.stage = Stage::AtServer;
            let seen = if conversation.retried { Presence::Online } else { Presence::Offline };
            self.request(now, Request::Keep { recipient, ticket, seen, text });
        }
    }

    /// Gives every message to a recipient whom nobody knows its outcome, unless the server has the
    /// first of them.
    fn refuse_unknown(&mut self, recipient: &Nickname) {
        let waits = |conversation: &Conversation| conversation.stage == Stage::Waiting;
        if !self.conversations.by_recipient.get(recipient).is_some_and(waits) {
            return;
        }
        let Some(conversation) = self.conversations.by_recipient.remove(recipient) else { return };
        self.conversations.pending -= conversation.queue.len();
        for (ticket, _) in conversation.queue {
            let unknown = Failure::UnknownUser(recipient.clone());
            self.emit(ClientEmit::Sent(ticket, Err(unknown)));
        }
    }

    /// The recipient acknowledged a direct message.
    pub(super) fn on_received(&mut self, now: Now, direct: &Direct) {
        self.settle(now, &direct.recipient, direct.ticket, Ok(Delivery::Received));
    }

    /// The recipient did not acknowledge a direct message in time.
    pub(super) fn on_direct_failed(&mut self, now: Now, direct: Direct) {
        let Direct { recipient, ticket, .. } = direct;
        let Some(conversation) = self.conversations.by_recipient.get_mut(&recipient) else {
            return;
        };
        let Some((_, text)) = conversation.queue.front().filter(|(first, _)| *first == ticket)
        else {
            return;
        };
        let text = text.clone();
        conversation.stage = Stage::AtServer;
        self.event(ClientEvent::Unacknowledged { recipient: recipient.clone() });
        self.request(now, Request::Keep { recipient, ticket, seen: Presence::Online, text });
    }

    /// The server says that a recipient, whom the table held to be offline, is there.
    pub(super) fn on_there_after_all(
        &mut self,
        now: Now,
        recipient: &Nickname,
        ticket: Ticket,
        refusal: Failure,
    ) {
        let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else { return };
        if conversation.retried {
            return self.settle(now, recipient, ticket, Err(refusal));
        }
        conversation.retried = true;
        conversation.stage = Stage::TableDue;
        self.timers.set(Timer::Conversations, now.at + TABLE_PATIENCE);
    }

    /// The table changed, or is not waited for any longer: whoever waited for that goes on.
    pub(super) fn resume_conversations(&mut self, now: Now) {
        let mut ready = Vec::new();
        for (recipient, conversation) in &mut self.conversations.by_recipient {
            if matches!(conversation.stage, Stage::Waiting | Stage::TableDue) {
                conversation.stage = Stage::Waiting;
                ready.push(recipient.clone());
            }
        }
        for recipient in ready {
            self.advance(now, &recipient);
        }
    }

    /// Gives the first message of a conversation its outcome, if it is still the one meant.
    pub(super) fn settle(
        &mut self,
        now: Now,
        recipient: &Nickname,
        ticket: Ticket,
        outcome: Result<Delivery, Failure>,
    ) {
        let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else { return };
        if conversation.queue.front().is_none_or(|(first, _)| *first != ticket) {
            return;
        }
        conversation.queue.pop_front();
        conversation.stage = Stage::Waiting;
        conversation.retried = false;
        self.conversations.pending -= 1;
        self.emit(ClientEmit::Sent(ticket, outcome));
        self.advance(now, recipient);
    }

    /// Gives every message that has none this outcome.
    pub(super) fn fail_conversations(&mut self, now: Now, why: &Failure) {
        for address in self.links.addresses() {
            self.links.cancel_all(now.at, address);
        }
        self.timers.stop(&Timer::Conversations);
        for (_, conversation) in std::mem::take(&mut self.conversations).by_recipient {
            for (ticket, _) in conversation.queue {
                self.emit(ClientEmit::Sent(ticket, Err(why.clone())));
            }
        }
        self.forget_keeps();
    }
}
