//! Both sides of what an operator can set, and the honest user beside a flooder.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use superchat::proto::{Limits, ServerConfig, Stats};

use super::check::Promises;
use super::current::{self, session};
use super::host::Host;
use super::network::Weather;
use super::script::{self, Script, ack, reg};
use super::verbs::server_config;
use super::world::World;

const NOTHING: [&str; 0] = [];

/// A server for ten users, with other limits than the usual ones.
fn config(set: impl FnOnce(&mut Limits)) -> ServerConfig {
    let mut config = server_config(10);
    set(&mut config.limits);
    config.limits.check().unwrap();
    config
}

/// A world with that server, where the honest users are at 10.0.1.1.
fn world(set: impl FnOnce(&mut Limits)) -> World {
    let mut world = World::new(1, Weather::CALM, Promises::ALL, false);
    world.bounds_every = 100;
    world.start_server_with(config(set));
    world
}

fn honest(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, 1], port))
}

fn stats(world: &World) -> Stats {
    world.host(world.server).unwrap().stats()
}

/// The server gets so many datagrams each millisecond, for so long.
fn flood(world: &mut World, ms: u32, each: u32, datagram: impl Fn(u32) -> (SocketAddr, Vec<u8>)) {
    for tick in 0..ms {
        for n in 0..each {
            let (from, payload) = datagram(tick * each + n);
            world.forge(from, world.server, payload);
        }
        world.run_for(Duration::from_millis(1));
    }
}

/// Registrations of the other dialect, each in the name of another address.
fn spoofed(n: u32) -> (SocketAddr, Vec<u8>) {
    let address = Ipv4Addr::from_bits(Ipv4Addr::new(77, 0, 0, 0).to_bits() + n);
    (SocketAddr::from((address, 1)), reg(&format!("nobody{n}")))
}

/// The same, from one address and all of its ports.
fn of_one_address(n: u32) -> (SocketAddr, Vec<u8>) {
    let (_, payload) = spoofed(n);
    (SocketAddr::from(([77, 0, 0, 1], n as u16)), payload)
}

/// Whether somebody is registered there, as the server has it, and as the client has it.
fn is_present(world: &World, at: SocketAddr) -> bool {
    let Some(Host::Server(server)) = world.host(world.server) else { unreachable!() };
    let held = server.users().any(|row| row.address == at && row.presence.is_online());
    held && world.present().iter().any(|(address, _)| *address == at)
}

#[test]
fn both_sides_of_the_rate_of_an_address() {
    let mut server = Script::server_with(config(|limits| {
        limits.stranger_datagrams_per_second = 10;
    }));
    for _ in 0..10 {
        assert_eq!(server.from("z", current::hello("z", None)), ["z: <cookie>"]);
    }
    assert_eq!(server.from("z", current::hello("z", None)), NOTHING);
    assert_eq!(server.from("z", reg("z")), NOTHING, "nor an ack, which would be an answer");
    assert_eq!(server.host.stats().limited, 2);
    assert_eq!(server.from("a", current::hello("a", None)), ["a: <cookie>"]);
    assert_eq!(server.wait(99), NOTHING);
    assert_eq!(server.from("z", current::hello("z", None)), NOTHING);
    assert_eq!(server.wait(1), NOTHING);
    assert_eq!(server.from("z", current::hello("z", None)), ["z: <cookie>"]);
}

#[test]
fn both_sides_of_the_rate_of_a_member() {
    let set = |limits: &mut Limits| limits.member_datagrams_per_second = 50;
    let mut server = Script::with_current(config(set), &["a", "b"]);
    for _ in 0..50 {
        server.took("a");
    }
    assert_eq!(server.host.stats().limited, 0);
    let late = server.packet("a", vec![current::keep("a", "b", 1, "hi")]).encode();
    assert_eq!(server.from("a", &late), NOTHING);
    assert_eq!(server.host.stats().limited, 1);
    let said = server.says("b", vec![current::keep("b", "b", 1, "to myself")]);
    assert_eq!(said[0], "b: <Chat b: to myself>", "another one has a rate of its own");
    server.wait(20);
    assert_eq!(server.from("a", &late), ["a: <ack>", "b: <Chat a: hi>"]);
}

