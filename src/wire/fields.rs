//! The fields of an object on the wire: the only place where their names stand.

use std::borrow::Cow;

use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::{DecodeError, Nickname, Session};

/// Every field of every kind, as the wire names it. Others are ignored; `Key`, `Signature` and
/// `Body` are set aside for a public key, a signature, and an encrypted text.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub(super) r#type: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) nickname: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "Receipent", skip_serializing_if = "Option::is_none")]
    pub(super) recipient: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) msg: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) offline: Option<Cow<'a, str>>,
    // From here on, of the current dialect alone: in a classic datagram they may be anything.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) floor: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) more: Option<bool>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<f64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) cookie: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<u64>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
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

pub(super) const TRUE: &str = "True";
pub(super) const FALSE: &str = "False";
pub(super) const ONLINE: &str = "Online";
pub(super) const OFFLINE: &str = "Offline";

impl Fields<'_> {
    pub(super) fn of(kind: &'static str) -> Self {
        Self { r#type: kind.into(), ..Self::default() }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers, into memory: there is nothing in it that can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Reads a value of this type, and takes one of any other type for none.
fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Lenient<T> {
        Wanted(T),
        #[allow(dead_code, reason = "it says that there was something")]
        Other(IgnoredAny),
    }
    Ok(match Lenient::deserialize(deserializer)? {
        Lenient::Wanted(value) => Some(value),
        Lenient::Other(_) => None,
    })
}

pub(super) fn required<T>(field: Option<T>) -> Result<T, DecodeError> {
    field.ok_or(DecodeError::Malformed)
}

pub(super) fn nickname(field: Option<Cow<'_, str>>) -> Result<Nickname, DecodeError> {
    Nickname::new(&required(field)?).map_err(|_| DecodeError::Malformed)
}

pub(super) fn session(field: Option<u64>) -> Result<Session, DecodeError> {
    required(field.and_then(Session::new))
}

/// A number of the current dialect: below [`Session::LIMIT`], like a session.
pub(super) fn number(field: Option<u64>) -> Result<u64, DecodeError> {
    required(field.filter(|number| *number < Session::LIMIT))
}
