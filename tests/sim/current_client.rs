//! What a client does with its server and with others who speak the current dialect, as packets in
//! and out.

use superchat::proto::ClientCommand;
use superchat::wire::{Chat, Frame, Header, Packet, Piece, Row, UnixTime, is_packet};

use super::current::{absent, changes, chat, found, lookup, note, row, session};
use super::host::Host;
use super::script::{self, Script, ack, address, table};
use super::world::nickname;

const NOTHING: [&str; 0] = [];
const RECEIVED: [&str; 1] = ["says Sent(1, Ok(Received))"];

/// What the application is handed for a message that came directly.
fn message(sender: &str, text: &str, route: &str) -> String {
    format!(
        "says Message(Arrival {{ sender: {sender:?}, text: {text:?}, route: {route}, sent_at: None }})"
    )
}

#[test]
fn a_message_to_who_is_there_goes_directly() {
    let mut client = Script::current_online();
    assert_eq!(client.send("b", "hi"), ["b: <Chat a: hi>"]);
    assert_eq!(client.took("b"), RECEIVED);
    assert_eq!(client.wait(10_000), NOTHING);
}

/// Somebody may have left one name for another before the client hears of it. Then the first name is somebody else's.
#[test]
fn messages_to_the_second_of_two_names_with_one_session_come_and_have_their_outcome() {
    let mut client = Script::current_online();
    let before = Row { nickname: nickname("z"), ..row("d") };
    client.told_loosely(vec![changes(&[before, row("d")], 3, 5, 5)]);
    assert_eq!(client.send("d", "one"), ["d: <Chat a: one>"]);
    let again = client.told_loosely(vec![changes(&[row("z")], 5, 6, 6)]);
    assert!(again.contains(&"d: <Chat a: one>".to_owned()), "{again:?}");
    client.send("d", "two");
    let mut came = client.took("d");
    came.extend(client.wait(50));
    came.extend(client.took("d"));
    came.retain(|line| line.starts_with("says"));
    assert_eq!(came, [RECEIVED, RECEIVED].concat());
}

#[test]
fn an_ack_from_another_address_confirms_nothing() {
    let mut client = Script::current_online();
    client.send("b", "hi");
    let sent = client.packets_to("b").pop().unwrap().header.sequence.unwrap();
    let ack = Some(superchat::wire::Ack { through: sent.number, beyond: Vec::new() });
    let forged = Header { ack, ..client.header("b") };
    let forged = Packet { header: forged, frames: Vec::new() }.encode();
    assert_eq!(client.from("c", &forged), NOTHING);
    assert_eq!(client.from("b", &forged), RECEIVED);
}

#[test]
fn a_message_from_another_address_than_its_senders_is_not_taken() {
    let mut client = Script::current_online();
    let packet = client.packet("b", vec![chat("b", 1, "hi")]).encode();
    assert_eq!(client.from("c", &packet), ["s: <Lookup b>"]);
    assert_eq!(client.refused(), [0, 0, 1, 0]);
    assert_eq!(client.from("b", &packet), [message("b", "hi", "Direct"), "b: <ack>".into()]);
}

#[test]
fn a_message_of_another_session_than_its_senders_is_not_taken() {
    let mut client = Script::current_online();
    let packet = client.packet("b", vec![chat("b", 1, "hi")]);
    let header = Header { from: session("x"), ..packet.header.clone() };
    let other = Packet { header, ..packet.clone() }.encode();
    assert_eq!(client.from("b", other), ["s: <Lookup b>"]);
    assert_eq!(client.refused(), [0, 0, 1, 0]);
}

