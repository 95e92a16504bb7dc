//! What people do in a world: start programs, and tell them what to do.

use std::net::SocketAddr;

use chrono::DateTime;
use superchat::proto::{
    Client, ClientCommand, Input, Limits, Server, ServerCommand, ServerConfig, UnixTime,
};

use super::classic::{ClassicClient, ClassicCommand};
use super::host::{Command, Host};
use super::world::{World, nickname};

pub fn server_config(max_users: usize) -> ServerConfig {
    fn local_time(time: UnixTime) -> String {
        let time = DateTime::from_timestamp_micros(time.as_micros()).unwrap();
        time.format("%Y-%m-%d %H:%M:%S").to_string()
    }
    let mut limits = Limits::default();
    limits.users = max_users;
    ServerConfig { limits, refuse_classic: false, local_time }
}

impl World {
    /// A program starts at an address; one that ran there is gone without a word.
    pub fn start(&mut self, at: SocketAddr, host: Host) {
        self.crash(at);
        self.count += 1;
        self.lives.insert(at, self.count);
        let classic_name = match &host {
            Host::ClassicClient(client) => Some(client.nickname.as_str()),
            _ => None,
        };
        self.ledger.began(self.now(), self.count, classic_name);
        if matches!(host, Host::ClassicServer(_)) {
            self.ledger.server_is_classic();
        }
        self.hosts.insert(at, host);
    }

    pub fn start_server(&mut self, max_users: usize) {
        self.start_server_with(server_config(max_users));
    }

    pub fn start_server_with(&mut self, config: ServerConfig) {
        self.looks_up = config.limits.lookup_past < config.limits.users;
        let seed = [self.random.next(), self.random.next(), self.random.next()];
        let server = Server::new(config, seed);
        self.start(self.server, Host::Server(Box::new(server)));
        let known = ServerCommand::Known(self.store.users());
        self.handle(self.server, Input::Command(Command::Server(known)));
    }

    pub fn start_client(&mut self, at: SocketAddr, name: &str) {
        let seed = self.random.next();
        let client = Client::new(self.server, nickname(name), seed, 1 << 20);
        self.start(at, Host::Client(Box::new(client)));
    }

    pub fn start_classic_client(&mut self, at: SocketAddr, name: &str) {
        let client = ClassicClient::new(self.server, name);
        self.start(at, Host::ClassicClient(Box::new(client)));
    }

    pub fn register(&mut self, at: SocketAddr) {
        let command = match &self.hosts[&at] {
            Host::Client(client) => {
                let nickname = client.nickname().clone();
                let ticket = self.open_session(at);
                Command::Client(ClientCommand::Register { ticket, nickname })
            }
            _ => Command::Classic(ClassicCommand::Register),
        };
        self.handle(at, Input::Command(command));
    }

    pub fn deregister(&mut self, at: SocketAddr) {
        let command = match &self.hosts[&at] {
            Host::Client(_) => {
                let ticket = self.open_session(at);
                Command::Client(ClientCommand::Deregister { ticket })
            }
            _ => Command::Classic(ClassicCommand::Deregister),
        };
        self.handle(at, Input::Command(command));
    }

    fn open_session(&mut self, at: SocketAddr) -> u64 {
        self.count += 1;
        self.ledger.opened(at, self.count, None);
        self.count
    }

    pub fn stop_server(&mut self) {
        self.handle(self.server, Input::Command(Command::Server(ServerCommand::Stop)));
    }

    /// The program at an address is told to end; a classic one ends without a word.
    pub fn close(&mut self, at: SocketAddr) {
        match &self.hosts[&at] {
            Host::Client(_) => {
                self.handle(at, Input::Command(Command::Client(ClientCommand::Close)));
            }
            _ => self.crash(at),
        }
    }

    /// Sends a text that nobody has sent before.
    pub fn send(&mut self, at: SocketAddr, recipient: &str, text: &str) {
        self.count += 1;
        let ticket = self.count;
        let command = match &self.hosts[&at] {
            Host::Client(client) => {
                let life = self.lives.get(&at).copied();
                self.ledger.sent(life, client.nickname().as_str(), recipient, text);
                self.ledger.opened(at, ticket, Some(text));
                let (recipient, text) = (nickname(recipient), text.to_owned());
                Command::Client(ClientCommand::Send { ticket, recipient, text })
            }
            Host::ClassicClient(client) => {
                self.ledger.sent(None, &client.nickname, recipient, text);
                let (recipient, text) = (recipient.to_owned(), text.to_owned());
                Command::Classic(ClassicCommand::Send { recipient, text })
            }
            _ => panic!("no client at {at}"),
        };
        self.handle(at, Input::Command(command));
    }
}
