//! How long to wait for an ack before sending again: RFC 6298, with bounds of our own. And how long
//! acks took of late.

use std::collections::VecDeque;
use std::time::Duration;

use super::Stats;
use super::incoming::RIDE;

/// Before anything was measured. RFC 6298 says one second, for networks at large; a path is given
/// up after 500 ms, so that this leaves room for three tries.
const FIRST: Duration = Duration::from_millis(100);

/// An ack is made by a thread that has to wake up first.
const FLOOR: Duration = Duration::from_millis(10);

/// How much later an ack may come than those before it, however steady they were: it rides on an answer, or a timer of
/// two milliseconds' grain was late (the granularity of RFC 6298).
const LATE: Duration = RIDE.saturating_add(Duration::from_millis(2));

/// Also where the interval stops doubling: as often as a classic client asks.
const CEILING: Duration = Duration::from_millis(500);

/// The estimator of one path.
#[derive(Debug, Default)]
pub(super) struct RoundTrip {
    measured: Option<Measured>,
}

/// What is remembered of a path that nothing is under way on: what was measured, in units of 16 us up to a
/// second, rounded up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct KeptTrip([u16; 2]);

const UNIT: Duration = Duration::from_micros(16);

impl RoundTrip {
    pub(super) fn kept(&self) -> KeptTrip {
        let units = |time: Duration| {
            let units = time.as_nanos().div_ceil(UNIT.as_nanos());
            u16::try_from(units).unwrap_or(u16::MAX)
        };
        // What is nothing was never measured.
        self.measured.as_ref().map_or(KeptTrip::default(), |measured| {
            KeptTrip([units(measured.smoothed).max(1), units(measured.variation)])
        })
    }

    pub(super) fn resume(KeptTrip([smoothed, variation]): KeptTrip) -> Self {
        let time = |units: u16| UNIT * units.into();
        let measured = Measured { smoothed: time(smoothed), variation: time(variation) };
        Self { measured: Some(measured).filter(|_| smoothed > 0) }
    }
}

#[derive(Debug)]
struct Measured {
    smoothed: Duration,
    variation: Duration,
}

impl RoundTrip {
    /// A datagram that was sent once was acknowledged after this time (Karn's algorithm: of one
    /// that was sent twice nobody knows which was acknowledged).
    pub(super) fn measure(&mut self, sample: Duration, all: &mut RoundTrips) {
        all.add(sample);
        match &mut self.measured {
            None => self.measured = Some(Measured { smoothed: sample, variation: sample / 2 }),
            Some(Measured { smoothed, variation }) => {
                *variation = (*variation * 3 + smoothed.abs_diff(sample)) / 4;
                *smoothed = (*smoothed * 7 + sample) / 8;
            }
        }
    }

    /// No ack came in time. Nobody can tell whether that was a loss, or acks take longer by now: then whatever is
    /// sent is sent twice, so that none of it is measured, and it would never be known. So all wait twice as long from
    /// now on (RFC 6298, section 5.5), up to the time before anything was measured, until acks show that they need
    /// not.
    pub(super) fn back_off(&mut self) {
        let twice = (self.timeout(1) * 2).min(FIRST);
        if let Some(Measured { smoothed, variation }) = &mut self.measured {
            *variation = (*variation).max(twice.saturating_sub(*smoothed) / 4);
        }
    }

    /// How long to wait for the ack of a datagram that was sent so often: twice as long each time.
    pub(super) fn timeout(&self, sent: u32) -> Duration {
        let first = self.measured.as_ref().map_or(FIRST, |measured| {
            (measured.smoothed + (measured.variation * 4).max(LATE)).clamp(FLOOR, CEILING)
        });
        first.saturating_mul(1 << sent.saturating_sub(1).min(16)).min(CEILING)
    }
}

/// What the percentiles are made of: enough for one in a hundred, and so few that what was measured
/// long ago hides nothing. 4 KB.
const RECENT: usize = 1024;

/// The round trips of all paths of an endpoint.
#[derive(Debug, Default)]
pub(super) struct RoundTrips {
    /// The last of them, in microseconds.
    recent: VecDeque<u32>,
    count: u64,
}

