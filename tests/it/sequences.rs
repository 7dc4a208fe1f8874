//! Random command sequences over every ledger: laws that hold at each step, and agreement with one
//! another.

pub(crate) mod laws;
mod marks;
pub(crate) mod moves;
mod reference;

use std::collections::BTreeMap;
use std::sync::Arc;

use jeton::domain::book::{Change, Event, Lot, Record};
use jeton::domain::posting::{Key, Leg, Outcome, Part, Released, State};
use jeton::domain::time::Timestamp;
use jeton::testing::{BookExecutor, Executor};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use laws::Verdict;
use moves::{Legs, Step, sequences};

/// Runs the same steps over both and fails at the first difference in answers or events.
pub(crate) fn agree(one: &mut dyn Executor, other: &mut dyn Executor, steps: &[Step]) -> Verdict {
    for (number, step) in steps.iter().enumerate() {
        let before = one.last_event();
        match step {
            Step::Batch(commands) => {
                let (ours, theirs) = (one.apply(commands), other.apply(commands));
                let differs = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
                if ours.len() != theirs.len() || differs.is_some() {
                    let place = differs.unwrap_or_default();
                    let show = (commands.get(place), ours.get(place), theirs.get(place));
                    return Err(format!("step {number}, command {place}: {show:#?}"));
                }
            }
            Step::Sweep(now) => {
                one.sweep(*now);
                other.sweep(*now);
            }
            Step::Reopen => {
                one.reopen();
                other.reopen();
            }
        }
        let (ours, theirs) = (one.events_after(before), other.events_after(before));
        if ours != theirs {
            return Err(format!("step {number}: events differ\n{ours:#?}\n{theirs:#?}"));
        }
    }
    Ok(())
}

/// As [`agree`], for a ledger of several partitions: numbers of events are its own, and the events
/// themselves lie in several logs.
pub(crate) fn agree_but_for_numbers(
    one: &mut dyn Executor,
    other: &mut dyn Executor,
    steps: &[Step],
) -> Verdict {
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Batch(commands) => {
                for command in commands {
                    let command = std::slice::from_ref(command);
                    let ours: Vec<_> = one.apply(command).into_iter().map(unnumbered).collect();
                    let theirs: Vec<_> = other.apply(command).into_iter().map(unnumbered).collect();
                    if ours != theirs {
                        let show = (command, ours, theirs);
                        return Err(format!("step {number}: {show:#?}"));
                    }
                }
            }
            Step::Sweep(now) => {
                one.sweep(*now);
                other.sweep(*now);
            }
            Step::Reopen => {
                one.reopen();
                other.reopen();
            }
        }
    }
    Ok(())
}

/// Without numbers of events.
pub(crate) fn unnumbered(mut outcome: Outcome) -> Outcome {
    if let Outcome::Done(receipt) | Outcome::Replayed(receipt) = &mut outcome {
        let receipt = Arc::make_mut(receipt);
        receipt.event = 0;
        receipt.confirm.iter_mut().for_each(|confirm| confirm.event = 0);
        receipt.releases.iter_mut().for_each(|release| release.event = 0);
        for result in &mut receipt.results {
            result.before.iter_mut().for_each(|before| before.event = 0);
        }
    }
    outcome
}

fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

