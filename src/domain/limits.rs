//! Limits: what a ledger must do so that a yes is recorded and nothing is exceeded.
//!
//! [`plan`] turns a judged code into legs and remembers what each leg means; [`explain`] turns a
//! ledger's "no" back into the exact refusal. It deliberately knows no ledger, and no rule that can
//! be decided without one.
//!
//! Invariants: the legs of one code stand in the order of the reasons that they can give, so the
//! first that fails is the answer. Each code has legs of its own, so that it can be given back by
//! itself, and the ledger adds up what they take of one counter; only an order, and a day, is
//! counted once for all codes, by the first. A limit keeps its counter when the campaign is edited:
//! counters are told apart by what they count, not by their place in a list that people reorder.

mod counter;
mod explain;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a panic is a failed test"
)]
mod tests;

use smallvec::SmallVec;

use super::account::{Account, AccountUnit, AtMax, ClawBackRule};
use super::campaign::{BalanceOf, Campaign, Counts, Limit, Scope};
use super::id::Owner;
use super::order::Passage;
use super::pass;
use super::posting::{AtCap, ClawBack, Facet, FacetKind, Key, LEGS_MAX, Leg, LegResult, Take, bit};
use super::refusal::{Reason, Refusal};
use super::rules::{Draw, Earning, Offer, Question};
use super::time::{Period, ROLLING_STEPS, Timestamp};

pub use explain::{explain, limit_name};

/// Legs that a code can need besides those of its limits: its uses, the interval, the memory of
/// the first use, the zone, a balance, what is spent and what is earned.
const LEGS_BESIDES_LIMITS: usize = 7;

/// Most limits in one campaign, so that one code always fits into a posting. One with a rolling
/// period counts as [`ROLLING_LEGS`].
pub const LIMITS_MAX: usize = LEGS_MAX - LEGS_BESIDES_LIMITS;

/// Most limits with a rolling period in one campaign.
pub const ROLLING_MAX: usize = 2;

/// Legs of a limit with a rolling period: one for each window that a use counts in.
pub const ROLLING_LEGS: usize = ROLLING_STEPS as usize + 1;

const _: () = assert!(LIMITS_MAX >= 50 && ROLLING_MAX * ROLLING_LEGS <= LIMITS_MAX);

/// Whose counters and balances an order touches besides those of codes and campaigns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owners {
    /// The owner of the customer's counters within the campaign; absent: no customer is known.
    pub customer: Option<Owner>,
    /// The owner of the customer's account that the campaign names; absent: there is none.
    pub account: Option<Owner>,
}

/// The legs of a posting, and what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// For the posting. Empty when there is nothing to record: an exit where zones are free.
    pub legs: SmallVec<[Leg; 2]>,
    /// What each leg means, place by place.
    pub meanings: SmallVec<[Meaning; 2]>,
    /// In how many parts the posting can be divided: units where nothing but counters is touched;
    /// minor units of money where its one code is drawn on (zero: as many as the ledger finds to
    /// draw); else the minor units of the order's original total, or 1 if that is not known.
    pub size: u64,
    divides: Divides,
}

/// What one leg means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// The number of the code that it is for, as [`plan`] was told; the first, if it is for
    /// several.
    pub code_index: u8,
    /// What it guards or remembers.
    pub about: About,
}

/// What a leg guards or remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The code's uses in total. The leg's `after` is the ordinal of the use.
    Uses,
    /// One of the campaign's limits.
    Limit {
        /// The limit.
        limit: Limit,
        /// When it begins anew; absent: never. Of a rolling period, when the window is over that
        /// this leg counts in.
        resets_at: Option<Timestamp>,
    },
    /// The time since the last entry.
    LastEntry,
    /// The moment of the first use.
    FirstUse,
    /// The way in or out.
    Zone,
    /// The code's balance.
    Balance,
    /// Points that the customer's account gives.
    Points,
    /// Money that the customer's account gives.
    Credit,
    /// What comes into the customer's account.
    Earning,
}

/// What a posting's size counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Divides {
    #[default]
    Nothing,
    Units,
    Money,
    Total,
}