impl RoundTrips {
    fn add(&mut self, sample: Duration) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(u32::try_from(sample.as_micros()).unwrap_or(u32::MAX));
        self.count += 1;
    }

    /// Writes down how many there were, and their percentiles by the nearest rank.
    pub(super) fn observe(&self, stats: &mut Stats) {
        let mut sorted: Vec<_> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            let micros = sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default();
            Duration::from_micros(micros.into())
        };
        stats.round_trips = self.count;
        stats.round_trip_p50 = percentile(50);
        stats.round_trip_p90 = percentile(90);
        stats.round_trip_p99 = percentile(99);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_follows_what_is_measured_between_its_bounds() {
        let (mut round_trip, mut all) = (RoundTrip::default(), RoundTrips::default());
        assert_eq!(round_trip.timeout(1), FIRST);
        round_trip.measure(ms(40), &mut all);
        assert_eq!(round_trip.timeout(1), ms(40 + 4 * 20));
        for _ in 0..100 {
            round_trip.measure(ms(40), &mut all);
        }
        assert_eq!(round_trip.timeout(1), ms(40) + LATE);
        for _ in 0..100 {
            round_trip.measure(Duration::from_micros(50), &mut all);
        }
        assert_eq!(round_trip.timeout(1), FLOOR);
        for _ in 0..100 {
            round_trip.measure(ms(5000), &mut all);
        }
        assert_eq!(round_trip.timeout(1), CEILING);
    }

    #[test]
    fn it_backs_off_until_acks_show_that_it_need_not() {
        let (mut round_trip, mut all) = (RoundTrip::default(), RoundTrips::default());
        round_trip.back_off();
        assert_eq!(round_trip.timeout(1), FIRST, "nothing was measured");
        for _ in 0..100 {
            round_trip.measure(Duration::from_micros(50), &mut all);
        }
        let mut timeouts = Vec::new();
        for _ in 0..5 {
            timeouts.push(round_trip.timeout(1).as_millis());
            round_trip.back_off();
        }
        // To the millisecond: a quarter of it is kept.
        assert_eq!(timeouts, [10, 20, 40, 80, 100]);
        assert_eq!(
            RoundTrip::resume(round_trip.kept()).timeout(1).as_millis(),
            100,
            "if it rests, too"
        );
        for _ in 0..20 {
            round_trip.measure(Duration::from_micros(50), &mut all);
        }
        assert_eq!(round_trip.timeout(1), FLOOR);
    }

    #[test]
    fn it_doubles_with_each_try_up_to_the_ceiling() {
        let round_trip = RoundTrip::default();
        let timeouts: Vec<_> = (1..=5).map(|sent| round_trip.timeout(sent)).collect();
        assert_eq!(timeouts, [ms(100), ms(200), ms(400), CEILING, CEILING]);
    }

    #[test]
    fn the_percentiles_are_those_of_the_last_ones() {
        let mut all = RoundTrips::default();
        let observed = |all: &RoundTrips| {
            let mut stats = Stats::default();
            all.observe(&mut stats);
            (stats.round_trips, [stats.round_trip_p50, stats.round_trip_p90, stats.round_trip_p99])
        };
        assert_eq!(observed(&all), (0, [ms(0); 3]));
        all.add(ms(7));
        assert_eq!(observed(&all), (1, [ms(7); 3]));
        // A hundred of them, in an order that is not theirs.
        let mut all = RoundTrips::default();
        (1..=100).for_each(|n| all.add(ms(n * 37 % 101)));
        assert_eq!(observed(&all), (100, [ms(50), ms(90), ms(99)]));
        // One less than what is kept leaves the first of the hundred; one more leaves none.
        (1..=RECENT - 1).for_each(|_| all.add(ms(1)));
        assert_eq!((all.recent.len(), all.recent[0]), (RECENT, 100 * 37 % 101 * 1000));
        all.add(Duration::MAX);
        assert_eq!((all.recent.len(), all.recent[0]), (RECENT, 1000));
        assert_eq!(observed(&all).1, [ms(1); 3]);
    }
}
