//! Other clients that speak the current dialect, directly.
//!
//! The invariant: a message "from N" is taken only from the session and the address that the server
//! says are N's (or from the server itself). Where the table does not say so yet, the server is asked,
//! and the message waits for the answer, or comes again: its sender has not heard that it was taken.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Arrival, Client, Phase, Route, SentAt};
use crate::proto::Now;
use crate::proto::flows::AckWait;
use crate::wire::{
    Ack, Assembly, Chat, Frame, Header, MessageId, Nickname, Packet, Piece, Sequence, Session,
};

/// How long a direct path is tried, from the first packet that is not acknowledged: the classic
/// timing.
const DIRECT: AckWait =
    AckWait { blocked: Duration::from_millis(500), silent: Duration::from_millis(500) };

/// Sessions with which packets are exchanged. Beyond that the one that was silent for longest and has
/// nothing under way is forgotten: see [`crate::proto::flow`] for what that does.
const MAX_PEERS: usize = 1024;

/// Bytes of long messages of which some parts have come, over all peers.
const MAX_PARTS: usize = 64 << 20;

/// What depends on a frame that a peer or the server takes.
#[derive(Debug)]
pub(super) enum Sent {
    /// Nothing: the rest follows, or an answer does.
    Part,
    /// The server has a message that it may have had already.
    Again(u64),
    /// The message has come.
    Message { recipient: Nickname, number: u64 },
}

impl Sent {
    /// Whose messages are among these.
    pub(super) fn recipients(sent: Vec<Self>) -> BTreeSet<Nickname> {
        let recipient = |sent| match sent {
            Self::Message { recipient, .. } => Some(recipient),
            Self::Part | Self::Again(_) => None,
        };
        sent.into_iter().filter_map(recipient).collect()
    }
}

impl Client {
    /// A flow to a session at an address, the new one or the one that there is.
    pub(super) fn open_peer(&mut self, now: Now, session: Session, address: SocketAddr) {
        if self.flows.get(session).is_none()
            && self.flows.len() >= MAX_PEERS
            && let Some(idlest) = self.flows.idlest(|session| {
                self.current.as_ref().is_some_and(|current| current.session == session)
                    || self.parts.contains_key(&session)
            })
        {
            self.flows.close(idlest);
        }
        self.flows.open(now.at, session, address, DIRECT);
    }

    /// A packet of another client came.
    pub(super) fn on_peer_packet(
        &mut self,
        now: Now,
        from: SocketAddr,
        packet: Packet,
        room: bool,
    ) {
        let header = &packet.header;
        let expected = self.flows.address(header.from) == Some(from);
        if expected {
            self.on_peer_ack(now, header.from, header.ack.as_ref());
        }
        let Some(sequence) = header.sequence else {
            self.stats.unexpected += u64::from(!expected);
            return;
        };
        let Some(name) = self.who_is_at(header.from, from) else {
            // Not yet, at the least.
            self.stats.unexpected += 1;
            return self.on_stranger(now, from, packet);
        };
        let Packet { header, frames } = packet;
        let in_parts =
            |frame: &Frame| matches!(frame, Frame::Chat(chat) if chat.piece != Piece::default());
        let full = || self.parts.values().map(Assembly::waiting).sum::<usize>() > MAX_PARTS;
        if !room || frames.iter().any(in_parts) && full() {
            self.stats.busy += 1;
            if let Some(flow) = self.flows.get_mut(header.from) {
                flow.incoming.refuse(now.at);
            }
            return;
        }
        self.open_peer(now, header.from, from);
        self.take_frames(now, &header, sequence, frames, Some(&name));
    }

    /// A packet came of whom the table does not tell, or something else. The server knows.
    fn on_stranger(&mut self, now: Now, from: SocketAddr, packet: Packet) {
        if let Some(Frame::Chat(chat)) = packet.frames.first() {
            let name = chat.sender.clone();
            if self.strangers.come(now.at, &name, Some((from, packet))) {
                self.look_up(now, name);
            }
        }
    }

    /// The server has told of somebody: what came of it before that, it may send.
    pub(super) fn admit_stranger(&mut self, now: Now, nickname: &Nickname) {
        if let Some((from, packet)) = self.strangers.take(nickname)
            && self.who_is_at(packet.header.from, from).is_some()
        {
            // There was room for what the server said.
            self.on_peer_packet(now, from, packet, true);
        }
    }

