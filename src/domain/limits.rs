//! Limits: what a ledger must do so that a yes is recorded and nothing is exceeded.
//!
//! [`plan`] turns a judged code into legs and remembers what each leg means; [`explain`] turns a
//! ledger's "no" back into the exact refusal. It deliberately knows no ledger, and no rule that can
//! be decided without one.
//!
//! Invariants: the legs of one code stand in the order of the reasons that they can give, so the
//! first that fails is the answer. One posting never has two legs on one counter: what codes of one
//! order count together is added up, so that it is refused or granted as a whole. A limit keeps its
//! counter when the campaign is edited: counters are told apart by what they count, not by their
//! place in a list that people reorder.

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

use super::campaign::{Counts, Limit, Scope};
use super::id::Owner;
use super::order::Passage;
use super::pass;
use super::posting::{Facet, FacetKind, Key, LEGS_MAX, Leg, LegResult, Take};
use super::refusal::{Reason, Refusal};
use super::rules::{Draw, Offer, Question};
use super::time::{Period, Span, Timestamp};

pub use explain::explain;

/// Legs that a code can need besides those of its limits: its uses, the interval, the memory of
/// the first use, the zone, the balance.
const LEGS_BESIDES_LIMITS: usize = 5;

/// Most limits in one campaign, so that one code always fits into a posting.
pub const LIMITS_MAX: usize = LEGS_MAX - LEGS_BESIDES_LIMITS;

const _: () = assert!(LIMITS_MAX + LEGS_BESIDES_LIMITS <= LEGS_MAX && LIMITS_MAX >= 50);

/// The legs of a posting, and what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// For the posting. Empty when there is nothing to record: an exit where zones are free.
    pub legs: SmallVec<[Leg; 2]>,
    /// What each leg means, place by place.
    pub meanings: SmallVec<[Meaning; 2]>,
    /// In how many parts the posting can be divided: units, or minor units of money when its one
    /// code is drawn on (zero: as many as the ledger finds to draw). Several codes with a draw
    /// among them stand or fall together: 1.
    pub size: u64,
    divides: Divides,
}

/// What one leg means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// The place in the request of the code that it is for; the first, if it is for several.
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
        /// When it begins anew; absent: never.
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
}

/// What a posting's size counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Divides {
    #[default]
    Nothing,
    Units,
    Money,
    Never,
}

