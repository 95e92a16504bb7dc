//! Times, of which there may be any number.

use std::time::Duration;

/// Buckets of a factor: a percentile is exact to 3 %.
const PER_FACTOR_E: f64 = 32.0;

#[derive(Debug, Default, Clone)]
pub struct Latencies {
    buckets: Vec<u64>,
    pub count: u64,
}

impl Latencies {
    pub fn add(&mut self, time: Duration) {
        let bucket = ((time.as_secs_f64() * 1e6).max(1.0).ln() * PER_FACTOR_E).ceil() as usize;
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
    }

    /// Milliseconds which so much of them took at most.
    pub fn percentile(&self, share: f64) -> f64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        bucket.map_or(0.0, |bucket| (bucket as f64 / PER_FACTOR_E).exp() / 1e3)
    }
}
