//! Peers of a [`Script`] that speak the current dialect.
//!
//! A peer has the session of its letter, and its packets have the numbers 1, 2, 3 and so on. What an
//! engine sends in that dialect reads `b: <Chat a: hi>`: the frames of one packet, or what its header
//! says where it has none.

use superchat::proto::{ClientCommand, ServerConfig};
use superchat::wire::{
    Ack, Chat, Datagram, Frame, Header, Hello, Keep, Packet, Piece, Presence, Row, Sequence,
    Session,
};

use super::host::Host;
use super::script::{Script, address};
use super::world::nickname;

/// The session of a peer.
pub fn session(peer: &str) -> Session {
    Session::new(u64::from(peer.bytes().next().unwrap())).unwrap()
}

/// A registration in the current dialect, the first of its session.
pub fn hello(peer: &str, cookie: Option<u64>) -> Vec<u8> {
    hello_as(peer, session(peer), 1, cookie)
}

pub fn hello_as(name: &str, session: Session, number: u64, cookie: Option<u64>) -> Vec<u8> {
    let hello = Some(Hello { session, number, floor: 1, cookie });
    Datagram::Register { nickname: nickname(name), hello }.encode()
}

/// A message to be kept that was tried directly.
pub fn keep(sender: &str, recipient: &str, number: u64, text: &str) -> Frame {
    keep_seen(sender, recipient, Presence::Online, number, text)
}

pub fn keep_seen(sender: &str, to: &str, seen: Presence, number: u64, text: &str) -> Frame {
    let (sender, recipient, text) = (nickname(sender), nickname(to), text.to_owned());
    Frame::Keep(Keep { sender, recipient, seen, number, piece: Piece::default(), text })
}

pub fn chat(sender: &str, number: u64, text: &str) -> Frame {
    let (sender, text) = (nickname(sender), text.to_owned());
    Frame::Chat(Chat {
        sender,
        author: None,
        number,
        stored_at: None,
        piece: Piece::default(),
        text,
    })
}

/// A message that the server passes on.
pub fn relayed(sender: &str, number: u64, text: &str) -> Frame {
    let Frame::Chat(chat) = chat(sender, number, text) else { unreachable!() };
    Frame::Chat(Chat { author: Some(session(sender)), ..chat })
}

pub fn note(text: &str, answers: Option<u64>) -> Frame {
    Frame::Notification { text: text.to_owned(), offline: false, answers }
}

pub fn dereg(name: &str, number: u64) -> Frame {
    Frame::Deregister { nickname: nickname(name), number }
}

pub fn lookup(name: &str) -> Frame {
    Frame::Lookup { nickname: nickname(name) }
}

/// A peer that speaks this dialect, online.
pub fn row(peer: &str) -> Row {
    let (nickname, address) = (nickname(peer), address(peer));
    let session = Some(session(peer));
    Row { nickname, address, presence: Presence::Online, session, last_seen: None }
}

/// A peer that is not there.
pub fn absent(peer: &str) -> Row {
    Row { presence: Presence::Offline, session: None, ..row(peer) }
}

pub fn changes(rows: &[Row], since: u64, revision: u64, last: u64) -> Frame {
    Frame::Changes { rows: rows.to_vec(), since, revision, last }
}

pub fn found(name: &str, row: Option<Row>, revision: u64) -> Frame {
    Frame::Found { nickname: nickname(name), row, revision }
}

impl Script {
    /// The session of the engine.
    pub fn own(&self) -> Session {
        Session::from_random(if matches!(self.host, Host::Server(_)) { 1 } else { 7 })
    }

    /// A packet from a peer to the engine that says no more than that.
    pub fn header(&self, peer: &str) -> Header {
        Header::new(session(peer), self.own())
    }

    /// The next packet of a peer, with an ack of all that it was sent.
    pub fn packet(&mut self, peer: &str, frames: Vec<Frame>) -> Packet {
        let number = self.numbers.entry(peer.to_owned()).or_default();
        *number += 1;
        let sequence = Some(Sequence { number: *number, floor: 1 });
        let header = Header { sequence, ack: self.ack_for(peer), ..self.header(peer) };
        Packet { header, frames }
    }

    fn ack_for(&self, peer: &str) -> Option<Ack> {
        let to_it = self.packets_to(peer).into_iter();
        let through = to_it.filter_map(|packet| Some(packet.header.sequence?.number)).max()?;
        Some(Ack { through, beyond: Vec::new() })
    }

    /// The packets that a peer was sent.
    pub fn packets_to(&self, peer: &str) -> Vec<Packet> {
        let to_it = self.sent.iter().filter(|(to, _)| *to == address(peer));
        to_it.filter_map(|(_, payload)| Packet::decode(payload).ok()).collect()
    }

    /// The number of the last message that a client has given to the server.
    pub fn kept(&self) -> Option<u64> {
        let frames = self.packets_to("s").into_iter().flat_map(|packet| packet.frames);
        let numbers = frames.filter_map(|frame| match frame {
            Frame::Keep(keep) => Some(keep.number),
            _ => None,
        });
        numbers.last()
    }

    /// A peer says this, and that it has all that it was sent.
    pub fn says(&mut self, peer: &str, frames: Vec<Frame>) -> Vec<String> {
        let packet = self.packet(peer, frames);
        self.from(peer, packet.encode())
    }

    /// The same of a peer to which nothing came that it was sent.
    pub fn says_deaf(&mut self, peer: &str, frames: Vec<Frame>) -> Vec<String> {
        let Packet { header, frames } = self.packet(peer, frames);
        self.from(peer, Packet { header: Header { ack: None, ..header }, frames }.encode())
    }

