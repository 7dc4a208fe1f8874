//! What the rule book says, read out slowly: no masks, no tricks, exact fractions, plain lists.
//!
//! Each rule names its row of the feature list (E1, B3, S5 …). Whatever is asked of an order is
//! first asked of each entry alone, then of how they go together, then of what each takes in turn.
//! It shares the nouns with what it checks, and none of its code.

mod conditions;
mod eligibility;
mod hours;
mod lines;
mod needs;
mod points;
mod sheet;
mod worth;

use std::collections::BTreeMap;

use jeton::domain::campaign::{AccountingType, After, Campaign, Effect, Kind, NoEffect};
use jeton::domain::order::Passage;
use jeton::domain::policy::NeedsCode;
use jeton::domain::refusal::{Reason, Refusal};
use jeton::domain::rules::{Offer, StackMode};

use super::case::{Answer, Case, Entry, Yes};
use eligibility::eligible;
use sheet::Sheet;

/// At most so many campaigns apply by themselves (E11).
const AUTOMATIC_MAX: usize = 16;

/// How often each rule said what.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl Tally {
    /// How often `rule` said `what`.
    pub(super) fn count(&self, rule: &'static str, what: &'static str) -> u64 {
        self.counts.get(&(rule, what)).copied().unwrap_or_default()
    }

    /// Adds what was counted elsewhere.
    pub(super) fn add(&mut self, other: Self) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
    }

    /// Counts that `rule` said `what`.
    fn note(&mut self, rule: &'static str, what: &'static str) {
        *self.counts.entry((rule, what)).or_default() += 1;
    }

    /// Counts whether `rule` held.
    fn held(&mut self, rule: &'static str, holds: bool) {
        self.note(rule, if holds { "held" } else { "failed" });
    }
}

/// One entry that is still in the order: its place, and which parts of the order it is for (one for
/// each line, and last what no line explains).
#[derive(Debug, Clone)]
struct Member {
    place: usize,
    matching: Vec<bool>,
}

/// The table at which the entries of one order meet.
struct Table<'a> {
    case: &'a Case,
    tally: &'a mut Tally,
    left_out: Vec<Refusal>,
}

/// What the rule book says to a case.
pub(super) fn evaluate(case: &Case, tally: &mut Tally) -> Answer {
    let mut table = Table { case, tally, left_out: Vec::new() };
    let answer = table.judge();
    let refusals = match &answer {
        Ok(yes) => &yes.left_out[..],
        Err(refusal) => std::slice::from_ref(refusal),
    };
    table.tally.note("answer", if answer.is_ok() { "yes" } else { "no" });
    for refusal in refusals {
        table.tally.note("reason", refusal.reason.name());
    }
    answer
}

