//! Registrations at a real server, on one core: each client has an address of its own, out of 127.0.0.0/8, and proves it.
//! And their datagrams alone, between programs that read nothing in them: what a server can come to that costs nothing.

use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::{ClockId, clock_gettime};
use superchat::wire::{Datagram, Frame, Header, Hello, Nickname, Packet, Session};

use super::Effort;
use super::child::{Process, hear, say};
use super::raw::Raw;
use super::report::{Goal, Row};

/// Clients that are registering at a time.
const WINDOW: u32 = 64;

/// Who is not answered for so long is not waited for: another one begins in its place.
const GIVEN_UP: Duration = Duration::from_millis(20);

/// The longest train of datagrams.
const TRAIN: usize = 65_536;

/// A socket that gives and takes the address of either end with each datagram.
struct Io {
    socket: UdpSocket,
    state: UdpSocketState,
    buffer: Vec<u8>,
}

impl Io {
    fn new() -> Self {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let state = UdpSocketState::new((&socket).into()).unwrap();
        Self { socket, state, buffer: vec![0; BATCH_SIZE * TRAIN] }
    }

    fn send(&self, from: IpAddr, destination: SocketAddr, contents: &[u8]) {
        let src_ip = Some(from);
        let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip };
        self.state.try_send((&self.socket).into(), &transmit).unwrap();
    }

    /// Gives each datagram that there is to `take`. Whether there was one.
    fn receive(&mut self, mut take: impl FnMut(&Self, &RecvMeta, &[u8])) -> bool {
        let mut found = [RecvMeta::default(); BATCH_SIZE];
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut slices: Vec<_> = buffer.chunks_mut(TRAIN).map(IoSliceMut::new).collect();
        let count = self.state.recv((&self.socket).into(), &mut slices, &mut found).unwrap_or(0);
        for (found, bytes) in found.iter().take(count).zip(buffer.chunks(TRAIN)) {
            bytes[..found.len]
                .chunks(found.stride)
                .for_each(|datagram| take(self, found, datagram));
        }
        self.buffer = buffer;
        count > 0
    }
}

fn address(client: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x7f01_0000 + client).into()
}

fn client(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(ip) => ip.to_bits() - 0x7f01_0000,
        IpAddr::V6(_) => unreachable!("the socket is of IPv4"),
    }
}

fn hello(client: u32, cookie: Option<u64>) -> Vec<u8> {
    let nickname = Nickname::new(&format!("user{client:07}")).unwrap();
    let hello = Hello { session: session(client), number: 1, floor: 1, cookie };
    Datagram::Register { nickname, hello: Some(hello) }.encode()
}

