//! Clients that speak the classic dialect: what they ask for, and what they acknowledge.

use std::net::SocketAddr;

use super::Server;
use super::outbox::Item;
use super::requests::Request;
use crate::proto::Now;
use crate::proto::link::Begun;
use crate::wire::{Datagram, DecodeError, Nickname, Notice};

impl Server {
    /// A datagram came that is not of the current dialect: of the classic one, or of none.
    pub(super) fn on_classic(
        &mut self,
        now: Now,
        from: SocketAddr,
        datagram: Result<Datagram, DecodeError>,
        room: bool,
    ) {
        match datagram {
            Ok(Datagram::Ack) => self.on_ack(now, from),
            Ok(Datagram::Register { nickname, .. }) => {
                self.on_classic_register(now, from, nickname, room);
            }
            Ok(Datagram::Deregister { nickname }) => {
                self.on_request(now, from, Request::Deregister { nickname, id: None }, room);
            }
            Ok(Datagram::Keep { sender, recipient, seen, text }) => {
                let request = Request::Keep { sender, recipient, seen, text, id: None };
                self.on_request(now, from, request, room);
            }
            Ok(_) => self.stats.unexpected += 1,
            Err(DecodeError::Malformed) => self.stats.malformed += 1,
            Err(DecodeError::Nickname(reason)) => {
                self.stats.malformed += 1;
                self.tell_stranger(now, from, Notice::NotAllowed(reason));
            }
        }
    }

    fn on_classic_register(&mut self, now: Now, from: SocketAddr, nickname: Nickname, room: bool) {
        if self.config.refuse_classic {
            return self.tell_stranger(now, from, Notice::ClassicRefused);
        }
        self.on_request(now, from, Request::Register { nickname, hello: None }, room);
    }

    /// A classic request came: the same one again, or another.
    pub(super) fn on_request(&mut self, now: Now, from: SocketAddr, request: Request, room: bool) {
        if self.stopping || !room {
            self.stats.busy += 1;
            return;
        }
        self.directory.touch(now, from);
        if self.requests.is_open(from, &request) {
            // Sent again because the ack or the answer is late; it is under way.
            return self.acknowledge(from);
        }
        if !self.admits_request(now, from, &request) {
            self.stats.limited += 1;
            return;
        }
        // A client that asks for something new has heard the answer to the last. Were that sent
        // again, the client would take it for the answer to the new one.
        let told = |item: &Item, begun| begun == Begun::Yes && matches!(item, Item::Answer { .. });
        for heard in self.links.cancel(now.at, from, told) {
            self.on_dropped(now, heard);
        }
        if !self.requests.has_room_at(from, self.is_stranger(from)) {
            self.stats.busy += 1;
            return;
        }
        self.acknowledge(from);
        self.open(now, from, request);
    }

    pub(super) fn on_ack(&mut self, now: Now, from: SocketAddr) {
        let Some(item) = self.links.acknowledge(now.at, from) else { return };
        self.directory.touch(now, from);
        match item {
            Item::Relay { request, .. } => {
                self.on_relayed(now, request);
                self.on_relay_ended(now, from);
            }
            Item::MailNotice(recipient) => self.send_mail(now, from, &recipient),
            Item::Mail { recipient, last: true, .. } => self.on_mail_received(now, &recipient),
            Item::Answer { request: Some(id), proves, .. } => {
                if proves {
                    self.on_proven(now, id);
                }
                self.requests.close(id);
            }
            Item::Answer { request: None, .. }
            | Item::Mail { .. }
            | Item::Table
            | Item::Verification
            | Item::Farewell => {}
        }
        self.on_sign_of_life(now, from);
    }

    pub(super) fn on_failed(&mut self, now: Now, to: SocketAddr, item: Item) {
        match item {
            Item::Verification => self.on_gone(now, to),
            // It said that it is there, and takes no message: its application does not keep up.
            Item::Relay { request, .. } => {
                self.keep(now, request);
                // Nor would it take the next ones, whose senders wait.
                let next = self.links.cancel(now.at, to, |item, _| item.is_relay());
                for request in next.iter().filter_map(Item::relays) {
                    self.keep(now, request);
                }
                self.on_relay_ended(now, to);
            }
            Item::MailNotice(recipient) | Item::Mail { recipient, .. } => {
                self.end_mail(&recipient);
                self.mail.stall(recipient);
            }
            item => self.on_dropped(now, item),
        }
    }

    fn on_relay_ended(&mut self, now: Now, at: SocketAddr) {
        if let Some(recipient) = self.directory.holder(at).cloned() {
            self.store_crowded(now, &recipient);
        }
    }

    /// An item will not be acknowledged any more.
    pub(super) fn on_dropped(&mut self, now: Now, item: Item) {
        match item {
            Item::Answer { request: Some(id), .. } => drop(self.requests.close(id)),
            Item::Relay { request, .. } => self.proceed(now, request),
            Item::MailNotice(recipient) | Item::Mail { recipient, .. } => {
                self.end_mail(&recipient);
            }
            Item::Answer { request: None, .. }
            | Item::Table
            | Item::Verification
            | Item::Farewell => {}
        }
    }
}