    /// Something was acknowledged at the other end of a flow.
    pub(super) fn on_peer_ack(&mut self, now: Now, session: Session, ack: Option<&Ack>) {
        for sent in self.flows.hear(now.at, session, ack).unwrap_or_default() {
            match sent {
                Sent::Part => {}
                Sent::Again(number) => self.given_again.take(number),
                Sent::Message { recipient, number } => {
                    self.settle(now, &recipient, number, Ok(super::Delivery::Received));
                }
            }
        }
    }

    /// Whether no more is kept for peers than may be. A flow with something under way is not let go.
    pub(super) fn are_peers_within_bounds(&self) -> bool {
        let parts: usize = self.parts.values().map(Assembly::waiting).sum();
        self.flows.len() <= MAX_PEERS + super::MAX_PENDING
            && parts <= MAX_PARTS + self.max_text
            && self.lookups.len() <= super::MAX_LOOKUPS + super::MAX_PENDING
            && self.strangers.is_within_bounds()
    }

    /// The user with this session, if the table says that it is at this address.
    fn who_is_at(&self, session: Session, address: SocketAddr) -> Option<Nickname> {
        let name = self.by_session.get(&session)?;
        let row = self.table.get(name)?;
        same_address(row.address, address).then(|| name.clone())
    }

    /// Takes what is next in order, of a packet that came and of those that were waiting for it.
    pub(super) fn take_frames(
        &mut self,
        now: Now,
        header: &Header,
        sequence: Sequence,
        frames: Vec<Frame>,
        peer: Option<&Nickname>,
    ) {
        let session = header.from;
        if let Some(flow) = self.flows.get_mut(session) {
            flow.incoming.receive(now.at, sequence, frames);
        }
        while let Some(frames) = self.next_frames(now, session) {
            for frame in frames {
                match (frame, peer) {
                    // A frame before it was the last thing that was waited for.
                    _ if self.phase == Phase::Closed => self.stats.unexpected += 1,
                    (Frame::Chat(chat), Some(name)) if chat.sender == *name => {
                        self.on_chat(session, Chat { author: None, stored_at: None, ..chat }, true);
                    }
                    (_, Some(_)) => self.stats.unexpected += 1,
                    (frame, None) => self.on_server_frame(now, frame),
                }
            }
        }
    }

    /// The frames of the next packet of a flow, if it is there. The rest of a message whose beginning
    /// was lost with an earlier session is not taken: it would be called received. Whoever sends it
    /// takes another way, and sends the whole.
    fn next_frames(&mut self, now: Now, session: Session) -> Option<Vec<Frame>> {
        if self.hear_early(now, session) {
            return None;
        }
        let nothing = Assembly::default();
        let parts = self.parts.get(&session).unwrap_or(&nothing);
        let flow = self.flows.get_mut(session)?;
        let first = flow.incoming.peek()?.iter().find_map(|frame| match frame {
            Frame::Chat(chat) => Some((chat.number, chat.piece)),
            _ => None,
        });
        if first.is_some_and(|(number, piece)| !parts.continues(number, piece)) {
            self.stats.unexpected += 1;
            flow.incoming.drop_next();
            return None;
        }
        flow.incoming.take()
    }

    /// The whole text of a message, once its last part has come.
    fn put_together(
        &mut self,
        session: Session,
        number: u64,
        piece: Piece,
        text: String,
    ) -> Option<String> {
        let is_whole = piece == Piece::default() && text.len() <= self.max_text;
        if is_whole && self.parts.is_empty() {
            return Some(text);
        }
        let parts = self.parts.entry(session).or_default();
        let text = parts.add(number, piece, text, self.max_text);
        if parts.waiting() == 0 {
            self.parts.remove(&session);
        }
        text
    }

    /// A message, or a part of one, came over a flow.
    pub(super) fn on_chat(&mut self, session: Session, chat: Chat, direct: bool) {
        let Chat { sender, author, number, stored_at, piece, text } = chat;
        let Some(text) = self.put_together(session, number, piece, text) else { return };
        let id = MessageId { author: author.unwrap_or(session), number };
        if !self.seen.is_new(&sender, id) {
            return;
        }
        let route = match stored_at {
            _ if direct => Route::Direct,
            Some(_) => Route::Stored,
            None => Route::Relayed,
        };
        let sent_at = stored_at.map(SentAt::Unix);
        self.message(Arrival { sender, text, route, sent_at });
    }
}

/// A socket that takes both families knows an IPv4 peer by a mapped address; others do not.
pub(super) fn same_address(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
}
