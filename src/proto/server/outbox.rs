//! What a server sends, and what it has still to send to classic clients.

use std::net::SocketAddr;

use super::handing::Owed;
use super::requests::{Request, RequestId};
use super::{Server, ServerEmit, ServerEvent};
use crate::proto::directory::Directory;
use crate::proto::link::{Patience, Step};
use crate::proto::{Now, Output, StoreRequest};
use crate::wire::{Datagram, Frame, Header, MessageId, Nickname, Notice, Packet, Session};

/// What can be on its way to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// The answer to a request, or to a stranger who has none open; or a welcome, whose ack proves
    /// an address.
    Answer { notice: Notice, request: Option<RequestId>, proves: bool },
    /// The table of users, as it is when it is sent.
    Table,
    /// Are you there?
    Verification,
    /// The message of this request, as the datagram that carries it.
    Relay { request: RequestId, chat: Vec<u8> },
    /// Stored messages follow.
    MailNotice(Nickname),
    /// A message of this mailbox, or a part of it, as the datagram that carries it.
    Mail { recipient: Nickname, chat: Vec<u8>, last: bool },
    /// The server is down.
    Farewell,
}

impl Item {
    /// The request whose message it passes on.
    pub(super) fn relays(&self) -> Option<RequestId> {
        match self {
            Self::Relay { request, .. } => Some(*request),
            _ => None,
        }
    }

    pub(super) fn is_relay(&self) -> bool {
        self.relays().is_some()
    }
}

impl Server {
    /// Answers a request. A classic client has then to acknowledge that; a current one asks again.
    pub(super) fn answer(&mut self, now: Now, id: RequestId, notice: Notice) {
        let Some((from, request)) = self.requests.get(id) else { return };
        match &notice {
            Notice::Received(_) => self.stats.messages_relayed += 1,
            Notice::NotSaved(_) => self.stats.messages_refused += 1,
            _ => {}
        }
        let tells_all = self.requests.tells_all(id);
        if let Some((session, number)) = request.asker() {
            if let Some(request) = self.requests.close(id) {
                self.answer_member(now, from, session, number, &request, &notice);
            }
        } else if self.requests.is_awaited(id) {
            let item = Item::Answer { notice, request: Some(id), proves: false };
            self.links.push(now.at, from, item, Patience::PUSH);
        } else {
            self.requests.close(id);
        }
        if tells_all {
            self.table_changed(now);
        }
    }

    pub(super) fn answer_member(
        &mut self,
        now: Now,
        from: SocketAddr,
        session: Session,
        number: u64,
        request: &Request,
        notice: &Notice,
    ) {
        let registered = matches!(request, Request::Register { .. });
        if registered && *notice == Notice::Welcome {
            return self.welcome(now, session, number);
        }
        let (text, offline) = (notice.to_string(), notice.means_offline());
        let frame = Frame::Notification { text, offline, answers: Some(number) }.encode();
        let id = MessageId { author: session, number };
        if let Request::Keep { sender, .. } = request
            && !matches!(notice, Notice::Exists(_))
        {
            self.requests.remember_answer(sender.clone(), id, notice.clone());
        }
        if !registered && self.directory.member(session).is_some() {
            let owed = match request {
                Request::Keep { recipient, .. } if notice.is_refusal() => {
                    self.note_refusal(id, recipient);
                    Owed::Refusal(id, recipient.clone())
                }
                Request::Keep { .. } => Owed::Outcome(id),
                _ => Owed::Answer,
            };
            self.push_answer(session, frame, owed);
        } else {
            let packet =
                Packet::assemble(&Header::new(self.flows.own(), session), [frame.as_slice()]);
            match registered {
                // Its cookie has proven the address.
                true => self.send(from, packet),
                false => self.transmit(from, packet),
            }
        }
    }

    pub(super) fn tell_stranger(&mut self, now: Now, to: SocketAddr, notice: Notice) {
        if self.stopping {
            return;
        }
        self.acknowledge(to);
        let item = Item::Answer { notice, request: None, proves: false };
        let such = |waiting: &Item| matches!(waiting, Item::Answer { request: None, .. });
        if self.links.waiting(to, such) == 0 {
            self.links.push(now.at, to, item, Patience::ONCE);
        }
    }

    /// Sends the table to one classic client, once however often it changes until its turn comes.
    pub(super) fn push_table(&mut self, now: Now, to: SocketAddr) {
        if self.links.waiting(to, |item| *item == Item::Table) == 0 {
            self.links.push(now.at, to, Item::Table, Patience::PUSH);
        }
    }

    pub(super) fn acknowledge(&mut self, to: SocketAddr) {
        self.transmit(to, Datagram::Ack.encode());
    }

    /// A server that goes down has ended when nobody is left to be told.
    pub(super) fn end_if_idle(&mut self) {
        if self.stopping && !self.stopped && self.links.is_idle() && self.flows.is_idle() {
            self.stopped = true;
            self.outputs.push_back(Output::Emit(ServerEmit::Stopped));
        }
    }

    /// Does or sends one thing that is due; whether there was one.
    pub(super) fn step(&mut self, now: Now) -> bool {
        enum Due {
            Transmit(Vec<u8>),
            Failed(Item),
        }
        while let Some(recipient) = self.mail.next_ended() {
            self.release_held(now, &recipient);
        }
        if let Some((to, step)) = self.links.poll(now.at) {
            let due = match step {
                Step::Transmit(item) => Due::Transmit(render(item, to, &self.directory)),
                Step::Failed(item) => Due::Failed(item),
            };
            match due {
                Due::Transmit(payload) => self.transmit(to, payload),
                Due::Failed(item) => self.on_failed(now, to, item),
            }
            return true;
        }
        if let Some(step) = self.flows.poll(now.at) {
            self.on_flow_step(now, step);
            return true;
        }
        // Last: an answer goes before the table that has changed with it.
        if let Some(timer) = self.timers.pop_expired(now.at) {
            self.on_timer(now, timer);
            return true;
        }
        self.end_lease(now)
    }

    pub(super) fn transmit(&mut self, to: SocketAddr, payload: Vec<u8>) {
        if self.is_stranger(to) && !self.budgets.spend(to, payload.len()) {
            self.stats.withheld += 1;
            return;
        }
        self.send(to, payload);
    }

    /// Sends to an address that is proven, or no more than is due for what has just come from there.
    pub(super) fn send(&mut self, to: SocketAddr, payload: Vec<u8>) {
        self.stats.count_sent(&payload);
        self.outputs.push_back(Output::Transmit { to, payload });
    }

    pub(super) fn emit(&mut self, event: ServerEvent) {
        match &event {
            ServerEvent::MailboxFault { .. } | ServerEvent::StoreFault { .. } => {
                self.stats.store_faults += 1;
            }
            ServerEvent::MessagesExpired { count, .. } => {
                self.stats.messages_expired += *count as u64;
            }
            _ => {}
        }
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
