//! The datagrams of the current dialect: a JSON array of a header and frames.
//!
//! A classic program never gets one: it goes only to a session, and only who speaks this dialect
//! has one. The frames are objects with the names and fields of the classic dialect, and more.

use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::fields::{
    CHAT, DEREGISTER, FALSE, Fields, KEEP, NOTIFICATION, OFFLINE, ONLINE, TABLE, TRUE,
    VERIFICATION, nickname, number, required, session,
};
use super::table::{RowForm, decode_rows, encode_rows};
use super::{DecodeError, Nickname, Presence, Row, Session, UnixTime};

/// The longest packet that is sent, in bytes: with its UDP and IP headers, what every path carries
/// in one piece (RFC 9000, section 14.1).
pub const MAX_PACKET: usize = 1200;

/// What a header may take of it: seven numbers of 16 digits, and [`MAX_RANGES`] ranges.
const HEADER_ROOM: usize = 280;

/// Ranges of an [`Ack`]. The first gaps are the ones that matter: the rest follows.
const MAX_RANGES: usize = 3;

/// One datagram of the current dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// From whom to whom, and which it is.
    pub header: Header,
    /// What it says.
    pub frames: Vec<Frame>,
}

/// What stands at the head of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The sender's session.
    pub from: Session,
    /// The session that it is for; whoever has another one leaves it alone.
    pub to: Session,
    /// Its place among the packets of this sender to this session. Without one it is not
    /// acknowledged, nor sent again.
    pub sequence: Option<Sequence>,
    /// What came from there.
    pub ack: Option<Ack>,
    /// The revision of the table that its sender has.
    pub revision: Option<u64>,
    /// To be sent back in a registration.
    pub cookie: Option<u64>,
}

impl Header {
    /// A header that says from whom to whom, and no more.
    #[must_use]
    pub fn new(from: Session, to: Session) -> Self {
        Self { from, to, sequence: None, ack: None, revision: None, cookie: None }
    }
}

/// The number of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// Grows by one from packet to packet.
    pub number: u64,
    /// The lowest number that its sender may still send: what is below is not to be waited for.
    pub floor: u64,
}

/// What was handed on, and what came out of order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// Everything up to this number was handed on.
    pub through: u64,
    /// Past that, ranges that came, first and last, and wait for what is between.
    pub beyond: Vec<(u64, u64)>,
}

/// Which part of a long message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Piece {
    /// Counted from zero.
    pub part: u32,
    /// Another one follows.
    pub more: bool,
}

/// A message, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Who wrote it.
    pub sender: Nickname,
    /// In which session, where that is not the one that the packet comes from.
    pub author: Option<Session>,
    /// The author's number for it.
    pub number: u64,
    /// When the server stored it, if it did.
    pub stored_at: Option<UnixTime>,
    /// Which part of it this is.
    pub piece: Piece,
    /// What that part says.
    pub text: String,
}

/// A message for the server to pass on or to store, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// Who wrote it.
    pub sender: Nickname,
    /// Whom it is for.
    pub recipient: Nickname,
    /// `Online`: it is to be passed on if its recipient is there; `Offline`: it was not tried
    /// directly, and will be if the recipient turns out to be there.
    pub seen: Presence,
    /// The author's number for it; the answer has it, too.
    pub number: u64,
    /// Which part of it this is.
    pub piece: Piece,
    /// What that part says.
    pub text: String,
}

/// One thing that a packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Chat(Chat),
    /// A message for somebody who is not reached.
    Keep(Keep),
    /// The nickname goes offline.
    Deregister {
        /// The nickname that goes.
        nickname: Nickname,
        /// The number of the request.
        number: u64,
    },
    /// A line for the user, from the server.
    Notification {
        /// The line.
        text: String,
        /// The client is offline from now on.
        offline: bool,
        /// The number of the request that it answers.
        answers: Option<u64>,
    },
    /// Rows of the table that changed.
    Changes {
        /// The rows, as they are now.
        rows: Vec<Row>,
        /// After this revision.
        since: u64,
        /// Whoever had that has now this one.
        revision: u64,
        /// The newest that there is.
        last: u64,
    },
    /// Who is this?
    Lookup {
        /// The nickname that is asked for.
        nickname: Nickname,
    },
    /// The answer to that.
    Found {
        /// The nickname that was asked for.
        nickname: Nickname,
        /// Its row, if anybody ever had that name.
        row: Option<Row>,
        /// The revision of the table that says so.
        revision: u64,
    },
    /// Are you there?
    Verification,
}

/// The header, as the wire names it.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HeaderFields {
    session: u64,
    to: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<u64>,
}

