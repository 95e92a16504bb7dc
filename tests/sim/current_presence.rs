//! How a server tells those who speak the current dialect of the table, as packets in and out.

use superchat::wire::{Frame, Presence, Row};

use super::current::{dereg, hello, keep_seen, lookup};
use super::script::{Script, address};
use super::verbs::server_config;

const NOTHING: [&str; 0] = [];

fn of_two() -> Script {
    Script::with_current(server_config(100), &["a", "b"])
}

/// The changes that a peer was told: since which revision, and to which.
fn told(server: &Script, peer: &str) -> Vec<(u64, u64)> {
    let frames = server.packets_to(peer).into_iter().flat_map(|packet| packet.frames);
    let changes = frames.filter_map(|frame| match frame {
        Frame::Changes { since, revision, .. } => Some((since, revision)),
        _ => None,
    });
    changes.collect()
}

/// What a peer was told last of another one.
fn told_of(server: &Script, peer: &str, name: &str) -> Option<Row> {
    let frames = server.packets_to(peer).into_iter().flat_map(|packet| packet.frames);
    let rows = frames.filter_map(|frame| match frame {
        Frame::Changes { rows, .. } => Some(rows),
        _ => None,
    });
    rows.flatten().filter(|row| row.nickname.as_str() == name).last()
}

#[test]
fn of_who_is_offline_is_told_when_it_was_last_heard_of() {
    let mut server = of_two();
    server.joins("c");
    server.wait(10_000);
    server.took("c");
    let heard = server.unix();
    ["a", "b"].iter().for_each(|peer| drop(server.has(peer, 3)));
    assert_eq!(told_of(&server, "a", "c").unwrap().last_seen, None, "it is online");
    server.wait(10_000);
    ["a", "b"].iter().for_each(|peer| drop(server.took(peer)));
    server.wait(9_000);
    let gone = told_of(&server, "a", "c").unwrap();
    assert_eq!((gone.presence, gone.last_seen), (Presence::Offline, Some(heard)));
    server.joins("c");
    server.wait(100);
    assert_eq!(told_of(&server, "a", "c").unwrap().last_seen, None, "it is back");
}

#[test]
fn who_has_it_all_is_told_nothing() {
    let mut server = of_two();
    assert_eq!(server.has("a", 2), NOTHING);
    assert_eq!(server.wait(10_000), NOTHING);
}

/// `c` comes, and goes before `b` has said that it knows of it.
fn come_and_gone() -> Script {
    let mut server = of_two();
    let come = ["a: <Changes 2 to 3 of 3: c Online>", "b: <Changes 2 to 3 of 3: c Online>"];
    assert_eq!(server.joins("c")[1..], come);
    server.has("a", 3);
    server.wait(20);
    let gone = ["a: <Changes 3 to 4 of 4: c Offline>", "b: <Changes 3 to 4 of 4: c Offline>"];
    assert_eq!(server.says("c", vec![dereg("c", 1)])[1..], gone);
    server.has("a", 4);
    server
}

#[test]
fn changes_are_told_since_what_was_told_before() {
    let mut server = come_and_gone();
    assert_eq!(server.has("b", 4), NOTHING);
    assert_eq!(server.wait(10_000), NOTHING);
}

#[test]
fn a_client_that_says_nothing_is_told_since_what_it_said_last() {
    assert_eq!(come_and_gone().wait(180), ["180 b: <Changes 2 to 4 of 4: c Offline>"]);
}

/// What it was told last follows on something that it has not.
#[test]
fn a_gap_is_closed_in_the_next_round() {
    let mut server = come_and_gone();
    assert_eq!(server.has("b", 2), NOTHING);
    assert_eq!(server.wait(20), ["20 b: <Changes 2 to 4 of 4: c Offline>"]);
}

#[test]
fn what_is_not_acknowledged_is_told_again_five_times() {
    let mut server = of_two();
    server.has("a", 2);
    server.joins("c");
    ["b", "c"].iter().for_each(|peer| drop(server.has(peer, 3)));
    let again = "a: <Changes 2 to 3 of 3: c Online>";
    let expected: Vec<String> =
        [200, 600, 1400, 3000, 6200].iter().map(|after| format!("{after} {again}")).collect();
    assert_eq!(server.wait(14_000), expected);
}