/// Adds the legs of a judged code to the plan of its order.
///
/// `customer` owns the counters of the order's customer within the campaign; `code_index` is the
/// code's place in the request. An exit moves the zone and counts nothing; everything else counts
/// as an entry. Uses are counted even where they have no limit, so that their number is known.
///
/// # Errors
/// [`Reason::CustomerRequired`] when a limit counts customers and there is none;
/// [`Reason::TooManyCodes`] when the order's codes need more than [`LEGS_MAX`] legs, which one code
/// with at most [`LIMITS_MAX`] limits never does. The plan is of no use then.
pub fn plan(
    question: &Question<'_, '_>,
    offer: &Offer,
    customer: Option<Owner>,
    code_index: u8,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    plan.divide(offer);
    if question.order.passage != Passage::Exit {
        plan.push(uses(question, offer), About::Uses, code_index);
        // Reasons ascend, and so do the legs.
        for reason in LIMIT_REASONS {
            plan.count(question, offer, customer, code_index, reason)?;
        }
        let interval = pass::interval(question).map(|leg| (leg, About::LastEntry));
        let first_use = pass::first_use(question).map(|leg| (leg, About::FirstUse));
        for (leg, about) in interval.into_iter().chain(first_use) {
            plan.push(leg, about, code_index);
        }
    }
    if let Some(leg) = pass::zone(question) {
        plan.push(leg, About::Zone, code_index);
    }
    if let Some(draw) = offer.draw {
        let key = Key { owner: question.code.owner, facet: Facet::new(FacetKind::Balance, 0, 0) };
        let opening = offer.opening;
        let leg = Leg::Spend { key, amount: draw.amount, take: draw.take, opening };
        plan.push(leg, About::Balance, code_index);
    }
    if plan.legs.len() > LEGS_MAX {
        return Err(Refusal::new(Reason::TooManyCodes).at(code_index));
    }
    Ok(())
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

/// The reasons that limits can give, ascending.
const LIMIT_REASONS: [Reason; 5] = [
    Reason::UsageLimit,
    Reason::CampaignLimit,
    Reason::CustomerLimit,
    Reason::PeriodLimit,
    Reason::BudgetExhausted,
];

/// The reason that an exhausted limit gives. A budget that begins anew is a matter of time first.
fn reason_of(limit: Limit) -> Reason {
    match (limit.period, limit.counts, limit.scope) {
        (Period::Day | Period::Week | Period::Month | Period::Year, _, _) => Reason::PeriodLimit,
        (Period::Total, Counts::Money, _) => Reason::BudgetExhausted,
        (Period::Total, _, Scope::Code | Scope::Account) => Reason::UsageLimit,
        (Period::Total, _, Scope::Campaign) => Reason::CampaignLimit,
        (Period::Total, _, Scope::Customer) => Reason::CustomerLimit,
    }
}

impl Plan {
    fn divide(&mut self, offer: &Offer) {
        (self.divides, self.size) = match (self.divides, offer.draw) {
            (Divides::Nothing | Divides::Units, None) => {
                (Divides::Units, u64::from(offer.units).max(1))
            }
            (Divides::Nothing, Some(Draw { amount, take: Take::Exact })) => {
                (Divides::Money, amount)
            }
            (Divides::Nothing, Some(Draw { take: Take::UpTo, .. })) => (Divides::Money, 0),
            (Divides::Units | Divides::Money | Divides::Never, _) => (Divides::Never, 1),
        };
    }

    /// Adds the legs of those limits that give this reason.
    fn count(
        &mut self,
        question: &Question<'_, '_>,
        offer: &Offer,
        customer: Option<Owner>,
        code_index: u8,
        reason: Reason,
    ) -> Result<(), Refusal> {
        let limits = &question.campaign.limits;
        for (place, &limit) in limits.iter().enumerate() {
            if reason_of(limit) != reason || is_shadowed(limits, place, limit) {
                continue;
            }
            let owner = match limit.scope {
                Scope::Code | Scope::Account => question.code.owner,
                Scope::Campaign => question.campaign.owner,
                Scope::Customer => {
                    customer.ok_or_else(|| Refusal::new(Reason::CustomerRequired).at(code_index))?
                }
            };
            let span = question.campaign.calendar.span(limit.period, question.now);
            let resets_at = Some(span.end).filter(|&end| end != Timestamp::NEVER);
            let facet = Facet::new(FacetKind::Limit, counter_place(limit), span.number);
            let key = Key { owner, facet };
            if let Some(leg) = counting(question, offer, limit, key, span) {
                self.push(leg, About::Limit { limit, resets_at }, code_index);
            }
        }
        Ok(())
    }

    /// Adds a leg, or adds it to the leg that has the same counter already.
    fn push(&mut self, leg: Leg, about: About, code_index: u8) {
        let met = self.legs.iter_mut().find_map(|old| match (old, &leg) {
            (Leg::Count { key, n, max, .. }, Leg::Count { key: same, n: more, max: other, .. })
                if key == same =>
            {
                Some((n, max, *more, *other))
            }
            (
                Leg::Once { marker, n, max, .. },
                Leg::Once { marker: same, n: more, max: other, .. },
            ) if marker == same => Some((n, max, *more, *other)),
            _ => None,
        });
        let Some((n, max, more, other)) = met else {
            self.legs.push(leg);
            self.meanings.push(Meaning { code_index, about });
            return;
        };
        *max = (*max).min(other);
        // One order is one order, and a day is a day, with however many codes.
        let counts_once = matches!(
            about,
            About::Limit { limit: Limit { counts: Counts::Orders | Counts::Days, .. }, .. }
        );
        if !counts_once {
            *n = n.saturating_add(more);
        }
    }
}

fn uses(question: &Question<'_, '_>, offer: &Offer) -> Leg {
    let Question { campaign, code, .. } = *question;
    Leg::Count {
        key: Key { owner: code.owner, facet: Facet::new(FacetKind::Uses, 0, 0) },
        n: offer.units.into(),
        max: code.uses.or(campaign.uses).unwrap_or(u64::MAX),
        keep_until: None,
    }
}

/// The leg of one limit; none when there is nothing to count.
fn counting(
    question: &Question<'_, '_>,
    offer: &Offer,
    limit: Limit,
    key: Key,
    span: Span,
) -> Option<Leg> {
    let max = limit.max;
    let n = match limit.counts {
        Counts::Uses | Counts::Units => offer.units.into(),
        Counts::Orders => 1,
        Counts::Money => u64::try_from(offer.worth_minor).unwrap_or(0),
        Counts::Days => {
            let today = question.campaign.calendar.span(Period::Day, question.now);
            let facet = Facet::new(FacetKind::Marker, counter_place(limit), today.number);
            let marker = Key { owner: key.owner, facet };
            let keep_until = pass::keep_until(today);
            return Some(Leg::Once { marker, key, n: 1, max, keep_until });
        }
    };
    let keep_until = pass::keep_until(span);
    (n > 0).then_some(Leg::Count { key, n, max, keep_until })
}

/// What tells the counters of one owner apart, apart from the period's number. Fixed for ever,
/// because ledgers remember it: two digits of base 8 for what is counted and when, one for whom.
fn counter_place(limit: Limit) -> u8 {
    let scope = match limit.scope {
        Scope::Code => 0,
        Scope::Campaign => 1,
        Scope::Customer => 2,
        Scope::Account => 3,
    };
    let counts = match limit.counts {
        Counts::Uses => 0,
        Counts::Orders => 1,
        Counts::Units => 2,
        Counts::Money => 3,
        Counts::Days => 4,
    };
    let period = match limit.period {
        Period::Total => 0,
        Period::Day => 1,
        Period::Week => 2,
        Period::Month => 3,
        Period::Year => 4,
    };
    scope << 6 | counts << 3 | period
}

/// Whether another limit of the list counts the same and is at least as strict.
fn is_shadowed(limits: &[Limit], place: usize, limit: Limit) -> bool {
    limits.iter().enumerate().any(|(other_place, other)| {
        (other.scope, other.counts, other.period) == (limit.scope, limit.counts, limit.period)
            && (other.max, other_place) < (limit.max, place)
    })
}
