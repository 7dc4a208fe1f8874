//! A whole installation goes from one store to another and on, and nobody notices.

mod catalog;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jeton::domain::book::{Balance, Event};
use jeton::domain::id::{Owner, PostingId};
use jeton::domain::posting::{Command, Key, Outcome};
use jeton::domain::time::Timestamp;
use jeton::ledger::archive::{ArchiveError, Item, Part, Parts, Store, decode, encode};
use jeton::ledger::{Answer, Cursor, Durability, Ledger, LedgerError, Options};
use jeton::testing::{BookExecutor, Executor, ManualClock, posting_id};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::ledgers::executor::{BEFORE_ALL, ask, outcomes, scratch};
use crate::ledgers::workload;
use crate::redis::executor::{Server, place};
use crate::sequences::agree_but_for_numbers;
use crate::sequences::moves::{Legs, Step, at, sequences, slot};

const PARTS: [Part; 3] = [Part::Events, Part::Receipts, Part::Owners];

/// Number of partitions of the ledgers in Redis.
const PARTITIONS: u16 = 16;

/// A ledger that moves to another store whenever it is opened again: from a directory to Redis,
/// from there into a new directory, and so on.
struct Mover<'a> {
    server: &'a Server,
    clock: ManualClock,
    dir: tempfile::TempDir,
    options: Options,
    ledger: Option<Ledger>,
}

impl<'a> Mover<'a> {
    fn new(server: &'a Server) -> Self {
        let clock = ManualClock::at(BEFORE_ALL);
        let dir = scratch();
        let options = embedded(&dir, &clock);
        let ledger = Some(Ledger::open(options.clone()).unwrap());
        Self { server, clock, dir, options, ledger }
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    /// Moves, and compares what is there with what was.
    fn move_on(&mut self) {
        let before = told(self.ledger());
        self.ledger = None;
        let mut from = Store::open(&self.options).unwrap();
        let is_leaving = self.options.redis.is_none();
        let dir = scratch();
        let options = if is_leaving {
            self.server.redis.cli(&["FLUSHALL"]).unwrap();
            in_redis(self.server, &self.clock)
        } else {
            embedded(&dir, &self.clock)
        };
        let mut to = Store::open(&options).unwrap();
        to.fill(&mut from).unwrap();
        let (ours, theirs) = (items(&mut from), items(&mut to));
        from.check_still().unwrap();
        if is_leaving {
            // Numbers are given anew; what is the same stays the same.
            assert_eq!(unnumbered(&ours), unnumbered(&theirs));
            assert_eq!(pattern(&ours), pattern(&theirs));
        } else {
            assert_eq!(ours, theirs);
        }
        drop(from);
        to.finish().unwrap();
        self.clock.set(BEFORE_ALL);
        (self.options, self.dir) = (options, dir);
        self.ledger = Some(Ledger::open(self.options.clone()).unwrap());
        assert_eq!(told(self.ledger()), before, "the postings of the owners");
    }
}

fn embedded(dir: &tempfile::TempDir, clock: &ManualClock) -> Options {
    let clock = clock.clone();
    Options::new(dir.path().join("ledger"), Arc::new(move || clock.now()))
}

fn in_redis(server: &Server, clock: &ManualClock) -> Options {
    let clock = clock.clone();
    let mut options = Options::new("/nowhere".into(), Arc::new(move || clock.now()));
    options.durability = Durability::RedisAsIs;
    options.redis = Some(place(&server.url, PARTITIONS));
    options
}

/// All items, each through its bytes.
fn items(store: &mut Store) -> Vec<Item> {
    let mut items = Vec::new();
    for part in PARTS {
        store
            .each(part, &mut |item| {
                assert_eq!(decode(part, &encode(&item)).as_ref(), Ok(&item));
                items.push(item);
                Ok(())
            })
            .unwrap();
    }
    items
}

/// The items without the numbers of events, and events of one moment in no order.
fn unnumbered(items: &[Item]) -> Vec<Vec<u8>> {
    let bytes = |item: &Item| {
        let mut item = item.clone();
        item.renumber(|_| 0);
        encode(&item)
    };
    let mut all: Vec<Vec<u8>> = items.iter().map(bytes).collect();
    all.sort_unstable();
    all
}

/// Which names of events in receipts and records are the same event: for each, where it is named
/// first. Receipts and records have the same order everywhere.
fn pattern(items: &[Item]) -> Vec<usize> {
    let seen = std::cell::RefCell::new((BTreeMap::new(), Vec::new()));
    for item in items.iter().filter(|item| !matches!(item, Item::Event(_))) {
        item.clone().renumber(|number| {
            let (firsts, places) = &mut *seen.borrow_mut();
            let next = places.len();
            places.push(*firsts.entry(number).or_insert(next));
            number
        });
    }
    seen.into_inner().1
}

/// The postings in the history of each owner, as far as their receipts name it. (What was held and
/// came to its end may be posted again with other legs; then only those are remembered.)
fn told(ledger: &Ledger) -> BTreeMap<Owner, BTreeSet<PostingId>> {
    let (entries, _) = ledger.events(&Cursor::default(), usize::MAX).unwrap();
    let mut told: BTreeMap<Owner, BTreeSet<PostingId>> = BTreeMap::new();
    for receipt in entries.iter().filter_map(|entry| entry.receipt.as_ref()) {
        for leg in &receipt.legs {
            told.entry(slot(leg).key().owner).or_default().insert(receipt.id);
        }
    }
    for (owner, ids) in &told {
        let history = ledger.history(owner, u64::MAX, 10_000).unwrap();
        let found: BTreeSet<_> = history.iter().map(|entry| entry.event.id).collect();
        assert!(found.is_superset(ids), "{owner:?} has {ids:?}, its history {found:?}");
    }
    told
}

impl Executor for Mover<'_> {
    fn apply(&mut self, commands: &[Command]) -> Vec<Outcome> {
        outcomes(ask(self.ledger(), commands))
    }

