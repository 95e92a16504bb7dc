//! The clients: engines, each at an address of its own, in one thread.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use superchat::Nickname;
use superchat::proto::{
    Client, ClientCommand, ClientEmit, ClientEvent, Engine as _, Input, Instant, Now, Output,
    UnixTime,
};

use super::Load;
use super::acts::CONTACTS;
use super::faults::{Due, Faults};
use super::ledger::{Id, Ledger, Run};
use super::random::Random;
use super::sockets::{Batch, Sockets};

/// Bytes of a message.
pub const MESSAGE: usize = 100;

/// The tickets of what is no message.
pub const REGISTER: u64 = 0;
pub const DEREGISTER: u64 = u64::MAX;

/// Messages that went wrong of which all is shown.
const SHOWN: usize = 3;

/// How long is waited until a registration that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What happens at some time.
pub enum Event {
    /// An engine has something to do.
    Wake(u32),
    /// A client comes back.
    Return(u32),
    /// A datagram is sent that was held back.
    Out { from: SocketAddr, to: SocketAddr, payload: Vec<u8> },
    /// The same of one that has come.
    In { from: SocketAddr, to: u64, payload: Vec<u8> },
}

pub struct Member {
    pub engine: Option<Box<Client>>,
    /// Which run of its program.
    pub life: u32,
    pub began: Instant,
    pub wakes_at: Option<Instant>,
    /// When it asked to be registered, if it waits for that.
    pub asked: Option<Instant>,
    /// The number of its last message, over all runs.
    pub number: u32,
    /// That of its last message of an earlier run.
    pub died_at: u32,
    pub away: bool,
}

/// What happened to the clients.
#[derive(Debug, Default)]
pub struct Happened {
    pub registered: u64,
    pub registering: super::latency::Latencies,
    pub not_registered: std::collections::HashMap<String, u64>,
    pub died: u64,
    pub left: u64,
    /// Sent off by the server, or lost it.
    pub thrown_out: u64,
    pub lost: u64,
}

pub struct Crowd {
    pub server: SocketAddr,
    start: std::time::Instant,
    unix_start: i64,
    pub random: Random,
    pub seed: u64,
    pub sockets: Sockets,
    pub faults: Faults,
    pub ledger: Ledger,
    pub happened: Happened,
    pub members: Vec<Member>,
    /// How many of them have come.
    pub come: usize,
    pub due: Due<Event>,
}

pub fn nickname(of: u32) -> Nickname {
    Nickname::new(&format!("u{of}")).unwrap()
}

impl Crowd {
    pub fn new(server: SocketAddr, load: Load) -> Self {
        let Load { clients, loss, seed, .. } = load;
        let messages = (load.rate * load.time.as_secs_f64()) as usize;
        let member = || Member {
            engine: None,
            life: 0,
            began: Instant::ZERO,
            wakes_at: None,
            asked: None,
            number: 0,
            died_at: 0,
            away: true,
        };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut random = Random::new(seed);
        Self {
            server,
            start: std::time::Instant::now(),
            unix_start: unix.as_micros() as i64,
            sockets: Sockets::open().unwrap(),
            faults: Faults::new(Random::new(random.next()), loss),
            random,
            seed,
            ledger: Ledger::for_all(messages, clients * CONTACTS as usize),
            happened: Happened::default(),
            members: std::iter::repeat_with(member).take(clients).collect(),
            come: 0,
            due: Due::new(),
        }
    }

    pub fn now(&self) -> Now {
        let passed = self.start.elapsed();
        let unix = UnixTime::from_micros(self.unix_start + passed.as_micros() as i64);
        Now { at: Instant::after_start(passed), unix }
    }

    /// The address of a run of a client: each run has another one.
    fn address(&self, client: u32, life: u32) -> SocketAddr {
        let number = u64::from(client) + u64::from(life) * self.members.len() as u64;
        self.sockets.address(number % super::sockets::ADDRESSES)
    }

    // What makes them run.

    /// Takes what has come and does what is due. Whether that was anything.
    pub fn turn(&mut self, batch: &mut Batch) -> bool {
        let mut worked = false;
        for at in 0..self.sockets.count() {
            let Some(datagrams) = self.sockets.receive(at, batch) else { continue };
            worked = true;
            for (from, to, payload) in datagrams {
                self.comes_in(from, to, payload);
            }
        }
        // Whoever is woken may be due at once: what comes has its turn in between.
        for _ in 0..256 {
            let Some(event) = self.due.pop(self.now().at) else { break };
            worked = true;
            self.on(event);
        }
        worked
    }

