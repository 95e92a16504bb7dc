//! Who is nobody yet, as a server of the current dialect sees it: what proves an address, what counts
//! from whom, and how much is sent to whoever proves nothing.

use std::net::SocketAddr;

use superchat::proto::ServerConfig;
use superchat::wire::{Header, Packet, Session};

use super::current::{chat, dereg, hello, hello_as, keep, lookup, note, session};
use super::host::Host;
use super::script::{self, Script, ack, address, reg, table, verification};
use super::verbs::server_config;

const NOTHING: [&str; 0] = [];
const COOKIE: [&str; 1] = ["a: <cookie>"];

/// How many users the server's table has.
fn rows(server: &Script) -> usize {
    let Host::Server(server) = &server.host else { unreachable!() };
    server.users().count()
}

fn of_two() -> Script {
    Script::with_current(server_config(10), &["a", "b"])
}

#[test]
fn a_registration_gets_a_cookie_and_nothing_else() {
    let mut server = Script::with_current(server_config(10), &["b"]);
    server.events.clear();
    assert_eq!(server.from("a", hello("a", None)), COOKIE);
    assert_eq!((rows(&server), server.events.len()), (1, 0));
    assert_eq!(server.wait(10_000), NOTHING);
}

#[test]
fn with_a_good_cookie_it_is_welcomed_with_the_table() {
    let mut server = Script::server();
    let welcome = "[Welcome, You are registered.]";
    assert_eq!(server.joins("b"), [format!("b: <{welcome}, Changes 0 to 1 of 1: b Online>")]);
    server.has("b", 1);
    server.wait(20);
    assert_eq!(
        server.joins("a"),
        [
            format!("a: <{welcome}, Changes 0 to 2 of 2: a Online b Online>"),
            "b: <Changes 1 to 2 of 2: a Online>".into()
        ]
    );
}

#[test]
fn the_servers_own_session_is_nobody_s() {
    let mut server = Script::with_current(server_config(10), &["b"]);
    let own = server.own();
    server.from("c", hello_as("c", own, 1, None));
    let cookie = server.cookie("c");
    assert_eq!(server.from("c", hello_as("c", own, 1, Some(cookie))), NOTHING);
    assert_eq!(server.wait(5_000), NOTHING);
    assert_eq!(rows(&server), 1);
}

/// While one waits for its name, another takes the session that both ask for.
#[test]
fn a_session_is_one_user_s_however_long_a_registration_has_waited() {
    let mut server = of_two();
    let shared = Session::new(77).unwrap();
    for from in ["c", "d"] {
        server.from(from, hello_as(from, shared, 1, None));
    }
    let (c, d) = (server.cookie("c"), server.cookie("d"));
    server.from("c", hello_as("b", shared, 1, Some(c)));
    server.from("d", hello_as("d", shared, 1, Some(d)));
    server.wait(5_000);
    let Host::Server(engine) = &server.host else { unreachable!() };
    let of_it: Vec<_> = engine.users().filter(|row| row.session == Some(shared)).collect();
    assert_eq!(of_it.len(), 1, "{of_it:?}");
    assert_eq!(of_it[0].nickname, "d");
}

#[test]
fn a_bad_cookie_gets_a_new_one_only() {
    let mut server = Script::server();
    server.from("a", hello("a", None));
    let cookie = server.cookie("a");
    assert_eq!(server.from("a", hello("a", Some(cookie ^ 1))), COOKIE);
    assert_eq!(rows(&server), 0);
    assert_eq!(server.cookie("a"), cookie);
}

#[test]
fn both_sides_of_the_age_of_a_cookie() {
    for (age, good) in [(119_999, true), (120_000, false)] {
        let mut server = Script::server();
        server.from("a", hello("a", None));
        let cookie = server.cookie("a");
        server.wait(age);
        let answer = server.from("a", hello("a", Some(cookie)));
        assert_eq!((answer != COOKIE, rows(&server)), (good, usize::from(good)), "{answer:?}");
        assert_ne!(server.cookie("a") != cookie, good, "a new one, if it is too old");
    }
}

