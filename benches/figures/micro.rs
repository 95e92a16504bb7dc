//! What the parts cost by themselves: nanoseconds, each beside the least that something like it can cost.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant as Clock};

use serde::de::IgnoredAny;
use superchat::proto::{
    Client, ClientCommand, ClientEmit, Engine, Input, Instant, Now, Output, UnixTime,
};
use superchat::wire::{
    ChatFrame, Datagram, Frame, Header, Nickname, Packet, Presence, Row as User, Sequence, Session,
};

use super::Effort;
use super::raw::MESSAGE;
use super::report::{Goal, Row};

/// Nanoseconds that this takes, from as often as it can be done in a turn.
fn nanoseconds(turn: Duration, mut what: impl FnMut()) -> f64 {
    let (begin, mut count) = (Clock::now(), 0);
    while begin.elapsed() < turn {
        (0..100).for_each(|_| what());
        count += 100;
    }
    begin.elapsed().as_nanos() as f64 / f64::from(count)
}

fn row(
    effort: Effort,
    name: &str,
    mut ours: impl FnMut(),
    (against, mut raw): (&'static str, impl FnMut()),
) -> Row {
    let turn = effort.turn / 10;
    let turns =
        (0..effort.turns).map(|_| (nanoseconds(turn, &mut ours), nanoseconds(turn, &mut raw)));
    let (ours, raw): (Vec<_>, Vec<_>) = turns.unzip();
    Row::by_turns(name, "ns", &ours, (against, &raw), Goal::None)
}

/// The parts.
pub fn parts(effort: Effort) -> Vec<Row> {
    let (sender, text) = (Nickname::new("sender").unwrap(), "x".repeat(MESSAGE));
    let [from, to] = [1, 2].map(|number| Session::new(number << 50).unwrap());
    let frame = |number| {
        let chat = ChatFrame { sender: &sender, author: None, number, stored_at: None };
        let mut frame = Vec::new();
        chat.each_part(&text, &mut frame, |_, _| {});
        frame
    };
    let mut header = Header::new(from, to);
    header.sequence = Some(Sequence { number: 123_456_789, floor: 123_456_780 });
    let frames: Vec<_> = (1..=5).map(frame).collect();
    let packet = Packet::assemble(&header, frames.iter().map(Vec::as_slice));
    let chat = Datagram::Chat { sender: sender.clone(), text: text.clone() };
    let datagram = chat.encode();
    vec![
        row(
            effort,
            "encode a message: a frame",
            || drop(black_box(frame(black_box(7)))),
            ("the text as JSON", || drop(black_box(serde_json::to_vec(black_box(&text))))),
        ),
        row(
            effort,
            "decode a packet of five messages",
            || drop(black_box(Packet::decode(black_box(&packet)))),
            ("any JSON", || drop(black_box(serde_json::from_slice::<IgnoredAny>(&packet)))),
        ),
        row(
            effort,
            "decode a classic message",
            || drop(black_box(Datagram::decode(black_box(&datagram)))),
            ("any JSON", || drop(black_box(serde_json::from_slice::<IgnoredAny>(&datagram)))),
        ),
        engine_step(effort, &text, 1),
        engine_step(effort, &text, 32),
    ]
}

/// A message through both engines: sent, taken, acknowledged, settled; alone, and as one of many.
fn engine_step(effort: Effort, text: &str, many: usize) -> Row {
    let mut pair = Pair::new();
    let mut map = HashMap::new();
    let mut number = 0u64;
    let raw = || {
        for _ in 0..many {
            number += 1;
            map.insert(number, text.to_owned());
            drop(black_box(map.remove(&number)));
        }
    };
    let name = match many {
        1 => "a message through both engines".to_owned(),
        _ => format!("{many} messages through both engines"),
    };
    row(effort, &name, || pair.send(text, many), ("kept in a map", raw))
}

/// Two client engines that know of each other.
struct Pair {
    ends: [Client; 2],
    addresses: [std::net::SocketAddr; 2],
    now: Now,
}

impl Pair {
    fn new() -> Self {
        let addresses = [1, 2].map(|host| std::net::SocketAddr::from(([10, 0, 0, host], 1)));
        let server = std::net::SocketAddr::from(([10, 0, 0, 9], 1));
        let names = ["a", "b"].map(|name| Nickname::new(name).unwrap());
        let now = Now { at: Instant::ZERO, unix: UnixTime::EPOCH };
        let own = Session::new(99).unwrap();
        let seeds = [11, 22];
        let rows: Vec<_> = (0..2)
            .map(|end| User {
                nickname: names[end].clone(),
                address: addresses[end],
                presence: Presence::Online,
                session: Some(Session::from_random(seeds[end])),
                last_seen: None,
            })
            .collect();
        let ends = [0, 1].map(|end| {
            let mut client = Client::new(server, names[end].clone(), seeds[end], 1 << 20);
            let nickname = names[end].clone();
            let register = ClientCommand::Register { ticket: 0, nickname };
            client.handle(now, Input::Command(register));
            let session = rows[end].session.unwrap();
            let mut registered = 0;
            while let Some(output) = client.poll_output() {
                if let Output::Transmit { payload, .. } = output
                    && let Ok(Datagram::Register { hello: Some(hello), .. }) =
                        Datagram::decode(&payload)
                {
                    registered = hello.number;
                }
            }
            let welcome = Frame::Notification {
                text: "[Welcome, You are registered.]".to_owned(),
                offline: false,
                answers: Some(registered),
            };
            let changes = Frame::Changes { rows: rows.clone(), since: 0, revision: 2, last: 2 };
            let header = Header::new(own, session);
            let payload = Packet { header, frames: vec![welcome, changes] }.encode();
            client.handle(now, Input::Datagram { from: server, payload: &payload, room: true });
            assert!(client.is_registered() && client.users().count() == 2);
            while client.poll_output().is_some() {}
            client
        });
        Self { ends, addresses, now }
    }

    /// Sends so many, and has all of them settled.
    fn send(&mut self, text: &str, many: usize) {
        self.now.at = self.now.at + Duration::from_micros(20);
        for ticket in 0..many as u64 {
            let (recipient, text) = (Nickname::new("b").unwrap(), text.to_owned());
            self.command(ClientCommand::Send { ticket, recipient, text });
        }
        if many > 1 {
            self.command(ClientCommand::Hasten);
        }
        for (from, to) in [(0, 1), (1, 0)] {
            while let Some(output) = self.ends[from].poll_output() {
                if let Output::Transmit { payload, .. } = output {
                    let from = self.addresses[from];
                    self.ends[to]
                        .take(self.now, Input::Datagram { from, payload: &payload, room: true });
                }
            }
            self.ends[to].flush(self.now);
        }
        let mut settled = 0;
        while let Some(output) = self.ends[0].poll_output() {
            settled += usize::from(matches!(output, Output::Emit(ClientEmit::Sent(_, Ok(_)))));
        }
        assert_eq!(settled, many);
    }

    /// Of the sender.
    fn command(&mut self, command: ClientCommand) {
        self.ends[0].handle(self.now, Input::Command(command));
        black_box(self.ends[0].deadline());
    }
}
