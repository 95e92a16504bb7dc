//! What a server knows after a restart, and what it does not keep for ever.

use std::time::Duration;

use superchat::wire::UnixTime;

use super::current::keep;
use super::host::Host;
use super::script::Script;
use super::verbs::server_config;
use super::world::nickname;

fn names(server: &mut Script) -> Vec<String> {
    server.store.users().iter().map(|(name, _)| name.to_string()).collect()
}

#[test]
fn a_message_to_one_who_has_not_come_back_since_a_restart_is_stored() {
    let mut server = Script::with_current(server_config(10), &["a", "b"]);
    server.restart_server(server_config(10));
    server.joins("c");
    let said = server.says("c", vec![keep("c", "b", 1, "hi")]).concat();
    assert!(said.contains("saved]"), "{said}");
    let said = server.says("c", vec![keep("c", "nobody", 2, "hi")]).concat();
    assert!(said.contains("Not Existed"), "{said}");
    assert_eq!(server.store.mailbox(&nickname("b")).len(), 1);
}

fn last_seen(server: &Script, name: &str) -> Option<UnixTime> {
    let Host::Server(engine) = &server.host else { panic!("no server") };
    engine.users().find(|row| row.nickname.as_str() == name).unwrap().last_seen
}

/// `a` was found gone; `b` came, and was heard of a second later.
fn one_gone_and_one_there() -> (Script, [UnixTime; 3]) {
    let mut server = Script::server();
    server.joins("a");
    let heard_of_a = server.unix();
    server.wait(60_000);
    server.joins("b");
    let b_came = server.unix();
    server.wait(1_000);
    server.took("b");
    let heard_of_b = server.unix();
    (server, [heard_of_a, b_came, heard_of_b])
}

#[test]
fn a_server_that_was_stopped_knows_when_everyone_was_last_heard_of() {
    let (mut server, [heard_of_a, _, heard_of_b]) = one_gone_and_one_there();
    server.stop();
    server.wait(5_000);
    server.restart_server(server_config(10));
    let known = ["a", "b"].map(|name| last_seen(&server, name));
    assert_eq!(known, [Some(heard_of_a), Some(heard_of_b)]);
}

#[test]
fn a_server_that_died_knows_when_those_came_who_were_there() {
    let (mut server, [heard_of_a, b_came, _]) = one_gone_and_one_there();
    server.restart_server(server_config(10));
    let known = ["a", "b"].map(|name| last_seen(&server, name));
    assert_eq!(known, [Some(heard_of_a), Some(b_came)]);
}

#[test]
fn who_was_here_last_stays_where_a_table_has_become_too_small() {
    let mut server = Script::server();
    for peer in ["a", "b", "c"] {
        server.joins(peer);
        server.wait(10);
    }
    server.restart_server(server_config(2));
    assert_eq!(names(&mut server), ["b", "c"]);
    // Whoever comes now takes the place of the one who was away for longest.
    server.joins("d");
    assert_eq!(names(&mut server), ["c", "d"]);
}

#[test]
fn who_makes_room_is_forgotten_by_the_store_too() {
    let mut server = Script::with_current(server_config(2), &["a", "b"]);
    server.wait(30_000);
    server.joins("c");
    assert!(!names(&mut server).contains(&"a".to_owned()), "{:?}", names(&mut server));
    assert_eq!(names(&mut server).len(), 2);
}

/// A server that keeps messages for an hour, with `a` and `b`; `b` has gone.
fn keeps_for_an_hour() -> Script {
    let age = Some(Duration::from_secs(3600));
    let mut config = server_config(10);
    config.limits.message_age = age;
    let mut server = Script::with_current(config, &["a", "b"]);
    server.restart_server(config);
    server.joins("c");
    server.says("c", vec![keep("c", "b", 1, "hi")]);
    server
}

#[test]
fn a_message_that_waits_for_too_long_is_removed_and_its_author_told() {
    let mut server = keeps_for_an_hour();
    server.store_rests();
    assert_eq!(server.store.mailbox(&nickname("b")).len(), 1);
    // It is looked for each hour: after the first one it is not old enough yet.
    server.wait(7_195_000);
    server.store_rests();
    assert_eq!(server.store.mailbox(&nickname("b")).len(), 1);
    server.joins("c");
    server.wait(10_000);
    let told = server.store_rests().concat();
    assert!(told.contains("c: <[A message to b waited too long and is removed.]>"), "{told}");
    assert_eq!(server.store.mailbox(&nickname("b")), []);
    let event = r#"MessagesExpired { recipient: "b", count: 1 }"#;
    assert!(server.events.iter().any(|said| said == event), "{:?}", server.events);
}

#[test]
fn a_server_that_keeps_messages_for_ever_removes_none() {
    let mut server = Script::with_current(server_config(10), &["a", "b"]);
    server.restart_server(server_config(10));
    server.joins("c");
    server.says("c", vec![keep("c", "b", 1, "hi")]);
    server.wait(7_300_000);
    assert_eq!(server.store_rests(), [""; 0]);
    assert_eq!(server.store.mailbox(&nickname("b")).len(), 1);
}
