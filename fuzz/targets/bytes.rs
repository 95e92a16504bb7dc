//! What an input says, read from its front.
//!
//! The invariant: any bytes say something. Where there are no more, everything is zero or empty, so
//! that a change somewhere leaves what is before it as it was.

use std::time::Duration;

use superchat::Nickname;
use superchat::proto::UnixTime;
use superchat::wire::{Chat, Frame, Keep, Piece, Presence, Row, Session};

/// The names that inputs are about: few, so that they meet.
const NAMES: [&str; 6] = ["sonic", "lanking", "tails", "früh", "a/../b", "\u{10ffff}\"\\"];

/// What is left of an input.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    pub fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    /// Seldom true: what is strange is to happen now and then, what is usual mostly.
    pub fn strange(&mut self) -> bool {
        self.byte() >= 224
    }

    pub fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// Up to 65,535 bytes.
    pub fn chunk(&mut self) -> &'a [u8] {
        let length = match self.byte() {
            255 => usize::from(self.byte()) << 8 | usize::from(self.byte()),
            length => usize::from(length),
        };
        self.0.split_off(..length.min(self.0.len())).unwrap_or_default()
    }

    pub fn nickname(&mut self) -> Nickname {
        let any = match self.below(8) {
            known @ ..6 => Nickname::new(NAMES[known]),
            _ => Nickname::new(&String::from_utf8_lossy(self.chunk())),
        };
        any.unwrap_or_else(|_| Nickname::new(NAMES[0]).unwrap())
    }

    /// Some text, now and then a long one.
    pub fn text(&mut self) -> String {
        let text = String::from_utf8_lossy(self.chunk()).into_owned();
        if self.strange() { text.repeat(self.below(64)) } else { text }
    }

    pub fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// Mostly the next number; otherwise one nearby, or any.
    pub fn near(&mut self, last: &mut u64) -> u64 {
        match self.byte() {
            ..128 => {
                *last += 1;
                *last
            }
            back @ ..192 => last.saturating_sub(u64::from(back - 128)),
            ahead @ ..240 => *last + u64::from(ahead - 192),
            240.. => self.number() % (Session::LIMIT + 1),
        }
    }

    pub fn time(&mut self) -> UnixTime {
        // In this century a double has every microsecond.
        UnixTime::from_micros(self.number().cast_signed() % 4_000_000_000_000_000)
    }

    pub fn duration(&mut self) -> Duration {
        Duration::from_millis(1 << self.below(17))
    }

    /// What a session is called here: one of a few.
    pub fn session(&mut self) -> Session {
        session(self.below(10))
    }

    pub fn presence(&mut self) -> Presence {
        if self.flag() { Presence::Online } else { Presence::Offline }
    }

    fn piece(&mut self) -> Piece {
        if !self.strange() {
            return Piece::default();
        }
        Piece { part: u32::from(self.byte() / 64), more: self.flag() }
    }

    pub fn row(&mut self) -> Row {
        let nth = self.below(10);
        let mut row = Row {
            nickname: self.nickname(),
            address: address(nth),
            presence: self.presence(),
            session: self.flag().then(|| session(nth)),
            last_seen: None,
        };
        if !row.presence.is_online() && nth.is_multiple_of(2) {
            row.last_seen = Some(UnixTime::from_micros(1_488_400_115_368_341));
        }
        row
    }

    /// One thing that a packet says. `last` is the last number of its author's messages.
    pub fn frame(&mut self, last: &mut u64) -> Frame {
        match self.below(8) {
            0 => Frame::Chat(Chat {
                sender: self.nickname(),
                author: self.flag().then(|| self.session()),
                number: self.near(last),
                stored_at: self.flag().then(|| self.time()),
                piece: self.piece(),
                text: self.text(),
            }),
            1 => Frame::Keep(Keep {
                sender: self.nickname(),
                recipient: self.nickname(),
                seen: self.presence(),
                number: self.near(last),
                piece: self.piece(),
                text: self.text(),
            }),
            2 => Frame::Deregister { nickname: self.nickname(), number: self.near(last) },
            3 => Frame::Notification {
                text: self.line(),
                offline: self.flag(),
                answers: self.flag().then(|| self.near(last)),
            },
            4 => Frame::Changes {
                rows: (0..self.below(4)).map(|_| self.row()).collect(),
                since: u64::from(self.byte()),
                revision: u64::from(self.byte()),
                last: u64::from(self.byte()),
            },
            5 => Frame::Lookup { nickname: self.nickname() },
            6 => Frame::Found {
                nickname: self.nickname(),
                row: self.flag().then(|| self.row()),
                revision: u64::from(self.byte()),
            },
            _ => Frame::Verification,
        }
    }

    /// Mostly one of a server's lines.
    pub fn line(&mut self) -> String {
        use superchat::wire::Notice;
        match self.below(14) {
            0 => Notice::Welcome.to_string(),
            1 => Notice::AlreadyOnline(self.nickname()).to_string(),
            2 => Notice::Bye.to_string(),
            3 => Notice::HaveMessages.to_string(),
            4 => Notice::Saved.to_string(),
            5 => Notice::Received(self.nickname()).to_string(),
            6 => Notice::Exists(self.nickname()).to_string(),
            7 => Notice::NotExisted(self.nickname()).to_string(),
            8 => Notice::NotSaved(self.text()).to_string(),
            9 => Notice::NotRegistered(self.nickname()).to_string(),
            10 => Notice::Full.to_string(),
            11 => Notice::ClassicRefused.to_string(),
            12 => Notice::ServerDown.to_string(),
            _ => self.text(),
        }
    }
}

/// The session of whoever is at an address, as long as nothing strange happens.
pub fn session(nth: usize) -> Session {
    Session::new(1000 + nth as u64).unwrap()
}

/// The addresses that there are.
pub fn address(nth: usize) -> std::net::SocketAddr {
    std::net::SocketAddr::from(([10, 0, 0, nth as u8], 1211))
}