/// What is not taken is not acknowledged, and comes again; the acks say that somebody is there.
#[test]
fn both_sides_of_the_rate_of_a_name() {
    let set = |limits: &mut Limits| limits.name_requests_per_second = 4;
    let mut server = Script::with_current(config(set), &["a", "b"]);
    let four = (1..=4).map(|n| current::keep("a", "b", n, "hi")).collect();
    assert_eq!(server.says("a", four).len(), 2);
    let late = server.packet("a", vec![current::keep("a", "b", 5, "late")]).encode();
    assert_eq!(server.from("a", &late), ["a: <ack>"]);
    assert_eq!(server.host.stats().limited, 1);
    let said = server.says("b", vec![current::keep("b", "a", 1, "hi")]);
    assert!(said.concat().contains("Chat b: hi"), "another one has a rate of its own: {said:?}");
    server.took("a");
    server.took("b");
    server.wait(249);
    assert!(!server.from("a", &late).concat().contains("late"));
    server.wait(1);
    assert!(server.from("a", &late).concat().contains("b: <Chat a: late>"));
}

#[test]
fn a_classic_client_past_the_rate_of_its_name_asks_again() {
    let set = |limits: &mut Limits| limits.name_requests_per_second = 1;
    let mut server = Script::server_with(config(set));
    server.from("a", reg("a"));
    server.from("a", ack());
    server.from("a", ack());
    let keep = |text| script::keep("a", "a", "Offline", text);
    assert!(server.from("a", keep("one")).contains(&"a: ack".to_owned()));
    server.from("a", ack());
    assert_eq!(server.from("a", keep("two")), NOTHING);
    assert_eq!(server.host.stats().limited, 1);
    server.wait(1_000);
    assert!(server.from("a", keep("two")).contains(&"a: ack".to_owned()));
}

/// Who asks for the name of somebody else does not use up what that one may ask for.
#[test]
fn a_name_is_not_used_up_by_who_has_it_not() {
    let set = |limits: &mut Limits| limits.name_requests_per_second = 1;
    let mut server = Script::with_current(config(set), &["a", "b"]);
    server.from("c", current::hello_as("a", session("c"), 1, None));
    let cookie = server.cookie("c");
    for number in 1..9 {
        let hello = current::hello_as("a", session("c"), number, Some(cookie));
        assert!(server.from("c", hello).iter().all(|line| line.starts_with("a: <Ver")));
        server.took("a");
        server.from("z", script::dereg("a"));
        server.from("z", script::keep("a", "b", "Online", "hi"));
    }
    let said = server.says("a", vec![current::keep("a", "b", 1, "hi")]);
    assert!(said.contains(&"b: <Chat a: hi>".to_owned()), "{said:?}");
    assert_eq!(server.host.stats().limited, 0);
}

#[test]
fn both_sides_of_the_length_of_a_message() {
    let set = |limits: &mut Limits| limits.message_bytes = 100;
    let too_long = "[Message not saved: it is too long: the server takes 100 bytes]";
    let mut server = Script::with_current(config(set), &["a", "b"]);
    let keep = |number, length| current::keep("a", "b", number, &"x".repeat(length));
    assert_eq!(server.says("a", vec![keep(1, 101)]), [format!("a: <{too_long}>")]);
    let said = server.says("a", vec![keep(2, 100)]);
    assert!(said.contains(&format!("b: <Chat a: {}>", "x".repeat(100))), "{said:?}");
    let mut server = Script::server_with(config(set));
    server.from("a", reg("a"));
    (0..3).for_each(|_| drop(server.from("a", ack())));
    let said = server.from("a", script::keep("a", "a", "Offline", &"x".repeat(101)));
    assert_eq!(said, ["a: ack".to_owned(), format!("a: {too_long}")]);
}

/// Of a message in parts, which are dropped from where they are too many, the author is told once.
#[test]
fn a_long_message_past_the_limit_is_refused_and_the_next_one_is_not() {
    let mut world = world(|limits| limits.message_bytes = 5_000);
    let (a, b) = (honest(1), honest(2));
    world.start_client(a, "a");
    world.start_client(b, "b");
    world.register(a);
    world.register(b);
    world.run_for(Duration::from_secs(1));
    world.network.block_both_ways(a, b);
    for bytes in [20_000, 5_000, 5_001, 4_999] {
        world.send(a, "b", &"x".repeat(bytes));
        world.run_for(Duration::from_secs(5));
        assert_eq!(world.ledger.pending(a), 0);
        let times = world.ledger.times(&"x".repeat(bytes));
        assert_eq!(times, usize::from(bytes <= 5_000), "{bytes}");
    }
}

/// Current clients register with as little as comes back to an address for each byte from there.
#[test]
fn both_sides_of_what_an_unproven_address_is_sent() {
    for factor in 1..=3 {
        let mut world = world(|limits| limits.unproven_factor = factor);
        world.start_client(honest(1), "a");
        world.start_classic_client(honest(2), "b");
        world.register(honest(1));
        world.register(honest(2));
        world.run_for(Duration::from_millis(100));
        assert!(is_present(&world, honest(1)), "{factor}");
        assert_eq!(is_present(&world, honest(2)), factor == 3, "{factor}");
        world.crash(honest(2));
    }
}

