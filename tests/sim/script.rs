//! One engine, and peers that say what the test has them say.
//!
//! A peer has a name of one letter, which is its nickname too; `s` is the server. What an engine
//! does reads `a: ack`, `b: Chat a: hi`, and what it tells its application `says Sent(1, …)`.
//! Datagrams of peers are written as the programs of 2017 write them; [`current`](super::current) has
//! the peers that speak the current dialect.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use superchat::proto::{
    Client, ClientCommand, ClientEmit, Input, Instant, Output, Server, ServerCommand, ServerConfig,
    ServerEmit, StoreAnswer, StoreRequest,
};
use superchat::wire::{Datagram, UnixTime, is_packet};

use super::classic::python_json;
use super::current;
use super::host::{Command, Emit, Host};
use super::store::SimStore;
use super::verbs::server_config;
use super::world::{nickname, now};

pub struct Script {
    pub(super) host: Host,
    at: Instant,
    pub store: SimStore,
    /// The store does nothing until [`store_works`](Self::store_works) is called.
    pub store_waits: bool,
    asked_of_store: Vec<StoreRequest>,
    /// The application takes another event.
    pub room: bool,
    /// Whatever the engine sent, and where to.
    pub sent: Vec<(SocketAddr, Vec<u8>)>,
    /// Whatever the engine told its application for its log.
    pub events: Vec<String>,
    /// The number of the last packet of each peer that speaks the current dialect.
    pub(super) numbers: BTreeMap<String, u64>,
    /// How often each peer has registered.
    pub(super) registrations: BTreeMap<String, u64>,
}

/// Where a peer is.
pub fn address(peer: &str) -> SocketAddr {
    let letter = peer.bytes().next().unwrap();
    SocketAddr::from(([10, 0, 1, letter], if letter == b's' { 5000 } else { 1211 }))
}

impl Script {
    fn new(host: Host) -> Self {
        Self {
            host,
            at: Instant::default(),
            store: SimStore::new(8),
            store_waits: false,
            asked_of_store: Vec::new(),
            room: true,
            sent: Vec::new(),
            events: Vec::new(),
            numbers: BTreeMap::new(),
            registrations: BTreeMap::new(),
        }
    }

    pub fn server() -> Self {
        Self::server_with(server_config(10))
    }

    pub fn server_with(config: ServerConfig) -> Self {
        Self::new(Host::Server(Box::new(Server::new(config, [1, 2, 3]))))
    }

    /// The client `a`.
    pub fn client() -> Self {
        Self::new(Host::Client(Box::new(Client::new(address("s"), nickname("a"), 7, 1 << 20))))
    }

    /// A peer sends this.
    pub fn from(&mut self, peer: &str, payload: impl AsRef<[u8]>) -> Vec<String> {
        let (from, payload, room) = (address(peer), payload.as_ref(), self.room);
        self.handle(Input::Datagram { from, payload, room })
    }

    /// Somebody at an address that is no peer's sends this.
    pub fn stranger_sends(&mut self, from: SocketAddr, payload: impl AsRef<[u8]>) -> Vec<String> {
        let (payload, room) = (payload.as_ref(), self.room);
        self.handle(Input::Datagram { from, payload, room })
    }

    /// The server acknowledges the request under way, and answers it.
    pub fn answered(&mut self, answer: impl AsRef<[u8]>) -> Vec<String> {
        self.from("s", ack());
        self.from("s", answer)
    }

    pub fn told(&mut self, command: ClientCommand) -> Vec<String> {
        self.handle(Input::Command(Command::Client(command)))
    }

    /// What the clock on the wall says.
    pub fn unix(&self) -> UnixTime {
        now(self.at).unix
    }

    pub fn stop(&mut self) -> Vec<String> {
        self.handle(Input::Command(Command::Server(ServerCommand::Stop)))
    }

    /// The server dies, and another one is started on the same store.
    pub fn restart_server(&mut self, config: ServerConfig) -> Vec<String> {
        self.host = Host::Server(Box::new(Server::new(config, [1, 2, 3])));
        let known = self.store.users();
        self.handle(Input::Command(Command::Server(ServerCommand::Known(known))))
    }

