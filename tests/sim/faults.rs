//! The faults of the program of 2017, one by one, and what happens instead.

use std::net::SocketAddr;
use std::time::Duration;

use super::check::Promises;
use super::host::Host;
use super::network::Weather;
use super::script::{Script, ack, chat, dereg, keep, note, reg, table, verification};
use super::world::{World, nickname};

const NOTHING: [&str; 0] = [];

/// Where the nth user of a scenario is.
fn place(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, (n / 200) as u8 + 1, (n % 200) as u8], 1211))
}

fn name(n: usize) -> String {
    format!("user{n}")
}

/// A world without faults, with a server, and this many users, of whom each registers at once.
fn crowd(users: usize) -> World {
    let mut world = World::new(1, Weather::CALM, Promises::ALL, false);
    world.start_server(1000);
    for n in 0..users {
        world.start_client(place(n), &name(n));
    }
    (0..users).for_each(|n| world.register(place(n)));
    world
}

/// The users who have been told that they are registered, with everyone in their table.
fn ready(world: &World, users: usize) -> usize {
    let is_ready = |at: &SocketAddr| match world.host(*at) {
        Some(Host::Client(client)) => client.is_registered() && client.users().count() == users,
        _ => false,
    };
    (0..users).map(place).filter(is_ready).count()
}

#[test]
fn an_ack_that_confirms_the_wrong_request() {
    // The ack of a message to b comes when one to c waits for its own.
    let mut client = Script::online();
    let rows = [("a", "Yes"), ("b", "Yes"), ("c", "Yes")];
    client.from("s", table(&rows));
    client.send("b", "to b");
    client.wait(500);
    client.answered(note("[Messages received by the server and saved]"));
    assert_eq!(client.send("c", "to c"), ["c: Chat a: to c"]);
    assert_eq!(client.from("b", ack()), NOTHING);
    assert_eq!(client.wait(500), ["500 s: Keep a to c, Online: to c"]);
}

#[test]
fn a_late_ack_that_confirms_the_next_message() {
    // The next message to b goes out only when the ack of the last can come no more.
    let mut client = Script::online();
    client.send("b", "one");
    client.wait(500);
    client.answered(note("[Messages received by the server and saved]"));
    assert_eq!(client.send("b", "two"), NOTHING);
    assert_eq!(client.wait(499), NOTHING);
    assert_eq!(client.wait(1), ["1 b: Chat a: two"]);
    let mut client = Script::online();
    client.send("b", "one");
    client.wait(500);
    client.answered(note("[Messages received by the server and saved]"));
    assert_eq!(client.send("b", "two"), NOTHING);
    assert_eq!(client.from("b", ack()), ["b: Chat a: two"], "it came: nothing is owed");
}

#[test]
fn sixty_clients_that_register_in_the_same_instant_are_all_registered_within_two_seconds() {
    let mut world = crowd(60);
    world.run_for(Duration::from_secs(2));
    assert_eq!(ready(&world, 60), 60);
    world.run_for(Duration::from_secs(10));
    world.check_agreement();
}

#[test]
fn sixty_clients_with_ten_of_them_dead() {
    let mut world = crowd(60);
    world.run_for(Duration::from_secs(10));
    (0..10).for_each(|n| world.crash(place(n)));
    (10..60).for_each(|n| world.start_client(place(n), &name(n)));
    (10..60).for_each(|n| world.register(place(n)));
    world.run_for(Duration::from_secs(2));
    assert_eq!(ready(&world, 60), 50);
    world.run_for(Duration::from_secs(10));
    world.check_agreement();
}

#[test]
fn sixty_clients_of_whom_ten_take_the_names_of_the_dead() {
    let mut world = crowd(60);
    world.run_for(Duration::from_secs(10));
    (0..10).for_each(|n| world.crash(place(n)));
    // The dead are silent where they were; their users come to other machines.
    (10..60).for_each(|n| world.start_client(place(n), &name(n)));
    (0..10).for_each(|n| world.start_client(place(n + 60), &name(n)));
    (10..70).for_each(|n| world.register(place(n)));
    let there = |world: &World| {
        let online = |at: &SocketAddr| matches!(world.host(*at), Some(Host::Client(client)) if client.is_registered());
        (10..70).map(place).filter(online).count()
    };
    // Before anyone can be known to be dead, the living are all there.
    world.run_for(Duration::from_millis(500));
    assert_eq!(there(&world), 50);
    world.run_for(Duration::from_millis(1_500));
    assert_eq!(there(&world), 60);
    world.run_for(Duration::from_secs(10));
    world.check_agreement();
}

