//! Hosts, a network between them, a store, and the checks that watch them.
//!
//! The invariant: every step is one event, in the order of the virtual clock; whatever a host does
//! because of it is checked before the next.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use superchat::Nickname;
use superchat::proto::{
    Client, ClientEmit, Input, Instant, Now, Output, Route, ServerCommand, ServerEmit,
    StoreRequest, UnixTime,
};
use superchat::wire::{Datagram, Frame, Packet, Row, is_packet};

use super::check::{Ledger, Life, Promises};
use super::classic::ClassicEmit;
use super::host::{Command, Emit, Host};
use super::network::{Clock, Network, Random, Weather};
use super::store::SimStore;
use super::wire_check::WireCheck;

/// How long a host's thread takes datagrams until it does what is due for all of them.
const BATCH: Duration = Duration::from_micros(150);

/// When every run begins: 2017-03-01 15:28:35 UTC.
const BEGIN: i64 = 1_488_382_115_000_000;

enum Event {
    Arrival {
        from: SocketAddr,
        to: SocketAddr,
        payload: Vec<u8>,
    },
    Wake(SocketAddr),
    /// The store of this run of the server turns to what it was asked for.
    StoreWorks(Life),
    /// A host that was frozen goes on.
    Thaw(SocketAddr),
}

pub struct World {
    clock: Clock<Event>,
    pub network: Network,
    pub(super) hosts: BTreeMap<SocketAddr, Host>,
    /// The run of the program at each address, counted over all of them.
    pub(super) lives: BTreeMap<SocketAddr, u64>,
    wakes: BTreeMap<SocketAddr, Instant>,
    pub server: SocketAddr,
    pub store: SimStore,
    /// Milliseconds that the store takes for one batch, at the most.
    pub store_delay: u64,
    /// What the store was asked for and has not done.
    asked_of_store: Vec<StoreRequest>,
    pub ledger: Ledger,
    wire: WireCheck,
    /// Hosts whose applications take nothing more for now.
    pub full: BTreeSet<SocketAddr>,
    /// Hosts that do nothing at all for now, and hear nothing, but have their memory.
    frozen: BTreeSet<SocketAddr>,
    pub(super) random: Random,
    /// Programs started and tickets given.
    pub(super) count: u64,
    trace: bool,
    steps: u64,
    /// After how many steps the bounds are looked at: that takes long where much is under way.
    pub bounds_every: u64,
    /// The server tells nobody of everyone, or will not as soon as there are some more users.
    pub(super) looks_up: bool,
    /// The server has said its last.
    pub stopped: bool,
}

pub fn nickname(name: &str) -> Nickname {
    Nickname::new(name).unwrap()
}

/// The two clocks of a run at a point of its virtual time.
pub fn now(at: Instant) -> Now {
    let elapsed = i64::try_from(at.since_start().as_micros()).unwrap();
    Now { at, unix: UnixTime::from_micros(BEGIN + elapsed) }
}

impl World {
    /// A world with nothing in it but the address of a server.
    pub fn new(seed: u64, weather: Weather, promises: Promises, trace: bool) -> Self {
        Self {
            clock: Clock::new(),
            network: Network::new(weather, seed),
            hosts: BTreeMap::new(),
            lives: BTreeMap::new(),
            wakes: BTreeMap::new(),
            server: "10.0.0.1:5000".parse().unwrap(),
            store: SimStore::new(4),
            store_delay: 5,
            asked_of_store: Vec::new(),
            ledger: Ledger::new(promises),
            wire: WireCheck::default(),
            full: BTreeSet::new(),
            frozen: BTreeSet::new(),
            random: Random::new(!seed),
            count: 0,
            trace,
            steps: 0,
            bounds_every: 1,
            looks_up: false,
            stopped: false,
        }
    }

    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    pub fn host(&self, at: SocketAddr) -> Option<&Host> {
        self.hosts.get(&at)
    }

    /// A program vanishes.
    pub fn crash(&mut self, at: SocketAddr) {
        self.trace(|| format!("{at} is gone"));
        self.hosts.remove(&at);
        self.ledger.crashed(at);
        self.wire.restarted(at);
    }

    /// A program does nothing for a while, and then goes on as if nothing had been.
    pub fn freeze(&mut self, at: SocketAddr, time: Duration) {
        if self.frozen.insert(at) {
            self.clock.schedule(self.now() + time, Event::Thaw(at));
        }
    }

    pub fn is_frozen(&self, at: SocketAddr) -> bool {
        self.frozen.contains(&at)
    }

    /// A datagram that no program has sent.
    pub fn forge(&mut self, from: SocketAddr, to: SocketAddr, payload: Vec<u8>) {
        self.clock.schedule(self.now(), Event::Arrival { from, to, payload });
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now() + time;
        while let Some(event) = self.clock.next(end) {
            self.step(event);
        }
        self.clock.advance(end);
    }

    /// Who is registered, as their own programs have it.
    pub fn present(&self) -> Vec<(SocketAddr, String)> {
        let name = |host: &Host| match host {
            Host::Client(client) => {
                client.is_registered().then(|| client.nickname().as_str().to_owned())
            }
            Host::ClassicClient(client) => client.online.then(|| client.nickname.clone()),
            _ => None,
        };
        self.hosts.iter().filter_map(|(at, host)| Some((*at, name(host)?))).collect()
    }

