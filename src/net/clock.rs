//! The two clocks, and local time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local, NaiveDateTime, TimeZone as _};

use crate::proto::{Instant, Now, UnixTime};

/// The clocks of one endpoint.
#[derive(Debug)]
pub(super) struct Clock {
    start: std::time::Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { start: std::time::Instant::now() }
    }

    pub(super) fn now(&self) -> Now {
        let unix = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        };
        Now { at: Instant::after_start(self.start.elapsed()), unix: UnixTime::from_micros(unix) }
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
