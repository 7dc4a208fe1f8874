//! Sixteen partitions on one server: answers as from the book, and events that tell the same in the
//! same order.

use std::collections::{BTreeMap, BTreeSet};

use jeton::domain::book::{Change, Event, EventKind, Record, Slot};
use jeton::domain::id::Owner;
use jeton::domain::posting::{Command, Key, Leg};
use jeton::domain::time::Timestamp;
use jeton::ledger::{Cursor, Entry, Ledger};
use jeton::testing::{BookExecutor, Executor, Records};
use proptest::prelude::*;

use super::config;
use super::executor::{RedisExecutor, Server};
use crate::ledgers::executor::{ask, outcomes};
use crate::ledgers::use_one;
use crate::sequences::moves::{Legs, Step, sequences};
use crate::sequences::unnumbered;

const PARTITIONS: u16 = 16;

/// Owners that one look asks for.
const LOOKED_AT: usize = 64;

/// The same name, in a partition that follows from it.
pub(crate) fn apart(mut name: [u8; 16]) -> [u8; 16] {
    name[15] = name.iter().fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(*byte));
    name
}

/// Where an event was told.
fn partition_of(event: &Event, partitions: u16) -> u16 {
    u16::try_from(event.number % u64::from(partitions)).unwrap()
}

/// All events of all partitions.
pub(crate) fn entries(ledger: &Ledger) -> Vec<Entry> {
    ledger.events(&Cursor::default(), usize::MAX).unwrap().0
}

/// What is wrong with the events: gaps, postings in foreign partitions, receipts that are gone,
/// and records that stand where no partition's last word is.
pub(crate) fn amiss(ledger: &Ledger, entries: &[Entry], partitions: u16) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut events: Vec<&Event> = entries.iter().map(|entry| &entry.event).collect();
    events.sort_by_key(|event| event.number);
    let mut counts = vec![0; usize::from(partitions)];
    for event in &events {
        let partition = partition_of(event, partitions);
        let count = &mut counts[usize::from(partition)];
        *count += 1;
        if event.number != *count * u64::from(partitions) + u64::from(partition) {
            wrong.push(format!("number {} is the {count}th of {partition}", event.number));
        }
    }
    let newest = ledger.newest().unwrap();
    for (partition, count) in counts.iter().enumerate() {
        if newest.count(partition) != *count {
            wrong.push(format!("{partition} has {count} events of {}", newest.count(partition)));
        }
    }
    // What was given up has none, and is told all the same.
    let gone = entries
        .iter()
        .filter(|entry| entry.receipt.is_none() && entry.event.kind != EventKind::Followed);
    wrong.extend(gone.map(|entry| format!("{} has no receipt", entry.event.id)));
    wrong.extend(records_amiss(ledger, &events, partitions));
    wrong
}

/// What events say last of each record, in each partition.
fn last_words<'e>(
    events: &[&'e Event],
    partitions: u16,
) -> BTreeMap<Slot, BTreeMap<u16, &'e Change>> {
    let mut words: BTreeMap<Slot, BTreeMap<u16, &Change>> = BTreeMap::new();
    for event in events {
        for change in &event.changes {
            words.entry(change.slot()).or_default().insert(partition_of(event, partitions), change);
        }
    }
    words
}

/// Which partition spoke last cannot be told from numbers, but one of them did.
fn records_amiss(ledger: &Ledger, events: &[&Event], partitions: u16) -> Vec<String> {
    let words = last_words(events, partitions);
    let owners: BTreeSet<Owner> = words.keys().map(|slot| slot.key().owner).collect();
    let owners: Vec<Owner> = owners.into_iter().collect();
    let looks = owners.chunks(LOOKED_AT);
    let looks: Vec<_> =
        looks.map(|owners| Command::Look { owners: owners.iter().copied().collect() }).collect();
    outcomes(ask(ledger, &looks));
    let book = ledger.read();
    let stands = |slot: &Slot, change: &Change| match change {
        // What is over may be forgotten; no event tells of that.
        Change::Is(Record::Counter(key, counter), held) => {
            let is_forgotten = counter.keep_until != Timestamp::NEVER && !book.has(slot);
            is_forgotten || (book.used(key), book.held(key)) == (counter.used, *held)
        }
        Change::Is(Record::Register(key, register), _) => {
            let is_forgotten = register.keep_until != Timestamp::NEVER && !book.has(slot);
            is_forgotten || book.register(key) == Some(register.setting.value)
        }
        Change::Is(Record::Balance(key, balance), held) => {
            book.balance(key) == Some(balance) && book.held(key) == *held
        }
        Change::Gone(_) => !book.has(slot),
    };
    let wrong = words.iter().filter(|(slot, said)| !said.values().any(|word| stands(slot, word)));
    let told = |(slot, said): (&Slot, &BTreeMap<u16, &Change>)| {
        let key = slot.key();
        let (used, held, balance) = (book.used(&key), book.held(&key), book.balance(&key));
        format!("{slot:?}: stands at {used}, {held} held, {balance:?}, but events say {said:?}")
    };
    wrong.map(told).collect()
}

