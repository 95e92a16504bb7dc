//! What goes over the wire: datagrams, parsed once and typed from then on.
//!
//! The invariant of this layer: a value that exists is valid. A [`Nickname`] was checked when it
//! was made, a [`Datagram`] has every field that its kind needs, and what the encoder writes a
//! classic peer can read. Nothing behind this layer looks at JSON, and nothing in it knows of
//! sockets, clocks or threads. `docs/PROTOCOL.md` describes the format field by field.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

mod datagram;
mod nickname;
mod notice;
mod table;

pub use datagram::{Datagram, DecodeError, MAX_DATAGRAM, encode_table};
pub use nickname::{Nickname, NicknameError};
pub use notice::Notice;
pub use table::{Presence, Row};
