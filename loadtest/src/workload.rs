//! What is asked: which verbs, about which codes.
//!
//! Knows neither connections nor time, nor which holds are open. A code that was given out by the
//! law *once* is never given out again, over all runs that share the codes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use jeton::client::{Confirm, Error, Id, Lane, Order, Release, Request, new_id};
use jeton::protocol::{Hold, Redeem, Validate};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};
use serde::{Deserialize, Serialize};
use smallvec::smallvec;

/// What the gates of the load call themselves.
const GATE: &str = "north-1";
/// How long holds last: longer than any run whose holds are looked at, so that none expires in it.
const HOLD_TTL_MS: u32 = 24 * 3_600 * 1_000;
/// How skewed the skewed law is: the k-th code is asked for k^-1 times as often as the first, as
/// with words, cities and dates of travel.
const SKEW: f64 = 1.0;

/// How codes are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Law {
    /// Each code once, in the order of the list
    Once,
    /// Any code, each as likely as the next
    Uniform,
    /// Any code, the earlier ones of the list far more often (Zipf)
    Skewed,
    /// Always the first
    Hot,
}

impl Law {
    /// Its name on the command line and in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Uniform => "uniform",
            Self::Skewed => "skewed",
            Self::Hot => "hot",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verb {
    /// Would it be yes?
    Validate,
    /// Take it
    Redeem,
    /// Take it for a while
    Hold,
    /// Make the oldest open hold a redemption; hold, where there is none
    Confirm,
    /// Give the oldest open hold back; hold, where there is none
    Release,
}

impl Verb {
    /// Every verb, in the order of their places in a [`Mix`].
    const ALL: [Self; 5] = [Self::Validate, Self::Redeem, Self::Hold, Self::Confirm, Self::Release];

    /// Its name on the command line and in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Redeem => "redeem",
            Self::Hold => "hold",
            Self::Confirm => "confirm",
            Self::Release => "release",
        }
    }
}

/// How often each verb is asked, in proportion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mix {
    /// By [`Verb::ALL`]; at least one is above 0.
    weights: [u32; Verb::ALL.len()],
}

impl Mix {
    /// So much of validate, redeem, hold, confirm and release; not 0 of everything.
    pub(crate) const fn of(weights: [u32; Verb::ALL.len()]) -> Self {
        Self { weights }
    }

    /// One verb only.
    pub(crate) const fn only(verb: Verb) -> Self {
        Self::of(match verb {
            Verb::Validate => [1, 0, 0, 0, 0],
            Verb::Redeem => [0, 1, 0, 0, 0],
            Verb::Hold => [0, 0, 1, 0, 0],
            Verb::Confirm => [0, 0, 0, 1, 0],
            Verb::Release => [0, 0, 0, 0, 1],
        })
    }

    /// For tables: `redeem`, or `validate=4,redeem=1`.
    pub(crate) fn name(self) -> String {
        let some: Vec<_> = self.weighted().filter(|(_, weight)| *weight > 0).collect();
        match some.as_slice() {
            [(only, _)] => only.name().to_owned(),
            some => {
                let parts = some.iter().map(|(verb, weight)| format!("{}={weight}", verb.name()));
                parts.collect::<Vec<_>>().join(",")
            }
        }
    }

    /// Whether holds are made: confirm and release need some.
    pub(crate) fn holds(self) -> bool {
        let [_, _, hold, confirm, release] = self.weights;
        [hold, confirm, release] != [0; 3]
    }

    /// Whether uses are given back, so that the same one can be had again.
    pub(crate) fn gives_back(self) -> bool {
        let [.., release] = self.weights;
        release > 0
    }

    fn weighted(self) -> impl Iterator<Item = (Verb, u32)> {
        Verb::ALL.into_iter().zip(self.weights)
    }

    pub(crate) fn pick(self, dice: &mut Dice) -> Verb {
        let all = self.weights.iter().copied().map(u64::from).sum();
        let mut left = dice.below(all);
        let fits = |(_, weight): &(Verb, u32)| match left.checked_sub(u64::from(*weight)) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        };
        self.weighted().find(fits).map_or(Verb::Validate, |(verb, _)| verb)
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights = [0; Verb::ALL.len()];
        for part in text.split(',') {
            let wrong = || format!("{part:?} is not VERB=N, such as validate=4");
            let (verb, weight) = part.split_once('=').ok_or_else(wrong)?;
            let verb = Verb::from_str(verb, false).map_err(|_wrong| wrong())?;
            let places = Verb::ALL.iter().zip(&mut weights);
            for (_, place) in places.filter(|(one, _)| **one == verb) {
                *place = weight.parse().map_err(|_wrong| wrong())?;
            }
        }
        if weights.iter().all(|weight| *weight == 0) {
            return Err("a mix needs a verb with a weight above 0".to_owned());
        }
        Ok(Self { weights })
    }
}