/// A packet whose fields are still to be looked at.
struct Raw<'a> {
    header: HeaderFields,
    frames: Vec<Fields<'a>>,
}

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Raw<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a header and frames")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut elements: A,
            ) -> Result<Self::Value, A::Error> {
                let header = elements.next_element()?;
                let header = header.ok_or_else(|| serde::de::Error::invalid_length(0, &self))?;
                let mut frames = Vec::new();
                while let Some(frame) = elements.next_element()? {
                    frames.push(frame);
                }
                Ok(Raw { header, frames })
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

/// Whether these bytes are of the current dialect, if they are of any.
#[must_use]
pub fn is_packet(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'[')
}

impl Packet {
    /// Bytes of frames that fit a packet, a comma before each counted.
    pub const ROOM: usize = MAX_PACKET - HEADER_ROOM;

    /// Reads a packet.
    ///
    /// # Errors
    /// Anything that is not one, whatever it is; no input panics.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let raw: Raw<'_> = serde_json::from_slice(bytes).map_err(|_| DecodeError::Malformed)?;
        let frames = raw.frames.into_iter().map(Fields::into_frame);
        Ok(Self { header: raw.header.into_header()?, frames: frames.collect::<Result<_, _>>()? })
    }

    /// Writes a packet of frames that are written already.
    #[must_use]
    pub fn assemble<'a>(header: &Header, frames: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut bytes = vec![b'['];
        bytes.extend(header.to_bytes());
        for frame in frames {
            bytes.push(b',');
            bytes.extend_from_slice(frame);
        }
        bytes.push(b']');
        bytes
    }

    /// Writes the packet.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let frames: Vec<Vec<u8>> = self.frames.iter().map(Frame::encode).collect();
        Self::assemble(&self.header, frames.iter().map(Vec::as_slice))
    }
}

impl Header {
    fn to_bytes(&self) -> Vec<u8> {
        let fields = HeaderFields {
            session: self.from.number(),
            to: self.to.number(),
            number: self.sequence.map(|sequence| sequence.number),
            floor: self.sequence.map(|sequence| sequence.floor),
            ack: self.ack.as_ref().map(|ack| ack.through),
            also: self.ack.iter().flat_map(|a| &a.beyond).take(MAX_RANGES).copied().collect(),
            revision: self.revision,
            cookie: self.cookie,
        };
        // Numbers, into memory: there is nothing in it that can fail.
        serde_json::to_vec(&fields).unwrap_or_default()
    }
}

impl HeaderFields {
    fn into_header(self) -> Result<Header, DecodeError> {
        let sequence = match (self.number, self.floor) {
            (None, None) => None,
            (sent, floor) => {
                let sequence = Sequence { number: number(sent)?, floor: number(floor)? };
                Some(sequence).filter(|s| (1..=s.number).contains(&s.floor))
            }
        };
        if sequence.is_none() && self.number.is_some() {
            return Err(DecodeError::Malformed);
        }
        let sound = |range: &(u64, u64)| range.0 <= range.1;
        let beyond = self.also.into_iter().take(MAX_RANGES).filter(sound).collect();
        Ok(Header {
            from: session(Some(self.session))?,
            to: session(Some(self.to))?,
            sequence,
            ack: self.ack.map(|through| Ack { through, beyond }),
            revision: self.revision,
            cookie: self.cookie,
        })
    }
}