    /// How long nothing is due.
    pub fn rest(&self) -> Duration {
        self.due.next().map_or(Duration::MAX, |at| at - self.now().at)
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Wake(client) => {
                let now = self.now();
                let member = &mut self.members[client as usize];
                member.wakes_at = None;
                let deadline = member.engine.as_ref().and_then(|engine| engine.deadline());
                match deadline {
                    Some(at) if at <= now.at => self.handle(now, client, Input::Deadline),
                    _ => self.wake_in_time(client),
                }
            }
            Event::Return(client) => self.returns(client),
            Event::Out { from, to, payload } => self.sockets.send(from, to, &payload),
            Event::In { from, to, payload } => self.arrives(from, to, &payload),
        }
    }

    fn wake_in_time(&mut self, client: u32) {
        let member = &mut self.members[client as usize];
        let deadline = member.engine.as_ref().and_then(|engine| engine.deadline());
        if let Some(at) = deadline
            && member.wakes_at.is_none_or(|wakes_at| at < wakes_at)
        {
            member.wakes_at = Some(at);
            self.due.push(at, Event::Wake(client));
        }
    }

    /// A datagram has come to a socket; what other clients sent has met its fate before.
    fn comes_in(&mut self, from: SocketAddr, to: u64, payload: &[u8]) {
        if from != self.server {
            return self.arrives(from, to, payload);
        }
        let fate = self.faults.fate(self.now().at);
        for _ in 0..fate.now {
            self.arrives(from, to, payload);
        }
        if let Some(at) = fate.later {
            self.due.push(at, Event::In { from, to, payload: payload.to_vec() });
        }
    }

    fn arrives(&mut self, from: SocketAddr, to: u64, payload: &[u8]) {
        let of = self.members.len() as u64;
        let (client, life) = ((to % of) as u32, (to / of) as u32);
        let member = &self.members[client as usize];
        if member.engine.is_some() && member.life == life {
            self.handle(self.now(), client, Input::Datagram { from, payload, room: true });
        }
    }

    pub fn command(&mut self, now: Now, client: u32, command: ClientCommand) {
        self.handle(now, client, Input::Command(command));
    }

    fn handle(&mut self, now: Now, client: u32, input: Input<'_, ClientCommand>) {
        let member = &mut self.members[client as usize];
        let Some(mut engine) = member.engine.take() else { return };
        let from = self.address(client, self.members[client as usize].life);
        engine.handle(now, input);
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Transmit { to, payload } => self.transmit(now, from, to, payload),
                Output::Emit(emit) => self.on_emit(now, client, emit),
            }
        }
        self.members[client as usize].engine = Some(engine);
        self.wake_in_time(client);
    }

    fn transmit(&mut self, now: Now, from: SocketAddr, to: SocketAddr, payload: Vec<u8>) {
        let fate = self.faults.fate(now.at);
        for _ in 0..fate.now {
            self.sockets.send(from, to, &payload);
        }
        if let Some(at) = fate.later {
            self.due.push(at, Event::Out { from, to, payload });
        }
    }

    fn on_emit(&mut self, now: Now, client: u32, emit: ClientEmit) {
        let member = &mut self.members[client as usize];
        match emit {
            ClientEmit::Message(arrival) => {
                let run = Run { client, life: member.life, began: member.began };
                let mut words = arrival.text.split(' ');
                let mut number = || words.next().unwrap().parse::<u32>().unwrap();
                let (author, id, life) = (number(), number(), number());
                assert_eq!(*arrival.sender.as_str(), format!("u{author}"), "who wrote it");
                assert_eq!(arrival.text.len(), MESSAGE);
                self.ledger.came(now.at, (author, id), life, run, arrival.route);
            }
            ClientEmit::Sent(ticket, outcome) => {
                self.ledger.settled(now.at, (client, ticket as u32), outcome);
            }
            ClientEmit::Session(DEREGISTER, _) => {}
            ClientEmit::Session(_, outcome) => {
                let Some(asked) = member.asked.take() else { return };
                match outcome {
                    Ok(()) => {
                        self.happened.registered += 1;
                        self.happened.registering.add(now.at - asked);
                    }
                    Err(failure) => {
                        member.away = true;
                        let name = format!("{failure:?}");
                        let name = name.split('(').next().unwrap_or_default().to_owned();
                        *self.happened.not_registered.entry(name).or_default() += 1;
                        self.due.push(now.at + AGAIN, Event::Return(client));
                    }
                }
            }
            ClientEmit::Event(ClientEvent::Deregistered { .. }) if !member.away => {
                self.happened.thrown_out += 1;
            }
            ClientEmit::Event(ClientEvent::ServerLost) => self.happened.lost += 1,
            ClientEmit::Event(_) | ClientEmit::Closed => {}
        }
    }

    // How it is with them.

    pub fn registered(&self) -> usize {
        let engines = self.members.iter().filter_map(|member| member.engine.as_ref());
        engines.filter(|engine| engine.is_registered()).count()
    }

    /// Messages of clients that have not died since which have no outcome.
    fn open(&self) -> impl Iterator<Item = Id> + '_ {
        let of_this_run = |(author, number): &Id| *number > self.members[*author as usize].died_at;
        self.ledger.open().filter(of_this_run)
    }

    /// How many these are, and those that were accepted and have not come.
    pub fn unfinished(&self) -> (usize, usize) {
        (self.open().count(), self.ledger.missing().count())
    }

    /// What is known of the first of both: of the message, and its author.
    pub fn show_unfinished(&self) {
        for id in self.open().chain(self.ledger.missing()).take(SHOWN) {
            println!("{}\n{:?}", self.ledger.describe(id), self.members[id.0 as usize].engine);
        }
    }
}
