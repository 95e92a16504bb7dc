//! The two clocks, and local time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local, NaiveDateTime, TimeZone as _};

use crate::proto::{Instant, Now, UnixTime};

/// For how long after the calendar was looked at the other clock says what it shows by now: so it is not looked at
/// for each message, and somebody who sets it is noticed a millisecond later.
const GLANCE: i64 = 1000;

/// How long it may take to look at both of them, in microseconds, if one is to say what the other one shows.
const AT_ONCE: i64 = 20;

/// The clocks of one endpoint.
#[derive(Debug)]
pub(super) struct Clock {
    start: std::time::Instant,
    /// When the calendar was looked at last, in microseconds since the start, and how many more it showed, since the
    /// Unix epoch. Who reads one of the two before they change and one after that is off by how far the clocks have
    /// drifted apart in between.
    looked_at: AtomicI64,
    ahead: AtomicI64,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            start: std::time::Instant::now(),
            looked_at: AtomicI64::new(-GLANCE),
            ahead: AtomicI64::new(0),
        }
    }

    pub(super) fn now(&self) -> Now {
        let since = self.start.elapsed();
        let at = micros(since);
        let unix = if at - self.looked_at.load(Ordering::Relaxed) < GLANCE {
            at.saturating_add(self.ahead.load(Ordering::Relaxed))
        } else {
            self.look(at)
        };
        Now { at: Instant::after_start(since), unix: UnixTime::from_micros(unix) }
    }

    /// Looks at the calendar.
    fn look(&self, at: i64) -> i64 {
        let unix = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        };
        // Else this thread was held up in between.
        if micros(self.start.elapsed()) - at <= AT_ONCE {
            self.ahead.store(unix.saturating_sub(at), Ordering::Relaxed);
            self.looked_at.store(at, Ordering::Relaxed);
        }
        unix
    }
}

/// As many as there are; of times that no clock shows, the last.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A time as it reads in this machine's time zone: `YYYY-MM-DD HH:MM:SS`.
pub(crate) fn local_stamp(time: UnixTime) -> String {
    let time = DateTime::from_timestamp_micros(time.as_micros()).unwrap_or_default();
    time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The time as the standard library has it.
pub(crate) fn system_time(time: UnixTime) -> SystemTime {
    DateTime::from_timestamp_micros(time.as_micros()).unwrap_or_default().into()
}

/// The time that reads so in this machine's time zone; the earlier one where two do, and none where
/// the clocks skip it.
pub(crate) fn system_time_from_local(time: NaiveDateTime) -> Option<SystemTime> {
    Local.from_local_datetime(&time).earliest().map(SystemTime::from)
}