/// Its beginning was acknowledged in an earlier life of this client, which did not hand it over.
#[test]
fn the_rest_of_a_message_without_its_beginning_is_not_acknowledged() {
    let mut client = Script::current_online();
    let Frame::Chat(whole) = chat("b", 1, "the end") else { unreachable!() };
    let rest = Frame::Chat(Chat { piece: Piece { part: 1, more: false }, ..whole });
    let packet = client.packet("b", vec![rest]);
    let number = packet.header.sequence.unwrap().number;
    assert!(!client.from("b", packet.encode()).concat().contains("Message"));
    let (to, said) = client.sent.last().unwrap();
    let ack = Packet::decode(said).unwrap().header.ack;
    let not_it = ack.as_ref().is_none_or(|ack| ack.through < number && ack.beyond.is_empty());
    assert!(*to == address("b") && not_it, "{ack:?}");
}

/// Anyone can claim any number of names.
#[test]
fn both_sides_of_the_names_that_are_looked_up_for_strangers() {
    let mut client = Script::current_online();
    let mut asked = 0;
    for number in 0..100 {
        let name = format!("x{number}");
        let packet = client.packet("b", vec![chat(&name, 1, "hi")]);
        let header = Header { from: session("x"), ..packet.header.clone() };
        let lines = client.from("x", Packet { header, ..packet }.encode());
        asked += lines.concat().matches("Lookup").count();
    }
    assert_eq!(asked, 32);
}

#[test]
fn a_message_for_an_earlier_session_is_not_taken() {
    let mut client = Script::current_online();
    let packet = client.packet("b", vec![chat("b", 1, "hi")]);
    let header = Header { to: session("x"), ..packet.header };
    assert_eq!(client.from("b", Packet { header, ..packet }.encode()), NOTHING);
    assert_eq!(client.refused(), [0, 0, 1, 0]);
}

/// Who is registered speaks for nobody else.
#[test]
fn a_message_in_the_name_of_another_is_not_handed_over() {
    let mut client = Script::current_online();
    let said = client.says("b", vec![chat("c", 1, "hi"), note("[Server is Down!]", None)]);
    assert_eq!(said, ["b: <ack>"]);
    assert_eq!(client.refused(), [0, 0, 2, 0]);
}

#[test]
fn a_message_of_somebody_unknown_waits_until_the_server_has_said_who_that_is() {
    let mut client = Script::current_online();
    let packet = client.packet("d", vec![chat("d", 1, "hi")]).encode();
    assert_eq!(client.from("d", &packet), ["s: <Lookup d>"]);
    assert_eq!(client.from("d", &packet), NOTHING, "it was just asked");
    let found = client.says("s", vec![found("d", Some(row("d")), 3)]);
    assert_eq!(found, [message("d", "hi", "Direct"), "d: <ack>".into(), "s: <ack>".into()]);
    assert_eq!(client.from("d", &packet), ["d: <ack>"], "it is a repeat");
}

#[test]
fn a_gap_in_the_table_is_left_alone_and_the_client_says_what_it_has() {
    let mut client = Script::current_online();
    assert_eq!(client.told_loosely(vec![changes(&[row("d")], 4, 5, 5)]), ["s: <at 3>"]);
    assert_eq!(client.send("d", "hi"), ["s: <Lookup d>"], "it is not known");
    let closed = client.told_loosely(vec![changes(&[row("d"), row("e")], 3, 5, 5)]);
    assert_eq!(closed, ["s: <at 5>", "d: <Chat a: hi>"]);
    assert_eq!(client.told_loosely(vec![changes(&[absent("d")], 3, 4, 5)]), ["s: <at 5>"]);
    assert_eq!(client.send("d", "ho"), ["d: <Chat a: ho>"], "what is older changes nothing");
}

#[test]
fn who_is_unknown_to_the_server_is_unknown() {
    let mut client = Script::current_online();
    assert_eq!(client.send("d", "hi"), ["s: <Lookup d>"]);
    let answer = client.says("s", vec![found("d", None, 3)]);
    assert_eq!(answer, ["says Sent(1, Err(UnknownUser(\"d\")))", "s: <ack>"]);
}

