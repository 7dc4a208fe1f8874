//! The judge of histories: what clients saw of one counter, held against what the ledger says.
//!
//! Many clients take uses of one counter while processes are killed and connections are cut. Each
//! writes down when it asked and what it heard, if anything. Nothing is given back, so each use
//! has a number of its own, the *ordinal*, and a history can be judged without knowing in which
//! order the ledger worked:
//!
//! - every ordinal is within the limit, and nobody shares one;
//! - an id is answered the same however often it asks, and in the end it is answered;
//! - if one was answered before another asked, its ordinal is smaller;
//! - nobody is refused while there is room;
//! - every yes is in the ledger under its ordinal, nothing else is, and the counter stands there.
//!
//! Knows no clock: a moment is a number that grows, the same for all clients.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::PostingId;

/// One call as its caller saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// What it asked for; a repeat has the same id.
    pub id: PostingId,
    /// The moment before it asked.
    pub began: u64,
    /// The moment after it heard, or gave up.
    pub ended: u64,
    /// What it heard.
    pub heard: Heard,
}

/// What a caller heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Yes: the use of that number.
    Yes(u64),
    /// No: the limit is reached.
    No,
    /// Nothing that says whether it was done.
    Nothing,
}

/// What the ledger says when all is over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// How many uses there are.
    pub limit: u64,
    /// How many of them are used.
    pub used: u64,
    /// The ordinals of all that are recorded.
    pub ordinals: BTreeMap<PostingId, u64>,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// An ordinal is zero or beyond the limit.
    OutOfRange(PostingId, u64),
    /// Two ids have the same ordinal.
    Shared(u64, PostingId, PostingId),
    /// The same id heard different answers.
    Changed(PostingId, Heard, Heard),
    /// Nobody knows what became of an id, although it was asked to the end.
    Unsettled(PostingId),
    /// The first was answered before the second asked, and still has the greater ordinal.
    OutOfOrder(PostingId, PostingId),
    /// Refused while there was room.
    RefusedWithRoom(PostingId),
    /// A yes that the ledger does not know, or knows otherwise.
    Lost(PostingId, u64),
    /// The ledger knows a use to which nobody heard yes.
    Untold(PostingId),
    /// The counter does not stand where the yeses add up to.
    Miscounted {
        /// Different ids that heard yes.
        yeses: u64,
        /// What the counter says.
        used: u64,
    },
}

/// What is known of one id: acceptance lies between `began` and `ended`.
struct Taken {
    id: PostingId,
    began: u64,
    ended: u64,
    ordinal: u64,
}

/// Judges `calls`, in any order, against where the ledger stands. All lies that are found.
#[must_use]
pub fn judge(calls: &[Call], standing: &Standing) -> Vec<Lie> {
    let mut by_id: BTreeMap<PostingId, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        by_id.entry(call.id).or_default().push(call);
    }
    let mut lies = Vec::new();
    let mut taken = Vec::new();
    for (id, tries) in &by_id {
        match settle(*id, tries, &mut lies) {
            Some(Heard::Yes(ordinal)) => taken.extend(take(*id, tries, ordinal)),
            Some(Heard::No) => {}
            Some(Heard::Nothing) | None => lies.push(Lie::Unsettled(*id)),
        }
    }
    taken.sort_by_key(|one| one.ordinal);
    numbered(&taken, standing.limit, &mut lies);
    in_order(&taken, &mut lies);
    refusals(calls, &taken, standing.limit, &mut lies);
    recorded(&taken, standing, &mut lies);
    lies
}

/// The one answer to an id.
fn settle(id: PostingId, tries: &[&Call], lies: &mut Vec<Lie>) -> Option<Heard> {
    let mut answers = tries.iter().map(|call| call.heard).filter(|heard| *heard != Heard::Nothing);
    let first = answers.next()?;
    if let Some(other) = answers.find(|heard| *heard != first) {
        lies.push(Lie::Changed(id, first, other));
    }
    Some(first)
}

