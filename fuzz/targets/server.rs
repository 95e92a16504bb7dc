//! A sequence of hostile datagrams, deadlines and store answers, for the engine of a server.
//!
//! The invariant: nothing panics, what [`Driven`] looks at holds after each, nobody is told "saved"
//! before the store said so, no address that was never proven is sent more than three times what came
//! from there, and a server that is told to stop has stopped a second later.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use superchat::proto::{
    Input, LastSeen, Limits, Output, Server, ServerCommand, ServerConfig, ServerEmit, StoreAnswer,
    StoreRequest, StoredMessage,
};
use superchat::wire::{Datagram, Frame, Hello, MessageId, Nickname, Notice, Packet};

use super::bytes::{Bytes, address, session};
use super::driven::Driven;
use super::far::Far;

/// Who talks to the server. There are more of them than the table has room for.
const CLIENTS: usize = 8;

const MAX_USERS: usize = 6;

/// Long messages have an end that inputs can reach.
const MAX_TEXT: usize = 8192;

/// Tries of a server's last word, 500 ms apart: see ARCHITECTURE.md.
const LAST_WORD: Duration = Duration::from_secs(1);

struct World {
    server: Driven<Server>,
    clients: Vec<Far>,
    room: bool,
    /// What the store was asked for and has not done.
    asked: VecDeque<StoreRequest>,
    /// Messages that it was asked to keep, and those that it said it has.
    keeping: BTreeMap<u64, MessageId>,
    kept: BTreeSet<MessageId>,
    /// The store said that it has what it was not asked to keep: from then on nothing is true.
    store_lies: bool,
    stopped: bool,
}

/// Does what the input says.
pub fn run(data: &[u8]) {
    let bytes = &mut Bytes::new(data);
    let mut limits = Limits::default();
    limits.users = MAX_USERS;
    limits.lookup_past = if bytes.strange() { 2 } else { MAX_USERS };
    limits.message_bytes = MAX_TEXT;
    limits.message_age = bytes.flag().then_some(Duration::from_secs(60));
    let config = ServerConfig {
        limits,
        refuse_classic: bytes.strange(),
        local_time: |_| "2017-03-01 15:28:35".to_owned(),
    };
    let mut world = World {
        server: Driven::new(Server::new(config, [1, 2, 3])),
        clients: (0..CLIENTS).map(|nth| Far::new(session(nth))).collect(),
        room: true,
        asked: VecDeque::new(),
        keeping: BTreeMap::new(),
        kept: BTreeSet::new(),
        store_lies: false,
        stopped: false,
    };
    while !bytes.is_empty() {
        world.step(bytes);
    }
    world.end();
}

