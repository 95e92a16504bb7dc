//! What the server answers: each bullet and branch of "The server's answers" in the description of
//! the classic dialect, as datagrams in and out.

use super::script::{Script, ack, dereg, keep, reg};

const NOTHING: [&str; 0] = [];

#[test]
fn reg_of_a_free_name() {
    let mut server = Script::server();
    assert_eq!(server.from("a", reg("a")), ["a: ack", "a: [Welcome, You are registered.]"]);
    assert_eq!(server.from("a", ack()), ["a: Table a Online"]);
    assert_eq!(server.from("a", ack()), NOTHING);
    // Its ack proves its address: then the table goes to everyone who is online.
    assert_eq!(server.from("b", reg("b")), ["b: ack", "b: [Welcome, You are registered.]"]);
    let table = "Table a Online, b Online";
    assert_eq!(server.from("b", ack()), [format!("a: {table}"), format!("b: {table}")]);
}

#[test]
fn reg_again_from_the_same_address() {
    let mut server = Script::with_a_and_b();
    assert_eq!(
        server.from("a", reg("a")),
        ["a: ack", "a: [Welcome, You are registered.]", "b: Table a Online, b Online"]
    );
}

#[test]
fn reg_of_a_name_whose_holder_answers() {
    let mut server = Script::with_a_and_b();
    assert_eq!(server.from("c", reg("a")), ["c: ack", "a: Verification"]);
    assert_eq!(server.from("a", ack()), ["c: [a is already Online!] offline"]);
    assert_eq!(server.from("c", ack()), NOTHING);
    assert_eq!(server.wait(5_000), NOTHING, "the table stays");
}

#[test]
fn reg_of_a_name_whose_holder_does_not_answer() {
    let mut server = Script::with_a_and_b();
    assert_eq!(server.from("c", reg("a")), ["c: ack", "a: Verification"]);
    assert_eq!(
        server.wait(999),
        [
            "250 a: Verification",
            "500 a: Verification",
            "750 b: Table a Offline, b Online",
            "750 c: [Welcome, You are registered.]"
        ]
    );
    server.from("b", ack());
    let table = "Table a Online, b Online";
    assert_eq!(server.from("c", ack()), [format!("b: {table}"), format!("c: {table}")]);
}

#[test]
fn reg_with_messages_stored() {
    let mut server = Script::with_a_and_b();
    server.from("b", dereg("b"));
    server.from("b", ack());
    server.from("a", ack());
    server.from("a", keep("a", "b", "Offline", "one"));
    server.from("a", ack());
    server.from("a", keep("a", "b", "Offline", "two"));
    server.from("a", ack());
    assert_eq!(server.from("b", reg("b")), ["b: ack", "b: [Welcome, You are registered.]"]);
    let table = "Table a Online, b Online";
    assert_eq!(server.from("b", ack()), [format!("a: {table}"), format!("b: {table}")]);
    assert_eq!(server.from("b", ack()), ["b: [You Have Messages]"]);
    assert_eq!(server.from("b", ack()), ["b: Chat a: 2017-03-01 15:28:38 one"]);
    assert_eq!(server.from("b", ack()), ["b: Chat a: 2017-03-01 15:28:38 two"]);
    assert_eq!(server.from("b", ack()), NOTHING);
}

#[test]
fn dereg_of_who_is_online() {
    let mut server = Script::with_a_and_b();
    assert_eq!(
        server.from("a", dereg("a")),
        ["a: ack", "a: [You are Offline. Bye.] offline", "b: Table a Offline, b Online"]
    );
}

#[test]
fn dereg_from_another_address_changes_nothing() {
    let mut server = Script::with_a_and_b();
    let answer = ["c: ack", "c: [You are Offline. Bye.] offline"];
    assert_eq!(server.from("c", dereg("a")), answer);
    server.from("c", ack());
    assert_eq!(server.from("b", keep("b", "a", "Offline", "hi")), ["b: ack", "a: Verification"]);
}

#[test]
fn offline_for_a_recipient_whose_row_says_no() {
    let mut server = Script::with_a_and_b();
    server.from("b", dereg("b"));
    server.from("b", ack());
    server.from("a", ack());
    let saved = ["a: ack", "a: [Messages received by the server and saved]"];
    assert_eq!(server.from("a", keep("a", "b", "Offline", "hi")), saved);
    assert_eq!(server.from("a", ack()), NOTHING, "nobody's row has changed");
}

#[test]
fn offline_for_a_recipient_who_does_not_answer() {
    for status in ["Online", "Offline"] {
        let mut server = Script::with_a_and_b();
        let asked = ["a: ack", "b: Verification"];
        assert_eq!(server.from("a", keep("a", "b", status, "hi")), asked);
        assert_eq!(
            server.wait(999),
            [
                "250 b: Verification",
                "500 b: Verification",
                "750 a: [Messages received by the server and saved]"
            ]
        );
        assert_eq!(server.from("a", ack()), ["a: Table a Online, b Offline"]);
    }
}

