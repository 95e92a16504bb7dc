//! What may be sent to an address that has not shown that anybody listens there.
//!
//! The invariant: no more than three times the bytes that came from it, so that nobody gains by
//! giving the address of a victim for its own (RFC 9000, section 8.1).

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// How many times the bytes that came may be sent.
const FACTOR: usize = 3;

/// Addresses whose bytes are counted. Where there are more, the one counted for longest is
/// forgotten: nothing is sent to it until something comes from it again.
const MAX_STRANGERS: usize = 4096;

/// Bytes that may still be sent to each address that is not proven.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    left: BTreeMap<SocketAddr, usize>,
    oldest_first: VecDeque<SocketAddr>,
}

impl Budgets {
    /// So many bytes came.
    pub(super) fn earn(&mut self, from: SocketAddr, bytes: usize) {
        if !self.left.contains_key(&from) {
            if self.left.len() >= MAX_STRANGERS
                && let Some(oldest) = self.oldest_first.pop_front()
            {
                self.left.remove(&oldest);
            }
            self.oldest_first.push_back(from);
        }
        let left = self.left.entry(from).or_insert(0);
        *left = left.saturating_add(bytes.saturating_mul(FACTOR));
    }

    /// Whether no more addresses are counted than may be.
    pub(super) fn is_within_bounds(&self) -> bool {
        self.left.len() <= MAX_STRANGERS && self.oldest_first.len() == self.left.len()
    }

    /// Whether so many bytes may be sent. They are counted as sent.
    pub(super) fn spend(&mut self, to: SocketAddr, bytes: usize) -> bool {
        let rest = self.left.get(&to).and_then(|left| left.checked_sub(bytes));
        if let Some(rest) = rest {
            self.left.insert(to, rest);
        }
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: usize) -> SocketAddr {
        SocketAddr::from(([10, 0, (n / 256) as u8, (n % 256) as u8], 1))
    }

    #[test]
    fn three_times_and_not_a_byte_more() {
        let mut budgets = Budgets::default();
        assert!(!budgets.spend(address(1), 1));
        budgets.earn(address(1), 10);
        assert!(budgets.spend(address(1), 29));
        assert!(!budgets.spend(address(1), 2));
        assert!(budgets.spend(address(1), 1));
        budgets.earn(address(1), 1);
        assert!(budgets.spend(address(1), 3));
    }

    #[test]
    fn both_sides_of_the_bound() {
        let mut budgets = Budgets::default();
        for n in 0..MAX_STRANGERS {
            budgets.earn(address(n), 1);
        }
        assert!(budgets.spend(address(0), 1));
        budgets.earn(address(MAX_STRANGERS), 1);
        assert!(!budgets.spend(address(0), 1));
        assert!(budgets.spend(address(1), 1));
        assert_eq!(
            (budgets.left.len(), budgets.oldest_first.len()),
            (MAX_STRANGERS, MAX_STRANGERS)
        );
    }
}
