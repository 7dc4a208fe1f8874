//! What is counted while loading: latencies, yes and no, and whether no use was given twice.
//!
//! Knows no sockets and reads no clock; moments are nanoseconds since the run began.
//!
//! Invariant: every request that was asked is in exactly one of yes, no, errors and unknown.

mod series;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

pub(crate) use series::{Second, Series};

/// Longest latency that is told apart from longer ones, in nanoseconds: a minute.
const LATENCY_NS_MAX: u64 = 60_000_000_000;
/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// Most uses of one hot code that are told apart: 128 MiB of bits.
const HOT_ORDINALS_MAX: u64 = 1 << 30;
/// Most uses of many codes that are told apart: a few hundred MiB.
const ORDINALS_MAX: usize = 1 << 24;

/// Latencies.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1, LATENCY_NS_MAX, DIGITS)?))
    }

    /// One more; what is too long counts as the longest.
    pub(crate) fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns.max(1));
    }

    /// All of the other's, too.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    /// How many.
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// The figures that are reported, if there are any.
    pub(crate) fn some_quantiles(&self) -> Option<Quantiles> {
        (!self.0.is_empty()).then(|| self.quantiles())
    }

    /// For a plot: shares from 0 up to the last one that a single latency can tell, each with the
    /// latency that it did not exceed; eight of them for each further nine.
    pub(crate) fn percentiles(&self) -> Vec<Percentile> {
        /// Enough for a smooth line.
        const POINTS: u32 = 8;
        let (mut points, count) = (Vec::new(), self.0.len());
        let round = |share: f64| (share * 1e9).round() / 1e9;
        for step in 0_u32.. {
            let left = 10_f64.powf(-f64::from(step) / f64::from(POINTS));
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52 latencies")]
            if left * (count as f64) < 1.0 {
                break;
            }
            let share = 1.0 - left;
            points.push(Percentile(round(share), micros(self.0.value_at_quantile(share))));
        }
        if count > 0 {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52 latencies")]
            points.push(Percentile(round(1.0 - 1.0 / count as f64), micros(self.0.max())));
        }
        points
    }

    /// The figures that are reported.
    pub(crate) fn quantiles(&self) -> Quantiles {
        let at = |quantile| micros(self.0.value_at_quantile(quantile));
        Quantiles {
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: micros(self.0.max()),
        }
    }
}

/// Microseconds with one decimal.
#[expect(clippy::cast_precision_loss, reason = "a minute in nanoseconds is far below 2^52")]
fn micros(ns: u64) -> f64 {
    (ns as f64 / 100.0).round() / 10.0
}

/// A share of latencies, and the latency in microseconds that it did not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Percentile(pub(crate) f64, pub(crate) f64);

/// Latencies in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_us: f64,
    pub(crate) p90_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

/// What is counted of one part of a run: its warm-up, or what is measured.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Of requests that were answered yes.
    pub(crate) accepted: Latencies,
    /// Of requests that were refused.
    pub(crate) refused: Latencies,
    pub(crate) asked: u64,
    pub(crate) yes: u64,
    /// By reason.
    pub(crate) no: BTreeMap<Box<str>, u64>,
    /// Refusals that the same request would meet again.
    pub(crate) no_for_good: u64,
    /// Answers that were those of an earlier request, though no id was used twice.
    pub(crate) replayed: u64,
    /// Protocol errors, and requests that could not be sent.
    pub(crate) errors: u64,
    /// The first of them.
    pub(crate) first_error: Option<String>,
    /// Requests that nobody answered.
    pub(crate) unknown: u64,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            accepted: Latencies::new()?,
            refused: Latencies::new()?,
            asked: 0,
            yes: 0,
            no: BTreeMap::new(),
            no_for_good: 0,
            replayed: 0,
            errors: 0,
            first_error: None,
            unknown: 0,
        })
    }

    /// A refusal.
    pub(crate) fn refuse(&mut self, reason: &str, is_transient: bool) {
        self.no_for_good += u64::from(!is_transient);
        match self.no.get_mut(reason) {
            Some(count) => *count += 1,
            None => _ = self.no.insert(reason.into(), 1),
        }
    }

    /// Something that is neither yes nor no.
    pub(crate) fn fail(&mut self, why: impl FnOnce() -> String) {
        self.errors += 1;
        self.first_error.get_or_insert_with(why);
    }

    /// Yes and no together.
    pub(crate) fn latencies(&self) -> anyhow::Result<Latencies> {
        let mut all = self.accepted.clone();
        all.add(&self.refused)?;
        Ok(all)
    }

    /// All of the other's, too.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.accepted.add(&other.accepted)?;
        self.refused.add(&other.refused)?;
        self.asked += other.asked;
        self.yes += other.yes;
        for (reason, count) in &other.no {
            *self.no.entry(reason.clone()).or_default() += count;
        }
        self.no_for_good += other.no_for_good;
        self.replayed += other.replayed;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or_else(|| other.first_error.clone());
        self.unknown += other.unknown;
        Ok(())
    }
}

/// Which uses were given, to prove that none was given twice.
#[derive(Debug)]
pub(crate) struct Ordinals(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    uses: Uses,
    ordinals: OrdinalsSeen,
}

