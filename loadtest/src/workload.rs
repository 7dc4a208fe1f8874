//! What is asked: which verbs, about which codes.
//!
//! Knows neither connections nor time. A code that was given out by the law *once* is never given
//! out again, over all runs that share the codes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use jeton::client::{Error, Lane, Order, Request, new_id};
use jeton::protocol::{Redeem, Validate};
use serde::Serialize;
use smallvec::smallvec;

/// What the gates of the load call themselves.
const GATE: &str = "north-1";

/// How codes are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Law {
    /// Each code once, in the order of the list
    Once,
    /// Any code, each as likely as the next
    Uniform,
    /// Always the first
    Hot,
}

impl Law {
    /// Its name on the command line and in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Uniform => "uniform",
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
}

impl Verb {
    /// Its name on the command line and in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Redeem => "redeem",
        }
    }
}

/// How often each verb is asked, in proportion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mix {
    validate: u32,
    redeem: u32,
}

impl Mix {
    /// One verb only.
    pub(crate) const fn only(verb: Verb) -> Self {
        match verb {
            Verb::Validate => Self { validate: 1, redeem: 0 },
            Verb::Redeem => Self { validate: 0, redeem: 1 },
        }
    }

    /// For tables: `redeem`, or `validate=4,redeem=1`.
    pub(crate) fn name(self) -> String {
        match self {
            Self { redeem: 0, .. } => Verb::Validate.name().to_owned(),
            Self { validate: 0, .. } => Verb::Redeem.name().to_owned(),
            Self { validate, redeem } => format!("validate={validate},redeem={redeem}"),
        }
    }

    fn pick(self, dice: &mut Dice) -> Verb {
        let all = u64::from(self.validate) + u64::from(self.redeem);
        if dice.below(all) < u64::from(self.validate) { Verb::Validate } else { Verb::Redeem }
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix = Self { validate: 0, redeem: 0 };
        for part in text.split(',') {
            let wrong = || format!("{part:?} is not VERB=N, such as validate=4");
            let (verb, weight) = part.split_once('=').ok_or_else(wrong)?;
            let weight: u32 = weight.parse().map_err(|_wrong| wrong())?;
            match Verb::from_str(verb, false).map_err(|_wrong| wrong())? {
                Verb::Validate => mix.validate = weight,
                Verb::Redeem => mix.redeem = weight,
            }
        }
        if mix == (Self { validate: 0, redeem: 0 }) {
            return Err("a mix needs a verb with a weight above 0".to_owned());
        }
        Ok(mix)
    }
}

/// Codes, and how far the law *once* has got.
#[derive(Debug)]
pub(crate) struct Codes {
    texts: Vec<Box<str>>,
    next: AtomicUsize,
}

impl Codes {
    /// One hot code.
    pub(crate) fn one(code: &str) -> Self {
        Self { texts: vec![code.into()], next: AtomicUsize::new(0) }
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
        Ok(Self { texts, next: AtomicUsize::new(0) })
    }

    /// The list, and its last quarter apart, for questions that must not meet the others' codes.
    pub(crate) fn split(mut self) -> (Self, Self) {
        let rest = self.texts.split_off(self.texts.len() - self.texts.len() / 4);
        (self, Self { texts: rest, next: AtomicUsize::new(0) })
    }

    fn pick(&self, law: Law, dice: &mut Dice) -> Option<u32> {
        let place = match law {
            Law::Hot => 0,
            Law::Once => self.next.fetch_add(1, Ordering::Relaxed),
            Law::Uniform => {
                let below = dice.below(u64::try_from(self.texts.len()).unwrap_or(u64::MAX));
                usize::try_from(below).unwrap_or_default()
            }
        };
        u32::try_from(place).ok().filter(|_| place < self.texts.len())
    }

    fn text(&self, place: u32) -> &str {
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
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) codes: Arc<Codes>,
    pub(crate) law: Law,
    pub(crate) mix: Mix,
}

impl Workload {
    /// The next question; `None` when every code was given out once.
    pub(crate) fn next(&self, dice: &mut Dice) -> Option<Question> {
        let verb = self.mix.pick(dice);
        self.codes.pick(self.law, dice).map(|code| Question { verb, code })
    }

    /// Asks on a lane.
    pub(crate) fn ask(&self, lane: &Lane, seq: u32, question: Question) -> Result<(), Error> {
        let codes = smallvec![self.codes.text(question.code)];
        let order = Order { gate: Some(GATE), ..Order::default() };
        lane.send(
            seq,
            &match question.verb {
                Verb::Validate => {
                    Request::Validate(Validate { codes, order, ..Validate::default() })
                }
                Verb::Redeem => {
                    let id = new_id();
                    Request::Redeem(Redeem { id, codes, order, ..Redeem::default() })
                }
            },
        )
    }
}

/// Randomness for choosing: quick, the same in every run, and good for nothing else (xorshift64*).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice of their own for each `number`.
    pub(crate) const fn new(number: u64) -> Self {
        Self(0x9E37_79B9_7F4A_7C15 ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    /// Something below `end`, which is above 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % end.max(1)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn workload(count: usize, law: Law, mix: &str) -> Workload {
        let texts = (0..count).map(|n| n.to_string().into()).collect();
        let codes = Arc::new(Codes { texts, next: AtomicUsize::new(0) });
        Workload { codes, law, mix: mix.parse().unwrap() }
    }

    fn tally(workload: &Workload, questions: usize) -> BTreeMap<u32, usize> {
        let mut dice = Dice::new(1);
        let mut tally = BTreeMap::new();
        for _ in 0..questions {
            if let Some(question) = workload.next(&mut dice) {
                *tally.entry(question.code).or_default() += 1;
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
        let texts = (0..9).map(|n| n.to_string().into()).collect();
        let (most, rest) = Codes { texts, next: AtomicUsize::new(0) }.split();
        assert_eq!((most.texts.len(), rest.texts.len()), (7, 2));
        assert_eq!((most.text(6), rest.text(0)), ("6", "7"));
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
    fn a_mix_keeps_its_proportions() {
        let workload = workload(1, Law::Hot, "validate=4,redeem=1");
        let mut dice = Dice::new(7);
        let asked = (0..10_000).filter_map(|_| workload.next(&mut dice));
        let redeems = asked.filter(|question| question.verb == Verb::Redeem).count();
        assert!((1_900..2_100).contains(&redeems), "{redeems}");
        assert_eq!(workload.mix.name(), "validate=4,redeem=1");
        assert_eq!("redeem=3".parse::<Mix>().unwrap().name(), "redeem");
        for wrong in ["", "redeem", "redeem=0", "hold=1", "redeem=x"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }
}
