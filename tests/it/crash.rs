//! The embedded ledger dies at every commit in every way: what it answered is there, and nothing
//! is half there.
//!
//! The measure is the bare book: a ledger that was opened again must be, record for record,
//! receipt for receipt and event for event, the book after a prefix of the batches that were
//! submitted, and that prefix must hold all that was answered.

mod torn;

use std::path::Path;

use jeton::domain::book::{Event, EventKind, Slot};
use jeton::domain::posting::{Command, Outcome};
use jeton::domain::time::Timestamp;
use jeton::ledger::{Durability, Entry, Fault, Health, Ledger, LedgerError};
use jeton::testing::{BookExecutor, Executor, Records};

use crate::ledgers::executor::{Reply, all_events, ask, options, outcomes, scratch, submit};
use crate::ledgers::workload::{BATCHES, batches};
use crate::sequences::laws::Verdict;

/// Opens a ledger with a fault and submits all batches, one after the other.
fn run(dir: &Path, fault: Fault) -> (Vec<Reply>, Health) {
    let mut options = options(dir);
    options.fault = fault;
    let ledger = Ledger::open(options).unwrap();
    let replies = batches().iter().map(|batch| ask(&ledger, batch)).collect();
    let health = ledger.health().borrow().clone();
    (replies, health)
}

fn reopen(dir: &Path) -> Ledger {
    Ledger::open(options(dir)).unwrap()
}

/// The book after the first so many batches.
fn book_after(count: usize) -> BookExecutor {
    let mut book = BookExecutor::new();
    for batch in batches().iter().take(count) {
        book.apply(batch);
    }
    book
}

fn ensure(holds: bool, law: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(law()) }
}

/// Whether `ledger` is the book after `count` batches, in all that can be asked of it.
fn is_the_book_after(ledger: &Ledger, count: usize) -> Verdict {
    let mut book = book_after(count);
    let entries = all_events(ledger);
    let events: Vec<Event> = entries.iter().map(|entry| entry.event.clone()).collect();
    ensure(events == book.events_after(0), || format!("other events than after {count}"))?;
    ensure(ledger.read().last_event() == book.last_event(), || "the next number".to_owned())?;
    let mut told = Records::default();
    for (place, event) in events.iter().enumerate() {
        ensure(event.number == place as u64 + 1, || format!("a gap before {event:?}"))?;
        told.fold(event);
    }
    // Records that only later batches touch must not be there either.
    let slots = book_after(BATCHES).events_after(0);
    let slots =
        slots.iter().flat_map(|event| &event.changes).map(jeton::domain::book::Change::slot);
    for slot in slots.collect::<std::collections::BTreeSet<Slot>>() {
        is_the_record(ledger, &mut book, slot)?;
        let held = ledger.read().held(&slot.key());
        let known = told.record(&slot).is_none() || told.held(&slot) == held;
        ensure(known, || format!("events tell otherwise than {held} held of {slot:?}"))?;
    }
    for id in batches().iter().flatten().filter_map(Command::id) {
        let status = Command::Status { id, now: Timestamp(0) };
        let expected = match book.apply(&[status]).pop() {
            Some(Outcome::Replayed(receipt)) => Some(receipt.as_ref().clone()),
            _ => None,
        };
        let found = ledger.receipt(&id).map_err(|error| error.to_string())?;
        ensure(found == expected, || format!("receipt {found:?} instead of {expected:?}"))?;
        let same = |entry: &&Entry| entry.event.id != id || entry.receipt == expected;
        ensure(entries.iter().all(|entry| same(&entry)), || format!("another entry of {id}"))?;
    }
    Ok(())
}

fn is_the_record(ledger: &Ledger, book: &mut BookExecutor, slot: Slot) -> Verdict {
    let (key, read) = (slot.key(), ledger.read());
    let same = read.used(&key) == book.used(key)
        && read.held(&key) == book.held(key)
        && read.register(&key) == book.register(key)
        && read.balance(&key).cloned() == book.balance(key);
    ensure(same, || format!("another record at {slot:?}"))
}

/// What must hold of a directory after a crash in which `answered` batches were answered and at
/// most `submitted` were begun. Says after how many batches it stands.
fn check(dir: &Path, answered: usize, submitted: usize) -> Result<usize, String> {
    let ledger = reopen(dir);
    let last_event = ledger.read().last_event();
    let stands = (0..=BATCHES).find(|count| book_after(*count).last_event() == last_event);
    let count = stands.ok_or_else(|| format!("half a batch: {last_event} events"))?;
    ensure(count >= answered, || format!("{answered} were answered, {count} are there"))?;
    ensure(count <= submitted, || format!("{submitted} were submitted, {count} are there"))?;
    is_the_book_after(&ledger, count)?;
    goes_on(&ledger, count)?;
    Ok(count)
}

/// Repeats say what they said first, and the rest of the work is done as if nothing had happened.
fn goes_on(ledger: &Ledger, count: usize) -> Verdict {
    let mut book = book_after(count);
    let before = book.last_event();
    for batch in batches().iter().take(count) {
        let (ours, theirs) = (outcomes(ask(ledger, batch)), book.apply(batch));
        ensure(ours == theirs, || format!("repeated: {ours:#?}\ninstead of {theirs:#?}"))?;
        for (command, outcome) in batch.iter().zip(&ours) {
            let repeats = matches!(
                outcome,
                Outcome::Replayed(_) | Outcome::Refused(_) | Outcome::Unknown | Outcome::Mismatch
            );
            ensure(repeats, || format!("done again: {command:?}"))?;
        }
    }
    ensure(book.last_event() == before, || "a repeat did something".to_owned())?;
    for batch in batches().iter().skip(count) {
        let (ours, theirs) = (outcomes(ask(ledger, batch)), book.apply(batch));
        ensure(ours == theirs, || format!("then: {ours:#?}\ninstead of {theirs:#?}"))?;
    }
    is_the_book_after(ledger, BATCHES)
}

