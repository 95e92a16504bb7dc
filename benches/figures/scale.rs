//! What a server costs as its users grow: the engine without sockets, in virtual time.
//!
//! The clients are played: each says what one of the current dialect says, and no more. Only what the server
//! does is timed.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant as Clock};

use superchat::Limits;
use superchat::proto::{
    Engine, Input, Instant, Now, Output, Server, ServerCommand, ServerConfig, ServerEmit,
    StoreAnswer, StoreRequest, UnixTime,
};
use superchat::wire::{Ack, Datagram, Frame, Header, Hello, Nickname, Packet, Sequence, Session};

use super::Effort;
use super::child::{self, Process};
use super::report::{Goal, Row};

/// Time from one registration to the next.
const BETWEEN: Duration = Duration::from_micros(10);

/// Users past which a client looks up whom it needs: the default.
const LOOKUP_PAST: u32 = 10_000;

/// A server, and the clients that it is told of.
struct Crowd {
    server: Server,
    now: Instant,
    clients: u32,
    /// What the server has sent and nobody has read.
    sent: Vec<(SocketAddr, Vec<u8>)>,
    busy: Duration,
    datagrams: u64,
    bytes: u64,
}

/// What the server had to do for something.
#[derive(Debug, Clone, Copy)]
struct Cost {
    busy: Duration,
    /// What it has sent.
    datagrams: u64,
    bytes: u64,
}

fn address(client: u32) -> SocketAddr {
    // 16 clients behind each address: no network has more datagrams than it may have.
    let ip = Ipv4Addr::from_bits(0x0a00_0000 + client / 16);
    SocketAddr::from((ip, 2000 + (client % 16) as u16))
}

fn nickname(client: u32) -> Nickname {
    Nickname::new(&format!("user{client:07}")).unwrap()
}

