//! What the table of users says.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::wire::{Datagram, MAX_DATAGRAM, UnixTime};

const T: Now = Now { at: Instant::ZERO, unix: UnixTime::EPOCH };

fn later(seconds: u64) -> Now {
    let elapsed = Duration::from_secs(seconds);
    let unix = UnixTime::from_micros(i64::try_from(elapsed.as_micros()).unwrap());
    Now { at: Instant::after_start(elapsed), unix }
}

fn name(n: usize) -> Nickname {
    Nickname::new(&format!("user{n}")).unwrap()
}

fn address(port: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()))
}

fn filled(users: usize) -> Directory {
    let mut directory = Directory::new(users, [1, 2]);
    for n in 0..users {
        directory.set_online(T, &name(n), address(n + 1), None).unwrap();
    }
    directory
}

#[test]
fn an_address_is_one_users() {
    let mut directory = filled(1);
    directory.capacity = 2;
    directory.set_online(T, &name(7), address(1), None).unwrap();
    assert_eq!(directory.find(&name(0)), Some((address(1), Presence::Offline)));
    assert!(directory.is_at(&name(7), address(1)));
}

/// What was found last is remembered, until who is there changes.
#[test]
fn who_is_at_an_address_is_asked_for_before_and_after_each_change() {
    let mut directory = Directory::new(2, [1, 2]);
    let found = |directory: &Directory| directory.at(address(1)).is_some();
    for port in [1, 2, 1] {
        directory.set_online(T, &name(0), address(port), Session::new(7)).unwrap();
        assert_eq!([found(&directory), found(&directory)], [port == 1; 2]);
    }
    directory.set_offline(T, &name(0));
    assert!(!found(&directory));
    directory.set_online(T, &name(1), address(1), None).unwrap();
    assert_eq!(directory.holder(address(1)), Some(&name(1)));
    directory.set_online(T, &name(0), address(1), None).unwrap();
    assert_eq!(directory.holder(address(1)), Some(&name(0)));
    // One that makes room was offline, and found at no address.
    assert!(found(&directory));
    directory.set_online(T, &name(2), address(3), None).unwrap();
    assert_eq!(directory.holder(address(1)), Some(&name(0)));
    assert_eq!(directory.holder(address(3)), Some(&name(2)));
}

#[test]
fn a_full_table_lets_go_of_who_was_offline_longest_but_of_nobody_online() {
    let mut directory = filled(3);
    assert_eq!(directory.set_online(T, &name(9), address(9), None), Err(Full));
    directory.set_offline(T, &name(1));
    directory.set_offline(T, &name(0));
    directory.set_online(T, &name(9), address(9), None).unwrap();
    assert_eq!(directory.find(&name(1)), None);
    assert!(directory.find(&name(0)).is_some());
    assert_eq!(directory.rows().count(), 3);
}

#[test]
fn a_cut_table_has_the_own_row_and_the_newest_online_ones() {
    let mut directory = filled(500);
    directory.set_offline(T, &name(499));
    directory.touch(T, address(43));
    let bytes = directory.table_for(address(1));
    assert!(bytes.len() <= MAX_DATAGRAM);
    let Ok(Datagram::Table(rows)) = Datagram::decode(&bytes) else { panic!() };
    let has = |n| rows.iter().any(|row| row.nickname == name(n));
    assert!(has(0) && has(42) && has(498) && !has(43) && !has(499));
}

/// Whoever is told what has changed since a revision has the rows that whoever is told all has.
#[test]
fn what_changed_since_a_revision_leads_to_the_table() {
    let mut directory = filled(9);
    let mut known: BTreeMap<_, _> =
        directory.rows().map(|row| (row.nickname.clone(), row)).collect();
    let since = directory.revision();
    directory.set_offline(T, &name(3));
    directory.set_offline(T, &name(5));
    directory.set_online(T, &name(3), address(40), Session::new(8)).unwrap();
    directory.touch(T, address(2));
    let changed = directory.changed_since(since, 9);
    assert_eq!(changed.len(), 2, "each row once, the one that was only touched not at all");
    assert_eq!(changed.last().unwrap().0, directory.revision());
    known.extend(changed.into_iter().map(|(_, row)| (row.nickname.clone(), row)));
    assert!(known.into_values().eq(directory.rows()));
    assert_eq!(directory.changed_since(directory.revision(), 9), []);
}

