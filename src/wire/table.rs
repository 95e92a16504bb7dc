//! The table of users: rows, and their form inside a datagram.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::{Nickname, Session, UnixTime};

/// Whether a user is online.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Registered, and held to be reachable.
    Online,
    /// Deregistered, or found gone.
    Offline,
}

impl Presence {
    /// Whether this is [`Presence::Online`].
    #[must_use]
    pub fn is_online(self) -> bool {
        self == Self::Online
    }
}

/// One user, as the table tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The user's nickname.
    pub nickname: Nickname,
    /// Where it is, or was last.
    pub address: SocketAddr,
    /// Whether it is there.
    pub presence: Presence,
    /// Its session, if it speaks the current dialect and is there.
    pub session: Option<Session>,
    /// When the server last heard of it, if it is not there and that is known.
    pub last_seen: Option<UnixTime>,
}

/// For whom rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowForm {
    /// Three elements: a classic client is told of nothing that it does not know.
    Classic,
    /// And the session as the fourth, and when an offline user was last heard of as the sixth.
    Current,
}

const YES: &str = "Yes";
const NO: &str = "No";

/// Writes rows as a JSON object, in their order, up to the last with which the object has at most
/// `limit` bytes inside a JSON string; and how many these are.
pub(super) fn encode_rows(
    rows: impl IntoIterator<Item = impl Borrow<Row>>,
    form: RowForm,
    limit: usize,
) -> (String, usize) {
    let mut count = 0;
    let mut text = String::from("{");
    let mut left = limit.saturating_sub("{}".len());
    for row in rows {
        let entry = encode_row(row.borrow(), form);
        let separator = usize::from(text.len() > 1);
        let Some(rest) = left.checked_sub(separator + escaped_len(&entry)) else { break };
        left = rest;
        if separator == 1 {
            text.push(',');
        }
        text.push_str(&entry);
        count += 1;
    }
    text.push('}');
    (text, count)
}

