//! Addresses that have not shown that anybody listens there.
//!
//! The invariants: no more than three times the bytes that came from such an address are sent there, so
//! that nobody gains by giving the address of a victim for its own (RFC 9000, section 8.1). And
//! whatever is under way with one is forgotten with it: anybody can make them up.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use crate::proto::Limits;

/// Bytes that may still be sent to each address that is not proven.
#[derive(Debug)]
pub(super) struct Budgets {
    left: BTreeMap<SocketAddr, usize>,
    oldest_first: VecDeque<SocketAddr>,
    capacity: usize,
    factor: usize,
}

impl Budgets {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            left: BTreeMap::new(),
            oldest_first: VecDeque::new(),
            capacity: limits.handshakes,
            factor: limits.unproven_factor as usize,
        }
    }

    /// So many bytes came. Returns the address that makes room for a new one, if one has to: the one
    /// that has been here for longest.
    pub(super) fn earn(&mut self, from: SocketAddr, bytes: usize) -> Option<SocketAddr> {
        self.grant(from, self.for_bytes(bytes))
    }

    /// How many bytes may be sent for so many that came.
    pub(super) fn for_bytes(&self, bytes: usize) -> usize {
        bytes.saturating_mul(self.factor)
    }

    /// So many bytes may be sent, whatever came. Returns what [`earn`](Self::earn) does.
    pub(super) fn grant(&mut self, to: SocketAddr, bytes: usize) -> Option<SocketAddr> {
        if let Some(left) = self.left.get_mut(&to) {
            *left = left.saturating_add(bytes);
            return None;
        }
        let full = self.left.len() >= self.capacity;
        let oldest = if full { self.oldest_first.pop_front() } else { None };
        if let Some(oldest) = oldest {
            self.left.remove(&oldest);
        }
        self.left.insert(to, bytes);
        self.oldest_first.push_back(to);
        oldest
    }

    /// Whether no more addresses are counted than may be.
    pub(super) fn is_within_bounds(&self) -> bool {
        self.left.len() <= self.capacity && self.oldest_first.len() == self.left.len()
    }

    /// Whether so many bytes may be sent. They are counted as sent.
    pub(super) fn spend(&mut self, to: SocketAddr, bytes: usize) -> bool {
        let Some(left) = self.left.get_mut(&to) else { return false };
        let rest = left.checked_sub(bytes);
        *left = rest.unwrap_or(*left);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: usize) -> SocketAddr {
        SocketAddr::from(([10, 0, (n / 256) as u8, (n % 256) as u8], 1))
    }

    fn budgets(handshakes: usize) -> Budgets {
        Budgets::new(&Limits { handshakes, ..Limits::default() })
    }

    #[test]
    fn three_times_and_not_a_byte_more() {
        let mut budgets = budgets(2);
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
        let mut budgets = budgets(3);
        for n in 0..3 {
            assert_eq!(budgets.earn(address(n), 1), None);
        }
        assert_eq!(budgets.earn(address(0), 1), None, "it is here already");
        assert!(budgets.spend(address(0), 1));
        assert_eq!(budgets.grant(address(3), 1), Some(address(0)));
        assert!(!budgets.spend(address(0), 1));
        assert!(budgets.spend(address(1), 1) && budgets.spend(address(3), 1));
        assert!(budgets.is_within_bounds());
    }
}
