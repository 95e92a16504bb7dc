//! The client of 2017, as strict as the real one is fragile.
//!
//! It acknowledges every datagram except an ack, then acts on it. It dies, and the test with it, of
//! a datagram that is longer than 4096 bytes, does not parse, or is of a type that it never heard
//! of. It does one thing at a time, and one flag says that "an ack came", whoever sent it. It reads
//! and writes JSON by itself: what our encoder and decoder agree on proves nothing about 2017.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use superchat::proto::{Engine, Input, Instant, Now, Output, Stats};

/// How long it sleeps before it looks at its flag.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// How often it sends a request.
const TRIES: u32 = 5;

#[derive(Debug, Clone)]
pub enum ClassicCommand {
    Register,
    Deregister,
    Send { recipient: String, text: String },
}

#[derive(Debug)]
pub enum ClassicEmit {
    /// A message on the user's screen.
    Shown {
        sender: String,
        text: String,
    },
    /// A line of the server on the user's screen.
    Line(#[expect(dead_code, reason = "for the trace")] String),
    Exited,
}

/// The command under way: what was sent last, and when the flag is looked at.
#[derive(Debug)]
struct Doing {
    sent: Sent,
    until: Instant,
}

#[derive(Debug)]
enum Sent {
    Request { datagram: Vec<u8>, tries: u32 },
    Chat { recipient: String, text: String },
}

#[derive(Debug)]
pub struct ClassicClient {
    server: SocketAddr,
    pub nickname: String,
    pub online: bool,
    pub table: BTreeMap<String, (SocketAddr, bool)>,
    ack_came: bool,
    doing: Option<Doing>,
    waiting: VecDeque<ClassicCommand>,
    outputs: VecDeque<Output<ClassicEmit>>,
}

impl ClassicClient {
    pub fn new(server: SocketAddr, nickname: &str) -> Self {
        Self {
            server,
            nickname: nickname.to_owned(),
            online: false,
            table: BTreeMap::new(),
            ack_came: false,
            doing: None,
            waiting: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    fn on_datagram(&mut self, from: SocketAddr, payload: &[u8]) {
        let datagram = parse(payload);
        assert_known(&datagram, &["Type", "Msg", "Offline", "Sender"]);
        let kind = field(&datagram, "Type");
        if kind == "ack" {
            self.ack_came = true;
            return;
        }
        self.transmit(from, python_json(&[("Type", "ack")]));
        match kind {
            "Notification" => {
                let text = field(&datagram, "Msg").to_owned();
                match text.as_str() {
                    "[Welcome, You are registered.]" => self.online = true,
                    "[Server is Down!]" => self.exit(),
                    _ => {}
                }
                if field(&datagram, "Offline") == "True" {
                    self.online = false;
                }
                self.emit(ClassicEmit::Line(text));
            }
            "Table" => self.table = read_table(field(&datagram, "Msg")),
            "Verification" => {}
            "Chat" => {
                let sender = field(&datagram, "Sender").to_owned();
                let text = field(&datagram, "Msg").to_owned();
                self.emit(ClassicEmit::Shown { sender, text });
            }
            unknown => panic!("a classic client prints this raw on its screen: {unknown}"),
        }
    }

    /// Looks at the flag, once the half second is over.
    fn wake(&mut self, now: Instant) {
        let Some(doing) = self.doing.take_if(|doing| now >= doing.until) else { return };
        match doing.sent {
            _ if self.ack_came => {}
            Sent::Request { datagram, tries } if tries < TRIES => {
                self.request(now, datagram, tries + 1);
            }
            Sent::Request { .. } => self.exit(),
            Sent::Chat { recipient, text } => self.keep(now, &recipient, &text, "Online"),
        }
    }

    fn next_command(&mut self, now: Instant) {
        while self.doing.is_none()
            && let Some(command) = self.waiting.pop_front()
        {
            let name = self.nickname.clone();
            match command {
                ClassicCommand::Register => {
                    let datagram = python_json(&[("Nickname", &name), ("Type", "Reg")]);
                    self.request(now, datagram, 1);
                }
                ClassicCommand::Deregister => {
                    let datagram = python_json(&[("Nickname", &name), ("Type", "Dereg")]);
                    self.request(now, datagram, 1);
                }
                ClassicCommand::Send { .. } if !self.online => {}
                ClassicCommand::Send { recipient, text } => match self.table.get(&recipient) {
                    None => {}
                    Some((_, false)) => self.keep(now, &recipient, &text, "Offline"),
                    Some((address, true)) => {
                        let chat = [("Msg", &*text), ("Type", "Chat"), ("Sender", &name)];
                        self.ack_came = false;
                        self.transmit(*address, python_json(&chat));
                        let sent = Sent::Chat { recipient, text };
                        self.doing = Some(Doing { sent, until: now + PATIENCE });
                    }
                },
            }
        }
    }

    fn keep(&mut self, now: Instant, recipient: &str, text: &str, status: &str) {
        let name = self.nickname.clone();
        let keep = [
            ("Status", status),
            ("Msg", text),
            ("Type", "Offline"),
            ("Receipent", recipient),
            ("Nickname", &name),
        ];
        self.request(now, python_json(&keep), 1);
    }

    fn request(&mut self, now: Instant, datagram: Vec<u8>, tries: u32) {
        self.ack_came = false;
        self.transmit(self.server, datagram.clone());
        let sent = Sent::Request { datagram, tries };
        self.doing = Some(Doing { sent, until: now + PATIENCE });
    }

    fn exit(&mut self) {
        self.waiting.clear();
        self.emit(ClassicEmit::Exited);
    }

    fn emit(&mut self, emit: ClassicEmit) {
        self.outputs.push_back(Output::Emit(emit));
    }

    fn transmit(&mut self, to: SocketAddr, payload: Vec<u8>) {
        self.outputs.push_back(Output::Transmit { to, payload });
    }
}

impl Engine for ClassicClient {
    type Command = ClassicCommand;
    type Emit = ClassicEmit;

    fn take(&mut self, now: Now, input: Input<'_, ClassicCommand>) {
        match input {
            Input::Datagram { from, payload, .. } => self.on_datagram(from, payload),
            Input::Command(command) => self.waiting.push_back(command),
            Input::Deadline => {}
        }
        self.wake(now.at);
        self.next_command(now.at);
    }

    fn flush(&mut self, _: Now) {}

    fn poll_output(&mut self) -> Option<Output<ClassicEmit>> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.doing.as_ref().map(|doing| doing.until)
    }

    fn counters(&self) -> Stats {
        Stats::default()
    }
}

/// Reads a datagram as the program of 2017 does, or dies of it.
pub fn parse(payload: &[u8]) -> Value {
    assert!(payload.len() <= 4096, "a classic program cuts it and dies: {} bytes", payload.len());
    serde_json::from_slice(payload).unwrap_or_else(|error| {
        panic!("a classic program dies of {:?}: {error}", String::from_utf8_lossy(payload))
    })
}

/// The program of 2017 would ignore what it does not know. But nobody knows what others that are
/// built to its protocol do: so nothing else is to reach one.
pub fn assert_known(datagram: &Value, known: &[&str]) {
    let fields = datagram.as_object().expect("an object");
    let unknown = fields.keys().find(|key| !known.contains(&key.as_str()));
    assert!(unknown.is_none(), "a classic program knows nothing of {unknown:?}: {datagram}");
}

/// A field that must be there.
pub fn field<'a>(datagram: &'a Value, name: &str) -> &'a str {
    datagram[name].as_str().unwrap_or_else(|| panic!("KeyError: {name} of {datagram}"))
}

fn read_table(text: &str) -> BTreeMap<String, (SocketAddr, bool)> {
    let rows: BTreeMap<String, Value> = serde_json::from_str(text).unwrap();
    rows.into_iter()
        .map(|(name, row)| {
            assert_eq!(row.as_array().map(Vec::len), Some(3), "of {name}: {row}");
            let ip = row[0].as_str().unwrap().parse().unwrap();
            let port = u16::try_from(row[1].as_u64().unwrap()).unwrap();
            let online = match row[2].as_str() {
                Some("Yes") => true,
                Some("No") => false,
                _ => panic!("neither Yes nor No: {row}"),
            };
            (name, (SocketAddr::new(ip, port), online))
        })
        .collect()
}

/// What Python 2's `json.dumps` writes: all of it ASCII, a space after each separator.
pub fn python_json(fields: &[(&str, &str)]) -> Vec<u8> {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\": {}", python_string(value)))
        .collect();
    format!("{{{}}}", fields.join(", ")).into_bytes()
}

fn python_string(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    let mut ascii = String::new();
    for character in quoted.chars() {
        match character {
            ' '..='~' => ascii.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    ascii.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    ascii
}