    /// Whoever is registered, as its own program of the current dialect has it, is so with the server,
    /// and has the server's table.
    pub fn check_current(&self) {
        let Host::Server(server) = &self.hosts[&self.server] else { return };
        let table: Vec<Row> = server.users().collect();
        for row in table.iter().filter(|row| row.presence.is_online()) {
            // A program of 2017 says that it is there also while its user is not.
            let there = match row.session {
                Some(_) => self.present().contains(&(row.address, row.nickname.to_string())),
                None => self.hosts.contains_key(&row.address),
            };
            assert!(there, "nobody is there, and yet online: {row:?}");
        }
        for (at, host) in &self.hosts {
            let Host::Client(client) = host else { continue };
            if client.is_registered() {
                let name = client.nickname();
                let held = table.iter().any(|row| row.nickname == *name && row.address == *at);
                assert!(held, "the server does not hold {name} at {at}: {table:?}");
                self.check_table(client, &table);
            }
        }
    }

    /// A client has the server's table, or of that whom it has looked up.
    fn check_table(&self, client: &Client, table: &[Row]) {
        let known: Vec<_> = client.users().collect();
        let has = match self.looks_up {
            true => known.iter().all(|row| table.contains(row)),
            false => client.users().eq(table),
        };
        assert!(has, "of {}: {known:?}, not {table:?}", client.nickname());
    }

