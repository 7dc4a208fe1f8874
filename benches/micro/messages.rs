//! The messages that travel most: one code at a gate, an order of a shop, and their answers.

use jeton::protocol::{
    Accepted, CampaignKind, Confirm, Details, Hold, Id, Line, Order, Redeem, Refused, Release,
    Reply, Request, State, Use, Validate,
};
use smallvec::smallvec;

/// How long a caller waits.
pub(crate) const DEADLINE_MS: u32 = 2_000;
/// The id of a redemption or hold.
pub(crate) const ID: Id = Id([7; 16]);
/// The id of a release.
pub(crate) const RELEASE_ID: Id = Id([8; 16]);
/// A code as it is printed.
pub(crate) const CODE: &str = "PARK-7K3M-9QXT";
/// A moment in June 2026.
pub(crate) const AT_MS: i64 = 1_781_517_600_000;

/// What a gate says.
fn gate() -> Order<&'static str> {
    Order { gate: Some("north-1"), ..Order::default() }
}

/// What a shop says while the customer types.
fn cart() -> Order<&'static str> {
    let line = |product, quantity, amount_minor| Line {
        product,
        category: "day",
        quantity,
        amount_minor,
        ..Line::default()
    };
    Order {
        customer: Some("c-4711"),
        channel: Some("web"),
        currency: Some("EUR"),
        total_minor: Some(9_700),
        lines: smallvec![line("ticket", 2, 6_400), line("meal", 3, 3_300)],
        ..Order::default()
    }
}

pub(crate) fn validate() -> Request<&'static str> {
    let codes = smallvec![CODE];
    let order = cart();
    Request::Validate(Validate { deadline_ms: DEADLINE_MS, codes, order, ..Validate::default() })
}

pub(crate) fn redeem() -> Request<&'static str> {
    let (deadline_ms, codes, order) = (DEADLINE_MS, smallvec![CODE], gate());
    Request::Redeem(Redeem { deadline_ms, id: ID, codes, order, ..Redeem::default() })
}

pub(crate) fn hold() -> Request<&'static str> {
    let (deadline_ms, codes, order) = (DEADLINE_MS, smallvec![CODE], cart());
    let ttl_ms = 900_000;
    Request::Hold(Hold { deadline_ms, id: ID, codes, order, ttl_ms, ..Hold::default() })
}

pub(crate) fn confirm() -> Request<&'static str> {
    Request::Confirm(Confirm { deadline_ms: DEADLINE_MS, id: ID, part: 0 })
}

pub(crate) fn release() -> Request<&'static str> {
    Request::Release(Release {
        deadline_ms: DEADLINE_MS,
        release_id: RELEASE_ID,
        id: ID,
        part: 0,
        codes: smallvec![],
    })
}

pub(crate) fn accepted() -> Reply<&'static str> {
    Reply::Accepted(Accepted {
        state: State::Redeemed,
        id: Some(ID),
        event: 41_207,
        at_ms: AT_MS,
        size: 1,
        live: 1,
        uses: smallvec![Use {
            campaign: "season-2026",
            version: 3,
            kind: CampaignKind::Pass,
            units: 1,
            ordinal: 41_207,
            remaining: Some(58_793),
            ..Use::default()
        }],
        ..Accepted::default()
    })
}

pub(crate) fn refused() -> Reply<&'static str> {
    Reply::Refused(Refused {
        number: 170,
        reason: "already_redeemed",
        code_index: 0,
        transient: false,
        details: Details {
            scope: Some("code"),
            limit: Some("uses"),
            used: Some(1),
            held: Some(0),
            max: Some(1),
            last_used_ms: Some(AT_MS),
            last_gate: Some("north-1"),
            ..Details::default()
        },
    })
}
