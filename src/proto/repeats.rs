//! How much is sent again, on all paths of an endpoint together.
//!
//! The invariant: no more than what was acknowledged meanwhile, and a little each second besides. Where very many
//! wait at once for acks that do not come, whoever is to give them is overloaded, and would be kept so by all of
//! it coming again and again. Each path waits longer and longer by itself, but there is no end of paths. So what
//! goes in is what comes out, as in Jacobson, "Congestion Avoidance and Control" (1988).

use std::time::Duration;

use super::Instant;

/// What sending one packet again costs, in time without it: a thousand a second are nothing to any machine.
const COST: Duration = Duration::from_millis(1);

/// The most that is saved up: what a thousand cost, more than a few paths have under way.
const MOST: Duration = Duration::from_secs(1);

/// What may be sent again.
#[derive(Debug)]
pub(super) struct Repeats {
    saved: Duration,
    as_of: Instant,
}

impl Repeats {
    pub(super) fn new() -> Self {
        Self { saved: MOST, as_of: Instant::ZERO }
    }

    /// So many packets were acknowledged.
    pub(super) fn earn(&mut self, packets: u64) {
        let packets = u32::try_from(packets).unwrap_or(u32::MAX);
        self.saved = self.saved.saturating_add(COST.saturating_mul(packets)).min(MOST);
    }

    /// Whether one more may be sent again. Then it counts.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let saved = self.saved.saturating_add(now - self.as_of).min(MOST);
        let left = saved.checked_sub(COST);
        (self.saved, self.as_of) = (left.unwrap_or(saved), now);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_were_acknowledged_and_a_thousand_a_second() {
        let mut repeats = Repeats::new();
        let sent = |repeats: &mut Repeats, ms| {
            let now = Instant::ZERO + Duration::from_millis(ms);
            (0..5_000).filter(|_| repeats.admits(now)).count()
        };
        assert_eq!([0, 0, 10, 500].map(|ms| sent(&mut repeats, ms)), [1000, 0, 10, 490]);
        repeats.earn(7);
        assert_eq!([500, 500].map(|ms| sent(&mut repeats, ms)), [7, 0]);
        repeats.earn(u64::MAX);
        assert_eq!([500, 60_000].map(|ms| sent(&mut repeats, ms)), [1000, 1000]);
    }
}
