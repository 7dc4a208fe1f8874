//! Random command sequences: few ids, few keys and little time, so that everything collides.

use jeton::domain::book::Slot;
use jeton::domain::id::PostingId;
use jeton::domain::posting::{
    AtCap, ClawBack, Command, Facet, FacetKind, Key, Leg, Mark, Mode, Opening, Part, Posting, Take,
    Unset,
};
use jeton::domain::time::Timestamp;
use jeton::testing::{key, posting_id};
use proptest::prelude::*;

/// What happens to an executor next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Commands that are applied as one batch.
    Batch(Vec<Command>),
    /// The sweep.
    Sweep(Timestamp),
    /// Closed and opened again.
    Reopen,
}

/// Which legs postings have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Legs {
    /// Counting legs without periods.
    Counting,
    /// All.
    All,
}

#[derive(Debug, Clone)]
enum Move {
    Post { id: u8, legs: Vec<u8>, hold_ms: Option<i64>, size: u64, fingerprint: u64 },
    Recall { id: u8, hold_ms: Option<i64>, fingerprint: u64 },
    Confirm { id: u8, part: Part },
    Release { id: u8, release: u8, part: Part, credit: Option<u8> },
    Extend { id: u8, ms: i64 },
    Status { id: u8 },
    Again { back: usize },
}

/// A time step and what is done then; `None` is the sweep or the reopening.
type Raw = (i64, Vec<(i64, Move)>, u8);

/// Sequences of at most `most` batches.
pub(crate) fn sequences(legs: Legs, most: usize) -> impl Strategy<Value = Vec<Step>> {
    let raw = (pause(), proptest::collection::vec((pause(), a_move()), 1..5), any::<u8>());
    proptest::collection::vec(raw, 1..most).prop_map(move |raw| steps(legs, &raw))
}

fn pause() -> impl Strategy<Value = i64> {
    prop_oneof![12 => Just(0), 4 => 1_i64..4, 1 => 4_i64..25, 1 => Just(10)]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![2 => Just(Part::All), 3 => (0_u64..5).prop_map(Part::Of)]
}

fn released() -> impl Strategy<Value = Part> {
    prop_oneof![3 => part(), 1 => (0_u64..16).prop_map(Part::Legs)]
}

fn credit() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![4 => Just(None), 1 => (0_u8..4).prop_map(Some)]
}

fn hold_ms() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        2 => Just(None),
        1 => (0_i64..12).prop_map(Some),
        2 => Just(Some(10)),
        1 => Just(Some(80)),
    ]
}

fn a_move() -> impl Strategy<Value = Move> {
    let id = || prop_oneof![2 => 0_u8..3, 1 => 3_u8..12];
    let fingerprint = || prop_oneof![19 => Just(0_u64), 1 => Just(1_u64)];
    let legs = prop_oneof![
        2 => proptest::collection::vec(any::<u8>(), 1..3),
        1 => proptest::collection::vec(any::<u8>(), 3..6),
    ];
    prop_oneof![
        8 => (id(), legs, hold_ms(), 0_u64..5, fingerprint()).prop_map(
            |(id, legs, hold_ms, size, fingerprint)| Move::Post {
                id, legs, hold_ms, size, fingerprint
            }
        ),
        1 => (id(), hold_ms(), fingerprint())
            .prop_map(|(id, hold_ms, fingerprint)| Move::Recall { id, hold_ms, fingerprint }),
        5 => (id(), part()).prop_map(|(id, part)| Move::Confirm { id, part }),
        1 => id().prop_map(|id| Move::Confirm { id, part: Part::Legs(1) }),
        6 => (id(), 0_u8..4, released(), credit())
            .prop_map(|(id, release, part, credit)| Move::Release { id, release, part, credit }),
        2 => (id(), 0_i64..20).prop_map(|(id, ms)| Move::Extend { id, ms }),
        1 => id().prop_map(|id| Move::Status { id }),
        3 => (1_usize..12).prop_map(|back| Move::Again { back }),
    ]
}

