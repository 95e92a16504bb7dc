//! The network between the sockets and the clients: it loses datagrams, and a few come twice, or late.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use superchat::proto::Instant;

use super::random::Random;

/// The share that comes twice, and the share that is held back, so that others overtake it.
const TWICE: f64 = 0.005;
const LATE: f64 = 0.01;

/// How long it is held back.
const MOST_LATE: Duration = Duration::from_millis(20);

/// What is due at the same time, mostly: a few timers of each client.
const ROOM: usize = 1 << 20;

/// What becomes of a datagram: how many copies of it go on now, and when another one does.
#[derive(Debug, PartialEq, Eq)]
pub struct Fate {
    pub now: usize,
    pub later: Option<Instant>,
}

pub struct Faults {
    random: Random,
    loss: f64,
    healed: bool,
    pub lost: u64,
    pub carried: u64,
}

impl Faults {
    pub fn new(random: Random, loss: f64) -> Self {
        Self { random, loss, healed: false, lost: 0, carried: 0 }
    }

    /// From now on nothing happens to what passes.
    pub fn heal(&mut self) {
        self.healed = true;
    }

    pub fn fate(&mut self, now: Instant) -> Fate {
        self.carried += 1;
        if self.healed {
            return Fate { now: 1, later: None };
        }
        if self.random.chance(self.loss) {
            self.lost += 1;
            return Fate { now: 0, later: None };
        }
        if self.random.chance(LATE) {
            let most = MOST_LATE.as_nanos() as u64;
            let later = Some(now + Duration::from_nanos(self.random.below(most)));
            return Fate { now: 0, later };
        }
        Fate { now: 1 + usize::from(self.random.chance(TWICE)), later: None }
    }
}

/// What is due at some time; of two that are due at once, the one that was put in first.
pub struct Due<T> {
    times: BinaryHeap<Reverse<(Instant, u64)>>,
    what: HashMap<u64, T>,
    last: u64,
}

impl<T> Due<T> {
    pub fn new() -> Self {
        Self { times: BinaryHeap::new(), what: HashMap::with_capacity(ROOM), last: 0 }
    }

    pub fn push(&mut self, at: Instant, what: T) {
        self.last += 1;
        self.times.push(Reverse((at, self.last)));
        self.what.insert(self.last, what);
    }

    pub fn pop(&mut self, now: Instant) -> Option<T> {
        self.next().filter(|at| *at <= now)?;
        let Reverse((_, key)) = self.times.pop()?;
        self.what.remove(&key)
    }

    pub fn next(&self) -> Option<Instant> {
        self.times.peek().map(|Reverse((at, _))| *at)
    }
}
