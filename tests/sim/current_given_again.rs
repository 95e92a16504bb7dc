//! What a client gives to the server again, after a registration, and which of its answers count then.

use superchat::proto::ClientCommand;
use superchat::wire::{Header, Packet, Row, Sequence};

use super::current::{absent, changes, found, note, row, session};
use super::script::Script;
use super::world::nickname;

/// The server does not hold the client for a moment; what it does at the welcome.
fn registers_again(client: &mut Script) -> Vec<String> {
    client.wait(1_500);
    client.gets_cookie(session("s"), 9);
    let own = Row { session: Some(client.own()), ..row("a") };
    client.welcomed(session("s"), &[own, row("b"), absent("c")], 3)
}

/// A packet of one that has not heard anything.
fn deaf(packet: &Packet) -> Vec<u8> {
    let header = Header { ack: None, ..packet.header.clone() };
    Packet { header, frames: packet.frames.clone() }.encode()
}

#[test]
fn a_server_that_began_anew_is_given_again_what_it_was_given() {
    let mut client = Script::current_online();
    client.send("c", "hi");
    // It knows nobody, and says so in answer to the next packet.
    client.wait(1_500);
    assert_eq!(client.gets_cookie(session("x"), 9), ["s: Reg a", "s: Reg a"]);
    let again = client.welcomed(session("x"), &[row("b"), absent("c")], 2);
    assert_eq!(again, ["s: <at 2>", "s: <Keep a to c, Online: hi>"]);
    let saved = note("[Messages received by the server and saved]", client.kept());
    let Packet { header, frames } = client.packet("s", vec![saved]);
    let header = Header { from: session("x"), ..header };
    let done = client.from("s", Packet { header, frames }.encode());
    assert_eq!(done, ["says Sent(1, Ok(Stored))", "s: <ack>"]);
}

/// It may be the answer to the first time, and what the server does about the second time is still to come.
#[test]
fn that_a_recipient_exists_counts_for_nothing_once_its_message_is_given_again() {
    let mut client = Script::current_online();
    assert_eq!(client.send("c", "hi"), ["s: <Keep a to c, Offline: hi>"]);
    let again = registers_again(&mut client).concat();
    assert!(again.contains("Keep a to c, Online: hi"), "{again}");
    let exists = note("[Client c exists!!]", client.kept());
    let said = client.says("s", vec![found("c", Some(row("c")), 4), exists]);
    assert_eq!(said, ["s: <ack>"], "it is not sent directly");
    let saved = note("[Messages received by the server and saved]", client.kept());
    assert_eq!(client.says("s", vec![saved]), ["says Sent(1, Ok(Stored))", "s: <ack>"]);
}

/// It forgets an answer that was heard, and would deal with a message again that comes after that.
#[test]
fn an_answer_is_heard_and_not_acknowledged_while_its_message_is_on_its_way_again() {
    let mut client = Script::current_online();
    client.send("c", "hi");
    let again = registers_again(&mut client);
    assert_eq!(again, ["s: <at 3>", "s: <Keep a to c, Online: hi>"]);
    let saved = note("[Messages received by the server and saved]", client.kept());
    let answer = client.packet("s", vec![saved]);
    let unheard = deaf(&answer);
    assert_eq!(client.from("s", &unheard), ["says Sent(1, Ok(Stored))", "s: <at 3>"]);
    assert_eq!(client.from("s", &unheard), ["s: <at 3>"]);
    assert_eq!(client.from("s", answer.encode()), ["s: <ack>"]);
}

/// What is refused the server remembers all the same; and what is behind it waits for that ack.
#[test]
fn a_refusal_is_acknowledged_while_its_message_is_on_its_way_again() {
    let mut client = Script::current_online();
    client.send("c", "hi");
    registers_again(&mut client);
    let full = note("[Message not saved: c is full]", client.kept());
    let answer = client.packet("s", vec![full]);
    let done = client.from("s", deaf(&answer));
    assert_eq!(done.last().unwrap(), "s: <ack>", "{done:?}");
}

/// Else its message would be given again, and the server has forgotten the answer.
#[test]
fn an_answer_between_the_welcome_and_the_whole_table_is_heard() {
    let mut client = Script::current_online();
    client.send("c", "hi");
    client.wait(1_500);
    client.told(ClientCommand::Register { ticket: 2, nickname: nickname("a") });
    client.gets_cookie(session("s"), 9);
    let own = Row { session: Some(client.own()), ..row("a") };
    let welcome = note("[Welcome, You are registered.]", Some(client.last_hello().number));
    let part = changes(&[own], 0, 2, 3);
    let header = client.header("s");
    let given = client.from("s", Packet { header, frames: vec![welcome, part] }.encode());
    assert!(!given.concat().contains("Keep"), "{given:?}");
    let saved = note("[Messages received by the server and saved]", client.kept());
    let done = client.says("s", vec![saved]);
    assert_eq!(done, ["says Sent(1, Ok(Stored))", "s: <ack>"]);
    let rest = client.told_loosely(vec![changes(&[row("b"), absent("c")], 2, 3, 3)]);
    assert!(rest.concat().contains("Session(2, Ok"), "{rest:?}");
    assert!(!rest.concat().contains("Keep") && !client.wait(2_000).concat().contains("Keep"));
}

/// The same where the message is not given again, since its answer was heard: what was sent may still come.
#[test]
fn an_answer_is_not_acknowledged_before_something_has_come_that_was_sent_after_its_message() {
    let mut client = Script::current_online();
    client.send("c", "hi");
    registers_again(&mut client);
    let saved = note("[Messages received by the server and saved]", client.kept());
    let answer = client.packet("s", vec![saved]);
    let unheard = deaf(&answer);
    client.from("s", &unheard);
    assert_eq!(registers_again(&mut client), ["s: <at 3>", "s: <Verification>"]);
    assert_eq!(client.from("s", &unheard), ["s: <at 3>"]);
    let answer = Packet {
        header: Header { ack: client.packet("s", vec![]).header.ack, ..answer.header },
        frames: answer.frames,
    };
    assert_eq!(client.from("s", answer.encode()), ["s: <ack>"]);
}

/// The run before may have it on its disk, of which this one does not know yet whom it is for.
#[test]
fn a_server_that_began_anew_cannot_say_that_nobody_has_what_the_one_before_was_given() {
    let mut client = Script::current_online();
    client.send("c", "hi");
    client.wait(1_500);
    client.gets_cookie(session("x"), 9);
    client.welcomed(session("x"), &[row("b")], 2);
    let header = Header {
        sequence: Some(Sequence { number: 1, floor: 1 }),
        ..Header::new(session("x"), client.own())
    };
    let unknown = note("[Client c Not Existed!]", client.kept());
    let done = client.from("s", Packet { header, frames: vec![unknown] }.encode());
    assert_eq!(done[0], "says Sent(1, Err(ServerNotResponding))");
    // What is sent next must not get ahead of it.
    let next = client.send("c", "ho");
    assert!(next.concat().contains("Keep a to c, Offline: ho"), "{next:?}");
}