/// A client that is past its rate is slowed, and loses nothing.
#[test]
fn a_client_that_asks_faster_than_it_may_is_slowed() {
    let mut world = world(|limits| limits.name_requests_per_second = 20);
    let (a, b) = (honest(1), honest(2));
    world.start_client(a, "a");
    world.start_client(b, "b");
    world.register(a);
    world.register(b);
    world.run_for(Duration::from_secs(1));
    world.network.block_both_ways(a, b);
    let texts: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
    texts.iter().for_each(|text| world.send(a, "b", text));
    world.run_for(Duration::from_secs(3));
    assert!(world.ledger.pending(a) > 20, "{} messages pending", world.ledger.pending(a));
    world.run_for(Duration::from_secs(12));
    assert_eq!((world.ledger.pending(a), world.ledger.accepted()), (0, 100));
    assert!(texts.iter().all(|text| world.ledger.times(text) == 1), "in order: see the ledger");
    assert!(stats(&world).limited > 0);
}

/// A current client and one of 2017 register, and the first says something to the second through the
/// server: all at the first try, in the time that this takes where there is no flood.
fn honest_users_are_served(world: &mut World, datagram: impl Fn(u32) -> (SocketAddr, Vec<u8>)) {
    let (a, b) = (honest(1), honest(2));
    flood(world, 1_000, 10, &datagram);
    world.start_client(a, "a");
    world.start_classic_client(b, "b");
    world.network.block_both_ways(a, b);
    world.register(a);
    world.register(b);
    flood(world, 150, 10, |n| datagram(10_000 + n));
    assert!(is_present(world, a) && is_present(world, b), "they were not welcomed at once");
    world.send(a, "b", "hi");
    flood(world, 700, 10, |n| datagram(12_000 + n));
    assert_eq!((world.ledger.times("hi"), world.ledger.pending(a)), (1, 0));
}

/// Ten thousand datagrams a second from one address, which may send a tenth of that.
#[test]
fn beside_a_flood_from_one_address() {
    let mut world = world(|limits| {
        limits.stranger_datagrams_per_second = 1_000;
        limits.handshakes = 256;
    });
    honest_users_are_served(&mut world, of_one_address);
    let stats = stats(&world);
    // 18,500 came; 1,000 at once and 1,850 over time were looked at.
    assert!(stats.limited > 15_000 && stats.limited < 16_500, "{stats:?}");
    assert!(stats.displaced > 1_000, "{stats:?}");
}

/// The same, each in the name of another address: none of them is past its rate. With room for 1024
/// handshakes each has a tenth of a second, in which a classic client answers its welcome.
#[test]
fn beside_a_flood_from_addresses_that_are_nobodys() {
    let mut world = world(|limits| limits.handshakes = 1024);
    honest_users_are_served(&mut world, spoofed);
    let stats = stats(&world);
    assert_eq!(stats.limited, 0);
    assert!(stats.displaced > 15_000, "{stats:?}");
}

/// One step past that: where a handshake has less than a round trip, classic clients do not get in.
/// Current ones need none of that room.
#[test]
fn beside_a_flood_that_leaves_no_time_for_a_handshake() {
    let mut world = world(|limits| limits.handshakes = 8);
    let (a, b) = (honest(1), honest(2));
    flood(&mut world, 100, 10, spoofed);
    world.start_client(a, "a");
    world.start_classic_client(b, "b");
    world.register(a);
    world.register(b);
    flood(&mut world, 400, 10, |n| spoofed(1_000 + n));
    assert!(is_present(&world, a));
    assert!(!is_present(&world, b));
}

/// Strangers at the address of a member use up nothing of what it has.
#[test]
fn a_member_is_served_beside_a_flood_from_its_own_address() {
    let mut world = world(|limits| limits.stranger_datagrams_per_second = 10);
    let (a, b) = (honest(1), honest(2));
    world.start_client(a, "a");
    world.start_client(b, "b");
    world.register(a);
    world.register(b);
    world.run_for(Duration::from_secs(1));
    world.network.block_both_ways(a, b);
    let beside = |n: u32| (honest(10_000 + n as u16), spoofed(n).1);
    flood(&mut world, 200, 10, beside);
    world.send(a, "b", "hi");
    flood(&mut world, 700, 10, beside);
    assert_eq!((world.ledger.times("hi"), world.ledger.pending(a)), (1, 0));
    assert!(stats(&world).limited > 8_000);
}

