//! What a server does for those who speak the current dialect, as packets in and out.

use std::collections::BTreeSet;

use superchat::proto::ServerConfig;
use superchat::wire::{Ack, Frame, Header, Packet, Presence};

use super::current::{dereg, hello, hello_as, keep, keep_seen, session};
use super::script::{self, Script, ack, reg};
use super::store::SimStore;
use super::verbs::server_config;
use super::world::nickname;

const NOTHING: [&str; 0] = [];
const RECEIVED: &str = "a: <[Message received by b.]>";

fn of_two() -> Script {
    Script::with_current(server_config(10), &["a", "b"])
}

/// `b` has deregistered, and `a` knows.
fn without_b() -> Script {
    let mut server = of_two();
    server.says("b", vec![dereg("b", 1)]);
    server.wait(100);
    server.has("a", 3);
    server.wait(100);
    server
}

#[test]
fn a_message_is_passed_on_and_its_author_hears_of_it() {
    let mut server = of_two();
    assert_eq!(server.says("a", vec![keep("a", "b", 1, "hi")]), ["a: <ack>", "b: <Chat a: hi>"]);
    assert_eq!(server.took("b"), [RECEIVED]);
    assert_eq!(server.took("a"), NOTHING);
    assert_eq!(server.wait(5_000), NOTHING);
}

#[test]
fn a_message_that_was_not_tried_is_to_go_directly_to_who_is_there() {
    let mut server = of_two();
    let asked = server.says("a", vec![keep_seen("a", "b", Presence::Offline, 1, "hi")]);
    assert_eq!(asked, ["a: <Found b Online, [Client b exists!!]>"]);
}

/// Its author had gone offline meanwhile, and knows nothing of the earlier one any more.
#[test]
fn a_message_does_not_go_directly_while_an_earlier_one_of_its_author_is_passed_on() {
    let mut server = of_two();
    server.says("a", vec![keep("a", "b", 1, "one")]);
    server.says("a", vec![dereg("a", 2)]);
    server.joins("a");
    let asked = server.says("a", vec![keep_seen("a", "b", Presence::Offline, 3, "two")]);
    assert_eq!(asked, ["a: <ack>"]);
    assert_eq!(server.took("b"), [RECEIVED, "b: <Chat a: two>"]);
    assert_eq!(server.took("b"), [RECEIVED]);
}

#[test]
fn a_message_to_who_is_offline_is_stored() {
    let mut server = without_b();
    // Its ack rides on the answer.
    let saved = "a: <[Messages received by the server and saved]>";
    assert_eq!(server.says("a", vec![keep("a", "b", 1, "hi")]), [saved]);
    assert_eq!(server.store.mailbox(&nickname("b")).len(), 1);
}

#[test]
fn a_message_that_comes_again_while_it_is_passed_on_is_passed_on_once() {
    let mut server = of_two();
    server.says("a", vec![keep("a", "b", 1, "hi")]);
    assert_eq!(server.says("a", vec![keep("a", "b", 1, "hi")]), ["a: <ack>"]);
    assert_eq!(server.took("b"), [RECEIVED]);
}

#[test]
fn a_packet_that_comes_again_is_acknowledged_and_carried_out_once() {
    let mut server = of_two();
    let packet = server.packet("a", vec![keep("a", "b", 1, "hi")]).encode();
    server.from("a", &packet);
    assert_eq!(server.from("a", &packet), ["a: <ack>"]);
    assert_eq!(server.took("b"), [RECEIVED]);
    assert_eq!(server.from("a", &packet), ["a: <ack>"]);
}

#[test]
fn a_message_that_is_asked_for_again_gets_the_same_answer() {
    let mut server = of_two();
    server.says("a", vec![keep("a", "b", 1, "hi")]);
    server.took("b");
    // At once, though the answer before is under way: somebody waits for it.
    assert_eq!(server.says_deaf("a", vec![keep("a", "b", 1, "hi")]), [RECEIVED]);
    assert_eq!(server.wait(1), NOTHING);
}

#[test]
fn a_message_that_is_asked_for_again_after_another_registration_gets_the_same_answer() {
    let mut server = of_two();
    server.says("a", vec![keep("a", "b", 1, "hi")]);
    assert_eq!(server.took("b"), [RECEIVED]);
    server.from("a", hello_as("a", session("a"), 2, None));
    let cookie = server.cookie("a");
    let again = server.from("a", hello_as("a", session("a"), 2, Some(cookie)));
    assert!(again[0].starts_with("a: <[Welcome, You are registered.]"), "{again:?}");
    assert_eq!(server.says_deaf("a", vec![keep("a", "b", 1, "hi")]), [RECEIVED]);
}

