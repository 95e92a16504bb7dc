//! What is malformed, oversized or hostile is counted and dropped, and everything else goes on.

use std::net::UdpSocket;

use superchat::Delivery;
use superchat::wire::Datagram;

use crate::peer::Peer;
use crate::{client, server};

/// The 2017 fault: one malformed datagram kills it.
#[test]
fn malformed_datagrams_are_counted_and_dropped() {
    let (_directory, server) = server();
    let sonic = client("sonic", &server);
    let lanking = client("lanking", &server);
    let tails = Peer::of(&server);
    tails.register("tails");
    tails.until_table();
    // So that sonic knows where tails is.
    let pending = sonic.post("tails", "hi").unwrap();
    tails.until(|datagram| matches!(datagram, Datagram::Chat { .. }).then_some(()));
    assert_eq!(pending.wait().unwrap(), Delivery::Received);
    let nested = "[".repeat(4000);
    let malformed: [&[u8]; 7] = [
        b"",
        b"\xff\x00",
        b"{}",
        b"null",
        br#"{"Type":"Reg"}"#,
        br#"{"Type":1}"#,
        nested.as_bytes(),
    ];
    for bytes in malformed {
        tails.send(bytes);
        tails.send_to(bytes, sonic.address());
    }
    // Sockets of one host keep the order: what is answered comes after what was sent before it.
    tails.send(br#"{"Type":"Reg","Nickname":"two words"}"#);
    tails.until_notified();
    tails.send_to(br#"{"Type":"Chat","Sender":"tails","Msg":"hi"}"#, sonic.address());
    tails.until(|datagram| (datagram == Datagram::Ack).then_some(()));
    assert_eq!(server.stats().malformed, malformed.len() as u64 + 1);
    assert_eq!(sonic.stats().malformed, malformed.len() as u64);
    assert_eq!(lanking.send("sonic", "hi").unwrap(), Delivery::Received);
}

#[test]
fn a_nickname_that_is_not_allowed_is_refused_with_a_reason() {
    let (_directory, server) = server();
    let peer = Peer::of(&server);
    peer.register("two words");
    assert_eq!(peer.until_notified(), "[Nickname not allowed: it has white space in it]");
    assert!(server.users().is_empty());
}

#[test]
fn both_sides_of_the_length_that_a_server_reads() {
    let (_directory, server) = server();
    let peer = Peer::of(&server);
    let padded = |length: usize| {
        let start = r#"{"Type":"Reg","Nickname":"sonic","Padding":""#;
        format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
    };
    peer.send(padded(4097).as_bytes());
    peer.send(padded(4096).as_bytes());
    assert_eq!(peer.until_notified(), "[Welcome, You are registered.]");
    assert_eq!(server.stats().oversized, 1);
}

#[test]
fn what_others_say_in_a_users_name_does_not_count() {
    let (_directory, server) = server();
    let _sonic = client("sonic", &server);
    let stranger = Peer::of(&server);
    stranger.send(br#"{"Type":"Dereg","Nickname":"sonic"}"#);
    assert_eq!(stranger.until_notified(), "[You are Offline. Bye.]");
    stranger.send(
        br#"{"Type":"Offline","Nickname":"sonic","Receipent":"sonic","Status":"Online","Msg":"x"}"#,
    );
    assert_eq!(stranger.until_notified(), "[sonic is not registered from here.]");
    assert!(server.users()[0].online);
}

/// A client believes its own server's address, and nobody else's.
#[test]
fn a_stranger_cannot_say_that_the_server_is_down() {
    let (_directory, server) = server();
    let sonic = client("sonic", &server);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let lies: [&[u8]; 3] = [
        br#"{"Type":"Notification","Msg":"[Server is Down!]","Offline":"True"}"#,
        br#"{"Type":"Table","Msg":"{}"}"#,
        br#"{"Type":"Verification"}"#,
    ];
    for lie in lies {
        stranger.send_to(lie, sonic.address()).unwrap();
    }
    assert_eq!(sonic.send("sonic", "a word to myself").unwrap(), Delivery::Received);
    assert_eq!(sonic.stats().unexpected, lies.len() as u64);
    assert!(sonic.is_registered());
}

#[test]
fn a_classic_client_is_refused_where_none_are_wanted() {
    let directory = tempfile::TempDir::new().unwrap();
    let builder = superchat::Server::builder().directory(directory.path());
    let server = builder.refuse_classic(true).start().unwrap();
    let peer = Peer::of(&server);
    peer.register("tails");
    assert_eq!(peer.until_notified(), "[No classic clients here.]");
    let sonic = client("sonic", &server);
    assert!(sonic.is_registered());
    assert_eq!(server.users().len(), 1);
}