#[test]
fn a_packet_that_comes_again_is_acknowledged_and_handed_over_once() {
    let mut client = Script::current_online();
    let packet = client.packet("b", vec![chat("b", 1, "hi")]).encode();
    assert_eq!(client.from("b", &packet).len(), 2);
    assert_eq!(client.from("b", &packet), ["b: <ack>"]);
}

#[test]
fn what_comes_out_of_order_is_handed_over_in_order() {
    let mut client = Script::current_online();
    let packets: Vec<_> =
        (1..=3).map(|n| client.packet("b", vec![chat("b", n, &n.to_string())])).collect();
    for late in [2, 1] {
        assert_eq!(client.from("b", packets[late].encode()), ["b: <ack>"]);
    }
    let ack = client.packets_to("b").pop().unwrap().header.ack.unwrap();
    assert_eq!((ack.through, ack.beyond), (0, vec![(2, 3)]));
    let mut expected: Vec<_> = (1..=3).map(|n| message("b", &n.to_string(), "Direct")).collect();
    expected.push("b: <ack>".into());
    assert_eq!(client.from("b", packets[0].encode()), expected);
}

#[test]
fn a_full_application_queue_leaves_a_message_unacknowledged() {
    let mut client = Script::current_online();
    client.room = false;
    let packet = client.packet("b", vec![chat("b", 1, "hi")]).encode();
    client.from("b", &packet);
    assert!(
        client.packets_to("b").iter().all(|p| p.header.ack.as_ref().is_none_or(|a| a.through == 0))
    );
    assert_eq!(client.refused(), [0, 0, 0, 1]);
    client.room = true;
    assert_eq!(client.from("b", &packet), [message("b", "hi", "Direct"), "b: <ack>".into()]);
}

/// Who waits for the answer may be the one who is to make room.
#[test]
fn a_full_application_queue_keeps_no_answer_of_the_server_back() {
    let mut client = Script::current_online();
    client.send("c", "hi");
    let frames = client.packets_to("s").pop().unwrap().frames;
    let superchat::wire::Frame::Keep(keep) = &frames[0] else { panic!() };
    let line = note("[Somebody says something.]", None);
    let saved = note("[Messages received by the server and saved]", Some(keep.number));
    let [before, answer] = [line, saved].map(|frame| client.packet("s", vec![frame]).encode());
    let said = |outputs: Vec<String>| -> Vec<String> {
        outputs.into_iter().filter(|output| output.starts_with("says")).collect()
    };
    client.room = false;
    assert_eq!(said(client.from("s", &before)), NOTHING);
    assert_eq!(said(client.from("s", &answer)), ["says Sent(1, Ok(Stored))"]);
    let acks = client.packets_to("s").into_iter().filter_map(|packet| packet.header.ack);
    assert!(acks.map(|ack| ack.through).all(|through| through == 0), "neither is acknowledged");
    client.room = true;
    client.from("s", &before);
    assert_eq!(said(client.from("s", &answer)), NOTHING, "it is no news");
}

#[test]
fn a_silent_server_is_asked_four_times_and_then_lost() {
    let mut client = Script::current_online();
    client.events.clear();
    let ping = |after: u64| format!("{after} s: <Verification>");
    let pings: Vec<String> = [20_000, 20_750, 21_500, 22_250].map(ping).into();
    assert_eq!(client.wait(22_999), pings);
    assert!(!client.events.contains(&"ServerLost".to_owned()));
    assert_eq!(client.wait(1), ["1 s: Reg a"]);
    assert!(client.events.contains(&"ServerLost".to_owned()));
    // It asks less and less often, and does not stop.
    let tries = client.wait(60_000);
    let expected = [500, 1500, 3500, 7500, 15_500, 23_500, 31_500, 39_500, 47_500, 55_500];
    assert_eq!(tries, expected.map(|after| format!("{after} s: Reg a")));
    // It still talks to whom it knows.
    assert_eq!(client.send("b", "hi"), ["b: <Chat a: hi>"]);
    client.took("b");
    let own = Row { session: Some(client.own()), ..row("a") };
    assert_eq!(client.gets_cookie(session("x"), 9), ["s: Reg a"]);
    assert_eq!(client.welcomed(session("x"), &[own], 1), ["s: <at 1>"]);
}

