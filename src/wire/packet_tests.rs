//! Packets and frames, there and back, and what is neither.

use super::*;
use crate::wire::{Chat, Datagram, Frame, Keep, Nickname, Piece, Presence, Row, UnixTime};

fn name(text: &str) -> Nickname {
    Nickname::new(text).unwrap()
}

fn row(text: &str) -> Row {
    Row {
        nickname: name(text),
        address: "10.20.30.40:50607".parse().unwrap(),
        presence: Presence::Online,
        session: Session::new(Session::LIMIT - 1),
        last_seen: None,
    }
}

fn gone(text: &str) -> Row {
    let last_seen = UnixTime::from_seconds(1_488_400_115.368_341);
    Row { presence: Presence::Offline, session: None, last_seen, ..row(text) }
}

fn largest_header() -> Header {
    let most = Session::LIMIT - 1;
    Header {
        sequence: Some(Sequence { number: most, floor: most }),
        ack: Some(Ack { through: most, beyond: vec![(most, most); 9] }),
        revision: Some(most),
        ..Header::new(Session::new(most).unwrap(), Session::new(most).unwrap())
    }
}

fn every_frame() -> Vec<Frame> {
    let chat = Chat {
        sender: name("lanking"),
        author: Session::new(7),
        number: 5,
        stored_at: UnixTime::from_seconds(1_488_400_115.368_341),
        piece: Piece { part: 2, more: true },
        text: "früh \"um\" \\ acht \u{1f680}\n".into(),
    };
    let keep = Keep {
        sender: name("lanking"),
        recipient: name("sonic"),
        seen: Presence::Offline,
        number: 6,
        piece: Piece::default(),
        text: String::new(),
    };
    vec![
        Frame::Chat(chat),
        Frame::Keep(keep),
        Frame::Deregister { nickname: name("sonic"), number: 3 },
        Frame::Notification { text: "[hi]".into(), offline: true, answers: Some(3) },
        Frame::Changes {
            rows: vec![row("so\"nic"), gone("tails")],
            since: 1,
            revision: 2,
            last: 3,
        },
        Frame::Lookup { nickname: name("sonic") },
        Frame::Found { nickname: name("sonic"), row: Some(row("sonic")), revision: 4 },
        Frame::Found { nickname: name("sonic"), row: None, revision: 4 },
        Frame::Verification,
    ]
}

#[test]
fn every_frame_survives_the_wire() {
    let mut header = largest_header();
    header.ack.as_mut().unwrap().beyond.truncate(MAX_RANGES);
    let packet = Packet { header, frames: every_frame() };
    assert_eq!(Packet::decode(&packet.encode()), Ok(packet));
}

#[test]
fn a_header_leaves_the_room_that_is_counted_on() {
    let bytes = Packet::assemble(&largest_header(), []);
    assert!(bytes.len() <= HEADER_ROOM, "{}", bytes.len());
}

#[test]
fn changes_are_cut_to_what_fits_and_say_how_far_they_go() {
    let rows: Vec<_> = (1..100).map(|n| (n * 10, row(&format!("user{n}")))).collect();
    let (bytes, revision) = Frame::encode_changes(&rows, 5, 990, 900);
    assert!(bytes.len() <= 900 && bytes.len() > 800, "{}", bytes.len());
    let object: Fields<'_> = serde_json::from_slice(&bytes).unwrap();
    let Ok(Frame::Changes { rows: some, since: 5, revision: r, last: 990 }) =
        object.into_frame(&mut Names::default())
    else {
        panic!()
    };
    assert_eq!((r, revision), (some.len() as u64 * 10, r));
    let (_, revision) = Frame::encode_changes(&rows[..3], 5, 990, 900);
    assert_eq!(revision, 990);
}

