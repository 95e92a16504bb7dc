//! The datagrams of the current dialect: a JSON array of a header and frames.
//!
//! A classic program never gets one: it goes only to a session, and only who speaks this dialect
//! has one.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::fields::{Fields, Names, number, session};
use super::object::Object;
use super::scan::Scan;
use super::{DecodeError, Frame, Session};

/// The longest packet that is sent, in bytes: with its UDP and IP headers, what every path carries
/// in one piece (RFC 9000, section 14.1).
pub const MAX_PACKET: usize = 1200;

/// What a header may take of it: seven numbers of 16 digits, and [`MAX_RANGES`] ranges.
const HEADER_ROOM: usize = 280;

/// What one has mostly, with what is around it.
const LIKELY_HEADER: usize = 128;

/// Frames of lines that people write.
const LIKELY_FRAMES: usize = 8;

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

/// The header, as the wire names it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HeaderFields {
    session: u64,
    to: u64,
    number: Option<u64>,
    floor: Option<u64>,
    ack: Option<u64>,
    #[serde(default)]
    also: Vec<(u64, u64)>,
    revision: Option<u64>,
    cookie: Option<u64>,
}

/// Its fields as they stand in a packet, behind the one in front of each, in their order.
mod name {
    pub(super) const SESSION: &str = "{\"Session\":";
    pub(super) const TO: &str = ",\"To\":";
    pub(super) const NUMBER: &str = ",\"Number\":";
    pub(super) const FLOOR: &str = ",\"Floor\":";
    pub(super) const ACK: &str = ",\"Ack\":";
    pub(super) const ALSO: &str = ",\"Also\":";
    pub(super) const REVISION: &str = ",\"Revision\":";
    pub(super) const COOKIE: &str = ",\"Cookie\":";
}

/// A packet whose header is still to be looked at.
struct Raw {
    header: HeaderFields,
    frames: Vec<Frame>,
}

impl HeaderFields {
    /// Reads them where nothing came out of order.
    fn scan(scan: &mut Scan<'_>) -> Option<Self> {
        let fields = Self {
            session: scan.field(name::SESSION, Scan::number)??,
            to: scan.field(name::TO, Scan::number)??,
            number: scan.field(name::NUMBER, Scan::number)?,
            floor: scan.field(name::FLOOR, Scan::number)?,
            ack: scan.field(name::ACK, Scan::number)?,
            also: Vec::new(),
            revision: scan.field(name::REVISION, Scan::number)?,
            cookie: scan.field(name::COOKIE, Scan::number)?,
        };
        scan.token("}")?;
        Some(fields)
    }

    /// Writes those that there are behind these bytes.
    fn write_to(&self, bytes: &mut Vec<u8>) {
        let mut object = Object::after(bytes);
        object.plain(name::SESSION, Some(self.session));
        object.plain(name::TO, Some(self.to));
        object.plain(name::NUMBER, self.number);
        object.plain(name::FLOOR, self.floor);
        object.plain(name::ACK, self.ack);
        object.plain(name::ALSO, Some(&self.also).filter(|also| !also.is_empty()));
        object.plain(name::REVISION, self.revision);
        object.plain(name::COOKIE, self.cookie);
        object.finish();
    }
}

impl Raw {
    /// Reads a packet as it is written, if nothing in it is unusual.
    fn scan(scan: &mut Scan<'_>) -> Option<Self> {
        scan.token("[")?;
        let header = HeaderFields::scan(scan)?;
        let (mut frames, mut names) = (Vec::new(), Names::default());
        while scan.token(",").is_some() {
            if frames.is_empty() {
                frames.reserve(LIKELY_FRAMES);
            }
            frames.push(Fields::scan(scan)?.into_frame(&mut names).ok()?);
        }
        scan.token("]")?;
        Some(Self { header, frames })
    }

    fn into_packet(self) -> Result<Packet, DecodeError> {
        Ok(Packet { header: self.header.into_header()?, frames: self.frames })
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Raw;

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
                let mut names = Names::default();
                while let Some(fields) = elements.next_element::<Fields<'de>>()? {
                    let frame = fields.into_frame(&mut names);
                    frames.push(frame.map_err(|_| serde::de::Error::custom("no frame"))?);
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
        // At once, instead of text by text.
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Malformed)?;
        if let Some(raw) = Scan::all(text, Raw::scan) {
            return raw.into_packet();
        }
        let raw: Raw = serde_json::from_str(text).map_err(|_| DecodeError::Malformed)?;
        raw.into_packet()
    }

    /// Writes a packet of frames that are written already.
    #[must_use]
    pub fn assemble<'a>(
        header: &Header,
        frames: impl IntoIterator<Item = &'a [u8], IntoIter: Clone>,
    ) -> Vec<u8> {
        let frames = frames.into_iter();
        // No more than that: allocators take what is large from elsewhere, in several times the time.
        let capacity = LIKELY_HEADER + frames.clone().map(|frame| frame.len() + 1).sum::<usize>();
        let mut bytes = Vec::with_capacity(capacity);
        bytes.push(b'[');
        header.fields().write_to(&mut bytes);
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
    fn fields(&self) -> HeaderFields {
        HeaderFields {
            session: self.from.number(),
            to: self.to.number(),
            number: self.sequence.map(|sequence| sequence.number),
            floor: self.sequence.map(|sequence| sequence.floor),
            ack: self.ack.as_ref().map(|ack| ack.through),
            also: self.ack.iter().flat_map(|a| &a.beyond).take(MAX_RANGES).copied().collect(),
            revision: self.revision,
            cookie: self.cookie,
        }
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

#[cfg(test)]
#[path = "packet_tests.rs"]
mod tests;
