//! How many datagrams a second an address may send, and how many requests a name may make.
//!
//! The invariant: nobody gets past a rate by being forgotten. Where a table is full, the one that has
//! used least of its rate makes room, and the newcomer goes on from where that one was, as in the
//! counters of Metwally, Agrawal and El Abbadi (2005). So whoever has to make room, and comes back, has
//! no more than it had; and as long as those in a full table do not use up their rates, all of them
//! together, a newcomer has one as well.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::proto::timers::Timers;
use crate::proto::{Instant, Limits};
use crate::wire::{Frame, Nickname};

/// Networks of strangers that are counted: 3 MB. Their rates together are more than any server takes.
const MAX_NETWORKS: usize = 16_384;

/// One rate, for each of many: GCRA (ITU-T I.371). What was not used for a second is the most that is used at
/// once.
#[derive(Debug)]
pub(super) struct Rate<K> {
    /// By when each has its whole rate again. Then it is forgotten: who is not here has all of it, too.
    whole: Timers<K>,
    capacity: usize,
    per_second: u32,
}

impl<K: Ord + Clone> Rate<K> {
    fn new(per_second: u32, capacity: usize) -> Self {
        Self { whole: Timers::new(), capacity, per_second: per_second.max(1) }
    }

    /// Whether one more has room; then it is counted.
    pub(super) fn admits(&mut self, now: Instant, who: &K) -> bool {
        self.admits_all(now, who, 1)
    }

    /// Whether so many more have room, all together; where they are more than a second's, whether that
    /// has. Then they are counted.
    fn admits_all(&mut self, now: Instant, who: &K, count: usize) -> bool {
        let count = u32::try_from(count).unwrap_or(u32::MAX).min(self.per_second);
        if count == 0 {
            return true;
        }
        while self.whole.pop_expired(now).is_some() {}
        let full = self.whole.len() >= self.capacity;
        let own = self.whole.get(who);
        // A newcomer goes on from where the one was that has used least, and makes room.
        let before = own.or(self.whole.next().filter(|_| full));
        let each = Duration::from_secs(1) / self.per_second;
        let whole = before.map_or(now, |before| before.max(now));
        if whole - now > each * (self.per_second - count) {
            return false;
        }
        if full && own.is_none() {
            self.whole.pop_first();
        }
        self.whole.set(who.clone(), whole + each * count);
        true
    }
}

/// The rates of a server.
#[derive(Debug)]
pub(super) struct Rates {
    /// What comes from where nobody is registered, and every registration: whoever makes one may be
    /// anybody.
    pub(super) strangers: Rate<Network>,
    /// What comes from where somebody is registered.
    pub(super) members: Rate<SocketAddr>,
    pub(super) names: Rate<Nickname>,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            strangers: Rate::new(limits.stranger_datagrams_per_second, MAX_NETWORKS),
            members: Rate::new(limits.member_datagrams_per_second, limits.users),
            names: Rate::new(limits.name_requests_per_second, limits.users),
        }
    }
}

impl Rates {
    /// Whether the requests of one packet are within the rate of the name that makes them. A part of a
    /// long message is none before the last.
    pub(super) fn admits_frames(
        &mut self,
        now: Instant,
        name: &Nickname,
        frames: &[Frame],
    ) -> bool {
        let is_request = |frame: &&Frame| match frame {
            Frame::Keep(keep) => !keep.piece.more,
            Frame::Deregister { .. } => true,
            _ => false,
        };
        self.names.admits_all(now, name, frames.iter().filter(is_request).count())
    }
}

/// An IPv4 address, in its IPv6 form, or an IPv6 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Network(u128);

/// Whose datagram it is, as far as its address says: whoever has one address of an IPv6 network of 64
/// bits can have all of them.
pub(super) fn network(address: SocketAddr) -> Network {
    Network(match address.ip().to_canonical() {
        IpAddr::V6(ip) => ip.to_bits() & !u128::from(u64::MAX),
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    /// How many of these are admitted, one after the other.
    fn admitted(rate: &mut Rate<char>, ms: u64, who: char, tries: usize) -> usize {
        (0..tries).filter(|_| rate.admits(at(ms), &who)).count()
    }

    #[test]
    fn a_second_s_worth_at_once_and_then_one_at_a_time() {
        let mut rate = Rate::new(10, 8);
        assert_eq!(admitted(&mut rate, 0, 'a', 20), 10);
        assert_eq!(admitted(&mut rate, 99, 'a', 20), 0);
        assert_eq!(admitted(&mut rate, 100, 'a', 20), 1);
        assert_eq!(admitted(&mut rate, 400, 'a', 20), 3);
        assert_eq!(admitted(&mut rate, 400, 'b', 20), 10, "each has its own");
        assert_eq!(admitted(&mut rate, 60_000, 'a', 20), 10, "and no more, however long it waits");
    }

    #[test]
    fn those_of_one_packet_are_admitted_together() {
        let mut rate = Rate::new(10, 8);
        assert!(rate.admits_all(at(0), &'a', 0));
        assert!(rate.admits_all(at(0), &'a', 7));
        assert!(!rate.admits_all(at(0), &'a', 4));
        assert!(rate.admits_all(at(0), &'a', 3));
        assert!(rate.admits_all(at(1_000), &'a', 99), "a second's, since it never has more");
        assert!(!rate.admits(at(1_099), &'a'));
    }

    #[test]
    fn nobody_gains_by_being_forgotten() {
        let mut rate = Rate::new(10, 3);
        assert_eq!(admitted(&mut rate, 0, 'a', 99), 10);
        for (who, admits) in [('b', 10), ('c', 10), ('d', 0), ('e', 0), ('a', 0)] {
            assert_eq!(admitted(&mut rate, 0, who, 99), admits, "{who}");
        }
        // Whoever comes new in a full table has what the best of them has.
        assert_eq!(admitted(&mut rate, 500, 'd', 99), 5);
        assert_eq!(admitted(&mut rate, 500, 'a', 99) + admitted(&mut rate, 500, 'b', 99), 10);
        assert_eq!(admitted(&mut rate, 500, 'c', 99), 0);
        assert_eq!(admitted(&mut rate, 2_000, 'f', 99), 10);
    }

    #[test]
    fn a_table_has_no_more_than_its_capacity() {
        let mut rate = Rate::new(10, 3);
        for who in 'a'..='z' {
            rate.admits(at(0), &who);
            rate.admits(at(900), &who);
        }
        assert_eq!(rate.whole.len(), 3);
    }

    #[test]
    fn who_has_its_whole_rate_is_forgotten() {
        let mut rate = Rate::new(10, 1000);
        for (ms, who) in [(0, 'a'), (0, 'b'), (0, 'b'), (99, 'c')] {
            assert!(rate.admits(at(ms), &who));
        }
        assert_eq!(rate.whole.len(), 3);
        assert!(rate.admits(at(100), &'d'));
        assert_eq!(rate.whole.len(), 3, "a has it");
        assert!(rate.admits(at(1000), &'d'));
        assert_eq!(rate.whole.len(), 1);
    }

    #[test]
    fn an_ipv6_network_is_one_and_a_mapped_address_is_ipv4() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("[2001:db8::1]:1"), of("[2001:db8::ffff:1:2:3]:4"));
        assert_ne!(of("[2001:db8::1]:1"), of("[2001:db8:0:1::1]:1"));
        assert_eq!(of("[::ffff:10.0.0.1]:1"), of("10.0.0.1:2"));
        assert_ne!(of("10.0.0.2:1"), of("10.0.0.1:1"));
    }
}
