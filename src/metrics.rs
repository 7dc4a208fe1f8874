//! What is measured: names, buckets, and handles that are looked up once.
//!
//! Hot paths hold handles; nothing here is looked up by name per request. Labels come from closed sets, or from a
//! bounded set that the configuration names; never from a code, a device or a caller.

use std::time::Instant;

/// Measures how long something takes. For metrics and time-outs only; decisions use the clock that they are given.
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