/// The same command about names that are apart.
pub(super) fn scatter(command: &Command) -> Command {
    let mut command = command.clone();
    match &mut command {
        Command::Post(posting) => {
            posting.id.0 = apart(posting.id.0);
            posting.legs.iter_mut().for_each(scatter_leg);
        }
        Command::Release { id, release_id, credit, .. } => {
            id.0 = apart(id.0);
            release_id.0 = apart(release_id.0);
            credit.iter_mut().for_each(|credit| scatter_leg(credit));
        }
        Command::Recall { id, .. }
        | Command::Confirm { id, .. }
        | Command::Extend { id, .. }
        | Command::Status { id, .. } => id.0 = apart(id.0),
        Command::Look { owners } => owners.iter_mut().for_each(|owner| owner.0 = apart(owner.0)),
    }
    command
}

fn scatter_leg(leg: &mut Leg) {
    let scatter = |key: &mut Key| key.owner.0 = apart(key.owner.0);
    match leg {
        Leg::Once { marker, key, .. } => {
            scatter(marker);
            scatter(key);
        }
        Leg::Count { key, .. }
        | Leg::Interval { key, .. }
        | Leg::Zone { key, .. }
        | Leg::Spend { key, .. }
        | Leg::Earn { key, .. } => scatter(key),
    }
}

fn unnumbered_event(mut event: Event) -> Event {
    event.number = 0;
    for change in &mut event.changes {
        if let Change::Is(Record::Register(_, register), _) = change {
            register.setting.event = 0;
        }
    }
    event
}

/// Runs the same steps over the book and over partitions; fails at the first difference in answers,
/// and when the events are not those of the book in their order.
fn agree(redis: &mut RedisExecutor, steps: &[Step]) -> Result<(), String> {
    let mut book = BookExecutor::new();
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Batch(commands) => {
                let commands: Vec<Command> = commands.iter().map(scatter).collect();
                let (ours, theirs) = (book.apply(&commands), redis.apply(&commands));
                for (place, (ours, theirs)) in ours.into_iter().zip(theirs).enumerate() {
                    let (ours, theirs) = (unnumbered(ours), unnumbered(theirs));
                    if ours != theirs {
                        let show = (&commands[place], ours, theirs);
                        return Err(format!("step {number}, command {place}: {show:#?}"));
                    }
                }
            }
            Step::Sweep(now) => {
                book.sweep(*now);
                redis.sweep(*now);
            }
            Step::Reopen => redis.reopen(),
        }
    }
    let entries = entries(redis.ledger());
    let mut theirs: Vec<Event> = entries.iter().map(|entry| entry.event.clone()).collect();
    theirs.sort_by_key(|event| event.number);
    let ours = book.events_after(0);
    let mut records = Records::default();
    ours.iter().for_each(|event| records.fold(event));
    let unnumbered = |events: Vec<Event>| events.into_iter().map(unnumbered_event).collect();
    let (ours, theirs): (Vec<Event>, Vec<Event>) = (unnumbered(ours), unnumbered(theirs));
    if ours != theirs {
        return Err(format!("events differ\n{ours:#?}\n{theirs:#?}"));
    }
    let wrong = amiss(redis.ledger(), &entries, PARTITIONS);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

#[test]
fn partitions_agree_with_the_book() {
    let server = Server::start();
    proptest!(config(), |(steps in sequences(Legs::All, 20))| {
        let mut redis = RedisExecutor::new(&server, PARTITIONS);
        let verdict = agree(&mut redis, &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    });
}

/// First uses go to Redis in runs of their own: whatever stands between and in them, all are
/// answered and told in their order.
#[test]
fn first_uses_among_others_agree_with_the_book() {
    let server = Server::start();
    let mut redis = RedisExecutor::new(&server, PARTITIONS);
    let first = |id: &str, code: &str| use_one(id, code, 1, Timestamp(10));
    let hot = |id: &str| use_one(id, "hot", 100, Timestamp(10));
    let fresh =
        vec![first("a", "A"), first("b", "B"), hot("h1"), hot("h2"), first("c", "C"), hot("h3")];
    // Codes that are used and ids that are known, at both ends and in the middle of runs.
    let mixed = vec![
        first("x", "A"),
        first("d", "D"),
        first("b", "B"),
        first("e", "E"),
        hot("h1"),
        first("a", "F"),
        first("g", "G"),
        hot("h4"),
        first("h", "H"),
        first("i", "I"),
        first("y", "C"),
    ];
    let steps = [fresh, mixed].map(Step::Batch);
    assert_eq!(agree(&mut redis, &steps), Ok(()));
}
