//! A virtual clock, and a network that loses, repeats, delays, reorders and blocks.
//!
//! The invariant: what happens, and in which order, follows from the seed alone. Events that fall
//! due together happen in the order in which they were scheduled, and nothing is decided by an
//! order that differs from run to run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use superchat::proto::Instant;

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for a seed on every machine, for ever.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.next() % (range.end() - range.start() + 1)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.within(0..=99) < chance
    }

    pub fn ms(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_micros(self.within(range.start() * 1000..=range.end() * 1000))
    }

    /// One of these; there must be one.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.next() as usize % from.len()].clone()
    }
}

/// What will happen, in the order of its time, and for one time in the order of its scheduling.
pub struct Clock<E> {
    now: Instant,
    scheduled: BTreeMap<(Instant, u64), E>,
    sequence: u64,
}

impl<E> Clock<E> {
    pub fn new() -> Self {
        Self { now: Instant::default(), scheduled: BTreeMap::new(), sequence: 0 }
    }

    pub fn now(&self) -> Instant {
        self.now
    }

    pub fn schedule(&mut self, at: Instant, event: E) {
        self.sequence += 1;
        self.scheduled.insert((at.max(self.now), self.sequence), event);
    }

    /// Takes the next event that is due by `limit`, and sets the clock to its time.
    pub fn next(&mut self, limit: Instant) -> Option<E> {
        let (&(at, _), _) = self.scheduled.first_key_value()?;
        if at > limit {
            return None;
        }
        self.now = at;
        self.scheduled.pop_first().map(|(_, event)| event)
    }

    /// Lets the time pass in which nothing happens.
    pub fn advance(&mut self, to: Instant) {
        self.now = self.now.max(to);
    }
}

/// What the network does to a datagram.
#[derive(Debug, Clone)]
pub struct Weather {
    /// Milliseconds from one host to another. Its spread is what reorders.
    pub delay: RangeInclusive<u64>,
    /// In percent of the datagrams.
    pub loss: u64,
    /// In percent of the datagrams that are not lost.
    pub duplication: u64,
}

impl Weather {
    pub const CALM: Self = Self { delay: 1..=20, loss: 0, duplication: 0 };
}

pub struct Network {
    pub weather: Weather,
    /// From, to: nothing passes this way.
    blocked: BTreeSet<(SocketAddr, SocketAddr)>,
    random: Random,
}

impl Network {
    pub fn new(weather: Weather, seed: u64) -> Self {
        Self { weather, blocked: BTreeSet::new(), random: Random::new(seed) }
    }

    /// How long a datagram is on its way: once, not at all, or twice.
    pub fn transits(&mut self, from: SocketAddr, to: SocketAddr) -> Vec<Duration> {
        if self.blocked.contains(&(from, to)) || self.random.percent(self.weather.loss) {
            return Vec::new();
        }
        let copies = 1 + usize::from(self.random.percent(self.weather.duplication));
        (0..copies).map(|_| self.random.ms(self.weather.delay.clone())).collect()
    }

    pub fn block(&mut self, from: SocketAddr, to: SocketAddr) {
        self.blocked.insert((from, to));
    }

    pub fn block_both_ways(&mut self, a: SocketAddr, b: SocketAddr) {
        self.block(a, b);
        self.block(b, a);
    }

    pub fn unblock_all(&mut self) {
        self.blocked.clear();
    }
}