fn session(client: u32) -> Session {
    Session::from_random((u64::from(client) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// It has the table, of which it was told: it is not told again.
fn has_all(client: u32, server: Session) -> Vec<u8> {
    let mut header = Header::new(session(client), server);
    header.revision = Some(u64::MAX >> 12);
    Packet::assemble(&header, [])
}

/// What a client says next.
enum Word {
    /// The registration is not over.
    More(Vec<u8>),
    /// It is over, with a last word or without one.
    Last(Option<Vec<u8>>),
    Nothing,
}

/// What clients say.
trait Speaker {
    fn first(&self, client: u32) -> Vec<u8>;

    /// To what has come.
    fn answer(&mut self, client: u32, datagram: &[u8]) -> Word;
}

/// Clients of a server, which remember how long its datagrams were.
#[derive(Default)]
struct Registering {
    cookie_bytes: usize,
    welcome_bytes: usize,
}

impl Speaker for Registering {
    fn first(&self, client: u32) -> Vec<u8> {
        hello(client, None)
    }

    fn answer(&mut self, client: u32, datagram: &[u8]) -> Word {
        let Packet { header, frames } = Packet::decode(datagram).unwrap();
        if let Some(cookie) = header.cookie {
            self.cookie_bytes = datagram.len();
            return Word::More(hello(client, Some(cookie)));
        }
        let welcomed = |frame: &Frame| {
            matches!(frame, Frame::Notification { answers: Some(1), offline: false, .. })
        };
        if !frames.iter().any(welcomed) {
            return Word::Nothing;
        }
        self.welcome_bytes = datagram.len();
        // Past `lookup_past` users it is told of nobody.
        let is_told =
            |frame: &Frame| matches!(frame, Frame::Changes { rows, .. } if !rows.is_empty());
        Word::Last(frames.iter().any(is_told).then(|| has_all(client, header.from)))
    }
}

/// As much, of nothing. Each datagram begins with the length of the one that is to answer it.
struct Mute {
    cookie: Vec<u8>,
    welcome: Vec<u8>,
}

/// A datagram of so many bytes that asks for one of so many.
fn asking(bytes: usize, answer: usize) -> Vec<u8> {
    let mut datagram = vec![0; bytes];
    datagram[..2].copy_from_slice(&u16::try_from(answer).unwrap().to_be_bytes());
    datagram
}

impl Mute {
    fn like(said: &Registering) -> Self {
        let cookie = hello(0, None).len();
        let welcome = hello(0, Some(u64::MAX >> 12)).len();
        Self {
            cookie: asking(cookie, said.cookie_bytes),
            welcome: asking(welcome, said.welcome_bytes),
        }
    }
}

impl Speaker for Mute {
    fn first(&self, _: u32) -> Vec<u8> {
        self.cookie.clone()
    }

    fn answer(&mut self, _: u32, datagram: &[u8]) -> Word {
        let asked = |by: &[u8]| by[..2] == u16::try_from(datagram.len()).unwrap().to_be_bytes();
        match asked(&self.cookie) {
            true => Word::More(self.welcome.clone()),
            false => Word::Last(None),
        }
    }
}

/// Answers each datagram with as many bytes as it asks for; and each line with the microseconds that it took so far.
pub fn answer(_: &[String]) {
    let mut io = Io::new();
    let port = io.socket.local_addr().unwrap().port();
    say(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string());
    let answer = [0; TRAIN];
    thread::spawn(move || {
        loop {
            let any = io.receive(|io, found, datagram| {
                let bytes = usize::from(u16::from_be_bytes([datagram[0], datagram[1]]));
                io.send(found.dst_ip.unwrap(), found.addr, &answer[..bytes]);
            });
            if !any {
                poll(&mut [PollFd::new(&io.socket, PollFlags::IN)], None).unwrap();
            }
        }
    });
    while hear().is_some() {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        say(&format!("{}", time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3));
    }
}

/// Clients, many to a socket.
struct Crowd<S> {
    speaker: S,
    io: Io,
    server: SocketAddr,
    /// Each client that has begun, and when, as long as it is waited for.
    begun: Vec<Option<Instant>>,
    /// All before this one are not.
    oldest: usize,
    under_way: u32,
    registered: u32,
}

impl<S: Speaker> Crowd<S> {
    fn new(server: SocketAddr, speaker: S) -> Self {
        let (begun, io) = (Vec::new(), Io::new());
        Self { speaker, io, server, begun, oldest: 0, under_way: 0, registered: 0 }
    }

    /// Registrations a second.
    fn turn(&mut self, turn: Duration) -> f64 {
        let (begin, before) = (Instant::now(), self.registered);
        while begin.elapsed() < turn {
            while self.under_way < WINDOW {
                let client = self.begun.len() as u32;
                self.io.send(address(client), self.server, &self.speaker.first(client));
                self.begun.push(Some(Instant::now()));
                self.under_way += 1;
            }
            self.receive();
            self.give_up();
        }
        let registered = f64::from(self.registered - before);
        assert!(registered > 0.0, "nobody was registered");
        registered / begin.elapsed().as_secs_f64()
    }

    /// Does not wait any longer for those who have waited for too long.
    fn give_up(&mut self) {
        while let Some(oldest) = self.begun.get_mut(self.oldest) {
            if oldest.is_some_and(|begun| begun.elapsed() <= GIVEN_UP) {
                return;
            }
            let lost = u32::from(oldest.take().is_some());
            self.under_way -= lost;
            self.oldest += 1;
        }
    }

    fn receive(&mut self) {
        let Self { speaker, io, server, begun, under_way, registered, .. } = self;
        io.receive(|io, found, datagram| {
            let own = found.dst_ip.unwrap();
            match speaker.answer(client(own), datagram) {
                Word::More(word) => io.send(own, *server, &word),
                Word::Last(word) => {
                    // One that was given up may come late.
                    let waited_for = begun[client(own) as usize].take().is_some();
                    *under_way -= u32::from(waited_for);
                    *registered += u32::from(waited_for);
                    if let Some(word) = word {
                        io.send(own, *server, &word);
                    }
                }
                Word::Nothing => {}
            }
        });
    }
}

/// Registrations, by turns with datagrams that are only acknowledged.
pub fn registrations(effort: Effort) -> Vec<Row> {
    let raw = Raw::start("acknowledge");
    let mut server = Process::start("serve", 1, &["crowd"]);
    let mut crowd = Crowd::new(server.hears().parse().unwrap(), Registering::default());
    let (mut ours, mut against) = (Vec::new(), Vec::new());
    for _ in 0..effort.turns {
        against.push(raw.window(WINDOW as usize, effort.turn));
        ours.push(crowd.turn(effort.turn));
    }
    let against = ("a datagram each, window 64", &*against);
    let registered = "registrations, each proven";
    // It goes on looking after all those clients.
    drop(server);
    let mut rows = vec![Row::by_turns(registered, "/s", &ours, against, Goal::AtLeast(0.3))];
    rows.extend(datagrams(&raw, &crowd.speaker, effort));
    rows
}

/// The datagrams of registrations like these, without the server.
fn datagrams(raw: &Raw, said: &Registering, effort: Effort) -> [Row; 2] {
    let mut other = Process::start("answer", 1, &[]);
    let mut crowd = Crowd::new(other.hears().parse().unwrap(), Mute::like(said));
    let (mut ours, mut against) = (Vec::new(), Vec::new());
    let (mut micros, mut against_micros) = (Vec::new(), Vec::new());
    let mut took = || other.asks("").parse::<f64>().unwrap();
    for _ in 0..effort.turns {
        let exchanges = raw.window(WINDOW as usize, effort.turn);
        against.push(exchanges);
        against_micros.push(1e6 / exchanges);
        let (registered, before) = (crowd.registered, took());
        ours.push(crowd.turn(effort.turn));
        micros.push((took() - before) / f64::from(crowd.registered - registered));
    }
    let name = "the datagrams of registrations alone";
    let exchange = "a datagram each, window 64";
    [
        Row::by_turns(name, "/s", &ours, (exchange, &against), Goal::None),
        Row::by_turns(
            "of each: the server's time",
            "µs",
            &micros,
            (exchange, &against_micros),
            Goal::None,
        ),
    ]
}
