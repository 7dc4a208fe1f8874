//! Negative controls: embedded ledgers that lost a guard each, and the tables that catch them.

use std::path::Path;

use jeton::domain::book::{Balance, Event};
use jeton::domain::posting::{Command, Key, Leg, Mode, Outcome, Posting};
use jeton::domain::time::Timestamp;
use jeton::ledger::Durability;
use jeton::testing::Executor;

use super::executor::LedgerExecutor;
use super::places::keyspace;
use crate::scenarios;

/// The guard that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Nothing,
    /// The records that make a repeat a repeat.
    Receipts,
    /// What is known of open holds.
    Holds,
    /// The numbers that limits are held against.
    Counters,
    /// The check against the ceiling.
    Ceiling,
    /// The reclaiming of holds that are over.
    Reclaim,
}

/// An embedded ledger that has lost a guard.
struct Unguarded {
    lost: Lost,
    ledger: LedgerExecutor,
}

impl Unguarded {
    fn altered(&self, command: &Command) -> Command {
        let mut command = command.clone();
        if let Command::Post(Posting { legs, mode, .. }) = &mut command {
            match (self.lost, mode) {
                (Lost::Ceiling, _) => {
                    for leg in legs {
                        if let Leg::Count { max, .. } | Leg::Once { max, .. } = leg {
                            *max = u64::MAX;
                        }
                    }
                }
                (Lost::Reclaim, Mode::Hold { until }) => *until = Timestamp::NEVER,
                _ => {}
            }
        }
        command
    }
}

/// Takes all records out of one place, but those that `stays` names.
fn wipe(dir: &Path, name: &str, stays: &[Vec<u8>]) {
    let (_db, place) = keyspace(dir, name);
    for key in keys(&place) {
        if !stays.contains(&key) {
            place.remove(key).unwrap();
        }
    }
}

fn keys(place: &fjall::Keyspace) -> Vec<Vec<u8>> {
    place.iter().map(|item| item.key().unwrap().to_vec()).collect()
}

impl Executor for Unguarded {
    fn apply(&mut self, commands: &[Command]) -> Vec<Outcome> {
        let commands: Vec<Command> = commands.iter().map(|one| self.altered(one)).collect();
        self.ledger.apply(&commands)
    }

    fn sweep(&mut self, now: Timestamp) {
        self.ledger.sweep(now);
    }

    fn used(&mut self, key: Key) -> u64 {
        self.ledger.used(key)
    }

    fn held(&mut self, key: Key) -> u64 {
        self.ledger.held(key)
    }

    fn register(&mut self, key: Key) -> Option<i64> {
        self.ledger.register(key)
    }

    fn balance(&mut self, key: Key) -> Option<Balance> {
        self.ledger.balance(key)
    }

    fn last_event(&mut self) -> u64 {
        self.ledger.last_event()
    }

    fn events_after(&mut self, number: u64) -> Vec<Event> {
        self.ledger.events_after(number)
    }

    fn reopen(&mut self) {
        let lost = self.lost;
        self.ledger.reopen_after(|dir| match lost {
            Lost::Receipts => {
                // Open holds are missed at once; what is settled is missed when it is repeated.
                let held = keys(&keyspace(dir, "holds").1);
                wipe(dir, "receipts", &held);
            }
            Lost::Holds => wipe(dir, "holds", &[]),
            Lost::Counters => wipe(dir, "counters", &[]),
            Lost::Nothing | Lost::Ceiling | Lost::Reclaim => {}
        });
    }
}

#[track_caller]
fn check_caught(lost: Lost, table: &str) {
    let failures = scenarios::failures(&mut || {
        Box::new(Unguarded { lost, ledger: LedgerExecutor::new(Durability::Sync) })
    });
    let named = failures.iter().any(|failure| failure.starts_with(table));
    let first: Vec<_> = failures.iter().take(5).cloned().collect();
    assert!(named, "no table {table:?} fails, but:\n{}", first.join("\n\n"));
}

#[test]
fn a_ledger_with_all_its_guards_is_not_caught() {
    scenarios::all(&mut || {
        let ledger = LedgerExecutor::new(Durability::Sync);
        Box::new(Unguarded { lost: Lost::Nothing, ledger })
    });
}

#[test]
fn a_ledger_that_loses_receipts_is_caught() {
    check_caught(Lost::Receipts, "repeats survive the reopening");
}

#[test]
fn a_ledger_that_loses_holds_is_caught() {
    check_caught(Lost::Holds, "a hold survives the reopening");
}

#[test]
fn a_ledger_that_loses_counters_is_caught() {
    check_caught(Lost::Counters, "repeats survive the reopening");
}

#[test]
fn a_ledger_without_ceilings_is_caught() {
    check_caught(Lost::Ceiling, "up to the ceiling and not beyond");
}

#[test]
fn a_ledger_that_never_reclaims_holds_is_caught() {
    check_caught(Lost::Reclaim, "a hold is over at its end");
}