fn session(client: u32) -> Session {
    // As scattered as drawn ones are.
    Session::from_random((u64::from(client) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

impl Crowd {
    /// A server with so many clients, all registered, who have the table. They came evenly over the time
    /// of a lease.
    fn new(clients: u32) -> Self {
        let mut limits = Limits::default();
        limits.users = 1_100_000;
        let config = ServerConfig { limits, refuse_classic: false, local_time: |_| String::new() };
        let server = Server::new(config, [1, 2, 3]);
        let (now, sent) = (Instant::ZERO, Vec::new());
        let (busy, datagrams, bytes) = (Duration::ZERO, 0, 0);
        let mut crowd = Self { server, now, clients: 0, sent, busy, datagrams, bytes };
        for _ in 0..clients {
            crowd.register();
        }
        crowd
    }

    /// The same, settled: everybody has the table, and half a lease is over.
    fn settled(clients: u32) -> Self {
        let mut crowd = Self::new(clients);
        for client in 0..clients {
            crowd.say(client, None, Some(u64::from(clients)));
            crowd.pass(Duration::from_secs(7) / clients);
        }
        crowd
    }

    /// What the server has to do for this.
    fn cost(&mut self, what: impl FnOnce(&mut Self)) -> Cost {
        let before = (self.busy, self.datagrams, self.bytes);
        what(self);
        Cost {
            busy: self.busy - before.0,
            datagrams: self.datagrams - before.1,
            bytes: self.bytes - before.2,
        }
    }

    /// Another client registers, and is told of the table, or of as much as fits one datagram.
    fn register(&mut self) {
        let client = self.clients;
        self.clients += 1;
        self.now = self.now + BETWEEN;
        let mut hello = Hello { session: session(client), number: 1, floor: 1, cookie: None };
        let register =
            |hello| Datagram::Register { nickname: nickname(client), hello: Some(hello) }.encode();
        self.input(address(client), &register(hello));
        let packet = self.answer_to(client);
        hello.cookie = Packet::decode(&packet).unwrap().header.cookie;
        self.input(address(client), &register(hello));
        assert!(Packet::decode(&self.answer_to(client)).is_ok_and(|p| p.frames.len() == 2));
        self.say(client, None, Some(u64::MAX));
    }

    fn answer_to(&mut self, client: u32) -> Vec<u8> {
        let found = self.sent.iter().position(|(to, _)| *to == address(client)).unwrap();
        self.sent.remove(found).1
    }

    /// Time passes. Clients acknowledge what they are sent at once.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        self.read();
        while let Some(deadline) = self.server.deadline().filter(|deadline| *deadline <= until) {
            self.now = self.now.max(deadline);
            self.step(Input::Deadline);
            self.read();
        }
        self.now = until;
    }

    /// Clients read what they were sent, and say that they have it.
    fn read(&mut self) {
        while !self.sent.is_empty() {
            for (to, packet) in std::mem::take(&mut self.sent) {
                let SocketAddr::V4(to) = to else { continue };
                let host = to.ip().to_bits() - 0x0a00_0000;
                let client = host * 16 + u32::from(to.port() - 2000);
                let sequence = Packet::decode(&packet).unwrap().header.sequence;
                let ack = sequence.map(|s| Ack { through: s.number, beyond: Vec::new() });
                let has = if ack.is_some() { None } else { Some(u64::MAX) };
                self.say(client, ack, has);
            }
        }
    }

    fn say(&mut self, client: u32, ack: Option<Ack>, revision: Option<u64>) {
        let own = Session::from_random(1);
        let mut header = Header::new(session(client), own);
        (header.ack, header.revision) = (ack, revision);
        self.input(address(client), &Packet::assemble(&header, []));
    }

    /// A client asks who somebody is, which is the first thing that it asks.
    fn look_up(&mut self, client: u32, whom: u32) {
        let mut header = Header::new(session(client), Session::from_random(1));
        header.sequence = Some(Sequence { number: 1, floor: 1 });
        let lookup = Frame::Lookup { nickname: nickname(whom) }.encode();
        self.input(address(client), &Packet::assemble(&header, [lookup.as_slice()]));
    }

    fn input(&mut self, from: SocketAddr, payload: &[u8]) {
        self.step(Input::Datagram { from, payload, room: true });
    }

    fn step(&mut self, input: Input<'_, ServerCommand>) {
        let unix = UnixTime::from_micros(self.now.since_start().as_micros() as i64);
        let now = Now { at: self.now, unix };
        let mut asked = Vec::new();
        let begun = Clock::now();
        self.server.handle(now, input);
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Transmit { to, payload } => {
                    self.datagrams += 1;
                    self.bytes += payload.len() as u64;
                    self.sent.push((to, payload));
                }
                Output::Emit(ServerEmit::Store(StoreRequest::Load { request, recipient })) => {
                    asked.push((request, recipient));
                }
                Output::Emit(_) => {}
            }
        }
        self.busy += begun.elapsed();
        for (request, recipient) in asked {
            let answer = StoreAnswer::Loaded { request, recipient, result: Ok(Vec::new()) };
            self.step(Input::Command(ServerCommand::Store(answer)));
        }
    }
}

/// Bytes of this process that are in memory.
pub fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Bytes of memory for each idle member, of so many. For a process that has done nothing else.
fn bytes_per_user(users: u32) -> f64 {
    // Whatever a first user brings along.
    drop(Crowd::new(10));
    let before = resident();
    let crowd = Crowd::settled(users);
    let after = resident();
    drop(crowd);
    (after - before) as f64 / f64::from(users)
}

/// What one join costs, until everybody is told who is told of it: the median in time of some.
fn join(users: u32) -> Cost {
    const TURNS: u32 = 5;
    let mut crowd = Crowd::settled(users - TURNS);
    // In the time before the first lease is over; a round of changes takes a second at the most.
    let mut turn = || {
        crowd.cost(|crowd| {
            crowd.register();
            crowd.pass(Duration::from_millis(1100));
        })
    };
    let mut costs: Vec<_> = (0..TURNS).map(|_| turn()).collect();
    costs.sort_by_key(|cost| cost.busy);
    costs[TURNS as usize / 2]
}

/// What a second costs in which so many members do nothing: the mean of some.
fn idle_second(users: u32, seconds: u32) -> Cost {
    let mut crowd = Crowd::settled(users);
    crowd.cost(|crowd| crowd.pass(Duration::from_secs(seconds.into()))).of_one(seconds)
}

/// What one of so many registrations costs.
fn registration(users: u32) -> Cost {
    let mut crowd = Crowd::new(0);
    crowd.cost(|crowd| (0..users).for_each(|_| crowd.register())).of_one(users)
}

/// Others whom a client looks up: scattered over all.
fn others(users: u32) -> impl Iterator<Item = u32> {
    (0..users / 10).map(move |n| (u64::from(n) * 7_919 % u64::from(users)) as u32)
}

