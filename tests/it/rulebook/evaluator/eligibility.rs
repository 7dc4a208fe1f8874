//! E: whether an entry may be used at all, and for which parts of the order.

use jeton::domain::campaign::{Activation, CodeState, CustomerRule, Kind, Scope, Since, Status};
use jeton::domain::order::Order;
use jeton::domain::refusal::{Reason, Refusal};
use jeton::domain::time::Timestamp;

use super::conditions::{Found, conditions, customer_of, either, lowest, refusal_of};
use super::lines::{exempted, narrowed};
use super::needs::{moves_account, needs_of};
use super::{Tally, admits, hours};
use crate::rulebook::case::{Case, Entry};

/// Which parts of the order the entry is for (each line, and last what no line explains), or the
/// reason with the lowest number against it; of equal numbers, the first.
pub(super) fn eligible(
    case: &Case,
    entry: &Entry,
    tally: &mut Tally,
) -> Result<Vec<bool>, Refusal> {
    code_stands(entry)?;
    campaign_stands(entry)?;
    in_time(case, entry, tally)?;
    let order = &case.order;
    let (matching, none_left) = narrowed(entry, order, tally);
    let (for_effects, all_exempt) = exempted(entry, order, &matching, tally);
    let mut against = needs_of(entry, order, &for_effects);
    against.extend(customer(entry, order, tally));
    against.extend(conditions(case, entry, &matching, tally));
    against.extend(none_left);
    against.extend(all_exempt);
    against.extend(currency(entry, order, tally));
    lowest(against).map_or(Ok(for_effects), Err)
}

/// C14: whether a code was blocked or has a successor.
pub(super) fn code_stands(entry: &Entry) -> Result<(), Refusal> {
    match entry.code.state {
        CodeState::Live => Ok(()),
        CodeState::Revoked => Err(Refusal::new(Reason::CodeRevoked)),
        CodeState::Replaced => Err(Refusal::new(Reason::CodeReplaced)),
    }
}

/// C3, C12: whether the campaign runs, and the code was paid where it must be.
fn campaign_stands(entry: &Entry) -> Result<(), Refusal> {
    let campaign = &entry.campaign;
    match campaign.status {
        Status::Active => {}
        Status::Draft => return Err(Refusal::new(Reason::CampaignDraft)),
        Status::Paused => return Err(Refusal::new(Reason::CampaignPaused)),
        Status::Ended => return Err(Refusal::new(Reason::CampaignEnded)),
    }
    let from_payment = campaign.validity.relative.is_some_and(|r| r.since == Since::Payment);
    let must_be_paid = campaign.activation == Activation::Paid || from_payment;
    if must_be_paid && entry.code.paid.is_none() {
        return Err(Refusal::new(Reason::NotActivated));
    }
    Ok(())
}

/// C7: the first moment after the entry's validity.
pub(super) fn until(case: &Case, entry: &Entry) -> Option<Timestamp> {
    let campaign = &entry.campaign;
    let stated = entry.code.valid_until.or(campaign.validity.until);
    let relative = campaign.validity.relative.map(|relative| {
        let begin = match relative.since {
            Since::Issue => entry.code.issued,
            Since::Payment => entry.code.paid.unwrap(),
            Since::FirstUse => entry.seen.first_use.unwrap_or(case.now),
        };
        campaign.calendar.end_of_validity(begin, relative.count, relative.unit)
    });
    match (stated, relative) {
        (Some(stated), Some(relative)) => Some(stated.min(relative)),
        (stated, relative) => stated.or(relative),
    }
}

/// C7, E8: the moment.
fn in_time(case: &Case, entry: &Entry, tally: &mut Tally) -> Result<(), Refusal> {
    let campaign = &entry.campaign;
    let until = until(case, entry);
    if let Some(from) = entry.code.valid_from.or(campaign.validity.from)
        && case.now < from
    {
        return Err(Refusal::new(Reason::NotStarted).with(|d| d.next_valid_at = Some(from)));
    }
    if until.is_some_and(|until| case.now >= until) {
        return Err(Refusal::new(Reason::Expired));
    }
    let hours = &campaign.validity.hours;
    if hours.windows.is_empty() && hours.blackout.is_empty() {
        return Ok(());
    }
    let is_open = hours::is_open(hours, hours::wall_clock(&campaign.calendar, case.now));
    tally.held("hours", is_open);
    if is_open {
        return Ok(());
    }
    let next = hours::next_open(&campaign.calendar, hours, case.now, until);
    tally.note("next opening", if next.is_some() { "held" } else { "failed" });
    Err(Refusal::new(Reason::OutsideWindow).with(|d| d.next_valid_at = next))
}

/// C16, L5, V3: who must be known, and to whom a code belongs.
fn customer(entry: &Entry, order: &Order<'_>, tally: &mut Tally) -> Option<Refusal> {
    let campaign = &entry.campaign;
    let customer = customer_of(order);
    let holder = entry.code.holder.as_deref();
    let counts = |scope: Scope| campaign.limits.iter().any(|limit| limit.scope == scope);
    let must_be_named = campaign.customer == CustomerRule::Required || counts(Scope::Customer);
    let touches_account = counts(Scope::Account) || entry.worth().effects.iter().any(moves_account);
    if must_be_named {
        tally.held("customer", customer.is_some());
    }
    if touches_account {
        tally.held("account's customer", customer.is_some() || holder.is_some());
    }
    let nobody = customer.is_none();
    if (must_be_named && nobody) || (touches_account && nobody && holder.is_none()) {
        return refusal_of(Found::Fails(Reason::CustomerRequired), "customer");
    }
    let holder = holder?;
    tally.held("holder", customer == Some(holder));
    let found = match customer {
        None if admits(entry.worth()) || entry.worth().kind == Kind::Points => Found::Holds,
        None => Found::Fails(Reason::CustomerRequired),
        Some(customer) => either(customer == holder, Reason::NotHolder),
    };
    refusal_of(found, "holder")
}

/// The amounts of the rules must be in the order's currency.
fn currency(entry: &Entry, order: &Order<'_>, tally: &mut Tally) -> Option<Refusal> {
    let stated = order.currency?;
    let own = [entry.campaign.currency, entry.worth().currency];
    let agrees = own.iter().flatten().all(|own| own.as_str() == stated);
    tally.held("currency", agrees);
    refusal_of(either(agrees, Reason::CurrencyMismatch), "currency")
}
