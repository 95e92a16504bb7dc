//! The ways that a message takes from a client of the current dialect, as packets in and out.

use superchat::wire::{Frame, MAX_PACKET, Packet};

use super::current::{changes, chat, found, note, relayed, row};
use super::script::{Script, address};

const RECEIVED: [&str; 1] = ["says Sent(1, Ok(Received))"];
const RELAYED: [&str; 2] = ["says Sent(1, Ok(Relayed))", "s: <ack>"];

#[test]
fn a_direct_path_that_is_silent_is_left_after_half_a_second() {
    let mut client = Script::current_online();
    client.send("b", "hi");
    let again = client.wait(499);
    assert!(!again.is_empty() && again.iter().all(|line| line.ends_with("b: <Chat a: hi>")));
    assert_eq!(client.wait(1), ["1 s: <Lookup b, Keep a to b, Online: hi>"]);
    let received = note("[Message received by b.]", client.kept());
    assert_eq!(client.says("s", vec![received]), RELAYED);
}

/// What follows keeps its place behind it, on the same path.
#[test]
fn all_messages_of_a_conversation_take_the_other_path_together() {
    let mut client = Script::current_online();
    ["one", "two"].iter().for_each(|text| drop(client.send("b", text)));
    client.wait(499);
    let kept = "1 s: <Lookup b, Keep a to b, Online: one, Keep a to b, Online: two>";
    assert_eq!(client.wait(1), [kept]);
    assert_eq!(client.send("b", "three"), ["s: <Keep a to b, Online: three>"]);
}

#[test]
fn who_exists_after_all_is_tried_directly_by_itself() {
    let mut client = Script::current_online();
    assert_eq!(client.send("c", "hi"), ["s: <Keep a to c, Offline: hi>"]);
    let exists = note("[Client c exists!!]", client.kept());
    let said = client.says("s", vec![found("c", Some(row("c")), 4), exists]);
    assert_eq!(said, ["c: <Chat a: hi>", "s: <ack>"]);
    assert_eq!(client.took("c"), RECEIVED, "the one outcome");
}

#[test]
fn who_exists_after_all_and_does_not_answer_is_reached_through_the_server() {
    let mut client = Script::current_online();
    client.send("c", "hi");
    let exists = note("[Client c exists!!]", client.kept());
    client.says("s", vec![found("c", Some(row("c")), 4), exists]);
    assert_eq!(client.wait(500).last().unwrap(), "500 s: <Lookup c, Keep a to c, Online: hi>");
    let received = note("[Message received by c.]", client.kept());
    assert_eq!(client.says("s", vec![received]), RELAYED);
}

/// The server was not heard to have it, so that it comes again.
#[test]
fn that_a_recipient_exists_is_said_to_be_so_once() {
    let mut client = Script::current_online();
    client.send("c", "hi");
    let exists = note("[Client c exists!!]", client.kept());
    client.says("s", vec![found("c", Some(row("c")), 4), exists.clone()]);
    client.wait(500);
    let said = client.says("s", vec![exists]);
    assert_eq!(said, ["s: <ack>"], "the server has it now, and nobody else");
    let received = note("[Message received by c.]", client.kept());
    assert_eq!(client.says("s", vec![received]), RELAYED);
}

#[test]
fn a_direct_path_that_failed_is_left_alone_for_half_a_minute() {
    let mut client = Script::current_online();
    client.send("b", "hi");
    client.wait(500);
    let received = note("[Message received by b.]", client.kept());
    client.says("s", vec![received]);
    for (wait, path) in [(19_000, "s: <Keep"), (10_999, "s: <Keep"), (1, "b: <Chat")] {
        client.wait(wait);
        client.took("s");
        let sent = client.send("b", "ho");
        assert!(sent[0].starts_with(path), "{sent:?}");
        if path.starts_with('s') {
            let received = note("[Message received by b.]", client.kept());
            client.says("s", vec![received]);
        }
    }
}

#[test]
fn who_is_somewhere_else_gets_what_was_on_its_way_there() {
    let mut client = Script::current_online();
    client.send("b", "hi");
    let moved = superchat::wire::Row { address: address("e"), ..row("b") };
    let said = client.told_loosely(vec![changes(&[moved], 3, 4, 4)]);
    assert!(said.contains(&"e: <Chat a: hi>".to_owned()), "{said:?}");
}

#[test]
fn a_message_that_came_by_another_path_is_acknowledged_and_not_handed_over_again() {
    let mut client = Script::current_online();
    let direct = client.says("b", vec![chat("b", 1, "hi")]);
    assert_eq!(direct.len(), 2, "{direct:?}");
    assert_eq!(client.says("s", vec![relayed("b", 1, "hi")]), ["s: <ack>"]);
    let next = client.says("s", vec![relayed("b", 2, "ho")]);
    assert!(next[0].contains("Relayed") && next[1] == "s: <ack>", "{next:?}");
    assert_eq!(client.says("b", vec![chat("b", 2, "ho")]), ["b: <ack>"]);
}

#[test]
fn a_long_message_goes_in_packets_that_every_path_carries() {
    let mut client = Script::current_online();
    let text: String = ('a'..='z').cycle().take(100_000).collect();
    client.send("b", &text);
    let mut rounds = 0;
    while !client.took("b").contains(&RECEIVED[0].to_owned()) {
        rounds += 1;
        assert!(rounds < 100, "it does not end");
    }
    let to_b = client.sent.iter().filter(|(to, _)| *to == address("b"));
    assert!(to_b.clone().all(|(_, payload)| payload.len() <= MAX_PACKET));
    let mut whole = String::new();
    for frame in to_b.flat_map(|(_, payload)| Packet::decode(payload).unwrap().frames) {
        let Frame::Chat(chat) = frame else { panic!("{frame:?}") };
        whole.push_str(&chat.text);
    }
    assert!(whole == text, "nothing more and nothing less");
}

#[test]
fn both_sides_of_the_longest_message() {
    let mut client = Script::current_online();
    let fits = "x".repeat(1 << 20);
    assert!(!client.send("b", &fits).is_empty());
    let longer = fits + "x";
    assert_eq!(client.send("b", &longer), ["says Sent(1, Err(TooLong(1048577)))"]);
}
