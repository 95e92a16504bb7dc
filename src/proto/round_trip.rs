//! How long to wait for an ack before sending again: RFC 6298, with bounds of our own.

use std::time::Duration;

/// Before anything was measured. RFC 6298 says one second, for networks at large; a path is given
/// up after 500 ms, so that this leaves room for three tries.
const FIRST: Duration = Duration::from_millis(100);

/// An ack is made by a thread that has to wake up first.
const FLOOR: Duration = Duration::from_millis(10);

/// Also where the interval stops doubling: as often as a classic client asks.
const CEILING: Duration = Duration::from_millis(500);

/// The estimator of one path.
#[derive(Debug, Default)]
pub(super) struct RoundTrip {
    measured: Option<Measured>,
}

#[derive(Debug)]
struct Measured {
    smoothed: Duration,
    variation: Duration,
}

impl RoundTrip {
    /// A datagram that was sent once was acknowledged after this time (Karn's algorithm: of one
    /// that was sent twice nobody knows which was acknowledged).
    pub(super) fn measure(&mut self, sample: Duration) {
        match &mut self.measured {
            None => self.measured = Some(Measured { smoothed: sample, variation: sample / 2 }),
            Some(Measured { smoothed, variation }) => {
                *variation = (*variation * 3 + smoothed.abs_diff(sample)) / 4;
                *smoothed = (*smoothed * 7 + sample) / 8;
            }
        }
    }

    /// How long to wait for the ack of a datagram that was sent so often: twice as long each time.
    pub(super) fn timeout(&self, sent: u32) -> Duration {
        let first = self.measured.as_ref().map_or(FIRST, |measured| {
            (measured.smoothed + measured.variation * 4).clamp(FLOOR, CEILING)
        });
        first.saturating_mul(1 << sent.saturating_sub(1).min(16)).min(CEILING)
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
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.timeout(1), FIRST);
        round_trip.measure(ms(40));
        assert_eq!(round_trip.timeout(1), ms(40 + 4 * 20));
        for _ in 0..100 {
            round_trip.measure(ms(40));
        }
        assert!(round_trip.timeout(1) < ms(45));
        for _ in 0..100 {
            round_trip.measure(Duration::from_micros(50));
        }
        assert_eq!(round_trip.timeout(1), FLOOR);
        for _ in 0..100 {
            round_trip.measure(ms(5000));
        }
        assert_eq!(round_trip.timeout(1), CEILING);
    }

    #[test]
    fn it_doubles_with_each_try_up_to_the_ceiling() {
        let round_trip = RoundTrip::default();
        let timeouts: Vec<_> = (1..=5).map(|sent| round_trip.timeout(sent)).collect();
        assert_eq!(timeouts, [ms(100), ms(200), ms(400), CEILING, CEILING]);
    }
}