impl World {
    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.below(16) {
            0 => {
                let nth = bytes.below(CLIENTS);
                self.datagram(nth, bytes.chunk());
            }
            1 => self.say(bytes, |bytes, _| Datagram::Register {
                nickname: bytes.nickname(),
                hello: None,
            }),
            2 => self.say(bytes, register),
            3 => self.say(bytes, |_, _| Datagram::Ack),
            4 => self.say(bytes, |bytes, _| Datagram::Deregister { nickname: bytes.nickname() }),
            5 => self.say(bytes, |bytes, _| Datagram::Keep {
                sender: bytes.nickname(),
                recipient: bytes.nickname(),
                seen: bytes.presence(),
                text: bytes.text(),
            }),
            6..=8 => {
                let nth = bytes.below(CLIENTS);
                let payload = self.clients[nth].packet(bytes);
                self.datagram(nth, &payload);
            }
            9 => {
                let nth = bytes.below(CLIENTS);
                self.join(nth, bytes.nickname());
            }
            10 => {
                let nth = bytes.below(CLIENTS);
                let payload = self.clients[nth].taken();
                self.datagram(nth, &payload);
            }
            11 => {
                let outputs = self.server.wait(bytes.duration());
                self.take(outputs);
            }
            12 => {
                for _ in 0..bytes.below(16) {
                    let outputs = self.server.next();
                    self.take(outputs.unwrap_or_default());
                }
            }
            13 => self.store(bytes),
            14 => self.echo(bytes),
            _ => match bytes.byte() {
                ..128 => self.room = !self.room,
                128..220 => self.store_invents(bytes),
                220..250 => self.known(bytes),
                250.. => self.command(ServerCommand::Stop),
            },
        }
    }

    /// A datagram comes from one of the addresses.
    fn datagram(&mut self, nth: usize, payload: &[u8]) {
        let outputs = self.server.datagram(address(nth), payload, self.room);
        self.take(outputs);
    }

    fn say(&mut self, bytes: &mut Bytes<'_>, what: impl Fn(&mut Bytes<'_>, &mut Far) -> Datagram) {
        let nth = bytes.below(CLIENTS);
        let datagram = what(bytes, &mut self.clients[nth]);
        self.datagram(nth, &datagram.encode());
    }

    /// A client registers as it should.
    fn join(&mut self, nth: usize, nickname: Nickname) {
        for _ in 0..2 {
            let client = &mut self.clients[nth];
            client.last += 1;
            let hello = Hello {
                session: client.session,
                number: client.last,
                floor: client.sent + 1,
                cookie: client.cookie,
            };
            let register = Datagram::Register { nickname: nickname.clone(), hello: Some(hello) };
            self.datagram(nth, &register.encode());
        }
        let payload = self.clients[nth].taken();
        self.datagram(nth, &payload);
    }

    /// What the server said to somebody comes back, perhaps from elsewhere, perhaps not whole.
    fn echo(&mut self, bytes: &mut Bytes<'_>) {
        let (nth, of) = (bytes.below(CLIENTS), bytes.below(CLIENTS));
        let mut payload = self.clients[of].heard.clone();
        for _ in 0..bytes.below(3) {
            let (at, to) = (usize::from(bytes.byte()) * 5, bytes.byte());
            if let Some(byte) = payload.get_mut(at) {
                *byte = to;
            }
        }
        self.datagram(nth, &payload);
    }

    /// The store does something that it was asked for, not always the oldest.
    fn store(&mut self, bytes: &mut Bytes<'_>) {
        let at = if bytes.strange() { bytes.below(self.asked.len().max(1)) } else { 0 };
        let Some(asked) = self.asked.remove(at) else { return };
        let fails = bytes.strange();
        let reason = || "the disk is full".to_owned();
        let answer = match asked {
            StoreRequest::Append { request, recipient, .. } => {
                let result = if fails { Err(reason()) } else { Ok(()) };
                StoreAnswer::Appended { request, recipient, result }
            }
            StoreRequest::Load { request, recipient } => {
                let result = if fails { Err(reason()) } else { Ok(messages(bytes)) };
                StoreAnswer::Loaded { request, recipient, result }
            }
            StoreRequest::Remove { recipient, .. } if fails => {
                StoreAnswer::NotRemoved { recipient, reason: reason() }
            }
            StoreRequest::Remove { .. }
            | StoreRequest::Remember { .. }
            | StoreRequest::Forget { .. } => return,
            StoreRequest::Expire { .. } => StoreAnswer::Expired {
                recipient: bytes.nickname().to_string(),
                senders: (0..bytes.below(5)).map(|_| bytes.nickname()).collect(),
            },
        };
        self.answer(answer);
    }

    /// The store answers what it was not asked, or says another thing than it was asked for.
    fn store_invents(&mut self, bytes: &mut Bytes<'_>) {
        let (request, recipient) = (u64::from(bytes.byte()), bytes.nickname());
        let answer = match bytes.below(4) {
            0 => StoreAnswer::Appended { request, recipient, result: Ok(()) },
            1 => StoreAnswer::Loaded { request, recipient, result: Ok(messages(bytes)) },
            2 => StoreAnswer::NotRemoved { recipient, reason: bytes.text() },
            _ => StoreAnswer::Fault { reason: bytes.text() },
        };
        self.answer(answer);
    }

    fn answer(&mut self, answer: StoreAnswer) {
        if let StoreAnswer::Appended { request, result: Ok(()), .. } = &answer {
            match self.keeping.get(request) {
                Some(id) => drop(self.kept.insert(*id)),
                None => self.store_lies = true,
            }
        }
        self.command(ServerCommand::Store(answer));
    }

    /// Those who were known before the server started. A server is told once, at its start; here it is
    /// told whenever.
    fn known(&mut self, bytes: &mut Bytes<'_>) {
        let user = |bytes: &mut Bytes<'_>| {
            let last = LastSeen { address: address(bytes.below(CLIENTS)), time: bytes.time() };
            (bytes.nickname(), last)
        };
        let users = (0..bytes.below(10)).map(|_| user(bytes)).collect();
        self.command(ServerCommand::Known(users));
    }

    fn command(&mut self, command: ServerCommand) {
        let outputs = self.server.handle(Input::Command(command));
        self.take(outputs);
    }

    fn take(&mut self, outputs: Vec<Output<ServerEmit>>) {
        self.server.proven.extend(self.server.engine.users().map(|row| row.address));
        self.server.check_fair(&outputs);
        for output in outputs {
            match output {
                Output::Transmit { to, payload } => {
                    self.check_saved(&payload);
                    let nth = (0..CLIENTS).find(|nth| address(*nth) == to);
                    let nth = nth.expect("nobody else is to be sent anything");
                    self.clients[nth].hear(&payload);
                }
                Output::Emit(ServerEmit::Store(request)) => self.ask(request),
                Output::Emit(ServerEmit::Stopped) => {
                    assert!(!self.stopped, "it stopped twice");
                    self.stopped = true;
                }
                Output::Emit(ServerEmit::Event(event)) => assert!(!event.to_string().is_empty()),
            }
        }
    }

    fn ask(&mut self, request: StoreRequest) {
        if let StoreRequest::Append { request, message, .. } = &request {
            assert!(message.text.len() <= MAX_TEXT, "{} bytes", message.text.len());
            let id = message.id.expect("what is stored has a number");
            assert!(self.keeping.insert(*request, id).is_none(), "{request} was asked twice");
        }
        self.asked.push_back(request);
    }

    /// What is called saved, the store has.
    fn check_saved(&self, payload: &[u8]) {
        let Ok(Packet { header, frames }) = Packet::decode(payload) else { return };
        for frame in frames {
            if let Frame::Notification { text, answers: Some(number), .. } = frame
                && text == Notice::Saved.to_string()
            {
                let id = MessageId { author: header.to, number };
                assert!(self.store_lies || self.kept.contains(&id), "{id:?} is not saved");
            }
        }
    }

    fn end(&mut self) {
        self.command(ServerCommand::Stop);
        let emitted = self.server.run_down(LAST_WORD);
        let stopped = emitted.iter().filter(|emit| matches!(emit, ServerEmit::Stopped)).count();
        assert_eq!(stopped + usize::from(self.stopped), 1, "it does not stop");
    }
}

fn register(bytes: &mut Bytes<'_>, client: &mut Far) -> Datagram {
    let cookie = if bytes.strange() { Some(bytes.number()) } else { client.cookie };
    let hello = Hello {
        session: if bytes.strange() { bytes.session() } else { client.session },
        number: bytes.near(&mut client.last),
        floor: if bytes.strange() { bytes.near(&mut client.sent) } else { client.sent + 1 },
        cookie,
    };
    Datagram::Register { nickname: bytes.nickname(), hello: Some(hello) }
}

fn messages(bytes: &mut Bytes<'_>) -> Vec<StoredMessage> {
    let message = |bytes: &mut Bytes<'_>| StoredMessage {
        sender: bytes.nickname(),
        text: bytes.text(),
        time: bytes.time(),
        id: bytes
            .flag()
            .then(|| MessageId { author: bytes.session(), number: u64::from(bytes.byte()) }),
    };
    (0..bytes.below(5)).map(|_| message(bytes)).collect()
}