#[test]
fn who_is_silent_for_longest_is_asked_once_until_it_is_heard_again() {
    let mut directory = filled(3);
    directory.set_offline(T, &name(1));
    let asked = |directory: &mut Directory| {
        let since = directory.longest_silent();
        (since, directory.ask_longest_silent())
    };
    directory.touch(later(1), address(1));
    assert_eq!(asked(&mut directory), (Some(T.at), Some(address(3))));
    assert_eq!(asked(&mut directory), (Some(later(1).at), Some(address(1))));
    assert_eq!(asked(&mut directory), (None, None));
    directory.touch(later(2), address(3));
    directory.set_online(later(3), &name(1), address(2), None).unwrap();
    assert_eq!(asked(&mut directory), (Some(later(2).at), Some(address(3))));
    directory.set_offline(later(4), &name(1));
    assert_eq!(asked(&mut directory), (None, None));
    assert!(directory.is_within_bounds());
}

#[test]
fn an_address_is_the_same_however_it_is_kept() {
    for text in ["10.1.2.3:4", "[::ffff:10.1.2.3]:4", "[2001:db8::1]:65535", "[fe80::1%7]:1"] {
        let address: SocketAddr = text.parse().unwrap();
        assert_eq!(SocketAddr::from(slot::Address::from(address)), address);
    }
}

/// Names of users come and go, and each is found by what it has, and by nothing else.
#[test]
fn whoever_comes_and_goes_is_found_by_name_address_and_session() {
    let mut directory = Directory::new(50, [1, 2]);
    let mut random = 1u64;
    for step in 0..20_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let drawn = (random >> 33) as usize;
        let (who, port) = (name(drawn % 70), 1 + drawn / 70 % 60);
        let session = Session::new(1 + drawn as u64 % 70).filter(|_| drawn & 1024 > 0);
        let now = later(step);
        match drawn / 4200 % 4 {
            0 => directory.set_offline(now, &who),
            1 => directory.touch(now, address(port)),
            _ => drop(directory.set_online(now, &who, address(port), session)),
        }
        assert!(directory.is_within_bounds());
    }
    let since = directory.revision() / 2;
    let mut changed = directory.changed_since(0, 50);
    assert!(changed.is_sorted_by_key(|(revision, _)| *revision));
    changed.retain(|(revision, _)| *revision > since);
    assert_eq!(changed, directory.changed_since(since, 50));
    let rows: Vec<_> = directory.rows().collect();
    assert!(rows.len() == 50 && directory.changed_since(0, 99).len() == 50);
    for row in rows {
        let at = directory.holder(row.address) == Some(&row.nickname);
        assert_eq!(at, row.presence.is_online());
        let of = row.session.map(|session| directory.member_named(session).unwrap());
        assert!(of.is_none_or(|of| of == (&row.nickname, row.address)));
        assert_eq!(directory.row(&row.nickname), Some(row));
    }
}

#[test]
fn of_who_is_offline_it_is_told_when_something_came_last() {
    let mut directory = filled(2);
    let last_seen = |directory: &Directory| directory.row(&name(0)).unwrap().last_seen;
    directory.touch(later(1), address(1));
    assert_eq!(last_seen(&directory), None, "it is online");
    directory.set_offline(later(1), &name(0));
    directory.touch(later(2), address(1));
    assert_eq!(last_seen(&directory), Some(later(1).unix), "it was not there any more");
    directory.set_online(later(3), &name(0), address(2), None).unwrap();
    assert_eq!(last_seen(&directory), None);
    assert_eq!(directory.row(&name(1)).unwrap().last_seen, Some(T.unix), "it had to go");
}

#[test]
fn who_is_recalled_was_seen_when_it_was_seen() {
    let mut directory = Directory::new(1, [1, 2]);
    let last = LastSeen { address: address(1), time: later(7).unix };
    directory.recall(&name(0), last).unwrap();
    assert_eq!(directory.row(&name(0)).unwrap().last_seen, Some(later(7).unix));
    assert_eq!(directory.last_seen(T, &name(0)), Some(last));
}
