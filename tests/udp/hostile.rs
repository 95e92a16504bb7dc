//! What is malformed, oversized or hostile is counted and dropped, and everything else goes on.

use std::net::UdpSocket;
use std::sync::mpsc;

use superchat::wire::{Chat, Datagram, Frame, Header, Nickname, Packet, Piece, Sequence};
use superchat::{Client, Delivery};

use crate::hose::learn;
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

/// A client believes its own server's address, and nobody else's: neither another machine with the same
/// port, nor the same machine with another one, nor whoever knows everyone's session, as all do.
#[test]
fn a_stranger_cannot_speak_for_the_server() {
    let (_directory, server) = server();
    let (sender, heard) = mpsc::channel();
    let event = sender.clone();
    let sonic = Client::builder("sonic").server(server.address().to_string());
    let sonic = sonic
        .on_event(move |told| drop(event.send(format!("{told:?}"))))
        .on_message(move |message| drop(sender.send(message.text)))
        .connect()
        .unwrap();
    let lanking = client("lanking", &server);
    let known = learn(server.address(), &["sonic", "lanking"]);
    let of = |name: &str| {
        let at = known.names.iter().position(|known| known.as_str() == name).unwrap();
        known.sessions[at]
    };
    let classic = [
        r#"{"Type":"Notification","Msg":"[Server is Down!]","Offline":"True"}"#,
        r#"{"Type":"Notification","Msg":"[You are Offline. Bye.]","Offline":"True"}"#,
        r#"{"Type":"Notification","Msg":"[Welcome, You are registered.]","Offline":"False"}"#,
        r#"{"Type":"Table","Msg":"{}"}"#,
        r#"{"Type":"Verification"}"#,
        r#"{"Type":"Chat","Sender":"lanking","Msg":"forged"}"#,
        r#"{"Type":"ack"}"#,
    ];
    let down =
        Frame::Notification { text: "[Server is Down!]".into(), offline: true, answers: None };
    let gone = Frame::Changes { rows: Vec::new(), since: 0, revision: 99, last: 99 };
    let forged = Frame::Chat(Chat {
        sender: Nickname::new("lanking").unwrap(),
        author: None,
        number: 99,
        stored_at: None,
        piece: Piece::default(),
        text: "forged".into(),
    });
    let current = [(known.server, down), (known.server, gone), (of("lanking"), forged)];
    let current = current.map(|(from, frame)| {
        let sequence = Some(Sequence { number: 99, floor: 99 });
        let header = Header { sequence, ..Header::new(from, of("sonic")) };
        Packet { header, frames: vec![frame] }.encode()
    });
    let same_machine = UdpSocket::bind("127.0.0.1:0").unwrap();
    let same_port = UdpSocket::bind(("127.0.0.2", server.address().port())).unwrap();
    // Two messages in a row have their acks: what was told before is told, and nothing under way.
    for _ in 0..2 {
        assert_eq!(lanking.send("sonic", "begin").unwrap(), Delivery::Received);
    }
    while heard.recv().unwrap() != "begin" {}
    assert_eq!(heard.recv().unwrap(), "begin");
    let (before, users) = (sonic.stats().unexpected, sonic.users());
    for stranger in [&same_machine, &same_port] {
        for lie in classic {
            stranger.send_to(lie.as_bytes(), sonic.address()).unwrap();
        }
        for lie in &current {
            stranger.send_to(lie, sonic.address()).unwrap();
        }
    }
    assert_eq!(lanking.send("sonic", "end").unwrap(), Delivery::Received);
    // The server may still tell of the users what is known already.
    let next = heard.iter().find(|heard| heard != "UsersChanged");
    assert_eq!(next.unwrap(), "end", "the first that it hears of after the beginning");
    assert_eq!(sonic.users(), users);
    let lies = 2 * (classic.len() + current.len()) as u64;
    assert_eq!(sonic.stats().unexpected - before, lies);
    assert!(sonic.is_registered());
}

#[test]
fn names_that_look_like_others_or_like_the_program_are_refused() {
    let (_directory, server) = server();
    let peer = Peer::of(&server);
    for (name, reason) in [
        ("son\\u200bic", "it has an invisible character in it"),
        ("\\u202ecinos", "it has an invisible character in it"),
        ("[Server", "it begins with ["),
    ] {
        peer.register(name);
        assert_eq!(peer.until_notified(), format!("[Nickname not allowed: {reason}]"));
    }
    assert!(server.users().is_empty());
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
