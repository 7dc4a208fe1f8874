//! The ledger on a cluster: postings over several partitions are all or nothing, whatever dies.

use std::sync::Arc;
use std::time::Duration;

use jeton::clock::Clock;
use jeton::domain::book::{Balance, EventKind};
use jeton::domain::posting::{
    AtCap, Blocked, ClawBack, Command, Facet, FacetKind, Key, Leg, Mode, Opening, Outcome, Part,
    Posting, Take,
};
use jeton::domain::time::Timestamp;
use jeton::ledger::redis::{Flaw, Place, Step};
use jeton::ledger::{Answer, Durability, Ledger, Options};
use jeton::testing::servers::{Cluster, RedisOptions};
use jeton::testing::{BookExecutor, Executor, key, posting_id};
use proptest::prelude::*;

use super::config;
use super::executor::{RedisExecutor, place};
use super::partitions::scatter;
use crate::ledgers::executor::{ask, outcomes, submit};
use crate::scenarios;
use crate::sequences::laws::moment;
use crate::sequences::moves::{self, Legs, sequences};
use crate::sequences::{agree_but_for_numbers, unnumbered};

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

/// A distinct day is marked where it is counted, and no period ends: as soon as the ledger's clock
/// says so it forgets, which the book does later.
fn for_a_cluster(mut command: Command) -> Command {
    let Command::Post(posting) = &mut command else { return command };
    for leg in &mut posting.legs {
        match leg {
            Leg::Once { marker, key, keep_until, counter_keep_until, .. } => {
                (*keep_until, *counter_keep_until) = (None, None);
                let (name, period) = (marker.owner.0[1], marker.facet.0.cast_signed());
                *marker = Key { facet: Facet::new(FacetKind::Marker, name, period), ..*key };
            }
            Leg::Count { keep_until, .. } => *keep_until = None,
            _ => {}
        }
    }
    command
}

/// What other partitions prepare is as a hold: what one leg puts in there, another cannot take. And
/// a hold without time is refused, but which guard is asked first is another matter.
fn is_beyond_a_cluster(command: &Command) -> bool {
    let Command::Post(posting) = command else { return false };
    let keys: Vec<&Key> = posting.legs.iter().map(Leg::key).collect();
    let shared = keys.iter().enumerate().any(|(nr, key)| keys[..nr].contains(key));
    shared || matches!(posting.mode, Mode::Hold { until } if until <= posting.now)
}

/// Owners are all over the cluster: whatever a command spans, it is answered as if it were in one
/// place. After each one, all partitions follow.
#[test]
fn a_cluster_agrees_with_the_book_about_owners_that_are_apart() {
    let cluster = start();
    proptest!(config(), |(steps in sequences(Legs::All, 12))| {
        let (mut book, mut redis) = (BookExecutor::new(), executor(&cluster));
        let commands = steps.iter().filter_map(|step| match step {
            moves::Step::Batch(commands) => Some(commands),
            moves::Step::Sweep(_) | moves::Step::Reopen => None,
        });
        for command in commands.flatten().map(scatter).map(for_a_cluster) {
            if is_beyond_a_cluster(&command) {
                continue;
            }
            // A hold that is over ends in other partitions when somebody comes across it; before
            // that, they count it among what is held.
            for executor in [&mut book as &mut dyn Executor, &mut redis] {
                executor.sweep(moment(&command));
            }
            let apply = |executor: &mut dyn Executor| {
                let outcome = executor.apply(std::slice::from_ref(&command)).remove(0);
                unnumbered(outcome)
            };
            let (ours, theirs) = (apply(&mut book), apply(&mut redis));
            prop_assert_eq!(ours, theirs, "{:?}", command);
            if let Some(id) = command.id() {
                redis.apply(&[Command::Status { id, now: moment(&command) }]);
            }
        }
    });
}

