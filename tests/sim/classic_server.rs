//! The server of 2017.
//!
//! It acknowledges everything that it reads in its main loop, acks included. Once it has sent
//! something it waits up to half a second for *any* datagram, and drops it if it is no ack: so
//! requests get lost. It retries nothing. A mailbox is gone once it was read out.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use serde_json::{Map, Value, json};
use superchat::proto::{Engine, Input, Instant, Now, Output, Stats};

use super::classic::{PATIENCE, assert_known, field, parse, python_json};

#[derive(Debug)]
struct User {
    address: SocketAddr,
    online: bool,
}

/// What its one thread does next.
#[derive(Debug)]
enum Step {
    /// Send this, and wait half a second for an ack.
    Say(SocketAddr, Vec<u8>),
    /// Send this to everyone who is online by then.
    Table,
    /// Go on with the request of this sender, knowing whether the one asked was there.
    Verified { from: SocketAddr, request: Value },
}

#[derive(Debug, Default)]
pub struct ClassicServer {
    users: BTreeMap<String, User>,
    mailboxes: BTreeMap<String, Vec<(String, String)>>,
    steps: VecDeque<Step>,
    waiting_until: Option<Instant>,
    ack_came: bool,
    outputs: VecDeque<Output<()>>,
}

impl ClassicServer {
    fn on_datagram(&mut self, from: SocketAddr, payload: &[u8]) {
        let request = parse(payload);
        let kind = field(&request, "Type").to_owned();
        let mut known = vec!["Type", "Nickname", "Receipent", "Status", "Msg"];
        if kind == "Reg" {
            // How a current client shows what it is: it cannot know yet what the server is.
            known.extend(["Session", "Number", "Floor"]);
        }
        assert_known(&request, &known);
        if self.waiting_until.take().is_some() {
            self.ack_came = kind == "ack";
            return;
        }
        self.transmit(from, python_json(&[("Type", "ack")]));
        match kind.as_str() {
            "ack" => {}
            "Reg" => {
                let name = field(&request, "Nickname");
                match self.users.get(name) {
                    Some(holder) if holder.online && holder.address != from => {
                        self.verify(holder.address, from, request);
                    }
                    _ => self.welcome(from, name),
                }
            }
            "Dereg" => {
                if let Some(user) = self.users.get_mut(field(&request, "Nickname")) {
                    user.online = false;
                }
                self.notify(from, "[You are Offline. Bye.]", "True");
                self.steps.push_back(Step::Table);
            }
            "Offline" => match self.users.get(field(&request, "Receipent")) {
                None => {
                    let name = field(&request, "Receipent");
                    self.notify(from, &format!("[Client {name} Not Existed!]"), "False");
                }
                Some(user) if user.online => self.verify(user.address, from, request),
                Some(_) => self.keep(from, &request),
            },
            unknown => panic!("a classic server never heard of {unknown}"),
        }
    }

    fn verify(&mut self, whom: SocketAddr, from: SocketAddr, request: Value) {
        self.steps.push_back(Step::Say(whom, python_json(&[("Type", "Verification")])));
        self.steps.push_back(Step::Verified { from, request });
    }

    fn on_verified(&mut self, from: SocketAddr, request: &Value) {
        let there = std::mem::take(&mut self.ack_came);
        if field(request, "Type") == "Reg" {
            let name = field(request, "Nickname");
            if there {
                return self.notify(from, &format!("[{name} is already Online!]"), "True");
            }
            return self.welcome(from, name);
        }
        let name = field(request, "Receipent");
        if there && field(request, "Status") == "Offline" {
            self.notify(from, &format!("[Client {name} exists!!]"), "False");
            self.steps.push_back(Step::Say(from, self.table()));
        } else {
            // Who did not acknowledge a direct message is dead to it, whatever it says itself.
            self.keep(from, request);
            self.steps.push_back(Step::Table);
        }
    }

    fn keep(&mut self, from: SocketAddr, request: &Value) {
        let recipient = field(request, "Receipent").to_owned();
        if let Some(user) = self.users.get_mut(&recipient) {
            user.online = false;
        }
        let text = format!("2017-03-01 15:28:35 {}", field(request, "Msg"));
        let message = (field(request, "Nickname").to_owned(), text);
        self.mailboxes.entry(recipient).or_default().push(message);
        self.notify(from, "[Messages received by the server and saved]", "False");
    }

    fn welcome(&mut self, address: SocketAddr, name: &str) {
        self.users.insert(name.to_owned(), User { address, online: true });
        self.notify(address, "[Welcome, You are registered.]", "False");
        self.steps.push_back(Step::Table);
        let mailbox = self.mailboxes.remove(name).unwrap_or_default();
        if !mailbox.is_empty() {
            self.notify(address, "[You Have Messages]", "False");
        }
        for (sender, text) in mailbox {
            let chat = [("Msg", &*text), ("Type", "Chat"), ("Sender", &sender)];
            self.steps.push_back(Step::Say(address, python_json(&chat)));
        }
    }

    fn notify(&mut self, to: SocketAddr, text: &str, offline: &str) {
        let notification = [("Msg", text), ("Type", "Notification"), ("Offline", offline)];
        self.steps.push_back(Step::Say(to, python_json(&notification)));
    }

    fn table(&self) -> Vec<u8> {
        let row = |user: &User| {
            let online = if user.online { "Yes" } else { "No" };
            json!([user.address.ip().to_string(), user.address.port(), online])
        };
        let rows: Map<String, Value> =
            self.users.iter().map(|(name, user)| (name.clone(), row(user))).collect();
        python_json(&[("Type", "Table"), ("Msg", &Value::from(rows).to_string())])
    }

    /// Goes on until it has to wait.
    fn run(&mut self, now: Instant) {
        if self.waiting_until.is_some_and(|until| now < until) {
            return;
        }
        self.waiting_until = None;
        while self.waiting_until.is_none()
            && let Some(step) = self.steps.pop_front()
        {
            match step {
                Step::Say(to, payload) => {
                    self.ack_came = false;
                    self.transmit(to, payload);
                    self.waiting_until = Some(now + PATIENCE);
                }
                Step::Table => {
                    let table = self.table();
                    for user in self.users.values().rev().filter(|user| user.online) {
                        self.steps.push_front(Step::Say(user.address, table.clone()));
                    }
                }
                Step::Verified { from, request } => self.on_verified(from, &request),
            }
        }
    }

    fn transmit(&mut self, to: SocketAddr, payload: Vec<u8>) {
        self.outputs.push_back(Output::Transmit { to, payload });
    }
}

impl Engine for ClassicServer {
    type Command = ();
    type Emit = ();

    fn take(&mut self, now: Now, input: Input<'_, ()>) {
        if let Input::Datagram { from, payload, .. } = input {
            self.on_datagram(from, payload);
        }
        self.run(now.at);
    }

    fn flush(&mut self, _: Now) {}

    fn poll_output(&mut self) -> Option<Output<()>> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.waiting_until
    }

    fn counters(&self) -> Stats {
        Stats::default()
    }
}
