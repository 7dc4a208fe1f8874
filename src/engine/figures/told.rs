//! What an event adds to the figures: read from the receipt, which says of each step of a posting
//! what was in force before it and after it.
//!
//! Invariant: what the events of a posting add up to is what is in force of it in the end, to the
//! unit, because each adds the difference of two standings. The one exception is a use that several
//! postings share, free re-entries: whether the last of them was given back, the event itself says.

use smallvec::SmallVec;

use super::super::answer::legs_of;
use super::super::note::{Note, NotedUse, Role};
use super::sums::{Count, Sums};
use crate::domain::book::{Change, Event, EventKind, Record};
use crate::domain::posting::{FacetKind, Leg, LegResult, Part, Receipt, Released, bit, share};
use crate::ledger::Entry;

/// What an event says about whom.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) tenant: Box<str>,
    /// Empty: not stated.
    pub(super) property: Box<str>,
    /// As [`gate_label`] says.
    pub(super) gate: Box<str>,
    /// Campaigns, and what is to be added to each.
    pub(super) uses: SmallVec<[(Box<str>, Sums); 1]>,
}

/// What gates are called in figures: the gate, or where there is none, the channel.
pub(super) fn gate_label(gate: Option<&str>, channel: Option<&str>) -> Box<str> {
    let stated = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let label = stated(gate).or_else(|| Some(format!("channel:{}", stated(channel)?)));
    label.unwrap_or_default().into()
}

/// How much of a posting's size is in force, and which legs are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Standing {
    held: u64,
    used: u64,
    gone: u64,
}

/// A step of a posting.
#[derive(Debug, Clone, Copy)]
struct Step {
    kind: EventKind,
    before: Standing,
    after: Standing,
}

/// What an event tells; nothing, when its receipt has left the store or nothing was taken or given.
pub(super) fn told(entry: &Entry) -> Option<Told> {
    let receipt = entry.receipt.as_ref()?;
    let step = step(&entry.event, receipt)?;
    let note = Note::decode(&receipt.note)?;
    let uses = (0..).zip(&note.uses).map(|(place, noted)| {
        let own = Own { receipt, note: &note, noted, legs: legs_of(&note, place) };
        (noted.campaign.clone(), own.sums(&step, &entry.event))
    });
    Some(Told {
        uses: uses.filter(|(_, sums)| !sums.is_empty()).collect(),
        gate: gate_label(note.gate.as_deref(), note.channel.as_deref()),
        property: note.property.unwrap_or_default(),
        tenant: note.tenant?,
    })
}

fn step(event: &Event, receipt: &Receipt) -> Option<Step> {
    let size = receipt.size;
    let held = |held| Standing { held, ..Standing::default() };
    let used = |used| Standing { used, ..Standing::default() };
    let (released, gone) = before(receipt, event.number);
    let (before, after) = match event.kind {
        EventKind::Redeemed => (Standing::default(), used(size)),
        EventKind::Held => (Standing::default(), held(size)),
        EventKind::Confirmed => {
            receipt.confirm.as_ref().filter(|confirm| confirm.event == event.number)?;
            let kept = Standing { gone, ..held(size.saturating_sub(released)) };
            (kept, Standing { gone, ..used(receipt.confirmed.saturating_sub(released)) })
        }
        EventKind::Released => {
            let release = receipt.releases.iter().find(|release| release.event == event.number)?;
            let confirmed = receipt.confirm.as_ref().is_some_and(|c| c.event < event.number);
            let is_earlier = event.number < receipt.event;
            let was_held = is_earlier || receipt.until.is_some() && !confirmed;
            let whole = if was_held { size } else { receipt.confirmed };
            let had = whole.saturating_sub(released);
            let standing = |left| if was_held { held(left) } else { used(left) };
            let gone_after = gone | legs_of_part(release);
            let left = had.saturating_sub(release.given);
            (Standing { gone, ..standing(had) }, Standing { gone: gone_after, ..standing(left) })
        }
        EventKind::Expired => {
            let kept = Standing { gone, ..held(size.saturating_sub(released)) };
            (kept, Standing { gone, ..Standing::default() })
        }
        EventKind::Extended | EventKind::Followed => return None,
    };
    Some(Step { kind: event.kind, before, after })
}

/// What was given back before event `number`, and which legs were by themselves. An id whose hold
/// has expired may have been posted again: releases of that hold are not of this one.
fn before(receipt: &Receipt, number: u64) -> (u64, u64) {
    let is_now = number >= receipt.event;
    let earlier = receipt.releases.iter().filter(|release| {
        let is_own = (release.event > receipt.event) == is_now;
        is_own && release.event < number
    });
    earlier.fold((0, 0), |(given, gone), release| {
        (given + release.given, gone | legs_of_part(release))
    })
}

fn legs_of_part(release: &Released) -> u64 {
    match release.part {
        Part::Legs(legs) => legs,
        Part::All | Part::Of(_) => 0,
    }
}

/// One use of a posting.
struct Own<'a> {
    receipt: &'a Receipt,
    note: &'a Note,
    noted: &'a NotedUse,
    /// Its legs, a bit each.
    legs: u64,
}

