//! From a ledger's "no" to the refusal that a person can act on.

use crate::domain::campaign::{Counts, Limit, Scope};
use crate::domain::pass;
use crate::domain::posting::{Blocked, Leg, Take};
use crate::domain::refusal::{Details, Reason, Refusal};
use crate::domain::time::{Period, Timestamp};

use super::{About, Plan, reason_of};

/// The refusal that `blocked` means for the posting of `plan`. A confirm, release or extension has
/// no plan of its own: give an empty one.
///
/// When and where a code was used last, the ledger's history knows: not filled in here.
#[must_use]
pub fn explain(blocked: &Blocked, plan: &Plan) -> Refusal {
    match *blocked {
        Blocked::Guard { leg, used, held, max, retry_after_ms } => {
            guard(plan, leg, Numbers { used, held, max, retry_after_ms })
        }
        Blocked::TooSoon { leg, retry_after_ms } => {
            about(plan, leg, Reason::TooSoon).with(|d| d.retry_after_ms = Some(retry_after_ms))
        }
        Blocked::Elsewhere { leg, at } => {
            let reason = plan.legs.get(leg).map(|leg| pass::elsewhere(leg, at));
            about(plan, leg, reason.unwrap_or(Reason::WrongZone))
        }
        Blocked::Cap { leg, balance, max } => about(plan, leg, Reason::BalanceCap).with(|d| {
            d.used = Some(balance);
            d.max = Some(max);
        }),
        Blocked::TooManyLots { leg } => about(plan, leg, Reason::BalanceCap),
        Blocked::HoldNotFound => Refusal::new(Reason::HoldNotFound),
        Blocked::HoldExpired => Refusal::new(Reason::HoldExpired),
        Blocked::NotFound => Refusal::new(Reason::RedemptionNotFound),
        Blocked::AlreadyReleased => Refusal::new(Reason::AlreadyReleased),
        Blocked::ReleaseExceeds { left } => {
            Refusal::new(Reason::ReleaseExceeds).with(|d| d.max = Some(left))
        }
        Blocked::ConfirmExceeds { left } => {
            Refusal::new(Reason::ConfirmExceeds).with(|d| d.max = Some(left))
        }
    }
}

/// A limit's name for people, such as `uses per day`.
pub(super) fn limit_name(counts: Counts, period: Period) -> &'static str {
    let [total, day, week, month, year] = match counts {
        Counts::Uses => {
            ["uses", "uses per day", "uses per week", "uses per month", "uses per year"]
        }
        Counts::Orders => {
            ["orders", "orders per day", "orders per week", "orders per month", "orders per year"]
        }
        Counts::Units => {
            ["units", "units per day", "units per week", "units per month", "units per year"]
        }
        Counts::Money => {
            ["money", "money per day", "money per week", "money per month", "money per year"]
        }
        Counts::Days => {
            ["days", "days per day", "days per week", "days per month", "days per year"]
        }
    };
    match period {
        Period::Total => total,
        Period::Day => day,
        Period::Week => week,
        Period::Month => month,
        Period::Year => year,
    }
}

#[derive(Clone, Copy)]
struct Numbers {
    used: u64,
    held: u64,
    max: u64,
    retry_after_ms: Option<u64>,
}

impl Numbers {
    fn fill(self, details: &mut Details) {
        details.used = Some(self.used);
        details.held = Some(self.held);
        details.max = Some(self.max);
    }
}

/// A refusal of the code that the leg is for.
fn about(plan: &Plan, leg: usize, reason: Reason) -> Refusal {
    let refusal = Refusal::new(reason);
    match plan.meanings.get(leg) {
        Some(meaning) => refusal.at(meaning.code_index),
        None => refusal,
    }
}

fn guard(plan: &Plan, leg: usize, numbers: Numbers) -> Refusal {
    let Some((asked, meaning)) = plan.legs.get(leg).zip(plan.meanings.get(leg)) else {
        return Refusal::new(Reason::UsageLimit).with(|d| numbers.fill(d));
    };
    let n = match asked {
        Leg::Count { n, .. } | Leg::Once { n, .. } => *n,
        Leg::Spend { take, .. } => {
            return balance(*take, numbers).at(meaning.code_index);
        }
        Leg::Earn { .. } | Leg::Interval { .. } | Leg::Zone { .. } => 0,
    };
    let refusal = match meaning.about {
        About::Limit { limit, resets_at } => counter(limit, resets_at, n, numbers),
        About::Uses | About::LastEntry | About::FirstUse | About::Zone | About::Balance => {
            let (scope, counts, period) = (Scope::Code, Counts::Uses, Period::Total);
            counter(Limit { scope, counts, period, max: numbers.max }, None, n, numbers)
        }
    };
    refusal.at(meaning.code_index)
}

/// "Used up" and "held" are never merged: only what is used can make a limit final.
fn counter(limit: Limit, resets_at: Option<Timestamp>, n: u64, numbers: Numbers) -> Refusal {
    let Numbers { used, max, .. } = numbers;
    let exhausted = reason_of(limit);
    let is_held = used.saturating_add(n) <= max;
    let is_single = exhausted == Reason::UsageLimit && max == 1 && limit.counts != Counts::Days;
    let reason = if is_held {
        Reason::Held
    } else if n > 1 && used < max && limit.counts != Counts::Money {
        Reason::UnitsExceedRemaining
    } else if is_single {
        Reason::AlreadyRedeemed
    } else {
        exhausted
    };
    Refusal::new(reason).with(|d| {
        numbers.fill(d);
        d.scope = Some(limit.scope.name());
        d.limit = Some(limit_name(limit.counts, limit.period));
        d.resets_at = resets_at;
        d.retry_after_ms = numbers.retry_after_ms.filter(|_| is_held);
    })
}

/// Of a balance, `used` is what can be spent now and `max` what was asked.
fn balance(take: Take, numbers: Numbers) -> Refusal {
    let Numbers { used: free, held, max: asked, .. } = numbers;
    let needed = match take {
        Take::Exact => asked,
        Take::UpTo => 1,
    };
    let is_held = free.saturating_add(held) >= needed;
    let reason = match free {
        _ if is_held => Reason::Held,
        0 if held == 0 => Reason::BalanceEmpty,
        _ => Reason::BalanceInsufficient,
    };
    Refusal::new(reason).with(|d| {
        numbers.fill(d);
        d.limit = Some("balance");
        d.retry_after_ms = numbers.retry_after_ms.filter(|_| is_held);
    })
}