fn take(id: PostingId, tries: &[&Call], ordinal: u64) -> Option<Taken> {
    let began = tries.iter().map(|call| call.began).min()?;
    let told = tries.iter().filter(|call| call.heard != Heard::Nothing);
    let ended = told.map(|call| call.ended).min()?;
    Some(Taken { id, began, ended, ordinal })
}

fn numbered(taken: &[Taken], limit: u64, lies: &mut Vec<Lie>) {
    for one in taken.iter().filter(|one| one.ordinal == 0 || one.ordinal > limit) {
        lies.push(Lie::OutOfRange(one.id, one.ordinal));
    }
    for (one, next) in taken.iter().zip(taken.iter().skip(1)) {
        if one.ordinal == next.ordinal {
            lies.push(Lie::Shared(one.ordinal, one.id, next.id));
        }
    }
}

/// From the greatest ordinal down: nobody with a greater one may have been answered before this
/// one asked.
fn in_order(taken: &[Taken], lies: &mut Vec<Lie>) {
    let mut soonest: Option<&Taken> = None;
    for one in taken.iter().rev() {
        if let Some(greater) = soonest
            && greater.ended < one.began
        {
            lies.push(Lie::OutOfOrder(greater.id, one.id));
        }
        if soonest.is_none_or(|greater| one.ended < greater.ended) {
            soonest = Some(one);
        }
    }
}

/// A refusal is true only if as many as the limit had asked by the time it was heard.
fn refusals(calls: &[Call], taken: &[Taken], limit: u64, lies: &mut Vec<Lie>) {
    let mut begins: Vec<u64> = taken.iter().map(|one| one.began).collect();
    begins.sort_unstable();
    for call in calls.iter().filter(|call| call.heard == Heard::No) {
        let asked = begins.partition_point(|began| *began < call.ended);
        if (asked as u64) < limit {
            lies.push(Lie::RefusedWithRoom(call.id));
        }
    }
}

