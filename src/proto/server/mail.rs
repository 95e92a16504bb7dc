//! Stored messages on their way to the one who registered.
//!
//! The invariant: a message is removed from its mailbox only after its recipient acknowledged it.
//! A mailbox is read in batches; the acknowledged ones of a batch are removed together when it is
//! through, or when the delivery ends before that. A crash in between delivers them again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::super::link::Patience;
use super::super::{Now, StoreRequest, StoredMessage};
use super::{Item, Server, ServerEvent};
use crate::wire::{Datagram, Nickname, Presence};

/// The delivery of one mailbox.
#[derive(Debug, Default)]
struct Delivery {
    /// The number of the reading that is under way.
    loading: Option<u64>,
    batch: Vec<StoredMessage>,
    /// How many of the batch were acknowledged.
    received: usize,
    /// The recipient was told that messages follow.
    announced: bool,
}

/// The deliveries under way: at most one for each user.
#[derive(Debug)]
pub(super) struct Mail {
    deliveries: BTreeMap<Nickname, Delivery>,
    /// Users who are online and took no message; when they acknowledge something, they get it again.
    stalled: BTreeSet<Nickname>,
    last_load: u64,
}

impl Mail {
    pub(super) fn new() -> Self {
        Self { deliveries: BTreeMap::new(), stalled: BTreeSet::new(), last_load: 0 }
    }

    pub(super) fn stall(&mut self, nickname: Nickname) {
        self.stalled.insert(nickname);
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
            self.mail.deliveries.insert(nickname.clone(), Delivery::default());
            self.load(nickname);
        }
    }

    fn load(&mut self, nickname: &Nickname) {
        self.mail.last_load += 1;
        let request = self.mail.last_load;
        if let Some(delivery) = self.mail.deliveries.get_mut(nickname) {
            delivery.loading = Some(request);
        }
        self.store(StoreRequest::Load { request, recipient: nickname.clone() });
    }

    pub(super) fn on_loaded(
        &mut self,
        now: Now,
        request: u64,
        nickname: &Nickname,
        result: Result<Vec<StoredMessage>, String>,
    ) {
        let Some(delivery) = self.mail.deliveries.get_mut(nickname) else { return };
        if delivery.loading != Some(request) {
            // An earlier delivery asked for it; since then messages may have left the mailbox.
            return;
        }
        delivery.loading = None;
        let announced = std::mem::replace(&mut delivery.announced, true);
        match result {
            Ok(batch) if !batch.is_empty() => {
                delivery.batch = batch;
                delivery.received = 0;
                self.begin_batch(now, nickname, announced);
            }
            Ok(_) => {
                self.mail.deliveries.remove(nickname);
                if !announced {
                    self.emit(ServerEvent::MailboxEmpty { nickname: nickname.clone() });
                }
            }
            Err(reason) => {
                self.mail.deliveries.remove(nickname);
                self.emit(ServerEvent::MailboxFault { nickname: nickname.clone(), reason });
            }
        }
    }

    fn begin_batch(&mut self, now: Now, nickname: &Nickname, announced: bool) {
        let Some((address, Presence::Online)) = self.directory.find(nickname) else {
            return self.end_mail(nickname);
        };
        if announced {
            return self.send_mail(now, address, nickname);
        }
        let notice = Item::MailNotice(nickname.clone());
        self.links.push(now.at, address, notice, Patience::PUSH);
    }

    /// Sends the first message of the batch that was not acknowledged.
    pub(super) fn send_mail(&mut self, now: Now, to: SocketAddr, nickname: &Nickname) {
        let Some(delivery) = self.mail.deliveries.get(nickname) else { return };
        let Some(message) = delivery.batch.get(delivery.received) else { return };
        let text = format!("{} {}", (self.config.local_time)(message.time), message.text);
        let chat = Datagram::Chat { sender: message.sender.clone(), text }.encode();
        let item = Item::Mail { recipient: nickname.clone(), chat };
        self.links.push(now.at, to, item, Patience::PUSH);
    }

    pub(super) fn on_mail_received(&mut self, now: Now, from: SocketAddr, nickname: &Nickname) {
        let Some(delivery) = self.mail.deliveries.get_mut(nickname) else { return };
        delivery.received += 1;
        if delivery.received < delivery.batch.len() {
            return self.send_mail(now, from, nickname);
        }
        let count = std::mem::take(&mut delivery.batch).len();
        delivery.received = 0;
        self.store(StoreRequest::Remove { recipient: nickname.clone(), count });
        // More may be stored than one batch, or have come meanwhile.
        self.load(nickname);
    }

    /// The recipient does not listen any more, or is somebody else.
    pub(super) fn end_mail(&mut self, nickname: &Nickname) {
        self.mail.stalled.remove(nickname);
        let Some(delivery) = self.mail.deliveries.remove(nickname) else { return };
        if delivery.received > 0 {
            let (recipient, count) = (nickname.clone(), delivery.received);
            self.store(StoreRequest::Remove { recipient, count });
        }
    }
}