#[test]
fn the_cookie_of_another_address_or_session_gets_a_new_one_only() {
    let mut server = Script::server();
    server.from("b", hello("a", None));
    let (cookie, mine) = (server.cookie("b"), hello("a", None));
    assert_eq!(server.from("a", hello("a", Some(cookie))), COOKIE);
    server.from("a", mine);
    let cookie = server.cookie("a");
    assert_eq!(server.from("a", hello_as("a", session("c"), 1, Some(cookie))), COOKIE);
    assert_eq!(rows(&server), 0);
}

/// Whatever kind of datagram there is, of both dialects, short and long.
fn everything() -> Vec<Vec<u8>> {
    let of = |session: Session, frames| {
        let header = Header::new(session, Session::from_random(1));
        Packet { header, frames }.encode()
    };
    let mut all = vec![
        Vec::new(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        br#"[{"Session":1,"To":1}]"#.to_vec(),
        ack(),
        verification(),
        table(&[("a", "Yes")]),
        br#"{"Type":"Reg","Nickname":""}"#.to_vec(),
        br#"{"Type":"Reg","Nickname":"\u0000"}"#.to_vec(),
        script::note("[Server is Down!]"),
    ];
    for length in [0, 1, 20, 1000] {
        let text = "x".repeat(length);
        all.push(script::chat("z", &text));
        all.push(script::keep("z", "b", "Online", &text));
        all.push(script::keep("z", "nobody", "Offline", &text));
        all.push(of(session("z"), vec![chat("z", 1, &text)]));
        all.push(of(session("z"), vec![keep("z", "b", 1, &text)]));
        // As if it were the member of whom it is not the address.
        all.push(of(session("b"), vec![keep("b", "a", 1, &text)]));
        all.push(of(session("z"), vec![note(&text, None), lookup("b"), dereg("b", 1)]));
    }
    for name in ["z", "a", "b", "a-name-as-long-as-they-may-be"] {
        all.extend([reg(name), script::dereg(name), hello(name, None), hello(name, Some(1))]);
    }
    all
}

/// A server with two users: classic ones, current ones, and current ones where no others are served.
fn servers() -> [Script; 3] {
    let strict = ServerConfig { refuse_classic: true, ..server_config(10) };
    [Script::with_a_and_b(), of_two(), Script::with_current(strict, &["a", "b"])]
}

#[test]
fn a_stranger_is_sent_no_more_than_three_times_what_came_from_it() {
    for payload in everything() {
        let text = String::from_utf8_lossy(&payload);
        for mut server in servers() {
            server.events.clear();
            let mut came = 0;
            for (times, pause) in [(1, 1_000), (1, 1_000), (5, 1_000), (20, 14_000)] {
                for _ in 0..times {
                    came += payload.len();
                    server.from("z", &payload);
                }
                server.wait(pause);
                let went = server.sent.iter().filter(|(to, _)| *to == address("z"));
                let went: usize = went.map(|(_, payload)| payload.len()).sum();
                assert!(went <= 3 * came, "{went} bytes for {came} of {text}");
            }
            assert_eq!(rows(&server), 2, "it has proven nothing: {text}");
            assert!(server.events.iter().all(|event| !event.starts_with("Online")), "{text}");
        }
    }
}

/// A registration that waits takes a place among those that have proven nothing, and is owed an answer: nothing more.
#[test]
fn who_has_waited_for_a_name_may_be_sent_no_more_for_that() {
    let mut server = of_two();
    let z = session("z");
    server.from("z", hello_as("a", z, 1, None));
    let with_cookie = hello_as("a", z, 1, Some(server.cookie("z")));
    assert_eq!(server.from("z", &with_cookie), ["a: <Verification>"]);
    assert_eq!(server.took("a"), ["z: <[a is already Online!] offline>"]);
    let before = server.sent.len();
    let classic = reg("z");
    server.from("z", &classic);
    server.wait(10_000);
    let went = server.sent.iter().skip(before).filter(|(to, _)| *to == address("z"));
    let went: usize = went.map(|(_, payload)| payload.len()).sum();
    assert!(went <= 3 * classic.len(), "{went} bytes for {}", classic.len());
}

#[test]
fn a_spoofed_registration_is_told_to_nobody() {
    let mut server = of_two();
    for name in ["z", "a", "b"] {
        let answer = server.from("z", hello(name, None));
        assert_eq!(answer, ["z: <cookie>"]);
        assert_eq!(server.from("z", hello(name, Some(7))), ["z: <cookie>"]);
    }
    assert_eq!((server.wait(10_000), rows(&server)), (Vec::new(), 2));
}

#[test]
fn a_classic_registration_counts_after_the_ack_of_its_welcome() {
    let mut server = of_two();
    assert_eq!(server.from("c", reg("c")), ["c: ack", "c: [Welcome, You are registered.]"]);
    assert_eq!(rows(&server), 2);
    let said = server.from("c", ack());
    assert_eq!(rows(&server), 3);
    assert_eq!(
        said,
        [
            "c: Table a Online, b Online, c Online",
            "a: <Changes 2 to 3 of 3: c Online>",
            "b: <Changes 2 to 3 of 3: c Online>"
        ]
    );
}

#[test]
fn without_the_ack_of_its_welcome_it_never_counts() {
    let mut server = of_two();
    server.from("c", reg("c"));
    let said = server.wait(10_000);
    assert!(said.iter().all(|line| line.ends_with("c: [Welcome, You are registered.]")));
    assert_eq!(rows(&server), 2);
}

#[test]
fn what_a_member_asks_counts_neither_from_another_address_nor_in_another_session() {
    for frame in [dereg("a", 9), keep("a", "b", 9, "hi"), lookup("b")] {
        let mut server = of_two();
        let packet = server.packet("a", vec![frame.clone()]);
        assert_eq!(server.from("c", packet.encode()), ["c: <cookie>"]);
        let header = Header { from: session("c"), ..packet.header };
        assert_eq!(server.from("a", Packet { header, ..packet }.encode()), COOKIE);
        assert_eq!(server.wait(5_000), NOTHING, "{frame:?}");
    }
}

/// A member speaks for nobody else.
#[test]
fn what_a_member_says_in_the_name_of_another_counts_for_nothing() {
    let mut server = of_two();
    let refused = "b: <[a is not registered from here.] offline>";
    assert_eq!(server.says("b", vec![keep("a", "b", 1, "hi")]), [refused]);
    let bye = "b: <[You are Offline. Bye.] offline>";
    assert_eq!(server.says("b", vec![dereg("a", 2)]), [bye]);
    assert_eq!(server.says("b", vec![keep("b", "a", 3, "hi")]), ["a: <Chat b: hi>", "b: <ack>"]);
}

#[test]
fn classic_words_of_another_address_count_for_nothing() {
    let mut server = of_two();
    server.from("c", script::dereg("a"));
    let said = server.from("c", script::keep("a", "b", "Online", "hi"));
    assert!(said.iter().all(|line| line.starts_with("c: ")), "{said:?}");
    assert_eq!(server.says("b", vec![keep("b", "a", 1, "hi")]), ["a: <Chat b: hi>", "b: <ack>"]);
}

#[test]
fn a_packet_for_an_earlier_run_of_the_server_is_answered_with_a_cookie_only() {
    let mut server = of_two();
    let packet = server.packet("a", vec![keep("a", "b", 1, "hi"), dereg("a", 2)]);
    let header = Header { to: session("x"), ..packet.header };
    assert_eq!(server.from("a", Packet { header, ..packet }.encode()), COOKIE);
    assert_eq!(server.wait(5_000), NOTHING);
}

#[test]
fn a_packet_of_an_unknown_session_is_answered_with_a_cookie_only() {
    let mut server = of_two();
    let packet = server.packet("c", vec![keep("c", "b", 1, "hi"), lookup("a")]);
    assert_eq!(server.from("c", packet.encode()), ["c: <cookie>"]);
    assert_eq!(server.wait(5_000), NOTHING);
}

/// Everyone is told of everyone's session. That one knows it gives nobody anything.
#[test]
fn a_session_cannot_be_taken_by_another_name() {
    let mut server = of_two();
    let theirs = |number, cookie| hello_as("c", session("a"), number, cookie);
    server.from("c", theirs(1, None));
    let cookie = server.cookie("c");
    assert_eq!(server.from("c", theirs(1, Some(cookie))), NOTHING);
    server.says("b", vec![keep("b", "a", 1, "secret")]);
    assert_eq!(server.took("a").last().unwrap(), "b: <[Message received by a.]>");
}

/// A registration that was long on its way does not bring back who has left since.
#[test]
fn an_old_registration_counts_for_nothing() {
    let mut server = of_two();
    let cookie = server.cookie("a");
    server.says("a", vec![dereg("a", 9)]);
    assert_eq!(server.from("a", hello("a", Some(cookie))), NOTHING);
    assert!(server.from("a", hello_as("a", session("a"), 10, Some(cookie)))[0].contains("Welcome"));
}

/// Its welcome was lost, and all that it said for so long that it was found gone.
#[test]
fn a_registration_counts_again_for_who_was_found_gone_before_it_heard_of_it() {
    let mut server = of_two();
    server.joins("c");
    let cookie = server.cookie("c");
    server.wait(25_000);
    assert!(server.events.iter().any(|event| event == "Offline { nickname: \"c\" }"));
    let again = server.from("c", hello("c", Some(cookie)));
    assert!(again[0].starts_with("c: <[Welcome"), "{again:?}");
    // Not an earlier one.
    let said = server.from("c", hello_as("c", session("c"), 0, Some(cookie)));
    assert_eq!(said, NOTHING);
}

/// A copy of its registration, long on its way, would begin a session of which it does not know that it is another one:
/// it would wait for the answer to what it said in the one before, which it did not get.
#[test]
fn a_registration_counts_no_more_for_who_was_found_gone_after_it_heard_of_it() {
    let mut server = of_two();
    server.joins("c");
    let cookie = server.cookie("c");
    let said = server.says_deaf("c", vec![keep("c", "b", 1, "hi")]);
    assert_eq!(said, ["b: <Chat c: hi>", "c: <ack>"]);
    server.took("b");
    server.wait(25_000);
    assert!(server.events.iter().any(|event| event == "Offline { nickname: \"c\" }"));
    assert_eq!(server.from("c", hello("c", Some(cookie))), NOTHING);
    // It notices when it says something, registers again, and asks again.
    assert!(server.has("c", 3)[0].starts_with("c: <cookie"));
    assert!(server.joins("c")[0].starts_with("c: <[Welcome"));
    let said = server.says("c", vec![keep("c", "b", 1, "hi")]);
    assert_eq!(said.last().unwrap(), "c: <[Message received by b.]>");
}

/// Each of their requests is under way until its answer has been sent for the last time.
#[test]
fn requests_of_strangers_take_no_room_from_anybody_else() {
    let mut server = Script::with_current(server_config(10_000), &["a", "b"]);
    let at = |number: u16| SocketAddr::from(([10, 0, 2, 1], number));
    for number in 1..=6_000 {
        server.stranger_sends(at(number), reg(&format!("stranger{number}")));
        server.stranger_sends(at(number), script::keep("z", "b", "Online", "hi"));
    }
    let said = server.says("a", vec![keep("a", "b", 1, "hi")]);
    assert_eq!(said, ["a: <ack>", "b: <Chat a: hi>"]);
    // Who comes in the middle of it comes in.
    server.from("c", reg("c"));
    for number in 6_001..=8_000 {
        server.stranger_sends(at(number), reg(&format!("stranger{number}")));
    }
    assert!(server.from("c", ack())[0].starts_with("c: Table"));
    assert_eq!(rows(&server), 3);
}