fn recorded(taken: &[Taken], standing: &Standing, lies: &mut Vec<Lie>) {
    for one in taken {
        if standing.ordinals.get(&one.id) != Some(&one.ordinal) {
            lies.push(Lie::Lost(one.id, one.ordinal));
        }
    }
    let told: BTreeSet<PostingId> = taken.iter().map(|one| one.id).collect();
    lies.extend(
        standing.ordinals.keys().filter(|id| !told.contains(id)).map(|id| Lie::Untold(*id)),
    );
    let yeses = taken.len() as u64;
    if yeses != standing.used {
        lies.push(Lie::Miscounted { yeses, used: standing.used });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> PostingId {
        PostingId([number; 16])
    }

    fn call(number: u8, began: u64, ended: u64, heard: Heard) -> Call {
        Call { id: id(number), began, ended, heard }
    }

    fn standing(limit: u64, ordinals: &[(u8, u64)]) -> Standing {
        let used = ordinals.len() as u64;
        let ordinals = ordinals.iter().map(|(number, ordinal)| (id(*number), *ordinal));
        Standing { limit, used, ordinals: ordinals.collect() }
    }

    /// Two take both uses at the same time, in either order; a third is refused, and a fourth
    /// learns only by asking again that it was refused too.
    fn history() -> Vec<Call> {
        vec![
            call(1, 1, 5, Heard::Yes(2)),
            call(2, 2, 4, Heard::Nothing),
            call(2, 7, 8, Heard::Yes(1)),
            call(3, 6, 9, Heard::No),
            call(4, 3, 10, Heard::Nothing),
            call(4, 11, 12, Heard::No),
        ]
    }

    fn ledger() -> Standing {
        standing(2, &[(1, 2), (2, 1)])
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Vec<Call>, &mut Standing), lies: &[Lie]) {
        let (mut calls, mut standing) = (history(), ledger());
        change(&mut calls, &mut standing);
        assert_eq!(judge(&calls, &standing), lies);
        calls.reverse();
        let backwards = judge(&calls, &standing);
        assert_eq!(backwards.len(), lies.len(), "in another order: {backwards:?}");
    }

    #[test]
    fn the_truth_is_no_lie() {
        check(|_, _| {}, &[]);
        assert_eq!(judge(&[], &Standing::default()), []);
    }

    #[test]
    fn an_ordinal_out_of_range_is_caught() {
        check(|_, ledger| ledger.limit = 1, &[Lie::OutOfRange(id(1), 2)]);
        let calls = [call(1, 1, 2, Heard::Yes(0))];
        assert_eq!(judge(&calls, &standing(2, &[(1, 0)])), [Lie::OutOfRange(id(1), 0)]);
    }

    #[test]
    fn a_shared_ordinal_is_caught() {
        let change = |calls: &mut Vec<Call>, ledger: &mut Standing| {
            calls.retain(|call| call.id != id(1));
            calls.push(call(1, 1, 5, Heard::Yes(1)));
            ledger.ordinals.insert(id(1), 1);
        };
        check(change, &[Lie::Shared(1, id(1), id(2))]);
    }

    #[test]
    fn an_answer_that_changes_is_caught() {
        let again = |calls: &mut Vec<Call>, _: &mut Standing| {
            calls.push(call(1, 13, 14, Heard::Yes(1)));
        };
        let mut calls = history();
        let mut ledger = ledger();
        again(&mut calls, &mut ledger);
        let changed = Lie::Changed(id(1), Heard::Yes(2), Heard::Yes(1));
        assert_eq!(judge(&calls, &ledger), [changed]);
        let mut calls = history();
        calls.push(call(3, 13, 14, Heard::Yes(1)));
        assert!(judge(&calls, &ledger).contains(&Lie::Changed(id(3), Heard::No, Heard::Yes(1))));
    }

    #[test]
    fn an_unknown_that_never_settles_is_caught() {
        let change = |calls: &mut Vec<Call>, _: &mut Standing| {
            calls.retain(|call| call.ended != 12);
        };
        check(change, &[Lie::Unsettled(id(4))]);
    }

    #[test]
    fn a_later_asker_with_a_smaller_ordinal_is_caught() {
        let change = |calls: &mut Vec<Call>, _: &mut Standing| {
            calls.retain(|call| call.id != id(2));
            calls.push(call(2, 6, 8, Heard::Yes(1)));
        };
        check(change, &[Lie::OutOfOrder(id(1), id(2))]);
    }

    #[test]
    fn a_refusal_with_room_is_caught() {
        let change = |calls: &mut Vec<Call>, ledger: &mut Standing| {
            ledger.limit = 3;
            calls.retain(|call| call.id != id(4));
        };
        check(change, &[Lie::RefusedWithRoom(id(3))]);
        let early = |calls: &mut Vec<Call>, _: &mut Standing| {
            calls.retain(|call| call.id != id(3));
            calls.push(call(3, 0, 2, Heard::No));
        };
        check(early, &[Lie::RefusedWithRoom(id(3))]);
    }

    #[test]
    fn a_lost_yes_is_caught() {
        let lost = |_: &mut Vec<Call>, ledger: &mut Standing| {
            ledger.ordinals.remove(&id(1));
            ledger.used = 1;
        };
        check(lost, &[Lie::Lost(id(1), 2), Lie::Miscounted { yeses: 2, used: 1 }]);
        let renumbered = |_: &mut Vec<Call>, ledger: &mut Standing| {
            ledger.ordinals.insert(id(1), 3);
        };
        check(renumbered, &[Lie::Lost(id(1), 2)]);
    }

    #[test]
    fn a_use_that_nobody_was_told_of_is_caught() {
        let change = |_: &mut Vec<Call>, ledger: &mut Standing| {
            ledger.ordinals.insert(id(4), 2);
        };
        check(change, &[Lie::Untold(id(4))]);
    }

    #[test]
    fn a_counter_that_stands_elsewhere_is_caught() {
        check(|_, ledger| ledger.used = 3, &[Lie::Miscounted { yeses: 2, used: 3 }]);
    }
}
