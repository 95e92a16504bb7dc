//! The other end of a flow, as far as an input needs it to get past the door.

use superchat::wire::{Ack, Frame, Header, Packet, Sequence, Session};

use super::bytes::Bytes;

/// What one other end has said and heard.
pub struct Far {
    pub session: Session,
    /// Whom it speaks to, as it was told.
    pub to: Option<Session>,
    /// The last number of its packets.
    pub sent: u64,
    /// The last number of its messages and requests.
    pub last: u64,
    /// The highest number that came.
    pub got: u64,
    pub revision: u64,
    pub cookie: Option<u64>,
    /// The last datagram that came.
    pub heard: Vec<u8>,
}

impl Far {
    pub fn new(session: Session) -> Self {
        Self {
            session,
            to: None,
            sent: 0,
            last: 0,
            got: 0,
            revision: 0,
            cookie: None,
            heard: Vec::new(),
        }
    }

    /// The engine sends it this.
    pub fn hear(&mut self, payload: &[u8]) {
        self.heard = payload.to_vec();
        let Ok(Packet { header, frames }) = Packet::decode(payload) else { return };
        if self.to != Some(header.from) {
            (self.to, self.got) = (Some(header.from), 0);
        }
        self.cookie = header.cookie.or(self.cookie);
        self.got = self.got.max(header.sequence.map_or(0, |sequence| sequence.number));
        for frame in frames {
            if let Frame::Changes { revision, .. } = frame {
                self.revision = revision;
            }
        }
    }

    /// A header that says the truth: what came, and perhaps the next number.
    fn header(&mut self, numbered: bool) -> Header {
        let to = self.to.unwrap_or(self.session);
        self.sent += u64::from(numbered);
        let number = self.sent;
        Header {
            sequence: numbered
                .then_some(Sequence { number, floor: number.saturating_sub(8).max(1) }),
            ack: (self.got > 0).then(|| Ack { through: self.got, beyond: Vec::new() }),
            revision: Some(self.revision),
            ..Header::new(self.session, to)
        }
    }

    /// The packet of somebody who took all that came.
    pub fn taken(&mut self) -> Vec<u8> {
        Packet { header: self.header(false), frames: Vec::new() }.encode()
    }

    /// A packet that says this.
    pub fn saying(&mut self, frames: Vec<Frame>) -> Vec<u8> {
        Packet { header: self.header(true), frames }.encode()
    }

    /// A packet of which the input says what is strange in it.
    pub fn packet(&mut self, bytes: &mut Bytes<'_>) -> Vec<u8> {
        let numbered = !bytes.strange();
        let mut header = self.header(numbered);
        if bytes.strange() {
            self.spoil(&mut header, bytes);
        }
        let frames = (0..bytes.below(4)).map(|_| bytes.frame(&mut self.last)).collect();
        Packet { header, frames }.encode()
    }

    fn spoil(&mut self, header: &mut Header, bytes: &mut Bytes<'_>) {
        match bytes.below(8) {
            0 => header.from = bytes.session(),
            1 => header.to = bytes.session(),
            2 => {
                let number = bytes.near(&mut self.sent);
                header.sequence = Some(Sequence { number, floor: bytes.near(&mut self.sent) });
            }
            3 => header.ack = Some(Ack { through: bytes.number(), beyond: Vec::new() }),
            4 => {
                let through = bytes.near(&mut self.got);
                let beyond =
                    (0..bytes.below(4)).map(|_| (bytes.near(&mut self.got), bytes.number()));
                header.ack = Some(Ack { through, beyond: beyond.collect() });
            }
            5 => header.revision = Some(bytes.number()),
            6 => header.revision = None,
            _ => header.cookie = Some(bytes.number()),
        }
    }
}