/// What another partition keeps of it is given up, although its home knows the id for something
/// else by then.
#[test]
fn a_hold_that_is_over_and_whose_id_is_used_again_keeps_nothing() {
    let cluster = start();
    let mut redis = executor(&cluster);
    let codes = four_codes();
    let mut post = |name: &str, keys: &[Key], mode: Mode, at: i64| {
        let Command::Post(posting) = order(name, keys) else { panic!("an order is a posting") };
        redis.set_clock(Timestamp(at));
        let command = Command::Post(Posting { mode, now: Timestamp(at), ..posting });
        let outcome = redis.apply(&[command]).remove(0);
        redis.apply(&[Command::Status { id: posting_id(name), now: Timestamp(at) }]);
        outcome
    };
    let held = post("order", &codes[..2], Mode::Hold { until: Timestamp(50) }, 0);
    assert!(matches!(held, Outcome::Done(_)), "{held:?}");
    let again = post("order", &codes[..1], Mode::Post, 50);
    assert!(matches!(again, Outcome::Done(_)), "{again:?}");
    let other = post("other", &codes[1..2], Mode::Post, 51);
    assert!(matches!(other, Outcome::Done(_)), "{other:?}");
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
    apart(FacetKind::Uses, "code", 4)
}

/// So many keys of a kind whose partitions are all different.
fn apart(kind: FacetKind, name: &str, count: usize) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let partition = |key: &Key| {
        let [.., high, low] = key.owner.0;
        u16::from_be_bytes([high, low]) % PARTITIONS
    };
    for number in 0_u16.. {
        let mut key = key(kind, name);
        key.owner.0[14..].copy_from_slice(&number.to_be_bytes());
        if keys.iter().all(|other| partition(other) != partition(&key)) {
            keys.push(key);
        }
        if keys.len() == count {
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

/// What somebody gets in place of an order.
fn voucher(key: Key, amount: u64, cap: Option<u64>, at_cap: AtCap) -> Leg {
    Leg::Earn {
        key,
        amount,
        lot_expires: None,
        spendable_from: None,
        cap,
        at_cap,
        claw_back: ClawBack::Floor,
        opening: None,
    }
}

fn released(name: &str, credit: Leg) -> Command {
    let (id, release_id) = (posting_id(name), posting_id("release"));
    Command::Release { id, release_id, part: Part::All, credit: Some(Box::new(credit)), now: now() }
}

fn one(ledger: &Ledger, command: Command) -> Outcome {
    outcomes(ask(ledger, &[command])).remove(0)
}

fn balance(ledger: &Ledger, key: Key) -> Option<Balance> {
    let owners = [key.owner].into_iter().collect();
    assert_eq!(one(ledger, Command::Look { owners }), Outcome::Looked);
    ledger.read().balance(&key).cloned()
}

/// What the last release of a receipt credited, and what stood there afterwards.
fn credited(outcome: &Outcome) -> Option<(u64, u64)> {
    let (Outcome::Done(receipt) | Outcome::Replayed(receipt)) = outcome else { return None };
    let release = receipt.releases.last()?;
    release.credit.as_deref().map(|(_, result)| (result.amount, result.after))
}

#[test]
fn a_release_credits_somebody_in_another_partition() {
    let cluster = start();
    flush(&cluster);
    let ledger = node(place(&cluster.url(), PARTITIONS));
    let (codes, vouchers) = (four_codes(), apart(FacetKind::Balance, "card", 6));
    // The last two are in partitions of which the order has nothing.
    for (nr, key) in vouchers.into_iter().enumerate() {
        let name = format!("order {nr}");
        assert!(matches!(one(&ledger, order(&name, &codes)), Outcome::Done(_)));
        let strict = |amount| voucher(key, amount, Some(9), AtCap::Refuse);
        let refused = one(&ledger, released(&name, strict(10)));
        let cap = Blocked::Cap { leg: 0, balance: 0, max: 9 };
        assert_eq!(refused, Outcome::Refused(cap));
        assert_eq!(settled(&ledger, &codes), [1; 4]);
        let done = one(&ledger, released(&name, strict(8)));
        assert!(matches!(&done, Outcome::Done(receipt) if receipt.live() == 0), "{done:?}");
        assert_eq!(credited(&done), Some((8, 8)));
        assert_eq!(settled(&ledger, &codes), [0; 4]);
        assert_eq!(balance(&ledger, key).map(|balance| balance.in_lots()), Some(8));
        let again = one(&ledger, released(&name, strict(8)));
        assert!(matches!(again, Outcome::Replayed(_)), "{again:?}");
        assert_eq!(credited(&again), Some((8, 8)));
        assert_eq!(one(&ledger, released(&name, strict(7))), Outcome::Mismatch);
        assert_eq!(balance(&ledger, key).map(|balance| balance.earned), Some(8));
        let history = ledger.history(&key.owner, u64::MAX, 10).unwrap();
        let found: Vec<_> =
            history.iter().map(|entry| (entry.event.kind, entry.event.id)).collect();
        assert_eq!(found, [(EventKind::Released, posting_id(&name))]);
    }
}

#[test]
fn a_credit_sees_what_was_given_back_in_its_partition() {
    let cluster = start();
    flush(&cluster);
    let ledger = node(place(&cluster.url(), PARTITIONS));
    let keys = apart(FacetKind::Balance, "card", 2);
    let opening = Some(Opening { amount: 100, expires: None });
    let spend = |key| Leg::Spend { key, amount: 60, take: Take::Exact, opening };
    let Command::Post(mut posting) = order("order", &[]) else { panic!("an order is a posting") };
    posting.legs = keys.iter().map(|key| spend(*key)).collect();
    assert!(matches!(one(&ledger, Command::Post(posting)), Outcome::Done(_)));
    let done = one(&ledger, released("order", voucher(keys[1], 20, Some(110), AtCap::Clamp)));
    assert_eq!(credited(&done), Some((10, 110)), "{done:?}");
    let stand: Vec<_> = keys.iter().map(|key| balance(&ledger, *key).unwrap().in_lots()).collect();
    assert_eq!(stand, [100, 110]);
}

/// What there is of an order and of the voucher for it after a node died at `step` of its release.
fn after_a_release_dies(cluster: &Cluster, step: Step) -> (Vec<u64>, u64, Outcome) {
    flush(cluster);
    let whole = place(&cluster.url(), PARTITIONS);
    let dying = node(Place { dies_after: Some(step), ..whole.clone() });
    let living = node(whole);
    let (codes, key) = (four_codes(), apart(FacetKind::Balance, "card", 5)[4]);
    assert!(matches!(one(&living, order("order", &codes)), Outcome::Done(_)));
    settled(&living, &codes);
    let credit = || voucher(key, 8, Some(100), AtCap::Refuse);
    let told = submit(&dying, &[released("order", credit())], now().plus_ms(1_000)).recv().unwrap();
    assert!(matches!(&told, Some(Ok(answers)) if matches!(answers[..], [Answer::Failed(_)])));
    // What was prepared is given up after ten seconds, what was decided is followed sooner.
    let mut rest = None;
    for _ in 0..300 {
        std::thread::sleep(Duration::from_millis(50));
        let stands = balance(&living, key).map_or(0, |balance| balance.in_lots());
        let used = settled(&living, &codes);
        if (stands == 0) == (used == [1; 4]) && ledger_keeps_no_room(&living, key) {
            rest = Some((used, stands));
            break;
        }
    }
    let (used, stands) = rest.expect("all or nothing, sooner or later");
    let again = one(&living, released("order", credit()));
    assert_eq!(credited(&again), Some((8, 8)), "{again:?}");
    assert_eq!(settled(&living, &codes), [0; 4]);
    assert_eq!(balance(&living, key).map(|balance| balance.earned), Some(8));
    (used, stands, again)
}

/// Whether nothing is kept of the balance's room: a credit of all of it would pass.
fn ledger_keeps_no_room(ledger: &Ledger, key: Key) -> bool {
    let stands = balance(ledger, key).map_or(0, |balance| balance.in_lots());
    let all = voucher(key, 100 - stands, Some(100), AtCap::Refuse);
    ledger.read().check(&[all], now()).is_ok()
}

#[test]
fn a_release_and_its_credit_are_all_or_none_wherever_a_node_dies() {
    let cluster = start();
    for (step, is_done) in [(Step::Prepared, false), (Step::Decided, true), (Step::Followed, true)]
    {
        let (used, stands, again) = after_a_release_dies(&cluster, step);
        let expected = if is_done { (vec![0; 4], 8) } else { (vec![1; 4], 0) };
        assert_eq!((used, stands), expected, "died after {step:?}");
        let is_right = matches!(again, Outcome::Replayed(_)) == is_done;
        assert!(is_right, "after {step:?}: {again:?}");
    }
}