/// What it costs to look somebody up, to be answered, and to acknowledge that.
fn lookup(users: u32) -> Cost {
    let mut crowd = Crowd::settled(users);
    let cost = crowd.cost(|crowd| {
        for (client, whom) in others(users).enumerate() {
            crowd.look_up(client as u32, whom);
            crowd.read();
        }
    });
    let asked = users / 10;
    assert!(cost.datagrams >= u64::from(asked), "not all were answered");
    cost.of_one(asked)
}

/// Microseconds in which a hash map of so many names finds one.
fn map_lookup(users: u32) -> f64 {
    let map: HashMap<_, _> = (0..users).map(|n| (nickname(n), address(n))).collect();
    let asked: Vec<_> = others(users).map(nickname).collect();
    let begun = Clock::now();
    assert!(asked.iter().all(|name| map.contains_key(name)));
    begun.elapsed().as_secs_f64() * 1e6 / asked.len() as f64
}

impl Cost {
    fn of_one(self, count: u32) -> Self {
        let each = u64::from(count);
        Self { busy: self.busy / count, datagrams: self.datagrams / each, bytes: self.bytes / each }
    }
}

/// The part of a process that measures one thing, as its arguments say.
pub fn grow(arguments: &[String]) {
    let [what, users] = arguments else { panic!("what is measured, and of how many") };
    let users = users.parse().unwrap();
    let cost = match what.as_str() {
        "bytes" => return child::say(&format!("{} 0 0", bytes_per_user(users))),
        "join" => join(users),
        "idle" => idle_second(users, 30),
        "registration" => registration(users),
        "lookup" => lookup(users),
        _ => panic!("{what} is nothing that is measured"),
    };
    let micros = cost.busy.as_nanos() as f64 / 1e3;
    child::say(&format!("{micros} {} {}", cost.datagrams, cost.bytes));
}

/// What such a process says: microseconds, or bytes; datagrams; and their bytes.
fn measured(what: &str, users: u32) -> [f64; 3] {
    let told = Process::start("grow", 1, &[what, &users.to_string()]).hears();
    let told: Vec<f64> = told.split(' ').map(|figure| figure.parse().unwrap()).collect();
    told.try_into().unwrap()
}

/// The rows of all that grows with the users.
pub fn users(effort: Effort) -> Vec<Row> {
    let most = if effort.turns < Effort::FULL.turns { 10_000 } else { 1_000_000 };
    let mut rows = Vec::new();
    let bytes = measured("bytes", most)[0];
    let plain = (nickname(0).as_str().len() + 6) as f64;
    let against = ("its name and address", &[plain][..]);
    let name = format!("memory for each of {most} users");
    // Of a few there is more for each: what is there whoever comes.
    let goal = if most < 1_000_000 { Goal::None } else { Goal::AtMost(150.0 / plain) };
    rows.push(Row::by_turns(name, "B", &[bytes], against, goal));

    let base = measured("join", 1_000);
    for users in [100, 1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|n| *n <= most) {
        let [micros, datagrams, _] = measured("join", users);
        let is_told = users <= LOOKUP_PAST;
        // All are told, each once, and many do not fit caches; past the limit nobody is told.
        let limit = if is_told { f64::from(users) / 1000.0 * 2.0 } else { 0.1 };
        for (what, unit, figure, base) in
            [("server time", "µs", micros, base[0]), ("datagrams", "", datagrams, base[1])]
        {
            let name = format!("one join, seen by all of {users}: {what}");
            let against = ("itself at 1,000 users", &[base][..]);
            rows.push(Row::by_turns(name, unit, &[figure], against, Goal::AtMost(limit)));
        }
    }

    let idle = most.min(100_000);
    let [micros, datagrams, _] = measured("idle", idle);
    rows.push(Row::stated(format!("an idle second of {idle} users: server time"), "µs", micros));
    rows.push(Row::stated(format!("an idle second of {idle} users: datagrams"), "", datagrams));
    let ([micros, ..], map) = (measured("lookup", idle), map_lookup(idle));
    let name = format!("a lookup among {idle} users, answered and acknowledged");
    rows.push(Row::by_turns(name, "µs", &[micros], ("a hash map", &[map]), Goal::None));
    let [micros, ..] = measured("registration", idle);
    rows.push(Row::stated(format!("registrations of {idle}, engine alone"), "/s", 1e6 / micros));
    rows
}
