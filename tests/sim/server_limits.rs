//! What the server does where its answers cross something else, and where it is full.

use super::current;
use super::script::{Script, ack, dereg, keep, reg};
use super::verbs::server_config;

const NOTHING: [&str; 0] = [];

/// The mailbox of the newcomer was forgotten with what was under way to its last address.
/// It reads the same mailbox for it once, when it comes to it.
#[test]
fn who_comes_and_goes_while_the_store_is_slow_is_read_for_once() {
    let mut server = Script::server();
    server.from("a", reg("a"));
    server.from("a", ack());
    server.store_waits = true;
    for _ in 0..5 {
        server.from("a", dereg("a"));
        server.from("a", ack());
        server.wait(3_000);
        server.from("a", reg("a"));
        server.from("a", ack());
        server.wait(3_000);
    }
    assert!(server.events.iter().filter(|said| said.starts_with("Online")).count() > 5);
    assert_eq!(server.waiting_loads(), 1);
}

#[test]
fn messages_follow_their_recipient_to_a_new_address() {
    let mut server = Script::with_a_and_b();
    server.from("b", dereg("b"));
    server.from("b", ack());
    server.from("a", ack());
    server.from("a", keep("a", "b", "Offline", "hi"));
    server.from("a", ack());
    server.from("b", reg("b"));
    server.from("b", ack());
    assert_eq!(server.from("b", ack()), ["b: [You Have Messages]"]);
    // It vanishes, and comes back elsewhere.
    server.from("c", reg("b"));
    assert!(server.wait(1_500).contains(&"1250 c: [Welcome, You are registered.]".to_owned()));
    assert_eq!(server.from("c", ack()), ["c: Table a Online, b Online"]);
    assert_eq!(server.from("c", ack()), ["c: [You Have Messages]"]);
    assert_eq!(server.from("c", ack()), ["c: Chat a: 2017-03-01 15:28:38 hi"]);
}

#[test]
fn everyone_hears_of_who_is_found_gone() {
    let mut server = Script::with_a_and_b();
    // b has a table to acknowledge when a asks for it; the ack answers a, and the question goes
    // out all the same. By then b has vanished.
    server.from("a", reg("a"));
    server.from("a", ack());
    server.from("a", ack());
    assert_eq!(server.from("a", keep("a", "b", "Offline", "hi")), ["a: ack"]);
    assert_eq!(server.from("b", ack()), ["a: [Client b exists!!]", "b: Verification"]);
    assert_eq!(server.from("a", ack()), ["a: Table a Online, b Online"]);
    server.from("a", ack());
    assert_eq!(
        server.wait(999),
        ["250 b: Verification", "500 b: Verification", "750 a: Table a Online, b Offline"]
    );
}

#[test]
fn a_recipient_that_registers_anew_is_asked_once_for_all_who_wait_for_it() {
    let mut server = Script::with_a_and_b();
    server.from("a", keep("a", "b", "Online", "hi"));
    assert_eq!(server.from("b", ack()), ["b: Chat a: hi"]);
    // The chat may have come or not, and its ack may still come: the question does not wait for
    // that, and the welcome does.
    assert_eq!(
        server.from("b", reg("b")),
        ["b: ack", "a: Table a Online, b Online", "b: Verification"]
    );
    assert_eq!(server.from("b", ack()), NOTHING);
    assert_eq!(server.from("b", ack()), ["b: [Welcome, You are registered.]"]);
}

#[test]
fn a_server_that_goes_down_begins_nothing_new() {
    let mut server = Script::with_a_and_b();
    assert_eq!(server.from("a", keep("a", "b", "Online", "hi")), ["a: ack", "b: Verification"]);
    let farewell = ["a: [Server is Down!] offline", "b: [Server is Down!] offline"];
    assert_eq!(server.stop(), farewell);
    assert_eq!(server.from("b", ack()), NOTHING);
    assert_eq!(server.from("a", ack()), ["stopped"]);
}

#[test]
fn both_sides_of_the_open_requests_of_an_address() {
    let mut server = Script::with_a_and_b();
    server.store_waits = true;
    server.from("b", dereg("b"));
    server.from("b", ack());
    server.from("a", ack());
    for n in 0..8 {
        assert_eq!(server.from("a", keep("a", "b", "Offline", &n.to_string())), ["a: ack"]);
    }
    assert_eq!(server.from("a", keep("a", "b", "Offline", "8")), NOTHING);
    assert_eq!(server.refused(), [0, 0, 0, 1]);
}

#[test]
fn both_sides_of_the_relays_to_one_recipient() {
    // Those that were not sent stay together, and in order.
    for (messages, stored) in [(32, 0), (33, 33)] {
        let mut server = Script::with_a_and_b();
        let peers = ["c", "d", "e", "f", "g"];
        for peer in peers {
            server.from(peer, reg(peer));
            for _ in 0..8 {
                ["a", "b", "c", "d", "e", "f", "g"]
                    .iter()
                    .for_each(|p| drop(server.from(p, ack())));
            }
        }
        for n in 0..messages {
            let peer = peers[n % peers.len()];
            let asked = server.from(peer, keep(peer, "b", "Online", &n.to_string()));
            assert_eq!(asked.len(), 1 + usize::from(n == 0), "{asked:?}");
        }
        let first = if stored == 0 { "b: Chat c: 0" } else { "b: [You Have Messages]" };
        assert!(server.from("b", ack()).contains(&first.to_owned()));
        assert_eq!(server.store.mailbox(&super::world::nickname("b")).len(), stored);
    }
}

