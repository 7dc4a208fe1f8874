//! What happened over time.
//!
//! A run is told in as many stretches as can be told apart when they are drawn, whatever it takes:
//! tenths of a second where that is all it takes, minutes where it takes hours.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{LATENCY_NS_MAX, micros};

/// Most stretches of a run.
const STRETCHES_MAX: u64 = 120;
/// Lengths of a stretch, in nanoseconds, times a power of ten.
const LENGTHS_NS: [u64; 3] = [100_000_000, 200_000_000, 500_000_000];
/// Latencies below this are not told apart, in nanoseconds.
const LATENCY_NS_MIN: u64 = 1_000;
/// Digits of a latency that are kept; enough for a plot, and a tenth of the room of three.
const DIGITS: u8 = 2;
const SECOND_NS: u64 = 1_000_000_000;

/// Counts by the stretch of what is measured.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    begin_ns: u64,
    stretch_ns: u64,
    stretches: Vec<Stretch>,
}

#[derive(Debug, Clone, Default)]
struct Stretch {
    due: u64,
    answered: u64,
    refused: u64,
    /// Of requests that were due in it; made when there is one.
    latencies: Option<Histogram<u32>>,
}

/// One stretch. Rates are a second's, whatever its length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Second {
    /// Its beginning, in seconds since the measured time began.
    pub(crate) at_s: f64,
    /// Questions that were due; absent in a closed loop.
    pub(crate) offered_per_s: Option<f64>,
    /// Answers that came.
    pub(crate) answered_per_s: f64,
    /// Refusals among them.
    pub(crate) refused_per_s: f64,
    /// Of questions that were due in it; absent where none was answered.
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
}

impl Series {
    /// Nothing yet, of `seconds` that begin at `begin_ns`.
    pub(crate) fn new(begin_ns: u64, seconds: u32) -> Self {
        let length_ns = u64::from(seconds.max(1)) * SECOND_NS;
        let tens = (0..).map(|power| 10_u64.saturating_pow(power));
        let mut lengths = tens.flat_map(|ten| LENGTHS_NS.map(|ns| ns.saturating_mul(ten)));
        let fits = |ns: &u64| length_ns.div_ceil(*ns) <= STRETCHES_MAX;
        let stretch_ns = lengths.find(fits).unwrap_or(length_ns);
        let count = usize::try_from(length_ns.div_ceil(stretch_ns)).unwrap_or_default();
        Self { begin_ns, stretch_ns, stretches: vec![Stretch::default(); count] }
    }

    fn at(&mut self, ns: u64) -> Option<&mut Stretch> {
        let place = ns.checked_sub(self.begin_ns)? / self.stretch_ns;
        self.stretches.get_mut(usize::try_from(place).ok()?)
    }

    /// A question was due.
    pub(crate) fn due(&mut self, due_ns: u64) {
        if let Some(stretch) = self.at(due_ns) {
            stretch.due += 1;
        }
    }

    /// The answer to what was due then came now.
    pub(crate) fn answered(&mut self, due_ns: u64, now_ns: u64, is_refusal: bool) {
        if let Some(stretch) = self.at(now_ns) {
            stretch.answered += 1;
            stretch.refused += u64::from(is_refusal);
        }
        if let Some(stretch) = self.at(due_ns) {
            if stretch.latencies.is_none() {
                stretch.latencies = empty();
            }
            if let Some(latencies) = &mut stretch.latencies {
                latencies.saturating_record(now_ns.saturating_sub(due_ns).max(1));
            }
        }
    }

    /// All of the other's, too; the other is of the same time.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        for (mine, other) in self.stretches.iter_mut().zip(&other.stretches) {
            mine.due += other.due;
            mine.answered += other.answered;
            mine.refused += other.refused;
            match (&mut mine.latencies, &other.latencies) {
                (Some(mine), Some(other)) => mine.add(other)?,
                (mine, Some(other)) => *mine = Some(other.clone()),
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// What is drawn, of what lies before `end_ns`.
    pub(crate) fn seconds(&self, is_open: bool, end_ns: u64) -> Vec<Second> {
        let length_ns = end_ns.saturating_sub(self.begin_ns);
        let begins = (0..).map(|nth: u64| nth * self.stretch_ns);
        let told = self.stretches.iter().zip(begins).take_while(|(_, begin)| *begin < length_ns);
        told.map(|(stretch, begin_ns)| {
            // The last one may be cut short.
            let seconds = seconds(self.stretch_ns.min(length_ns - begin_ns));
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let per_s = |count: u64| (count as f64 / seconds * 10.0).round() / 10.0;
            let at = |quantile| {
                let latencies = stretch.latencies.as_ref();
                latencies.map(|latencies| micros(latencies.value_at_quantile(quantile)))
            };
            Second {
                at_s: self::seconds(begin_ns),
                offered_per_s: is_open.then(|| per_s(stretch.due)),
                answered_per_s: per_s(stretch.answered),
                refused_per_s: per_s(stretch.refused),
                p50_us: at(0.5),
                p99_us: at(0.99),
            }
        })
        .collect()
    }
}

/// Where the bounds are wrong, which they are not, no latencies are drawn.
fn empty() -> Option<Histogram<u32>> {
    Histogram::new_with_bounds(LATENCY_NS_MIN, LATENCY_NS_MAX, DIGITS).ok()
}

fn seconds(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails the test")]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own() {
        let mut series = Series::new(SECOND_NS, 120);
        let (before, first, second) = (SECOND_NS - 1, SECOND_NS, 2 * SECOND_NS);
        series.due(before);
        series.due(first);
        series.answered(before, first + 1, true);
        let mut other = series.clone();
        other.answered(first, second + 5_000_000, false);
        series.add(&other).unwrap();
        let found = series.seconds(true, 3 * SECOND_NS + SECOND_NS / 2);
        assert_eq!(found.len(), 3);
        let rates = |one: &Second| (one.offered_per_s, one.answered_per_s, one.refused_per_s);
        assert_eq!(rates(&found[0]), (Some(2.0), 2.0, 2.0), "of both");
        assert_eq!(rates(&found[1]), (Some(0.0), 1.0, 0.0));
        let p50_us = found[0].p50_us.unwrap();
        assert!((1_000_000.0..1_020_000.0).contains(&p50_us), "by when it was due: {p50_us}");
        assert_eq!((found[1].p50_us, found[2].at_s), (None, 2.0));
        assert_eq!(series.seconds(false, 2 * SECOND_NS)[0].offered_per_s, None);
    }

    #[test]
    fn stretches_are_as_long_as_the_run_needs() {
        for (seconds, count, second_at_s) in
            [(1, 10, 0.1), (12, 120, 0.1), (13, 65, 0.2), (60, 120, 0.5), (86_400, 87, 1_000.0)]
        {
            let mut series = Series::new(0, seconds);
            (0..1_000).for_each(|ms| series.due(ms * 1_000_000));
            let found = series.seconds(true, u64::from(seconds) * SECOND_NS);
            assert_eq!((found.len(), found[1].at_s), (count, second_at_s));
            let of_first = if second_at_s > 1.0 { 1.0 } else { 1_000.0 };
            assert_eq!(found[0].offered_per_s, Some(of_first), "a second's rate");
        }
    }
}