#[test]
fn offline_without_a_try_for_a_recipient_who_answers() {
    let mut server = Script::with_a_and_b();
    assert_eq!(server.from("a", keep("a", "b", "Offline", "hi")), ["a: ack", "b: Verification"]);
    assert_eq!(server.from("b", ack()), ["a: [Client b exists!!]"]);
    assert_eq!(server.from("a", ack()), ["a: Table a Online, b Online"]);
    assert_eq!(server.store.mailbox(&super::world::nickname("b")), []);
}

#[test]
fn offline_after_a_try_for_a_recipient_who_answers_is_relayed() {
    let mut server = Script::with_a_and_b();
    assert_eq!(server.from("a", keep("a", "b", "Online", "hi")), ["a: ack", "b: Verification"]);
    assert_eq!(server.from("b", ack()), ["b: Chat a: hi"]);
    assert_eq!(server.from("b", ack()), ["a: [Message received by b.]"]);
    assert_eq!(server.from("a", ack()), NOTHING);
}

#[test]
fn a_relay_that_is_not_acknowledged_is_stored() {
    let mut server = Script::with_a_and_b();
    server.from("a", keep("a", "b", "Online", "hi"));
    assert_eq!(server.from("b", ack()), ["b: Chat a: hi"]);
    assert_eq!(
        server.wait(2_999),
        [
            "500 b: Chat a: hi",
            "1000 b: Chat a: hi",
            "1500 b: Chat a: hi",
            "2000 b: Chat a: hi",
            "2500 a: [Messages received by the server and saved]"
        ]
    );
    assert_eq!(server.from("a", ack()), NOTHING);
}

/// A client whose application does not keep up is there, and takes no message.
#[test]
fn who_takes_no_message_stays_online_and_gets_it_when_it_acknowledges_something() {
    let mut server = Script::with_a_and_b();
    server.from("a", keep("a", "b", "Online", "hi"));
    server.from("b", ack());
    server.wait(2_999);
    server.from("a", ack());
    let tries: Vec<String> = server.wait(5_000);
    assert_eq!(tries.len(), 5, "{tries:?}");
    assert!(tries.iter().all(|line| line.ends_with(" b: [You Have Messages]")), "{tries:?}");
    assert_eq!(server.from("a", reg("a")).last().unwrap(), "b: Table a Online, b Online");
    assert_eq!(server.from("b", ack()), ["b: [You Have Messages]"]);
    assert_eq!(server.from("b", ack()), ["b: Chat a: 2017-03-01 15:28:40 hi"]);
    server.from("b", ack());
    assert_eq!(server.store.mailbox(&super::world::nickname("b")), []);
}

#[test]
fn offline_for_a_recipient_who_was_never_there() {
    let mut server = Script::with_a_and_b();
    let answer = ["a: ack", "a: [Client c Not Existed!]"];
    assert_eq!(server.from("a", keep("a", "c", "Offline", "hi")), answer);
}

#[test]
fn offline_from_who_is_not_registered_there() {
    let mut server = Script::with_a_and_b();
    let answer = ["c: ack", "c: [a is not registered from here.] offline"];
    assert_eq!(server.from("c", keep("a", "b", "Offline", "hi")), answer);
}

#[test]
fn offline_that_the_store_refuses() {
    let mut server = Script::with_a_and_b();
    server.from("b", dereg("b"));
    server.from("b", ack());
    server.from("a", ack());
    server.store.fail_writes = true;
    let answer = ["a: ack", "a: [Message not saved: superchat.journal: the disk is full]"];
    assert_eq!(server.from("a", keep("a", "b", "Offline", "hi")), answer);
}

#[test]
fn saved_is_said_only_after_the_store_said_so() {
    let mut server = Script::with_a_and_b();
    server.from("b", dereg("b"));
    server.from("b", ack());
    server.from("a", ack());
    server.store_waits = true;
    assert_eq!(server.from("a", keep("a", "b", "Offline", "hi")), ["a: ack"]);
    assert_eq!(server.wait(10_000), NOTHING);
    assert_eq!(server.store_works(), ["a: [Messages received by the server and saved]"]);
}

#[test]
fn the_earlier_spelling_of_offline_is_understood() {
    let mut server = Script::with_a_and_b();
    let keep = String::from_utf8(keep("a", "b", "Offline", "hi")).unwrap();
    let earlier = keep.replace("Nickname", "Sender");
    assert_eq!(server.from("a", earlier), ["a: ack", "b: Verification"]);
}

#[test]
fn the_server_goes_down() {
    let mut server = Script::with_a_and_b();
    let farewell = ["a: [Server is Down!] offline", "b: [Server is Down!] offline"];
    assert_eq!(server.stop(), farewell);
    assert_eq!(server.from("a", ack()), NOTHING);
    assert_eq!(server.from("b", ack()), ["stopped"]);
}
