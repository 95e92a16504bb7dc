//! Time as the engines know it: numbers that come in with every input.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time, in nanoseconds since a start that the driver chose. It never goes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// The point this long after the driver's start.
    #[must_use]
    pub fn after_start(elapsed: Duration) -> Self {
        Self(nanoseconds(elapsed))
    }

    /// The time since the driver's start.
    #[must_use]
    pub fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(duration)))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// 584 years fit; a longer duration is cut to that.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A wall-clock time, in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(i64);

impl UnixTime {
    /// From microseconds since the epoch.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// From seconds since the epoch, to the microsecond; `None` for what is no such time.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let micros = (seconds * 1e6).round();
        // Past 2^53 microseconds (the year 2255) a double no longer holds each one.
        #[allow(clippy::cast_possible_truncation)]
        (micros.abs() < 9_007_199_254_740_992.0).then_some(Self(micros as i64))
    }

    /// Seconds since the epoch.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// The two clocks, read together.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub at: Instant,
    /// For what a user reads.
    pub unix: UnixTime,
}