fn steps(legs: Legs, raw: &[Raw]) -> Vec<Step> {
    let mut now = Timestamp(0);
    let mut said: Vec<Command> = Vec::new();
    let mut steps = Vec::new();
    for (pause, moves, other) in raw {
        now = now.plus_ms(*pause);
        match other % 16 {
            0 => steps.push(Step::Sweep(now)),
            1 => steps.push(Step::Reopen),
            _ => {}
        }
        let first = said.len();
        for (pause, one) in moves {
            now = now.plus_ms(*pause);
            said.extend(command(one, legs, &said, now));
        }
        steps.push(Step::Batch(said.iter().skip(first).cloned().collect()));
    }
    steps
}

fn command(one: &Move, legs: Legs, said: &[Command], now: Timestamp) -> Option<Command> {
    let mode = |ms: &Option<i64>| ms.map_or(Mode::Post, |ms| Mode::Hold { until: now.plus_ms(ms) });
    Some(match one {
        Move::Post { id, legs: kinds, hold_ms, size, fingerprint } => Command::Post(Posting {
            id: id_of(*id),
            fingerprint: *fingerprint,
            mode: mode(hold_ms),
            size: *size,
            legs: kinds.iter().map(|kind| leg(legs, *kind, now)).collect(),
            note: Box::default(),
            now,
        }),
        Move::Recall { id, hold_ms, fingerprint } => {
            Command::Recall { id: id_of(*id), fingerprint: *fingerprint, mode: mode(hold_ms), now }
        }
        Move::Confirm { id, part } => Command::Confirm { id: id_of(*id), part: *part, now },
        Move::Release { id, release, part, credit } => Command::Release {
            id: id_of(*id),
            release_id: posting_id(&format!("r{release}")),
            part: *part,
            // Counting sequences have counters only.
            credit: credit.filter(|_| legs == Legs::All).map(|kind| Box::new(credited(kind))),
            now,
        },
        Move::Extend { id, ms } => Command::Extend { id: id_of(*id), until: now.plus_ms(*ms), now },
        Move::Status { id } => Command::Status { id: id_of(*id), now },
        Move::Again { back } => {
            let command = said.iter().rev().nth(back - 1)?;
            // Nobody counts in a day that is over.
            let is_over =
                matches!(command, Command::Post(posting) if posting.now.0 / 20 < now.0 / 20);
            if is_over { Command::Status { id: command.id()?, now } } else { at(command, now) }
        }
    })
}

fn id_of(id: u8) -> PostingId {
    posting_id(&format!("p{id}"))
}

/// The same command, said again at `now`.
pub(crate) fn at(command: &Command, now: Timestamp) -> Command {
    let mut command = command.clone();
    match &mut command {
        Command::Post(posting) => posting.now = now,
        Command::Recall { now: then, .. }
        | Command::Confirm { now: then, .. }
        | Command::Release { now: then, .. }
        | Command::Extend { now: then, .. }
        | Command::Status { now: then, .. } => *then = now,
        Command::Look { .. } => {}
    }
    command
}

fn leg(legs: Legs, kind: u8, now: Timestamp) -> Leg {
    match legs {
        Legs::Counting => counting(kind),
        Legs::All => match kind % 24 {
            0..=4 => counting(kind / 24),
            5..=7 => once(kind / 24),
            8 => day(now),
            9..=11 => stay(kind / 24, now),
            12..=14 => register(kind / 24),
            15..=19 => spend(kind / 24),
            _ => earn(kind / 24, now),
        },
    }
}

fn counting(kind: u8) -> Leg {
    let (name, n, max) = match kind % 8 {
        0 => ("x", 1, 4),
        1 => ("x", 2, 4),
        2 => ("y", 1, 6),
        3 => ("y", 4, 6),
        4 => ("z", 10, 50),
        5 => ("single", 1, 1),
        6 => ("pair", 2, 2),
        _ => ("free", 7, u64::MAX),
    };
    Leg::Count { key: key(FacetKind::Uses, name), n, max, keep_until: None }
}

fn once(kind: u8) -> Leg {
    let marker = key(FacetKind::Marker, &format!("d{}", kind % 4));
    let key = key(FacetKind::Uses, "days");
    Leg::Once { marker, key, n: 1, max: 2, keep_until: None, counter_keep_until: None }
}

fn day(now: Timestamp) -> Leg {
    let (key, end) = in_day("x", now);
    Leg::Count { key, n: 1, max: 2, keep_until: Some(end) }
}