/// Codes, and how far the law *once* has got.
#[derive(Debug)]
pub(crate) struct Codes {
    texts: Vec<Box<str>>,
    next: AtomicUsize,
    /// Places from 1; absent where there is no code.
    skewed: Option<Zipf<f64>>,
}

impl Codes {
    fn of(texts: Vec<Box<str>>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "fewer than 2^32 codes")]
        let count = texts.len() as f64;
        Self { texts, next: AtomicUsize::new(0), skewed: Zipf::new(count, SKEW).ok() }
    }

    /// One hot code.
    pub(crate) fn one(code: &str) -> Self {
        Self::of(vec![code.into()])
    }

    /// Codes from a file, one a line.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let whence = || file.display().to_string();
        let mut texts = Vec::new();
        for line in BufReader::new(File::open(file).with_context(whence)?).lines() {
            let line = line.with_context(whence)?;
            let code = line.trim();
            if !code.is_empty() {
                texts.push(code.into());
            }
        }
        ensure!(!texts.is_empty(), "{} has no codes", whence());
        ensure!(u32::try_from(texts.len()).is_ok(), "{} has too many codes", whence());
        Ok(Self::of(texts))
    }

    /// The list, and its last quarter apart, for questions that must not meet the others' codes.
    pub(crate) fn split(self) -> (Self, Self) {
        let apart = self.texts.len() / 4;
        self.hold_out(apart)
    }

    /// The list, and its last `count` codes apart; all of them, where there are fewer.
    pub(crate) fn hold_out(mut self, count: usize) -> (Self, Self) {
        let apart = self.texts.split_off(self.texts.len().saturating_sub(count));
        (Self::of(self.texts), Self::of(apart))
    }

    /// How many.
    pub(crate) const fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn pick(&self, law: Law, dice: &mut Dice) -> Option<u32> {
        let place = match law {
            Law::Hot => 0,
            Law::Once => self.next.fetch_add(1, Ordering::Relaxed),
            Law::Uniform => {
                let below = dice.below(u64::try_from(self.texts.len()).unwrap_or(u64::MAX));
                usize::try_from(below).unwrap_or_default()
            }
            Law::Skewed => dice.skewed(self.skewed.as_ref()?),
        };
        u32::try_from(place).ok().filter(|_| place < self.texts.len())
    }

    /// The code at a place; "" where there is none.
    pub(crate) fn text(&self, place: u32) -> &str {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        self.texts.get(place).map_or("", |text| text)
    }
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) verb: Verb,
    /// The code's place in the list.
    pub(crate) code: u32,
    /// The request's own id; of confirm and release, the hold's. Validate has none.
    pub(crate) id: Id,
}

impl Question {
    /// A question that needs no hold.
    pub(crate) fn fresh(verb: Verb, code: u32) -> Self {
        let id = if verb == Verb::Validate { Id::default() } else { new_id() };
        Self { verb, code, id }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) codes: Arc<Codes>,
    pub(crate) law: Law,
    pub(crate) mix: Mix,
}

impl Workload {
    /// Asks on a lane. The answer is of use for `deadline_ms`; 0: whenever it comes.
    pub(crate) fn ask(
        &self,
        lane: &Lane,
        seq: u32,
        question: Question,
        deadline_ms: u32,
    ) -> Result<(), Error> {
        let Question { verb, code, id } = question;
        let codes = smallvec![self.codes.text(code)];
        let order = Order { gate: Some(GATE), ..Order::default() };
        lane.send(
            seq,
            &match verb {
                Verb::Validate => {
                    Request::Validate(Validate { deadline_ms, codes, order, ..Validate::default() })
                }
                Verb::Redeem => {
                    Request::Redeem(Redeem { deadline_ms, id, codes, order, ..Redeem::default() })
                }
                Verb::Hold => {
                    let ttl_ms = HOLD_TTL_MS;
                    Request::Hold(Hold { deadline_ms, id, codes, order, ttl_ms, ..Hold::default() })
                }
                Verb::Confirm => {
                    Request::Confirm(Confirm { deadline_ms, id, ..Confirm::default() })
                }
                Verb::Release => {
                    let release_id = new_id();
                    Request::Release(Release { deadline_ms, release_id, id, ..Release::default() })
                }
            },
        )
    }
}

