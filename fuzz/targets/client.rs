//! A sequence of hostile datagrams, deadlines and commands, for the engine of a client.
//!
//! The invariant: nothing panics, what [`Driven`] looks at holds after each, nothing is handed to an
//! application that has no room, whatever is asked for has one outcome, no stranger is sent more than
//! three times what it sent, and a client that is told to close has closed a second later.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use superchat::Nickname;
use superchat::proto::{Client, ClientCommand, ClientEmit, Failure, Input, Output, Ticket};
use superchat::wire::{Datagram, Frame, Hello, Notice};

use super::bytes::{Bytes, address, session};
use super::driven::Driven;
use super::far::Far;

/// The server, which is the first of them, other clients, and strangers.
const OTHERS: usize = 6;

/// Long messages have an end that inputs can reach.
const MAX_TEXT: usize = 8192;

/// What a server that does not answer is waited for at the end: see ARCHITECTURE.md.
const LAST_WORD: Duration = Duration::from_secs(1);

struct World {
    client: Driven<Client>,
    others: Vec<Far>,
    room: bool,
    /// How the client introduced itself last.
    hello: Option<Hello>,
    tickets: Ticket,
    settled: BTreeSet<Ticket>,
    closed: bool,
}

/// Does what the input says.
pub fn run(data: &[u8]) {
    let bytes = &mut Bytes::new(data);
    let nickname = Nickname::new("sonic").unwrap();
    let client = Client::new(address(0), nickname, 7, MAX_TEXT);
    let mut world = World {
        client: Driven::new(client),
        others: (0..OTHERS).map(|nth| Far::new(session(nth))).collect(),
        room: true,
        hello: None,
        tickets: 0,
        settled: BTreeSet::new(),
        closed: false,
    };
    world.client.proven.insert(address(0));
    while !bytes.is_empty() {
        world.step(bytes);
    }
    world.end();
}

