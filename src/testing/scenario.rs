//! A small language for scenarios: tables of commands and what each must be answered.
//!
//! One line is one command, applied as a batch of its own. Text after `#` is a remark.
//!
//! ```text
//! at 0     post a  count x 1/10               => done x=1
//! at 5     hold b  count x 2/10  for 100      => done x=3 held:x=2
//! at 50    post c  count x 8/10               => refused leg 0 used 1 held 2 max 10 retry 55
//! at 105   confirm b                          => refused hold_expired .events=expired
//!          see                                => seen x=1
//! ```
//!
//! # Commands
//! | command | means |
//! |---|---|
//! | `at T` | sets the time, in milliseconds; alone or before a command |
//! | `post ID LEGS` | redeem; `size N` divides it, `as F` gives its meaning another name |
//! | `hold ID LEGS for MS` | hold, as above; `for never` has no end |
//! | `recall ID` | with `for MS`: as a hold; `as F` |
//! | `confirm ID` | `part N` |
//! | `release ID` | `part N` or `legs 0,2`, `as ID` names the release; `credit` earns as below |
//! | `extend ID for MS` | from now |
//! | `status ID`, `sweep`, `reopen` | |
//! | `see` | nothing: only looks |
//!
//! # Legs, joined by `+`
//! | leg | |
//! |---|---|
//! | `count KEY N/MAX` | `keep T`; `/-` is no limit |
//! | `once MARKER KEY N/MAX` | `keep T`; its counter `until T` |
//! | `interval KEY MS` | `first` remembers the first use |
//! | `zone KEY FROM>TO` | `FROM?` lets an unset register pass; `keep T` |
//! | `spend KEY N` | `upto`; `open N` or `open N@T` |
//! | `earn KEY N` or `N@T` | `from T`; `cap N` clamps, `strict N` refuses; `debt`; `open N@T` |
//!
//! # Expectations
//! First the outcome: `done`, `replayed`, `mismatch`, `unknown`, `seen` or `refused …`, as in the
//! tables. Then facts,
//! in any number: `KEY=` is used + held, what is in the lots, or the register (`none` when unset).
//! `used:KEY=`,
//! `held:KEY=`, `lots:KEY=` (`5@100,7>50`: from 50 on), `taken:KEY=`, `earned:KEY=`,
//! `lapsed:KEY=`, `debt:KEY=` are single figures. Facts with a
//! point are about the receipt of the answer (`.state= .size= .live= .did= .after= .confirmed=
//! .given= .lapsed=
//! .short= .gone= .credited=`, which is what a credit did and where its balance stands) or the new
//! events (`.events=expired,redeemed`).
//!
//! Whatever a table says, each line is also held to the laws of answers: event numbers have no
//! gaps, an accepted
//! command appends exactly one event after those of holds that were over, and every other answer
//! appends none.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::executor::Executor;
use super::found;
use crate::domain::book::{EventKind, Slot};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{
    AtCap, ClawBack, Command, Facet, FacetKind, Key, Leg, Mark, Mode, Opening, Outcome, Part,
    Posting, Take, Unset, bit,
};
use crate::domain::time::Timestamp;

/// Runs `scenario` and fails the test at the first line that is answered otherwise.
#[track_caller]
pub fn check(executor: &mut dyn Executor, scenario: &str) {
    let answer = run(executor, scenario);
    assert!(answer.is_ok(), "{}", answer.err().unwrap_or_default());
}

/// Runs `scenario` over an executor that has answered nothing yet.
///
/// # Errors
/// Says which line was answered otherwise, or cannot be read.
pub fn run(executor: &mut dyn Executor, scenario: &str) -> Result<(), String> {
    let mut scene = Scene::default();
    for (number, text) in scenario.lines().enumerate() {
        let line = text.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        scene
            .line(executor, line)
            .map_err(|what| format!("line {}: {line}\n{what}\n\nin{scenario}", number + 1))?;
    }
    Ok(())
}