/// Randomness for choosing: quick, the same in every run, and good for nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Dice(SmallRng);

impl Dice {
    /// Dice of their own for each `number`.
    pub(crate) fn new(number: u64) -> Self {
        Self(SmallRng::seed_from_u64(number))
    }

    /// Something below `end`, which is above 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.random_range(0..end.max(1))
    }

    /// A place from 0, by a distribution over places from 1.
    fn skewed(&mut self, places: &Zipf<f64>) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 1 to the number of codes"
        )]
        let place = places.sample(&mut self.0) as usize;
        place.saturating_sub(1)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails the test")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn workload(count: usize, law: Law, mix: &str) -> Workload {
        let codes = Arc::new(Codes::of((0..count).map(|n| n.to_string().into()).collect()));
        Workload { codes, law, mix: mix.parse().unwrap() }
    }

    fn tally(workload: &Workload, questions: usize) -> BTreeMap<u32, usize> {
        let mut dice = Dice::new(1);
        let mut tally = BTreeMap::new();
        for _ in 0..questions {
            if let Some(code) = workload.codes.pick(workload.law, &mut dice) {
                *tally.entry(code).or_default() += 1;
            }
        }
        tally
    }

    #[test]
    fn once_gives_each_code_once_and_then_none() {
        let workload = workload(10, Law::Once, "redeem=1");
        assert_eq!(tally(&workload.clone(), 7).len(), 7);
        assert_eq!(tally(&workload, 7), BTreeMap::from([(7, 1), (8, 1), (9, 1)]));
    }

    #[test]
    fn a_split_shares_nothing() {
        let nine = || Codes::of((0..9).map(|n| n.to_string().into()).collect());
        let (most, rest) = nine().split();
        assert_eq!((most.len(), rest.len()), (7, 2));
        assert_eq!((most.text(6), rest.text(0)), ("6", "7"));
        let (none, all) = nine().hold_out(10);
        assert_eq!((none.len(), all.len()), (0, 9));
        assert_eq!(none.pick(Law::Skewed, &mut Dice::new(1)), None);
    }

    #[test]
    fn uniform_and_hot_are_what_they_say() {
        let uniform = tally(&workload(10, Law::Uniform, "redeem=1"), 10_000);
        assert_eq!(uniform.len(), 10);
        assert!(uniform.values().all(|count| (900..1_100).contains(count)), "{uniform:?}");
        let hot = tally(&workload(10, Law::Hot, "redeem=1"), 100);
        assert_eq!(hot, BTreeMap::from([(0, 100)]));
    }

    #[test]
    fn skewed_follows_its_law() {
        // With exponent 1 the k-th of ten gets 1/k of 2.929: 3,414, 1,707, 1,138 … of 10,000.
        let skewed = tally(&workload(10, Law::Skewed, "redeem=1"), 10_000);
        for (place, expected) in [(0, 3_414), (1, 1_707), (2, 1_138), (9, 341)] {
            let found = skewed[&place];
            assert!(found.abs_diff(expected) < expected / 5, "{place}: {found}, {expected}");
        }
        assert!(skewed.keys().all(|place| *place < 10), "{skewed:?}");
    }

    #[test]
    fn a_mix_keeps_its_proportions() {
        let mix: Mix = "validate=4,hold=3,confirm=2,release=1".parse().unwrap();
        let mut dice = Dice::new(7);
        let mut asked = [0; Verb::ALL.len()];
        for _ in 0..10_000 {
            let verb = mix.pick(&mut dice);
            asked[Verb::ALL.iter().position(|one| *one == verb).unwrap()] += 1;
        }
        for (asked, expected) in asked.into_iter().zip([4_000_i32, 0, 3_000, 2_000, 1_000]) {
            assert!((asked - expected).abs() <= expected / 10, "{asked}, {expected}");
        }
        assert_eq!(mix.name(), "validate=4,hold=3,confirm=2,release=1");
        assert!(mix.holds() && mix.gives_back());
        let redeem: Mix = "redeem=3".parse().unwrap();
        assert_eq!(redeem.name(), "redeem");
        assert!(!redeem.holds() && !redeem.gives_back());
        for verb in Verb::ALL {
            assert_eq!(Mix::only(verb).pick(&mut dice), verb);
        }
        for wrong in ["", "redeem", "redeem=0", "take=1", "redeem=x"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }
}
