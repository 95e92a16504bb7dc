//! Stored messages on their way to the one who registered.
//!
//! The invariant: a message is removed from its mailbox only after its recipient acknowledged it.
//! A mailbox is read in batches; the acknowledged ones of a batch are removed some together, when it is
//! through, or when the delivery ends before that. A crash in between delivers them again: who speaks
//! the current dialect knows them by their numbers. Such a one is given a batch at once; a classic
//! client one message after the other.

use std::net::SocketAddr;

use super::super::link::Patience;
use super::super::{Now, StoreRequest, StoredMessage};
use super::handing::ChatOf;
use super::handing::Owed;
use super::{Item, Server, ServerEvent};
use crate::wire::{Datagram, Frame, MAX_DATAGRAM, Nickname, Notice, Presence};

/// Messages that are removed together. A classic client may get so many again after a crash.
const REMOVED: usize = 64;

impl Server {
    /// Delivers what is stored for a user who is online, unless that is under way.
    pub(super) fn start_mail(&mut self, nickname: &Nickname) {
        let reading = self.mail.begin(nickname);
        self.load(nickname, reading);
    }

    fn load(&mut self, nickname: &Nickname, reading: Option<u64>) {
        if let Some(request) = reading {
            self.store(StoreRequest::Load { request, recipient: nickname.clone() });
        }
    }

    pub(super) fn on_loaded(
        &mut self,
        now: Now,
        request: u64,
        nickname: &Nickname,
        result: Result<Vec<StoredMessage>, String>,
    ) {
        let Some(delivery) = self.mail.loaded(nickname, request) else { return };
        let announced = std::mem::replace(&mut delivery.announced, true);
        match result {
            Ok(batch) if !batch.is_empty() => {
                delivery.batch = batch;
                (delivery.received, delivery.removed) = (0, 0);
                self.begin_batch(now, nickname, announced);
            }
            Ok(_) => {
                self.end_mail(nickname);
                if !announced {
                    self.emit(ServerEvent::MailboxEmpty { nickname: nickname.clone() });
                }
            }
            Err(reason) => {
                self.mail.fail(nickname, self.directory.is_online(nickname));
                self.emit(ServerEvent::MailboxFault { nickname: nickname.clone(), reason });
            }
        }
    }

    fn begin_batch(&mut self, now: Now, nickname: &Nickname, announced: bool) {
        let Some((address, Presence::Online)) = self.directory.find(nickname) else {
            return self.end_mail(nickname);
        };
        if self.directory.session(nickname).is_some() {
            return self.send_batch(now, nickname, announced);
        }
        if announced {
            return self.send_mail(now, address, nickname);
        }
        let notice = Item::MailNotice(nickname.clone());
        self.links.push(now.at, address, notice, Patience::PUSH);
    }

    /// Sends the whole batch to a current client.
    fn send_batch(&mut self, now: Now, nickname: &Nickname, announced: bool) {
        if !announced {
            let text = Notice::HaveMessages.to_string();
            self.push_frame(nickname, &Frame::Notification { text, offline: false, answers: None });
        }
        let Some(delivery) = self.mail.delivery(nickname) else { return };
        let owed = Owed::Mail(nickname.clone(), delivery.number);
        let batch = std::mem::take(&mut delivery.batch);
        for message in &batch {
            let chat = ChatOf {
                sender: &message.sender,
                id: message.id,
                stored_at: Some(message.time),
                text: &message.text,
            };
            self.push_chat(now, nickname, &chat, owed.clone());
        }
        if let Some(delivery) = self.mail.delivery(nickname) {
            delivery.batch = batch;
        }
    }

    /// Sends the first message of the batch that was not acknowledged to a classic client; one that
    /// is too long for it, in parts.
    pub(super) fn send_mail(&mut self, now: Now, to: SocketAddr, nickname: &Nickname) {
        let Some(delivery) = self.mail.delivery(nickname) else { return };
        let Some(message) = delivery.batch.get(delivery.received) else { return };
        let stamp = (self.config.local_time)(message.time);
        let mut chats = Vec::new();
        let mut rest = message.text.as_str();
        loop {
            let (chat, after) = longest_chat(&message.sender, &stamp, rest);
            rest = after;
            chats.push((chat, rest.is_empty()));
            if rest.is_empty() {
                break;
            }
        }
        for (chat, last) in chats {
            let item = Item::Mail { recipient: nickname.clone(), chat, last };
            self.links.push(now.at, to, item, Patience::PUSH);
        }
    }

    pub(super) fn on_mail_received(&mut self, now: Now, nickname: &Nickname) {
        let Some(delivery) = self.mail.delivery(nickname) else { return };
        delivery.received += 1;
        self.stats.messages_delivered += 1;
        let is_through = delivery.received == delivery.batch.len();
        if is_through || delivery.received - delivery.removed == REMOVED {
            self.remove_received(nickname);
        }
        if !is_through {
            if let (None, Some((address, _))) =
                (self.directory.session(nickname), self.directory.find(nickname))
            {
                self.send_mail(now, address, nickname);
            }
            return;
        }
        // More may be stored than one batch, or have come meanwhile.
        let reading = self.mail.read(nickname);
        self.load(nickname, reading);
    }

    /// What was delivered stays in the mailbox: read again, it would be delivered again, and again.
    pub(super) fn on_not_removed(&mut self, nickname: Nickname, reason: String) {
        self.end_mail(&nickname);
        if self.directory.is_online(&nickname) {
            self.mail.fault(nickname.clone());
        }
        self.emit(ServerEvent::MailboxFault { nickname, reason });
    }

    /// The recipient does not listen any more, or is somebody else, or there is nothing.
    pub(super) fn end_mail(&mut self, nickname: &Nickname) {
        let count = self.mail.end(nickname);
        self.remove_first(nickname, count);
    }

    /// Has the store remove what was acknowledged and is still there.
    fn remove_received(&mut self, nickname: &Nickname) {
        let Some(delivery) = self.mail.delivery(nickname) else { return };
        let count = delivery.received - delivery.removed;
        delivery.removed = delivery.received;
        self.remove_first(nickname, count);
    }

    /// The same of so many.
    fn remove_first(&mut self, nickname: &Nickname, count: usize) {
        if count > 0 {
            self.store(StoreRequest::Remove { recipient: nickname.clone(), count });
        }
    }
}

/// A datagram with as much of a text as a classic client can read, and the rest.
fn longest_chat<'a>(sender: &Nickname, stamp: &str, text: &'a str) -> (Vec<u8>, &'a str) {
    let mut length = text.floor_char_boundary(MAX_DATAGRAM);
    loop {
        let (first, rest) = text.split_at_checked(length).unwrap_or((text, ""));
        let stamped = format!("{stamp} {first}");
        let chat = Datagram::Chat { sender: sender.clone(), text: stamped }.encode();
        let Some(over) = chat.len().checked_sub(MAX_DATAGRAM + 1) else { return (chat, rest) };
        // No character takes more than six bytes on the wire for each that it has in memory.
        length = text.floor_char_boundary(first.len().saturating_sub(over / 6 + 1));
    }
}
