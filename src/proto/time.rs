//! Time as the engines know it: numbers that come in with every input.

use std::ops::{Add, Sub};
use std::time::Duration;

use crate::wire::UnixTime;

/// A point in time, in nanoseconds since a start that the driver chose. It never goes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// The driver's start.
    pub const ZERO: Self = Self(0);

    /// The point this long after the driver's start.
    #[must_use]
    pub fn after_start(elapsed: Duration) -> Self {
        Self(nanoseconds(elapsed))
    }

    /// The same as a number, and back.
    pub(super) fn nanos(self) -> u64 {
        self.0
    }

    pub(super) fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
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

/// The two clocks, read together.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub at: Instant,
    /// For what a user reads.
    pub unix: UnixTime,
}
