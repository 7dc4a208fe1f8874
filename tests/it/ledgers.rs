//! The ledgers answer as the book does, and keep what they are given.

mod controls;
pub(crate) mod executor;
mod hostile;
mod places;
pub(crate) mod workload;

use std::collections::BTreeMap;

use jeton::domain::id::{Owner, PostingId};
use jeton::domain::posting::{Command, FacetKind, Leg, Mode, Outcome, Posting, Receipt};
use jeton::domain::time::Timestamp;
use jeton::ledger::{Answer, Cursor, Durability, Ledger, LedgerError};
use jeton::testing::{BookExecutor, Executor, ManualClock, key, posting_id};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::scenarios;
use crate::sequences::moves::{Legs, sequences};
use crate::sequences::{agree, laws};
use executor::{LedgerExecutor, all_events, ask, options_with, outcomes, scratch, submit};

const INTERVAL: Durability = Durability::Interval { window_ms: 50 };

#[test]
fn memory_answers_as_the_tables_say() {
    scenarios::all(&mut || Box::new(LedgerExecutor::new(Durability::Memory)));
}

#[test]
fn embedded_answers_as_the_tables_say() {
    scenarios::all(&mut || Box::new(LedgerExecutor::new(Durability::Sync)));
}

fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn memory_agrees_with_the_book(steps in sequences(Legs::All, 20)) {
        let mut memory = LedgerExecutor::new(Durability::Memory);
        let verdict = agree(&mut BookExecutor::new(), &mut memory, &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn memory_keeps_the_laws(steps in sequences(Legs::All, 20)) {
        let verdict = laws::hold(&mut LedgerExecutor::new(Durability::Memory), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn embedded_agrees_with_the_book(steps in sequences(Legs::All, 20)) {
        let mut embedded = LedgerExecutor::new(Durability::Sync);
        let verdict = agree(&mut BookExecutor::new(), &mut embedded, &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn embedded_keeps_the_laws(steps in sequences(Legs::All, 20)) {
        let verdict = laws::hold(&mut LedgerExecutor::new(Durability::Sync), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn embedded_agrees_between_syncs(steps in sequences(Legs::All, 20)) {
        let mut embedded = LedgerExecutor::new(INTERVAL);
        let verdict = agree(&mut BookExecutor::new(), &mut embedded, &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }
}

/// A redemption of one use.
pub(crate) fn use_one(name: &str, counter: &str, max: u64, now: Timestamp) -> Command {
    let key = key(FacetKind::Uses, counter);
    let legs = [Leg::Count { key, n: 1, max, keep_until: None }];
    Command::Post(Posting {
        id: posting_id(name),
        fingerprint: 1,
        mode: Mode::Post,
        size: 1,
        legs: legs.into_iter().collect(),
        note: Box::default(),
        now,
    })
}

/// Both kinds that keep history, after all the work.
fn after_the_work() -> Vec<LedgerExecutor> {
    let mut ledgers =
        [Durability::Memory, Durability::Sync].map(LedgerExecutor::new).into_iter().collect();
    for ledger in &mut ledgers as &mut Vec<LedgerExecutor> {
        for batch in workload::batches() {
            ledger.apply(&batch);
        }
        ledger.reopen();
    }
    ledgers
}

/// Whom an event of a posting concerns: those of its legs, and whoever is credited with it.
fn owners(receipt: &Receipt, number: u64) -> Vec<Owner> {
    let mut owners: Vec<Owner> = receipt.legs.iter().map(|leg| leg.key().owner).collect();
    let credited = receipt.releases.iter().filter(|release| release.event == number);
    let credits = credited.filter_map(|release| release.credit.as_deref());
    owners.extend(credits.map(|(leg, _)| leg.key().owner));
    owners.sort_unstable();
    owners.dedup();
    owners
}

#[test]
fn the_history_of_an_owner_is_the_events_of_that_owner() {
    for ledger in after_the_work() {
        let ledger = ledger.ledger();
        let mut by_owner: BTreeMap<Owner, Vec<u64>> = BTreeMap::new();
        for entry in all_events(ledger) {
            for owner in owners(&entry.receipt.expect("a receipt"), entry.event.number) {
                by_owner.entry(owner).or_default().push(entry.event.number);
            }
        }
        assert!(by_owner.len() >= 7, "{by_owner:?}");
        let gift = &by_owner[&key(FacetKind::Balance, "gift").owner];
        assert_eq!(gift.len(), workload::BATCHES / 8, "each credit is one event: {gift:?}");
        for (owner, mut numbers) in by_owner {
            numbers.reverse();
            let history = |before, most| -> Vec<u64> {
                let entries = ledger.history(&owner, before, most).unwrap();
                entries.iter().map(|entry| entry.event.number).collect()
            };
            assert_eq!(history(u64::MAX, usize::MAX), numbers);
            // A page at a time comes to the same.
            let mut pages = Vec::new();
            loop {
                let page = history(pages.last().copied().unwrap_or(u64::MAX), 3);
                if page.is_empty() {
                    break;
                }
                pages.extend(page);
            }
            assert_eq!(pages, numbers);
        }
        let stranger = Owner([0xee; 16]);
        assert_eq!(ledger.history(&stranger, u64::MAX, 10), Ok(Vec::new()));
    }
}

#[test]
fn events_are_read_from_any_number_on() {
    for ledger in after_the_work() {
        let ledger = ledger.ledger();
        let all = all_events(ledger);
        for after in 0..=all.len() {
            for most in [0, 1, 3, usize::MAX] {
                let expected: Vec<_> = all.iter().skip(after).take(most).cloned().collect();
                let (found, next) = ledger.events(&Cursor::from(after as u64), most).unwrap();
                let last = expected.last().map_or(after as u64, |entry| entry.event.number);
                assert_eq!(next, Cursor::from(last));
                assert_eq!(found, expected, "{most} after {after}");
            }
        }
        assert_eq!(ledger.events(&Cursor::from(u64::MAX), 9).unwrap().0, Vec::new());
    }
}

#[test]
fn settled_receipts_leave_memory_and_stay_known() {
    let mut ledger = LedgerExecutor::new(Durability::Sync);
    let ids: Vec<PostingId> = (0..200).map(|nr| posting_id(&format!("use{nr}"))).collect();
    for chunk in 0..10 {
        let name = |nr| format!("use{}", chunk * 20 + nr);
        let now = Timestamp(chunk);
        let batch: Vec<Command> = (0..20).map(|nr| use_one(&name(nr), "x", 1_000, now)).collect();
        ledger.apply(&batch);
        let read = ledger.ledger().read();
        assert!(ids.iter().all(|id| read.receipt(id).is_none()), "a receipt is kept");
        assert_eq!((read.sizes().counters, read.sizes().holds), (1, 0));
    }
    for reopened in [false, true] {
        for (place, id) in ids.iter().enumerate() {
            let receipt = ledger.ledger().receipt(id).unwrap().expect("a receipt");
            assert_eq!(receipt.results[0].after, place as u64 + 1, "after reopening: {reopened}");
        }
        let again = ledger.apply(&[use_one("use7", "x", 1_000, Timestamp(99))]);
        let Some(Outcome::Replayed(first)) = again.first() else { panic!("{again:?}") };
        assert_eq!(first.results[0].after, 8);
        assert!(ledger.ledger().read().receipt(&ids[7]).is_none(), "fetched, and kept");
        ledger.reopen();
    }
}

/// A hold that expired and was redeemed afresh in the same commit is no hold any more.
#[test]
fn a_hold_that_became_a_redemption_at_its_end_leaves_memory() {
    let mut ledger = LedgerExecutor::new(Durability::Sync);
    let mut hold = use_one("a", "x", 1, Timestamp(0));
    if let Command::Post(posting) = &mut hold {
        posting.mode = Mode::Hold { until: Timestamp(10) };
    }
    ledger.apply(&[hold]);
    assert!(ledger.ledger().read().receipt(&posting_id("a")).is_some(), "an open hold stays");
    ledger.reopen();
    assert!(ledger.ledger().read().receipt(&posting_id("a")).is_some(), "an open hold stays");
    let outcomes = ledger.apply(&[use_one("a", "x", 1, Timestamp(10))]);
    assert!(matches!(outcomes[..], [Outcome::Done(_)]), "{outcomes:?}");
    assert!(ledger.ledger().read().receipt(&posting_id("a")).is_none());
    ledger.reopen();
    assert!(ledger.ledger().read().receipt(&posting_id("a")).is_none(), "it is no hold");
    assert_eq!(ledger.ledger().read().sizes().holds, 0);
}

/// What a late request writes into a period that is over does not come back with the next start.
#[test]
fn what_is_forgotten_stays_forgotten() {
    let dir = scratch();
    let clock = ManualClock::at(Timestamp(0));
    let mut late = use_one("a", "x", 1, Timestamp(5));
    if let Command::Post(posting) = &mut late
        && let Some(Leg::Count { keep_until, .. }) = posting.legs.first_mut()
    {
        *keep_until = Some(Timestamp(10));
    }
    let ledger = Ledger::open(options_with(dir.path(), &clock)).unwrap();
    outcomes(ask(&ledger, std::slice::from_ref(&late)));
    assert_eq!(ledger.read().sizes().counters, 1);
    clock.set(Timestamp(20));
    if let Command::Post(posting) = &mut late {
        posting.id = posting_id("b");
    }
    let answer = outcomes(ask(&ledger, &[late]));
    assert!(matches!(answer[..], [Outcome::Done(_)]), "the period was forgotten: {answer:?}");
    assert_eq!(ledger.read().sizes().counters, 0);
    drop(ledger);
    let ledger = Ledger::open(options_with(dir.path(), &ManualClock::at(Timestamp(0)))).unwrap();
    assert_eq!(ledger.read().sizes().counters, 0);
}

#[test]
fn a_full_queue_is_busy_and_does_nothing() {
    let dir = scratch();
    let mut options = options_with(dir.path(), &ManualClock::at(Timestamp(0)));
    options.queue_max = 4;
    let ledger = Ledger::open(options).unwrap();
    let five: Vec<Command> =
        (0..5).map(|nr| use_one(&format!("use{nr}"), "x", 9, Timestamp(0))).collect();
    assert!(matches!(ask(&ledger, &five), Some(Err(LedgerError::Busy))));
    assert!(LedgerError::Busy.is_transient());
    // While the book is read, nothing is applied: what is submitted waits.
    let read = ledger.read();
    let waiting: Vec<_> = five
        .iter()
        .map(|one| submit(&ledger, std::slice::from_ref(one), Timestamp::NEVER))
        .collect();
    let four = submit(&ledger, &five[..4], Timestamp::NEVER);
    drop(read);
    let answered: Vec<_> = waiting.into_iter().map(|answer| answer.recv().unwrap()).collect();
    let done = answered.iter().filter(|reply| matches!(reply, Some(Ok(_)))).count();
    let refused = answered.iter().filter(|reply| matches!(reply, Some(Err(LedgerError::Busy))));
    assert_eq!(done + refused.count(), 5);
    assert_eq!(ledger.read().used(&key(FacetKind::Uses, "x")), done as u64);
    // What was busy is welcome later. (The writer may have made room for it in time.)
    if matches!(four.recv(), Ok(Some(Err(LedgerError::Busy)))) {
        outcomes(ask(&ledger, &five[..4]));
    }
    assert_eq!(ledger.read().used(&key(FacetKind::Uses, "x")), done as u64, "repeats count once");
    assert_eq!(ledger.queue_len(), 0);
}

#[test]
fn a_task_whose_deadline_is_over_is_late_and_does_nothing() {
    for durability in [Durability::Memory, Durability::Sync] {
        let dir = scratch();
        let clock = ManualClock::at(Timestamp(100));
        let mut options = options_with(dir.path(), &clock);
        options.durability = durability;
        let ledger = Ledger::open(options).unwrap();
        let one = [use_one("a", "x", 1, Timestamp(0))];
        let answer = submit(&ledger, &one, Timestamp(99)).recv().unwrap();
        assert!(matches!(answer, Some(Ok(answers)) if matches!(answers[..], [Answer::Late])));
        assert_eq!((ledger.read().last_event(), all_events(&ledger).len()), (0, 0));
        let answer = submit(&ledger, &one, Timestamp(100)).recv().unwrap();
        assert!(matches!(answer, Some(Ok(answers)) if matches!(answers[..], [Answer::Outcome(_)])));
    }
}
