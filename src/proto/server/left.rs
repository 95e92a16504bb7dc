//! Registrations that are over, so that a copy of one that was long on its way brings nobody back.

use std::collections::BTreeMap;

use crate::wire::{Hello, Session};

/// Sessions of which is remembered which registration was their last: as many as may end while a copy of one of them
/// is on its way, where the server is so overloaded that it finds thousands gone in a second. Two megabytes.
const MAX_LEFT: usize = 16_384;

/// Sessions that have ended, and the number of the last registration of each. Of more, the one that ended longest ago
/// is forgotten.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// When it ended, in the order of that, and the number.
    by_session: BTreeMap<Session, (u64, u64)>,
    by_end: BTreeMap<u64, Session>,
    ends: u64,
}

impl Left {
    /// A session has ended.
    pub(super) fn add(&mut self, session: Session, registered: u64) {
        self.ends += 1;
        if let Some((before, _)) = self.by_session.insert(session, (self.ends, registered)) {
            self.by_end.remove(&before);
        }
        self.by_end.insert(self.ends, session);
        if self.by_end.len() > MAX_LEFT
            && let Some((_, first)) = self.by_end.pop_first()
        {
            self.by_session.remove(&first);
        }
    }

    /// Whether a registration is the last one of a session that has ended, or one before it.
    pub(super) fn has(&self, hello: Hello) -> bool {
        self.by_session.get(&hello.session).is_some_and(|(_, last)| hello.number <= *last)
    }

    /// Whether there are no more than may be.
    pub(super) fn is_within_bounds(&self) -> bool {
        self.by_session.len() == self.by_end.len() && self.by_end.len() <= MAX_LEFT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ended_longest_ago_is_forgotten() {
        let session = |n: usize| Session::new(n as u64).unwrap();
        let hello = |n, number| Hello { session: session(n), number, floor: 1, cookie: None };
        let mut left = Left::default();
        (1..=MAX_LEFT).for_each(|n| left.add(session(n), 5));
        left.add(session(1), 7);
        assert!(left.has(hello(1, 7)) && !left.has(hello(1, 8)) && left.has(hello(2, 5)));
        left.add(session(MAX_LEFT + 1), 5);
        assert!(!left.has(hello(2, 5)) && left.has(hello(3, 5)) && left.has(hello(1, 7)));
        assert!(left.is_within_bounds());
    }
}