    /// A peer has taken all that it was sent.
    pub fn took(&mut self, peer: &str) -> Vec<String> {
        let header = Header { ack: self.ack_for(peer), ..self.header(peer) };
        self.from(peer, Packet { header, frames: Vec::new() }.encode())
    }

    /// A peer says which revision of the table it has.
    pub fn has(&mut self, peer: &str, revision: u64) -> Vec<String> {
        let header = Header { revision: Some(revision), ..self.header(peer) };
        self.from(peer, Packet { header, frames: Vec::new() }.encode())
    }

    /// Frames from the server that are neither numbered nor acknowledged.
    pub fn told_loosely(&mut self, frames: Vec<Frame>) -> Vec<String> {
        let header = self.header("s");
        self.from("s", Packet { header, frames }.encode())
    }

    /// The last cookie that a peer was sent.
    pub fn cookie(&self, peer: &str) -> u64 {
        let cookies = self.packets_to(peer).into_iter().filter_map(|packet| packet.header.cookie);
        cookies.last().expect("a cookie")
    }

    /// A peer registers. Its packets begin anew.
    pub fn joins(&mut self, peer: &str) -> Vec<String> {
        self.numbers.remove(peer);
        let number = self.registrations.entry(peer.to_owned()).or_default();
        *number += 1;
        let hello = |number, cookie| hello_as(peer, session(peer), number, cookie);
        let number = *number;
        self.from(peer, hello(number, None));
        let cookie = self.cookie(peer);
        self.from(peer, hello(number, Some(cookie)))
    }

    /// A server where these are online, in this order, and have the table.
    pub fn with_current(config: ServerConfig, peers: &[&str]) -> Self {
        let mut script = Self::server_with(config);
        for peer in peers {
            script.joins(peer);
        }
        for peer in peers {
            script.has(peer, peers.len() as u64);
        }
        script.wait(1_000);
        for peer in peers {
            script.has(peer, peers.len() as u64);
        }
        script.wait(1_000);
        script
    }

    /// The registration that the client sent last.
    pub fn last_hello(&self) -> Hello {
        let hellos =
            self.sent.iter().rev().find_map(|(_, payload)| match Datagram::decode(payload) {
                Ok(Datagram::Register { hello, .. }) => hello,
                _ => None,
            });
        hellos.expect("a registration")
    }

    /// The server sends the client a cookie.
    pub fn gets_cookie(&mut self, server: Session, cookie: u64) -> Vec<String> {
        let header = Header { cookie: Some(cookie), ..Header::new(server, self.own()) };
        self.from("s", Packet { header, frames: Vec::new() }.encode())
    }

    /// The server answers the client's registration, with the whole table.
    pub fn welcomed(&mut self, server: Session, rows: &[Row], revision: u64) -> Vec<String> {
        let answers = Some(self.last_hello().number);
        let welcome = note("[Welcome, You are registered.]", answers);
        let frames = vec![welcome, changes(rows, 0, revision, revision)];
        self.from("s", Packet { header: Header::new(server, self.own()), frames }.encode())
    }

    /// The client is online, and so is `b`; `c` is not. The table has the revision 3.
    pub fn current_online() -> Self {
        let mut script = Self::client();
        script.told(ClientCommand::Register { ticket: 0, nickname: nickname("a") });
        assert_eq!(script.gets_cookie(session("s"), 5), ["s: Reg a"]);
        let own = Row { session: Some(script.own()), ..row("a") };
        let done = script.welcomed(session("s"), &[own, row("b"), absent("c")], 3);
        assert_eq!(done, ["s: <at 3>", "says Session(0, Ok(()))"]);
        script
    }
}

pub fn describe(payload: &[u8]) -> String {
    let Packet { header, frames } = Packet::decode(payload).unwrap();
    if !frames.is_empty() {
        let frames: Vec<String> = frames.iter().map(describe_frame).collect();
        return format!("<{}>", frames.join(", "));
    }
    match header {
        Header { cookie: Some(_), .. } => "<cookie>".into(),
        Header { ack: Some(_), .. } => "<ack>".into(),
        Header { revision: Some(revision), .. } => format!("<at {revision}>"),
        _ => "<here>".into(),
    }
}

fn describe_frame(frame: &Frame) -> String {
    let row = |row: &Row| format!("{} {:?}", row.nickname, row.presence);
    match frame {
        Frame::Chat(Chat { sender, text, stored_at: Some(_), .. }) => {
            format!("stored Chat {sender}: {text}")
        }
        Frame::Chat(Chat { sender, text, .. }) => format!("Chat {sender}: {text}"),
        Frame::Keep(Keep { sender, recipient, seen, text, .. }) => {
            format!("Keep {sender} to {recipient}, {seen:?}: {text}")
        }
        Frame::Deregister { nickname, .. } => format!("Dereg {nickname}"),
        Frame::Notification { text, offline: true, .. } => format!("{text} offline"),
        Frame::Notification { text, .. } => text.clone(),
        Frame::Changes { rows, since, revision, last } => {
            let rows: Vec<String> = rows.iter().map(row).collect();
            format!("Changes {since} to {revision} of {last}: {}", rows.join(" "))
        }
        Frame::Lookup { nickname } => format!("Lookup {nickname}"),
        Frame::Found { row: Some(found), .. } => format!("Found {}", row(found)),
        Frame::Found { nickname, row: None, .. } => format!("Found no {nickname}"),
        Frame::Verification => "Verification".into(),
    }
}