#[derive(Debug)]
enum Uses {
    /// A bit for each use of the one code.
    Hot(Vec<u64>),
    /// Code and use.
    Many(HashSet<(u32, u64)>),
}

impl Default for Uses {
    fn default() -> Self {
        Self::Many(HashSet::new())
    }
}

/// What is known of the uses that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct OrdinalsSeen {
    /// Different ones.
    pub(crate) different: u64,
    /// Ones that had been given before: each breaks a promise.
    pub(crate) twice: u64,
    /// Ones beyond what is remembered; not checked.
    pub(crate) unchecked: u64,
    /// The lowest.
    pub(crate) first: u64,
    /// The highest.
    pub(crate) last: u64,
}

impl Ordinals {
    /// For uses of one code.
    pub(crate) fn hot() -> Self {
        Self(Mutex::new(Seen { uses: Uses::Hot(Vec::new()), ..Seen::default() }))
    }

    /// For uses of many codes.
    pub(crate) fn many() -> Self {
        Self(Mutex::default())
    }

    /// Takes down the uses of one batch of answers: the code's place, and the ordinal.
    pub(crate) fn note(&self, uses: impl IntoIterator<Item = (u32, u64)>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, ordinal) in uses {
            seen.note(code, ordinal);
        }
    }

    /// What is known now.
    pub(crate) fn seen(&self) -> OrdinalsSeen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ordinals
    }
}

impl Seen {
    fn note(&mut self, code: u32, ordinal: u64) {
        let is_new = match &mut self.uses {
            Uses::Hot(bits) => set(bits, ordinal),
            Uses::Many(uses) if uses.len() < ORDINALS_MAX => Some(uses.insert((code, ordinal))),
            Uses::Many(_) => None,
        };
        let ordinals = &mut self.ordinals;
        match is_new {
            Some(true) => ordinals.different += 1,
            Some(false) => ordinals.twice += 1,
            None => ordinals.unchecked += 1,
        }
        ordinals.last = ordinals.last.max(ordinal);
        ordinals.first = if ordinals.first == 0 { ordinal } else { ordinals.first.min(ordinal) };
    }
}

/// Sets a bit; whether it was clear. `None` when it is too far away.
fn set(bits: &mut Vec<u64>, ordinal: u64) -> Option<bool> {
    if ordinal >= HOT_ORDINALS_MAX {
        return None;
    }
    let place = usize::try_from(ordinal / 64).ok()?;
    if bits.len() <= place {
        bits.resize(place + 1, 0);
    }
    let word = bits.get_mut(place)?;
    let bit = 1 << (ordinal % 64);
    let is_new = *word & bit == 0;
    *word |= bit;
    Some(is_new)
}

/// The middle one; of two middles, what lies halfway between them.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let at = |place: usize| figures.get(place).copied().unwrap_or_default();
    let len = figures.len();
    f64::midpoint(at(len.saturating_sub(1) / 2), at(len / 2))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_use_given_twice_is_noticed() {
        for ordinals in [Ordinals::hot(), Ordinals::many()] {
            ordinals.note([(0, 3), (0, 1), (0, 2)]);
            ordinals.note([(0, 2)]);
            let seen = ordinals.seen();
            assert_eq!((seen.different, seen.twice, seen.first, seen.last), (3, 1, 1, 3));
        }
        let many = Ordinals::many();
        many.note([(0, 1), (1, 1), (2, 1)]);
        assert_eq!((many.seen().different, many.seen().twice), (3, 0));
        let far = Ordinals::hot();
        far.note([(0, HOT_ORDINALS_MAX)]);
        assert_eq!((far.seen().different, far.seen().unchecked), (0, 1));
    }

    #[test]
    fn latencies_are_told_in_microseconds() {
        let mut latencies = Latencies::new().unwrap();
        (1..=1_000).for_each(|us| latencies.record(us * 1_000));
        let quantiles = latencies.quantiles();
        assert!((499.0..502.0).contains(&quantiles.p50_us), "{quantiles:?}");
        assert!((989.0..992.0).contains(&quantiles.p99_us), "{quantiles:?}");
        assert!((999.0..1_001.0).contains(&quantiles.max_us), "{quantiles:?}");
        latencies.record(u64::MAX);
        assert!(latencies.quantiles().max_us >= 60_000_000.0);
    }

    #[test]
    fn percentiles_go_as_far_as_there_are_latencies() {
        let mut latencies = Latencies::new().unwrap();
        assert_eq!((latencies.percentiles(), latencies.some_quantiles()), (vec![], None));
        (1..=1_000).for_each(|us| latencies.record(us * 1_000));
        let points = latencies.percentiles();
        assert_eq!(points.len(), 3 * 8 + 1 + 1, "three nines, the first point and the last");
        assert!(points.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "{points:?}");
        assert!((points[8].0 - 0.9).abs() < 1e-9 && (899.0..902.0).contains(&points[8].1));
        let Percentile(share, us) = *points.last().unwrap();
        assert!((share - 0.999).abs() < 1e-9 && us >= 1_000.0, "{share} {us}");
    }

    #[test]
    fn medians() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }
}
