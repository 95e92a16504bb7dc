//! One deadline for each key, and the earliest of them at hand.

use std::collections::{BTreeMap, BTreeSet};

use super::Instant;

/// Deadlines by key. Setting, stopping and finding the next are logarithmic in their number;
/// those that expire at one time come in the order of their keys.
#[derive(Debug)]
pub(super) struct Timers<K> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Clone> Timers<K> {
    pub(super) fn new() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }

    /// Sets the deadline of `key`, in place of the one it had.
    pub(super) fn set(&mut self, key: K, at: Instant) {
        match self.by_key.insert(key.clone(), at) {
            Some(before) if before == at => return,
            Some(before) => drop(self.by_time.remove(&(before, key.clone()))),
            None => {}
        }
        self.by_time.insert((at, key));
    }

    /// Sets the deadline of `key`, unless it has an earlier one.
    pub(super) fn set_by(&mut self, key: K, at: Instant) {
        if self.by_key.get(&key).is_none_or(|before| at < *before) {
            self.set(key, at);
        }
    }

    pub(super) fn stop(&mut self, key: &K) {
        if let Some(at) = self.by_key.remove(key) {
            self.by_time.remove(&(at, key.clone()));
        }
    }

    pub(super) fn is_set(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The deadline of `key`.
    pub(super) fn get(&self, key: &K) -> Option<Instant> {
        self.by_key.get(key).copied()
    }

    /// How many have one.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Takes the key of the earliest deadline, whenever that is.
    pub(super) fn pop_first(&mut self) -> Option<K> {
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }

    /// Takes the key of the earliest deadline that is not after `now`.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        self.pop_first()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_setting_counts() {
        let at = |ms| Instant::default() + Duration::from_millis(ms);
        let mut timers = Timers::new();
        timers.set("a", at(5));
        timers.set("b", at(3));
        timers.set("a", at(1));
        timers.set("c", at(2));
        timers.stop(&"c");
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.pop_expired(at(0)), None);
        assert_eq!(timers.pop_expired(at(3)), Some("a"));
        assert_eq!(timers.pop_expired(at(3)), Some("b"));
        assert_eq!(timers.next(), None);
    }
}