/// The id that `name` stands for; of the name, 16 bytes count.
#[must_use]
pub fn posting_id(name: &str) -> PostingId {
    PostingId(bytes(name))
}

/// The key that `name` stands for among those of `kind`; of the name, 16 bytes count.
#[must_use]
pub fn key(kind: FacetKind, name: &str) -> Key {
    Key { owner: Owner(bytes(name)), facet: Facet::new(kind, 0, 0) }
}

fn bytes(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    bytes
}

/// What the lines of a scenario share.
#[derive(Default)]
struct Scene {
    now: Timestamp,
    slots: BTreeMap<String, Slot>,
}

enum Deed {
    Ask(Box<Command>),
    Sweep,
    Reopen,
    See,
}

impl Scene {
    fn line(&mut self, executor: &mut dyn Executor, line: &str) -> Result<(), String> {
        let (left, expected) = line.split_once("=>").unwrap_or((line, ""));
        let mut words = Words(left.split_whitespace().collect());
        if words.take("at") {
            self.now = Timestamp(words.number()?);
        }
        if words.0.is_empty() {
            return Ok(());
        }
        let deed = self.deed(&mut words)?;
        words.end()?;
        let before = executor.last_event();
        let outcome = match &deed {
            Deed::Ask(command) => executor.apply(std::slice::from_ref(command.as_ref())).pop(),
            Deed::Sweep => {
                executor.sweep(self.now);
                None
            }
            Deed::Reopen => {
                executor.reopen();
                None
            }
            Deed::See => None,
        };
        let kinds = new_events(executor, before)?;
        match (&deed, &outcome) {
            (Deed::Ask(_), None) => return Err("no answer".to_owned()),
            (Deed::Ask(_), Some(outcome)) => lawful(outcome, &kinds)?,
            (Deed::Sweep | Deed::Reopen | Deed::See, _) => {}
        }
        let expected: Vec<&str> = expected.split_whitespace().collect();
        if matches!(deed, Deed::Ask(_)) && expected.is_empty() {
            return Err("a command needs its outcome after =>".to_owned());
        }
        let mut found = vec![found::outcome(outcome.as_ref())];
        for fact in expected.iter().filter_map(|word| word.split_once('=').map(|fact| fact.0)) {
            let value = match fact.strip_prefix('.') {
                Some("events") => found::list(kinds.iter().map(|kind| found::kind(*kind))),
                Some(field) => found::field(outcome.as_ref(), field)?,
                None => found::fact(executor, &self.slots, fact)?,
            };
            found.push(format!("{fact}={value}"));
        }
        let (expected, found) = (expected.join(" "), found.join(" "));
        if expected.is_empty() || expected == found {
            return Ok(());
        }
        Err(format!("expected: {expected}\n   found: {found}"))
    }

    fn deed(&mut self, words: &mut Words<'_>) -> Result<Deed, String> {
        let now = self.now;
        let verb = words.next()?;
        match verb {
            "sweep" => return Ok(Deed::Sweep),
            "reopen" => return Ok(Deed::Reopen),
            "see" => return Ok(Deed::See),
            _ => {}
        }
        let id = posting_id(words.next()?);
        let command = match verb {
            "post" | "hold" => {
                let legs = self.legs(words)?;
                let size = words.after("size")?.unwrap_or(0);
                let until = self.until(words)?;
                let mode = match (verb, until) {
                    ("hold", Some(until)) => Mode::Hold { until },
                    ("post", None) => Mode::Post,
                    _ => return Err("`for` goes with `hold`, always".to_owned()),
                };
                let fingerprint = fingerprint(words)?;
                let note = Box::default();
                Command::Post(Posting { id, fingerprint, mode, size, legs, note, now })
            }
            "recall" => {
                let mode = self.until(words)?.map_or(Mode::Post, |until| Mode::Hold { until });
                Command::Recall { id, fingerprint: fingerprint(words)?, mode, now }
            }
            "confirm" => Command::Confirm { id, part: part(words)?, now },
            "release" => {
                let part = part(words)?;
                let release_id = posting_id(if words.take("as") { words.next()? } else { "R" });
                let is_credited = words.take("credit");
                let credit = if is_credited { Some(Box::new(self.earning(words)?)) } else { None };
                Command::Release { id, release_id, part, credit, now }
            }
            "extend" => {
                let until = self.until(words)?.ok_or("`extend` needs `for`")?;
                Command::Extend { id, until, now }
            }
            "status" => Command::Status { id, now },
            _ => return Err(format!("no such command: {verb}")),
        };
        Ok(Deed::Ask(Box::new(command)))
    }

