//! What the client does with a message and with its server, as datagrams in and out.

use superchat::proto::{ClientCommand, MAX_PENDING};

use super::script::{Script, ack, chat, note, offline_note, table, verification};
use super::world::nickname;

const NOTHING: [&str; 0] = [];

#[test]
fn received_directly() {
    let mut client = Script::online();
    assert_eq!(client.send("b", "hi"), ["b: Chat a: hi"]);
    assert_eq!(client.from("b", ack()), ["says Sent(1, Ok(Received))"]);
    assert_eq!(client.wait(10_000), NOTHING);
}

#[test]
fn an_ack_from_anyone_else_confirms_nothing() {
    let mut client = Script::online();
    client.send("b", "hi");
    assert_eq!(client.from("c", ack()), NOTHING);
    assert_eq!(client.from("s", ack()), NOTHING);
    assert_eq!(client.wait(500), ["500 s: Keep a to b, Online: hi"]);
}

#[test]
fn without_an_ack_it_is_saved() {
    let mut client = Script::online();
    client.send("b", "hi");
    assert_eq!(client.wait(499), NOTHING);
    assert_eq!(client.wait(1), ["1 s: Keep a to b, Online: hi"]);
    // The server acknowledges at once, and answers when its disk has it.
    assert_eq!(client.from("s", ack()), NOTHING);
    let saved = note("[Messages received by the server and saved]");
    assert_eq!(client.answered(saved), ["s: ack", "says Sent(1, Ok(Stored))"]);
}

/// To ask again while the answer is on its way would have the message kept twice.
#[test]
fn an_acknowledged_request_waits_longer_for_its_answer_than_the_server_takes() {
    let mut client = Script::online();
    client.send("c", "hi");
    client.from("s", ack());
    assert_eq!(client.wait(3_999), NOTHING);
    assert_eq!(client.wait(1), ["1 s: Keep a to c, Offline: hi"]);
    assert_eq!(client.wait(500), ["500 s: Keep a to c, Offline: hi"]);
}

#[test]
fn who_is_offline_by_the_table_is_not_tried() {
    let mut client = Script::online();
    assert_eq!(client.send("c", "hi"), ["s: Keep a to c, Offline: hi"]);
    let saved = note("[Messages received by the server and saved]");
    assert_eq!(client.answered(saved), ["s: ack", "says Sent(1, Ok(Stored))"]);
}

#[test]
fn who_exists_after_all_is_tried_directly_by_itself() {
    let mut client = Script::online();
    client.send("c", "hi");
    assert_eq!(client.answered(note("[Client c exists!!]")), ["s: ack"]);
    let rows = [("a", "Yes"), ("b", "Yes"), ("c", "Yes")];
    assert_eq!(client.from("s", table(&rows)), ["s: ack", "c: Chat a: hi"]);
    assert_eq!(client.from("c", ack()), ["says Sent(1, Ok(Received))"]);
}

#[test]
fn who_exists_but_whose_table_is_lost_is_reached_through_the_server() {
    let mut client = Script::online();
    client.send("c", "hi");
    assert_eq!(client.answered(note("[Client c exists!!]")), ["s: ack"]);
    assert_eq!(client.wait(500), ["500 s: Keep a to c, Online: hi"]);
    let relayed = note("[Message received by c.]");
    assert_eq!(client.answered(relayed), ["s: ack", "says Sent(1, Ok(Relayed))"]);
}

#[test]
fn relayed() {
    let mut client = Script::online();
    client.send("b", "hi");
    client.wait(500);
    let relayed = note("[Message received by b.]");
    assert_eq!(client.answered(relayed), ["s: ack", "says Sent(1, Ok(Relayed))"]);
}

#[test]
fn what_the_server_refuses_is_told_in_its_words() {
    let mut client = Script::online();
    client.send("c", "hi");
    let line = "[Message not saved: the disk is full]";
    let refused = format!("says Sent(1, Err(Refused({line:?})))");
    assert_eq!(client.answered(note(line)), ["s: ack", &refused]);
}

#[test]
fn whom_the_server_does_not_know_is_unknown() {
    let mut client = Script::online();
    client.send("c", "hi");
    assert_eq!(
        client.answered(note("[Client c Not Existed!]")),
        ["s: ack", "says Sent(1, Err(UnknownUser(\"c\")))"]
    );
}

/// Its ack was lost, so the server repeats the answer to the request before.
#[test]
fn a_repeated_answer_is_not_taken_for_the_answer_to_the_next_request() {
    let mut client = Script::online();
    client.send("c", "one");
    let saved = note("[Messages received by the server and saved]");
    client.answered(&saved);
    assert_eq!(client.send("c", "two"), ["s: Keep a to c, Offline: two"]);
    assert_eq!(client.from("s", &saved), NOTHING, "neither believed nor acknowledged");
    assert_eq!(client.wait(500), ["500 s: Keep a to c, Offline: two"]);
    assert_eq!(client.answered(&saved), ["s: ack", "says Sent(1, Ok(Stored))"]);
}