/// Adds the legs of a judged code, or of a campaign that applies by itself, to the plan of its
/// order.
///
/// `code_index` is its number: a code's place in the request, and for other campaigns any number
/// that no code has. An exit moves the zone and counts nothing; everything else counts as an entry.
/// A code's uses are counted even where they have no limit, so that their number is known.
///
/// # Errors
/// [`Reason::CustomerRequired`] when a limit counts customers or accounts, or an account is
/// touched, and there is none; [`Reason::TooManyCodes`] when the order's codes need more than
/// [`LEGS_MAX`] legs, which one code with at most [`LIMITS_MAX`] limits never does. The plan is of
/// no use then.
pub fn plan(
    question: &Question<'_, '_>,
    offer: &Offer,
    owners: Owners,
    code_index: u8,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    plan.divide(question, offer);
    let mut part = Part { question, offer, owners, code_index, plan };
    if question.order.passage != Passage::Exit {
        part.uses();
        part.limits()?;
        let interval = pass::interval(question).map(|leg| (leg, About::LastEntry));
        let first_use = pass::first_use(question).map(|leg| (leg, About::FirstUse));
        for (leg, about) in interval.into_iter().chain(first_use) {
            part.push(leg, about);
        }
    }
    if let Some(leg) = pass::zone(question) {
        part.push(leg, About::Zone);
    }
    part.balances()?;
    if plan.legs.len() > LEGS_MAX {
        return Err(Refusal::new(Reason::TooManyCodes).at(code_index));
    }
    Ok(())
}

/// The counter of the uses of all codes of a campaign, over all time, and its ceiling; absent: no
/// limit of the campaign counts them.
#[must_use]
pub fn campaign_total(campaign: &Campaign) -> Option<(Key, u64)> {
    let counts_uses = |limit: &&Limit| {
        limit.scope == Scope::Campaign
            && limit.period == Period::Total
            && matches!(limit.counts, Counts::Uses | Counts::Units)
    };
    let limit = campaign.limits.iter().filter(counts_uses).min_by_key(|limit| limit.max)?;
    let facet = Facet::new(FacetKind::Limit, counter::counter_place(*limit), 0);
    Some((Key { owner: campaign.owner, facet }, limit.max))
}

/// What is left of a counter or balance after a leg; absent: there is no limit, or the leg counts
/// nothing.
#[must_use]
pub fn remaining(leg: &Leg, result: &LegResult) -> Option<u64> {
    match leg {
        Leg::Count { max: u64::MAX, .. } | Leg::Once { max: u64::MAX, .. } => None,
        Leg::Count { max, .. } | Leg::Once { max, .. } => Some(max.saturating_sub(result.after)),
        Leg::Spend { .. } | Leg::Earn { .. } => Some(result.after),
        Leg::Interval { .. } | Leg::Zone { .. } => None,
    }
}

impl Plan {
    /// The legs of the code with this number, as bits: bit 0 is the first leg. What it counts
    /// together with an earlier code is the earlier one's.
    #[must_use]
    pub fn legs_of(&self, code_index: u8) -> u64 {
        let all = self.meanings.iter().enumerate();
        let own = all.filter(|(_, meaning)| meaning.code_index == code_index);
        own.fold(0, |legs, (place, _)| legs | bit(place))
    }

    fn divide(&mut self, question: &Question<'_, '_>, offer: &Offer) {
        let is_account = offer.spend.is_some() || offer.earning.is_some();
        (self.divides, self.size) = match (self.divides, offer.draw) {
            (Divides::Nothing | Divides::Units, None) if !is_account => {
                (Divides::Units, u64::from(offer.units).max(1))
            }
            // A share of points is no share of money.
            (Divides::Nothing, Some(Draw { amount, take, unit_minor: 1, .. })) if !is_account => {
                let size = if take == Take::Exact { amount } else { 0 };
                (Divides::Money, size)
            }
            (_, _) => {
                let total = question.order.total().and_then(|total| u64::try_from(total).ok());
                (Divides::Total, total.unwrap_or(1).max(1))
            }
        };
    }
}

