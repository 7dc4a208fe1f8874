//! Hostile bytes in any record: a clear error or an answer, never a panic.

use std::path::Path;

use jeton::domain::posting::Command;
use jeton::domain::time::Timestamp;
use jeton::ledger::{Cursor, Durability, Health, Ledger, LedgerError, OpenError};
use jeton::testing::Executor;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::executor::{LedgerExecutor, all_events, ask, options};
use super::places::keyspace;
use super::workload;

/// All keyspaces, those more often whose records are the largest.
const PLACES: [&str; 10] = [
    "meta",
    "counters",
    "registers",
    "balances",
    "receipts",
    "receipts",
    "receipts",
    "holds",
    "events",
    "history",
];

/// How many batches are done before the harm; the rest is done afterwards.
const BEFORE: usize = 16;

/// What is done to a record's bytes.
#[derive(Debug, Clone)]
enum Harm {
    Replace(Vec<u8>),
    Cut(usize),
    Flip(usize, u8),
    Insert(usize, Vec<u8>),
    /// The greatest number where one stands.
    Swell(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        1 => bytes().prop_map(Harm::Replace),
        2 => any::<usize>().prop_map(Harm::Cut),
        4 => (any::<usize>(), 1_u8..).prop_map(|(place, bits)| Harm::Flip(place, bits)),
        2 => (any::<usize>(), bytes()).prop_map(|(place, bytes)| Harm::Insert(place, bytes)),
        5 => any::<usize>().prop_map(Harm::Swell),
    ]
}

fn harmed(bytes: &[u8], harm: &Harm) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let place = |place: usize| place % bytes.len().max(1);
    match harm {
        Harm::Replace(others) => bytes.clone_from(others),
        Harm::Cut(at) => bytes.truncate(place(*at)),
        Harm::Flip(at, bits) => {
            let at = place(*at);
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= bits);
        }
        Harm::Insert(at, more) => {
            let at = place(*at);
            bytes.splice(at..at, more.iter().copied());
        }
        Harm::Swell(at) => {
            // The next small number becomes one of 64 bits.
            let at = place(*at);
            let small = bytes.iter().skip(at).position(|byte| *byte < 0x80);
            if let Some(found) = small.map(|found| at + found) {
                let greatest = [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
                bytes.splice(found..=found, greatest);
            }
        }
    }
    bytes
}

/// Does the harm to one record of a closed ledger.
fn do_harm(dir: &Path, name: &str, record: usize, harm: &Harm) {
    let (_db, place) = keyspace(dir, name);
    let records: Vec<_> = place.iter().map(|item| item.into_inner().unwrap()).collect();
    let Some((key, value)) = records.get(record % records.len().max(1)) else { return };
    place.insert(key.clone(), harmed(value, harm)).unwrap();
}

/// Opens the ledger and asks for all that it can be asked.
fn poke(dir: &Path) -> Result<(), String> {
    let ledger = match Ledger::open(options(dir)) {
        Ok(ledger) => ledger,
        Err(OpenError::Damaged { .. } | OpenError::Format { .. }) => return Ok(()),
        Err(error) => return Err(format!("no clear error: {error:?}")),
    };
    let read = |error: LedgerError| match error {
        LedgerError::Read(_) => Ok(()),
        other => Err(format!("reading is answered {other:?}")),
    };
    ledger.events(&Cursor::from(0), usize::MAX).map(drop).or_else(read)?;
    let mut commands: Vec<Command> = workload::batches().into_iter().flatten().collect();
    let now = Timestamp(100_000);
    let ids: Vec<_> = commands.iter().filter_map(Command::id).collect();
    commands.extend(ids.iter().map(|id| Command::Status { id: *id, now }));
    for (nr, command) in commands.iter().enumerate() {
        let Some(id) = command.id() else { continue };
        if let Err(error) = ledger.receipt(&id) {
            read(error)?;
        } else if let Command::Post(posting) = command {
            for leg in &posting.legs {
                if let jeton::domain::posting::Leg::Count { key, .. } = leg {
                    ledger.history(&key.owner, u64::MAX, 9).map(drop).or_else(read)?;
                    let _checked = ledger.read().check(&posting.legs, now);
                }
            }
        }
        match ask(&ledger, std::slice::from_ref(command)) {
            Some(Ok(_) | Err(LedgerError::Read(_))) => {}
            other => {
                let health = ledger.health().borrow().clone();
                return Err(format!("command {nr}, {command:?}: {other:?}, {health:?}"));
            }
        }
    }
    let health = ledger.health().borrow().clone();
    if health == Health::Good { Ok(()) } else { Err(format!("{health:?}")) }
}

fn after_some_work() -> tempfile::TempDir {
    let mut ledger = LedgerExecutor::new(Durability::Sync);
    for batch in workload::batches().iter().take(BEFORE) {
        ledger.apply(batch);
    }
    ledger.close()
}

#[test]
fn without_harm_there_is_something_to_harm_everywhere() {
    let dir = after_some_work();
    for name in PLACES {
        let (_db, place) = keyspace(dir.path(), name);
        assert!(place.iter().count() >= 1, "{name} is empty");
    }
    assert_eq!(poke(dir.path()), Ok(()));
    let ledger = Ledger::open(options(dir.path())).unwrap();
    assert!(all_events(&ledger).len() > BEFORE);
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_harmed_record_is_an_error_or_an_answer(
        name in proptest::sample::select(&PLACES[..]),
        record in any::<usize>(),
        harms in proptest::collection::vec(harm(), 1..3),
    ) {
        let dir = after_some_work();
        for harm in &harms {
            do_harm(dir.path(), name, record, harm);
        }
        let verdict = poke(dir.path());
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }
}
