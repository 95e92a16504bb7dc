//! Registrations at a real server, on one core: each client has an address of its own, out of 127.0.0.0/8, and proves it.

use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use superchat::wire::{Datagram, Frame, Header, Hello, Nickname, Packet, Session};

use super::Effort;
use super::child::Process;
use super::raw::Raw;
use super::report::{Goal, Row};

/// Clients that are registering at a time.
const WINDOW: u32 = 64;

/// When nothing has come for so long, what was sent is lost.
const GIVEN_UP: Duration = Duration::from_millis(20);

/// The longest train of datagrams.
const TRAIN: usize = 65_536;

/// Clients, many to a socket.
struct Crowd {
    io: UdpSocket,
    state: UdpSocketState,
    server: SocketAddr,
    /// Those that have begun, and those that are registered.
    begun: u32,
    registered: u32,
    lost: u32,
    buffer: Vec<u8>,
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

impl Crowd {
    fn new(server: SocketAddr) -> Self {
        let io = UdpSocket::bind("0.0.0.0:0").unwrap();
        let state = UdpSocketState::new((&io).into()).unwrap();
        let buffer = vec![0; BATCH_SIZE * TRAIN];
        Self { io, state, server, begun: 0, registered: 0, lost: 0, buffer }
    }

    fn send(&self, client: u32, contents: &[u8]) {
        let (destination, src_ip) = (self.server, Some(address(client)));
        let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip };
        self.state.try_send((&self.io).into(), &transmit).unwrap();
    }

    /// Registrations a second. Who was not answered is given up, and another one begins.
    fn turn(&mut self, turn: Duration) -> f64 {
        let (begin, before) = (Instant::now(), self.registered);
        let mut heard = begin;
        while begin.elapsed() < turn {
            while self.begun - self.registered - self.lost < WINDOW {
                self.send(self.begun, &hello(self.begun, None));
                self.begun += 1;
            }
            if self.receive() {
                heard = Instant::now();
            } else if heard.elapsed() > GIVEN_UP {
                self.lost = self.begun - self.registered;
            }
        }
        let registered = f64::from(self.registered - before);
        assert!(registered > 0.0, "nobody was registered");
        registered / begin.elapsed().as_secs_f64()
    }

    /// Whether anything has come.
    fn receive(&mut self) -> bool {
        let mut found = [RecvMeta::default(); BATCH_SIZE];
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut slices: Vec<_> = buffer.chunks_mut(TRAIN).map(IoSliceMut::new).collect();
        let count = self.state.recv((&self.io).into(), &mut slices, &mut found).unwrap_or(0);
        for (found, bytes) in found.iter().take(count).zip(buffer.chunks(TRAIN)) {
            let client = client(found.dst_ip.unwrap());
            for packet in bytes[..found.len].chunks(found.stride) {
                self.on_packet(client, &Packet::decode(packet).unwrap());
            }
        }
        self.buffer = buffer;
        count > 0
    }

    fn on_packet(&mut self, client: u32, packet: &Packet) {
        if let Some(cookie) = packet.header.cookie {
            return self.send(client, &hello(client, Some(cookie)));
        }
        let welcomed = |frame: &Frame| {
            matches!(frame, Frame::Notification { answers: Some(1), offline: false, .. })
        };
        if packet.frames.iter().any(welcomed) {
            // One that was given up may come late.
            self.registered += u32::from(self.registered + self.lost < self.begun);
            // It has the table: it is not told again.
            let mut header = Header::new(session(client), packet.header.from);
            header.revision = Some(u64::MAX >> 12);
            self.send(client, &Packet::assemble(&header, []));
        }
    }
}

/// Registrations, by turns with datagrams that are only acknowledged.
pub fn registrations(effort: Effort) -> Vec<Row> {
    let raw = Raw::start("acknowledge");
    let mut server = Process::start("serve", 1, &["crowd"]);
    let mut crowd = Crowd::new(server.hears().parse().unwrap());
    let (mut ours, mut against) = (Vec::new(), Vec::new());
    for _ in 0..effort.turns {
        against.push(raw.window(WINDOW as usize, effort.turn));
        ours.push(crowd.turn(effort.turn));
    }
    let raw = ("a datagram each, window 64", &*against);
    vec![Row::by_turns("registrations, each proven", "/s", &ours, raw, Goal::AtLeast(0.3))]
}