#[test]
fn a_stored_message_that_is_asked_for_again_is_stored_once() {
    let mut server = without_b();
    for _ in 0..3 {
        let said = server.says("a", vec![keep("a", "b", 1, "hi")]);
        assert_eq!(said.last().unwrap(), "a: <[Messages received by the server and saved]>");
    }
    assert_eq!(server.store.mailbox(&nickname("b")).len(), 1);
}

#[test]
fn what_is_stored_comes_after_the_welcome_each_once() {
    let mut server = without_b();
    server.says("a", vec![keep("a", "b", 1, "one"), keep("a", "b", 2, "two")]);
    let said = server.joins("b");
    assert!(said.iter().any(|line| line.starts_with("b: <[Welcome")), "{said:?}");
    let chats = |lines: Vec<String>| lines.into_iter().filter(|l| l.contains("Chat")).collect();
    let mut got: Vec<String> = chats(said);
    for _ in 0..4 {
        got.extend::<Vec<String>>(chats(server.took("b")));
    }
    assert_eq!(got.concat().matches("stored Chat a: ").count(), 2, "{got:?}");
    assert_eq!(server.store.mailbox(&nickname("b")), []);
}

#[test]
fn what_is_passed_on_to_one_who_registers_again_stays_before_what_is_stored_then() {
    let mut server = of_two();
    server.says("a", vec![keep("a", "b", 1, "one")]);
    server.store_waits = true;
    let again = server.joins("b");
    assert!(again[0].starts_with("b: <[Welcome, You are registered.]"), "{again:?}");
    server.says("a", vec![keep("a", "b", 2, "two")]);
    // It is gone before it has taken anything.
    server.wait(20_000);
    server.store_works();
    let stored = server.store.mailbox(&nickname("b"));
    let texts: Vec<_> = stored.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
}

/// Its author has registered again meanwhile, and cannot tell the answer to the first time from one to the second.
#[test]
fn what_is_given_again_while_it_waits_is_not_to_go_directly_any_more() {
    for (again, then) in [(Presence::Offline, "a: <Found b"), (Presence::Online, "b: <Chat a: hi>")]
    {
        let mut server = without_b();
        server.store_waits = true;
        server.joins("b");
        server.says("a", vec![keep_seen("a", "b", Presence::Offline, 1, "hi")]);
        assert_eq!(server.says("a", vec![keep_seen("a", "b", again, 1, "hi")]), ["a: <ack>"]);
        let done = server.store_works();
        assert!(done.iter().any(|line| line.starts_with(then)), "{done:?}");
    }
}

/// A part that comes again under another number would not be taken.
#[test]
fn what_is_passed_on_in_parts_to_one_who_registers_again_goes_on_whole() {
    let mut server = of_two();
    let long = "x".repeat(3000);
    let sent = server.says("a", vec![keep("a", "b", 1, &long)]);
    assert!(sent.iter().filter(|line| line.starts_with("b: <Chat")).count() > 2, "{sent:?}");
    let before = numbers_of_parts(&server.packets_to("b"));
    let packets = server.packets_to("b").len();
    server.joins("b");
    server.wait(3_000);
    assert_eq!(numbers_of_parts(&server.packets_to("b")[packets..]), before);
}

/// The numbers of the packets in which something is passed on.
fn numbers_of_parts(packets: &[Packet]) -> BTreeSet<u64> {
    let is_part = |frame: &Frame| matches!(frame, Frame::Chat(chat) if chat.stored_at.is_none());
    let with_parts = packets.iter().filter(|packet| packet.frames.iter().any(is_part));
    with_parts.map(|packet| packet.header.sequence.unwrap().number).collect()
}

/// What came before a message that was refused does not wait for its author to hear of that.
#[test]
fn what_was_passed_on_before_a_refusal_stays_before_what_waits_for_it() {
    let mut config = server_config(10);
    config.limits.message_bytes = 10;
    let mut server = Script::with_current(config, &["a", "b"]);
    let messages = ["one", "longer than it may be", "three"];
    let keeps = messages.iter().zip(1..).map(|(text, number)| keep("a", "b", number, text));
    let sent = server.says("a", keeps.collect());
    assert!(sent.iter().any(|line| line == "b: <Chat a: one>"), "{sent:?}");
    server.joins("b");
    server.took("a");
    let stored = server.store.mailbox(&nickname("b"));
    let texts: Vec<_> = stored.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["one", "three"]);
}

/// A classic client is sent the first of many messages of a current one, which it may have taken.
fn one_of_many() -> Script {
    let mut server = Script::with_current(server_config(10), &["a"]);
    server.from("b", reg("b"));
    (0..2).for_each(|_| drop(server.from("b", ack())));
    server.says("a", vec![keep("a", "b", 1, "1")]);
    assert!(server.from("b", ack()).contains(&"b: Chat a: 1".to_owned()));
    server.says("a", (2..=40).map(|number| keep("a", "b", number, &number.to_string())).collect());
    assert!(server.wait(500).contains(&"500 b: Verification".to_owned()));
    server.from("b", ack());
    assert_eq!(server.store.mailbox(&nickname("b")), []);
    server
}

