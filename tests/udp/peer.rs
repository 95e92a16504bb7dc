//! A classic peer with nothing behind its socket: the test reads and writes its datagrams.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use superchat::Server;
use superchat::wire::Datagram;

pub(crate) struct Peer {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Peer {
    pub(crate) fn of(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { socket, server: server.address() }
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).unwrap();
    }

    pub(crate) fn send_to(&self, bytes: &[u8], to: SocketAddr) {
        self.socket.send_to(bytes, to).unwrap();
    }

    pub(crate) fn register(&self, nickname: &str) {
        self.send(format!(r#"{{"Type": "Reg", "Nickname": "{nickname}"}}"#).as_bytes());
    }

    /// The next datagram, acknowledged as a classic client does it. What another server says is for whoever had this
    /// port before, in another test.
    pub(crate) fn receive(&self) -> Datagram {
        let mut buffer = [0; 65_536];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer).expect("a datagram in time");
            assert!(length <= 4096, "a classic client dies of {length} bytes");
            let datagram = Datagram::decode(&buffer[..length]).unwrap();
            let is_of_a_server = !matches!(datagram, Datagram::Chat { .. } | Datagram::Ack);
            if is_of_a_server && from != self.server {
                continue;
            }
            if datagram != Datagram::Ack {
                self.socket.send_to(br#"{"Type": "ack"}"#, from).unwrap();
            }
            return datagram;
        }
    }

    /// Reads until something comes that `wanted` picks.
    pub(crate) fn until<T>(&self, wanted: impl Fn(Datagram) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.receive()) {
                return found;
            }
        }
    }

    pub(crate) fn until_table(&self) {
        self.until(|datagram| matches!(datagram, Datagram::Table(_)).then_some(()));
    }

    pub(crate) fn until_notified(&self) -> String {
        self.until(|datagram| match datagram {
            Datagram::Notification { text, .. } => Some(text),
            _ => None,
        })
    }
}
