//! What a campaign says to an order: an offer, or the first reason against it.
//!
//! [`judge`] checks what can be known before a ledger is asked, in the order of the reasons'
//! numbers: the code and its campaign stand, the moment is right, the conditions hold, the effects
//! are worth something. [`stack`] does so for several codes of one order and for campaigns that
//! apply by themselves, and says how they stand to each other. Both deliberately know no counters:
//! limits become legs in [`limits`](super::limits), and a ledger decides them.
//!
//! Invariants: a refusal leaves [`Running`] as it was. Nothing falls below zero that was not there
//! before. Lines and total always agree. A yes to a lone code allocates nothing for an order of up
//! to four lines, unless goods or switches come with it.

mod conditions;
mod effects;
mod explain;
mod hours;
mod points;
mod running;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]
pub(in crate::domain) mod scene;
mod stacking;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]
mod tests;

use smallvec::SmallVec;

use super::account::Account;
use super::campaign::{
    Activation, BalanceOf, Campaign, Code, CodeState, Counts, Kind, NoEffect, Since, Status, Switch,
};
use super::order::{Order, Passage};
use super::posting::{Opening, Take};
use super::refusal::{Reason, Refusal};
use super::time::Timestamp;

use conditions::Matching;
pub use effects::Step;
pub use explain::{Finding, Holds, explain};
pub use running::Running;
pub use stacking::{Candidate, Setting, Stack, StackMode, stack};

/// What is to be judged: one code of one order, now.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a, 'o> {
    /// The campaign as it is today: its rules hold for everybody.
    pub campaign: &'a Campaign,
    /// The version under which the code was issued: what it is worth never changes.
    pub worth: &'a Campaign,
    /// The code.
    pub code: &'a Code,
    /// What the ledger has of the code.
    pub seen: &'a Seen,
    /// What is being bought or entered.
    pub order: &'a Order<'o>,
    /// The moment of the request.
    pub now: Timestamp,
    /// Whether this is the only code of the order.
    pub alone: bool,
    /// The account that the campaign names, as its tenant defines it.
    pub account: Option<&'a Account>,
}

/// What the ledger was last seen to have of a code. May be out of date: the ledger decides again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// When the code was first used.
    pub first_use: Option<Timestamp>,
    /// What can be spent of its balance; absent when the ledger never met it.
    pub balance: Option<u64>,
    /// What can be spent of the customer's account; absent when the ledger never met it.
    pub account: Option<u64>,
}

/// A yes: what the code is worth for this order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// What is taken off the order, in minor units; below zero for a surcharge. For a draw that may
    /// be met in part, what it will probably be: the ledger knows.
    pub worth_minor: i64,
    /// How many units are taken; zero for an exit.
    pub units: u32,
    /// Goods and services that come with it, free.
    pub products: SmallVec<[(Box<str>, u32); 1]>,
    /// What is drawn from a balance.
    pub draw: Option<Draw>,
    /// What it costs of the customer's account: points, or minor units.
    pub spend: Option<u64>,
    /// What comes into the customer's account.
    pub earning: Option<Earning>,
    /// What products are switched to.
    pub switches: SmallVec<[(Box<str>, Switch); 0]>,
    /// The lot with which the code's balance begins.
    pub opening: Option<Opening>,
    /// What was taken off each line of the order, in minor units, and last what was taken off the
    /// part of its total that no line explains. The sum is `worth_minor`, except for a stated draw
    /// that is more than the order costs. Empty for an exit.
    pub line_parts: SmallVec<[i64; 5]>,
}

/// A wish to take value out of a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Whose balance.
    pub of: BalanceOf,
    /// How much, in minor units, or in points of an account; at least 1. Of a balance whose
    /// remainder is forfeited, all that there is.
    pub amount: u64,
    /// Whether less will do.
    pub take: Take,
    /// What one drawn unit is worth, in minor units: 1 for money, what a point pays for points.
    pub unit_minor: i64,
    /// At most so much of what is drawn is worth something, in minor units; the rest is forfeited.
    pub worth_minor_max: i64,
}

