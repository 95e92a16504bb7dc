//! The fields of an object on the wire: the only place where their names stand.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::object::Object;
use super::scan::Scan;
use super::{DecodeError, Nickname, Session};

/// Every field of every kind, as the wire names it. Others are ignored; `Key`, `Signature` and
/// `Body` are set aside for a public key, a signature, and an encrypted text.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub(super) r#type: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) nickname: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) sender: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text", rename = "Receipent")]
    pub(super) recipient: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) msg: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) offline: Option<Cow<'a, str>>,
    // From here on, of the current dialect alone: in a classic datagram they may be anything.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) session: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) number: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) floor: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) part: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) more: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) time: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) cookie: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) since: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) revision: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) last: Option<u64>,
}

pub(super) const REGISTER: &str = "Reg";
pub(super) const DEREGISTER: &str = "Dereg";
pub(super) const KEEP: &str = "Offline";
pub(super) const NOTIFICATION: &str = "Notification";
pub(super) const TABLE: &str = "Table";
pub(super) const VERIFICATION: &str = "Verification";
pub(super) const CHAT: &str = "Chat";
pub(super) const ACK: &str = "ack";

/// What an object takes mostly, at the most, besides its `Msg`.
const LIKELY_REST: usize = 160;

pub(super) const TRUE: &str = "True";
pub(super) const FALSE: &str = "False";
pub(super) const ONLINE: &str = "Online";
pub(super) const OFFLINE: &str = "Offline";

/// Fields as they stand in an object, behind the one in front of each, in their order.
mod name {
    pub(super) const TYPE: &str = "{\"Type\":";
    pub(super) const NICKNAME: &str = ",\"Nickname\":";
    pub(super) const SENDER: &str = ",\"Sender\":";
    pub(super) const RECIPIENT: &str = ",\"Receipent\":";
    pub(super) const STATUS: &str = ",\"Status\":";
    pub(super) const MSG: &str = ",\"Msg\":";
    pub(super) const OFFLINE: &str = ",\"Offline\":";
    pub(super) const SESSION: &str = ",\"Session\":";
    pub(super) const NUMBER: &str = ",\"Number\":";
    pub(super) const FLOOR: &str = ",\"Floor\":";
    pub(super) const PART: &str = ",\"Part\":";
    pub(super) const MORE: &str = ",\"More\":";
    pub(super) const TIME: &str = ",\"Time\":";
    pub(super) const COOKIE: &str = ",\"Cookie\":";
    pub(super) const SINCE: &str = ",\"Since\":";
    pub(super) const REVISION: &str = ",\"Revision\":";
    pub(super) const LAST: &str = ",\"Last\":";
}

impl<'a> Fields<'a> {
    /// Reads those of one object, as [`to_bytes`](Self::to_bytes) writes them. A time, which is no whole number, is
    /// left to serde.
    pub(super) fn scan(scan: &mut Scan<'a>) -> Option<Self> {
        let text = |scan: &mut Scan<'a>| scan.text().map(Cow::Borrowed);
        let fields = Self {
            r#type: scan.field(name::TYPE, text)??,
            nickname: scan.field(name::NICKNAME, text)?,
            sender: scan.field(name::SENDER, text)?,
            recipient: scan.field(name::RECIPIENT, text)?,
            status: scan.field(name::STATUS, text)?,
            msg: scan.field(name::MSG, text)?,
            offline: scan.field(name::OFFLINE, text)?,
            session: scan.field(name::SESSION, Scan::number)?,
            number: scan.field(name::NUMBER, Scan::number)?,
            floor: scan.field(name::FLOOR, Scan::number)?,
            part: scan.field(name::PART, Scan::number)?,
            more: scan.field(name::MORE, Scan::truth)?,
            time: None,
            cookie: scan.field(name::COOKIE, Scan::number)?,
            since: scan.field(name::SINCE, Scan::number)?,
            revision: scan.field(name::REVISION, Scan::number)?,
            last: scan.field(name::LAST, Scan::number)?,
        };
        scan.token("}")?;
        Some(fields)
    }
}