/// One code's part in the plan of its order.
struct Part<'p, 'a, 'o> {
    question: &'p Question<'a, 'o>,
    offer: &'p Offer,
    owners: Owners,
    code_index: u8,
    plan: &'p mut Plan,
}

impl Part<'_, '_, '_> {
    /// Counts a use of the code. A campaign that applies by itself has no code, and counts its own
    /// uses only where they have a limit.
    fn uses(&mut self) {
        let Question { campaign, code, .. } = *self.question;
        let max = code.uses.or(campaign.uses);
        if max.is_none() && code.owner == campaign.owner {
            return;
        }
        let leg = Leg::Count {
            key: Key::of(code.owner, FacetKind::Uses),
            n: self.offer.units.into(),
            max: max.unwrap_or(u64::MAX),
            keep_until: None,
        };
        let leg = pass::once_per_stay(self.question, leg, counter::USES_PLACE, 0);
        self.push(leg, About::Uses);
    }

    /// Balances of the code, then of the customer's account: what it gives, then what it gets.
    fn balances(&mut self) -> Result<(), Refusal> {
        let Offer { draw, opening, spend, earning, .. } = *self.offer;
        let drawn_of = |of| draw.filter(move |draw: &Draw| draw.of == of);
        if let Some(draw) = drawn_of(BalanceOf::Code) {
            let key = Key::of(self.question.code.owner, FacetKind::Balance);
            let leg = Leg::Spend { key, amount: draw.amount, take: draw.take, opening };
            self.push(leg, About::Balance);
        }
        let spends = spend.map(|amount| (amount, Take::Exact));
        let draws = drawn_of(BalanceOf::Account).map(|draw| (draw.amount, draw.take));
        for (amount, take) in spends.into_iter().chain(draws) {
            let leg = Leg::Spend { key: self.account()?, amount, take, opening: None };
            let about = match self.question.account.map(|account| account.unit) {
                Some(AccountUnit::Points) => About::Points,
                Some(AccountUnit::Money(_)) | None => About::Credit,
            };
            self.push(leg, about);
        }
        if let Some((earning, account)) = earning.zip(self.question.account) {
            self.push(earn(self.account()?, earning, account), About::Earning);
        }
        Ok(())
    }

    fn account(&self) -> Result<Key, Refusal> {
        let owner = self.owners.account.ok_or_else(|| self.nobody())?;
        Ok(Key::of(owner, FacetKind::Balance))
    }

    fn nobody(&self) -> Refusal {
        Refusal::new(Reason::CustomerRequired).at(self.code_index)
    }

    /// Adds a leg; of what an order counts once, only if no earlier code counts it.
    fn push(&mut self, leg: Leg, about: About) {
        let is_shared = matches!(
            about,
            About::Limit { limit: Limit { counts: Counts::Orders | Counts::Days, .. }, .. }
        );
        let Plan { legs, meanings, .. } = &mut *self.plan;
        let met = legs.iter_mut().find(|earlier| is_shared && earlier.key() == leg.key());
        match (met, &leg) {
            (
                Some(Leg::Count { max, .. } | Leg::Once { max, .. }),
                Leg::Count { max: own, .. } | Leg::Once { max: own, .. },
            ) => *max = (*max).min(*own),
            (_, _) => {
                legs.push(leg);
                meanings.push(Meaning { code_index: self.code_index, about });
            }
        }
    }
}

/// What comes into an account, on the account's terms.
#[must_use]
pub fn earn(key: Key, earning: Earning, account: &Account) -> Leg {
    Leg::Earn {
        key,
        amount: earning.amount,
        lot_expires: earning.expires,
        spendable_from: earning.spendable_from,
        cap: account.max,
        at_cap: match account.at_max {
            AtMax::Clamp => AtCap::Clamp,
            AtMax::Refuse => AtCap::Refuse,
        },
        claw_back: match account.claw_back {
            ClawBackRule::Debt => ClawBack::Debt,
            ClawBackRule::Floor => ClawBack::Floor,
        },
        opening: None,
    }
}