    fn until(&self, words: &mut Words<'_>) -> Result<Option<Timestamp>, String> {
        if !words.take("for") {
            return Ok(None);
        }
        if words.take("never") {
            return Ok(Some(Timestamp::NEVER));
        }
        Ok(Some(self.now.plus_ms(words.number()?)))
    }

    fn legs(&mut self, words: &mut Words<'_>) -> Result<SmallVec<[Leg; 2]>, String> {
        let mut legs = SmallVec::new();
        loop {
            legs.push(self.leg(words)?);
            if !words.take("+") {
                return Ok(legs);
            }
        }
    }

    fn leg(&mut self, words: &mut Words<'_>) -> Result<Leg, String> {
        let verb = words.next()?;
        let leg = match verb {
            "count" => {
                let key = self.counter(FacetKind::Uses, words.next()?);
                let (n, max) = quota(words.next()?)?;
                Leg::Count { key, n, max, keep_until: moment(words, "keep")? }
            }
            "once" => {
                let marker = self.counter(FacetKind::Marker, words.next()?);
                let key = self.counter(FacetKind::Uses, words.next()?);
                let (n, max) = quota(words.next()?)?;
                let keep_until = moment(words, "keep")?;
                let counter_keep_until = moment(words, "until")?;
                Leg::Once { marker, key, n, max, keep_until, counter_keep_until }
            }
            "interval" => {
                let key = self.slot(FacetKind::LastEntry, Slot::Register, words.next()?);
                let min_ms = words.number()?;
                let mark = if words.take("first") { Mark::First } else { Mark::Last };
                Leg::Interval { key, min_ms, mark }
            }
            "zone" => {
                let key = self.slot(FacetKind::Zone, Slot::Register, words.next()?);
                let (from, to) = halves(words.next()?, '>')?;
                let from_unset = if from.ends_with('?') { Unset::Passes } else { Unset::Fails };
                let (from, to) = (number(from.trim_end_matches('?'))?, number(to)?);
                Leg::Zone { key, from, from_unset, to, keep_until: moment(words, "keep")? }
            }
            "spend" => {
                let key = self.slot(FacetKind::Balance, Slot::Balance, words.next()?);
                let amount = words.number()?;
                let take = if words.take("upto") { Take::UpTo } else { Take::Exact };
                Leg::Spend { key, amount, take, opening: opening(words)? }
            }
            "earn" => self.earning(words)?,
            _ => return Err(format!("no such leg: {verb}")),
        };
        Ok(leg)
    }

    fn earning(&mut self, words: &mut Words<'_>) -> Result<Leg, String> {
        let key = self.slot(FacetKind::Balance, Slot::Balance, words.next()?);
        let (amount, lot_expires) = lot(words.next()?)?;
        let spendable_from = moment(words, "from")?;
        let (clamp, strict) = (words.after("cap")?, words.after("strict")?);
        let at_cap = if strict.is_some() { AtCap::Refuse } else { AtCap::Clamp };
        let claw_back = if words.take("debt") { ClawBack::Debt } else { ClawBack::Floor };
        let (cap, opening) = (clamp.or(strict), opening(words)?);
        Ok(Leg::Earn { key, amount, lot_expires, spendable_from, cap, at_cap, claw_back, opening })
    }

    fn counter(&mut self, kind: FacetKind, name: &str) -> Key {
        self.slot(kind, Slot::Counter, name)
    }

