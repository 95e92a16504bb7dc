//! A message on its way: to its recipient in either dialect, or to the server in either.

use std::net::SocketAddr;

use super::conversation::{Direct, Path, Place};
use super::peers::Sent;
use super::request::Request;
use super::{Client, Failure};
use crate::proto::Now;
use crate::proto::link::Patience;
use crate::wire::{
    Chat, Datagram, Frame, Keep, MAX_DATAGRAM, Nickname, Piece, Presence, Session, pieces,
};

impl Client {
    pub(super) fn place(
        &mut self,
        recipient: &Nickname,
        index: usize,
        place: Place,
    ) -> Option<(u64, String)> {
        let conversation = self.conversations.by_recipient.get_mut(recipient)?;
        let message = conversation.messages.get_mut(index)?;
        message.place = place;
        Some((message.number, message.text.clone()))
    }

    pub(super) fn send_directly(
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
    pub(super) fn send_to_classic(
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
    pub(super) fn send_to_server(
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
        self.open_server(now);
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
}
