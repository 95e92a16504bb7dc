//! Those who say that a name is theirs, of which the table says something else, or nothing.
//!
//! The invariant: whatever they send, the server is asked no more often than it can tell of something new: about
//! few of them, and seldom about one, since it tells of changes to whom it was asked about.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::proto::Instant;
use crate::wire::{Nickname, Packet};

/// How many of them the server is asked about at a time. About more it is not asked.
const MAX_STRANGERS: usize = 32;

/// How far apart it is asked about the same one.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Stranger {
    asked: Instant,
    /// The first that came of it. It counts if the server says that the name is its.
    held: Option<(SocketAddr, Packet)>,
}

#[derive(Debug, Default)]
pub(super) struct Strangers {
    by_name: BTreeMap<Nickname, Stranger>,
}

impl Strangers {
    /// Somebody says that this name is its, by a packet or in the classic dialect. Whether the server is to be
    /// asked.
    pub(super) fn come(
        &mut self,
        now: Instant,
        name: &Nickname,
        held: Option<(SocketAddr, Packet)>,
    ) -> bool {
        let is_recent = |stranger: &Stranger| now < stranger.asked + INTERVAL;
        if self.by_name.get(name).is_some_and(is_recent) {
            return false;
        }
        if self.by_name.len() >= MAX_STRANGERS {
            self.by_name.retain(|_, stranger| is_recent(stranger));
        }
        let has_room = self.by_name.len() < MAX_STRANGERS;
        if has_room {
            self.by_name.insert(name.clone(), Stranger { asked: now, held });
        }
        has_room
    }

    /// What came of the one who says that this name is its, once the server has said whose it is.
    pub(super) fn take(&mut self, name: &Nickname) -> Option<(SocketAddr, Packet)> {
        self.by_name.get_mut(name)?.held.take()
    }

    /// The server is another one, or was lost: it is asked anew.
    pub(super) fn clear(&mut self) {
        self.by_name.clear();
    }

    pub(super) fn is_within_bounds(&self) -> bool {
        self.by_name.len() <= MAX_STRANGERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_asked_about_and_seldom() {
        let mut strangers = Strangers::default();
        let at = |ms| Instant::ZERO + Duration::from_millis(ms);
        let name = |nth: usize| Nickname::new(&format!("n{nth}")).unwrap();
        assert!((0..MAX_STRANGERS).all(|nth| strangers.come(at(0), &name(nth), None)));
        assert!(!strangers.come(at(999), &name(0), None), "just asked");
        assert!(!strangers.come(at(999), &name(MAX_STRANGERS), None), "one too many");
        assert!(strangers.come(at(1000), &name(0), None));
        assert!(strangers.come(at(1000), &name(MAX_STRANGERS), None));
        assert!(strangers.is_within_bounds());
    }
}