impl Own<'_> {
    fn sums(&self, step: &Step, event: &Event) -> Sums {
        let mut sums = Sums::default();
        self.count(step, &mut sums);
        let (mut uses, mut held, mut drawn) = (0, 0, 0);
        let legs = self.receipt.legs.iter().zip(&self.receipt.results).enumerate();
        for (place, (leg, result)) in legs.filter(|(place, _)| self.legs & bit(*place) != 0) {
            let moved = |quantity: fn(&Standing) -> u64| {
                let of = |standing: &Standing| {
                    let is_gone = standing.gone & bit(place) != 0;
                    if is_gone { 0 } else { share(result.amount, quantity(standing), self.size()) }
                };
                difference(of(&step.after), of(&step.before))
            };
            let used = moved(|standing| standing.used);
            match leg {
                Leg::Count { key, .. } if key.facet.is(FacetKind::Uses) => {
                    uses += used;
                    held += moved(|standing| standing.held);
                }
                Leg::Once { key, .. } if key.facet.is(FacetKind::Uses) => {
                    uses += self.shared(place, (leg, result), step, event);
                }
                Leg::Count { .. }
                | Leg::Once { .. }
                | Leg::Interval { .. }
                | Leg::Zone { .. }
                | Leg::Spend { .. }
                | Leg::Earn { .. } => {}
            }
            let keeps_points = self.noted.account_currency.is_none();
            match self.note.role(place, leg) {
                Role::Draw => drawn += result.amount,
                Role::AccountDraw => {
                    drawn += result.amount;
                    if keeps_points {
                        sums.add(Count::PointsSpent, used);
                    }
                }
                Role::AccountCost if keeps_points => sums.add(Count::PointsSpent, used),
                Role::AccountEarning if keeps_points => sums.add(Count::PointsEarned, used),
                Role::AccountCost | Role::AccountEarning | Role::Guard | Role::TopUp => {}
            }
        }
        sums.add(if uses < 0 { Count::UsesBack } else { Count::Uses }, uses.abs());
        sums.add(Count::HeldUses, held);
        if let Some(currency) = &self.note.currency {
            sums.add_money(currency, self.money(step, drawn));
        }
        sums
    }

    /// Counts the code itself; value that only moves is no use.
    fn count(&self, step: &Step, sums: &mut Sums) {
        if self.noted.units == 0 {
            return;
        }
        let (before, after) = (self.live(&step.before), self.live(&step.after));
        match step.kind {
            EventKind::Redeemed => sums.add(Count::Redeemed, 1),
            EventKind::Held => sums.add(Count::Held, 1),
            EventKind::Confirmed if after.used > 0 => {
                sums.add(Count::Confirmed, 1);
                sums.add(Count::Redeemed, 1);
            }
            EventKind::Released if before.used > after.used => sums.add(Count::Released, 1),
            EventKind::Released if before.held > after.held => sums.add(Count::HoldReleased, 1),
            EventKind::Expired if before.held > 0 => sums.add(Count::Expired, 1),
            EventKind::Confirmed
            | EventKind::Released
            | EventKind::Expired
            | EventKind::Extended
            | EventKind::Followed => {}
        }
    }

    /// A use that is counted once for several postings. It counts from the hold on; when a posting
    /// gives it back, the marker in the event says whether it was the last that shared it.
    fn shared(
        &self,
        place: usize,
        (leg, result): (&Leg, &LegResult),
        step: &Step,
        event: &Event,
    ) -> i64 {
        let Leg::Once { marker, n, .. } = leg else { return 0 };
        let has_marker_at = |used| {
            event.changes.iter().any(|change| match change {
                Change::Is(Record::Counter(key, counter), _) => {
                    key == marker && counter.used == used
                }
                Change::Is(_, _) | Change::Gone(_) => false,
            })
        };
        if matches!(step.kind, EventKind::Redeemed | EventKind::Held) {
            // What an earlier hold of the same id took, this receipt does not know.
            let is_own = event.number == self.receipt.event;
            let earlier = if has_marker_at(1) { *n } else { 0 };
            return difference(if is_own { result.amount } else { earlier }, 0);
        }
        let force = |standing: &Standing| {
            let is_gone = standing.gone & bit(place) != 0;
            if is_gone { 0 } else { standing.used + standing.held }
        };
        let is_given_back = force(&step.before) > 0 && force(&step.after) == 0;
        if is_given_back && has_marker_at(0) { difference(0, *n) } else { 0 }
    }

    /// What more was taken off orders, in minor units; `drawn` is what balances gave for it at
    /// first.
    fn money(&self, step: &Step, drawn: u64) -> i64 {
        let minor = i64::try_from(drawn).unwrap_or(i64::MAX);
        let drawn = || minor.saturating_mul(self.noted.unit_minor).min(self.noted.worth_minor_max);
        let worth = self.noted.worth_minor.unwrap_or_else(drawn);
        let in_force = |standing: &Standing| {
            share(worth.unsigned_abs(), self.live(standing).used, self.size())
        };
        difference(in_force(&step.after), in_force(&step.before)) * worth.signum()
    }

    fn size(&self) -> u64 {
        self.receipt.size
    }

    /// What is in force of this use.
    fn live(&self, standing: &Standing) -> Standing {
        let is_gone = self.legs != 0 && self.legs & !standing.gone == 0;
        if is_gone { Standing::default() } else { *standing }
    }
}

fn difference(after: u64, before: u64) -> i64 {
    let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    signed(after) - signed(before)
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed one is a failed test"
)]
mod tests;
