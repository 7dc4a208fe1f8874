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

use jeton::domain::book::EventKind;
use jeton::domain::posting::{Command, FacetKind, Part};
use jeton::domain::time::Timestamp;
use jeton::ledger::redis::Place;
use jeton::ledger::{Cursor, Durability, Ledger};
use jeton::testing::{BookExecutor, Executor, check, key, posting_id};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::ledgers::executor::LedgerExecutor;
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

/// As the embedded ledger tells it, which writes down every event; also what happened late to a
/// posting of which hundreds are newer, and when a page ends anywhere.
#[test]
fn a_history_is_told_in_pages() {
    let server = Server::start();
    let mut redis = RedisExecutor::new(&server, 4);
    let mut embedded = LedgerExecutor::new(Durability::Memory);
    let id = |n: i64| posting_id(&format!("use {n}"));
    let mut apply = |commands: &[Command]| {
        redis.apply(commands);
        embedded.apply(commands);
    };
    for first in (0..600).step_by(50) {
        let uses = first..first + 50;
        let uses = uses.map(|n| use_one(&format!("use {n}"), "x", 1_000, Timestamp(n)));
        apply(&uses.collect::<Vec<_>>());
    }
    for (n, now) in [(3, 700), (301, 701), (599, 702)] {
        let (id, release_id) = (id(n), posting_id(&format!("back {n}")));
        let now = Timestamp(now);
        apply(&[Command::Release { id, release_id, part: Part::All, credit: None, now }]);
    }
    apply(&[use_one("last", "x", 1_000, Timestamp(800))]);
    let owner = key(FacetKind::Uses, "x").owner;
    let told = |ledger: &Ledger, most| {
        let (mut told, mut before) = (Vec::new(), u64::MAX);
        loop {
            let page = ledger.history(&owner, before, most).unwrap();
            let Some(last) = page.last() else { return told };
            before = last.event.number;
            told.extend(page.iter().map(|entry| (entry.event.kind, entry.event.id)));
        }
    };
    let expected = told(embedded.ledger(), 1_000);
    assert_eq!(expected.len(), 604);
    for most in [7, 100, 1_000] {
        assert_eq!(told(redis.ledger(), most), expected, "{most} at a time");
    }
}

#[test]
fn a_credit_is_in_the_history_of_whoever_got_it() {
    let server = Server::start();
    let mut redis = RedisExecutor::new(&server, 16);
    check(
        &mut redis,
        "
        at 0 post a count x 4/9 + spend v 1 open 5 size 4 => done
             release a part 1 as r1 credit g 5 => done
             release a part 1 as r2 credit v 5 => done
             release a part 1 as r3 => done",
    );
    let history = |name: &str| {
        let owner = key(FacetKind::Balance, name).owner;
        let entries = redis.ledger().history(&owner, u64::MAX, 10).unwrap();
        entries.into_iter().map(|entry| entry.event.kind).collect::<Vec<_>>()
    };
    assert_eq!(history("g"), [EventKind::Released]);
    let all = [EventKind::Released, EventKind::Released, EventKind::Released, EventKind::Redeemed];
    assert_eq!(history("v"), all);
    assert_eq!(history("x"), all);
    assert_eq!(history("y"), []);
}

/// Takes out of all records what they did not have before lots could wait, balances owe, legs go
/// and releases credit; says of how many.
const AS_BEFORE: &str = "
    local changed = 0
    for _, key in ipairs(redis.call('KEYS', '*')) do
      local letter = string.match(key, '^{j%d+}([or])')
      if letter then
        local value = cmsgpack.unpack(redis.call('GET', key))
        if letter == 'r' then
          local legs = cmsgpack.unpack(value[11])
          for _, leg in ipairs(legs) do
            leg[10], leg[11] = nil, nil
          end
          value[11], value[16] = cmsgpack.pack(legs), nil
        else
          for entry, kept in pairs(value[2]) do
            kept[5] = nil
          end
        end
        redis.call('SET', key, cmsgpack.pack(value))
        changed = changed + 1
      end
    end
    return changed";

#[test]
fn records_of_before_are_gone_on_with() {
    let server = Server::start();
    let mut redis = RedisExecutor::new(&server, 1);
    let table = "
        at 0 post a earn g 10@90 + spend h 4 open 10@80 + count x 4/9 size 4 => done g=10 h=6 x=4
             release a part 1 as r1 => done g=8 h=7 x=3
             hold b earn g 5 + spend h 2 for 100 => done h=5 held:h=2";
    check(&mut redis, table);
    assert_eq!(server.redis.cli(&["EVAL", AS_BEFORE, "0"]).unwrap().trim(), "5");
    let table = "
        at 1 post c spend g 1 + spend h 1 + count x 1/9 => done lots:g=7@90 lots:h=4@80 debt:g=0 x=4
             release a part 1 as r1 => replayed .credited=none .gone=none
             release a part 1 as r1 credit v 1 => mismatch
             release a legs 1 as r2 => done lots:h=7@80 .gone=1 .short=0
             release a as r3 credit v 5 => done g=0 x=1 debt:g=0 .short=1 v=5
             confirm b => done g=5 used:x=1
             release b legs 0 as r4 => done g=0 .gone=0
             release b as r5 => done lots:h=9@80 .state=released";
    check(&mut redis, table);
}
