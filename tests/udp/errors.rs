//! Each error is one line that names the thing.

use std::net::UdpSocket;

use superchat::wire::Datagram;
use superchat::{Client, Delivery, Error, Server};
use tempfile::TempDir;

use crate::peer::Peer;
use crate::{client, server};

fn one_line(error: &Error, names: &str) {
    let text = error.to_string();
    assert!(text.contains(names) && !text.contains('\n'), "{text}");
}

#[test]
fn a_port_in_use() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = TempDir::new().unwrap();
    let error = Server::builder().bind(&address).directory(directory.path()).start().unwrap_err();
    assert!(matches!(error, Error::Bind { .. }));
    one_line(&error, &address);
    let error = Client::builder("sonic").bind(&address).connect().unwrap_err();
    assert!(matches!(error, Error::Bind { .. }));
    one_line(&error, &address);
}

#[test]
fn a_directory_that_cannot_be_used() {
    let error = Server::builder().directory("/nowhere/at/all").start().unwrap_err();
    assert!(matches!(error, Error::Directory { .. }));
    one_line(&error, "/nowhere/at/all");
    let (directory, _server) = server();
    let error = Server::builder().directory(directory.path()).start().unwrap_err();
    assert!(matches!(error, Error::DirectoryInUse { .. }));
    one_line(&error, &directory.path().display().to_string());
}

#[test]
fn a_name_that_is_not_allowed_or_taken_or_unknown() {
    let (_directory, server) = server();
    for (name, shown) in [("", "\"\""), ("two words", "two words"), ("a\u{1b}b", "\\u{1b}")] {
        let error = Client::builder(name).connect().unwrap_err();
        assert!(matches!(error, Error::Nickname { .. }));
        one_line(&error, shown);
    }
    let sonic = client("sonic", &server);
    let address = server.address().to_string();
    let error = Client::builder("sonic").server(&address).connect().unwrap_err();
    assert!(matches!(error, Error::NameTaken { .. }));
    one_line(&error, "sonic");
    let error = sonic.send("tails", "hi").unwrap_err();
    assert!(matches!(error, Error::UnknownUser { .. }));
    one_line(&error, "tails");
}

#[test]
fn a_host_that_does_not_exist() {
    let error = Client::builder("sonic").server("no port").connect().unwrap_err();
    assert!(matches!(error, Error::Address { .. }));
    one_line(&error, "no port");
}

#[test]
fn a_server_that_is_not_there() {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    let error = Client::builder("sonic").server(&address).connect().unwrap_err();
    assert!(matches!(error, Error::ServerNotResponding { .. }));
    one_line(&error, &address);
}

#[test]
fn both_sides_of_the_length_of_a_message() {
    let (_directory, server) = server();
    let sonic = client("sonic", &server);
    const LIMIT: usize = 1 << 20;
    assert_eq!(sonic.send("sonic", &"x".repeat(LIMIT)).unwrap(), Delivery::Received);
    assert!(matches!(
        sonic.send("sonic", &"x".repeat(LIMIT + 1)),
        Err(Error::TooLong { bytes, limit: LIMIT }) if bytes == LIMIT + 1,
    ));
}

/// A classic program reads no more than one datagram.
#[test]
fn both_sides_of_the_length_of_a_message_to_a_classic_client() {
    let (_directory, server) = server();
    let sonic = client("sonic", &server);
    let tails = Peer::of(&server);
    tails.register("tails");
    tails.until_table();
    let overhead = match sonic.send("tails", &"x".repeat(4096)).unwrap_err() {
        Error::TooLong { bytes, limit: 4096 } => bytes - 4096,
        other => panic!("{other}"),
    };
    let longest = sonic.post("tails", &"x".repeat(4096 - overhead)).unwrap();
    tails.until(|datagram| matches!(datagram, Datagram::Chat { .. }).then_some(()));
    assert_eq!(longest.wait().unwrap(), Delivery::Received);
    assert!(matches!(
        sonic.send("tails", &"x".repeat(4097 - overhead)),
        Err(Error::TooLong { bytes: 4097, .. }),
    ));
}
