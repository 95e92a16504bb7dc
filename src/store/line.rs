//! A message as a line of a mailbox: a JSON object, written as Python's `json` writes it.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, Serializer};

use crate::proto::{StoredMessage, UnixTime};
use crate::wire::{MessageId, Nickname, Session};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields<'a> {
    #[serde(borrow)]
    msg: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    sender: std::borrow::Cow<'a, str>,
    /// Seconds since the Unix epoch.
    time: f64,
    /// The author's session and its number for the message: see `docs/PROTOCOL.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
}

/// A message as it stands in a mailbox, the end of the line included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line(Vec<u8>);

impl Line {
    /// Writes a message.
    pub(super) fn of(message: &StoredMessage) -> Self {
        Self(write(message))
    }

    /// The line that begins with these bytes, of which [`read`] has made a message.
    pub(super) fn from_readable(bytes: &[u8]) -> Self {
        Self([bytes, b"\n"].concat())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn without_end(&self) -> &[u8] {
        self.0.strip_suffix(b"\n").unwrap_or(&self.0)
    }
}

/// What every line begins with. A last line that has no end but begins so was torn by a crash.
const BEGINNING: &[u8] = b"{\"Msg\": \"";

/// Writes a message as a line, its end included.
pub(super) fn write(message: &StoredMessage) -> Vec<u8> {
    let fields = Fields {
        msg: message.text.as_str().into(),
        sender: message.sender.as_str().into(),
        time: message.time.as_seconds(),
        session: message.id.map(|id| id.author.number()),
        number: message.id.map(|id| id.number),
    };
    // With what stands around a short text.
    let mut bytes = Vec::with_capacity(message.text.len() + 160);
    let mut serializer = Serializer::with_formatter(&mut bytes, Python);
    // Two strings and a finite number, into memory: there is nothing in it that can fail.
    let _ = fields.serialize(&mut serializer);
    bytes.push(b'\n');
    bytes
}

/// Reads a line without its end; `None` if it is not one of a mailbox.
pub(super) fn read(bytes: &[u8]) -> Option<StoredMessage> {
    let Checked { fields, sender, time, id } = check(bytes)?;
    Some(StoredMessage { sender, text: fields.msg.into_owned(), time, id })
}

/// What the message of a line is known by, if [`read`] makes one of it.
pub(super) fn identify(bytes: &[u8]) -> Option<Option<MessageId>> {
    check(bytes).map(|checked| checked.id)
}

/// A line that is one of a mailbox.
struct Checked<'a> {
    fields: Fields<'a>,
    sender: Nickname,
    time: UnixTime,
    id: Option<MessageId>,
}

fn check(bytes: &[u8]) -> Option<Checked<'_>> {
    let fields: Fields<'_> = serde_json::from_slice(bytes).ok()?;
    let sender = Nickname::new(&fields.sender).ok()?;
    let time = UnixTime::from_seconds(fields.time)?;
    let id = match (fields.session, fields.number) {
        (Some(author), Some(number)) => Some(MessageId { author: Session::new(author)?, number }),
        _ => None,
    };
    Some(Checked { fields, sender, time, id })
}

/// The bytes up to where a crash has left nothing but NUL bytes: file systems fill so what they have
/// allocated, and did not write before the power went.
pub(super) fn without_nuls(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

/// Whether these bytes are the beginning of a line whose writing was cut short.
pub(super) fn is_torn(bytes: &[u8]) -> bool {
    let written = without_nuls(bytes);
    written.starts_with(BEGINNING) || BEGINNING.starts_with(written)
}

/// `", "` and `": "` between the parts, and every character past ASCII as `\u` escapes.
struct Python;

impl Formatter for Python {
    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            if character.is_ascii() {
                write!(writer, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> StoredMessage {
        StoredMessage {
            sender: Nickname::new("lanking").unwrap(),
            text: text.into(),
            time: UnixTime::from_micros(1_488_400_115_368_341),
            id: None,
        }
    }

    #[test]
    fn a_line_is_written_as_python_writes_it() {
        let line = |text| String::from_utf8(write(&message(text))).unwrap();
        assert_eq!(
            line("hi"),
            "{\"Msg\": \"hi\", \"Sender\": \"lanking\", \"Time\": 1488400115.368341}\n",
        );
        assert_eq!(
            line("\"é\u{1f680}\\\n\u{1}\u{7f}"),
            "{\"Msg\": \"\\\"\\u00e9\\ud83d\\ude80\\\\\\n\\u0001\u{7f}\", \"Sender\": \"lanking\", \"Time\": 1488400115.368341}\n",
        );
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        for text in [
            "",
            "{}",
            "[]",
            "hello",
            r#"{"Msg": "hi", "Sender": "lanking"}"#,
            r#"{"Msg": "hi", "Sender": "two words", "Time": 1.0}"#,
            r#"{"Msg": "hi", "Sender": "lanking", "Time": 1e300}"#,
            r#"{"Msg": "hi", "Sender": "lanking", "Time": 1.0} x"#,
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        let order = br#"{"Time": 5, "Sender": "a", "Msg": "b", "More": []}"#;
        assert_eq!(read(order).unwrap().time, UnixTime::from_micros(5_000_000));
    }

    #[test]
    fn a_message_keeps_its_identity() {
        let id = Some(MessageId { author: Session::new(7).unwrap(), number: 3 });
        let message = StoredMessage { id, ..message("hi") };
        let line = write(&message);
        let end = br#", "Time": 1488400115.368341, "Session": 7, "Number": 3}"#;
        assert!(line.trim_ascii_end().ends_with(end), "{}", String::from_utf8_lossy(&line));
        assert_eq!(read(&line), Some(message));
    }

    #[test]
    fn every_beginning_of_a_line_is_torn_and_nothing_else() {
        let line = write(&message("hi"));
        assert!((0..line.len()).all(|end| is_torn(&line[..end])));
        assert!((0..line.len()).all(|end| is_torn(&[&line[..end], &[0; 9]].concat())));
        assert!(!is_torn(b"hello") && !is_torn(b"{\"Sender\""));
    }

    proptest::proptest! {
        #[test]
        fn any_message_survives_and_stays_one_line(text: String, micros in 0..4_102_444_800_000_000_i64) {
            let message = StoredMessage { time: UnixTime::from_micros(micros), ..message(&text) };
            let line = write(&message);
            proptest::prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            proptest::prop_assert_eq!(read(&line[..line.len() - 1]), Some(message));
        }
    }
}