/// The next thing that is heard of a client says which revision it has.
#[test]
fn who_was_given_up_is_told_again_when_it_is_heard_of() {
    let mut server = of_two();
    server.joins("c");
    server.wait(10_000);
    assert_eq!(server.has("a", 2), ["a: <Changes 2 to 3 of 3: c Online>"]);
}

#[test]
fn who_says_that_it_has_less_than_it_once_said_is_told_that_again() {
    let mut server = of_two();
    server.joins("c");
    ["a", "b", "c"].iter().for_each(|peer| drop(server.has(peer, 3)));
    server.wait(1_000);
    assert_eq!(server.has("a", 1), ["a: <Changes 1 to 3 of 3: b Online c Online>"]);
    assert_eq!(server.has("a", 3), NOTHING);
}

#[test]
fn a_client_that_says_that_it_has_more_than_there_is_has_what_there_is() {
    let mut server = of_two();
    assert_eq!(server.has("a", 99), NOTHING);
    assert_eq!(server.joins("c")[1], "a: <Changes 2 to 3 of 3: c Online>");
}

/// Peers besides `a` and the server, in no special order.
fn crowd(count: usize) -> Vec<String> {
    let letters = ('A'..='Z').chain('b'..='z').filter(|letter| *letter != 's');
    letters.map(String::from).take(count).collect()
}

/// How many datagrams tell one member, who acknowledges each, that so many have come at once.
fn datagrams_for(joins: usize) -> usize {
    let mut server = Script::with_current(server_config(100), &["a"]);
    server.joins("z");
    server.has("a", 2);
    let before = told(&server, "a").len();
    for peer in crowd(joins) {
        server.joins(&peer);
    }
    assert_eq!(told(&server, "a").len(), before, "the round has begun before");
    server.wait(20);
    while let Some((_, revision)) = told(&server, "a").last().copied() {
        if revision == joins as u64 + 2 {
            break;
        }
        server.has("a", revision);
    }
    told(&server, "a").len() - before
}

#[test]
fn those_who_come_within_one_round_are_told_of_together() {
    assert_eq!(datagrams_for(2), 1);
    assert_eq!(datagrams_for(20), 1);
    // As many rows as fit a packet.
    let packets = datagrams_for(49);
    assert!((2..=4).contains(&packets), "{packets} packets");
}

#[test]
fn what_changes_again_within_one_round_is_told_once() {
    let mut server = of_two();
    server.joins("c");
    server.has("a", 3);
    for number in 1..=25 {
        server.says("c", vec![dereg("c", number)]);
        // What it says next, it says to a server that has forgotten its numbers.
        server.numbers.remove("c");
        server.joins("c");
    }
    assert_eq!(server.wait(20).iter().filter(|line| line.contains("a: ")).count(), 1);
    assert_eq!(told(&server, "a").last(), Some(&(3, 53)));
}

#[test]
fn rounds_are_twenty_milliseconds_apart() {
    let mut server = of_two();
    let mut came = Vec::new();
    let start_of =
        |after: u64, lines: &[String]| lines.iter().any(|l| l.contains("a: ")).then_some(after);
    let mut peers = crowd(24).into_iter();
    for ms in 0..120 {
        if ms % 5 == 0 {
            let lines = server.joins(&peers.next().unwrap());
            came.extend(start_of(ms, &lines));
        }
        // Each client says at once what it has, and that does not hurry anything.
        let revision = told(&server, "a").last().unwrap().1;
        came.extend(start_of(ms, &server.has("a", revision)));
        came.extend(start_of(ms + 1, &server.wait(1)));
    }
    assert_eq!(came, [0, 20, 40, 60, 80, 100, 120]);
}

/// The answer to somebody else's registration, said once more, is not what a round waits for.
#[test]
fn a_welcome_that_is_repeated_delays_nobody() {
    let mut server = of_two();
    server.joins("c");
    server.has("a", 3);
    server.joins("d");
    let cookie = server.cookie("c");
    assert!(server.from("c", hello("c", Some(cookie)))[0].starts_with("c: <[Welcome"));
    assert_eq!(server.wait(20)[0], "20 a: <Changes 3 to 4 of 4: d Online>");
}