#[test]
fn what_is_not_of_the_protocol_is_an_error() {
    for text in [
        "[]",
        "{}",
        "[7]",
        r#"[{"Session":0,"To":1}]"#,
        r#"[{"Session":9007199254740992,"To":1}]"#,
        r#"[{"Session":1,"To":1,"Number":3}]"#,
        r#"[{"Session":1,"To":1,"Number":3,"Floor":4}]"#,
        r#"[{"Session":1,"To":1,"Number":3,"Floor":0}]"#,
        r#"[{"Session":1,"To":1},{"Type":"Reg","Nickname":"a"}]"#,
        r#"[{"Session":1,"To":1},{"Type":"Chat","Sender":"a","Msg":"hi"}]"#,
        r#"[{"Session":1,"To":1},{"Type":"Chat","Sender":"a","Msg":"hi","Number":1,"Time":1e300}]"#,
        r#"[{"Session":1,"To":1},{"Type":"Table"}]"#,
    ] {
        assert_eq!(Packet::decode(text.as_bytes()), Err(DecodeError::Malformed), "{text}");
    }
}

#[test]
fn what_is_set_aside_for_keys_is_ignored() {
    let text = r#"[{"Session":1,"To":2,"Key":"k"},{"Type":"Chat","Sender":"a","Msg":"","Number":1,"Key":"k","Signature":"s","Body":"b"}]"#;
    assert!(Packet::decode(text.as_bytes()).is_ok());
    let text = r#"[{"Session":1,"To":2},{"Type":"Table","Msg":"{\"a\":[\"1.2.3.4\",5,\"Yes\",7,\"key\"]}","Since":0,"Revision":1,"Last":1}]"#;
    let Ok(Packet { frames, .. }) = Packet::decode(text.as_bytes()) else { panic!() };
    assert!(matches!(&frames[..], [Frame::Changes { rows, .. }] if rows.len() == 1));
}

/// What is read by scanning is what serde reads, who is left all that begins with white space.
fn assert_read_as_serde_does(bytes: &[u8]) {
    let by_serde = [b" ", bytes].concat();
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(Packet::decode(bytes), Packet::decode(&by_serde), "{text}");
    assert_eq!(Datagram::decode(bytes), Datagram::decode(&by_serde), "{text}");
}

#[test]
fn what_is_written_here_is_scanned_and_read_as_serde_does() {
    let is_scanned = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).unwrap();
        Scan::all(text, Raw::scan).is_some()
    };
    let mut header = Header::new(Session::new(1).unwrap(), Session::new(2).unwrap());
    header.sequence = Some(Sequence { number: 2, floor: 1 });
    header.ack = Some(Ack { through: 0, beyond: Vec::new() });
    for frame in every_frame() {
        // A time, and what is escaped, is left to serde.
        let plain = match &frame {
            Frame::Chat(_) | Frame::Changes { .. } | Frame::Found { row: Some(_), .. } => false,
            Frame::Keep(_) | Frame::Deregister { .. } | Frame::Notification { .. } => true,
            Frame::Lookup { .. } | Frame::Found { row: None, .. } | Frame::Verification => true,
        };
        let bytes = Packet { header: header.clone(), frames: vec![frame] }.encode();
        assert_eq!(is_scanned(&bytes), plain, "{}", String::from_utf8_lossy(&bytes));
        assert_read_as_serde_does(&bytes);
    }
}

proptest::proptest! {
    /// Whatever is changed in it, what is scanned is what serde reads.
    #[test]
    fn a_packet_with_something_else_in_it_is_read_as_serde_does(
        which in 0..9_usize,
        place: proptest::sample::Index,
        length in 0..12_usize,
        instead in r#"[ -~\x00]{0,3}|"|,"Number":1|null|\\u0041|true|-1|1e3|0|\{|\}|\[|\]|"#,
    ) {
        let frames = every_frame().split_off(which);
        let mut header = largest_header();
        header.ack.as_mut().unwrap().beyond.clear();
        let mut bytes = Packet { header, frames }.encode();
        let begin = place.index(bytes.len());
        let end = (begin + length).min(bytes.len());
        bytes.splice(begin..end, instead.bytes());
        assert_read_as_serde_does(&bytes);
        // A frame alone is a datagram.
        let begin = bytes.iter().skip(2).position(|byte| *byte == b'{').map_or(0, |at| at + 2);
        let end = bytes.len().saturating_sub(1).max(begin);
        assert_read_as_serde_does(&bytes[begin..end]);
    }

    #[test]
    fn no_bytes_panic(mut bytes: Vec<u8>) {
        bytes.insert(0, b'[');
        let _ = Packet::decode(&bytes);
    }
}
