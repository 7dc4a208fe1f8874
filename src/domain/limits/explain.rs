//! From a ledger's "no" to the refusal that a person can act on.

use crate::domain::campaign::{Counts, Limit, Scope};
use crate::domain::pass;
use crate::domain::posting::{Blocked, Key, Leg, Take};
use crate::domain::refusal::{Details, Reason, Refusal};
use crate::domain::time::{Period, Timestamp};

use super::counter::reason_of;
use super::{About, Plan};

/// The refusal that `blocked` means for the posting of `plan`. A confirm, release, extension or
/// movement of value has no plan of its own: give an empty one.
///
/// `used` says how much of a counter is used, as far as it is known: where a rolling period is
/// exhausted, it says when enough uses will have left it. Where nothing is known, that is when all
/// of them will have. When and where a code was used last, the ledger's history knows: not filled
/// in here.
#[must_use]
pub fn explain(blocked: &Blocked, plan: &Plan, used: impl Fn(&Key) -> Option<u64>) -> Refusal {
    match *blocked {
        Blocked::Guard { leg, used: found, held, max, retry_after_ms } => {
            let numbers = Numbers { used: found, held, max, retry_after_ms };
            guard(plan, leg, numbers, || resets_at(plan, leg, used))
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
#[must_use]
pub fn limit_name(counts: Counts, period: Period) -> &'static str {
    let [total, day, week, month, year, rolling] = match counts {
        Counts::Uses => [
            "uses",
            "uses per day",
            "uses per week",
            "uses per month",
            "uses per year",
            "uses per rolling period",
        ],
        Counts::Orders => [
            "orders",
            "orders per day",
            "orders per week",
            "orders per month",
            "orders per year",
            "orders per rolling period",
        ],
        Counts::Units => [
            "units",
            "units per day",
            "units per week",
            "units per month",
            "units per year",
            "units per rolling period",
        ],
        Counts::Money => [
            "money",
            "money per day",
            "money per week",
            "money per month",
            "money per year",
            "money per rolling period",
        ],
        Counts::Days => [
            "days",
            "days per day",
            "days per week",
            "days per month",
            "days per year",
            "days per rolling period",
        ],
    };
    match period {
        Period::Total => total,
        Period::Day => day,
        Period::Week => week,
        Period::Month => month,
        Period::Year => year,
        Period::Rolling { .. } => rolling,
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

fn guard(
    plan: &Plan,
    leg: usize,
    numbers: Numbers,
    resets_at: impl FnOnce() -> Option<Timestamp>,
) -> Refusal {
    let Some((asked, meaning)) = plan.legs.get(leg).zip(plan.meanings.get(leg)) else {
        // Without a plan nothing is counted: value was to be moved, all of it.
        return balance(About::Balance, Take::Exact, numbers);
    };
    let refusal = match (meaning.about, asked) {
        (about, Leg::Spend { take, .. }) => balance(about, *take, numbers),
        (About::Limit { limit, .. }, _) => {
            counter(limit, resets_at(), asked_so_far(plan, leg), numbers)
        }
        (_, _) => {
            let (scope, counts, period) = (Scope::Code, Counts::Uses, Period::Total);
            let limit = Limit { scope, counts, period, max: numbers.max };
            counter(limit, None, asked_so_far(plan, leg), numbers)
        }
    };
    refusal.at(meaning.code_index)
}

/// What this leg and the earlier ones of the posting count together.
fn asked_so_far(plan: &Plan, leg: usize) -> u64 {
    let Some(key) = plan.legs.get(leg).map(Leg::key) else { return 0 };
    let up_to = plan.legs.iter().take(leg + 1).filter(|earlier| earlier.key() == key);
    up_to.fold(0, |sum, earlier| sum.saturating_add(counted(earlier)))
}

fn counted(leg: &Leg) -> u64 {
    match leg {
        Leg::Count { n, .. } | Leg::Once { n, .. } => *n,
        Leg::Spend { .. } | Leg::Earn { .. } | Leg::Interval { .. } | Leg::Zone { .. } => 0,
    }
}

/// When a limit begins anew. Of a rolling period, the window that refuses is over then, and so are
/// those after it that would refuse as well.
fn resets_at(plan: &Plan, leg: usize, used: impl Fn(&Key) -> Option<u64>) -> Option<Timestamp> {
    let refusing = plan.meanings.get(leg)?;
    let About::Limit { limit: refused, resets_at } = refusing.about else { return None };
    let mut over = resets_at;
    let later = plan.legs.iter().zip(&plan.meanings).enumerate().skip(leg + 1);
    for (place, (next, meaning)) in later {
        let About::Limit { limit, resets_at } = meaning.about else { break };
        if limit != refused || meaning.code_index != refusing.code_index {
            break;
        }
        let asked = asked_so_far(plan, place);
        if used(next.key()).is_some_and(|used| used.saturating_add(asked) <= limit.max) {
            break;
        }
        over = resets_at;
    }
    over
}

/// "Used up" and "held" are never merged: only what is used can make a limit final.
fn counter(limit: Limit, resets_at: Option<Timestamp>, n: u64, numbers: Numbers) -> Refusal {
    let Numbers { used, max, .. } = numbers;
    let exhausted = reason_of(limit);
    let is_held = used.saturating_add(n) <= max;
    let is_single = exhausted == Reason::UsageLimit
        && limit.scope == Scope::Code
        && max == 1
        && limit.counts != Counts::Days;
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
fn balance(about: About, take: Take, numbers: Numbers) -> Refusal {
    let Numbers { used: free, held, max: asked, .. } = numbers;
    let needed = match take {
        Take::Exact => asked,
        Take::UpTo => 1,
    };
    let is_held = free.saturating_add(held) >= needed;
    let reason = match (about, free) {
        _ if is_held => Reason::Held,
        (About::Points, _) => Reason::PointsInsufficient,
        (_, 0) if held == 0 => Reason::BalanceEmpty,
        (_, _) => Reason::BalanceInsufficient,
    };
    let name = match about {
        About::Points => "points",
        About::Credit => "credit",
        About::Uses
        | About::Limit { .. }
        | About::LastEntry
        | About::FirstUse
        | About::Zone
        | About::Balance
        | About::Earning => "balance",
    };
    let scope = matches!(about, About::Points | About::Credit).then_some(Scope::Account);
    Refusal::new(reason).with(|d| {
        numbers.fill(d);
        d.scope = scope.map(Scope::name);
        d.limit = Some(name);
        d.retry_after_ms = numbers.retry_after_ms.filter(|_| is_held);
    })
}
