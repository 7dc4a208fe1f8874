//! What a row of an import says beside its code.
//!
//! | column | meaning |
//! |---|---|
//! | `holder` | the customer it is bound to |
//! | `photo` | a reference to the holder's picture |
//! | `uses` | how often it can be used |
//! | `balance` | starting balance, a decimal in the campaign's currency |
//! | `valid_from`, `valid_until` | a date (the last day counts) or a moment of RFC 3339 |
//! | `paid_at` | when it was paid, a moment of RFC 3339 |

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::catalog::{Override, PHOTO_BYTES_MAX};
use crate::codes::import::{Reason, Row};
use crate::domain::campaign::Campaign;
use crate::domain::code::Malformed;
use crate::domain::id::REFERENCE_BYTES_MAX;
use crate::domain::time::Timestamp;

/// Why a row was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// It gives no code.
    #[error("{0}")]
    Unreadable(Reason),
    /// Its code cannot be one.
    #[error("{0}")]
    Malformed(Malformed),
    /// Its code is in the list before.
    #[error("the code is in this list already")]
    Repeated,
    /// Its code exists.
    #[error("the code exists already")]
    Taken,
    /// Its code looks as if it were generated.
    #[error("the code looks like one that a pattern makes; it could be made again")]
    LikeGenerated,
    /// A column that is not known.
    #[error(
        "the column {0:?} is not known; known are holder, photo, uses, balance, valid_from, valid_until and paid_at"
    )]
    Column(String),
    /// A field that cannot be read.
    #[error("{column} is {value:?}; {wanted}")]
    Field {
        /// The column.
        column: &'static str,
        /// What it says.
        value: String,
        /// What it should say.
        wanted: &'static str,
    },
}

/// What the row's code has different from its batch; `None` when that is nothing.
pub(super) fn own_of(row: &Row<'_>, campaign: &Campaign) -> Result<Option<Override>, RowFault> {
    let mut own = Override::default();
    let mut is_different = false;
    for (name, value) in row.fields() {
        is_different = true;
        let wrong = |column, wanted| RowFault::Field { column, value: value.to_owned(), wanted };
        match name {
            "holder" if value.len() > REFERENCE_BYTES_MAX => {
                return Err(wrong("holder", "at most 128 bytes are allowed"));
            }
            "holder" => own.holder = Some(value.to_owned()),
            "photo" if value.len() > PHOTO_BYTES_MAX => {
                return Err(wrong("photo", "at most 512 bytes are allowed"));
            }
            "photo" => own.photo = Some(value.to_owned()),
            "uses" => {
                let uses = value.parse().ok().filter(|uses| *uses > 0);
                own.uses =
                    Some(uses.ok_or_else(|| wrong("uses", "give a whole number, 1 or more"))?);
            }
            "balance" => {
                own.balance_minor = Some(balance_of(value, campaign).ok_or_else(|| {
                    wrong("balance", "give a decimal such as 12.50, for a voucher with a currency")
                })?);
            }
            "valid_from" => {
                own.valid_from =
                    Some(moment_of(value, campaign, Edge::Begin).ok_or_else(|| {
                        wrong(
                            "valid_from",
                            "give a date such as 2026-03-01 or a moment of RFC 3339",
                        )
                    })?);
            }
            "valid_until" => {
                own.valid_until = Some(moment_of(value, campaign, Edge::End).ok_or_else(|| {
                    wrong("valid_until", "give a date such as 2026-03-01 or a moment of RFC 3339")
                })?);
            }
            "paid_at" => {
                own.paid = Some(Timestamp::from_rfc3339(value).ok_or_else(|| {
                    wrong("paid_at", "give a moment of RFC 3339 such as 2026-03-01T10:00:00Z")
                })?);
            }
            other => return Err(RowFault::Column(other.to_owned())),
        }
    }
    Ok(is_different.then_some(own))
}

fn balance_of(value: &str, campaign: &Campaign) -> Option<i64> {
    if !campaign.has_balance() {
        return None;
    }
    let amount: Decimal = value.parse().ok()?;
    campaign.currency?.minor(amount).ok().filter(|minor| *minor > 0)
}

/// Which end of a day a date means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Its first moment.
    Begin,
    /// The first moment after it.
    End,
}

/// A date in the campaign's calendar, or a moment.
pub(super) fn moment_of(value: &str, campaign: &Campaign, edge: Edge) -> Option<Timestamp> {
    if let Ok(date) = value.parse::<NaiveDate>() {
        let date = if edge == Edge::End { date.succ_opt()? } else { date };
        return Some(campaign.calendar.begin_of(date));
    }
    Timestamp::from_rfc3339(value)
}