    /// How many readings of a mailbox the store was asked for and has not done.
    pub fn waiting_loads(&self) -> usize {
        let loads = self.asked_of_store.iter();
        loads.filter(|request| matches!(request, StoreRequest::Load { .. })).count()
    }

    /// The store does what can wait.
    pub fn store_rests(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for answer in self.store.tend(usize::MAX) {
            let command = Command::Server(ServerCommand::Store(answer));
            lines.extend(self.handle(Input::Command(command)));
        }
        lines
    }

    /// The application of the client sends a message; its ticket is 1.
    pub fn send(&mut self, to: &str, text: &str) -> Vec<String> {
        let (recipient, text) = (nickname(to), text.to_owned());
        self.told(ClientCommand::Send { ticket: 1, recipient, text })
    }

    /// Time passes; what happens stands behind the milliseconds after which it does.
    pub fn wait(&mut self, ms: u64) -> Vec<String> {
        let begin = self.at;
        let end = begin + Duration::from_millis(ms);
        let mut lines = Vec::new();
        while let Some(deadline) = self.host.deadline().filter(|deadline| *deadline <= end) {
            self.at = deadline;
            let after = (deadline - begin).as_millis();
            let done = self.handle(Input::Deadline);
            lines.extend(done.into_iter().map(|line| format!("{after} {line}")));
        }
        self.at = end;
        lines
    }

    /// The store does what it was asked for meanwhile.
    pub fn store_works(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for request in std::mem::take(&mut self.asked_of_store) {
            if let Some(answer) = self.store.carry_out(request).answer {
                let command = Command::Server(ServerCommand::Store(answer));
                lines.extend(self.handle(Input::Command(command)));
            }
        }
        lines
    }

    /// The store could not read or remove what it was asked to, and was asked for nothing else meanwhile.
    pub fn store_fails(&mut self) {
        for request in std::mem::take(&mut self.asked_of_store) {
            let reason = "it fails".to_owned();
            let answer = match request {
                StoreRequest::Remove { recipient, .. } => {
                    StoreAnswer::NotRemoved { recipient, reason }
                }
                StoreRequest::Load { request, recipient } => {
                    StoreAnswer::Loaded { request, recipient, result: Err(reason) }
                }
                _ => panic!("{request:?}"),
            };
            self.handle(Input::Command(Command::Server(ServerCommand::Store(answer))));
        }
    }

    fn handle(&mut self, input: Input<'_, Command>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut outputs = self.host.handle(now(self.at), input);
        if matches!(self.host, Host::Client(_)) {
            // Nothing is held back: a script looks at what goes, and not at when.
            let hasten = Command::Client(ClientCommand::Hasten);
            outputs.extend(self.host.handle(now(self.at), Input::Command(hasten)));
        }
        for output in outputs {
            match output {
                Output::Transmit { to, payload } => {
                    let peer = to.to_string();
                    let letters = ('a'..='z').map(String::from);
                    let letter = letters.into_iter().find(|letter| address(letter) == to);
                    lines.push(format!("{}: {}", letter.unwrap_or(peer), describe(&payload)));
                    self.sent.push((to, payload));
                }
                Output::Emit(Emit::Server(ServerEmit::Store(request))) => {
                    self.asked_of_store.push(request);
                }
                Output::Emit(Emit::Server(ServerEmit::Stopped)) => lines.push("stopped".into()),
                // Lines for a log: what matters of them can be seen from outside, mostly.
                Output::Emit(Emit::Server(ServerEmit::Event(event))) => {
                    self.events.push(format!("{event:?}"));
                }
                Output::Emit(Emit::Client(ClientEmit::Event(event))) => {
                    self.events.push(format!("{event:?}"));
                }
                Output::Emit(Emit::Client(emit)) => lines.push(format!("says {emit:?}")),
                Output::Emit(Emit::Classic(emit)) => lines.push(format!("says {emit:?}")),
            }
        }
        if !self.store_waits && !self.asked_of_store.is_empty() {
            lines.extend(self.store_works());
        }
        lines
    }