#[test]
fn what_is_known_of_users_stays_known_while_the_server_is_lost() {
    let mut client = Script::current_online();
    let last_seen = UnixTime::from_seconds(1_488_400_115.368_341);
    client.told_loosely(vec![changes(&[Row { last_seen, ..absent("c") }], 3, 4, 4)]);
    client.wait(60_000);
    assert!(client.events.contains(&"ServerLost".to_owned()));
    let Host::Client(engine) = &client.host else { panic!("no client") };
    let known = engine.users().find(|row| row.nickname.as_str() == "c").unwrap();
    assert_eq!(known.last_seen, last_seen);
}

#[test]
fn a_server_that_answers_is_not_lost() {
    let mut client = Script::current_online();
    assert_eq!(client.wait(20_000), ["20000 s: <Verification>"]);
    assert_eq!(client.took("s"), NOTHING);
    assert_eq!(client.wait(19_999), NOTHING);
}

#[test]
fn messages_given_to_a_server_that_is_lost_get_their_outcome() {
    let mut client = Script::current_online();
    assert_eq!(client.send("c", "hi"), ["s: <Keep a to c, Offline: hi>"]);
    assert!(!client.wait(2_499).concat().contains("Sent"));
    let lost = client.wait(1);
    assert_eq!(lost, ["1 says Sent(1, Err(ServerNotResponding))", "1 s: Reg a"]);
    assert_eq!(client.gets_cookie(session("x"), 9), ["s: Reg a"]);
    client.welcomed(session("x"), &[row("b"), absent("c")], 2);
    assert!(client.send("c", "ho")[0].contains("Keep a to c"), "it is served again");
}

/// And those that are sent, or were waiting, while it is lost.
#[test]
fn what_waits_for_a_server_that_is_lost_gets_its_outcome() {
    const LOST: &str = "says Sent(1, Err(ServerNotResponding))";
    let mut client = Script::current_online();
    client.send("c", "one");
    client.send("c", "two, behind it");
    let lost = client.wait(2_500);
    assert_eq!(lost.iter().filter(|line| line.ends_with(LOST)).count(), 1);
    assert_eq!(client.send("nobody", "hi"), NOTHING);
    let rest = client.wait(2_500);
    assert_eq!(rest.iter().filter(|line| *line == &format!("2500 {LOST}")).count(), 2, "{rest:?}");
}

/// A server that takes no more for now says so by acknowledging nothing new.
#[test]
fn a_server_that_is_heard_and_busy_is_not_lost() {
    let mut client = Script::current_online();
    client.events.clear();
    client.send("c", "hi");
    for _ in 0..29 {
        client.from("s", Packet { header: client.header("s"), frames: Vec::new() }.encode());
        assert!(!client.wait(1_000).concat().contains("Sent"));
    }
    assert_eq!(client.took("s"), NOTHING);
    assert_eq!(client.wait(2_500), NOTHING);
    assert!(client.events.is_empty(), "{:?}", client.events);
}

/// The server waits for no word of it, and says it once.
#[test]
fn a_welcome_by_which_the_client_is_told_of_nobody_is_not_answered() {
    let mut client = Script::current_online();
    client.told(ClientCommand::Register { ticket: 2, nickname: nickname("a") });
    client.gets_cookie(session("s"), 9);
    let welcome = note("[Welcome, You are registered.]", Some(client.last_hello().number));
    let header = client.header("s");
    let frames = vec![welcome, changes(&[], 0, 9, 9)];
    let sent = client.sent.len();
    let welcomed = client.from("s", Packet { header, frames }.encode());
    assert!(welcomed.concat().contains("Session(2, Ok"), "{welcomed:?}");
    assert_eq!(client.sent.len(), sent, "{welcomed:?}");
    client.send("x", "hi");
    let asked = client.packets_to("s").pop().unwrap();
    assert_eq!(asked.frames, [lookup("x")]);
    assert_eq!(asked.header.revision, Some(9), "in passing");
}