/// The numbers of the messages that are stored for `b`.
fn stored_for_b(server: &mut Script) -> Vec<u64> {
    let stored = server.store.mailbox(&nickname("b")).into_iter();
    stored.map(|message| message.text.parse().unwrap()).collect()
}

#[test]
fn what_a_classic_client_does_not_take_is_stored_before_what_waits_behind_it() {
    let mut server = one_of_many();
    server.wait(5_000);
    assert_eq!(stored_for_b(&mut server), (1..=40).collect::<Vec<_>>());
}

#[test]
fn what_waits_behind_what_a_classic_client_was_sent_is_stored_once_that_is_taken() {
    let mut server = one_of_many();
    server.wait(1_000);
    server.from("b", ack());
    assert_eq!(stored_for_b(&mut server), (2..=40).collect::<Vec<_>>());
}

#[test]
fn what_waits_behind_what_a_classic_client_was_sent_is_stored_behind_it_when_that_leaves() {
    let mut server = one_of_many();
    server.from("b", script::dereg("b"));
    assert_eq!(stored_for_b(&mut server), (1..=40).collect::<Vec<_>>());
    let mut server = one_of_many();
    server.joins("b");
    assert_eq!(stored_for_b(&mut server), (1..=40).collect::<Vec<_>>());
}

/// Those acks are of a delivery that has ended.
#[test]
fn an_ack_of_what_could_not_be_removed_counts_for_nothing_later() {
    let mut server = Script::server();
    server.store = SimStore::new(100);
    server.joins("a");
    server.joins("b");
    server.says("b", vec![dereg("b", 1)]);
    for number in 1..=90 {
        server.says("a", vec![keep("a", "b", number, "hi")]);
    }
    server.joins("b");
    server.store_waits = true;
    took_all_but_the_last(&mut server, "b");
    server.store_fails();
    server.store_waits = false;
    assert!(server.events.concat().contains("MailboxFault"), "{:?}", server.events);
    // One more brings all of them again, behind what is under way.
    server.says("a", vec![keep("a", "b", 91, "hi")]);
    assert!(server.store.mailbox(&nickname("b")).len() > 64);
    took_all_but_the_last(&mut server, "b");
    assert!(!server.store.mailbox(&nickname("b")).is_empty());
    server.took("b");
    assert!(server.store.mailbox(&nickname("b")).is_empty());
}

/// It is delivered when its recipient takes something again, whatever was the matter meanwhile.
#[test]
fn mail_that_was_not_taken_and_then_could_not_be_read_is_still_to_be_delivered() {
    let mut server = of_two();
    server.says("b", vec![dereg("b", 1)]);
    server.says("a", vec![keep("a", "b", 1, "hi")]);
    server.took("a");
    server.joins("b");
    for _ in 0..6 {
        server.wait(500);
        // It is there, and takes nothing.
        server.has("b", 0);
    }
    server.store_waits = true;
    server.says("a", vec![keep("a", "b", 2, "ho")]);
    server.store_works();
    server.store_fails();
    assert!(server.events.concat().contains("MailboxFault"), "{:?}", server.events);
    server.store_waits = false;
    let mail = server.took("b").concat();
    assert!(mail.contains("stored Chat a: hi") && mail.contains("stored Chat a: ho"), "{mail}");
}

/// Who has taken all that it was sent but the last packet, and what that leads to.
fn took_all_but_the_last(server: &mut Script, who: &str) -> Vec<String> {
    let packets = server.packets_to(who).into_iter();
    let last = packets.filter_map(|packet| Some(packet.header.sequence?.number)).max().unwrap();
    let ack = Some(Ack { through: last - 1, beyond: Vec::new() });
    let header = Header { ack, ..server.header(who) };
    server.from(who, Packet { header, frames: Vec::new() }.encode())
}

#[test]
fn what_is_refused_holds_back_what_is_behind_it_until_its_author_knows() {
    let mut server = of_two();
    let refused = "a: <[Client d Not Existed!]>";
    let messages =
        vec![keep("a", "d", 1, "one"), keep("a", "d", 2, "two"), keep("a", "b", 3, "hi")];
    assert_eq!(server.says("a", messages), [refused, "b: <Chat a: hi>"]);
    // Now there is somebody of that name, and still the second does not go before the first.
    assert!(!server.joins("d").concat().contains("Chat"));
    assert!(!server.wait(700).concat().contains("d: <Chat"));
    assert_eq!(server.took("a"), ["d: <Chat a: two>"]);
}