    /// `a` and `b` are online, and have acknowledged everything.
    pub fn with_a_and_b() -> Self {
        let mut script = Self::server();
        for peer in ["a", "b"] {
            script.from(peer, reg(peer));
            for _ in 0..3 {
                script.from("a", ack());
                script.from("b", ack());
            }
        }
        assert_eq!(script.wait(3_000), [""; 0]);
        script
    }

    /// The client is online, and so is `b`; `c` is not.
    pub fn online() -> Self {
        let mut script = Self::client();
        script.told(ClientCommand::Register { ticket: 0, nickname: nickname("a") });
        script.from("s", ack());
        script.from("s", note("[Welcome, You are registered.]"));
        let done = script.from("s", table(&[("a", "Yes"), ("b", "Yes"), ("c", "No")]));
        assert_eq!(done, ["s: ack", "says Session(0, Ok(()))"]);
        script
    }

    /// Datagrams that were counted: malformed, oversized, unexpected, busy.
    pub fn refused(&self) -> [u64; 4] {
        let stats = self.host.stats();
        [stats.malformed, stats.oversized, stats.unexpected, stats.busy]
    }
}

fn describe(payload: &[u8]) -> String {
    if is_packet(payload) {
        return current::describe(payload);
    }
    match Datagram::decode(payload).unwrap() {
        Datagram::Register { nickname, .. } => format!("Reg {nickname}"),
        Datagram::Deregister { nickname } => format!("Dereg {nickname}"),
        Datagram::Keep { sender, recipient, seen, text } => {
            format!("Keep {sender} to {recipient}, {seen:?}: {text}")
        }
        Datagram::Notification { text, offline: true } => format!("{text} offline"),
        Datagram::Notification { text, offline: false } => text,
        Datagram::Table(rows) => {
            let rows = rows.iter().map(|row| format!("{} {:?}", row.nickname, row.presence));
            format!("Table {}", rows.collect::<Vec<_>>().join(", "))
        }
        Datagram::Verification => "Verification".into(),
        Datagram::Chat { sender, text } => format!("Chat {sender}: {text}"),
        Datagram::Ack => "ack".into(),
    }
}

pub fn ack() -> Vec<u8> {
    python_json(&[("Type", "ack")])
}

pub fn reg(name: &str) -> Vec<u8> {
    python_json(&[("Nickname", name), ("Type", "Reg")])
}

pub fn dereg(name: &str) -> Vec<u8> {
    python_json(&[("Nickname", name), ("Type", "Dereg")])
}

pub fn keep(sender: &str, recipient: &str, status: &str, text: &str) -> Vec<u8> {
    python_json(&[
        ("Status", status),
        ("Msg", text),
        ("Type", "Offline"),
        ("Receipent", recipient),
        ("Nickname", sender),
    ])
}

pub fn note(text: &str) -> Vec<u8> {
    python_json(&[("Msg", text), ("Type", "Notification"), ("Offline", "False")])
}

/// A notification that puts the client offline.
pub fn offline_note(text: &str) -> Vec<u8> {
    python_json(&[("Msg", text), ("Type", "Notification"), ("Offline", "True")])
}

pub fn chat(sender: &str, text: &str) -> Vec<u8> {
    python_json(&[("Msg", text), ("Type", "Chat"), ("Sender", sender)])
}

pub fn verification() -> Vec<u8> {
    python_json(&[("Type", "Verification")])
}

pub fn table(rows: &[(&str, &str)]) -> Vec<u8> {
    let rows = rows.iter().map(|(name, online)| {
        let address = address(name);
        format!(r#""{name}": ["{}", {}, "{online}"]"#, address.ip(), address.port())
    });
    let rows = format!("{{{}}}", rows.collect::<Vec<_>>().join(", "));
    python_json(&[("Type", "Table"), ("Msg", &rows)])
}
