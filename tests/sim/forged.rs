//! What strangers say to a client in the name of its server, or of a peer: from another machine with the
//! right port, and from the right machine with another port. Nothing comes of it, and it is counted.

use std::net::SocketAddr;

use superchat::wire::{Ack, Datagram, Header, Nickname, Packet, Row, Sequence, Session};

use super::current::{absent, changes, chat, found, note, row, session};
use super::script::{self, Script, ack, address, offline_note, table, verification};

/// Two addresses that are nearly this peer's.
fn nearly(peer: &str) -> [SocketAddr; 2] {
    let right = address(peer);
    let (mut machine, mut port) = (right, right);
    machine.set_ip([10, 0, 2, 1].into());
    port.set_port(right.port() + 1);
    [machine, port]
}

/// Datagrams that were refused, for whatever reason.
fn refused(client: &Script) -> u64 {
    client.refused().iter().sum()
}

fn is_ignored(client: &mut Script, from: SocketAddr, payload: &[u8]) {
    let (text, before) = (String::from_utf8_lossy(payload).into_owned(), refused(client));
    let events = client.events.len();
    let mut said = client.stranger_sends(from, payload);
    // Who is it that says so? The server is asked, now and then, and it alone is believed.
    said.retain(|line| !line.starts_with("s: <Lookup"));
    assert!(said.is_empty(), "{from}: {text}: {said:?}");
    assert_eq!(client.events.len(), events, "{from}: {text}: {:?}", client.events);
    assert_eq!(refused(client), before + 1, "{from}: {text}: it is not counted");
}

fn classic_lies() -> Vec<Vec<u8>> {
    vec![
        offline_note("[Server is Down!]"),
        offline_note("[You are Offline. Bye.]"),
        offline_note("[a is already Online!]"),
        offline_note("[a is not registered from here.]"),
        script::note("[Welcome, You are registered.]"),
        script::note("[You Have Messages]"),
        script::note("[Messages received by the server and saved]"),
        script::note("[Message received by b.]"),
        script::note("[Client b exists!!]"),
        script::note("pay me"),
        table(&[("a", "No")]),
        verification(),
        script::chat("b", "hi"),
        script::reg("a"),
        script::dereg("a"),
        ack(),
    ]
}

/// Of the server, and of a peer, with the right sessions in them.
fn current_lies(to: Session) -> Vec<Vec<u8>> {
    let header = |peer: &str| Header::new(session(peer), to);
    let numbered = |peer: &str, number| {
        let sequence = Some(Sequence { number, floor: 1 });
        Header { sequence, ..header(peer) }
    };
    let of_server = vec![
        vec![note("[Server is Down!]", None)],
        vec![note("[You are Offline. Bye.]", Some(2))],
        vec![note("[Messages received by the server and saved]", Some(2))],
        vec![note("[Welcome, You are registered.]", Some(1))],
        vec![changes(&[absent("b"), row("x")], 0, 99, 99)],
        vec![found("b", None, 99)],
        vec![chat("b", 99, "hi")],
        vec![],
    ];
    let mut lies = Vec::new();
    for frames in of_server {
        lies.push(Packet { header: header("s"), frames: frames.clone() });
        lies.push(Packet { header: numbered("s", 2), frames });
    }
    let through = Some(Ack { through: 99, beyond: Vec::new() });
    lies.push(Packet { header: Header { cookie: Some(9), ..header("s") }, frames: Vec::new() });
    for peer in ["s", "b"] {
        lies.push(Packet {
            header: Header { ack: through.clone(), ..header(peer) },
            frames: Vec::new(),
        });
    }
    lies.push(Packet { header: numbered("b", 1), frames: vec![chat("b", 1, "hi")] });
    lies.iter().map(Packet::encode).collect()
}

#[test]
fn a_client_of_a_classic_server_ignores_strangers() {
    let mut client = Script::online();
    // An ack or an answer would be taken for these.
    client.send("b", "directly");
    client.send("c", "through the server");
    for lie in classic_lies() {
        for from in nearly("s").into_iter().chain(nearly("b")) {
            is_ignored(&mut client, from, &lie);
        }
    }
    assert_eq!(client.from("b", ack()), ["says Sent(1, Ok(Received))"]);
}

#[test]
fn a_client_of_a_current_server_ignores_strangers() {
    let mut client = Script::current_online();
    client.send("b", "directly");
    client.send("c", "through the server");
    let mut lies = classic_lies();
    lies.extend(current_lies(client.own()));
    for lie in lies {
        for from in nearly("s").into_iter().chain(nearly("b")) {
            is_ignored(&mut client, from, &lie);
        }
    }
    assert!(client.took("b").contains(&"says Sent(1, Ok(Received))".to_owned()));
}

/// Nor does the peer itself speak for the server.
#[test]
fn a_peer_is_not_the_server() {
    for mut client in [Script::online(), Script::current_online()] {
        for lie in classic_lies() {
            let of_a_peer = matches!(Datagram::decode(&lie), Ok(Datagram::Chat { .. }));
            if !of_a_peer {
                is_ignored(&mut client, address("b"), &lie);
            }
        }
    }
    let mut client = Script::current_online();
    for lie in current_lies(client.own()) {
        let packet = Packet::decode(&lie).unwrap();
        if packet.header.from == session("s") {
            is_ignored(&mut client, address("b"), &lie);
        }
    }
}

/// Who is at the server's address without being it: the port of a server that has ended.
#[test]
fn the_server_is_its_address_and_its_session() {
    let mut client = Script::current_online();
    let header = Header::new(session("x"), client.own());
    for frame in [note("[Server is Down!]", None), changes(&[row("x")], 0, 99, 99)] {
        let packet = Packet { header: header.clone(), frames: vec![frame] };
        is_ignored(&mut client, address("s"), &packet.encode());
    }
    for lie in [offline_note("[Server is Down!]"), table(&[("a", "No")])] {
        is_ignored(&mut client, address("s"), &lie);
    }
    assert!(Nickname::new("[Server").is_err(), "nor is it a name");
}

/// Everyone knows the session of the server. Who registers with that would be it, for what is sent to either.
#[test]
fn a_user_with_the_session_of_the_server_is_none() {
    let mut client = Script::current_online();
    let false_server = Row { session: Some(session("s")), ..row("x") };
    client.told_loosely(vec![changes(&[false_server], 3, 4, 4)]);
    let sequence = Some(Sequence { number: 1 << 40, floor: 1 << 40 });
    let header = Header { sequence, ..Header::new(session("s"), client.own()) };
    let packet = Packet { header, frames: vec![chat("x", 1, "hi")] };
    is_ignored(&mut client, address("x"), &packet.encode());
    // The server is still heard, and still where it was.
    client.told_loosely(vec![changes(&[row("d")], 4, 5, 5)]);
    assert_eq!(client.send("d", "hi"), ["d: <Chat a: hi>"]);
    assert_eq!(client.send("e", "hi"), ["s: <Lookup e>"]);
}
