//! What a ledger is killed over: some forty small batches with commands and legs of every kind.
//!
//! Each batch changes something, so the n-th batch is the n-th commit. Holds are confirmed,
//! released, extended or come to their end on the way; ids are used once, but for one that is
//! posted again after its hold has expired.

use jeton::domain::posting::{
    AtCap, ClawBack, Command, Facet, FacetKind, Key, Leg, Mark, Mode, Opening, Part, Posting, Take,
    Unset,
};
use jeton::domain::time::Timestamp;
use jeton::testing::{key, posting_id};

/// How many batches there are.
pub(crate) const BATCHES: usize = 40;

/// The batches, oldest first.
pub(crate) fn batches() -> Vec<Vec<Command>> {
    (0..BATCHES as i64).map(batch).collect()
}

/// Ten milliseconds lie between two batches.
fn batch(nr: i64) -> Vec<Command> {
    let now = Timestamp(nr * 10);
    let name = |kind: &str, nr: i64| format!("{kind}{nr}");
    let base = nr - nr % 8;
    let mut batch = vec![post(&name("use", nr), now, 0, vec![count("hot", 1)])];
    match nr % 8 {
        0 => {
            batch.push(hold(&name("kept", nr), now, 500, 4, vec![count("hot", 4), spend(5)]));
            batch.push(post(&name("day", nr), now, 0, vec![day(now)]));
        }
        1 => {
            batch.push(Command::Confirm { id: id("kept", base), part: Part::Of(3), now });
            batch.push(post(&name("earn", nr), now, 0, vec![earn(now), count("hot", 2)]));
            batch.push(post(&name("bonus", nr), now, 0, vec![bonus()]));
        }
        2 => {
            batch.push(hold(&name("short", nr), now, 25, 0, vec![count("warm", 3), spend(2)]));
            batch.push(post(&name("gate", nr), now, 0, vec![gate(), once(nr / 8), first()]));
        }
        3 => {
            batch.push(credited(release("kept", base, nr, Part::Of(1), now)));
            batch.push(hold(&name("longer", nr), now, 15, 2, vec![count("warm", 2), earn(now)]));
        }
        4 => {
            let until = now.plus_ms(40);
            batch.push(Command::Extend { id: id("longer", base + 3), until, now });
            batch.push(post(&name("refused", nr), now, 0, vec![count("hot", 9_999)]));
        }
        5 => {
            // The short hold is over, and in the way.
            batch.push(post(&name("warm", nr), now, 0, vec![count("warm", 1), zone(nr / 8)]));
            batch.push(Command::Status { id: id("kept", base), now });
            batch.push(post(&name("buy", nr), now, 0, vec![buy(7), count("hot", 1)]));
            // What it earned is spent: that is owed until the purchase is given back.
            batch.push(release("bonus", base + 1, nr + 100, Part::All, now));
        }
        6 => {
            batch.push(release("longer", base + 3, nr, Part::All, now));
            batch.push(post(&name("short", base + 2), now, 0, vec![count("warm", 3), spend(2)]));
        }
        _ => {
            batch.push(release("kept", base, nr, Part::All, now));
            batch.push(release("buy", base + 5, nr + 100, Part::Legs(1), now));
            batch.push(Command::Recall {
                id: id("use", base),
                fingerprint: 7,
                mode: Mode::Post,
                now,
            });
            batch.push(hold(&name("open", nr), now, 10_000, 0, vec![count("hot", 1)]));
        }
    }
    batch
}

fn id(kind: &str, nr: i64) -> jeton::domain::id::PostingId {
    posting_id(&format!("{kind}{nr}"))
}

fn post(name: &str, now: Timestamp, size: u64, legs: Vec<Leg>) -> Command {
    let (id, note) = (posting_id(name), name.as_bytes().into());
    let legs = legs.into();
    Command::Post(Posting { id, fingerprint: 7, mode: Mode::Post, size, legs, note, now })
}

fn hold(name: &str, now: Timestamp, ttl_ms: i64, size: u64, legs: Vec<Leg>) -> Command {
    let mut command = post(name, now, size, legs);
    if let Command::Post(posting) = &mut command {
        posting.mode = Mode::Hold { until: now.plus_ms(ttl_ms) };
    }
    command
}

fn release(kind: &str, of: i64, nr: i64, part: Part, now: Timestamp) -> Command {
    Command::Release { id: id(kind, of), release_id: id("back", nr), part, credit: None, now }
}

/// With something for it, which can be spent only later.
fn credited(mut command: Command) -> Command {
    if let Command::Release { credit, now, .. } = &mut command {
        let mut leg = bonus();
        if let Leg::Earn { key: of, spendable_from, .. } = &mut leg {
            (*of, *spendable_from) = (key(FacetKind::Balance, "gift"), Some(now.plus_ms(35)));
        }
        *credit = Some(Box::new(leg));
    }
    command
}

fn count(name: &str, n: u64) -> Leg {
    Leg::Count { key: key(FacetKind::Uses, name), n, max: 200, keep_until: None }
}

/// A limit of two in a period of a hundred milliseconds.
fn day(now: Timestamp) -> Leg {
    let number = now.0 / 100;
    let owner = key(FacetKind::Limit, "daily").owner;
    let key = Key { owner, facet: Facet::new(FacetKind::Limit, 1, number) };
    Leg::Count { key, n: 1, max: 2, keep_until: Some(Timestamp((number + 1) * 100)) }
}

fn once(nr: i64) -> Leg {
    Leg::Once {
        marker: key(FacetKind::Marker, &format!("day{}", nr / 2)),
        key: key(FacetKind::Uses, "days"),
        n: 1,
        max: 9,
        keep_until: Some(Timestamp(1_000)),
        counter_keep_until: Some(Timestamp(2_000)),
    }
}

fn gate() -> Leg {
    Leg::Interval { key: key(FacetKind::LastEntry, "gate"), min_ms: 50, mark: Mark::Last }
}

fn first() -> Leg {
    Leg::Interval { key: key(FacetKind::FirstUse, "gate"), min_ms: 0, mark: Mark::First }
}

fn zone(nr: i64) -> Leg {
    let (from, to) = if nr % 2 == 0 { (0, 1) } else { (1, 0) };
    let key = key(FacetKind::Zone, "zone");
    Leg::Zone { key, from, from_unset: Unset::Passes, to, keep_until: None }
}

fn spend(amount: u64) -> Leg {
    let opening = Some(Opening { amount: 100, expires: Some(Timestamp(5_000)) });
    Leg::Spend { key: key(FacetKind::Balance, "card"), amount, take: Take::Exact, opening }
}

fn earn(now: Timestamp) -> Leg {
    Leg::Earn {
        key: key(FacetKind::Balance, "points"),
        amount: 10,
        lot_expires: Some(now.plus_ms(1_000)),
        spendable_from: None,
        cap: Some(90),
        at_cap: AtCap::Clamp,
        claw_back: ClawBack::Floor,
        opening: None,
    }
}

/// What can be owed.
fn bonus() -> Leg {
    Leg::Earn {
        key: key(FacetKind::Balance, "bonus"),
        amount: 9,
        lot_expires: None,
        spendable_from: None,
        cap: None,
        at_cap: AtCap::Refuse,
        claw_back: ClawBack::Debt,
        opening: None,
    }
}

fn buy(amount: u64) -> Leg {
    let key = key(FacetKind::Balance, "bonus");
    Leg::Spend { key, amount, take: Take::Exact, opening: None }
}
