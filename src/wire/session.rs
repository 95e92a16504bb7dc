//! Sessions: who is who, apart from names and addresses.

use std::num::NonZeroU64;

/// One endpoint under one nickname, from when it took that nickname until it ends or takes another.
///
/// It is drawn at random, so that two are never the same, and it says nothing of who holds it:
/// everyone in the table of users is told of everyone's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session(NonZeroU64);

impl Session {
    /// Numbers on the wire are below this, so that whoever reads JSON numbers as doubles has each
    /// of them exactly.
    pub const LIMIT: u64 = 1 << 53;

    /// The session of a random number.
    #[must_use]
    pub fn from_random(random: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(random % (Self::LIMIT - 1)))
    }

    /// A session as the wire has it: never zero.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).filter(|number| number.get() < Self::LIMIT).map(Self)
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

/// One message, on whichever path: its author's session, and the author's number for it. Numbers
/// of one author grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The session that it was sent in.
    pub author: Session,
    /// The number that it has there.
    pub number: u64,
}
