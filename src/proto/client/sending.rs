//! A message on its way: to its recipient in either dialect, or to the server in either.

use std::net::SocketAddr;

use super::conversation::{Direct, Path};
use super::messages::Place;
use super::peers::Sent;
use super::request::Request;
use super::{Client, Failure};
use crate::proto::Now;
use crate::proto::link::Patience;
use crate::wire::{ChatFrame, Datagram, KeepFrame, MAX_DATAGRAM, Nickname, Presence, Session};

impl Client {
    /// The next message of a conversation goes there: its number and its text, and whether somebody
    /// may have it already.
    fn begin(&mut self, to: &Nickname, index: usize, place: Place) -> Option<(u64, String, bool)> {
        let conversation = self.conversations.by_recipient.get_mut(to)?;
        let message = conversation.messages.begin(index, place)?;
        Some((message.number, message.text.clone(), message.in_doubt))
    }

    /// Everything that waits in a conversation goes.
    pub(super) fn send_directly(
        &mut self,
        now: Now,
        recipient: &Nickname,
        session: Session,
        address: SocketAddr,
    ) {
        self.open_peer(now, session, address);
        self.put_in_flow(recipient, session);
    }

    /// Everything that waits in a conversation goes into a flow that is there.
    pub(super) fn put_in_flow(&mut self, recipient: &Nickname, session: Session) {
        let Some(conversation) = self.conversations.by_recipient.get_mut(recipient) else { return };
        conversation.messages.begin_all(Place::Direct(Some(session)), |message| {
            let number = message.number;
            let chat = ChatFrame { sender: &self.nickname, author: None, number, stored_at: None };
            chat.each_part(&message.text, &mut self.frame, |piece, frame| {
                let sent = match piece.more {
                    true => Sent::Part,
                    false => Sent::Message { recipient: recipient.clone(), number },
                };
                self.flows.push(session, frame, sent);
            });
        });
    }

    /// Whether it could be sent.
    pub(super) fn send_to_classic(
        &mut self,
        now: Now,
        recipient: &Nickname,
        index: usize,
        address: SocketAddr,
    ) -> bool {
        let Some((number, text, _)) = self.begin(recipient, index, Place::Direct(None)) else {
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
        let Some((number, text, in_doubt)) = self.begin(recipient, index, Place::AtServer) else {
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
        let keep = KeepFrame { sender: &sender, recipient: &recipient, seen, number };
        keep.each_part(&text, &mut self.frame, |piece, frame| {
            let sent = match in_doubt && !piece.more {
                true => Sent::Again(number),
                false => Sent::Part,
            };
            self.flows.push(session, frame, sent);
        });
        if in_doubt {
            self.given_again.add(number);
        }
        true
    }
}