/// The sender vanished and came back while its last life's message was under way.
#[test]
fn an_answer_does_not_outlive_the_session_that_asked() {
    let mut server = Script::with_a_and_b();
    server.from("a", keep("a", "b", "Online", "hi"));
    server.from("a", reg("a"));
    server.from("a", ack());
    server.from("a", ack());
    assert_eq!(server.from("b", ack()), ["b: Table a Online, b Online"]);
    assert_eq!(server.from("b", ack()), ["b: Chat a: hi"]);
    assert_eq!(server.from("b", ack()), NOTHING, "a would take it for the answer to its next");
}

/// The question about the recipient was answered only after the sender had left.
#[test]
fn a_message_that_was_taken_is_kept_though_its_sender_leaves() {
    let mut server = Script::with_a_and_b();
    assert_eq!(server.from("a", keep("a", "b", "Online", "hi")), ["a: ack", "b: Verification"]);
    server.from("a", dereg("a"));
    server.wait(1_000);
    assert_eq!(server.store.mailbox(&super::world::nickname("b")).len(), 1);
}

/// A client takes no table before it is welcomed.
#[test]
fn no_table_comes_before_the_welcome() {
    let mut server = Script::with_a_and_b();
    assert_eq!(server.from("c", reg("b")), ["c: ack", "b: Verification"]);
    // b takes another name, which frees the one that c asked for.
    server.from("b", reg("d"));
    assert_eq!(server.from("b", ack()), ["b: [Welcome, You are registered.]"]);
    let table = "b: Table a Online, b Offline, d Online";
    assert_eq!(server.from("b", ack()), [table]);
}

/// It waits for somebody else to be found gone, and by then is not meant any more.
#[test]
fn an_earlier_registration_ends_with_a_later_word_of_its_address() {
    for (later, last) in [
        (reg("d"), "d: [Welcome, You are registered.]"),
        (dereg("a"), "d: [You are Offline. Bye.] offline"),
    ] {
        let mut server = Script::with_a_and_b();
        assert_eq!(server.from("d", reg("a")), ["d: ack", "a: Verification"]);
        let said = server.from("d", later);
        assert!(said.contains(&last.to_owned()), "{said:?}");
        server.from("d", ack());
        let said = server.wait(20_000).join("\n");
        assert!(!said.contains("d: [Welcome"), "{said}");
    }
}

/// Found by the simulator.
#[test]
fn everyone_hears_of_who_is_found_gone_though_whoever_asked_has_left() {
    let mut server = Script::with_a_and_b();
    server.from("d", reg("a"));
    server.from("d", dereg("a"));
    server.from("d", ack());
    assert_eq!(server.wait(750).last().unwrap(), "750 b: Table a Offline, b Online");
}

#[test]
fn the_relays_behind_one_that_is_not_taken_are_stored_with_it() {
    let mut server = Script::with_a_and_b();
    for peer in ["c", "d"] {
        server.from(peer, reg(peer));
        server.from(peer, ack());
        server.from(peer, ack());
    }
    for _ in 0..3 {
        for peer in ["a", "b", "c", "d"] {
            server.from(peer, ack());
        }
    }
    for peer in ["a", "c", "d"] {
        server.from(peer, keep(peer, "b", "Online", "hi"));
    }
    server.from("b", ack());
    let saved = |line: &&String| line.contains("saved]");
    let said = server.wait(2_499);
    assert_eq!(said.iter().filter(saved).count(), 0, "{said:?}");
    let said = server.wait(1);
    assert_eq!(said.iter().filter(saved).count(), 3, "{said:?}");
}

#[test]
fn stopping_twice_is_stopping_once() {
    let mut server = Script::with_a_and_b();
    assert_eq!(server.stop().len(), 2);
    assert_eq!(server.stop(), [""; 0]);
    let said = server.wait(10_000);
    assert_eq!(said.last().unwrap(), "1000 stopped");
}

/// A Verification had gone before it.
#[test]
fn an_answer_that_was_sent_is_not_sent_again_after_a_new_request() {
    let mut server = Script::with_a_and_b();
    server.from("b", dereg("b"));
    server.from("b", ack());
    server.from("a", ack());
    assert!(server.from("a", keep("a", "b", "Offline", "one")).contains(&"a: ack".to_owned()));
    // The answer's ack is lost. Somebody asks for a, and then a asks for something new.
    server.from("c", reg("c"));
    server.from("c", keep("c", "a", "Offline", "hi"));
    server.wait(500);
    server.store_waits = true;
    server.from("a", keep("a", "b", "Offline", "two"));
    let said = server.wait(20_000).join("\n");
    assert!(!said.contains("a: [Messages received"), "{said}");
}

/// Found by the simulator (seed 1795394753694255528): the first one was passed on to the new session, the second
/// one stored, as the mailbox was being read; and when the new session vanished, the first one behind that.
#[test]
fn what_was_passed_on_is_stored_before_what_comes_while_the_mailbox_is_read() {
    let mut server = Script::with_current(server_config(10), &["a", "b"]);
    server.says("a", vec![current::keep("a", "b", 1, "one")]);
    server.store_waits = true;
    let hello = |cookie| current::hello_as("b", current::session("y"), 1, cookie);
    server.from("b", hello(None));
    let cookie = server.cookie("b");
    server.from("b", hello(Some(cookie)));
    server.says("a", vec![current::keep("a", "b", 2, "two")]);
    server.wait(10_000);
    server.store_waits = false;
    server.store_works();
    let waits = server.store.mailbox(&super::world::nickname("b"));
    let texts: Vec<&str> = waits.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
}