impl Fields<'_> {
    pub(super) fn of(kind: &'static str) -> Self {
        Self { r#type: kind.into(), ..Self::default() }
    }

    /// Writes those that there are.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes);
        bytes
    }

    /// Writes those that there are behind these bytes. Serde would write the same, in twice the time. Inlined: where
    /// it is called it is known which are never there.
    #[inline(always)]
    pub(super) fn write_to(&self, bytes: &mut Vec<u8>) {
        bytes.reserve(LIKELY_REST + self.msg.as_ref().map_or(0, |msg| msg.len()));
        let mut object = Object::after(bytes);
        object.word(name::TYPE, &self.r#type);
        object.text(name::NICKNAME, self.nickname.as_deref());
        object.text(name::SENDER, self.sender.as_deref());
        object.text(name::RECIPIENT, self.recipient.as_deref());
        object.text(name::STATUS, self.status.as_deref());
        object.text(name::MSG, self.msg.as_deref());
        object.text(name::OFFLINE, self.offline.as_deref());
        object.plain(name::SESSION, self.session);
        object.plain(name::NUMBER, self.number);
        object.plain(name::FLOOR, self.floor);
        object.plain(name::PART, self.part);
        object.plain(name::MORE, self.more);
        object.plain(name::TIME, self.time);
        object.plain(name::COOKIE, self.cookie);
        object.plain(name::SINCE, self.since);
        object.plain(name::REVISION, self.revision);
        object.plain(name::LAST, self.last);
        object.finish();
    }
}

/// Reads a text where it stands, if it stands there as it is. Serde alone would copy it: it borrows what is a
/// `Cow`, and not what is an `Option` of one.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = Option<Cow<'de, str>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Some(text.into()))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned().into()))
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Text)
}

/// A number or a truth value, as JSON has it.
pub(super) trait Plain: Sized {
    fn from_u64(_: u64) -> Option<Self> {
        None
    }

    fn from_f64(_: f64) -> Option<Self> {
        None
    }

    fn from_bool(_: bool) -> Option<Self> {
        None
    }
}

impl Plain for u64 {
    fn from_u64(number: u64) -> Option<Self> {
        Some(number)
    }
}

impl Plain for f64 {
    fn from_u64(number: u64) -> Option<Self> {
        Some(number as f64)
    }

    fn from_f64(number: f64) -> Option<Self> {
        Some(number)
    }
}

impl Plain for bool {
    fn from_bool(truth: bool) -> Option<Self> {
        Some(truth)
    }
}

/// Reads a value of this type, and takes one of any other type for none.
fn lenient<'de, D: Deserializer<'de>, T: Plain>(deserializer: D) -> Result<Option<T>, D::Error> {
    struct Lenient<T>(PhantomData<T>);
    impl<'de, T: Plain> Visitor<'de> for Lenient<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }

        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok(T::from_u64(number))
        }

        fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
            Ok(T::from_f64(number as f64))
        }

        fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
            Ok(T::from_f64(number))
        }

        fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
            Ok(T::from_bool(truth))
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    }
    deserializer.deserialize_any(Lenient(PhantomData))
}

pub(super) fn required<T>(field: Option<T>) -> Result<T, DecodeError> {
    field.ok_or(DecodeError::Malformed)
}

pub(super) fn nickname(field: Option<Cow<'_, str>>) -> Result<Nickname, DecodeError> {
    Nickname::new(&required(field)?).map_err(|_| DecodeError::Malformed)
}

/// The nicknames of one packet: nearly always the same ones, which are parsed once.
#[derive(Default)]
pub(super) struct Names {
    last: Option<Nickname>,
}

impl Names {
    pub(super) fn parse(&mut self, field: Option<Cow<'_, str>>) -> Result<Nickname, DecodeError> {
        let text = required(field)?;
        if let Some(last) = self.last.as_ref().filter(|last| last.as_str() == text) {
            return Ok(last.clone());
        }
        let name = Nickname::new(&text).map_err(|_| DecodeError::Malformed)?;
        self.last = Some(name.clone());
        Ok(name)
    }
}

pub(super) fn session(field: Option<u64>) -> Result<Session, DecodeError> {
    required(field.and_then(Session::new))
}

/// A number of the current dialect: below [`Session::LIMIT`], like a session.
pub(super) fn number(field: Option<u64>) -> Result<u64, DecodeError> {
    required(field.filter(|number| *number < Session::LIMIT))
}
