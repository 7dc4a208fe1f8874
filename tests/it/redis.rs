//! The ledger in Redis: it answers as the book does, on real servers.

mod cluster;
mod cluster_faults;
mod controls;
pub(crate) mod executor;
mod failover;
mod faults;
mod fence;
mod history;
mod partitions;
mod races;
mod verdict;

use jeton::domain::posting::FacetKind;
use jeton::domain::time::Timestamp;
use jeton::ledger::Cursor;
use jeton::ledger::redis::Place;
use jeton::testing::{BookExecutor, Executor, key, posting_id};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::ledgers::use_one;
use crate::scenarios;
use crate::sequences::moves::{Legs, sequences};
use crate::sequences::{agree, laws};
use executor::{RedisExecutor, Server, place};

fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

#[test]
fn redis_answers_as_the_tables_say() {
    let server = Server::start();
    scenarios::all(&mut || Box::new(RedisExecutor::new(&server, 1)));
}

#[test]
fn redis_agrees_with_the_book() {
    let server = Server::start();
    proptest!(config(), |(steps in sequences(Legs::All, 20))| {
        let mut redis = RedisExecutor::new(&server, 1);
        let verdict = agree(&mut BookExecutor::new(), &mut redis, &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    });
}

#[test]
fn redis_keeps_the_laws() {
    let server = Server::start();
    proptest!(config(), |(steps in sequences(Legs::All, 20))| {
        let verdict = laws::hold(&mut RedisExecutor::new(&server, 1), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    });
}

/// What is older than the retention leaves, and nothing younger: receipts, events, history.
#[test]
fn what_is_older_than_the_retention_leaves() {
    let server = Server::start();
    server.redis.cli(&["FLUSHALL"]).unwrap();
    let place = Place { retention_ms: 1_000, ..place(&server.url, 4) };
    let mut redis = RedisExecutor::at(place);
    let old = |n: u32| use_one(&format!("old{n}"), "x", 100, Timestamp(10));
    let commands: Vec<_> = (0..20).map(old).collect();
    redis.apply(&commands);
    redis.apply(&[use_one("young", "x", 100, Timestamp(5_000))]);
    assert_eq!(redis.events_after(0).len(), 21);
    redis.sweep(Timestamp(1_010));
    redis.apply(&[]);
    assert!(redis.ledger().receipt(&posting_id("old0")).unwrap().is_some(), "not yet");
    redis.sweep(Timestamp(1_011));
    redis.apply(&[]);
    for n in 0..20 {
        let receipt = redis.ledger().receipt(&posting_id(&format!("old{n}"))).unwrap();
        assert!(receipt.is_none(), "{receipt:?}");
    }
    assert!(redis.ledger().receipt(&posting_id("young")).unwrap().is_some());
    let (left, _) = redis.ledger().events(&Cursor::default(), usize::MAX).unwrap();
    assert_eq!(left.len(), 1);
    let owner = key(FacetKind::Uses, "x").owner;
    assert_eq!(redis.ledger().history(&owner, u64::MAX, 100).unwrap().len(), 1);
    assert_eq!(redis.used(key(FacetKind::Uses, "x")), 21, "what was used stays used");
}
