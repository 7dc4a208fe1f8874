//! Several nodes hold, confirm, release, extend and redeem at random, all on the same few ids,
//! codes and balances, one of them over connections that are cut. Afterwards everything adds up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use jeton::domain::book::{Change, Record};
use jeton::domain::id::PostingId;
use jeton::domain::posting::{
    AtCap, ClawBack, Command, FacetKind, Key, Leg, Mode, Opening, Outcome, Part, Posting, Receipt,
    State, Take, share,
};
use jeton::ledger::redis::Place;
use jeton::ledger::{Answer, Durability, Entry, Ledger};
use jeton::testing::posting_id;
use jeton::testing::servers::{Fault, Proxy};

use super::executor::{Server, place, wait};
use super::faults::{behind, wait_until_good};
use super::history::{ask, key_of, node, now, rounds, standing_of, until};
use super::partitions::{amiss, apart, entries};

/// Uses of each code.
const LIMIT: u64 = 6;
const CODES: u64 = 8;
/// Ids that all work on at a time; from step to step the oldest makes room for a new one.
const WINDOW: u64 = 12;
const IDS: u64 = COMMANDS_EACH + WINDOW;
/// What each balance begins with.
const OPENING: u64 = 50;
const COMMANDS_EACH: u64 = 400;
const CLIENTS: u64 = 8;

/// Random enough, and told by its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn id_of(number: u64) -> PostingId {
    PostingId(apart(posting_id(&format!("id {number}")).0))
}

fn code(number: u64) -> Key {
    key_of(FacetKind::Uses, &format!("code {}", number % CODES))
}

fn balance(number: u64) -> Key {
    key_of(FacetKind::Balance, &format!("card {}", number % 2))
}

/// What an id stands for: always the same.
fn posting(number: u64, mode: Mode) -> Command {
    let opening = Some(Opening { amount: OPENING, expires: None });
    let size = 1 + number % 3;
    let mut legs = vec![Leg::Count { key: code(number), n: size, max: LIMIT, keep_until: None }];
    let key = balance(number);
    match number % 4 {
        0 => legs.push(Leg::Spend { key, amount: 2 * size, take: Take::Exact, opening }),
        1 => {
            let (amount, lot_expires, cap) = (size, None, Some(2 * OPENING));
            let (at_cap, claw_back) = (AtCap::Clamp, ClawBack::Floor);
            let spendable_from = None;
            legs.push(Leg::Earn {
                key,
                amount,
                lot_expires,
                spendable_from,
                cap,
                at_cap,
                claw_back,
                opening,
            });
        }
        _ => {}
    }
    let (id, legs, note) = (id_of(number), legs.into_iter().collect(), Box::default());
    Command::Post(Posting { id, fingerprint: number, mode, size, legs, note, now: now() })
}

/// What somebody gets for a release.
fn credit(number: u64) -> Leg {
    let (at_cap, claw_back) = (AtCap::Clamp, ClawBack::Debt);
    Leg::Earn {
        key: balance(number + 1),
        amount: 1 + number % 5,
        lot_expires: None,
        spendable_from: None,
        cap: Some(2 * OPENING),
        at_cap,
        claw_back,
        opening: Some(Opening { amount: OPENING, expires: None }),
    }
}

fn command(dice: &mut Dice, step: u64) -> Command {
    let number = step + dice.below(WINDOW);
    let (id, now) = (id_of(number), now());
    let until = now.plus_ms(1 + i64::try_from(dice.below(60)).unwrap());
    let part = match dice.below(4) {
        0 => Part::Of(1),
        1 => Part::Legs(1 << dice.below(2)),
        _ => Part::All,
    };
    match dice.below(10) {
        // Half of the ids are holds.
        0..=3 if number.is_multiple_of(2) => posting(number, Mode::Hold { until }),
        0..=3 => posting(number, Mode::Post),
        4 => Command::Confirm { id, part, now },
        5..=7 => {
            let release_id = posting_id(&format!("release {}", dice.below(3)));
            let credit = (dice.below(3) == 0).then(|| Box::new(credit(number)));
            Command::Release { id, release_id, part, credit, now }
        }
        8 => Command::Extend { id, until, now },
        _ => Command::Status { id, now },
    }
}

/// What one client does at random nodes: each command at up to two, at the same time. The events
/// that its answers say it has caused.
fn client(nodes: &[Arc<Ledger>], steps: &AtomicU64, seed: u64) -> Vec<(PostingId, u64)> {
    let mut dice = Dice(seed);
    let mut caused = Vec::new();
    loop {
        let step = steps.fetch_add(1, Ordering::SeqCst) / CLIENTS;
        if step >= COMMANDS_EACH {
            return caused;
        }
        let command = command(&mut dice, step);
        let count = 1 + dice.below(2);
        let mut asked = Vec::new();
        for _ in 0..count {
            let node = Arc::clone(&nodes[usize::try_from(dice.below(3)).unwrap()]);
            let command = command.clone();
            asked.push(async move { ask(&node, vec![command], 1_000).await });
        }
        for answers in wait(futures_util::future::join_all(asked)) {
            for answer in answers.unwrap_or_default() {
                if let Answer::Outcome(Outcome::Done(receipt)) = answer {
                    caused.extend(event_of(&command, &receipt).map(|event| (receipt.id, event)));
                }
            }
        }
    }
}

