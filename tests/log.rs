//! What is logged, and that it is nothing without a subscriber.
//!
//! A subscriber is the whole process's, so this file has one test.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex, Weak};

use superchat::{Client, Delivery, Server};
use tracing_subscriber::filter::LevelFilter;

static LOGGED: Mutex<String> = Mutex::new(String::new());
static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// A subscriber that calls the endpoint which logs, as only code can that is called with no lock held.
struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let server = SERVER.lock().unwrap().upgrade();
        if let Some(server) = server {
            let _ = (server.stats(), server.users());
        }
        LOGGED.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server and three clients, two of them offline; the third one sends them messages, of which one
/// cannot be stored, and somebody else sends what is no datagram of the protocol. All threads have ended
/// when it returns.
fn session() -> [String; 2] {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("tails"), "of somebody else's\n").unwrap();
    let server = Arc::new(Server::builder().directory(directory.path()).start().unwrap());
    *SERVER.lock().unwrap() = Arc::downgrade(&server);
    let address = server.address().to_string();
    let [sonic, tails, lanking] = ["sonic", "tails", "lanking"]
        .map(|name| Client::builder(name).server(&address).connect().unwrap());
    sonic.deregister().unwrap();
    tails.close();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.send_to(b"hello", server.address()).unwrap();
    assert_eq!(lanking.send("sonic", "a secret").unwrap(), Delivery::Stored);
    let addresses = [address, stranger.local_addr().unwrap().to_string()];
    assert!(lanking.send("tails", "a secret").is_err());
    lanking.close();
    sonic.close();
    server.stop();
    addresses
}

#[test]
fn what_happens_is_logged_with_the_endpoint_that_it_happened_to() {
    session();
    assert_eq!(*LOGGED.lock().unwrap(), "", "nobody has asked for a log");

    tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_max_level(LevelFilter::TRACE)
        .with_writer(|| Log)
        .init();
    let [address, stranger] = session();
    let logged = LOGGED.lock().unwrap();
    let server = format!("server{{address={address}}}: superchat::");
    for line in [
        "INFO {server}endpoint::server_builder: serving directory=",
        "DEBUG {server}endpoint::log: asked to register nickname=sonic address=127.0.0.1:",
        "INFO {server}endpoint::log: online nickname=sonic address=127.0.0.1:",
        "INFO {server}endpoint::log: offline nickname=sonic",
        "DEBUG {server}net::driver: rejected a datagram from={stranger} length=5 reason=\"malformed\"",
        "DEBUG {server}endpoint::log: asked to pass a message on sender=lanking recipient=sonic",
        "DEBUG {server}endpoint::log: stored a message recipient=sonic",
        "ERROR {server}endpoint::log: a mailbox cannot be used nickname=tails reason=",
        "INFO {server}net::driver: ended",
        "superchat::endpoint::client_builder: started server={address}",
        "superchat::endpoint::log: registered nickname=lanking",
    ] {
        let line = line.replace("{server}", &server);
        let line = line.replace("{address}", &address).replace("{stranger}", &stranger);
        assert!(logged.contains(&line), "{line}\n{logged}");
    }
    assert!(!logged.contains("a secret"), "{logged}");
}
