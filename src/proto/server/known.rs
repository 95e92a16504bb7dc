//! What one client knows of the table of users, as far as the server knows.

use std::collections::VecDeque;
use std::time::Duration;

use crate::proto::Instant;
use crate::wire::Nickname;

/// How long is waited until a thing is told again for the first time.
pub(super) const FIRST_PATIENCE: Duration = Duration::from_millis(200);

/// What a client knows of the table.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What it said last that it has.
    pub(super) revision: u64,
    /// What it has if nothing that it was told since is lost.
    pub(super) told: u64,
    /// There was more than had room.
    pub(super) partly: bool,
    /// How often it was told without saying more than before, and until when that is waited for.
    pub(super) tries: u32,
    pub(super) again_at: Option<Instant>,
    /// Whom it looked up, longest ago first.
    pub(super) watched: VecDeque<Nickname>,
}

impl Known {
    /// Whether its revision is all that is to be known.
    pub(super) fn is_settled(&self) -> bool {
        let is_told = self.partly || self.tries > 0 || self.again_at.is_some();
        !is_told && self.told == self.revision && self.watched.is_empty()
    }

    /// Whether something that it was told seems to be lost: it is told again, if not too often.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.again_at.is_some_and(|at| at <= now)
    }

    pub(super) fn patience(&self) -> Duration {
        FIRST_PATIENCE * 2u32.pow(self.tries.min(8))
    }
}
