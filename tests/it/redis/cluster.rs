//! The ledger on a cluster: postings over several partitions are all or nothing, whatever dies.

use std::sync::Arc;
use std::time::Duration;

use jeton::clock::Clock;
use jeton::domain::posting::{Command, FacetKind, Key, Leg, Mode, Outcome, Posting};
use jeton::domain::time::Timestamp;
use jeton::ledger::redis::{Flaw, Place, Step};
use jeton::ledger::{Answer, Durability, Ledger, Options};
use jeton::testing::servers::{Cluster, RedisOptions};
use jeton::testing::{BookExecutor, key, posting_id};
use proptest::prelude::*;

use super::config;
use super::executor::{RedisExecutor, place};
use crate::ledgers::executor::{ask, outcomes, submit};
use crate::scenarios;
use crate::sequences::agree_but_for_numbers;
use crate::sequences::moves::{Legs, sequences};

const PARTITIONS: u16 = 16;

fn start() -> Cluster {
    Cluster::start(3, 0, &RedisOptions::default()).unwrap()
}

fn flush(cluster: &Cluster) {
    for node in cluster.nodes() {
        node.cli(&["FLUSHALL"]).unwrap();
    }
}

fn executor(cluster: &Cluster) -> RedisExecutor {
    flush(cluster);
    RedisExecutor::at(place(&cluster.url(), PARTITIONS))
}

#[test]
fn a_cluster_answers_as_the_tables_say() {
    let cluster = start();
    scenarios::all(&mut || Box::new(executor(&cluster)));
}

#[test]
fn a_cluster_agrees_with_the_book() {
    let cluster = start();
    proptest!(config(), |(steps in sequences(Legs::All, 12))| {
        let mut redis = executor(&cluster);
        let verdict = agree_but_for_numbers(&mut BookExecutor::new(), &mut redis, &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    });
}

/// A node with the system's clock.
fn node(place: Place) -> Ledger {
    let clock = Clock::system();
    let mut options = Options::new("/nowhere".into(), Arc::new(move || clock.now()));
    options.durability = Durability::RedisAsIs;
    options.redis = Some(place);
    Ledger::open(options).unwrap()
}

fn now() -> Timestamp {
    Clock::system().now()
}

/// Counters whose partitions are all different.
fn four_codes() -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let partition = |key: &Key| {
        let [.., high, low] = key.owner.0;
        u16::from_be_bytes([high, low]) % PARTITIONS
    };
    for number in 0_u16.. {
        let mut key = key(FacetKind::Uses, "code");
        key.owner.0[14..].copy_from_slice(&number.to_be_bytes());
        if keys.iter().all(|other| partition(other) != partition(&key)) {
            keys.push(key);
        }
        if keys.len() == 4 {
            break;
        }
    }
    keys
}

fn order(name: &str, keys: &[Key]) -> Command {
    let leg = |key: &Key| Leg::Count { key: *key, n: 1, max: 1, keep_until: None };
    Command::Post(Posting {
        id: posting_id(name),
        fingerprint: 1,
        mode: Mode::Post,
        size: 1,
        legs: keys.iter().map(leg).collect(),
        note: Box::default(),
        now: now(),
    })
}

fn used(ledger: &Ledger, keys: &[Key]) -> Vec<(u64, u64)> {
    let owners = keys.iter().map(|key| key.owner).collect();
    assert_eq!(outcomes(ask(ledger, &[Command::Look { owners }])), [Outcome::Looked]);
    let book = ledger.read();
    keys.iter().map(|key| (book.used(key), book.held(key))).collect()
}

/// Waits until nothing is held any more: prepared parts are given up after ten seconds.
fn settled(ledger: &Ledger, keys: &[Key]) -> Vec<u64> {
    for _ in 0..300 {
        let used = used(ledger, keys);
        if used.iter().all(|(_, held)| *held == 0) {
            return used.into_iter().map(|(used, _)| used).collect();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("held for ever: {:?}", used(ledger, keys));
}

/// What is used of each code after a node died at `step` of an order, and what the caller's second
/// try with the same id was told on another node.
fn after_dying(cluster: &Cluster, step: Step, flaw: Flaw) -> (Vec<u64>, Outcome) {
    flush(cluster);
    let whole = Place { flaw, ..place(&cluster.url(), PARTITIONS) };
    let dying = node(Place { dies_after: Some(step), ..whole.clone() });
    let living = node(whole);
    let keys = four_codes();
    let deadline = now().plus_ms(1_000);
    let told = submit(&dying, &[order("order", &keys)], deadline).recv().unwrap();
    let died = matches!(&told, Some(Ok(answers)) if matches!(answers[..], [Answer::Failed(_)]));
    assert!(died || matches!(step, Step::Decided | Step::Followed), "{told:?}");
    let used = settled(&living, &keys);
    let again = outcomes(ask(&living, &[order("order", &keys)])).remove(0);
    assert_eq!(settled(&living, &keys), [1; 4], "after the second try: {again:?}");
    (used, again)
}

/// What is used of each code when a node decides an order so late that it was given up.
fn after_deciding_late(cluster: &Cluster, flaw: Flaw) -> Vec<u64> {
    flush(cluster);
    let whole = Place { flaw, ..place(&cluster.url(), PARTITIONS) };
    let late = node(Place { decides_late: Some(Duration::from_secs(13)), ..whole.clone() });
    let other = node(whole);
    let keys = four_codes();
    let deadline = now().plus_ms(14_000);
    let told = submit(&late, &[order("order", &keys)], deadline).recv().unwrap();
    assert!(told.is_some(), "{told:?}");
    drop(late);
    settled(&other, &keys)
}

#[test]
fn what_was_given_up_cannot_be_decided_any_more() {
    assert_eq!(after_deciding_late(&start(), Flaw::None), [0; 4]);
}

#[test]
fn a_decision_that_is_not_written_down_is_caught() {
    let used = after_deciding_late(&start(), Flaw::NoDecision);
    assert!(used.contains(&0) && used.contains(&1), "{used:?}");
}

#[test]
fn an_order_is_all_or_none_wherever_a_node_dies() {
    let cluster = start();
    for (step, is_done) in [
        (Step::Claimed, false),
        (Step::Prepared, false),
        (Step::Decided, true),
        (Step::Followed, true),
    ] {
        let (used, again) = after_dying(&cluster, step, Flaw::None);
        assert_eq!(used, if is_done { [1; 4] } else { [0; 4] }, "died after {step:?}");
        let is_right = match again {
            Outcome::Done(_) => !is_done,
            Outcome::Replayed(_) => is_done,
            _ => false,
        };
        assert!(is_right, "after {step:?}: {again:?}");
    }
}