/// The steps again, one command a batch, never reopened.
fn one_by_one(steps: &[Step]) -> Vec<Step> {
    let mut single = Vec::new();
    for step in steps {
        match step {
            Step::Batch(commands) => {
                single.extend(commands.iter().map(|command| Step::Batch(vec![command.clone()])));
            }
            Step::Sweep(now) => single.push(Step::Sweep(*now)),
            Step::Reopen => {}
        }
    }
    single
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_book_keeps_the_laws(steps in sequences(Legs::All, 30)) {
        let verdict = laws::hold(&mut BookExecutor::new(), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn the_book_keeps_the_laws_of_counting(steps in sequences(Legs::Counting, 40)) {
        let verdict = laws::hold(&mut BookExecutor::new(), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn the_book_answers_as_the_reference(steps in sequences(Legs::Counting, 40)) {
        let verdict = reference::agrees(&mut BookExecutor::new(), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn batches_and_openings_make_no_difference(steps in sequences(Legs::All, 20)) {
        let (mut batched, mut single) = (BookExecutor::new(), BookExecutor::new());
        let answers = |executor: &mut BookExecutor, steps: &[Step]| {
            let mut answers = Vec::new();
            for step in steps {
                match step {
                    Step::Batch(commands) => answers.extend(executor.apply(commands)),
                    Step::Sweep(now) => executor.sweep(*now),
                    Step::Reopen => executor.reopen(),
                }
            }
            answers
        };
        prop_assert_eq!(
            answers(&mut batched, &steps),
            answers(&mut single, &one_by_one(&steps))
        );
        prop_assert_eq!(batched.events_after(0), single.events_after(0));
    }

    #[test]
    fn two_books_agree(steps in sequences(Legs::All, 12)) {
        let verdict = agree(&mut BookExecutor::new(), &mut BookExecutor::new(), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }
}

/// What a sequence's answers were called.
fn names(steps: &[Step]) -> Vec<String> {
    let mut executor = BookExecutor::new();
    let mut names = Vec::new();
    let (mut ends, mut behind) = (BTreeMap::new(), BTreeMap::new());
    for step in steps {
        match step {
            Step::Batch(commands) => {
                let outcomes = executor.apply(commands);
                for outcome in &outcomes {
                    names.extend(markers(outcome, &mut ends, &mut behind));
                }
                let first = |text: String| {
                    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '(')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                };
                names.extend(outcomes.iter().map(|outcome| first(format!("{outcome:?}"))));
                names.extend(outcomes.iter().flat_map(powers).map(str::to_owned));
            }
            Step::Sweep(now) => {
                let is_used = |executor: &mut BookExecutor, key: &Key| executor.used(*key) > 0;
                behind.retain(|key, end| *end <= *now && is_used(&mut executor, key));
                executor.sweep(*now);
                let forgotten = behind.keys().filter(|key| !is_used(&mut executor, key));
                names.extend(forgotten.map(|_| "a counter behind a marker forgotten".to_owned()));
                behind.clear();
            }
            Step::Reopen => executor.reopen(),
        }
    }
    let events = executor.events_after(0);
    names.extend(events.iter().map(|event| format!("{:?}", event.kind)));
    names.extend(events.iter().flat_map(balances).map(str::to_owned));
    names
}

/// What is special about the markers that a posting met; what it knows of their ends, and of the
/// counters behind them.
fn markers(
    outcome: &Outcome,
    ends: &mut BTreeMap<Key, Timestamp>,
    behind: &mut BTreeMap<Key, Timestamp>,
) -> Vec<String> {
    let Outcome::Done(receipt) = outcome else { return Vec::new() };
    let mut names = Vec::new();
    for (leg, result) in receipt.legs.iter().zip(&receipt.results) {
        let Leg::Once { marker, key, keep_until: Some(end), counter_keep_until, .. } = leg else {
            continue;
        };
        behind.extend(counter_keep_until.map(|end| (*key, end)));
        if result.amount == 0 {
            names.push("a marker that is set".to_owned());
        } else if ends.insert(*marker, *end).is_some_and(|before| before <= receipt.at) {
            names.push("a marker that is over".to_owned());
        }
    }
    names
}

/// What is special about the balances that an event changed.
fn balances(event: &Event) -> Vec<&'static str> {
    let mut names = Vec::new();
    for change in &event.changes {
        let Change::Is(Record::Balance(_, balance), _) = change else { continue };
        if balance.debt > 0 {
            names.push("a debt");
        }
        let is_early = |lot: &Lot| lot.spendable_from.is_some_and(|from| from > event.at);
        if balance.lots.iter().any(is_early) {
            names.push("a lot for later");
        }
    }
    names
}

/// What is special about an answer.
fn powers(outcome: &Outcome) -> Vec<&'static str> {
    let (receipt, is_done) = match outcome {
        Outcome::Done(receipt) => (receipt, true),
        Outcome::Replayed(receipt) => (receipt, false),
        _ => return Vec::new(),
    };
    let mut names = Vec::new();
    let last = receipt.releases.last().filter(|_| is_done);
    if let Some(Released { part: Part::Legs(_), given, .. }) = last {
        names.push(if *given == 0 { "legs released" } else { "the last legs released" });
    }
    let credit = last.and_then(|release| release.credit.as_ref());
    names.extend(credit.map(|_| "a credit"));
    if receipt.gone != 0 {
        names.push(match receipt.state {
            State::Held => "held without legs",
            State::Redeemed => "redeemed without legs",
            State::Released => "released after legs",
            State::Expired => "expired without legs",
        });
    }
    names
}

/// The sequences would prove little if they never came to a refusal or an expiry.
#[test]
fn the_sequences_come_to_every_answer_and_event() {
    let mut runner = TestRunner::deterministic();
    let sequences = sequences(Legs::All, 30);
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..1_000 {
        let steps = sequences.new_tree(&mut runner).map(|tree| tree.current());
        for name in steps.iter().flat_map(|steps| names(steps)) {
            *found.entry(name).or_default() += 1;
        }
    }
    let wanted = [
        "Done(Receipt",
        "Replayed(Receipt",
        "Mismatch",
        "Unknown",
        "Refused(Guard",
        "Refused(TooSoon",
        "Refused(Elsewhere",
        "Refused(Cap",
        "Refused(HoldNotFound",
        "Refused(HoldExpired",
        "Refused(NotFound",
        "Refused(AlreadyReleased",
        "Refused(ReleaseExceeds",
        "Refused(ConfirmExceeds",
        "Redeemed",
        "Held",
        "Confirmed",
        "Released",
        "Extended",
        "Expired",
        "a debt",
        "a lot for later",
        "legs released",
        "the last legs released",
        "a credit",
        "a marker that is set",
        "a marker that is over",
        "a counter behind a marker forgotten",
        "held without legs",
        "redeemed without legs",
        "released after legs",
        "expired without legs",
    ];
    for name in wanted {
        assert!(found.get(name).is_some_and(|times| *times >= 10), "{name} is rare in {found:?}");
    }
}