    fn slot(&mut self, kind: FacetKind, slot: fn(Key) -> Slot, name: &str) -> Key {
        let key = key(kind, name);
        self.slots.insert(name.to_owned(), slot(key));
        key
    }
}

/// The kinds of the events since number `before`; fails when their numbers have gaps.
fn new_events(executor: &mut dyn Executor, before: u64) -> Result<Vec<EventKind>, String> {
    let events = executor.events_after(before);
    let numbers: Vec<u64> = events.iter().map(|event| event.number).collect();
    if !numbers.iter().copied().eq(before + 1..=executor.last_event()) {
        return Err(format!("events after {before} are numbered {numbers:?}"));
    }
    Ok(events.into_iter().map(|event| event.kind).collect())
}

/// Holds an answer to what every answer must keep: a yes is one event, everything else is none.
fn lawful(outcome: &Outcome, kinds: &[EventKind]) -> Result<(), String> {
    let own = kinds.iter().filter(|kind| **kind != EventKind::Expired).count();
    let last_is_own = kinds.last().is_some_and(|kind| *kind != EventKind::Expired);
    let lawful = match outcome {
        Outcome::Done(_) => own == 1 && last_is_own,
        Outcome::Replayed(_)
        | Outcome::Refused(_)
        | Outcome::Mismatch
        | Outcome::Unknown
        | Outcome::Looked => own == 0,
    };
    if lawful {
        return Ok(());
    }
    Err(format!("{} came with the events {kinds:?}", found::outcome(Some(outcome))))
}

fn fingerprint(words: &mut Words<'_>) -> Result<u64, String> {
    if !words.take("as") {
        return Ok(0);
    }
    let [first, ..] = bytes(words.next()?);
    Ok(u64::from(first))
}

fn part(words: &mut Words<'_>) -> Result<Part, String> {
    if !words.take("legs") {
        return Ok(words.after("part")?.map_or(Part::All, Part::Of));
    }
    let mut places = words.next()?.split(',').map(number::<usize>);
    places.try_fold(0, |legs, place| Ok(legs | bit(place?))).map(Part::Legs)
}

fn moment(words: &mut Words<'_>, before: &str) -> Result<Option<Timestamp>, String> {
    Ok(if words.take(before) { Some(Timestamp(words.number()?)) } else { None })
}

fn opening(words: &mut Words<'_>) -> Result<Option<Opening>, String> {
    if !words.take("open") {
        return Ok(None);
    }
    let (amount, expires) = lot(words.next()?)?;
    Ok(Some(Opening { amount, expires }))
}

fn lot(word: &str) -> Result<(u64, Option<Timestamp>), String> {
    match word.split_once('@') {
        Some((amount, expires)) => Ok((number(amount)?, Some(Timestamp(number(expires)?)))),
        None => Ok((number(word)?, None)),
    }
}

fn quota(word: &str) -> Result<(u64, u64), String> {
    let (n, max) = halves(word, '/')?;
    Ok((number(n)?, if max == "-" { u64::MAX } else { number(max)? }))
}

fn halves(word: &str, at: char) -> Result<(&str, &str), String> {
    word.split_once(at).ok_or_else(|| format!("{word} has no {at}"))
}

fn number<N: std::str::FromStr>(word: &str) -> Result<N, String> {
    word.parse().map_err(|_| format!("not a number: {word}"))
}

/// The words of a command that were not read yet.
struct Words<'a>(std::collections::VecDeque<&'a str>);

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<&'a str, String> {
        self.0.pop_front().ok_or_else(|| "a word is missing".to_owned())
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.0.front() == Some(&word);
        if is_next {
            self.0.pop_front();
        }
        is_next
    }

    fn number<N: std::str::FromStr>(&mut self) -> Result<N, String> {
        number(self.next()?)
    }

    fn after(&mut self, word: &str) -> Result<Option<u64>, String> {
        if self.take(word) { self.number().map(Some) } else { Ok(None) }
    }

    fn end(&self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("not understood: {:?}", self.0)) }
    }
}
