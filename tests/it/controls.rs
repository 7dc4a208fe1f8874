//! Negative controls: books that break one guarantee each, and the tables and laws that catch them.
//!
//! A check that cannot fail is no check.

use std::collections::BTreeMap;
use std::sync::Arc;

use jeton::domain::book::{Balance, Book, Event};
use jeton::domain::id::PostingId;
use jeton::domain::posting::{
    Blocked, ClawBack, Command, Key, Leg, Mode, Outcome, Part, Posting, Receipt, State,
};
use jeton::domain::time::Timestamp;
use jeton::testing::{BookExecutor, Executor, posting_id, run};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::scenarios;
use crate::sequences::{agree, laws, moves};

/// The guarantee that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    ForgetsReceipts,
    SkipsTheCheck,
    NeverReclaims,
    HoldsEndLate,
    ReleasesAgain,
    ConfirmsAll,
    IgnoresMeanings,
    LosesAnEvent,
    LosesEverythingOnReopening,
    AppliesWhatPasses,
    RevivesLots,
    NeverForgets,
    SpendsEarly,
    ForgivesDebts,
    GivesBackAllLegs,
    CreditsNothing,
}

/// A book with a fault. It keeps all receipts in memory and repairs its answers where the fault
/// would show by itself.
struct Broken {
    fault: Fault,
    book: Book,
    events: Vec<Event>,
    asked: BTreeMap<PostingId, Posting>,
    releases: u32,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        let (book, events, asked) = (Book::new(), Vec::new(), BTreeMap::new());
        Self { fault, book, events, asked, releases: 0 }
    }

    fn one(&mut self, command: &Command) -> Outcome {
        let altered = self.altered(command);
        let mut outcome = self.book.apply(&altered);
        if let Outcome::Refused(Blocked::Guard { leg, .. }) = outcome
            && self.fault == Fault::AppliesWhatPasses
            && let Command::Post(mut posting) = altered
        {
            posting.id = posting_id(&format!("torn {}", self.events.len()));
            posting.legs.truncate(leg);
            self.book.apply(&Command::Post(posting));
            self.book.take_events();
        }
        if let (Outcome::Done(receipt), Command::Post(posting)) = (&outcome, command)
            && receipt.confirm.is_none()
        {
            self.asked.insert(posting.id, posting.clone());
        }
        if let Outcome::Done(receipt) | Outcome::Replayed(receipt) = &mut outcome {
            self.repair(Arc::make_mut(receipt));
        }
        self.events.extend(self.book.take_events());
        if self.fault == Fault::ForgetsReceipts {
            self.book.let_go(&command.id().unwrap());
        }
        outcome
    }

    fn altered(&mut self, command: &Command) -> Command {
        let mut command = command.clone();
        match (self.fault, &mut command) {
            (Fault::SkipsTheCheck, Command::Post(posting)) => {
                for leg in &mut posting.legs {
                    if let Leg::Count { max, .. } | Leg::Once { max, .. } = leg {
                        *max = u64::MAX;
                    }
                }
            }
            (Fault::NeverReclaims, Command::Post(Posting { mode: Mode::Hold { until }, .. })) => {
                *until = Timestamp::NEVER;
            }
            (Fault::HoldsEndLate, Command::Confirm { now, .. }) => *now = now.plus_ms(-1),
            (Fault::ReleasesAgain, Command::Release { release_id, .. }) => {
                self.releases += 1;
                *release_id = posting_id(&format!("again {}", self.releases));
            }
            (Fault::ConfirmsAll, Command::Confirm { part, .. }) => *part = Part::All,
            (
                Fault::IgnoresMeanings,
                Command::Post(Posting { fingerprint, .. }) | Command::Recall { fingerprint, .. },
            ) => *fingerprint = 0,
            (Fault::SpendsEarly | Fault::ForgivesDebts, Command::Post(posting)) => {
                posting.legs.iter_mut().for_each(|leg| self.weaken(leg));
            }
            (Fault::GivesBackAllLegs, Command::Release { part, .. }) => {
                *part = if matches!(part, Part::Legs(_)) { Part::All } else { *part };
            }
            (Fault::CreditsNothing, Command::Release { credit, .. }) => *credit = None,
            (Fault::RevivesLots, Command::Release { now, .. }) => *now = Timestamp(0),
            _ => {}
        }
        command
    }

    fn weaken(&self, leg: &mut Leg) {
        let Leg::Earn { spendable_from, claw_back, .. } = leg else { return };
        if self.fault == Fault::SpendsEarly {
            *spendable_from = None;
        } else {
            *claw_back = ClawBack::Floor;
        }
    }

    /// Makes a receipt look as if it were what was asked for.
    fn repair(&self, receipt: &mut Receipt) {
        let Some(asked) = self.asked.get(&receipt.id) else { return };
        match (self.fault, asked.mode) {
            (Fault::SkipsTheCheck | Fault::SpendsEarly | Fault::ForgivesDebts, _) => {
                receipt.legs = asked.legs.clone();
            }
            (Fault::NeverReclaims, Mode::Hold { until }) if receipt.state == State::Held => {
                receipt.until = Some(until);
            }
            (Fault::IgnoresMeanings, _) => receipt.fingerprint = asked.fingerprint,
            _ => {}
        }
    }
}

