//! What goes over the wire: datagrams, parsed once and typed from then on.
//!
//! The invariant of this layer: a value that exists is valid. A [`Nickname`] was checked when it
//! was made, a [`Datagram`] and a [`Packet`] have every field that their kinds need, and what the
//! encoder writes for a classic peer such a peer can read. Nothing behind this layer looks at JSON,
//! and nothing in it knows of sockets, clocks or threads. `docs/PROTOCOL.md` describes the format
//! field by field.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

mod datagram;
mod fields;
mod frame;
mod nickname;
mod notice;
mod object;
mod packet;
mod pieces;
mod scan;
mod session;
mod table;
mod time;
mod visible;

pub use datagram::{Datagram, DecodeError, Hello, MAX_DATAGRAM, encode_table};
pub use frame::{Chat, ChatFrame, Frame, Keep, KeepFrame, Piece};
pub use nickname::{Nickname, NicknameError};
pub use notice::Notice;
pub use packet::{Ack, Header, MAX_PACKET, Packet, Sequence, is_packet};
pub use pieces::Assembly;
pub use session::{MessageId, Session};
pub use table::{Presence, Row};
pub use time::UnixTime;
pub use visible::Visible;
