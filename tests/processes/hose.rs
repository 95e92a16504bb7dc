//! A flood: datagrams that are none of the protocol, and good ones from addresses that are nobody's.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use superchat::wire::{
    Chat, Datagram, Frame, Header, Hello, Keep, Nickname, Packet, Piece, Presence, Sequence,
    Session,
};

/// Spoofed datagrams that come from one address; then another one is taken.
const OF_ONE: usize = 10;

/// Datagrams between two looks at the clock, where the rate is bounded.
const BURST: usize = 32;

/// What a stranger knows of the honest ones, as everyone who registers is told it.
#[derive(Clone)]
pub struct Known {
    pub server: Session,
    pub names: Vec<Nickname>,
    pub sessions: Vec<Session>,
}

/// Where a flood goes, and how fast.
pub struct Hose {
    to: SocketAddr,
    known: Known,
    /// Datagrams a second; as fast as they can be sent, if there is none.
    rate: Option<u32>,
    /// How many spoofed ones there were: every [`OF_ONE`]th begins another address.
    spoofed: usize,
    socket: UdpSocket,
}

impl Hose {
    pub fn new(to: SocketAddr, known: Known, rate: Option<u32>) -> Self {
        Self { to, known, rate, spoofed: 0, socket: bind(Ipv4Addr::LOCALHOST) }
    }

    /// Sends so many of each, in turns. Returns how long it took.
    pub fn flood(&mut self, malformed: usize, spoofed: usize) -> Duration {
        let begin = Instant::now();
        for n in 0..malformed.max(spoofed) {
            if n < malformed {
                self.send(&self.malformed(n));
            }
            if n < spoofed {
                if self.spoofed.is_multiple_of(OF_ONE) {
                    // Some 65,536 addresses, each with a port that the system chooses.
                    let [.., high, low] = (self.spoofed / OF_ONE).to_be_bytes();
                    self.socket = bind(Ipv4Addr::new(127, 1, high, low));
                }
                self.send(&self.spoof(self.spoofed));
                self.spoofed += 1;
            }
            if let Some(rate) = self.rate
                && n.is_multiple_of(BURST)
            {
                let sent = (malformed.min(n) + spoofed.min(n)) as f64;
                let due = Duration::from_secs_f64(sent / f64::from(rate));
                thread::sleep(due.saturating_sub(begin.elapsed()));
            }
        }
        begin.elapsed()
    }

    fn send(&self, bytes: &[u8]) {
        // That it is refused says that the one before met a closed port: it was sent all the same.
        let _ = self.socket.send_to(bytes, self.to);
    }

    /// Random bytes, JSON that is cut, too long, or of other types, and good beginnings.
    fn malformed(&self, n: usize) -> Vec<u8> {
        match n % 6 {
            0 => (0..n % 300).map(|at| (at * at + n * 7) as u8 | 0x80).collect(),
            1 => {
                let whole = self.spoof(n / 6);
                whole[..whole.len() / 2].to_vec()
            }
            2 => vec![b'{'; 5_000],
            3 => br#"{"Type":["Reg"],"Nickname":7}"#.to_vec(),
            4 => br#"[{"Session":"1","To":{}},{"Type":"Chat"}]"#.to_vec(),
            _ => [&self.spoof(n / 6)[..], b"]]"].concat(),
        }
    }

    /// What would count if it came from somebody else: in both dialects, partly in honest names.
    fn spoof(&self, n: usize) -> Vec<u8> {
        let at = n % self.known.names.len();
        let (name, session) = (self.known.names[at].clone(), self.known.sessions[at]);
        let recipient = self.known.names[(at + 1) % self.known.names.len()].clone();
        let to = self.known.sessions[(at + 1) % self.known.sessions.len()];
        let stranger = Nickname::new(&format!("stranger{}", n % 50_000)).unwrap();
        let (number, text) = (n as u64 + 1, "forged".to_owned());
        let packet = |to, frame| {
            let mut header = Header::new(session, to);
            header.sequence = Some(Sequence { number, floor: 1 });
            Packet { header, frames: vec![frame] }.encode()
        };
        let hello = |cookie| {
            let session = Session::from_random(number);
            Some(Hello { session, number: 1, floor: 1, cookie })
        };
        match n / 2 % 10 {
            0 => Datagram::Register { nickname: stranger, hello: None }.encode(),
            1 => Datagram::Register { nickname: name, hello: None }.encode(),
            2 => Datagram::Register { nickname: stranger, hello: hello(None) }.encode(),
            3 => Datagram::Register { nickname: name, hello: hello(Some(number)) }.encode(),
            4 => Datagram::Deregister { nickname: name }.encode(),
            5 => Datagram::Keep { sender: name, recipient, seen: Presence::Online, text }.encode(),
            6 => Datagram::Ack.encode(),
            7 => packet(self.known.server, Frame::Deregister { nickname: name, number }),
            8 => {
                let (sender, seen, piece) = (name, Presence::Online, Piece::default());
                packet(
                    self.known.server,
                    Frame::Keep(Keep { sender, recipient, seen, number, piece, text }),
                )
            }
            _ => {
                let (author, stored_at, piece) = (None, None, Piece::default());
                let chat = Chat { sender: name, author, number, stored_at, piece, text };
                packet(to, Frame::Chat(chat))
            }
        }
    }
}

fn bind(address: Ipv4Addr) -> UdpSocket {
    UdpSocket::bind((address, 0)).unwrap()
}

/// Registers, and so learns the sessions of the server and of everyone who is there.
pub fn learn(server: SocketAddr, names: &[&str]) -> Known {
    let socket = bind(Ipv4Addr::LOCALHOST);
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut hello =
        Hello { session: Session::from_random(2017), number: 1, floor: 1, cookie: None };
    let nickname = Nickname::new("curious").unwrap();
    let mut known = Known { server: hello.session, names: Vec::new(), sessions: Vec::new() };
    let mut buffer = [0; 4096];
    while known.names.len() < names.len() {
        let register = Datagram::Register { nickname: nickname.clone(), hello: Some(hello) };
        socket.send_to(&register.encode(), server).unwrap();
        let (length, _) = socket.recv_from(&mut buffer).unwrap();
        let packet = Packet::decode(&buffer[..length]).unwrap();
        known.server = packet.header.from;
        hello.cookie = packet.header.cookie.or(hello.cookie);
        for frame in packet.frames {
            let Frame::Changes { rows, .. } = frame else { continue };
            for row in rows.into_iter().filter(|row| names.contains(&row.nickname.as_str())) {
                known.sessions.extend(row.session);
                known.names.push(row.nickname);
            }
        }
    }
    let sequence = Some(Sequence { number: 1, floor: 1 });
    let header = Header { sequence, ..Header::new(hello.session, known.server) };
    let farewell = Frame::Deregister { nickname, number: 2 };
    socket.send_to(&Packet { header, frames: vec![farewell] }.encode(), server).unwrap();
    known
}

/// Datagrams that the system dropped because nobody read them in time, at the socket of this port.
pub fn dropped_at(port: u16) -> u64 {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let place = format!(":{port:04X}");
    let row = table
        .lines()
        .find(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&place)));
    row.unwrap().split_whitespace().last().unwrap().parse().unwrap()
}
