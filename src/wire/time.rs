//! Wall-clock times, as they stand on the wire and in a mailbox.

/// A wall-clock time, in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The first of January 1970, 00:00 UTC.
    pub const EPOCH: Self = Self(0);

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