impl Frame {
    /// Writes the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.fields().to_bytes()
    }

    fn fields(&self) -> Fields<'_> {
        match self {
            Self::Chat(chat) => Fields {
                sender: Some(chat.sender.as_str().into()),
                session: chat.author.map(Session::number),
                number: Some(chat.number),
                time: chat.stored_at.map(UnixTime::as_seconds),
                msg: Some(chat.text.as_str().into()),
                ..Fields::of_piece(CHAT, chat.piece)
            },
            Self::Keep(keep) => Fields {
                nickname: Some(keep.sender.as_str().into()),
                recipient: Some(keep.recipient.as_str().into()),
                status: Some(if keep.seen.is_online() { ONLINE } else { OFFLINE }.into()),
                number: Some(keep.number),
                msg: Some(keep.text.as_str().into()),
                ..Fields::of_piece(KEEP, keep.piece)
            },
            Self::Deregister { nickname, number } => Fields {
                nickname: Some(nickname.as_str().into()),
                number: Some(*number),
                ..Fields::of(DEREGISTER)
            },
            Self::Notification { text, offline, answers } => Fields {
                msg: Some(text.as_str().into()),
                offline: Some(if *offline { TRUE } else { FALSE }.into()),
                number: *answers,
                ..Fields::of(NOTIFICATION)
            },
            Self::Changes { rows, since, revision, last } => Fields {
                msg: Some(encode_rows(rows, RowForm::Current, usize::MAX).0.into()),
                since: Some(*since),
                revision: Some(*revision),
                last: Some(*last),
                ..Fields::of(TABLE)
            },
            Self::Lookup { nickname } => {
                Fields { nickname: Some(nickname.as_str().into()), ..Fields::of(TABLE) }
            }
            Self::Found { nickname, row, revision } => Fields {
                nickname: Some(nickname.as_str().into()),
                revision: Some(*revision),
                msg: Some(encode_rows(row, RowForm::Current, usize::MAX).0.into()),
                ..Fields::of(TABLE)
            },
            Self::Verification => Fields::of(VERIFICATION),
        }
    }

    /// Writes the [`Frame::Changes`] that has the first of these rows, each with the revision of its
    /// last change, as many as fit `limit` bytes; and the revision that it leads to.
    #[must_use]
    pub fn encode_changes(
        rows: &[(u64, Row)],
        since: u64,
        last: u64,
        limit: usize,
    ) -> (Vec<u8>, u64) {
        let frame = |msg: String, revision| {
            let (since, revision, last) = (Some(since), Some(revision), Some(last));
            Fields { msg: Some(msg.into()), since, revision, last, ..Fields::of(TABLE) }.to_bytes()
        };
        let around = frame(String::new(), last).len();
        let only_rows = rows.iter().map(|(_, row)| row);
        let (text, count) = encode_rows(only_rows, RowForm::Current, limit.saturating_sub(around));
        let revision = match rows.get(..count).and_then(<[_]>::last) {
            _ if count == rows.len() => last,
            Some((revision, _)) => *revision,
            None => since,
        };
        (frame(text, revision), revision)
    }
}

impl Fields<'_> {
    fn of_piece(kind: &'static str, piece: Piece) -> Self {
        Self {
            part: Some(piece.part).filter(|part| *part > 0),
            more: Some(piece.more).filter(|more| *more),
            ..Self::of(kind)
        }
    }

    fn piece(&self) -> Piece {
        Piece { part: self.part.unwrap_or(0), more: self.more.unwrap_or(false) }
    }

    fn into_frame(self) -> Result<Frame, DecodeError> {
        let piece = self.piece();
        Ok(match &*self.r#type {
            CHAT => Frame::Chat(Chat {
                sender: nickname(self.sender)?,
                author: self.session.map(|author| session(Some(author))).transpose()?,
                number: number(self.number)?,
                stored_at: self
                    .time
                    .map(|time| required(UnixTime::from_seconds(time)))
                    .transpose()?,
                piece,
                text: required(self.msg)?.into_owned(),
            }),
            KEEP => Frame::Keep(Keep {
                sender: nickname(self.nickname)?,
                recipient: nickname(self.recipient)?,
                seen: match &*required(self.status)? {
                    ONLINE => Presence::Online,
                    OFFLINE => Presence::Offline,
                    _ => return Err(DecodeError::Malformed),
                },
                number: number(self.number)?,
                piece,
                text: required(self.msg)?.into_owned(),
            }),
            DEREGISTER => Frame::Deregister {
                nickname: nickname(self.nickname)?,
                number: number(self.number)?,
            },
            NOTIFICATION => Frame::Notification {
                text: required(self.msg)?.into_owned(),
                offline: self.offline.as_deref() == Some(TRUE),
                answers: self.number,
            },
            TABLE => self.into_table()?,
            VERIFICATION => Frame::Verification,
            _ => return Err(DecodeError::Malformed),
        })
    }

    fn into_table(self) -> Result<Frame, DecodeError> {
        let rows = |msg| required(decode_rows(msg));
        Ok(match (self.nickname, self.msg) {
            (Some(name), None) => Frame::Lookup { nickname: nickname(Some(name))? },
            (Some(name), Some(msg)) => {
                let nickname = nickname(Some(name))?;
                let row = rows(&msg)?.into_iter().find(|row| row.nickname == nickname);
                Frame::Found { nickname, row, revision: number(self.revision)? }
            }
            (None, msg) => Frame::Changes {
                rows: rows(&required(msg)?)?,
                since: number(self.since)?,
                revision: number(self.revision)?,
                last: number(self.last)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Nickname {
        Nickname::new(text).unwrap()
    }

    fn row(text: &str) -> Row {
        Row {
            nickname: name(text),
            address: "10.20.30.40:50607".parse().unwrap(),
            presence: Presence::Online,
            session: Session::new(Session::LIMIT - 1),
        }
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
            Frame::Changes { rows: vec![row("so\"nic")], since: 1, revision: 2, last: 3 },
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
            object.into_frame()
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

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(mut bytes: Vec<u8>) {
            bytes.insert(0, b'[');
            let _ = Packet::decode(&bytes);
        }
    }
}