impl Executor for Broken {
    fn apply(&mut self, commands: &[Command]) -> Vec<Outcome> {
        commands.iter().map(|command| self.one(command)).collect()
    }

    fn sweep(&mut self, now: Timestamp) {
        if self.fault != Fault::NeverForgets {
            self.book.forget(now, usize::MAX);
        }
        self.book.expire_due(now, usize::MAX);
        self.events.extend(self.book.take_events());
    }

    fn used(&mut self, key: Key) -> u64 {
        self.book.used(&key)
    }

    fn held(&mut self, key: Key) -> u64 {
        self.book.held(&key)
    }

    fn register(&mut self, key: Key) -> Option<i64> {
        self.book.register(&key)
    }

    fn balance(&mut self, key: Key) -> Option<Balance> {
        self.book.balance(&key).cloned()
    }

    fn last_event(&mut self) -> u64 {
        self.book.last_event()
    }

    fn events_after(&mut self, number: u64) -> Vec<Event> {
        let lost =
            |event: &&Event| self.fault == Fault::LosesAnEvent && event.number.is_multiple_of(3);
        let later = self.events.iter().filter(|event| event.number > number);
        later.filter(|event| !lost(event)).cloned().collect()
    }

    fn reopen(&mut self) {
        if self.fault == Fault::LosesEverythingOnReopening {
            let last = self.book.last_event();
            self.book = Book::new();
            self.book.restore_last_event(last);
        }
    }
}

/// The laws that some sequences find broken.
fn broken_laws(fault: Fault) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let sequences = moves::sequences(moves::Legs::All, 30);
    let broken = (0..400).filter_map(|_| {
        let steps = sequences.new_tree(&mut runner).ok()?.current();
        laws::hold(&mut Broken::new(fault), &steps).err()
    });
    broken.collect()
}

fn failing_tables(fault: Fault) -> Vec<String> {
    scenarios::failures(&mut || Box::new(Broken::new(fault)))
}

#[track_caller]
fn check_caught(fault: Fault, table: &str, law: &str) {
    let tables = failing_tables(fault);
    let named = tables.iter().any(|failure| failure.starts_with(table));
    assert!(named, "no table {table:?} fails, but:\n{}", first(&tables));
    let broken = broken_laws(fault);
    let named = broken.iter().any(|broken| broken.contains(law));
    assert!(named, "no law {law:?} is broken, but:\n{}", first(&broken));
}

fn first(failures: &[String]) -> String {
    failures.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n")
}

#[test]
fn a_book_without_a_fault_is_not_caught() {
    assert_eq!(failing_tables(Fault::None), Vec::<String>::new());
    assert_eq!(broken_laws(Fault::None), Vec::<String>::new());
}

#[test]
fn a_book_that_forgets_receipts_is_caught() {
    check_caught(Fault::ForgetsReceipts, "a repeat says the first ordinal", "twice under one id");
}

#[test]
fn a_book_that_skips_the_check_is_caught() {
    check_caught(Fault::SkipsTheCheck, "up to the ceiling and not beyond", " of ");
}

