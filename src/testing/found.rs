//! What was found, in the words in which scenarios say what they expect.

use std::collections::BTreeMap;

use super::executor::Executor;
use crate::domain::book::{Balance, EventKind, Slot};
use crate::domain::posting::{Blocked, LEGS_MAX, Outcome, Receipt, State, bit};
use crate::domain::time::Timestamp;

/// An answer's first words; `seen` when nothing was asked.
pub(super) fn outcome(outcome: Option<&Outcome>) -> String {
    match outcome {
        None => "seen".to_owned(),
        Some(Outcome::Done(_)) => "done".to_owned(),
        Some(Outcome::Replayed(_)) => "replayed".to_owned(),
        Some(Outcome::Refused(why)) => format!("refused {}", blocked(why)),
        Some(Outcome::Mismatch) => "mismatch".to_owned(),
        Some(Outcome::Unknown) => "unknown".to_owned(),
        Some(Outcome::Looked) => "looked".to_owned(),
    }
}

fn blocked(why: &Blocked) -> String {
    match why {
        Blocked::Guard { leg, used, held, max, retry_after_ms } => {
            let retry = retry_after_ms.map_or_else(String::new, |ms| format!(" retry {ms}"));
            format!("leg {leg} used {used} held {held} max {max}{retry}")
        }
        Blocked::TooSoon { leg, retry_after_ms } => {
            format!("too_soon leg {leg} retry {retry_after_ms}")
        }
        Blocked::Elsewhere { leg, at } => format!("elsewhere leg {leg} at {}", or_none(*at)),
        Blocked::Cap { leg, balance, max } => format!("cap leg {leg} balance {balance} max {max}"),
        Blocked::TooManyLots { leg } => format!("too_many_lots leg {leg}"),
        Blocked::HoldNotFound => "hold_not_found".to_owned(),
        Blocked::HoldExpired => "hold_expired".to_owned(),
        Blocked::NotFound => "not_found".to_owned(),
        Blocked::AlreadyReleased => "already_released".to_owned(),
        Blocked::ReleaseExceeds { left } => format!("release_exceeds left {left}"),
        Blocked::ConfirmExceeds { left } => format!("confirm_exceeds left {left}"),
    }
}

/// A figure of the answer's receipt; of its newest release where one is meant.
pub(super) fn field(outcome: Option<&Outcome>, field: &str) -> Result<String, String> {
    let (Some(Outcome::Done(receipt)) | Some(Outcome::Replayed(receipt))) = outcome else {
        return Ok("none".to_owned());
    };
    let receipt: &Receipt = receipt;
    let release = receipt.releases.last();
    Ok(match field {
        "state" => state(receipt.state).to_owned(),
        "size" => receipt.size.to_string(),
        "live" => receipt.live().to_string(),
        "until" => or_none(receipt.until.map(|until| until.0)),
        "did" => list(receipt.results.iter().map(|result| result.amount)),
        "after" => list(receipt.results.iter().map(|result| result.after)),
        "confirmed" => match &receipt.confirm {
            Some(confirm) => list(confirm.after.iter()),
            None => "none".to_owned(),
        },
        "given" => or_none(release.map(|release| release.given)),
        "lapsed" => or_none(release.map(|release| release.lapsed)),
        "short" => or_none(release.map(|release| release.short)),
        "gone" => list((0..LEGS_MAX).filter(|leg| receipt.gone & bit(*leg) != 0)),
        "credited" => match release.and_then(|release| release.credit.as_deref()) {
            Some((_, result)) => format!("{}/{}", result.amount, result.after),
            None => "none".to_owned(),
        },
        _ => return Err(format!("receipts have no {field}")),
    })
}

/// A figure of a record: `KEY` or `figure:KEY`.
pub(super) fn fact(
    executor: &mut dyn Executor,
    slots: &BTreeMap<String, Slot>,
    fact: &str,
) -> Result<String, String> {
    let (figure, name) = fact.split_once(':').unwrap_or(("", fact));
    let slot = *slots.get(name).ok_or_else(|| format!("no leg has named {name}"))?;
    let key = slot.key();
    let wrong = || Err(format!("{name} has no {figure}"));
    match (slot, figure) {
        (Slot::Counter(_) | Slot::Balance(_), "held") => Ok(executor.held(key).to_string()),
        (Slot::Counter(_), "") => Ok((executor.used(key) + executor.held(key)).to_string()),
        (Slot::Counter(_), "used") => Ok(executor.used(key).to_string()),
        (Slot::Register(_), "") => Ok(or_none(executor.register(key))),
        (Slot::Balance(_), figure) => match executor.balance(key) {
            Some(balance) => purse(&balance, figure).map_or_else(wrong, Ok),
            None => Ok("none".to_owned()),
        },
        (Slot::Counter(_) | Slot::Register(_), _) => wrong(),
    }
}

fn purse(balance: &Balance, figure: &str) -> Option<String> {
    Some(match figure {
        "" => balance.in_lots().to_string(),
        "earned" => balance.earned.to_string(),
        "taken" => balance.taken.to_string(),
        "lapsed" => balance.lapsed.to_string(),
        "debt" => balance.debt.to_string(),
        "lots" => list(balance.lots.iter().map(|lot| {
            let moment = |sign, moment: Option<Timestamp>| {
                moment.map_or_else(String::new, |moment| format!("{sign}{}", moment.0))
            };
            let (expires, from) = (moment('@', lot.expires), moment('>', lot.spendable_from));
            format!("{}{expires}{from}", lot.amount)
        })),
        _ => return None,
    })
}

/// An event's name.
pub(super) fn kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Redeemed => "redeemed",
        EventKind::Held => "held",
        EventKind::Confirmed => "confirmed",
        EventKind::Released => "released",
        EventKind::Extended => "extended",
        EventKind::Expired => "expired",
        EventKind::Followed => "followed",
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Held => "held",
        State::Redeemed => "redeemed",
        State::Released => "released",
        State::Expired => "expired",
    }
}

/// Joined by commas; `none` when there is nothing.
pub(super) fn list(items: impl Iterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(",") }
}

fn or_none<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}