#[test]
fn what_answers_no_request_is_taken_at_once() {
    let mut client = Script::online();
    client.send("c", "hi");
    assert_eq!(client.from("s", note("[You Have Messages]")), ["s: ack"]);
}

#[test]
fn an_answer_whose_ack_was_lost_counts_once_nothing_is_repeated_any_more() {
    let mut client = Script::online();
    client.wait(3_500);
    client.send("c", "hi");
    let saved = note("[Messages received by the server and saved]");
    assert_eq!(client.from("s", saved), ["s: ack", "says Sent(1, Ok(Stored))"]);
}

/// The server could not tell it from a repeat of the first, if the ack of its answer was lost.
#[test]
fn the_same_words_to_the_same_recipient_wait_until_they_are_no_repeat() {
    let mut client = Script::online();
    let saved = note("[Messages received by the server and saved]");
    client.send("c", "ok");
    client.answered(&saved);
    assert_eq!(client.send("c", "ok"), NOTHING);
    assert_eq!(client.wait(3_499), NOTHING);
    assert_eq!(client.wait(1), ["1 s: Keep a to c, Offline: ok"]);
    assert_eq!(client.answered(&saved), ["s: ack", "says Sent(1, Ok(Stored))"]);
}

/// A table of 4096 bytes may leave out somebody who is there.
#[test]
fn whom_a_cut_table_leaves_out_the_server_is_asked_for() {
    let mut client = Script::online();
    let names: Vec<String> = (0..4000).map(|n| format!("user{n}")).collect();
    let mut rows = vec![("a", "Yes")];
    let mut bytes = table(&rows);
    for name in &names {
        rows.push((name, "Yes"));
        let longer = table(&rows);
        if longer.len() > 4096 {
            break;
        }
        bytes = longer;
    }
    client.from("s", &bytes);
    assert_eq!(client.send("d", "hi"), ["s: Keep a to d, Offline: hi"]);
    client.answered(note("[Client d exists!!]"));
    let around_d = table(&[("a", "Yes"), ("d", "Yes")]);
    assert_eq!(client.from("s", around_d), ["s: ack", "d: Chat a: hi"]);
}

#[test]
fn a_table_of_a_classic_server_may_be_longer_than_a_datagram_of_anyone_else() {
    let mut client = Script::online();
    let names: Vec<String> = (0..400).map(|n| format!("user{n}")).collect();
    let rows: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "Yes")).collect();
    let bytes = table(&rows);
    assert!(bytes.len() > 4096);
    assert_eq!(client.from("c", &bytes), NOTHING);
    assert_eq!(client.from("s", &bytes), ["s: ack"]);
    assert_eq!(client.refused(), [0, 1, 0, 0]);
    assert_eq!(client.send("user399", "hi").len(), 1);
}

/// The server still holds it online under the old name.
#[test]
fn a_client_that_does_not_get_another_name_keeps_the_one_it_has() {
    let mut client = Script::online();
    client.told(ClientCommand::Register { ticket: 2, nickname: nickname("b") });
    assert_eq!(
        client.answered(offline_note("[b is already Online!]")),
        ["s: ack", "says Session(2, Err(NameTaken(\"b\")))"]
    );
    assert_eq!(client.send("b", "hi"), ["b: Chat a: hi"]);
    assert_eq!(client.told(ClientCommand::Close), ["says Sent(1, Err(Closed))", "s: Dereg a"]);
}

/// Somebody else has the name now: the server had held it for gone.
#[test]
fn a_client_that_loses_its_own_name_is_offline() {
    let mut client = Script::online();
    client.told(ClientCommand::Register { ticket: 2, nickname: nickname("a") });
    client.answered(offline_note("[a is already Online!]"));
    assert_eq!(client.send("b", "hi"), ["says Sent(1, Err(NotRegistered))"]);
}

#[test]
fn both_sides_of_the_registrations_that_may_wait() {
    let mut client = Script::online();
    for ticket in 0..17 {
        let again = ClientCommand::Register { ticket, nickname: nickname("a") };
        client.told(again);
    }
    let one_more = ClientCommand::Deregister { ticket: 99 };
    assert_eq!(client.told(one_more), ["says Session(99, Err(TooManyPending))"]);
}

#[test]
fn a_name_that_no_table_has_is_unknown() {
    let mut client = Script::online();
    assert_eq!(client.send("d", "hi"), ["says Sent(1, Err(UnknownUser(\"d\")))"]);
}

#[test]
fn both_sides_of_the_longest_message() {
    let around =
        br#"{"Type":"Offline","Nickname":"a","Receipent":"b","Status":"Offline","Msg":""}"#;
    let mut client = Script::online();
    let fits = "x".repeat(4096 - around.len());
    assert_eq!(client.send("b", &fits), [format!("b: Chat a: {fits}")]);
    let longer = fits + "x";
    assert_eq!(client.send("b", &longer), ["says Sent(1, Err(TooLong(4097)))"]);
}

