//! Any bytes, as a datagram of either dialect, a nickname, and a line of the server.
//!
//! The invariants: nothing panics; what is read, written and read again is what was read; and what is read as this
//! crate writes it is what serde reads there.

use superchat::wire::{Datagram, Frame, MAX_DATAGRAM, Nickname, Notice, Packet, Row, is_packet};

/// Reads the bytes as everything that comes over the wire.
pub fn run(data: &[u8]) {
    datagram(data);
    packet(data);
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(nickname) = Nickname::new(text) {
            assert!((1..=Nickname::MAX_CHARS).contains(&nickname.as_str().chars().count()));
            assert!(!nickname.as_str().contains(char::is_whitespace), "{nickname:?}");
        }
        if let Some(notice) = Notice::parse(text) {
            assert_eq!(notice.to_string(), text);
        }
    }
}

/// The same for serde alone, since white space may stand in front.
fn spaced(data: &[u8]) -> Vec<u8> {
    [b" ", data].concat()
}

fn datagram(data: &[u8]) {
    assert_eq!(Datagram::decode(data), Datagram::decode(&spaced(data)));
    let Ok(read) = Datagram::decode(data) else { return };
    assert!(!is_packet(data), "of both dialects");
    let written = read.encode();
    let again = Datagram::decode(&written);
    match read {
        Datagram::Table(rows) => {
            assert!(written.len() <= MAX_DATAGRAM, "a table of {} bytes", written.len());
            let Ok(Datagram::Table(kept)) = again else { panic!("no table: {again:?}") };
            assert!(kept.len() <= rows.len());
            // A classic table has neither.
            let told = |row: Row| Row { session: None, last_seen: None, ..plain(row) };
            assert!(kept.iter().zip(rows).all(|(kept, row)| *kept == told(row)));
        }
        read => assert_eq!(again, Ok(read)),
    }
}

fn packet(data: &[u8]) {
    assert_eq!(Packet::decode(data), Packet::decode(&spaced(data)));
    let Ok(mut read) = Packet::decode(data) else { return };
    assert!(is_packet(data));
    let again = Packet::decode(&read.encode());
    for frame in &mut read.frames {
        match frame {
            Frame::Changes { rows, .. } => {
                *rows = std::mem::take(rows).into_iter().map(plain).collect();
            }
            Frame::Found { row, .. } => *row = row.take().map(plain),
            _ => {}
        }
    }
    assert_eq!(again, Ok(read));
}

/// An address of IPv4 in the clothes of IPv6 is written as what it is.
fn plain(mut row: Row) -> Row {
    row.address.set_ip(row.address.ip().to_canonical());
    row
}