fn encode_row(row: &Row, form: RowForm) -> String {
    let name = Value::from(row.nickname.as_str());
    let presence = if row.presence.is_online() { YES } else { NO };
    // A socket that takes both families knows an IPv4 peer by a mapped address; others do not.
    let ip = row.address.ip().to_canonical();
    let port = row.address.port();
    let mut entry = format!(r#"{name}:["{ip}",{port},"{presence}""#);
    if form == RowForm::Current {
        push_current(&mut entry, row);
    }
    entry.push(']');
    entry
}

/// What a classic client is not told of. The fifth element is set aside for a public key.
fn push_current(entry: &mut String, row: &Row) {
    let session = row.session.map(|session| session.number().to_string());
    if let Some(time) = row.last_seen {
        let session = session.as_deref().unwrap_or("null");
        entry.push_str(&format!(",{session},null,{}", Value::from(time.as_seconds())));
    } else if let Some(session) = session {
        entry.push_str(&format!(",{session}"));
    }
}

/// The length of `entry` inside a JSON string. It has no control characters: names have none.
fn escaped_len(entry: &str) -> usize {
    entry.len() + entry.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

/// Reads the rows of a table, if it is one. A row that makes no sense is left out: the others still
/// count.
pub(super) fn decode_rows(text: &str) -> Option<Vec<Row>> {
    let rows: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
    Some(rows.iter().filter_map(|(name, row)| decode_row(name, row)).collect())
}

fn decode_row(name: &str, row: &Value) -> Option<Row> {
    let nickname = Nickname::new(name).ok()?;
    let ip: IpAddr = row.get(0)?.as_str()?.parse().ok()?;
    let port = u16::try_from(row.get(1)?.as_u64()?).ok()?;
    let presence = match row.get(2)?.as_str()? {
        YES => Presence::Online,
        NO => Presence::Offline,
        _ => return None,
    };
    let address = SocketAddr::new(ip, port);
    let session = row.get(3).and_then(Value::as_u64).and_then(Session::new);
    let last_seen = row.get(5).and_then(Value::as_f64).and_then(UnixTime::from_seconds);
    let last_seen = last_seen.filter(|_| !presence.is_online());
    Some(Row { nickname, address, presence, session, last_seen })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Row {
        Row {
            nickname: Nickname::new(name).unwrap(),
            address: "10.20.30.40:50607".parse().unwrap(),
            presence: Presence::Online,
            session: None,
            last_seen: None,
        }
    }

    fn gone(name: &str) -> Row {
        let last_seen = UnixTime::from_seconds(1_488_400_115.368_341);
        Row { presence: Presence::Offline, last_seen, ..row(name) }
    }

    #[test]
    fn rows_are_cut_to_what_fits() {
        let rows: Vec<Row> = (0..1000).map(|n| row(&format!("\\\"{n}"))).collect();
        let (text, count) = encode_rows(&rows, RowForm::Classic, 4000);
        let inside = Value::from(text.as_str()).to_string().len() - 2;
        assert!((3936..=4000).contains(&inside), "{inside}");
        let mut read = decode_rows(&text).unwrap();
        assert!(read.len() > 40 && read.len() == count);
        read.sort_by_key(|row| rows.iter().position(|r| r == row));
        assert_eq!(read, rows[..read.len()], "the first rows, whole");
    }

    #[test]
    fn an_ipv4_address_is_told_as_one() {
        let mapped = Row { address: "[::ffff:10.20.30.40]:50607".parse().unwrap(), ..row("a") };
        let encode = |row| encode_rows([row], RowForm::Classic, 4000);
        assert_eq!(encode(mapped), encode(row("a")));
    }

    #[test]
    fn a_classic_client_is_not_told_of_sessions() {
        let row = Row { session: Session::new(7), ..row("a") };
        let read = |form| decode_rows(&encode_rows([&row], form, 4000).0).unwrap();
        assert_eq!(read(RowForm::Classic), [Row { session: None, ..row.clone() }]);
        assert_eq!(read(RowForm::Current), [row]);
    }

    #[test]
    fn a_classic_client_is_not_told_when_somebody_was_last_heard_of() {
        let encode = |form| encode_rows([gone("a")], form, 4000).0;
        assert_eq!(encode(RowForm::Classic), r#"{"a":["10.20.30.40",50607,"No"]}"#);
        let current = encode(RowForm::Current);
        assert_eq!(current, r#"{"a":["10.20.30.40",50607,"No",null,null,1488400115.368341]}"#);
        assert_eq!(decode_rows(&current).unwrap(), [gone("a")]);
    }

    #[test]
    fn a_time_that_makes_no_sense_is_none_and_leaves_the_row() {
        let row = |rest: &str| format!(r#"{{"a":["10.20.30.40",50607,{rest}]}}"#);
        let none = Row { last_seen: None, ..gone("a") };
        for rest in
            ["", ",null,null", ",null,null,null", ",null,null,\"1\"", ",null,null,1e300", ",0,7,{}"]
        {
            assert_eq!(
                decode_rows(&row(&format!("\"No\"{rest}"))).unwrap(),
                std::slice::from_ref(&none),
                "{rest}"
            );
        }
        let online = row("\"Yes\",null,null,1488400115.5");
        assert_eq!(decode_rows(&online).unwrap()[0].last_seen, None, "it is online");
        let more = row("\"No\",null,[\"a key\"],1488400115.368341,\"more\"");
        assert_eq!(decode_rows(&more).unwrap(), [gone("a")]);
    }

    #[test]
    fn a_row_that_makes_no_sense_leaves_the_others() {
        let text = r#"{"a":["1.2.3.4",5,"Yes","more"],"b":["1.2.3.4",70000,"Yes"],"c":["x",1,"No"],
            "d d":["1.2.3.4",5,"No"],"e":[],"f":null,"g":["1.2.3.4",5,"Maybe"],"h":["::1",5,"No"]}"#;
        let names: Vec<_> =
            decode_rows(text).unwrap().into_iter().map(|row| row.nickname.to_string()).collect();
        assert_eq!(names, ["a", "h"]);
    }
}