    /// The server's table has everyone who is present, and everyone has the server's table.
    pub fn check_agreement(&self) {
        let Host::Server(server) = &self.hosts[&self.server] else { return };
        let table: Vec<Row> = server.users().collect();
        for (at, name) in self.present() {
            let held = table.iter().any(|row| row.nickname.as_str() == name && row.address == at);
            assert!(held, "the server does not hold {name} at {at}: {table:?}");
            match &self.hosts[&at] {
                Host::Client(client) => self.check_table(client, &table),
                Host::ClassicClient(client) => {
                    let rows = client.table.iter().map(|(name, row)| (name.as_str(), *row));
                    let expected = table.iter().map(|row| {
                        (row.nickname.as_str(), (row.address, row.presence.is_online()))
                    });
                    assert!(rows.eq(expected), "the table of {name}");
                }
                _ => {}
            }
        }
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Arrival { from, to, payload } => self.arrive(from, to, &payload),
            Event::Wake(at) => {
                if self.wakes.get(&at) == Some(&self.now()) {
                    self.wakes.remove(&at);
                }
                if !self.frozen.contains(&at) {
                    self.handle(at, Input::Deadline);
                }
            }
            Event::StoreWorks(life) => {
                if self.lives.get(&self.server) == Some(&life) {
                    self.work_through();
                }
            }
            Event::Thaw(at) => {
                self.frozen.remove(&at);
                self.handle(at, Input::Deadline);
            }
        }
    }

    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        self.trace(|| format!("{to} reads from {from}: {}", String::from_utf8_lossy(payload)));
        if self.frozen.contains(&to) {
            return;
        }
        self.wire.received(from, to, payload);
        self.note_requests(payload);
        let room = !self.full.contains(&to);
        // Each third, more come before its thread does what is due.
        if self.steps.is_multiple_of(3) {
            let Some(host) = self.hosts.get_mut(&to) else { return };
            let outputs = host.take(now(self.clock.now()), from, payload, room);
            self.steps += 1;
            self.clock.schedule(self.now() + BATCH, Event::Wake(to));
            return self.carry_out(to, outputs);
        }
        self.handle(to, Input::Datagram { from, payload, room });
    }

    /// What a datagram asks of the server, as far as the ledger wants to know.
    fn note_requests(&mut self, payload: &[u8]) {
        let now = self.clock.now();
        if let Ok(packet) = Packet::decode(payload) {
            for frame in packet.frames {
                if let Frame::Deregister { nickname, .. } = frame {
                    self.ledger.turned(now, nickname.as_str());
                }
            }
        }
        match Datagram::decode(payload) {
            Ok(Datagram::Register { nickname, .. } | Datagram::Deregister { nickname }) => {
                self.ledger.turned(now, nickname.as_str());
            }
            Ok(Datagram::Keep { text, .. }) => self.ledger.asked(&text),
            _ => {}
        }
    }

    /// The store carries out some of what it was asked for, in one batch.
    fn work_through(&mut self) {
        let most = self.asked_of_store.len() as u64;
        if most == 0 {
            return;
        }
        let batch = self.random.within(1..=most) as usize;
        let batch: Vec<StoreRequest> = self.asked_of_store.drain(..batch).collect();
        self.trace(|| format!("the store: {batch:?}"));
        for done in self.store.apply(batch) {
            if let Some(message) = done.appended {
                self.ledger.stored(&message.text);
            }
            for message in done.removed {
                self.ledger.removed(self.clock.now(), &message.text);
            }
            if let Some(answer) = done.answer {
                let command = Command::Server(ServerCommand::Store(answer));
                self.handle(self.server, Input::Command(command));
            }
        }
        if self.random.percent(50) {
            let steps = self.random.within(1..=4) as usize;
            self.store.tend(steps);
        }
        if !self.asked_of_store.is_empty() {
            self.schedule_store();
        }
    }

    fn schedule_store(&mut self) {
        let takes = self.random.ms(0..=self.store_delay);
        let life = self.lives[&self.server];
        self.clock.schedule(self.now() + takes, Event::StoreWorks(life));
    }

    /// The server dies, alone or with the power of its machine, in the middle of what its store does.
    pub fn kill_server(&mut self, power: bool) {
        self.crash(self.server);
        self.ledger.server_died();
        let under_way = std::mem::take(&mut self.asked_of_store);
        self.trace(|| format!("the server dies in the middle of {under_way:?}"));
        if power {
            self.store.crash_amid(under_way, &mut self.random);
        } else {
            self.store.kill_amid(under_way, &mut self.random);
        }
    }

    pub(super) fn handle(&mut self, at: SocketAddr, input: Input<'_, Command>) {
        let Some(host) = self.hosts.get_mut(&at) else { return };
        if let Input::Command(command) = &input
            && self.trace
        {
            println!("{:?} {at} is told {command:?}", self.clock.now().since_start());
        }
        let outputs = host.handle(now(self.clock.now()), input);
        let ours = host.is_ours();
        self.steps += 1;
        if self.steps.is_multiple_of(self.bounds_every) {
            assert!(
                host.is_within_bounds(),
                "{at} keeps more than it may, or other than it counts"
            );
        }
        if let Some(deadline) = host.deadline() {
            assert!(!ours || deadline > self.now(), "{at} puts off what is due");
            if self.wakes.get(&at).is_none_or(|wake| deadline < *wake) {
                self.wakes.insert(at, deadline);
                self.clock.schedule(deadline, Event::Wake(at));
            }
        }
        self.carry_out(at, outputs);
    }

    fn carry_out(&mut self, at: SocketAddr, outputs: Vec<Output<Emit>>) {
        let ours = self.hosts.get(&at).is_some_and(Host::is_ours);
        for output in outputs {
            match output {
                Output::Transmit { to, payload } => {
                    if ours {
                        self.wire.sent(self.now(), at, to, &payload);
                        let classic = self.hosts.get(&to).is_some_and(Host::is_classic);
                        assert!(!classic || !is_packet(&payload), "a classic peer dies of it");
                    }
                    self.transmit(at, to, payload);
                }
                Output::Emit(emit) => self.on_emit(at, emit),
            }
        }
    }

    fn transmit(&mut self, from: SocketAddr, to: SocketAddr, payload: Vec<u8>) {
        for transit in self.network.transits(from, to) {
            let payload = payload.clone();
            self.clock.schedule(self.now() + transit, Event::Arrival { from, to, payload });
        }
    }

    fn on_emit(&mut self, at: SocketAddr, emit: Emit) {
        self.trace(|| format!("{at} says {emit:?}"));
        match emit {
            Emit::Server(ServerEmit::Store(request)) => {
                self.asked_of_store.push(request);
                if self.asked_of_store.len() == 1 {
                    self.schedule_store();
                }
            }
            Emit::Client(ClientEmit::Message(message)) => {
                let Host::Client(client) = &self.hosts[&at] else { unreachable!() };
                let (sender, recipient) = (message.sender.as_str(), client.nickname().as_str());
                assert_eq!(message.sent_at.is_some(), message.route == Route::Stored);
                let (now, life) = (self.clock.now(), self.lives[&at]);
                self.ledger.came(now, life, sender, recipient, &message.text, message.route);
            }
            Emit::Client(ClientEmit::Sent(ticket, outcome)) => {
                self.ledger.settled(self.clock.now(), ticket, outcome);
            }
            Emit::Client(ClientEmit::Session(ticket, _)) => self.ledger.answered(ticket),
            Emit::Client(ClientEmit::Closed) => {
                self.ledger.check_settled(at);
                self.crash(at);
            }
            Emit::Classic(ClassicEmit::Exited) => self.crash(at),
            Emit::Classic(ClassicEmit::Shown { sender, text }) => {
                let Host::ClassicClient(client) = &self.hosts[&at] else { unreachable!() };
                let (text, route) = match text.strip_prefix("2017-03-01 ") {
                    Some(stamped) => (&stamped["15:28:35 ".len()..], Route::Stored),
                    None => (text.as_str(), Route::Direct),
                };
                let life = self.lives[&at];
                self.ledger.came(self.clock.now(), life, &sender, &client.nickname, text, route);
            }
            Emit::Server(ServerEmit::Stopped) => self.stopped = true,
            Emit::Client(ClientEmit::Event(_))
            | Emit::Classic(ClassicEmit::Line(_))
            | Emit::Server(ServerEmit::Event(_)) => {}
        }
    }

    fn trace(&self, line: impl Fn() -> String) {
        if self.trace {
            println!("{:?} {}", self.now().since_start(), line());
        }
    }
}
