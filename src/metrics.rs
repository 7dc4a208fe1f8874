//! What is measured: names, buckets, and handles that are looked up once.
//!
//! Hot paths hold handles; nothing here is looked up by name per request. Labels come from closed
//! sets, or from a bounded set that the configuration names; never from a code, a device or a
//! caller.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Measures how long something takes. For metrics and time-outs only; decisions use the clock that
/// they are given.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to measure.
    #[expect(clippy::disallowed_methods, reason = "the one place that measures durations")]
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since it began.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// Upper bounds of the buckets of request latencies, in seconds.
const LATENCY_BOUNDS: [f64; 16] = [
    5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1,
    0.25, 1.0,
];

/// Of each bucket, and of what lies beyond the last bound, how often.
type Counts<T> = [T; LATENCY_BOUNDS.len() + 1];

/// Parts of a histogram, so that threads seldom write to the same line of the cache.
const STRIPES: usize = 8;

/// A histogram of how long requests of one verb took at one door.
///
/// Recording costs two uncontended additions and keeps nothing, unlike a general histogram, which
/// keeps every value until it is scraped.
pub struct Latency {
    door: &'static str,
    verb: &'static str,
    stripes: [Stripe; STRIPES],
}

#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    counts: Counts<AtomicU64>,
    nanoseconds: AtomicU64,
}

static LATENCIES: Mutex<Vec<&'static Latency>> = Mutex::new(Vec::new());

impl Latency {
    /// The histogram of a verb at a door; the same one for the same names. There are as many as
    /// doors and verbs, and they stay.
    #[must_use]
    pub fn of(door: &'static str, verb: &'static str) -> &'static Self {
        let mut all = LATENCIES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|known| known.door == door && known.verb == verb) {
            return known;
        }
        let new = &*Box::leak(Box::new(Self { door, verb, stripes: Default::default() }));
        all.push(new);
        new
    }

    /// Records one request.
    pub fn record(&self, seconds: f64) {
        let bucket = LATENCY_BOUNDS.partition_point(|bound| *bound < seconds);
        let worker = tokio::runtime::worker_index().unwrap_or_default();
        let Some(stripe) = self.stripes.get(worker % STRIPES) else { return };
        if let Some(count) = stripe.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "no request lasts for centuries, and none takes less than no time"
        )]
        let nanoseconds = (seconds * 1e9) as u64;
        stripe.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    fn counts(&self) -> Counts<u64> {
        let mut sums = Counts::default();
        for stripe in &self.stripes {
            for (sum, count) in sums.iter_mut().zip(&stripe.counts) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        sums
    }

    fn write(&self, out: &mut String) {
        let (door, verb, counts) = (self.door, self.verb, self.counts());
        let mut total = 0;
        for (bound, count) in LATENCY_BOUNDS.iter().zip(counts) {
            total += count;
            // Writing into a text does not fail.
            let _ = writeln!(
                out,
                "jeton_request_seconds_bucket{{door=\"{door}\",verb=\"{verb}\",le=\"{bound}\"}} {total}"
            );
        }
        let total: u64 = counts.iter().sum();
        let nanoseconds = self.stripes.iter().map(|s| s.nanoseconds.load(Ordering::Relaxed));
        let nanoseconds: u64 = nanoseconds.sum();
        #[expect(clippy::cast_precision_loss, reason = "a sum of seconds for people")]
        let seconds = nanoseconds as f64 / 1e9;
        let labels = format!("door=\"{door}\",verb=\"{verb}\"");
        let _ = writeln!(out, "jeton_request_seconds_bucket{{{labels},le=\"+Inf\"}} {total}");
        let _ = writeln!(out, "jeton_request_seconds_sum{{{labels}}} {seconds}");
        let _ = writeln!(out, "jeton_request_seconds_count{{{labels}}} {total}");
    }
}

/// How long requests of one verb at one door took so far: how many fell into each bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyCounts {
    /// The door.
    pub door: &'static str,
    /// The verb.
    pub verb: &'static str,
    counts: Counts<u64>,
}

impl LatencyCounts {
    /// Those of all verbs at all doors.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let all = LATENCIES.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|one| Self { door: one.door, verb: one.verb, counts: one.counts() })
            .collect()
    }

    /// What came since `earlier`, if that is of the same door and verb.
    #[must_use]
    pub fn since(&self, earlier: &[Self]) -> Self {
        let mut new = self.clone();
        let is_same = |other: &&Self| (other.door, other.verb) == (self.door, self.verb);
        if let Some(earlier) = earlier.iter().find(is_same) {
            for (count, before) in new.counts.iter_mut().zip(&earlier.counts) {
                *count = count.saturating_sub(*before);
            }
        }
        new
    }

    /// How many requests there were.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The seconds that this share of requests, 0 to 1, took at most: between the bounds of its
    /// bucket as if its requests lay evenly there; beyond the last bound, that bound.
    #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
    #[must_use]
    pub fn quantile_seconds(&self, share: f64) -> f64 {
        let rank = share * self.len() as f64;
        let (mut below, mut lower) = (0.0, 0.0);
        for (count, bound) in self.counts.iter().zip(LATENCY_BOUNDS) {
            let count = *count as f64;
            if count > 0.0 && below + count >= rank {
                return lower + (bound - lower) * ((rank - below) / count).max(0.0);
            }
            below += count;
            lower = bound;
        }
        lower
    }
}

/// All latencies in Prometheus' text format.
#[must_use]
pub fn latencies_text() -> String {
    let mut out = String::new();
    out.push_str(
        "# HELP jeton_request_seconds How long requests took, from read to ready to be written.\n",
    );
    out.push_str("# TYPE jeton_request_seconds histogram\n");
    for latency in LATENCIES.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        latency.write(&mut out);
    }
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a panic is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_in_their_bucket() {
        let latency = Latency::of("test", "quantiles");
        let before = LatencyCounts::all();
        for _ in 0..90 {
            latency.record(0.000_2);
        }
        for _ in 0..10 {
            latency.record(0.02);
        }
        let own = |all: Vec<LatencyCounts>| all.into_iter().find(|one| one.verb == "quantiles");
        let new = own(LatencyCounts::all()).unwrap().since(&before);
        assert_eq!(new.len(), 100);
        let (median, high) = (new.quantile_seconds(0.5), new.quantile_seconds(0.99));
        assert!((0.000_1..=0.000_25).contains(&median), "{median}");
        assert!((0.01..=0.025).contains(&high), "{high}");
        assert!(new.since(std::slice::from_ref(&new)).is_empty());
    }
}
