//! Stacking: how the campaigns of one order stand to each other, and in which order they apply.
//!
//! [`stack`] looks at each candidate alone first, then at how many and which go together, then puts
//! them in order and lets each take its part of what the earlier ones left, and last lets those
//! earn that can. It deliberately knows no ledger: a code whose limit is reached stands here like
//! any other.
//!
//! Invariants: candidates with the same order number apply in the order of the request, codes
//! before campaigns that apply by themselves, these by their ids. Who is refused leaves no trace in
//! the order. A campaign that applies by itself is never the reason of a refusal of the whole.

mod candidate;

use std::cmp::Ordering;

use smallvec::{SmallVec, smallvec};

use super::conditions::Matching;
use super::{Offer, Running, admit, effects, give, matters, points};
use crate::domain::policy::CODES_MAX;
use crate::domain::refusal::{Reason, Refusal};

pub use candidate::{Candidate, Setting, StackMode};

/// What an order comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// What applies, in the order in which it does: the place of the candidate, and its offer.
    pub parts: SmallVec<[(usize, Offer); 1]>,
    /// Codes that were left out, each with its place and reason, by their places. Partial mode
    /// only.
    pub left_out: SmallVec<[Refusal; 0]>,
    /// The order as all parts leave it.
    pub running: Running,
}