#[test]
fn a_book_that_never_reclaims_holds_is_caught() {
    check_caught(Fault::NeverReclaims, "a hold is over at its end", "used, 0 held");
}

#[test]
fn a_book_whose_holds_end_a_millisecond_late_is_caught() {
    let table = "a confirm and the end in the same millisecond";
    check_caught(Fault::HoldsEndLate, table, "at another time");
}

#[test]
fn a_book_that_releases_again_is_caught() {
    let table = "the same release many times gives back once";
    check_caught(Fault::ReleasesAgain, table, "repeat: did");
}

#[test]
fn a_book_that_confirms_all_for_a_part_is_caught() {
    check_caught(Fault::ConfirmsAll, "confirming a part gives back the rest", "part");
}

#[test]
fn a_book_that_ignores_meanings_is_caught() {
    check_caught(Fault::IgnoresMeanings, "redeemed: post a count", "replayed another meaning");
}

#[test]
fn a_book_that_loses_events_is_caught() {
    check_caught(Fault::LosesAnEvent, "up to the ceiling and not beyond", "a gap before event");
}

#[test]
fn a_book_that_loses_everything_is_caught() {
    let table = "repeats survive the reopening";
    check_caught(Fault::LosesEverythingOnReopening, table, "events tell");
}

#[test]
fn a_book_that_applies_the_legs_that_pass_is_caught() {
    check_caught(Fault::AppliesWhatPasses, "all legs or none: the last fails", "events");
}

#[test]
fn a_book_that_revives_lots_is_caught() {
    let table = "giving back to a lot that is over says what is lost";
    check_caught(Fault::RevivesLots, table, "at another time");
}

#[test]
fn a_book_that_never_forgets_is_caught() {
    check_caught(Fault::NeverForgets, "a period is forgotten when it is over", "");
}

#[test]
fn a_book_that_forgives_debts_is_caught() {
    check_caught(Fault::ForgivesDebts, "what was spent meanwhile becomes a debt", "was forgiven");
}

#[test]
fn a_book_that_gives_back_all_legs_is_caught() {
    let table = "one of several codes comes back";
    check_caught(Fault::GivesBackAllLegs, table, "another part was given back");
}

#[test]
fn a_book_that_credits_nothing_is_caught() {
    check_caught(Fault::CreditsNothing, "a voucher instead of the money", "nothing was credited");
}

/// Whether it could be spent is not to be seen from the receipts: the tables know, and the ledgers
/// that agree with one another.
#[test]
fn a_book_that_lets_spend_early_is_caught() {
    let tables = failing_tables(Fault::SpendsEarly);
    let table = "what can be spent only later";
    assert!(tables.iter().any(|failure| failure.starts_with(table)), "{}", first(&tables));
}

#[test]
fn ledgers_that_differ_are_caught() {
    let mut runner = TestRunner::deterministic();
    let sequences = moves::sequences(moves::Legs::All, 12);
    for fault in [
        Fault::SkipsTheCheck,
        Fault::ConfirmsAll,
        Fault::ForgetsReceipts,
        Fault::SpendsEarly,
        Fault::ForgivesDebts,
        Fault::GivesBackAllLegs,
        Fault::CreditsNothing,
    ] {
        let differs = (0..2_000).any(|_| {
            let tree = sequences.new_tree(&mut runner);
            tree.is_ok_and(|tree| {
                let (mut right, mut wrong) = (BookExecutor::new(), Broken::new(fault));
                agree(&mut right, &mut wrong, &tree.current()).is_err()
            })
        });
        assert!(differs, "{fault:?} agrees with the book");
    }
}

#[test]
fn an_answer_that_comes_with_the_wrong_events_fails_a_table() {
    let mut wrong = Broken::new(Fault::LosesAnEvent);
    let table = "
        at 0 post a count x 1/9 => done
             post b count x 1/9 => done
             post c count x 1/9 => done";
    let failure = run(&mut wrong, table).err().unwrap_or_default();
    assert!(failure.contains("line 4") && failure.contains("numbered []"), "{failure}");
}
