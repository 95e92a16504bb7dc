//! Which messages have come.
//!
//! The invariant: messages of one author come in the order of their numbers, whichever way they
//! come, because their author takes another way only when none of them is on the one before. So one
//! that has not a higher number than the last was handed over already.

use std::collections::BTreeMap;

use crate::wire::{MessageId, Nickname, Session};

/// Authors that are remembered: half a megabyte. Of more, the one that was silent for longest is
/// forgotten.
const MAX_AUTHORS: usize = 16_384;

/// The last number of each author: a name and a session, since a session alone proves nothing.
#[derive(Debug, Default)]
pub(super) struct Seen {
    authors: BTreeMap<(Nickname, Session), Author>,
    by_use: BTreeMap<u64, (Nickname, Session)>,
    uses: u64,
}

#[derive(Debug)]
struct Author {
    last: u64,
    used: u64,
}

impl Seen {
    /// Whether a message has not come before. From now on it has.
    pub(super) fn is_new(&mut self, sender: &Nickname, id: MessageId) -> bool {
        // Nearly always of the author of the one before.
        if let Some((_, latest)) = self.by_use.last_key_value()
            && (&latest.0, latest.1) == (sender, id.author)
            && let Some(author) = self.authors.get_mut(latest)
        {
            let is_new = id.number > author.last;
            author.last = id.number.max(author.last);
            return is_new;
        }
        self.uses += 1;
        let key = (sender.clone(), id.author);
        let before = self.authors.get(&key);
        let last = before.map_or(0, |author| author.last);
        if let Some(author) = before {
            self.by_use.remove(&author.used);
        } else if self.authors.len() >= MAX_AUTHORS
            && let Some((_, idlest)) = self.by_use.pop_first()
        {
            self.authors.remove(&idlest);
        }
        self.by_use.insert(self.uses, key.clone());
        let author = Author { last: last.max(id.number), used: self.uses };
        self.authors.insert(key, author);
        id.number > last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_new(seen: &mut Seen, id: MessageId) -> bool {
        seen.is_new(&Nickname::new("a").unwrap(), id)
    }

    fn id(author: u64, number: u64) -> MessageId {
        MessageId { author: Session::new(author).unwrap(), number }
    }

    #[test]
    fn each_message_is_new_once() {
        let mut seen = Seen::default();
        assert!(is_new(&mut seen, id(1, 5)));
        assert!(is_new(&mut seen, id(2, 5)), "of another author");
        assert!(!is_new(&mut seen, id(1, 5)) && !is_new(&mut seen, id(1, 4)));
        assert!(is_new(&mut seen, id(1, 6)));
        assert!(seen.is_new(&Nickname::new("b").unwrap(), id(1, 6)), "of another user");
    }

    #[test]
    fn the_author_that_was_silent_for_longest_is_forgotten() {
        let mut seen = Seen::default();
        let most = MAX_AUTHORS as u64;
        for author in 1..=most {
            assert!(is_new(&mut seen, id(author, 1)));
        }
        assert!(!is_new(&mut seen, id(1, 1)));
        assert!(is_new(&mut seen, id(most + 1, 1)));
        assert!(!is_new(&mut seen, id(1, 1)) && !is_new(&mut seen, id(3, 1)));
        assert!(is_new(&mut seen, id(2, 1)), "it made room");
        assert_eq!((seen.authors.len(), seen.by_use.len()), (MAX_AUTHORS, MAX_AUTHORS));
    }
}