/// What an order comes to. `candidates` are its codes in the order of the request, and the
/// campaigns that may apply by themselves, in any order.
///
/// An exit asks of each code only that it stands; nothing applies by itself.
///
/// # Errors
/// [`Reason::CodeRequired`] when the slot's group is mandatory and there is no code that can be
/// used. Else the first reason against a code, with its place: in partial mode only when no code
/// can be used.
pub fn stack(candidates: &[Candidate<'_>], setting: &Setting<'_, '_>) -> Result<Stack, Refusal> {
    if let [code] = candidates
        && let Some(index) = code.code_index
    {
        return lone(code, setting).map_err(|no| setting.without_codes(no.at(index)));
    }
    Table { setting, left_out: SmallVec::new() }.stack(candidates)
}

/// The usual case: one code, and nothing that applies by itself.
fn lone(code: &Candidate<'_>, setting: &Setting<'_, '_>) -> Result<Stack, Refusal> {
    let question = code.question(setting, true);
    let mut running = Running::of(setting.order);
    let offer = match admit(&question, Some(&running))? {
        Some(admitted) => {
            in_slot(code, setting)?;
            combines(code, &[], setting)?;
            give(&question, &admitted, &mut running)?
        }
        None => Offer::default(),
    };
    Ok(Stack { parts: smallvec![(0, offer)], left_out: SmallVec::new(), running })
}

/// A candidate and its place.
type Entry<'c, 'a> = (usize, &'c Candidate<'a>);

type Entries<'c, 'a> = SmallVec<[Entry<'c, 'a>; 8]>;

/// A candidate that has taken its part.
struct Part<'c, 'a> {
    place: usize,
    candidate: &'c Candidate<'a>,
    offer: Offer,
    /// The lines it is for; absent for an exit.
    matching: Option<Matching>,
}

/// Several candidates, and those that had to go.
struct Table<'s, 'o> {
    setting: &'s Setting<'s, 'o>,
    left_out: SmallVec<[Refusal; 0]>,
}

impl Table<'_, '_> {
    fn stack(mut self, candidates: &[Candidate<'_>]) -> Result<Stack, Refusal> {
        let setting = self.setting;
        let has_codes = candidates.iter().any(Candidate::is_code);
        if !has_codes && setting.needs_code() {
            return Err(Refusal::new(Reason::CodeRequired));
        }
        let mut entries: Entries<'_, '_> = candidates.iter().enumerate().collect();
        if setting.is_exit() {
            entries.retain(|(_, candidate)| candidate.is_code());
        }
        self.sift(&mut entries, |_, candidate| {
            match admit(&candidate.question(setting, false), None)? {
                Some(_) => in_slot(candidate, setting),
                None => Ok(()),
            }
        })?;
        entries.sort_unstable_by(|(_, a), (_, b)| a.order_of_check(b));
        self.sift(&mut entries, |kept, candidate| combines(candidate, kept, setting))?;
        entries.sort_unstable_by(|(_, a), (_, b)| a.order_of_application(b));
        if !setting.is_exit() {
            self.stop(&mut entries)?;
            self.choose_best(&mut entries)?;
        }
        let mut running = Running::of(setting.order);
        let parts = self.apply(&entries, &mut running)?;
        let parts = self.earn(parts, &mut running)?;
        self.left_out.sort_by_key(|no| no.code_index);
        if has_codes && !parts.iter().any(|part| part.candidate.is_code()) {
            let first = self.left_out.into_iter().next();
            return Err(setting.without_codes(first.unwrap_or(Refusal::new(Reason::NoEffect))));
        }
        let parts = parts.into_iter().map(|part| (part.place, part.offer)).collect();
        Ok(Stack { parts, left_out: self.left_out, running })
    }

    /// Keeps those that `check` lets pass; it sees who was kept before.
    fn sift<'c, 'a>(
        &mut self,
        entries: &mut Entries<'c, 'a>,
        check: impl Fn(&[Entry<'c, 'a>], &'c Candidate<'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut kept = Entries::with_capacity(entries.len());
        for &(place, candidate) in entries.iter() {
            match check(&kept, candidate) {
                Ok(()) => kept.push((place, candidate)),
                Err(no) => self.leave_out(candidate, no)?,
            }
        }
        *entries = kept;
        Ok(())
    }

    /// Goes on without a candidate, if that is wanted. What applies by itself goes without a word.
    fn leave_out(&mut self, candidate: &Candidate<'_>, no: Refusal) -> Result<(), Refusal> {
        let Some(index) = candidate.code_index else { return Ok(()) };
        match self.setting.mode {
            StackMode::AllOrNothing => Err(no.at(index)),
            StackMode::Partial => {
                self.left_out.push(no.at(index));
                Ok(())
            }
        }
    }

    /// Lets nothing follow a campaign that stops the others. One that applies by itself cannot
    /// stop a code, so it stays away.
    fn stop(&mut self, entries: &mut Entries<'_, '_>) -> Result<(), Refusal> {
        let last_code = entries.iter().rev().map(|(_, c)| *c).find(|c| c.is_code());
        self.sift(entries, |kept, candidate| {
            if let Some((_, last)) = kept.last()
                && last.stops()
            {
                return Err(last.conflict(Reason::StoppedByPriority));
            }
            let is_before_code =
                |code: &Candidate<'_>| candidate.order_of_application(code) == Ordering::Less;
            if !candidate.is_code() && candidate.stops() && last_code.is_some_and(is_before_code) {
                return Err(Refusal::new(Reason::StoppedByPriority));
            }
            Ok(())
        })
    }

    /// Of those that want to be the best of several, keeps the one that is worth most by itself.
    fn choose_best(&mut self, entries: &mut Entries<'_, '_>) -> Result<(), Refusal> {
        if entries.iter().all(|(_, candidate)| candidate.best_of().is_none()) {
            return Ok(());
        }
        let worths: SmallVec<[i64; 8]> =
            entries.iter().map(|(_, candidate)| self.worth_alone(candidate)).collect();
        let all = entries.clone();
        self.sift(entries, |_, candidate| {
            let Some(name) = candidate.best_of() else { return Ok(()) };
            let rivals = all.iter().zip(&worths).filter(|((_, c), _)| c.best_of() == Some(name));
            // Of equals, the one that applies first.
            let best = rivals.rev().max_by_key(|(_, worth)| **worth);
            match best {
                Some(((_, best), _)) if !std::ptr::eq(*best, candidate) => {
                    Err(best.conflict(Reason::BetterOffer))
                }
                _ => Ok(()),
            }
        })
    }

    /// What a candidate would be worth if it were the only one.
    fn worth_alone(&self, candidate: &Candidate<'_>) -> i64 {
        if candidate.best_of().is_none() {
            return 0;
        }
        let question = candidate.question(self.setting, true);
        let mut running = Running::of(self.setting.order);
        match admit(&question, None) {
            Ok(Some(admitted)) => effects::apply(&question, &admitted, &mut running).worth_minor,
            Ok(None) | Err(_) => 0,
        }
    }

    /// Lets each take its part of what the earlier ones left.
    fn apply<'c, 'a>(
        &mut self,
        entries: &[Entry<'c, 'a>],
        running: &mut Running,
    ) -> Result<Parts<'c, 'a>, Refusal> {
        let alone = entries.len() == 1;
        let mut by_themselves = 0;
        let mut parts = Parts::new();
        for &(place, candidate) in entries {
            if !candidate.is_code() && by_themselves == CODES_MAX {
                continue;
            }
            let question = candidate.question(self.setting, alone);
            let given = admit(&question, Some(running)).and_then(|admitted| match admitted {
                Some(admitted) => give(&question, &admitted, running)
                    .map(|offer| (offer, Some(admitted.matching))),
                None => Ok((Offer::default(), None)),
            });
            match given {
                Ok((offer, matching)) => {
                    by_themselves += usize::from(!candidate.is_code());
                    parts.push(Part { place, candidate, offer, matching });
                }
                Err(no) => self.leave_out(candidate, no)?,
            }
        }
        Ok(parts)
    }

    /// Lets those earn that can, of what all together left to pay.
    fn earn<'c, 'a>(
        &mut self,
        mut parts: Parts<'c, 'a>,
        running: &mut Running,
    ) -> Result<Parts<'c, 'a>, Refusal> {
        let spends = |part: &Part<'_, '_>| points::spends(&part.offer);
        let spent: SmallVec<[&str; 4]> =
            parts.iter().filter(|part| spends(part)).filter_map(|p| p.account_id()).collect();
        let mut staying = Parts::with_capacity(parts.len());
        for mut part in parts.drain(..) {
            let question = part.candidate.question(self.setting, false);
            if let Some(matching) = part.matching {
                let is_spent = part.account_id().is_some_and(|id| spent.contains(&id));
                part.offer.earning = points::earning(&question, matching, running, is_spent);
            }
            if part.matching.is_none() || matters(&question, &part.offer) {
                staying.push(part);
            } else {
                running.put_back(&part.offer.line_parts, running.asked_minor());
                self.leave_out(part.candidate, Refusal::new(Reason::NoEffect))?;
            }
        }
        Ok(staying)
    }
}

type Parts<'c, 'a> = SmallVec<[Part<'c, 'a>; 1]>;

impl<'a> Part<'_, 'a> {
    fn account_id(&self) -> Option<&'a str> {
        self.candidate.account.map(|account| &*account.id)
    }
}

/// Whether the slot accepts the campaign.
fn in_slot(candidate: &Candidate<'_>, setting: &Setting<'_, '_>) -> Result<(), Refusal> {
    let is_accepted =
        setting.group.is_none_or(|group| candidate.campaign.groups.contains(&group.id));
    if is_accepted { Ok(()) } else { Err(Refusal::new(Reason::SlotNotAccepted)) }
}

/// Whether a candidate goes together with those that are in the order before it: codes as they were
/// given, then what applies by itself.
fn combines(
    candidate: &Candidate<'_>,
    earlier: &[Entry<'_, '_>],
    setting: &Setting<'_, '_>,
) -> Result<(), Refusal> {
    let others = || earlier.iter().map(|(_, other)| *other);
    if candidate.is_code() {
        if let Some(same) = others().find(|other| other.code.owner == candidate.code.owner) {
            return Err(same.conflict(Reason::AlreadyApplied));
        }
        if setting.is_exit() {
            return Ok(());
        }
        let accounting = candidate.campaign.accounting;
        let alike = || others().filter(|other| other.campaign.accounting == accounting);
        let first = if alike().count() >= setting.policy.codes_max_of(accounting).into() {
            Some(alike().next())
        } else if others().count() >= setting.policy.codes_max.into() {
            Some(others().next())
        } else {
            None
        };
        match first {
            Some(Some(first)) => return Err(first.conflict(Reason::TooManyCodes)),
            Some(None) => return Err(Refusal::new(Reason::TooManyCodes)),
            None => {}
        }
    }
    let group = candidate.campaign.stacking.exclusion_group.as_deref();
    let excludes =
        |other: &&Candidate<'_>| other.campaign.stacking.exclusion_group.as_deref() == group;
    match others().find(excludes).filter(|_| group.is_some()) {
        Some(other) => Err(other.conflict(Reason::NotCombinable)),
        None => Ok(()),
    }
}
