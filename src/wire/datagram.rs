//! The datagrams of the classic dialect: one JSON object each.
//!
//! All kinds share one flat set of fields. Decoding reads that set and then asks for what the kind
//! needs; encoding fills it in. A registration alone may have more than a classic program knows: it
//! is how a current client shows what it is.

use std::borrow::Borrow;

use super::fields::{
    ACK, CHAT, DEREGISTER, FALSE, Fields, KEEP, NOTIFICATION, OFFLINE, ONLINE, REGISTER, TABLE,
    TRUE, VERIFICATION, nickname, number, required, session,
};
use super::scan::Scan;
use super::table::{Presence, Row, RowForm, decode_rows, encode_rows};
use super::{Nickname, NicknameError, Session};

/// The longest datagram, in bytes, that a classic program reads whole.
///
/// It cuts a longer one, fails to parse what is left, and dies of it: so none is ever sent.
pub const MAX_DATAGRAM: usize = 4096;

/// One datagram, in the words of this project; the wire's own stand beside each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datagram {
    /// `Reg`: make the sender's address the one of this nickname, online.
    Register {
        /// The nickname that is asked for.
        nickname: Nickname,
        /// What a current client says besides.
        hello: Option<Hello>,
    },
    /// `Dereg`: the nickname goes offline.
    Deregister {
        /// The nickname that goes.
        nickname: Nickname,
    },
    /// `Offline`: the sender did not reach the recipient; the server is to.
    Keep {
        /// Who wrote the message.
        sender: Nickname,
        /// Whom it is for.
        recipient: Nickname,
        /// What the sender's table said of the recipient: `Online` means that it tried directly.
        seen: Presence,
        /// The message.
        text: String,
    },
    /// `Notification`: a line for the user, from the server.
    Notification {
        /// The line.
        text: String,
        /// The client is offline from now on.
        offline: bool,
    },
    /// `Table`: who is online where; replaces the table that the client had.
    Table(Vec<Row>),
    /// `Verification`: are you there?
    Verification,
    /// `Chat`: a message.
    Chat {
        /// Who wrote it.
        sender: Nickname,
        /// The message; out of the server's mailbox it starts with the time.
        text: String,
    },
    /// `ack`: the last datagram came.
    Ack,
}

/// How a current client introduces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The session that it begins, or goes on with.
    pub session: Session,
    /// Its number for this request: the answer has it, too.
    pub number: u64,
    /// The number of the first packet that counts from then on: what was under way before the
    /// registration is said again.
    pub floor: u64,
    /// What the server sent to this address to have it proven.
    pub cookie: Option<u64>,
}

/// Why a datagram is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// It is no JSON object, of no known type, or lacks a field.
    Malformed,
    /// It asks to register a name that is not allowed; its sender can be told.
    Nickname(NicknameError),
}

impl Datagram {
    /// Reads a datagram.
    ///
    /// # Errors
    /// Anything that is not of the protocol, whatever it is; no input panics.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(bytes).ok();
        if let Some(fields) = text.and_then(|text| Scan::all(text, Fields::scan)) {
            return fields.into_datagram();
        }
        let fields: Fields<'_> =
            serde_json::from_slice(bytes).map_err(|_| DecodeError::Malformed)?;
        fields.into_datagram()
    }

    /// Writes the datagram.
    ///
    /// The length is the caller's to mind where it is not bounded by the kind: see
    /// [`MAX_DATAGRAM`]. A table is cut down to what fits: see [`encode_table`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Register { nickname, hello } => Fields {
                nickname: Some(nickname.as_str().into()),
                session: hello.map(|hello| hello.session.number()),
                number: hello.map(|hello| hello.number),
                floor: hello.map(|hello| hello.floor),
                cookie: hello.and_then(|hello| hello.cookie),
                ..Fields::of(REGISTER)
            },
            Self::Deregister { nickname } => {
                Fields { nickname: Some(nickname.as_str().into()), ..Fields::of(DEREGISTER) }
            }
            Self::Keep { sender, recipient, seen, text } => Fields {
                nickname: Some(sender.as_str().into()),
                recipient: Some(recipient.as_str().into()),
                status: Some(if seen.is_online() { ONLINE } else { OFFLINE }.into()),
                msg: Some(text.into()),
                ..Fields::of(KEEP)
            },
            Self::Notification { text, offline } => Fields {
                msg: Some(text.into()),
                offline: Some(if *offline { TRUE } else { FALSE }.into()),
                ..Fields::of(NOTIFICATION)
            },
            Self::Table(rows) => return encode_table(rows),
            Self::Verification => Fields::of(VERIFICATION),
            Self::Chat { sender, text } => Fields {
                sender: Some(sender.as_str().into()),
                msg: Some(text.into()),
                ..Fields::of(CHAT)
            },
            Self::Ack => Fields::of(ACK),
        }
        .to_bytes()
    }
}

/// Writes a `Table` datagram with the rows, in their order, up to the last that still fits.
#[must_use]
pub fn encode_table(rows: impl IntoIterator<Item = impl Borrow<Row>>) -> Vec<u8> {
    let around = |rows: &str| Fields { msg: Some(rows.into()), ..Fields::of(TABLE) }.to_bytes();
    let limit = MAX_DATAGRAM - around("").len();
    around(&encode_rows(rows, RowForm::Classic, limit).0)
}

