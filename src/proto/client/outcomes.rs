//! What becomes of messages.
//!
//! The invariant: every message leaves its conversation with one outcome.

use std::time::Duration;

use super::conversation::Path;
use super::messages::{Message, Place};
use super::{Client, ClientEmit, Delivery, Failure, Timer};
use crate::proto::Now;
use crate::wire::{Nickname, Notice};

/// How long the table is waited for that a classic server sends after it said that a recipient is
/// there.
const TABLE_PATIENCE: Duration = Duration::from_millis(500);

impl Client {
    /// Gives every message to a recipient whom nobody knows its outcome, unless the server has one
    /// of them.
    pub(super) fn refuse_unknown(&mut self, now: Now, recipient: &Nickname) {
        let Some(conversation) = self.conversations.by_recipient.get(recipient) else { return };
        if !conversation.messages.all_wait() {
            return;
        }
        for number in self.numbers_to(recipient) {
            self.settle(now, recipient, number, Err(Failure::UnknownUser(recipient.clone())));
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
            // It may come again, when the message is on its way to the server again: see `seen_as`. It counts for the
            // first time only, or what the server has now would be sent directly as well.
            Some(Notice::Exists(_)) => {
                let again =
                    self.open_message(&recipient, number).is_some_and(Message::is_given_again);
                if self.is_at_server(&recipient, number) && !again {
                    self.conversations.at_server.remove(&number);
                    self.on_there_after_all(now, &recipient, number, refusal);
                }
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
        let Some(message) = conversation.messages.get(number) else { return };
        if classic && message.retried {
            return self.settle(now, recipient, number, Err(refusal));
        }
        conversation.messages.retry(number);
        conversation.path = Path::Direct;
        conversation.stored = false;
        if classic {
            conversation.table_due = true;
            self.timers.set(Timer::Conversations, now.at + TABLE_PATIENCE);
        } else {
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
        let Some(message) = conversation.messages.remove(number) else { return };
        let outcome = match outcome {
            // Who says so knows nothing of whoever may have it.
            Err(Failure::UnknownUser(_)) if message.in_doubt => Err(Failure::ServerNotResponding),
            outcome => outcome,
        };
        let maybe_at_server = message.place() == Place::AtServer || message.in_doubt;
        match &outcome {
            // A classic server's table alone says which way is next.
            _ if self.current.is_none() => conversation.path = Path::Direct,
            Ok(Delivery::Stored) => {
                conversation.stored = true;
                conversation.path = Path::Server;
            }
            // The server may have it all the same.
            Err(Failure::ServerNotResponding) if maybe_at_server => {
                conversation.stored = true;
                conversation.path = Path::Ask;
            }
            _ => {}
        }
        if conversation.messages.all_are_nowhere() {
            conversation.rest(now.at);
        }
        let waits = conversation.messages.any_waits();
        if conversation.messages.is_empty() && conversation.path == Path::Direct {
            self.conversations.by_recipient.swap_remove(recipient);
        }
        self.conversations.pending -= 1;
        self.conversations.pending_bytes -= message.text.len();
        self.emit(ClientEmit::Sent(message.ticket, outcome));
        if waits {
            self.advance(now, recipient);
        }
    }

    /// Gives every message that the server has this outcome.
    pub(super) fn fail_at_server(&mut self, now: Now, why: &Failure) {
        for (number, recipient) in self.conversations.at_server.clone() {
            if self.is_at_server(&recipient, number) {
                self.settle(now, &recipient, number, Err(why.clone()));
            }
        }
    }

    /// Whether the server has a message, and it does not wait to be given again.
    fn is_at_server(&self, recipient: &Nickname, number: u64) -> bool {
        self.open_message(recipient, number)
            .is_some_and(|message| message.place() == Place::AtServer)
    }

    /// A message that has no outcome yet.
    fn open_message(&self, recipient: &Nickname, number: u64) -> Option<&Message> {
        self.conversations.by_recipient.get(recipient)?.messages.get(number)
    }

    /// Gives every message that waits for the server this outcome.
    pub(super) fn fail_waiting(&mut self, now: Now, why: &Failure) {
        let mut waiting = Vec::new();
        for (recipient, conversation) in &self.conversations.by_recipient {
            let messages = conversation.messages.iter();
            let of_it = messages.filter(|message| message.place() == Place::Waiting);
            waiting.extend(of_it.map(|message| (recipient.clone(), message.number)));
        }
        for (recipient, number) in waiting {
            self.settle(now, &recipient, number, Err(why.clone()));
        }
    }

    fn numbers_to(&self, recipient: &Nickname) -> Vec<u64> {
        let conversation = self.conversations.by_recipient.get(recipient);
        let messages =
            conversation.into_iter().flat_map(|conversation| conversation.messages.iter());
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
            conversation.stored |=
                conversation.messages.iter().any(|m| m.place() == Place::AtServer);
            conversation.path = if conversation.stored { Path::Ask } else { Path::Direct };
            conversation.table_due = false;
            failed.extend(conversation.messages.drain().map(|message| message.ticket));
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