impl World {
    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.below(16) {
            0 => {
                let nth = bytes.below(OTHERS);
                self.datagram(nth, bytes.chunk());
            }
            1 => {
                let nth = bytes.below(OTHERS);
                self.datagram(nth, &classic(bytes).encode());
            }
            // The server more often than others.
            kind @ 2..=5 => {
                let nth = if kind < 4 { 0 } else { bytes.below(OTHERS) };
                let payload = self.others[nth].packet(bytes);
                self.datagram(nth, &payload);
            }
            6 => self.welcome(bytes),
            7 => self.classic_welcome(bytes),
            8 => {
                let nth = bytes.below(OTHERS);
                let payload = self.others[nth].taken();
                self.datagram(nth, &payload);
            }
            9 => {
                let command = self.command(bytes);
                let outputs = self.client.handle(Input::Command(command));
                self.take(outputs);
            }
            10 => {
                let recipient = bytes.nickname();
                self.tickets += 1;
                let send =
                    ClientCommand::Send { ticket: self.tickets, recipient, text: bytes.text() };
                let outputs = self.client.handle(Input::Command(send));
                self.take(outputs);
            }
            11 => {
                let outputs = self.client.wait(bytes.duration());
                self.take(outputs);
            }
            12 => {
                for _ in 0..bytes.below(16) {
                    let outputs = self.client.next();
                    self.take(outputs.unwrap_or_default());
                }
            }
            13 => self.echo(bytes),
            14 => self.answer(bytes),
            _ => self.room = !self.room,
        }
    }

    fn datagram(&mut self, nth: usize, payload: &[u8]) {
        let outputs = self.client.datagram(address(nth), payload, self.room);
        let message = |output: &_| matches!(output, Output::Emit(ClientEmit::Message(_)));
        assert!(self.room || !outputs.iter().any(message), "there was no room for it");
        self.take(outputs);
    }

    fn command(&mut self, bytes: &mut Bytes<'_>) -> ClientCommand {
        self.tickets += 1;
        let ticket = self.tickets;
        match bytes.byte() {
            ..200 => ClientCommand::Register { ticket, nickname: bytes.nickname() },
            200..240 => ClientCommand::Deregister { ticket },
            240.. => {
                self.tickets -= 1;
                ClientCommand::Close
            }
        }
    }

    /// The client registers, and the server takes it in, with a table.
    fn welcome(&mut self, bytes: &mut Bytes<'_>) {
        if bytes.flag() {
            self.tickets += 1;
            let (ticket, nickname) = (self.tickets, bytes.nickname());
            let outputs =
                self.client.handle(Input::Command(ClientCommand::Register { ticket, nickname }));
            self.take(outputs);
        }
        let answers = self.hello.map(|hello| hello.number);
        let welcome =
            Frame::Notification { text: Notice::Welcome.to_string(), offline: false, answers };
        let server = &mut self.others[0];
        server.revision += 1;
        let revision = server.revision;
        let rows = (0..bytes.below(4)).map(|_| bytes.row()).collect();
        let table = Frame::Changes { rows, since: 0, revision, last: revision };
        let payload = server.saying(vec![welcome, table]);
        self.datagram(0, &payload);
    }

    /// The same, by a server of the classic dialect.
    fn classic_welcome(&mut self, bytes: &mut Bytes<'_>) {
        self.datagram(0, &Datagram::Ack.encode());
        let text = Notice::Welcome.to_string();
        self.datagram(0, &Datagram::Notification { text, offline: false }.encode());
        let rows = (0..bytes.below(4)).map(|_| bytes.row()).collect();
        self.datagram(0, &Datagram::Table(rows).encode());
    }

    /// The server answers a request, mostly one of the last.
    fn answer(&mut self, bytes: &mut Bytes<'_>) {
        let answers = Some(u64::from(bytes.byte()));
        let frame = Frame::Notification { text: bytes.line(), offline: bytes.strange(), answers };
        let payload = self.others[0].saying(vec![frame]);
        self.datagram(0, &payload);
    }

    /// What the client said to somebody comes back, perhaps from elsewhere, perhaps not whole.
    fn echo(&mut self, bytes: &mut Bytes<'_>) {
        let (nth, of) = (bytes.below(OTHERS), bytes.below(OTHERS));
        let mut payload = self.others[of].heard.clone();
        for _ in 0..bytes.below(3) {
            let (at, to) = (usize::from(bytes.byte()) * 5, bytes.byte());
            if let Some(byte) = payload.get_mut(at) {
                *byte = to;
            }
        }
        self.datagram(nth, &payload);
    }

    fn take(&mut self, outputs: Vec<Output<ClientEmit>>) {
        // It talks to those whom its server names.
        self.client.proven.extend(self.client.engine.users().map(|row| row.address));
        self.client.check_fair(&outputs);
        for output in outputs {
            match output {
                Output::Transmit { to, payload } => self.hear(to, &payload),
                Output::Emit(emit) => self.on_emit(emit),
            }
        }
    }

    fn hear(&mut self, to: SocketAddr, payload: &[u8]) {
        if let Ok(Datagram::Register { hello: Some(hello), .. }) = Datagram::decode(payload) {
            assert_eq!(to, address(0), "nobody else is asked for a name");
            self.hello = Some(hello);
            // Both ends of what comes next know each other now.
            self.others.iter_mut().for_each(|other| other.to = Some(hello.session));
        }
        if let Some(nth) = (0..OTHERS).find(|nth| address(*nth) == to) {
            self.others[nth].hear(payload);
        }
    }

    fn on_emit(&mut self, emit: ClientEmit) {
        let refusal = matches!(
            emit,
            ClientEmit::Sent(_, Err(Failure::Closed))
                | ClientEmit::Session(_, Err(Failure::Closed))
        );
        assert!(!self.closed || refusal, "after its end: {emit:?}");
        match emit {
            ClientEmit::Sent(ticket, _) | ClientEmit::Session(ticket, _) => {
                assert!((1..=self.tickets).contains(&ticket), "nobody has ticket {ticket}");
                assert!(self.settled.insert(ticket), "two outcomes for {ticket}");
            }
            ClientEmit::Message(message) => assert!(message.text.len() <= MAX_TEXT),
            ClientEmit::Event(_) => {}
            ClientEmit::Closed => self.closed = true,
        }
    }

    fn end(&mut self) {
        let outputs = self.client.handle(Input::Command(ClientCommand::Close));
        self.take(outputs);
        for emit in self.client.run_down(LAST_WORD) {
            self.on_emit(emit);
        }
        assert!(self.closed, "it does not close");
        assert_eq!(self.settled.len() as u64, self.tickets, "an outcome is missing");
    }
}

/// A datagram of the classic dialect, of any kind.
fn classic(bytes: &mut Bytes<'_>) -> Datagram {
    match bytes.below(8) {
        0 => Datagram::Register { nickname: bytes.nickname(), hello: None },
        1 => Datagram::Deregister { nickname: bytes.nickname() },
        2 => Datagram::Keep {
            sender: bytes.nickname(),
            recipient: bytes.nickname(),
            seen: bytes.presence(),
            text: bytes.text(),
        },
        3 => Datagram::Notification { text: bytes.line(), offline: bytes.flag() },
        4 => Datagram::Table((0..bytes.below(6)).map(|_| bytes.row()).collect()),
        5 => Datagram::Verification,
        6 => Datagram::Chat { sender: bytes.nickname(), text: bytes.text() },
        _ => Datagram::Ack,
    }
}
