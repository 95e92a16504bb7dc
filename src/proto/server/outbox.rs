//! What a server sends, and what it has still to send.

use std::net::SocketAddr;

use super::requests::RequestId;
use super::{Server, ServerEmit, ServerEvent};
use crate::proto::directory::Directory;
use crate::proto::link::{Patience, Step};
use crate::proto::{Now, Output, StoreRequest};
use crate::wire::{Datagram, Nickname, Notice};

/// Addresses with something to say to, beyond one for each user: the strangers whose registration
/// was refused. A further stranger is left unanswered until some of these are done.
const MAX_STRANGERS: usize = 4096;

/// What can be on its way to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// The answer to a request, or to a stranger who has none open.
    Answer { notice: Notice, request: Option<RequestId> },
    /// The table of users, as it is when it is sent.
    Table,
    /// Are you there?
    Verification,
    /// The message of this request, as the datagram that carries it.
    Relay { request: RequestId, chat: Vec<u8> },
    /// Stored messages follow.
    MailNotice(Nickname),
    /// A message of this mailbox, as the datagram that carries it.
    Mail { recipient: Nickname, chat: Vec<u8> },
    /// The server is down.
    Farewell,
}

impl Server {
    pub(super) fn answer(&mut self, now: Now, id: RequestId, notice: Notice) {
        let Some((from, _)) = self.requests.get(id) else { return };
        let tells_all = self.requests.tells_all(id);
        if self.requests.is_awaited(id) {
            let item = Item::Answer { notice, request: Some(id) };
            self.links.push(now.at, from, item, Patience::PUSH);
        } else {
            self.requests.close(id);
        }
        if tells_all {
            self.push_tables(now);
        }
    }

    pub(super) fn tell_stranger(&mut self, now: Now, to: SocketAddr, notice: Notice) {
        if self.stopping || !self.has_room_for(to) {
            return;
        }
        self.acknowledge(to);
        let item = Item::Answer { notice, request: None };
        let such = |waiting: &Item| matches!(waiting, Item::Answer { request: None, .. });
        if self.links.waiting(to, such) == 0 {
            self.links.push(now.at, to, item, Patience::ONCE);
        }
    }

    /// Whether the links have room for one to this address.
    pub(super) fn has_room_for(&self, address: SocketAddr) -> bool {
        self.directory.holder(address).is_some()
            || self.links.len() < self.config.max_users + MAX_STRANGERS
    }

    /// Sends the table to everyone online.
    pub(super) fn push_tables(&mut self, now: Now) {
        let addresses: Vec<SocketAddr> = self.directory.addresses().collect();
        for address in addresses {
            self.push_table(now, address);
        }
    }

    /// Sends the table to one address, once however often it changes until its turn comes.
    pub(super) fn push_table(&mut self, now: Now, to: SocketAddr) {
        if self.links.waiting(to, |item| *item == Item::Table) == 0 {
            self.links.push(now.at, to, Item::Table, Patience::PUSH);
        }
    }

    pub(super) fn acknowledge(&mut self, to: SocketAddr) {
        self.transmit(to, Datagram::Ack.encode());
    }

    /// Sends what is due.
    pub(super) fn flush(&mut self, now: Now) {
        enum Due {
            Transmit(Vec<u8>),
            Failed(Item),
        }
        while let Some((to, step)) = self.links.poll(now.at) {
            let due = match step {
                Step::Transmit(item) => Due::Transmit(render(item, to, &self.directory)),
                Step::Failed(item) => Due::Failed(item),
            };
            match due {
                Due::Transmit(payload) => self.transmit(to, payload),
                Due::Failed(item) => self.on_failed(now, to, item),
            }
        }
        if self.stopping && !self.stopped && self.links.is_idle() {
            self.stopped = true;
            self.outputs.push_back(Output::Emit(ServerEmit::Stopped));
        }
    }

    pub(super) fn transmit(&mut self, to: SocketAddr, payload: Vec<u8>) {
        self.stats.count_sent(&payload);
        self.outputs.push_back(Output::Transmit { to, payload });
    }

    pub(super) fn emit(&mut self, event: ServerEvent) {
        self.outputs.push_back(Output::Emit(ServerEmit::Event(event)));
    }

    pub(super) fn store(&mut self, request: StoreRequest) {
        self.outputs.push_back(Output::Emit(ServerEmit::Store(request)));
    }
}

/// The datagram that carries an item, as things stand now.
fn render(item: &Item, to: SocketAddr, directory: &Directory) -> Vec<u8> {
    let notification = |notice: &Notice| {
        let (text, offline) = (notice.to_string(), notice.means_offline());
        Datagram::Notification { text, offline }.encode()
    };
    match item {
        Item::Answer { notice, .. } => notification(notice),
        Item::MailNotice(_) => notification(&Notice::HaveMessages),
        Item::Farewell => notification(&Notice::ServerDown),
        Item::Table => directory.table_for(to),
        Item::Verification => Datagram::Verification.encode(),
        Item::Relay { chat, .. } | Item::Mail { chat, .. } => chat.clone(),
    }
}