/// What comes into a customer's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earning {
    /// Points, or minor units; at least 1.
    pub amount: u64,
    /// When it lapses; absent: never.
    pub expires: Option<Timestamp>,
    /// When it can be spent; absent: at once.
    pub spendable_from: Option<Timestamp>,
}

/// When a code is good: from `from` up to, not including, `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment; absent: always was.
    pub from: Option<Timestamp>,
    /// The first moment after; absent: for ever.
    pub until: Option<Timestamp>,
}

/// Judges one code. On a yes, `running` stands as this code leaves the order.
///
/// Leaving ([`Passage::Exit`]) is worth nothing, takes nothing, and asks only that the code itself
/// was not blocked or replaced: nobody is kept inside because a campaign was paused.
///
/// An order that states no currency is in the campaign's. What a code that is not
/// [alone](Question::alone) earns is known when all codes have taken their part: [`stack`] fills it
/// in.
///
/// # Errors
/// The reason with the lowest number that applies, without a code index.
pub fn judge(question: &Question<'_, '_>, running: &mut Running) -> Result<Offer, Refusal> {
    match admit(question, Some(running))? {
        Some(admitted) => give(question, &admitted, running),
        None => Ok(Offer::default()),
    }
}

/// Whether the code itself, its campaign and the day allow it to be used: everything that no order
/// is needed for, apart from the hours.
///
/// # Errors
/// The reason with the lowest number that applies, without a code index.
pub fn stands(question: &Question<'_, '_>) -> Result<(), Refusal> {
    code_stands(question)?;
    campaign_stands(question)?;
    in_time(window(question), question.now)
}

/// What each effect of the code does in turn, to explain an offer. `running` is the order before
/// this code. Empty for a code that is not worth anything, since its conditions do not hold.
#[must_use]
pub fn steps(question: &Question<'_, '_>, running: &Running) -> Vec<Step> {
    match admit(question, Some(running)) {
        Ok(Some(admitted)) => effects::steps(question, &admitted, running),
        Ok(None) | Err(_) => Vec::new(),
    }
}

/// A code whose rules hold for the order.
#[derive(Debug, Clone, Copy)]
struct Admitted {
    /// Which lines its effects are for.
    matching: Matching,
    /// The end of its validity.
    until: Option<Timestamp>,
}

/// Checks everything that does not depend on what the code is worth; nothing for an exit, which
/// needs no more. Without `running`, what is demanded of the amount that earlier codes leave is not
/// looked at.
fn admit(
    question: &Question<'_, '_>,
    running: Option<&Running>,
) -> Result<Option<Admitted>, Refusal> {
    code_stands(question)?;
    if question.order.passage == Passage::Exit {
        return Ok(None);
    }
    campaign_stands(question)?;
    let window = window(question);
    in_time(window, question.now)?;
    in_hours(question, window.until)?;
    let matching = conditions::check(question, running)?;
    Ok(Some(Admitted { matching, until: window.until }))
}

/// Gives an admitted code's effects.
fn give(
    question: &Question<'_, '_>,
    admitted: &Admitted,
    running: &mut Running,
) -> Result<Offer, Refusal> {
    let asked_minor = running.asked_minor();
    let mut offer = effects::apply(question, admitted, running);
    let mut may_matter = false;
    if question.alone {
        let is_spent = points::spends(&offer);
        offer.earning = points::earning(question, admitted.matching, running, is_spent);
    } else {
        may_matter = points::may_earn(question);
    }
    let no = if !may_matter && !matters(question, &offer) {
        Refusal::new(Reason::NoEffect)
    } else if question.order.units == 0 || !question.campaign.units.contains(&question.order.units)
    {
        let max = u64::from(*question.campaign.units.end());
        Refusal::new(Reason::UnitsOutOfRange).with(|d| d.max = Some(max))
    } else {
        return Ok(offer);
    };
    running.put_back(&offer.line_parts, asked_minor);
    Err(no)
}

