//! The same messages as serde sees them: rmp-serde writes of each the very bytes that we do, and
//! reads them into types with the same fields, borrowed and inline as ours.
//!
//! Elements that a message may leave out at its end are never written here.

#![expect(dead_code, reason = "what was decoded is thrown away")]

mod maps;
mod shapes;

use serde::{Deserialize, Serialize};

use maps::UseDetails;
pub(crate) use maps::{Details, Order};
use shapes::kinds;
pub(crate) use shapes::{Few, Id};

/// Whether partial, as of when, whether only tried.
type Options = Option<(bool, Option<i64>, bool)>;

kinds!(Request {
    1 Validate(Validate<'a>),
    2 Redeem(Redeem<'a>),
    3 Hold(Hold<'a>),
    4 Confirm(Confirm),
    5 Release(Release<'a>),
});

kinds!(Reply {
    129 Accepted(Accepted<'a>),
    190 Refused(Refused<'a>),
});

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Validate<'a> {
    #[serde(skip_deserializing)]
    pub(crate) kind: u8,
    #[serde(skip_deserializing)]
    pub(crate) seq: u32,
    pub(crate) deadline_ms: u32,
    #[serde(borrow)]
    pub(crate) codes: Few<&'a str, 2>,
    #[serde(borrow)]
    pub(crate) order: Order<'a>,
    pub(crate) exact: bool,
    pub(crate) explain: bool,
    #[serde(default, skip_serializing)]
    pub(crate) options: Options,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Redeem<'a> {
    #[serde(skip_deserializing)]
    pub(crate) kind: u8,
    #[serde(skip_deserializing)]
    pub(crate) seq: u32,
    pub(crate) deadline_ms: u32,
    pub(crate) id: Id,
    #[serde(borrow)]
    pub(crate) codes: Few<&'a str, 2>,
    #[serde(borrow)]
    pub(crate) order: Order<'a>,
    #[serde(default, skip_serializing)]
    pub(crate) options: Options,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Hold<'a> {
    #[serde(skip_deserializing)]
    pub(crate) kind: u8,
    #[serde(skip_deserializing)]
    pub(crate) seq: u32,
    pub(crate) deadline_ms: u32,
    pub(crate) id: Id,
    #[serde(borrow)]
    pub(crate) codes: Few<&'a str, 2>,
    #[serde(borrow)]
    pub(crate) order: Order<'a>,
    pub(crate) ttl_ms: u32,
    #[serde(default, skip_serializing)]
    pub(crate) options: Options,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Confirm {
    #[serde(skip_deserializing)]
    pub(crate) kind: u8,
    #[serde(skip_deserializing)]
    pub(crate) seq: u32,
    pub(crate) deadline_ms: u32,
    pub(crate) id: Id,
    pub(crate) part: u64,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Release<'a> {
    #[serde(skip_deserializing)]
    pub(crate) kind: u8,
    #[serde(skip_deserializing)]
    pub(crate) seq: u32,
    pub(crate) deadline_ms: u32,
    pub(crate) release_id: Id,
    pub(crate) id: Id,
    pub(crate) part: u64,
    #[serde(borrow, default, skip_serializing)]
    pub(crate) codes: Few<&'a str, 2>,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Accepted<'a> {
    #[serde(skip_deserializing)]
    pub(crate) kind: u8,
    #[serde(skip_deserializing)]
    pub(crate) seq: u32,
    pub(crate) state: u8,
    pub(crate) replayed: bool,
    pub(crate) id: Option<Id>,
    pub(crate) event: u64,
    pub(crate) at_ms: i64,
    pub(crate) until_ms: i64,
    pub(crate) size: u64,
    pub(crate) live: u64,
    pub(crate) currency: &'a str,
    pub(crate) total_before_minor: i64,
    pub(crate) total_after_minor: i64,
    #[serde(borrow)]
    pub(crate) uses: Few<Use<'a>, 1>,
    #[serde(default, skip_serializing)]
    pub(crate) counts_age_ms: Option<u64>,
    #[serde(borrow, default, skip_serializing)]
    pub(crate) left_out: Vec<Refused<'a>>,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Use<'a> {
    pub(crate) campaign: &'a str,
    pub(crate) version: u32,
    pub(crate) kind: u8,
    pub(crate) units: u32,
    pub(crate) worth_minor: i64,
    pub(crate) ordinal: u64,
    pub(crate) remaining: Option<u64>,
    pub(crate) balance_minor: Option<i64>,
    pub(crate) holder: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) products: Few<(&'a str, u32), 1>,
    pub(crate) code_index: u8,
    #[serde(borrow, default, skip_serializing)]
    pub(crate) details: UseDetails<'a>,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Refused<'a> {
    #[serde(skip_deserializing)]
    pub(crate) kind: u8,
    #[serde(skip_deserializing)]
    pub(crate) seq: u32,
    pub(crate) number: u16,
    pub(crate) reason: &'a str,
    pub(crate) code_index: u8,
    pub(crate) transient: bool,
    #[serde(borrow)]
    pub(crate) details: Details<'a>,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Line<'a> {
    pub(crate) product: &'a str,
    pub(crate) category: &'a str,
    pub(crate) quantity: u32,
    pub(crate) amount_minor: i64,
    #[serde(default, skip_serializing)]
    pub(crate) product_type: &'a str,
    #[serde(default, skip_serializing)]
    pub(crate) theme: &'a str,
    #[serde(default, skip_serializing)]
    pub(crate) region: &'a str,
}
