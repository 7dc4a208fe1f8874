//! The directory of an embedded ledger: who may open it, what it must hold, and when it is synced.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use jeton::domain::time::Timestamp;
use jeton::ledger::{Durability, Ledger, LedgerError, OpenError};
use jeton::testing::ManualClock;

use super::executor::{ask, options, options_with, outcomes, scratch};
use super::use_one;

/// Opens the store below a ledger that is closed, and one of its keyspaces.
pub(super) fn keyspace(dir: &Path, name: &str) -> (Database, Keyspace) {
    let db = Database::builder(dir.join("ledger")).open().unwrap();
    let keyspace = db.keyspace(name, KeyspaceCreateOptions::default).unwrap();
    (db, keyspace)
}

fn worked(dir: &Path) {
    let ledger = Ledger::open(options(dir)).unwrap();
    outcomes(ask(&ledger, &[use_one("a", "x", 9, Timestamp(0))]));
}

#[test]
fn a_second_opening_is_refused_while_the_first_is_open() {
    let dir = scratch();
    let first = Ledger::open(options(dir.path())).unwrap();
    let second = Ledger::open(options(dir.path())).err().expect("two at once");
    assert!(matches!(&second, OpenError::Locked(at) if *at == dir.path().join("ledger")));
    assert!(second.to_string().contains("in use by another process"), "{second}");
    outcomes(ask(&first, &[use_one("a", "x", 9, Timestamp(0))]));
    drop(first);
    Ledger::open(options(dir.path())).unwrap();
}

#[test]
fn a_closed_ledger_says_so() {
    let dir = scratch();
    let ledger = Ledger::open(options(dir.path())).unwrap();
    ledger.close();
    ledger.close();
    let answer = ask(&ledger, &[use_one("a", "x", 9, Timestamp(0))]);
    assert!(matches!(answer, Some(Err(LedgerError::Closed))), "{answer:?}");
}

#[test]
fn a_format_that_is_not_known_is_named() {
    let dir = scratch();
    worked(dir.path());
    let (db, meta) = keyspace(dir.path(), "meta");
    meta.insert("format", "3").unwrap();
    drop((db, meta));
    let error = Ledger::open(options(dir.path())).err().expect("another format");
    assert!(matches!(&error, OpenError::Format { found, known: 2, .. } if found == "3"));
    assert!(error.to_string().contains("a ledger of format 3, this program reads format 2"));
}

#[track_caller]
fn check_damage(name: &str, key: &[u8], value: Option<&[u8]>, expected: &str) {
    let dir = scratch();
    worked(dir.path());
    let (db, place) = keyspace(dir.path(), name);
    match value {
        Some(value) => place.insert(key, value).unwrap(),
        None => place.remove(key).unwrap(),
    }
    drop((db, place));
    let error = Ledger::open(options(dir.path())).err().expect("damage");
    assert!(matches!(&error, OpenError::Damaged { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(expected) && text.contains("from a backup"), "{text}");
}

#[test]
fn damage_is_named_with_its_place() {
    let key = [1; 24];
    check_damage("counters", &key, Some(&[1, 5]), "record in counters");
    check_damage("counters", &key, Some(&[5, 5, 5]), "version 5");
    check_damage("counters", &key, Some(&[1, 5, 5, 5]), "1 bytes too many");
    check_damage("counters", &[1; 23], Some(&[1, 5, 5]), "23 bytes instead of 24");
    check_damage("registers", &key, Some(&[]), "record in registers");
    check_damage("balances", &key, Some(&[1, 0, 0, 0, 0xcd, 0xff, 0xff]), "65535");
    check_damage("balances", &key, Some(&[2, 0, 0, 0, 0, 0xcd, 0xff, 0xff]), "65535");
    check_damage("balances", &key, Some(&[1, 9, 3, 3, 1, 4, 0xc0]), "add up to the 9");
    check_damage("balances", &key, Some(&[2, 9, 3, 3, 0, 1, 4, 0xc0, 0xc0]), "add up to the 9");
    check_damage("holds", &[1; 5], Some(&[]), "5 bytes instead of 16");
    check_damage("holds", &[1; 16], Some(&[]), "is missing");
    check_damage("meta", b"last_event", Some(b"soon"), "no number");
    check_damage("meta", b"filed", Some(b"soon"), "no number");
    check_damage("meta", b"filed", Some(&[0xff; 8]), "is noted as filed, 1 is");
    check_damage("meta", b"last_event", None, "event 0 is noted as the newest, 1 is");
    check_damage("meta", b"last_event", Some(&[0xff; 8]), "is noted as the newest, 1 is");
}

/// How often the store was synced, as the metrics tell.
fn syncs(metrics: &metrics_exporter_prometheus::PrometheusHandle) -> u64 {
    let text = metrics.render();
    let count = text.lines().find_map(|line| line.strip_prefix("jeton_ledger_syncs_total "));
    count.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn an_interval_syncs_when_it_is_over_and_a_sync_ledger_always() {
    for (durability, expected) in
        [(Durability::Sync, [1, 2, 3, 3]), (Durability::Interval { window_ms: 50 }, [0, 0, 1, 2])]
    {
        let dir = scratch();
        let clock = ManualClock::at(Timestamp(0));
        let mut options = options_with(dir.path(), &clock);
        options.durability = durability;
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let ledger = metrics::with_local_recorder(&recorder, || Ledger::open(options).unwrap());
        let metrics = recorder.handle();
        let mut found = [0; 4];
        for (place, now) in [0, 49, 50].into_iter().enumerate() {
            clock.set(Timestamp(now));
            outcomes(ask(&ledger, &[use_one(&format!("at{now}"), "x", 9, Timestamp(now))]));
            found[place] = syncs(&metrics);
        }
        clock.set(Timestamp(60));
        if durability != Durability::Sync {
            outcomes(ask(&ledger, &[use_one("last", "x", 9, Timestamp(60))]));
        }
        // What is left is synced at the end.
        ledger.close();
        found[3] = syncs(&metrics);
        assert_eq!(found, expected, "{durability:?}");
    }
}