/// A registered name has a thousand messages under way, as many as a client takes, and the store is
/// slow. Another one's message is stored with the next batch.
#[test]
fn beside_a_flood_of_one_name() {
    let mut world = world(|_| {});
    let (a, b) = (honest(1), honest(2));
    for (at, name) in [(a, "a"), (b, "b"), (honest(3), "gone")] {
        world.start_client(at, name);
        world.register(at);
    }
    world.run_for(Duration::from_secs(1));
    world.deregister(honest(3));
    world.run_for(Duration::from_secs(1));
    world.store_delay = 1_000;
    for n in 0..1_000 {
        // To one who is online and not to be reached, so that they all go to the server at once.
        world.send(a, "b", &format!("{n} {}", "x".repeat(30_000)));
    }
    world.network.block_both_ways(a, b);
    world.run_for(Duration::from_secs(2));
    assert!(world.ledger.pending(a) > 500);
    world.send(b, "gone", "hi");
    world.run_for(Duration::from_millis(2_500));
    assert!(world.ledger.pending(a) > 100);
    assert_eq!(world.ledger.pending(b), 0, "the flooder has {}", world.ledger.pending(a));
}

/// However many are asked for: a classic client that has not answered its welcome yet makes room for none.
#[test]
fn a_cookie_takes_no_room() {
    let mut server = Script::server_with(config(|limits| limits.handshakes = 1));
    server.from("c", reg("c"));
    for peer in ["d", "e", "f"] {
        assert_eq!(server.from(peer, current::hello(peer, None)), [format!("{peer}: <cookie>")]);
        let stray = server.packet(peer, vec![current::lookup("c")]).encode();
        assert_eq!(server.from(peer, stray), [format!("{peer}: <cookie>")]);
    }
    assert_eq!(server.from("c", ack()), ["c: Table c Online"]);
    assert_eq!(server.host.stats().displaced, 0);
}

#[test]
fn a_current_client_that_waits_for_a_name_makes_room_as_well() {
    let mut server = Script::with_current(config(|limits| limits.handshakes = 3), &["a"]);
    let ask = |server: &mut Script, peer: &str| {
        let hello = |cookie| current::hello_as("a", session(peer), 1, cookie);
        server.from(peer, hello(None));
        let cookie = server.cookie(peer);
        server.from(peer, hello(Some(cookie)))
    };
    assert_eq!(ask(&mut server, "d"), ["a: <Verification>"]);
    for peer in ["e", "f", "g"] {
        assert_eq!(ask(&mut server, peer), NOTHING);
    }
    assert_eq!(server.host.stats().displaced, 1);
    let said = server.took("a").concat();
    assert!(!said.contains("d: ") && said.contains("e: ") && said.contains("g: "), "{said}");
    let Host::Server(engine) = &server.host else { unreachable!() };
    assert_eq!(engine.users().count(), 1);
}

/// A registration that is not meant any more waits for nobody.
#[test]
fn a_question_is_asked_for_those_who_still_wait() {
    let mut server = Script::with_a_and_b();
    for _ in 0..9 {
        server.from("d", reg("a"));
        server.from("d", reg("b"));
        server.from("d", script::dereg("d"));
        server.from("d", ack());
        assert!(server.host.is_within_bounds());
    }
}

/// What is remembered of a mailbox is so while its user is online.
#[test]
fn who_takes_no_mail_and_leaves_is_forgotten() {
    let mut server = Script::with_current(server_config(10), &["a", "b"]);
    server.says("b", vec![current::dereg("b", 1)]);
    server.says("a", vec![current::keep("a", "b", 1, "hi")]);
    server.joins("b");
    for _ in 0..6 {
        server.wait(500);
        // It is there, and takes nothing.
        server.has("b", 0);
    }
    assert!(server.store_works().is_empty() && server.host.is_within_bounds());
    let said = server.wait(60_000);
    assert!(said.iter().any(|line| line.contains("b: ")), "{said:?}");
    assert!(server.events.last().unwrap().contains("Offline"), "{:?}", server.events);
    assert!(server.host.is_within_bounds());
}

/// Each takes no answer, and asks as often as it may: whoever has most of them begins anew.
#[test]
fn there_is_room_for_so_many_answers_that_nobody_takes() {
    let names: Vec<String> = ('a'..='j').map(String::from).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut server = Script::with_current(server_config(10), &names);
    let asked: Vec<_> = (0..20).map(|n| current::lookup(&format!("nobody{n}"))).collect();
    server.events.clear();
    let mut rounds = 0;
    while server.events.is_empty() {
        for peer in &names {
            let mut packet = server.packet(peer, asked.clone());
            packet.header.ack = None;
            server.from(peer, packet.encode());
            server.sent.clear();
        }
        rounds += 1;
        assert!(rounds < 820, "16,400 answers for each, and nobody had to go");
    }
    assert!(rounds > 650, "{rounds}");
    assert!(server.host.is_within_bounds());
    assert!(server.events[0].contains("Offline"), "{:?}", server.events);
}