impl<'a> Fields<'a> {
    fn into_datagram(self) -> Result<Datagram, DecodeError> {
        Ok(match &*self.r#type {
            REGISTER => Datagram::Register {
                nickname: Nickname::new(&required(self.nickname)?)
                    .map_err(DecodeError::Nickname)?,
                hello: match self.session {
                    Some(_) => Some(Hello {
                        session: session(self.session)?,
                        number: number(self.number)?,
                        floor: number(self.floor)?,
                        cookie: self.cookie,
                    }),
                    None => None,
                },
            },
            DEREGISTER => Datagram::Deregister { nickname: nickname(self.nickname)? },
            KEEP => Datagram::Keep {
                // An earlier version of the classic program says `Sender`.
                sender: nickname(self.nickname.or(self.sender))?,
                recipient: nickname(self.recipient)?,
                seen: match &*required(self.status)? {
                    ONLINE => Presence::Online,
                    OFFLINE => Presence::Offline,
                    _ => return Err(DecodeError::Malformed),
                },
                text: required(self.msg)?.into_owned(),
            },
            NOTIFICATION => Datagram::Notification {
                text: required(self.msg)?.into_owned(),
                offline: self.offline.as_deref() == Some(TRUE),
            },
            TABLE => {
                let rows = decode_rows(&required(self.msg)?);
                Datagram::Table(rows.ok_or(DecodeError::Malformed)?)
            }
            VERIFICATION => Datagram::Verification,
            CHAT => Datagram::Chat {
                sender: nickname(self.sender)?,
                text: required(self.msg)?.into_owned(),
            },
            ACK => Datagram::Ack,
            _ => return Err(DecodeError::Malformed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Nickname {
        Nickname::new(text).unwrap()
    }

    #[test]
    fn every_kind_survives_the_wire() {
        let kinds = [
            Datagram::Register { nickname: name("sonic"), hello: None },
            Datagram::Register {
                nickname: name("sonic"),
                hello: Some(Hello {
                    session: Session::from_random(7),
                    number: 3,
                    floor: 4,
                    cookie: Some(9),
                }),
            },
            Datagram::Deregister { nickname: name("sonic") },
            Datagram::Keep {
                sender: name("lanking"),
                recipient: name("sonic"),
                seen: Presence::Offline,
                text: "früh \"um\" \\ acht \u{1f680}\n".into(),
            },
            Datagram::Notification { text: "[Server is Down!]".into(), offline: true },
            Datagram::Table(vec![Row {
                nickname: name("so\"nic"),
                address: "127.0.0.1:1211".parse().unwrap(),
                presence: Presence::Online,
                last_seen: None,
                session: None,
            }]),
            Datagram::Verification,
            Datagram::Chat { sender: name("lanking"), text: String::new() },
            Datagram::Ack,
        ];
        for datagram in kinds {
            assert_eq!(Datagram::decode(&datagram.encode()), Ok(datagram));
        }
    }

    #[test]
    fn the_classic_programs_spelling_is_read() {
        let bytes = br#"{"Msg": "\u041f\u0440\ud83d\ude80", "Status": "Online", "Receipent": "b", "Nickname": "a", "Type": "Offline", "More": [1]}"#;
        let expected = Datagram::Keep {
            sender: name("a"),
            recipient: name("b"),
            seen: Presence::Online,
            text: "Пр🚀".into(),
        };
        assert_eq!(Datagram::decode(bytes), Ok(expected.clone()));
        let earlier = String::from_utf8_lossy(bytes).replace("Nickname", "Sender");
        assert_eq!(Datagram::decode(earlier.as_bytes()), Ok(expected));
    }

    #[test]
    fn what_is_not_of_the_protocol_is_an_error() {
        for bytes in [
            &b""[..],
            b"null",
            b"[]",
            b"{}",
            b"{\"Type\":\"Reg\"}",
            b"{\"Type\":\"Reg\",\"Nickname\":7}",
            b"{\"Type\":\"Unheard\"}",
            b"{\"Type\":\"Chat\",\"Sender\":\"a b\",\"Msg\":\"hi\"}",
            b"{\"Type\":\"Offline\",\"Nickname\":\"a\",\"Receipent\":\"b\",\"Status\":\"?\",\"Msg\":\"\"}",
            b"{\"Type\":\"Table\",\"Msg\":\"[]\"}",
            b"{\"Type\":\"ack\"} {\"Type\":\"ack\"}",
            b"\xff\xfe",
        ] {
            let text = String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(Datagram::decode(bytes), Err(DecodeError::Malformed), "{text}");
        }
        assert_eq!(
            Datagram::decode(br#"{"Type":"Reg","Nickname":"two words"}"#),
            Err(DecodeError::Nickname(NicknameError::WhiteSpace)),
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Datagram::decode(&bytes);
        }

        #[test]
        fn any_text_arrives_whole(text: String) {
            let chat = Datagram::Chat { sender: name("a"), text };
            proptest::prop_assert_eq!(Datagram::decode(&chat.encode()), Ok(chat));
        }
    }
}