#[test]
fn the_workload_does_everything() {
    let mut book = BookExecutor::new();
    let mut before = 0;
    for batch in batches() {
        book.apply(&batch);
        assert!(book.last_event() > before, "a batch without a commit: {batch:?}");
        before = book.last_event();
    }
    let kinds: Vec<EventKind> = book.events_after(0).iter().map(|event| event.kind).collect();
    for kind in [
        EventKind::Redeemed,
        EventKind::Held,
        EventKind::Confirmed,
        EventKind::Released,
        EventKind::Extended,
        EventKind::Expired,
    ] {
        let times = kinds.iter().filter(|found| **found == kind).count();
        assert!(times >= 4, "{kind:?} happens {times} times");
    }
}

#[test]
fn a_ledger_that_closes_loses_nothing() {
    for durability in [Durability::Sync, Durability::Interval { window_ms: 60_000 }] {
        let dir = scratch();
        let mut options = options(dir.path());
        options.durability = durability;
        let ledger = Ledger::open(options).unwrap();
        let mut book = BookExecutor::new();
        for batch in batches() {
            assert_eq!(outcomes(ask(&ledger, &batch)), book.apply(&batch));
        }
        is_the_book_after(&ledger, BATCHES).unwrap();
        drop(ledger);
        assert_eq!(check(dir.path(), BATCHES, BATCHES), Ok(BATCHES));
    }
}

#[test]
fn a_failed_commit_poisons_and_loses_nothing_that_was_answered() {
    for n in 1..=BATCHES {
        let dir = scratch();
        let (replies, health) = run(dir.path(), Fault::FailCommit(n as u64));
        assert!(replies.iter().take(n - 1).all(|reply| matches!(reply, Some(Ok(_)))));
        let poisoned = |reply: &Reply| matches!(reply, Some(Err(LedgerError::Poisoned(_))));
        assert!(replies.iter().skip(n - 1).all(poisoned), "{replies:?}");
        assert!(matches!(health, Health::Poisoned(_)), "{health:?}");
        assert_eq!(check(dir.path(), n - 1, n), Ok(n - 1), "at commit {n}");
    }
}

#[test]
fn a_death_before_or_after_a_commit_loses_nothing_that_was_answered() {
    for n in 1..=BATCHES {
        for (fault, there) in
            [(Fault::StopBefore(n as u64), n - 1), (Fault::StopAfter(n as u64), n)]
        {
            let dir = scratch();
            let (replies, _) = run(dir.path(), fault);
            assert!(replies.iter().take(n - 1).all(|reply| matches!(reply, Some(Ok(_)))));
            assert!(replies[n - 1].is_none(), "{fault:?} was answered {:?}", replies[n - 1]);
            let closed = |reply: &Reply| matches!(reply, Some(Err(LedgerError::Closed)));
            assert!(replies.iter().skip(n).all(closed), "{fault:?}: {replies:?}");
            assert_eq!(check(dir.path(), n - 1, n), Ok(there), "{fault:?}");
        }
    }
}

/// All batches wait at once, so that a commit carries many of them.
fn run_at_once(dir: &Path, fault: Fault) -> Vec<Reply> {
    let mut options = options(dir);
    options.fault = fault;
    let ledger = Ledger::open(options).unwrap();
    let waiting: Vec<_> =
        batches().iter().map(|batch| submit(&ledger, batch, Timestamp::NEVER)).collect();
    waiting.into_iter().map(|answer| answer.recv().unwrap_or(None)).collect()
}

#[test]
fn batches_that_share_a_commit_are_there_together_or_not_at_all() {
    for n in 1..=4 {
        for fault in [Fault::FailCommit(n), Fault::StopBefore(n), Fault::StopAfter(n)] {
            let dir = scratch();
            let replies = run_at_once(dir.path(), fault);
            let answered = replies.iter().take_while(|reply| matches!(reply, Some(Ok(_)))).count();
            let later = replies.iter().skip(answered);
            assert!(later.clone().all(|reply| !matches!(reply, Some(Ok(_)))), "{replies:?}");
            // Whoever hears that the ledger is closed hears that nothing was done.
            let closed = |reply: &&Reply| matches!(reply, Some(Err(LedgerError::Closed)));
            let submitted = BATCHES - later.filter(closed).count();
            check(dir.path(), answered, submitted).unwrap();
        }
    }
}

#[test]
fn a_ledger_that_answers_before_it_syncs_is_caught() {
    for n in 1..=BATCHES {
        let dir = scratch();
        let (replies, _) = run(dir.path(), Fault::AnswerFirst(n as u64));
        let answered = replies.iter().take_while(|reply| matches!(reply, Some(Ok(_)))).count();
        assert_eq!(answered, n);
        let lie = check(dir.path(), answered, n).expect_err("a lost answer");
        assert_eq!(lie, format!("{n} were answered, {} are there", n - 1));
    }
}