/// A server that tells nobody of all users once there are more than three.
fn past_lookup(peers: &[&str]) -> Script {
    let mut config = server_config(10);
    config.limits.lookup_past = 3;
    Script::with_current(config, peers)
}

#[test]
fn both_sides_of_the_number_of_users_past_which_they_are_looked_up() {
    let mut server = past_lookup(&["a", "b"]);
    let rows = |lines: Vec<String>| lines[0].split_once("of ").unwrap().1.to_owned();
    assert_eq!(rows(server.joins("c")), "3: a Online b Online c Online>");
    assert_eq!(rows(server.joins("d")), "4: >");
}

/// There is nothing that a client could say that it has; and if the welcome is lost, it asks for it again.
#[test]
fn a_welcome_past_that_number_waits_for_no_answer() {
    let mut server = past_lookup(&["a", "b", "c"]);
    let welcome = ["d: <[Welcome, You are registered.], Changes 0 to 4 of 4: >"];
    assert_eq!(server.joins("d"), welcome);
    assert_eq!(server.wait(3_000), NOTHING);
    let cookie = server.cookie("d");
    assert_eq!(server.from("d", hello("d", Some(cookie))), welcome);
    server.took("d");
    assert_eq!(server.wait(3_000), NOTHING);
}

/// Whoever says no more than that it is there says which revision it has.
#[test]
fn whoever_was_told_of_everyone_is_told_that_this_is_over_until_it_has_heard() {
    let mut server = past_lookup(&["a", "b", "c"]);
    server.joins("d");
    const OVER: [&str; 1] = ["a: <Changes 0 to 4 of 4: >"];
    assert_eq!(server.has("a", 3), OVER);
    assert_eq!(server.has("a", 3), NOTHING, "it was just told");
    assert_eq!(server.wait(200), NOTHING);
    assert_eq!(server.has("a", 3), OVER);
    assert_eq!(server.has("a", 4), NOTHING);
    assert_eq!(server.has("d", 4), NOTHING, "it was never told of anyone");
    server.joins("x");
    assert_eq!(server.has("a", 4), NOTHING, "it was told before");
    assert_eq!(server.has("b", 3), ["b: <Changes 0 to 5 of 5: >"]);
}

#[test]
fn a_user_is_looked_up() {
    let mut server = past_lookup(&["a", "b", "c", "d"]);
    assert_eq!(server.says("d", vec![lookup("a")]), ["d: <Found a Online>"]);
    assert_eq!(server.says("d", vec![lookup("x")]), ["d: <Found no x>"]);
}

#[test]
fn a_change_is_told_to_those_who_looked_the_name_up() {
    let mut server = past_lookup(&["a", "b", "c", "d"]);
    server.says("d", vec![lookup("b"), lookup("x")]);
    server.says("c", vec![lookup("a")]);
    ["c", "d"].iter().for_each(|peer| drop(server.took(peer)));
    let said = server.says("b", vec![dereg("b", 1)]);
    assert_eq!(said, ["b: <[You are Offline. Bye.] offline>", "d: <Found b Offline>"]);
    server.took("d");
    server.wait(20);
    let said = server.joins("x");
    assert_eq!(said[1..], ["d: <Found x Online>"]);
    server.took("d");
    assert_eq!(server.wait(1_000), NOTHING);
}

#[test]
fn a_recipient_who_is_there_after_all_is_found_past_that_number_too() {
    let mut server = past_lookup(&["a", "b", "c", "d"]);
    let asked = keep_seen("a", "b", Presence::Offline, 1, "hi");
    assert_eq!(server.says("a", vec![asked]), ["a: <Found b Online, [Client b exists!!]>"]);
    let Some(Frame::Found { row: Some(row), .. }) =
        server.packets_to("a").pop().unwrap().frames.into_iter().next()
    else {
        panic!("it is found")
    };
    assert_eq!(row.address, address("b"));
    server.took("a");
    let said = server.says("b", vec![dereg("b", 1)]);
    assert_eq!(said, ["b: <[You are Offline. Bye.] offline>", "a: <Found b Offline>"]);
}