#[test]
fn what_is_behind_two_refusals_waits_for_both_to_be_heard() {
    let mut config = server_config(10);
    config.limits.message_bytes = 10;
    let mut server = Script::with_current(config, &["a", "b"]);
    let messages = ["longer than it may be", "longer than it may be", "three"];
    for (text, number) in messages.iter().zip(1..) {
        server.says_deaf("a", vec![keep("a", "b", number, text)]);
    }
    let said = took_all_but_the_last(&mut server, "a").concat();
    assert!(!said.contains("Chat"), "{said}");
    let said = server.took("a").concat();
    assert!(said.contains("b: <Chat a: three>"), "{said}");
}

#[test]
fn what_the_store_refuses_holds_back_what_is_behind_it() {
    let mut server = without_b();
    server.store.fail_writes = true;
    let refused = "a: <[Message not saved: superchat.journal: the disk is full]>";
    assert_eq!(server.says("a", vec![keep("a", "b", 1, "one")]), [refused]);
    server.store.fail_writes = false;
    let packet = server.packet("a", vec![keep("a", "b", 2, "two")]);
    let header = superchat::wire::Header { ack: None, ..packet.header };
    let unheard = superchat::wire::Packet { header, ..packet }.encode();
    assert_eq!(server.from("a", unheard), ["a: <ack>"]);
    assert_eq!(server.store.mailbox(&nickname("b")), []);
    assert_eq!(server.took("a"), ["a: <[Messages received by the server and saved]>"]);
    assert_eq!(server.store.mailbox(&nickname("b")).len(), 1);
}

/// What a member that is silent for 15 seconds is sent, and when.
fn silent_for_15_seconds() -> Script {
    let mut server = of_two();
    server.has("a", 2);
    server.has("b", 2);
    assert_eq!(server.wait(14_000), NOTHING);
    server.has("b", 2);
    assert_eq!(server.wait(999), NOTHING);
    assert_eq!(server.wait(1), ["1 a: <Verification>"]);
    server
}

#[test]
fn a_member_that_is_silent_is_asked_and_then_offline() {
    let mut server = silent_for_15_seconds();
    let said = server.wait(2_999);
    assert!(said.len() >= 3 && said.iter().all(|line| line.ends_with("a: <Verification>")));
    assert_eq!(server.wait(1), ["1 b: <Changes 2 to 3 of 3: a Offline>"]);
}

#[test]
fn a_member_that_answers_stays() {
    let mut server = silent_for_15_seconds();
    assert_eq!(server.took("a"), NOTHING);
    let asked_later = |lines: Vec<String>| lines.iter().all(|line| line.contains("b: <Verif"));
    assert!(asked_later(server.wait(14_000)), "b is the one that is silent now");
    assert!(server.says("a", vec![keep("a", "a", 1, "hi")]).contains(&"a: <Chat a: hi>".into()));
}

/// `a` is a classic client, and acknowledges nothing while the other one is heard.
fn classic_and_b(answers: bool) -> Vec<String> {
    let mut server = Script::with_current(server_config(10), &["b"]);
    server.from("a", reg("a"));
    (0..2).for_each(|_| drop(server.from("a", ack())));
    server.has("b", 2);
    server.wait(14_000);
    server.has("b", 2);
    let mut said = server.wait(1_000);
    assert_eq!(said, ["1000 a: Verification"]);
    if answers {
        said.extend(server.from("a", ack()));
    }
    said.extend(server.wait(10_000));
    said.retain(|line| line.contains(" b: "));
    said.into_iter().chain(server.says("b", vec![keep("b", "a", 1, "hi")])).collect()
}

#[test]
fn a_classic_client_that_is_silent_is_asked_and_then_offline() {
    let said = classic_and_b(false);
    assert!(said[0].ends_with("b: <Changes 2 to 3 of 3: a Offline>"), "{said:?}");
    assert!(said.concat().contains("saved]"), "{said:?}");
}

#[test]
fn a_classic_client_that_answers_stays() {
    assert_eq!(classic_and_b(true), ["a: Verification", "b: <ack>"]);
}

#[test]
fn where_classic_clients_are_refused_current_ones_are_served() {
    let config = ServerConfig { refuse_classic: true, ..server_config(10) };
    let mut server = Script::server_with(config);
    let line = "[No classic clients here.] offline";
    assert_eq!(server.from("alice", reg("alice")), ["a: ack".to_owned(), format!("a: {line}")]);
    assert_eq!(server.from("a", ack()), NOTHING);
    assert!(server.joins("b")[0].starts_with("b: <[Welcome"));
    // Nor is anything else that a classic program asks for done.
    let said = server.from("c", script::keep("c", "b", "Online", "hi")).concat();
    assert!(said.contains("not registered from here") && !said.contains("Chat"), "{said}");
    assert_eq!(server.from("d", hello("d", None)), ["d: <cookie>"]);
}
