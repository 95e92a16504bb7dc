//! What the machine gives to programs that do nothing but send and receive.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, recv};

use super::child::{Process, say};

/// The bytes of a message.
pub const MESSAGE: usize = 100;

/// A datagram that ends a part.
const END: [u8; 1] = [0];

fn bind() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

/// Answers each datagram.
pub fn pong(_: &[String]) {
    let socket = bind();
    say(&socket.local_addr().unwrap().to_string());
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        if length == END.len() {
            return;
        }
        socket.send_to(&buffer[..length], from).unwrap();
    }
}

/// Acknowledges each datagram, with its number.
pub fn acknowledge(_: &[String]) {
    let socket = bind();
    say(&socket.local_addr().unwrap().to_string());
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        if length == END.len() {
            return;
        }
        socket.send_to(&buffer[..8], from).unwrap();
    }
}

/// A raw peer in a process of its own.
pub struct Raw {
    socket: UdpSocket,
    _process: Process,
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = self.socket.send(&END);
    }
}

impl Raw {
    pub fn start(part: &str) -> Self {
        let mut process = Process::start(part, 1, &[]);
        let socket = bind();
        socket.connect(process.hears()).unwrap();
        // Nothing is lost on the loopback interface while a window fits the receiver's buffer.
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        Self { socket, _process: process }
    }

    /// Round trips one at a time, between two blocking processes: microseconds each.
    pub fn round_trips(&self, turn: Duration) -> Vec<f64> {
        let (mut took, mut buffer) = (Vec::new(), [0; 2048]);
        let over = Instant::now() + turn;
        while Instant::now() < over {
            let begin = Instant::now();
            self.socket.send(&[1; MESSAGE]).unwrap();
            self.socket.recv(&mut buffer).unwrap();
            took.push(begin.elapsed().as_secs_f64() * 1e6);
        }
        took
    }

    /// Acknowledged datagrams a second, so many under way at a time, a message each.
    pub fn window(&self, window: usize, turn: Duration) -> f64 {
        let mut buffer = [0; 2048];
        let (begin, mut sent, mut done) = (Instant::now(), 0, 0);
        while begin.elapsed() < turn {
            while sent - done < window {
                self.socket.send(&[1; MESSAGE]).unwrap();
                sent += 1;
            }
            self.socket.recv(&mut buffer).unwrap();
            done += 1;
            while sent > done && recv(&self.socket, &mut buffer, RecvFlags::DONTWAIT).is_ok() {
                done += 1;
            }
        }
        while done < sent {
            self.socket.recv(&mut buffer).unwrap();
            done += 1;
        }
        done as f64 / begin.elapsed().as_secs_f64()
    }
}