fn known(client: &Script) -> Vec<String> {
    let Host::Client(client) = &client.host else { unreachable!() };
    client.users().map(|row| row.nickname.to_string()).collect()
}

/// The server may have forgotten it, or tell of nobody whom the client does not look up.
#[test]
fn of_whom_nothing_is_told_after_a_welcome_nothing_is_known_in_the_end() {
    let mut client = Script::current_online();
    client.told(ClientCommand::Register { ticket: 2, nickname: nickname("a") });
    client.gets_cookie(session("s"), 9);
    client.welcomed(session("s"), &[], 4);
    let early = found("d", Some(row("d")), 3);
    client.says("s", vec![found("b", Some(row("b")), 4), early]);
    for _ in 0..3 {
        client.wait(14_999);
        client.says("s", vec![Frame::Verification]);
    }
    assert_eq!(known(&client), ["a", "b", "c", "d"]);
    client.wait(3);
    assert_eq!(known(&client), ["b"]);
}

#[test]
fn a_client_that_is_told_of_nobody_any_more_says_so_and_forgets_whom_it_does_not_look_up() {
    let mut client = Script::current_online();
    let over = || vec![changes(&[], 0, 9, 9)];
    assert_eq!(client.told_loosely(over()), ["s: <at 9>"]);
    client.says("s", vec![found("c", Some(absent("c")), 9)]);
    for _ in 0..3 {
        client.wait(14_999);
        assert_eq!(client.told_loosely(over()), ["s: <at 9>"], "it is no news");
    }
    assert_eq!(known(&client), ["a", "b", "c"]);
    client.wait(3);
    assert_eq!(known(&client), ["c"]);
}

/// A row that had no room beside the welcome.
#[test]
fn changes_that_come_to_nothing_yet_are_answered() {
    let mut client = Script::current_online();
    assert_eq!(client.told_loosely(vec![changes(&[], 0, 0, 9)]), ["s: <at 3>"]);
}

#[test]
fn a_classic_server_gets_no_array_and_a_registration_with_three_fields_more() {
    let mut client = Script::online();
    let fields: serde_json::Value = serde_json::from_slice(&client.sent[0].1).unwrap();
    let names: Vec<&String> = fields.as_object().unwrap().keys().collect();
    assert_eq!(names, ["Floor", "Nickname", "Number", "Session", "Type"]);
    client.send("b", "hi");
    client.wait(10_000);
    client.send("c", "hi");
    client.wait(10_000);
    client.from("b", script::chat("b", "hi"));
    client.from("s", script::verification());
    client.told(ClientCommand::Register { ticket: 2, nickname: nickname("a") });
    client.wait(10_000);
    client.told(ClientCommand::Close);
    assert!(client.sent.len() > 10 && client.sent.iter().all(|(_, payload)| !is_packet(payload)));
}

#[test]
fn a_classic_peer_gets_no_array() {
    let mut client = Script::current_online();
    client.told_loosely(vec![changes(&[Row { session: None, ..row("b") }], 3, 4, 4)]);
    assert_eq!(client.send("b", "hi"), ["b: Chat a: hi"]);
    assert_eq!(client.from("b", ack()), RECEIVED);
    assert_eq!(client.from("b", script::chat("b", "hi"))[0], "b: ack");
    client.from("b", table(&[("b", "Yes")]));
    client.send("b", "no ack comes");
    client.wait(10_000);
    let to_b = client.sent.iter().filter(|(to, _)| *to == address("b"));
    assert!(to_b.clone().count() >= 3 && to_b.clone().all(|(_, payload)| !is_packet(payload)));
}

