//! What is counted while loading: latencies, yes and no, and whether no use was given twice.
//!
//! Knows no sockets and reads no clock; moments are nanoseconds since the run began.
//!
//! Invariant: every request that was asked is in exactly one of yes, no, errors and unknown.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;
use serde::Serialize;

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

/// Latencies in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_us: f64,
    pub(crate) p90_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

/// What one lane counts.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Of requests that were due in the measured window.
    pub(crate) latencies: Latencies,
    /// Answers that came in the measured window.
    pub(crate) answered_in_window: u64,
    pub(crate) asked: u64,
    pub(crate) yes: u64,
    /// By reason.
    pub(crate) refused: BTreeMap<Box<str>, u64>,
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
            latencies: Latencies::new()?,
            answered_in_window: 0,
            asked: 0,
            yes: 0,
            refused: BTreeMap::new(),
            replayed: 0,
            errors: 0,
            first_error: None,
            unknown: 0,
        })
    }

    /// A refusal.
    pub(crate) fn refuse(&mut self, reason: &str) {
        match self.refused.get_mut(reason) {
            Some(count) => *count += 1,
            None => {
                self.refused.insert(reason.into(), 1);
            }
        }
    }

    /// Something that is no answer.
    pub(crate) fn fail(&mut self, why: impl FnOnce() -> String) {
        self.errors += 1;
        self.first_error.get_or_insert_with(why);
    }

    /// All that another lane counted, too.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.latencies.add(&other.latencies)?;
        self.answered_in_window += other.answered_in_window;
        self.asked += other.asked;
        self.yes += other.yes;
        for (reason, count) in &other.refused {
            *self.refused.entry(reason.clone()).or_default() += count;
        }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
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

/// The middle one, and of two middles the lower.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
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
    fn medians() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0]) - 1.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }
}