/// What no program of the protocol sends to a server, and what none sends to a client.
fn malformed() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "null",
        "0",
        "\"ack\"",
        "[]",
        "{}",
        "{",
        "}",
        "{\"Type\":",
        "{\"Type\":null}",
        "{\"Type\":\"Reg\"}",
        "{\"Type\":\"Reg\",\"Nickname\":[\"a\"]}",
        "{\"Type\":\"Dereg\"}",
        "{\"Type\":\"Offline\",\"Nickname\":\"a\"}",
        "{\"Type\":\"Table\",\"Msg\":\"{\"}",
        "{\"Type\":\"Table\",\"Msg\":{}}",
        "{\"Type\":\"Unheard\"}",
        "{\"Type\":\"ack\"}x",
        "{\"Type\":\"Chat\",\"Sender\":\"\",\"Msg\":\"\"}",
        "{\"Type\":\"Chat\",\"Sender\":\"b\"}",
        "{\"Type\":\"Reg\",\"Nickname\":\"\\ud800\"}",
    ];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let whole = keep("a", "b", "Online", "hi");
    all.extend((1..whole.len()).map(|length| whole[..length].to_vec()));
    all.push(b"\xff\xfe\x00".to_vec());
    all.push(b"[".repeat(4096));
    all.push([br#"{"Type":"ack","x":"#.as_slice(), &b"[".repeat(4000)].concat());
    let nested = format!("{{\"a\":{}", "[".repeat(3000));
    all.push(format!("{{\"Type\":\"Table\",\"Msg\":{nested:?}}}").into_bytes());
    all
}

#[test]
fn one_malformed_datagram_changes_nothing() {
    let mut server = Script::with_a_and_b();
    let mut client = Script::online();
    for (n, payload) in (1..).zip(malformed()) {
        let text = String::from_utf8_lossy(&payload).into_owned();
        assert_eq!(server.from("a", &payload), NOTHING, "{text}");
        assert_eq!(server.refused(), [n, 0, 0, 0], "{text}");
        assert_eq!(client.from("s", &payload), NOTHING, "{text}");
        assert_eq!(client.refused(), [n, 0, 0, 0], "{text}");
    }
    assert_eq!(server.from("a", keep("a", "b", "Online", "hi")), ["a: ack", "b: Verification"]);
    assert_eq!(client.send("b", "hi"), ["b: Chat a: hi"]);
}

#[test]
fn one_oversized_datagram_changes_nothing() {
    let (mut server, mut client) = (Script::with_a_and_b(), Script::online());
    let around = chat("b", "").len();
    for (text, oversized) in [("x".repeat(4096 - around), 0), ("x".repeat(4097 - around), 1)] {
        let read = client.from("b", chat("b", &text));
        assert_eq!(read.len(), 2 * (1 - oversized), "acknowledged and shown, or not");
        assert_eq!(client.refused(), [0, oversized as u64, 0, 0]);
    }
    let around = keep("a", "b", "Online", "").len();
    let (fits, longer) = ("x".repeat(4096 - around), "x".repeat(4097 - around));
    assert_eq!(server.from("a", keep("a", "b", "Online", &longer)), NOTHING);
    assert_eq!(server.refused(), [0, 1, 0, 0]);
    assert_eq!(server.from("a", keep("a", "b", "Online", &fits)), ["a: ack", "b: Verification"]);
}

#[test]
fn one_datagram_in_the_wrong_direction_changes_nothing() {
    let (mut server, mut client) = (Script::with_a_and_b(), Script::online());
    let to_a_client = [chat("b", "hi"), note("hi"), table(&[]), verification()];
    for (n, payload) in (1..).zip(to_a_client) {
        assert_eq!(server.from("b", payload), NOTHING);
        assert_eq!(server.refused(), [0, 0, n, 0]);
    }
    let to_a_server = [reg("b"), dereg("a"), keep("b", "a", "Online", "hi")];
    let from_a_server = [note("hi"), table(&[]), verification()];
    for (n, payload) in (1..).zip(to_a_server.into_iter().chain(from_a_server)) {
        assert_eq!(client.from("b", payload), NOTHING);
        assert_eq!(client.refused(), [0, 0, n, 0]);
    }
}

#[test]
fn a_table_of_500_users_does_not_kill_a_classic_client() {
    let mut world = crowd(499);
    let classic = place(499);
    world.start_classic_client(classic, "classic");
    world.register(classic);
    world.run_for(Duration::from_secs(60));
    let Some(Host::ClassicClient(client)) = world.host(classic) else { panic!("it died") };
    assert!(client.online && client.table.contains_key("classic"));
    assert!(client.table.len() > 50, "{} rows", client.table.len());
    let known = client.table.keys().find(|name| *name != "classic").unwrap().clone();
    world.send(classic, &known, "a long table");
    world.run_for(Duration::from_secs(60));
    world.ledger.check_received("a long table");
}

#[test]
fn messages_are_removed_only_after_they_were_acknowledged() {
    let mut server = Script::with_a_and_b();
    server.from("b", dereg("b"));
    server.from("b", ack());
    server.from("a", ack());
    for text in ["one", "two", "three"] {
        server.from("a", keep("a", "b", "Offline", text));
        server.from("a", ack());
    }
    let stored = |server: &mut Script| server.store.mailbox(&nickname("b")).len();
    server.from("b", reg("b"));
    for _ in 0..3 {
        server.from("b", ack());
    }
    assert_eq!(stored(&mut server), 3, "the first is under way, and not acknowledged");
    assert_eq!(server.from("b", ack()), ["b: Chat a: 2017-03-01 15:28:38 two"]);
    // It vanishes. The one that it has acknowledged goes; the others wait for it.
    server.wait(60_000);
    assert_eq!(stored(&mut server), 2);
    server.from("b", reg("b"));
    for _ in 0..2 {
        server.from("b", ack());
    }
    assert_eq!(server.from("b", ack()), ["b: Chat a: 2017-03-01 15:28:38 two"]);
    assert_eq!(server.from("b", ack()), ["b: Chat a: 2017-03-01 15:28:38 three"]);
    server.from("b", ack());
    assert_eq!(stored(&mut server), 0);
}

#[test]
fn text_in_any_script_arrives_whole() {
    let texts =
        ["Привет", "שלום", "你好", "नमस्ते", "🚀👩‍👩‍👧", "\"\\/\u{1}\n", "e\u{301}", "\u{7f}\u{ffff}"];
    let mut world = World::new(1, Weather::CALM, Promises::ALL, false);
    world.start_server(10);
    world.start_client(place(0), "имя");
    world.start_classic_client(place(1), "名前");
    world.start_client(place(2), "\"\\");
    (0..3).for_each(|n| world.register(place(n)));
    world.run_for(Duration::from_secs(10));
    // The third is gone when it is written to: its messages come out of the mailbox.
    world.deregister(place(2));
    world.run_for(Duration::from_secs(10));
    for (n, text) in texts.iter().enumerate() {
        for (from, to) in [(0, "名前"), (1, "имя"), (0, "\"\\"), (1, "\"\\")] {
            world.send(place(from), to, &format!("{n} {from} {to} {text}"));
        }
    }
    world.run_for(Duration::from_secs(60));
    world.register(place(2));
    world.run_for(Duration::from_secs(60));
    for (n, text) in texts.iter().enumerate() {
        for (from, to) in [(0, "名前"), (1, "имя"), (0, "\"\\"), (1, "\"\\")] {
            assert_eq!(world.ledger.times(&format!("{n} {from} {to} {text}")), 1, "{text}");
        }
    }
}