    fn sweep(&mut self, now: Timestamp) {
        self.clock.set(now);
        let mut before = None;
        while before.replace(self.last_event()) != Some(self.last_event()) {
            self.apply(&[]);
        }
        // A ledger in Redis stays there: what it has forgotten, it does not remember.
        if self.options.redis.is_none() {
            self.clock.set(BEFORE_ALL);
        }
    }

    fn used(&mut self, key: Key) -> u64 {
        self.ledger().read().used(&key)
    }

    fn held(&mut self, key: Key) -> u64 {
        self.ledger().read().held(&key)
    }

    fn register(&mut self, key: Key) -> Option<i64> {
        self.ledger().read().register(&key)
    }

    fn balance(&mut self, key: Key) -> Option<Balance> {
        self.ledger().read().balance(&key).cloned()
    }

    fn last_event(&mut self) -> u64 {
        self.events_after(0).len() as u64
    }

    fn events_after(&mut self, _number: u64) -> Vec<Event> {
        let (entries, _) = self.ledger().events(&Cursor::default(), usize::MAX).unwrap();
        entries.into_iter().map(|entry| entry.event).collect()
    }

    fn reopen(&mut self) {
        self.move_on();
    }
}

#[test]
fn a_ledger_that_moves_answers_as_the_book() {
    let server = Server::start();
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    proptest!(config, |(steps in sequences(Legs::All, 16))| {
        let mut mover = Mover::new(&server);
        // Most of what is interesting is open in the middle.
        let (first, second) = steps.split_at(steps.len() / 2);
        let steps = [first, &[Step::Reopen], second, &[Step::Reopen, Step::Reopen]].concat();
        let verdict = agree_but_for_numbers(&mut BookExecutor::new(), &mut mover, &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    });
}

#[test]
fn a_ledger_that_moves_again_and_again_keeps_all() {
    let server = Server::start();
    let mut steps = Vec::new();
    for (nr, batch) in workload::batches().into_iter().enumerate() {
        steps.push(Step::Batch(batch));
        if nr % 7 == 3 {
            steps.push(Step::Reopen);
        }
    }
    let mut mover = Mover::new(&server);
    let verdict = agree_but_for_numbers(&mut BookExecutor::new(), &mut mover, &steps);
    assert_eq!(verdict, Ok(()));
}

#[test]
fn only_what_is_empty_is_filled_and_nobody_serves_before_it_is_finished() {
    let server = Server::start();
    let mut mover = Mover::new(&server);
    for batch in workload::batches() {
        mover.apply(&batch);
    }
    mover.ledger = None;
    let mut from = Store::open(&mover.options).unwrap();
    let dir = scratch();
    server.redis.cli(&["FLUSHALL"]).unwrap();
    for options in [embedded(&dir, &mover.clock), in_redis(&server, &mover.clock)] {
        let mut to = Store::open(&options).unwrap();
        to.fill(&mut from).unwrap();
        // As if it broke off here.
        drop(to);
        if let Ok(ledger) = Ledger::open(options.clone()) {
            let answer = ask(&ledger, &workload::batches()[0]);
            let answers = answer.as_ref().and_then(|answer| answer.as_ref().ok()).unwrap();
            let fenced = |one: &Answer| matches!(one, Answer::Failed(LedgerError::Fenced(_)));
            assert!(answers.iter().all(fenced), "it serves from what is not finished: {answer:?}");
        }
        let again = Store::open(&options).and_then(|mut to| to.fill(&mut from));
        assert!(matches!(again, Err(ArchiveError::NotEmpty(_))), "{again:?}");
    }
}

#[test]
fn what_is_written_while_a_ledger_is_read_is_noticed() {
    let server = Server::start();
    let mut mover = Mover::new(&server);
    let mut batches = workload::batches().into_iter();
    mover.apply(&batches.next().unwrap());
    mover.move_on();
    let mut store = Store::open(&mover.options).unwrap();
    items(&mut store);
    store.check_still().unwrap();
    mover.apply(&batches.next().unwrap());
    assert!(matches!(store.check_still(), Err(ArchiveError::Changed)));
}

/// What names an event that was let go still names the same, and no other.
#[test]
fn what_was_let_go_stays_apart() {
    let server = Server::start();
    let mut mover = Mover::new(&server);
    mover.move_on();
    mover.ledger = None;
    mover.options.redis.as_mut().unwrap().retention_ms = 1_000;
    mover.ledger = Some(Ledger::open(mover.options.clone()).unwrap());
    let batches = workload::batches();
    for batch in &batches {
        mover.apply(batch);
    }
    let before = mover.last_event();
    let later = |(nr, command): (usize, &Command)| {
        let mut command = at(command, Timestamp(5_000));
        if let Command::Post(posting) = &mut command {
            posting.id = posting_id(&format!("young{nr}"));
        }
        command
    };
    mover.apply(&batches[2].iter().enumerate().map(later).collect::<Vec<_>>());
    mover.sweep(Timestamp(5_000));
    assert!(mover.last_event() < before, "nothing was let go");
    mover.options.redis.as_mut().unwrap().retention_ms = i64::MAX / 2;
    let first = |mover: &mut Mover<'_>| mover.events_after(0)[0].number;
    mover.move_on();
    assert!(first(&mut mover) > 1);
    mover.move_on();
    mover.move_on();
    assert!(first(&mut mover) > 1);
}