impl Table<'_> {
    fn judge(&mut self) -> Result<Yes, Refusal> {
        if self.case.order.passage == Passage::Exit {
            return self.leave();
        }
        // E10: a mandatory group needs a code.
        let has_code = self.case.entries.iter().any(|entry| entry.is_code);
        let group = self.case.group.as_ref();
        let is_mandatory = group.is_some_and(|group| group.needs_code == NeedsCode::Mandatory);
        self.tally.held("mandatory group", !is_mandatory || has_code);
        if is_mandatory && !has_code {
            return Err(Refusal::new(Reason::CodeRequired));
        }
        let members = self.each_alone()?;
        let members = self.together(members)?;
        let members = self.until_the_stop(members)?;
        let members = self.best_of(&members)?;
        let mut sheet = Sheet::of(&self.case.order);
        let parts = self.in_turn(members, &mut sheet)?;
        let parts = self.points(parts, &mut sheet)?;
        self.answer(parts, &sheet, is_mandatory)
    }

    /// G3: leaving asks only that the codes themselves stand, and that each is there once.
    fn leave(&mut self) -> Result<Yes, Refusal> {
        let mut standing = Vec::new();
        for place in self.codes() {
            match eligibility::code_stands(self.entry(place)) {
                Ok(()) => standing.push(place),
                Err(refusal) => self.refuse(place, refusal)?,
            }
        }
        let mut leaving: Vec<usize> = Vec::new();
        for place in standing {
            match self.twice(place, &leaving) {
                Ok(()) => leaving.push(place),
                Err(refusal) => self.refuse(place, refusal)?,
            }
        }
        leaving.sort_by_key(|&place| self.turn(place));
        let parts = leaving.into_iter().map(|place| (place, Offer::default())).collect();
        self.answer(parts, &Sheet::of(&self.case.order), false)
    }

    /// All that is wrong with an entry whatever else is in the order (E1–E12).
    fn each_alone(&mut self) -> Result<Vec<Member>, Refusal> {
        let mut members = Vec::new();
        for place in 0..self.case.entries.len() {
            let case = self.case;
            let found = eligible(case, &case.entries[place], self.tally);
            match found.and_then(|matching| self.slot(place).map(|()| matching)) {
                Ok(matching) => members.push(Member { place, matching }),
                Err(refusal) => self.refuse(place, refusal)?,
            }
        }
        Ok(members)
    }

    /// E10: the slot accepts one group, and a campaign may be in several.
    fn slot(&mut self, place: usize) -> Result<(), Refusal> {
        let Some(group) = &self.case.group else { return Ok(()) };
        let accepts = self.entry(place).campaign.groups.contains(&group.id);
        self.tally.held("slot's group", accepts);
        if accepts { Ok(()) } else { Err(Refusal::new(Reason::SlotNotAccepted)) }
    }

    /// S3, S4: how many and which go together: codes in the order of the request, then what applies
    /// by itself, in the order in which it does.
    fn together(&mut self, mut members: Vec<Member>) -> Result<Vec<Member>, Refusal> {
        members.sort_by_key(|member| {
            let entry = self.entry(member.place);
            let by_itself = (!entry.is_code).then(|| self.turn(member.place));
            (by_itself, member.place)
        });
        let mut kept: Vec<Member> = Vec::new();
        for member in members {
            let earlier: Vec<usize> = kept.iter().map(|other| other.place).collect();
            let found = if self.entry(member.place).is_code {
                self.twice(member.place, &earlier)
                    .and_then(|()| self.quota(member.place, &earlier))
                    .and_then(|()| self.exclusion(member.place, &earlier))
            } else {
                self.exclusion(member.place, &earlier)
            };
            match found {
                Ok(()) => kept.push(member),
                Err(refusal) => self.refuse(member.place, refusal)?,
            }
        }
        Ok(kept)
    }

    fn twice(&mut self, place: usize, earlier: &[usize]) -> Result<(), Refusal> {
        let owner = self.entry(place).code.owner;
        let same = |&&other: &&usize| self.entry(other).code.owner == owner;
        let other = earlier.iter().find(same).copied();
        self.tally.held("same code twice", other.is_none());
        match other {
            None => Ok(()),
            Some(other) => Err(self.conflict(Reason::AlreadyApplied, Some(other))),
        }
    }

    /// S4: at most so many codes, and so many of a type.
    fn quota(&mut self, place: usize, earlier: &[usize]) -> Result<(), Refusal> {
        let policy = &self.case.policy;
        let accounting = self.entry(place).campaign.accounting;
        let number = AccountingType::ALL.iter().position(|each| *each == accounting).unwrap();
        let of_type = |other: &&usize| self.entry(**other).campaign.accounting == accounting;
        let same: Vec<usize> = earlier.iter().filter(of_type).copied().collect();
        let type_max = policy.codes_max_by_type[number];
        let fits_type = type_max.is_none_or(|max| same.len() < usize::from(max));
        let fits_all = earlier.len() < usize::from(policy.codes_max);
        if type_max.is_some() {
            self.tally.held("quota of a type", fits_type);
        }
        self.tally.held("quota", fits_all);
        if !fits_type {
            return Err(self.conflict(Reason::TooManyCodes, same.first().copied()));
        }
        if !fits_all {
            return Err(self.conflict(Reason::TooManyCodes, earlier.first().copied()));
        }
        Ok(())
    }

    /// S3: at most one campaign of an exclusion group.
    fn exclusion(&mut self, place: usize, earlier: &[usize]) -> Result<(), Refusal> {
        let group = |place: usize| self.entry(place).campaign.stacking.exclusion_group.as_deref();
        let Some(own) = group(place) else { return Ok(()) };
        let other = earlier.iter().find(|&&other| group(other) == Some(own)).copied();
        let is_code = self.entry(place).is_code;
        let rule = if is_code { "exclusion group" } else { "exclusion group, automatic" };
        self.tally.held(rule, other.is_none());
        match other {
            None => Ok(()),
            Some(other) => Err(self.conflict(Reason::NotCombinable, Some(other))),
        }
    }

    /// S2, S5: in the order of their numbers, nothing follows a campaign that stops the others. One
    /// that applies by itself cannot stop a code, so it stays away before one.
    fn until_the_stop(&mut self, mut members: Vec<Member>) -> Result<Vec<Member>, Refusal> {
        members.sort_by_key(|member| self.turn(member.place));
        let mut kept: Vec<Member> = Vec::new();
        let mut stopper: Option<usize> = None;
        for (number, member) in members.iter().enumerate() {
            let place = member.place;
            let entry = self.entry(place);
            let is_code = entry.is_code;
            let stops = entry.campaign.stacking.after == After::Stops;
            let later = &members[number + 1..];
            let code_follows = later.iter().any(|other| self.entry(other.place).is_code);
            if let Some(stopper) = stopper {
                self.tally.note("stop", if is_code { "failed" } else { "failed, automatic" });
                let refusal = self.conflict(Reason::StoppedByPriority, Some(stopper));
                self.refuse(place, refusal)?;
                continue;
            }
            if stops && !is_code && code_follows {
                self.tally.note("stop before a code", "failed");
                continue;
            }
            if stops {
                let rule = if is_code { "stop" } else { "stop before a code" };
                self.tally.note(rule, "held");
                stopper = Some(place);
            }
            kept.push(member.clone());
        }
        Ok(kept)
    }

    /// S5: of those that want to be the best of several, the one that is worth most to the
    /// customer; of equals, the earlier.
    fn best_of(&mut self, members: &[Member]) -> Result<Vec<Member>, Refusal> {
        let worths: Vec<i64> = members.iter().map(|member| self.worth_alone(member)).collect();
        let mut kept = Vec::new();
        for (number, member) in members.iter().enumerate() {
            let name = |place: usize| self.entry(place).campaign.stacking.best_of.as_deref();
            let Some(own) = name(member.place) else {
                kept.push(member.clone());
                continue;
            };
            let mut best = number;
            for (other, rival) in members.iter().enumerate() {
                let is_better = worths[other] > worths[best];
                let is_earlier = worths[other] == worths[best] && other < best;
                if name(rival.place) == Some(own) && (is_better || is_earlier) {
                    best = other;
                }
            }
            let is_code = self.entry(member.place).is_code;
            self.tally.held(if is_code { "best of" } else { "best of, automatic" }, best == number);
            if best == number {
                kept.push(member.clone());
            } else {
                let winner = members[best].place;
                let refusal = self.conflict(Reason::BetterOffer, Some(winner));
                self.refuse(member.place, refusal)?;
            }
        }
        Ok(kept)
    }

    /// What an entry is worth to an order that nothing else was taken off.
    fn worth_alone(&mut self, member: &Member) -> i64 {
        let case = self.case;
        let entry = &case.entries[member.place];
        if entry.campaign.stacking.best_of.is_none() {
            return 0;
        }
        let mut sheet = Sheet::of(&case.order);
        let mut unheard = Tally::default();
        worth::give(case, entry, &member.matching, true, &mut sheet, &mut unheard).worth_minor
    }

    /// S2: each takes its part of what the earlier ones left.
    fn in_turn(
        &mut self,
        members: Vec<Member>,
        sheet: &mut Sheet,
    ) -> Result<Vec<(Member, Offer)>, Refusal> {
        let alone = members.len() == 1;
        let mut parts: Vec<(Member, Offer)> = Vec::new();
        for member in members {
            let case = self.case;
            let entry = &case.entries[member.place];
            let automatic = |(member, _): &&(Member, Offer)| !case.entries[member.place].is_code;
            if !entry.is_code {
                let fits = parts.iter().filter(automatic).count() < AUTOMATIC_MAX;
                self.tally.held("most automatic campaigns", fits);
                if !fits {
                    continue;
                }
            }
            match self.take_part(&member, alone, sheet) {
                Ok((offer, after)) => {
                    *sheet = after;
                    parts.push((member, offer));
                }
                Err(refusal) => self.refuse(member.place, refusal)?,
            }
        }
        Ok(parts)
    }

    /// What one entry is worth to the order, and the order after it. What a code earns beside
    /// others is known later, and so is whether it is worth anything, then.
    fn take_part(
        &mut self,
        member: &Member,
        alone: bool,
        sheet: &Sheet,
    ) -> Result<(Offer, Sheet), Refusal> {
        let case = self.case;
        let entry = &case.entries[member.place];
        let matching = &member.matching;
        conditions::amounts_left(entry, sheet, self.tally)?;
        let mut after = sheet.clone();
        let mut offer = worth::give(case, entry, matching, alone, &mut after, self.tally);
        if alone {
            let spent: Vec<&str> = spent_account(entry, &offer).into_iter().collect();
            offer.earning = points::earning(case, entry, matching, &after, &spent, self.tally);
        }
        if alone || !has_points(entry.worth()) {
            self.matters(entry, &offer)?;
        }
        units(case, entry, self.tally)?;
        Ok((offer, after))
    }

    /// V5, V6: what is earned, once it is known what is left to pay.
    fn points(
        &mut self,
        parts: Vec<(Member, Offer)>,
        sheet: &mut Sheet,
    ) -> Result<Vec<(usize, Offer)>, Refusal> {
        let case = self.case;
        let spent: Vec<&str> = parts
            .iter()
            .filter_map(|(member, offer)| spent_account(&case.entries[member.place], offer))
            .collect();
        let mut rest = Vec::new();
        for (member, mut offer) in parts {
            let entry = &case.entries[member.place];
            if has_points(entry.worth()) {
                let earning =
                    points::earning(case, entry, &member.matching, sheet, &spent, self.tally);
                offer.earning = earning;
                if let Err(refusal) = self.matters(entry, &offer) {
                    // Who is refused leaves no trace.
                    for (part, taken) in sheet.parts.iter_mut().zip(&offer.line_parts) {
                        *part += taken;
                    }
                    self.refuse(member.place, refusal)?;
                    continue;
                }
            }
            rest.push((member.place, offer));
        }
        Ok(rest)
    }

    /// B10: a use is not taken for nothing, unless the campaign says so. What admits is something.
    fn matters(&mut self, entry: &Entry, offer: &Offer) -> Result<(), Refusal> {
        let matters = offer.worth_minor != 0
            || offer.draw.is_some()
            || offer.spend.is_some()
            || offer.earning.is_some()
            || !offer.products.is_empty()
            || !offer.switches.is_empty()
            || admits(entry.worth())
            || entry.campaign.no_effect == NoEffect::Allow;
        self.tally.held("no effect", matters);
        if matters { Ok(()) } else { Err(Refusal::new(Reason::NoEffect)) }
    }

    /// S1, S6: all, or what can be.
    fn answer(
        &mut self,
        parts: Vec<(usize, Offer)>,
        sheet: &Sheet,
        is_mandatory: bool,
    ) -> Result<Yes, Refusal> {
        let mut left_out = std::mem::take(&mut self.left_out);
        left_out.sort_by_key(|refusal| refusal.code_index);
        let codes = self.codes().len();
        if codes > 0 && left_out.len() == codes {
            self.tally.note("partial", if is_mandatory { "code required" } else { "none" });
            if is_mandatory {
                return Err(Refusal::new(Reason::CodeRequired));
            }
            return Err(left_out.remove(0));
        }
        self.tally.note("partial", if left_out.is_empty() { "all" } else { "some" });
        Ok(Yes {
            parts,
            left_out,
            total_minor: sheet.total_minor(),
            lines_minor: sheet.lines_minor(),
        })
    }

    /// S6: a code that cannot be used ends it, or is left out; what applies by itself goes without
    /// a word.
    fn refuse(&mut self, place: usize, refusal: Refusal) -> Result<(), Refusal> {
        let Some(code_index) = self.case.code_index(place) else { return Ok(()) };
        let refusal = refusal.at(code_index);
        if self.case.mode == StackMode::AllOrNothing {
            return Err(refusal);
        }
        self.left_out.push(refusal);
        Ok(())
    }

    fn conflict(&self, reason: Reason, with: Option<usize>) -> Refusal {
        let refusal = Refusal::new(reason);
        let Some(place) = with else { return refusal };
        refusal.with(|details| details.conflicts_with = Some(self.entry(place).name.into()))
    }

    /// S2: the order number, codes before what applies by itself, the place or the campaign's id.
    fn turn(&self, place: usize) -> (i32, u8, &str, usize) {
        let entry = self.entry(place);
        let number = entry.campaign.stacking.order_number;
        if entry.is_code {
            (number, 0, "", place)
        } else {
            (number, 1, entry.campaign.id.as_str(), place)
        }
    }

    fn entry(&self, place: usize) -> &Entry {
        &self.case.entries[place]
    }

    fn codes(&self) -> Vec<usize> {
        (0..self.case.entries.len()).filter(|&place| self.case.entries[place].is_code).collect()
    }
}

/// G2: how many units one request may take.
fn units(case: &Case, entry: &Entry, tally: &mut Tally) -> Result<(), Refusal> {
    let range = &entry.campaign.units;
    let fits = case.order.units > 0 && range.contains(&case.order.units);
    tally.held("units", fits);
    let max = u64::from(*range.end());
    let refusal = || Refusal::new(Reason::UnitsOutOfRange).with(|d| d.max = Some(max));
    if fits { Ok(()) } else { Err(refusal()) }
}

/// The account that an offer takes something out of.
fn spent_account<'a>(entry: &'a Entry, offer: &Offer) -> Option<&'a str> {
    let account = entry.account.as_ref().filter(|_| points::spends(offer))?;
    Some(&account.id)
}

/// Whether a campaign opens the way, whatever it is worth (C1).
fn admits(campaign: &Campaign) -> bool {
    [Kind::Pass, Kind::Access].contains(&campaign.kind)
}

/// Whether a campaign earns points (B8).
fn has_points(campaign: &Campaign) -> bool {
    campaign.effects.iter().any(|effect| matches!(effect, Effect::Points { .. }))
}
