//! Stored messages on their way to the one who registered.
//!
//! The invariant: a message is removed from its mailbox only after its recipient acknowledged it.
//! A mailbox is read in batches; the acknowledged ones of a batch are removed some together, when it is
//! through, or when the delivery ends before that. A crash in between delivers them again: who speaks
//! the current dialect knows them by their numbers. Such a one is given a batch at once; a classic
//! client one message after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::super::directory::Directory;
use super::super::link::Patience;
use super::super::{Now, StoreRequest, StoredMessage};
use super::handing::ChatOf;
use super::handing::Owed;
use super::{Item, Server, ServerEvent};
use crate::wire::{Datagram, Frame, MAX_DATAGRAM, Nickname, Notice, Presence};

/// Messages that are removed together. A classic client may get so many again after a crash.
const REMOVED: usize = 64;

/// The delivery of one mailbox.
#[derive(Debug, Default)]
struct Delivery {
    /// What its frames are known by, among those of other deliveries.
    number: u64,
    /// The number of the reading that is under way.
    loading: Option<u64>,
    batch: Vec<StoredMessage>,
    /// How many of the batch were acknowledged.
    received: usize,
    /// How many of these the store was asked to remove.
    removed: usize,
    /// The recipient was told that messages follow.
    announced: bool,
}

/// The deliveries under way: at most one for each user.
#[derive(Debug)]
pub(super) struct Mail {
    deliveries: BTreeMap<Nickname, Delivery>,
    /// Users who are online and took no message; when they acknowledge something, they get it again.
    stalled: BTreeSet<Nickname>,
    /// Users of whose mailboxes something is wrong: what is in them is not known, or stays.
    faulty: BTreeSet<Nickname>,
    /// Users whose delivery has just ended, one way or another.
    ended: BTreeSet<Nickname>,
    /// The readings that the store was asked for and has not answered: at most one for each user,
    /// however often it comes and goes.
    loading: BTreeMap<Nickname, u64>,
    last_load: u64,
    last_delivery: u64,
}

impl Mail {
    pub(super) fn new() -> Self {
        Self {
            deliveries: BTreeMap::new(),
            stalled: BTreeSet::new(),
            faulty: BTreeSet::new(),
            ended: BTreeSet::new(),
            loading: BTreeMap::new(),
            last_load: 0,
            last_delivery: 0,
        }
    }

    /// Whether there are messages for this user, or may be, as far as is known.
    pub(super) fn has_some(&self, nickname: &Nickname) -> bool {
        self.is_under_way(nickname)
            || self.stalled.contains(nickname)
            || self.faulty.contains(nickname)
    }

    /// Whether they are being delivered.
    pub(super) fn is_under_way(&self, nickname: &Nickname) -> bool {
        self.deliveries.contains_key(nickname)
    }

    /// Whether they are, in this delivery: what the store could not remove is delivered again in another one.
    pub(super) fn is_in(&self, nickname: &Nickname, number: u64) -> bool {
        self.deliveries.get(nickname).is_some_and(|delivery| delivery.number == number)
    }

    pub(super) fn stall(&mut self, nickname: Nickname) {
        self.stalled.insert(nickname);
    }

    fn end(&mut self, nickname: &Nickname) {
        if self.deliveries.remove(nickname).is_some() {
            self.ended.insert(nickname.clone());
        }
    }

    /// The next user whose delivery has ended since this was asked last.
    pub(super) fn next_ended(&mut self) -> Option<Nickname> {
        self.ended.pop_first()
    }

    /// A user is offline. What is in its mailbox is looked at when it is back.
    pub(super) fn forget(&mut self, nickname: &Nickname) {
        self.stalled.remove(nickname);
        self.faulty.remove(nickname);
    }

    /// Whether nobody is remembered here who is not online.
    pub(super) fn is_within_bounds(&self, directory: &Directory) -> bool {
        let mut remembered = self.stalled.iter().chain(&self.faulty);
        remembered.all(|nickname| directory.is_online(nickname))
    }

    /// Whether a user's mail was stalled. It is not any more.
    pub(super) fn resume(&mut self, nickname: &Nickname) -> bool {
        self.stalled.remove(nickname)
    }
}

impl Server {
    /// Delivers what is stored for a user who is online, unless that is under way.
    pub(super) fn start_mail(&mut self, nickname: &Nickname) {
        if !self.mail.deliveries.contains_key(nickname) {
            self.mail.faulty.remove(nickname);
            self.mail.last_delivery += 1;
            let delivery = Delivery { number: self.mail.last_delivery, ..Delivery::default() };
            self.mail.deliveries.insert(nickname.clone(), delivery);
            self.load(nickname);
        }
    }

    fn load(&mut self, nickname: &Nickname) {
        let under_way = self.mail.loading.get(nickname).copied();
        let request = under_way.unwrap_or(self.mail.last_load + 1);
        if let Some(delivery) = self.mail.deliveries.get_mut(nickname) {
            delivery.loading = Some(request);
        }
        // While one is under way nothing is delivered, so that nothing has left the mailbox since.
        if under_way.is_none() {
            self.mail.last_load = request;
            self.mail.loading.insert(nickname.clone(), request);
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
        if self.mail.loading.get(nickname) != Some(&request) {
            return;
        }
        self.mail.loading.remove(nickname);
        let Some(delivery) = self.mail.deliveries.get_mut(nickname) else { return };
        delivery.loading = None;
        let announced = std::mem::replace(&mut delivery.announced, true);
        match result {
            Ok(batch) if !batch.is_empty() => {
                delivery.batch = batch;
                (delivery.received, delivery.removed) = (0, 0);
                self.begin_batch(now, nickname, announced);
            }
            Ok(_) => {
                self.mail.end(nickname);
                if !announced {
                    self.emit(ServerEvent::MailboxEmpty { nickname: nickname.clone() });
                }
            }
            Err(reason) => {
                self.mail.end(nickname);
                if self.directory.is_online(nickname) {
                    self.mail.faulty.insert(nickname.clone());
                }
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
        let Some(delivery) = self.mail.deliveries.get_mut(nickname) else { return };
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
        if let Some(delivery) = self.mail.deliveries.get_mut(nickname) {
            delivery.batch = batch;
        }
    }

    /// Sends the first message of the batch that was not acknowledged to a classic client; one that
    /// is too long for it, in parts.
    pub(super) fn send_mail(&mut self, now: Now, to: SocketAddr, nickname: &Nickname) {
        let Some(delivery) = self.mail.deliveries.get(nickname) else { return };
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
        let Some(delivery) = self.mail.deliveries.get_mut(nickname) else { return };
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
        self.load(nickname);
    }

    /// What was delivered stays in the mailbox: read again, it would be delivered again, and again.
    pub(super) fn on_not_removed(&mut self, nickname: Nickname, reason: String) {
        self.end_mail(&nickname);
        if self.directory.is_online(&nickname) {
            self.mail.faulty.insert(nickname.clone());
        }
        self.emit(ServerEvent::MailboxFault { nickname, reason });
    }

    /// The recipient does not listen any more, or is somebody else.
    pub(super) fn end_mail(&mut self, nickname: &Nickname) {
        self.mail.stalled.remove(nickname);
        self.mail.faulty.remove(nickname);
        self.remove_received(nickname);
        self.mail.end(nickname);
    }

    /// Has the store remove what was acknowledged and is still there.
    fn remove_received(&mut self, nickname: &Nickname) {
        let Some(delivery) = self.mail.deliveries.get_mut(nickname) else { return };
        let count = delivery.received - delivery.removed;
        delivery.removed = delivery.received;
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