/// When the code is good. A validity that begins with the first use begins now if there was none.
/// The code's own moments replace the campaign's; of two ends, the earlier counts.
#[must_use]
pub fn window(question: &Question<'_, '_>) -> Window {
    let Question { campaign, code, seen, now, .. } = *question;
    let until = code.valid_until.or(campaign.validity.until);
    let own = campaign.validity.relative.and_then(|relative| {
        let begin = match relative.since {
            Since::FirstUse => seen.first_use.unwrap_or(now),
            Since::Issue => code.issued,
            Since::Payment => code.paid?,
        };
        Some(campaign.calendar.end_of_validity(begin, relative.count, relative.unit))
    });
    Window {
        from: code.valid_from.or(campaign.validity.from),
        until: until.into_iter().chain(own).min(),
    }
}

fn code_stands(question: &Question<'_, '_>) -> Result<(), Refusal> {
    match question.code.state {
        CodeState::Live => Ok(()),
        CodeState::Revoked => Err(Refusal::new(Reason::CodeRevoked)),
        CodeState::Replaced => Err(Refusal::new(Reason::CodeReplaced)),
    }
}

fn campaign_stands(question: &Question<'_, '_>) -> Result<(), Refusal> {
    let campaign = question.campaign;
    match campaign.status {
        Status::Active => {}
        Status::Draft => return Err(Refusal::new(Reason::CampaignDraft)),
        Status::Paused => return Err(Refusal::new(Reason::CampaignPaused)),
        Status::Ended => return Err(Refusal::new(Reason::CampaignEnded)),
    }
    let since = campaign.validity.relative.map(|relative| relative.since);
    let awaits_payment = campaign.activation == Activation::Paid || since == Some(Since::Payment);
    if awaits_payment && question.code.paid.is_none() {
        return Err(Refusal::new(Reason::NotActivated));
    }
    Ok(())
}

fn in_time(window: Window, now: Timestamp) -> Result<(), Refusal> {
    if let Some(from) = window.from.filter(|&from| now < from) {
        return Err(Refusal::new(Reason::NotStarted).with(|d| d.next_valid_at = Some(from)));
    }
    if window.until.is_some_and(|until| now >= until) {
        return Err(Refusal::new(Reason::Expired));
    }
    Ok(())
}

fn in_hours(question: &Question<'_, '_>, until: Option<Timestamp>) -> Result<(), Refusal> {
    let Campaign { calendar, validity, .. } = question.campaign;
    if hours::open(calendar, &validity.hours, question.now) {
        return Ok(());
    }
    let next = hours::next_open(calendar, &validity.hours, question.now, until);
    Err(Refusal::new(Reason::OutsideWindow).with(|d| d.next_valid_at = next))
}

/// Whether the offer is worth a use, or the campaign allows that it is not. What admits or
/// identifies is, whatever it costs.
fn matters(question: &Question<'_, '_>, offer: &Offer) -> bool {
    let admits = match question.worth.kind {
        Kind::Pass | Kind::Access => true,
        Kind::Discount | Kind::Voucher | Kind::Unit | Kind::Points | Kind::Surcharge => false,
    };
    let Offer { worth_minor, products, draw, spend, earning, switches, .. } = offer;
    admits
        || *worth_minor != 0
        || draw.is_some()
        || spend.is_some()
        || earning.is_some()
        || !products.is_empty()
        || !switches.is_empty()
        || question.campaign.no_effect == NoEffect::Allow
}

/// Whether a campaign limits money, so that what a use is worth must be known beforehand.
fn limits_money(campaign: &Campaign) -> bool {
    campaign.limits.iter().any(|limit| limit.counts == Counts::Money)
}
