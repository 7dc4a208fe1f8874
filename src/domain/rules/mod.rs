//! What a campaign says to an order: an offer, or the first reason against it.
//!
//! [`judge`] checks what can be known before a ledger is asked, in the order of the reasons'
//! numbers: the code and its campaign stand, the moment is right, the conditions hold, the effects
//! are worth something. It deliberately knows no counters: limits become legs in
//! [`limits`](super::limits), and a ledger decides them. How several codes of one order stand to
//! each other is not its matter either; they are judged one after the other over one [`Running`].
//!
//! Invariants: a refusal leaves [`Running`] as it was. Nothing falls below zero. A yes without
//! goods allocates nothing unless more than one line shares an amount.

mod conditions;
mod effects;
mod running;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]
pub(in crate::domain) mod scene;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]
mod tests;

use smallvec::SmallVec;

use super::campaign::{
    Activation, Campaign, Code, CodeState, Counts, Kind, NoEffect, Since, Status,
};
use super::order::{Order, Passage};
use super::posting::{Opening, Take};
use super::refusal::{Reason, Refusal};
use super::time::Timestamp;

pub use running::Running;

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
}

/// What the ledger was last seen to have of a code. May be out of date: the ledger decides again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// When the code was first used.
    pub first_use: Option<Timestamp>,
    /// What can be spent of its balance; absent when the ledger never met it.
    pub balance: Option<u64>,
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
    /// What is drawn from the code's balance.
    pub draw: Option<Draw>,
    /// The lot with which the code's balance begins.
    pub opening: Option<Opening>,
    /// What was taken off each line of the order, in minor units, and last what was taken off the
    /// part of its total that no line explains. The sum is `worth_minor`, except for a stated draw
    /// that is more than the order costs. Empty for an exit.
    pub line_parts: SmallVec<[i64; 5]>,
}

/// A wish to take money out of a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// How much, in minor units; at least 1.
    pub amount: u64,
    /// Whether less will do.
    pub take: Take,
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
/// An order that states no currency is in the campaign's.
///
/// # Errors
/// The reason with the lowest number that applies, without a code index.
pub fn judge(question: &Question<'_, '_>, running: &mut Running) -> Result<Offer, Refusal> {
    code_stands(question)?;
    if question.order.passage == Passage::Exit {
        return Ok(Offer::default());
    }
    campaign_stands(question)?;
    let window = window(question);
    in_time(window, question.now)?;
    let matching = conditions::check(question)?;
    let mut next = running.clone();
    let offer = effects::apply(question, window.until, matching, &mut next);
    if !matters(question, &offer) && question.campaign.no_effect == NoEffect::Refuse {
        return Err(Refusal::new(Reason::NoEffect));
    }
    let units = question.order.units;
    if units == 0 || !question.campaign.units.contains(&units) {
        let max = u64::from(*question.campaign.units.end());
        return Err(Refusal::new(Reason::UnitsOutOfRange).with(|d| d.max = Some(max)));
    }
    *running = next;
    Ok(offer)
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

/// Whether the offer is worth a use. What admits or identifies is, whatever it costs.
fn matters(question: &Question<'_, '_>, offer: &Offer) -> bool {
    match question.worth.kind {
        Kind::Pass | Kind::Access => true,
        Kind::Discount | Kind::Voucher | Kind::Unit | Kind::Points | Kind::Surcharge => {
            offer.worth_minor != 0 || !offer.products.is_empty() || offer.draw.is_some()
        }
    }
}

/// Whether a campaign limits money, so that what a use is worth must be known beforehand.
fn limits_money(campaign: &Campaign) -> bool {
    campaign.limits.iter().any(|limit| limit.counts == Counts::Money)
}
