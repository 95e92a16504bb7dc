//! How many are told of the table at a time, where there are many.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use superchat::wire::{Ack, Frame, Header, Packet, Sequence, Session};

use super::current::{dereg, hello_as, lookup};
use super::script::{Script, address};
use super::verbs::server_config;

const MANY: usize = 450;

/// How many are told in a round.
const AT_ONCE: usize = 200;

/// One of many: where it is, and its session.
fn one(nth: usize) -> (SocketAddr, Session) {
    let [.., high, low] = nth.to_be_bytes();
    (SocketAddr::from(([10, 2, high, low], 1211)), Session::new(1_000 + nth as u64).unwrap())
}

/// What one of them says.
fn says(server: &mut Script, nth: usize, header: Header, frames: Vec<Frame>) {
    server.stranger_sends(one(nth).0, Packet { header, frames }.encode());
}

fn header(server: &Script, nth: usize) -> Header {
    Header::new(one(nth).1, server.own())
}

fn packets_to(server: &Script, nth: usize) -> impl Iterator<Item = Packet> {
    let to_it = server.sent.iter().filter(move |(to, _)| *to == one(nth).0);
    to_it.filter_map(|(_, payload)| Packet::decode(payload).ok())
}

/// A server where many are online and have the table.
fn of_many(lookup_past: usize) -> Script {
    let mut config = server_config(MANY + 10);
    config.limits.lookup_past = lookup_past;
    let mut server = Script::server_with(config);
    for nth in 0..MANY {
        let (from, session) = one(nth);
        let hello = |cookie| hello_as(&format!("n{nth}"), session, 1, cookie);
        server.stranger_sends(from, hello(None));
        let cookie = packets_to(&server, nth).find_map(|packet| packet.header.cookie);
        server.stranger_sends(from, hello(cookie));
    }
    for nth in 0..MANY {
        let revision = Some(MANY as u64);
        let header = Header { revision, ..header(&server, nth) };
        says(&mut server, nth, header, vec![]);
    }
    server.wait(1_000);
    server
}

/// Who is sent something meanwhile, but for `x`.
fn told(server: &mut Script, meanwhile: impl FnOnce(&mut Script)) -> BTreeSet<SocketAddr> {
    let before = server.sent.len();
    meanwhile(server);
    let sent = server.sent.iter().skip(before).map(|(to, _)| *to);
    sent.filter(|to| *to != address("x")).collect()
}

/// `x` comes. All are told of it, in three rounds.
fn all_are_told_in_rounds(server: &mut Script) {
    let mut all = told(server, |server| drop(server.joins("x")));
    assert_eq!(all.len(), AT_ONCE);
    for more in [AT_ONCE, MANY - 2 * AT_ONCE] {
        // Whoever was told before may be told once more.
        let early = told(server, |server| drop(server.wait(19)));
        assert_eq!(early.difference(&all).count(), 0, "before the next round");
        let late = told(server, |server| drop(server.wait(1)));
        assert_eq!(late.difference(&all).count(), more);
        all.extend(late);
    }
}

#[test]
fn two_hundred_are_told_at_a_time() {
    let mut server = of_many(MANY + 10);
    all_are_told_in_rounds(&mut server);
}

#[test]
fn two_hundred_are_asked_at_a_time_whether_they_are_there() {
    let mut server = of_many(MANY + 10);
    let mut all = told(&mut server, |server| drop(server.wait(14_000)));
    assert_eq!(all.len(), AT_ONCE);
    for more in [AT_ONCE, MANY - 2 * AT_ONCE] {
        assert_eq!(told(&mut server, |server| drop(server.wait(19))).len(), 0);
        let late = told(&mut server, |server| drop(server.wait(1)));
        assert_eq!(late.difference(&all).count(), more);
        all.extend(late);
    }
}

/// Many who look up `x`, and take what they are told.
fn of_many_who_look_up() -> Script {
    let mut server = of_many(100);
    for nth in 0..MANY {
        let sequence = Some(Sequence { number: 1, floor: 1 });
        let asks = Header { sequence, ..header(&server, nth) };
        says(&mut server, nth, asks, vec![lookup("x")]);
        take(&mut server, nth);
    }
    server.wait(1_000);
    server
}

/// One of them takes all that it was sent.
fn take(server: &mut Script, nth: usize) {
    let sent = packets_to(server, nth).filter_map(|packet| packet.header.sequence);
    let through = sent.map(|sequence| sequence.number).max().unwrap();
    let ack = Some(Ack { through, beyond: vec![] });
    let header = Header { ack, ..header(server, nth) };
    says(server, nth, header, vec![]);
}

#[test]
fn two_hundred_of_those_who_looked_a_name_up_are_told_at_a_time() {
    let mut server = of_many_who_look_up();
    all_are_told_in_rounds(&mut server);
}

/// Whether `x` is online by the newest that one of them was told.
fn knows(server: &Script, nth: usize) -> bool {
    let frames = packets_to(server, nth).flat_map(|packet| packet.frames);
    let found = frames.filter_map(|frame| match frame {
        Frame::Found { row, revision, .. } => Some((revision, row)),
        _ => None,
    });
    let newest = found.max_by_key(|(revision, _)| *revision);
    newest.unwrap().1.is_some_and(|row| row.session.is_some())
}

/// Those who were told of the first change, those who were not, and those between.
#[test]
fn what_changes_while_some_are_told_is_told_to_all() {
    let mut server = of_many_who_look_up();
    server.joins("x");
    server.wait(20);
    assert_eq!((0..MANY).filter(|nth| knows(&server, *nth)).count(), 2 * AT_ONCE);
    server.says("x", vec![dereg("x", 1)]);
    server.wait(60);
    assert_eq!((0..MANY).filter(|nth| knows(&server, *nth)).count(), 0);
}