#[test]
fn both_sides_of_what_may_be_pending() {
    let mut client = Script::online();
    for n in 1..=MAX_PENDING {
        let lines = client.send("b", "hi");
        assert_eq!(lines.len(), usize::from(n == 1), "only the first is under way");
    }
    assert_eq!(client.send("b", "hi"), ["says Sent(1, Err(TooManyPending))"]);
}

#[test]
fn name_taken() {
    let mut client = Script::client();
    let register = ClientCommand::Register { ticket: 0, nickname: nickname("a") };
    assert_eq!(client.told(register), ["s: Reg a"]);
    client.from("s", ack());
    assert_eq!(
        client.from("s", offline_note("[a is already Online!]")),
        ["s: ack", "says Session(0, Err(NameTaken(\"a\")))"]
    );
}

/// A registration that a late word to the session before it ended.
#[test]
fn a_registration_is_not_refused_by_what_was_said_to_the_session_before() {
    for line in ["[a is not registered from here.]", "[You are Offline. Bye.]"] {
        let mut client = Script::online();
        client.from("s", offline_note("[a is not registered from here.]"));
        client.told(ClientCommand::Register { ticket: 2, nickname: nickname("a") });
        assert_eq!(client.answered(offline_note(line)), ["s: ack"]);
        client.answered(note("[Welcome, You are registered.]"));
        let done = client.from("s", table(&[("a", "Yes")]));
        assert_eq!(done, ["s: ack", "says Session(2, Ok(()))"]);
    }
}

#[test]
fn the_server_is_given_up_after_five_tries_half_a_second_apart() {
    let mut client = Script::client();
    let register = ClientCommand::Register { ticket: 0, nickname: nickname("a") };
    assert_eq!(client.told(register), ["s: Reg a"]);
    assert_eq!(
        client.wait(60_000),
        [
            "500 s: Reg a",
            "1000 s: Reg a",
            "1500 s: Reg a",
            "2000 s: Reg a",
            "2500 says Session(0, Err(ServerNotResponding))"
        ]
    );
}

#[test]
fn the_server_goes_down() {
    let mut client = Script::online();
    client.send("b", "hi");
    assert_eq!(
        client.from("s", offline_note("[Server is Down!]")),
        ["s: ack", "says Sent(1, Err(ServerNotResponding))"]
    );
    assert_eq!(client.send("b", "hi"), ["says Sent(1, Err(NotRegistered))"]);
}

#[test]
fn only_the_server_can_say_that_it_goes_down() {
    let mut client = Script::online();
    assert_eq!(client.from("c", offline_note("[Server is Down!]")), NOTHING);
    assert_eq!(client.send("b", "hi"), ["b: Chat a: hi"]);
}

#[test]
fn a_client_that_is_deregistered_acknowledges_no_message_and_is_not_there() {
    let mut client = Script::online();
    client.told(ClientCommand::Deregister { ticket: 2 });
    client.from("s", ack());
    assert_eq!(
        client.from("s", offline_note("[You are Offline. Bye.]")),
        ["s: ack", "says Session(2, Ok(()))"]
    );
    assert_eq!(client.from("b", chat("b", "hi")), NOTHING);
    assert_eq!(client.from("s", verification()), NOTHING);
    assert_eq!(client.refused(), [0, 0, 2, 0]);
}

#[test]
fn a_full_application_queue_leaves_a_message_unacknowledged() {
    let mut client = Script::online();
    client.room = false;
    assert_eq!(client.from("b", chat("b", "hi")), NOTHING);
    assert_eq!(client.refused(), [0, 0, 0, 1]);
    client.room = true;
    let message =
        "says Message(Arrival { sender: \"b\", text: \"hi\", route: Direct, sent_at: None })";
    assert_eq!(client.from("b", chat("b", "hi")), ["b: ack", message]);
}

/// Else the server would hold for gone who is only busy, and give its name away.
#[test]
fn a_client_whose_application_queue_is_full_is_still_there() {
    let mut client = Script::online();
    client.room = false;
    assert_eq!(client.from("s", verification()), ["s: ack"]);
}

/// Else its name would be given away while it registers again.
#[test]
fn a_client_that_registers_again_is_still_there() {
    let mut client = Script::online();
    client.told(ClientCommand::Register { ticket: 2, nickname: nickname("a") });
    assert_eq!(client.from("s", verification()), ["s: ack"]);
}

#[test]
fn nothing_more_is_asked_of_a_server_that_put_the_client_offline() {
    let mut client = Script::online();
    client.send("c", "one");
    client.told(ClientCommand::Send { ticket: 2, recipient: nickname("c"), text: "two".into() });
    assert_eq!(
        client.answered(offline_note("[a is not registered from here.]")),
        ["s: ack", "says Sent(1, Err(NotRegistered))", "says Sent(2, Err(NotRegistered))"]
    );
}