/// Neither one that says nothing, nor one that takes the last word and does not answer it.
#[test]
fn no_server_keeps_a_client_from_its_end_for_more_than_a_second() {
    for acknowledges in [false, true] {
        let mut client = Script::current_online();
        client.told(ClientCommand::Close);
        if acknowledges {
            assert_eq!(client.took("s"), NOTHING);
        }
        let until = client.wait(999).concat();
        assert!(!until.contains("Closed"), "{until}");
        let end = client.wait(1).concat();
        assert!(end.ends_with("says Closed"), "{end}");
    }
}

/// Its deregistration was lost. What it was told last is that it registers, also if another server answers
/// that, of the other dialect.
#[test]
fn who_is_told_to_register_while_it_waits_to_be_deregistered_stays_and_both_have_an_outcome() {
    for classic in [false, true] {
        let mut client = Script::current_online();
        client.told(ClientCommand::Deregister { ticket: 2 });
        client.told(ClientCommand::Register { ticket: 3, nickname: nickname("a") });
        let mut done = if classic {
            client.from("s", ack());
            let mut done = client.from("s", script::note("[Welcome, You are registered.]"));
            done.extend(client.from("s", table(&[("a", "Yes")])));
            done
        } else {
            client.welcomed(session("s"), &[row("b")], 4)
        };
        done.extend(client.wait(5_000));
        let done = done.concat();
        assert!(
            done.contains("Session(2, Ok(()))") && done.contains("Session(3, Ok(()))"),
            "{done}"
        );
        assert!(!done.contains("Dereg"), "{done}");
    }
}

/// It is not to register by itself with a server that is down, and whoever waits is to have an outcome.
#[test]
fn who_waits_to_be_deregistered_when_the_server_stops_is_offline() {
    let mut client = Script::current_online();
    client.told(ClientCommand::Deregister { ticket: 2 });
    let down =
        Frame::Notification { text: "[Server is Down!]".into(), offline: true, answers: None };
    assert_eq!(client.says("s", vec![down]), ["says Session(2, Ok(()))"]);
    assert_eq!(client.wait(60_000), NOTHING);
    assert_eq!(client.told(ClientCommand::Close), ["says Closed"]);
}

/// A cookie that was on its way before the welcome says nothing of what was asked after it.
#[test]
fn who_is_deregistered_is_who_the_server_has_heard() {
    let mut client = Script::current_online();
    assert_eq!(client.told(ClientCommand::Deregister { ticket: 2 }), ["s: <Dereg a>"]);
    assert_eq!(client.gets_cookie(session("s"), 5), NOTHING);
    let again = client.wait(999);
    assert!(!again.is_empty() && again.iter().all(|line| line.ends_with("s: <Dereg a>")));
    // Its answer may be lost as well: then this one is what is heard of it.
    client.wait(1);
    assert_eq!(client.gets_cookie(session("s"), 5), ["says Session(2, Ok(()))"]);
}

/// The same of who closes at once.
#[test]
fn a_cookie_from_before_the_welcome_closes_nobody() {
    let mut client = Script::current_online();
    assert_eq!(client.told(ClientCommand::Close), ["s: <Dereg a>"]);
    assert_eq!(client.gets_cookie(session("s"), 5), NOTHING);
    // Another run of the server holds nobody of the one before.
    assert_eq!(client.gets_cookie(session("x"), 5), ["says Closed"]);
}

/// Otherwise what is under way in the first session is never heard of again.
#[test]
fn two_registrations_under_the_same_new_nickname_are_for_one_session() {
    let mut client = Script::current_online();
    client.told(ClientCommand::Register { ticket: 2, nickname: nickname("z") });
    client.told(ClientCommand::Register { ticket: 3, nickname: nickname("z") });
    let first = client.last_hello();
    let frames = vec![
        note("[Welcome, You are registered.]", Some(first.number)),
        changes(&[row("b")], 0, 4, 4),
    ];
    let header = Header::new(session("s"), first.session);
    client.from("s", Packet { header, frames }.encode());
    let second = client.last_hello();
    assert!(second.number > first.number);
    assert_eq!(second.session, first.session);
}