/// A use of the day after which others are free for a while.
fn stay(kind: u8, now: Timestamp) -> Leg {
    let (key, end) = in_day("stays", now);
    let (mut marker, _) = in_day(&format!("s{}", kind % 2), now);
    marker.facet = Facet::new(FacetKind::Reentry, 0, now.0 / 20);
    let (keep_until, counter_keep_until) = (Some(now.plus_ms(6)), Some(end));
    Leg::Once { marker, key, n: 1, max: 3, keep_until, counter_keep_until }
}

/// A counter of the day, and the day's end.
fn in_day(name: &str, now: Timestamp) -> (Key, Timestamp) {
    let number = now.0 / 20;
    let facet = Facet::new(FacetKind::Limit, 0, number);
    let key = Key { owner: key(FacetKind::Limit, name).owner, facet };
    (key, Timestamp((number + 1) * 20))
}

fn register(kind: u8) -> Leg {
    let zone = |from, to| Leg::Zone {
        key: key(FacetKind::Zone, "zone"),
        from,
        from_unset: Unset::Passes,
        to,
        keep_until: None,
    };
    match kind % 5 {
        0 => zone(0, 1),
        1 => zone(1, 0),
        2 | 3 => {
            Leg::Interval { key: key(FacetKind::LastEntry, "gate"), min_ms: 12, mark: Mark::Last }
        }
        _ => Leg::Interval { key: key(FacetKind::FirstUse, "gate"), min_ms: 0, mark: Mark::First },
    }
}

fn spend(kind: u8) -> Leg {
    let (name, amount, take) = match kind % 6 {
        0 => ("card", 3, Take::Exact),
        1 => ("card", 9, Take::Exact),
        2 => ("card", 11, Take::UpTo),
        3 => ("points", 2, Take::Exact),
        4 => ("points", 5, Take::Exact),
        _ => ("points", 50, Take::UpTo),
    };
    Leg::Spend { key: key(FacetKind::Balance, name), amount, take, opening: opening(name) }
}

fn earn(kind: u8, now: Timestamp) -> Leg {
    let soon = Some(now.plus_ms(12));
    let (name, amount, lot_expires, cap, at_cap) = match kind % 5 {
        0 => ("card", 5, None, None, AtCap::Clamp),
        1 => ("points", 14, soon, Some(30), AtCap::Refuse),
        2 => ("points", 9, soon, Some(30), AtCap::Clamp),
        3 => ("points", 3, Some(Timestamp(40)), Some(30), AtCap::Clamp),
        _ => ("points", 11, None, Some(30), AtCap::Refuse),
    };
    let spendable_from = (kind / 5).is_multiple_of(3).then(|| now.plus_ms(6));
    let claw_back = if kind.is_multiple_of(2) { ClawBack::Debt } else { ClawBack::Floor };
    let (key, opening) = (key(FacetKind::Balance, name), opening(name));
    Leg::Earn { key, amount, lot_expires, spendable_from, cap, at_cap, claw_back, opening }
}

/// What is credited with a release; the same whenever it is said.
fn credited(kind: u8) -> Leg {
    let (name, amount, spendable_from, cap, at_cap) = match kind {
        0 => ("card", 4, None, None, AtCap::Clamp),
        1 => ("points", 6, Some(Timestamp(30)), Some(30), AtCap::Clamp),
        2 => ("points", 5, None, Some(12), AtCap::Refuse),
        _ => ("voucher", 8, None, None, AtCap::Refuse),
    };
    let (key, opening) = (key(FacetKind::Balance, name), opening(name));
    let (lot_expires, claw_back) = (None, ClawBack::Floor);
    Leg::Earn { key, amount, lot_expires, spendable_from, cap, at_cap, claw_back, opening }
}

/// What balances begin with.
pub(crate) fn opening(name: &str) -> Option<Opening> {
    (name == "card").then_some(Opening { amount: 20, expires: Some(Timestamp(30)) })
}

/// The record that a leg changes in the first place.
pub(crate) fn slot(leg: &Leg) -> Slot {
    match leg {
        Leg::Count { key, .. } | Leg::Once { key, .. } => Slot::Counter(*key),
        Leg::Interval { key, .. } | Leg::Zone { key, .. } => Slot::Register(*key),
        Leg::Spend { key, .. } | Leg::Earn { key, .. } => Slot::Balance(*key),
    }
}