/// The event that a command caused; extensions do not say.
fn event_of(command: &Command, receipt: &Receipt) -> Option<u64> {
    match command {
        // A redemption of its own hold is its confirmation.
        Command::Post(_) => Some(receipt.confirm.as_ref().map_or(receipt.event, |c| c.event)),
        Command::Confirm { .. } => receipt.confirm.as_ref().map(|confirm| confirm.event),
        Command::Release { .. } => receipt.releases.last().map(|release| release.event),
        _ => None,
    }
}

/// Limits that were exceeded at any time, as events tell.
fn over(entries: &[Entry]) -> Vec<String> {
    let changes = entries.iter().flat_map(|entry| &entry.event.changes);
    let over = |change: &Change| match change {
        Change::Is(Record::Counter(key, counter), held) if counter.used + held > LIMIT => {
            Some(format!("{key:?}: {} used, {held} held", counter.used))
        }
        _ => None,
    };
    changes.filter_map(over).collect()
}

/// What does not add up between receipts, counters and balances.
fn sums_amiss(node: &Ledger) -> Vec<String> {
    let mut used: BTreeMap<Key, u64> = BTreeMap::new();
    let (mut taken, mut earned) = (BTreeMap::<Key, u64>::new(), BTreeMap::<Key, u64>::new());
    for number in 0..IDS {
        let Some(receipt) = node.receipt(&id_of(number)).unwrap() else { continue };
        let live = if receipt.state == State::Redeemed { receipt.live() } else { 0 };
        let credits = receipt.releases.iter().filter_map(|release| release.credit.as_deref());
        for (leg, result) in credits {
            *earned.entry(*leg.key()).or_default() += result.amount;
        }
        // What was spent meanwhile could not be taken back.
        let short: u64 = receipt.releases.iter().map(|release| release.short).sum();
        let earns = receipt.legs.iter().find(|leg| matches!(leg, Leg::Earn { .. }));
        if let Some(leg) = earns {
            *earned.entry(*leg.key()).or_default() += short;
        }
        for (leg, result) in receipt.in_force() {
            let amount = share(result.amount, live, receipt.size);
            match leg {
                Leg::Count { key, .. } => *used.entry(*key).or_default() += amount,
                Leg::Spend { key, .. } => *taken.entry(*key).or_default() += amount,
                Leg::Earn { key, .. } => *earned.entry(*key).or_default() += amount,
                _ => {}
            }
        }
    }
    let mut wrong = Vec::new();
    for key in (0..CODES).map(code) {
        let expected = (used.get(&key).copied().unwrap_or(0), 0);
        let found = standing_of(node, key);
        if found != expected {
            wrong.push(format!("{key:?}: {found:?} used and held, receipts say {expected:?}"));
        }
    }
    for key in (0..2).map(balance) {
        let (_, held) = standing_of(node, key);
        let Some(balance) = node.read().balance(&key).cloned() else { continue };
        let spent = taken.get(&key).copied().unwrap_or(0);
        let added = OPENING + earned.get(&key).copied().unwrap_or(0);
        let adds_up = balance.in_lots() + balance.taken + balance.lapsed == balance.earned;
        let found = (held, balance.taken, balance.earned);
        if !adds_up || found != (0, spent, added) {
            wrong.push(format!("{key:?}: {balance:?}, {held} held, {spent} spent, {added} added"));
        }
    }
    wrong
}

fn race(place: &Place, proxy: &Proxy, seed: u64) {
    let mut nodes: Vec<_> = (0..2).map(|_| node(place, Durability::RedisAsIs)).collect();
    nodes.push(node(&behind(proxy, place), Durability::RedisAsIs));
    proxy.set(Fault::CutAfterRequest);
    proxy.cut_every(40);
    let (caused, steps) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    thread::scope(|scope| {
        for number in 1..=CLIENTS {
            let (nodes, caused, steps) = (&nodes, &caused, &steps);
            scope.spawn(move || {
                let own = client(nodes, steps, seed.wrapping_mul(31).wrapping_add(number));
                caused.lock().unwrap().extend(own);
            });
        }
    });
    proxy.set(Fault::None);
    wait_until_good(&nodes);
    until("all holds to end", || (0..CODES).all(|nr| standing_of(&nodes[0], code(nr)).1 == 0));
    let entries = entries(&nodes[1]);
    let mut wrong = amiss(&nodes[1], &entries, place.partitions);
    wrong.extend(over(&entries));
    wrong.extend(sums_amiss(&nodes[0]));
    let told: BTreeSet<_> = entries.iter().map(|e| (e.event.id, e.event.number)).collect();
    let mut seen = BTreeSet::new();
    for caused in caused.into_inner().unwrap() {
        if !seen.insert(caused) || !told.contains(&caused) {
            wrong.push(format!("{caused:?} was told twice, or is not among the events"));
        }
    }
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} wrong: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(5)]
    );
    assert!(seen.len() > 200, "little came of it");
}

#[test]
fn whatever_nodes_do_at_once_adds_up() {
    let server = Server::start();
    let proxy = Proxy::start(server.redis.port()).unwrap();
    for round in 1..=u64::from(rounds()) {
        // With one partition the order of all events is known, with more only that of each.
        for partitions in [1, 16] {
            server.redis.cli(&["FLUSHALL"]).unwrap();
            let seed = u64::from(std::process::id()) + 1_000 * round + u64::from(partitions);
            race(&place(&server.url, partitions), &proxy, seed);
        }
    }
}
