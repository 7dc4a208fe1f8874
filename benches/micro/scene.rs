//! What several measurements need: campaigns and an order for them, a code, postings that take one
//! use, a place on a real disk.

use std::sync::Arc;

use jeton::catalog::CampaignDocument;
use jeton::domain::campaign::{Campaign, Code, CodeState, Status};
use jeton::domain::id::{Owner, PostingId, TenantId};
use jeton::domain::order::{Line, Order};
use jeton::domain::posting::{Command, Facet, FacetKind, Key, Leg, Mode, Posting};
use jeton::domain::rules::{Candidate, Question, Seen};
use jeton::domain::time::Timestamp;
use smallvec::smallvec;
use tempfile::TempDir;

/// A moment in June 2026.
pub(crate) const NOW: Timestamp = Timestamp(1_781_517_600_000);

/// Eight conditions and two effects; [`basket`] meets them all.
pub(crate) const EIGHT_AND_TWO: &str = r#"
id = "summer"
kind = "discount"
zone = "Europe/Vienna"
currency = "EUR"

[validity]
from = 2026-01-01
until = 2026-12-31

[[conditions]]
type = "amount"
min = "50"
[[conditions]]
type = "quantity"
min = 2
[[conditions]]
type = "product"
only = ["ticket", "meal", "parking"]
[[conditions]]
type = "channel"
only = ["web", "app"]
[[conditions]]
type = "property"
only = ["lake", "hill", "town"]
[[conditions]]
type = "partner"
not = ["nobody"]
[[conditions]]
type = "brand"
only = ["sun", "moon"]
[[conditions]]
type = "customer_group"
only = ["club", "staff"]

[[effects]]
type = "percent"
percent = "12.5"
cap = 20
[[effects]]
type = "amount"
amount = "3.50"
"#;

/// What [`EIGHT_AND_TWO`] takes off [`basket`], in cents: 12.5 % of 88.00, and 3.50.
pub(crate) const EIGHT_AND_TWO_MINOR: i64 = 1_100 + 350;

/// No condition and no effect.
pub(crate) const PASS: &str = r#"
id = "season"
kind = "pass"
zone = "Europe/Vienna"
"#;

/// The campaign that a document describes, active, in version 1.
pub(crate) fn campaign(toml: &str) -> Arc<Campaign> {
    let tenant = TenantId::parse("park").unwrap();
    let document = CampaignDocument::from_toml(toml).unwrap();
    Arc::new(document.compile(&tenant, 1, Owner([1; 16]), Status::Active).unwrap())
}

/// An order of three lines, of which two are in the campaign's list.
pub(crate) fn basket() -> Order<'static> {
    let line = |product, quantity, amount_minor| Line {
        product,
        quantity,
        amount_minor,
        ..Line::default()
    };
    Order {
        customer_groups: smallvec!["club"],
        channel: Some("web"),
        property: Some("lake"),
        partner: Some("agency"),
        brand: Some("sun"),
        currency: Some("EUR"),
        lines: smallvec![line("ticket", 2, 6_400), line("meal", 2, 2_400), line("book", 1, 900)],
        ..Order::default()
    }
}

/// A live code without anything of its own.
pub(crate) fn code() -> Code {
    Code {
        owner: Owner([2; 16]),
        state: CodeState::Live,
        issued: NOW,
        paid: None,
        holder: None,
        photo: None,
        uses: None,
        balance_minor: None,
        valid_from: None,
        valid_until: None,
    }
}

/// Whether `campaign`'s lone code, never used before, is good for `order`.
pub(crate) fn question<'a, 'o>(
    campaign: &'a Campaign,
    code: &'a Code,
    seen: &'a Seen,
    order: &'a Order<'o>,
) -> Question<'a, 'o> {
    Question { campaign, worth: campaign, code, seen, order, now: NOW, alone: true, account: None }
}

/// A code of `campaign`, or the campaign by itself.
pub(crate) fn candidate<'a>(
    code_index: Option<u8>,
    campaign: &'a Campaign,
    code: &'a Code,
) -> Candidate<'a> {
    let (name, seen) = (campaign.id.as_str(), Seen::default());
    Candidate { code_index, name, campaign, worth: campaign, code, seen, account: None }
}

/// Spreads a number over 16 bytes, as hashes are.
pub(crate) fn spread(number: u64) -> [u8; 16] {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut bytes = [0; 16];
    for (byte, of) in
        bytes.iter_mut().zip(mixed.to_le_bytes().into_iter().chain(number.to_le_bytes()))
    {
        *byte = of;
    }
    bytes
}

/// A posting that takes one use of `owner`'s code.
pub(crate) fn posting(mode: Mode, id: u64, owner: [u8; 16], max: u64) -> Command {
    let key = Key { owner: Owner(owner), facet: Facet::new(FacetKind::Uses, 0, 0) };
    Command::Post(Posting {
        id: PostingId(spread(id)),
        fingerprint: 7,
        mode,
        size: 1,
        legs: smallvec![Leg::Count { key, n: 1, max, keep_until: None }],
        note: vec![0x5a; 64].into(),
        now: NOW,
    })
}

/// A redemption of one use of `owner`'s code.
pub(crate) fn redemption(id: u64, owner: [u8; 16], max: u64) -> Command {
    posting(Mode::Post, id, owner, max)
}

/// A directory beside what was built: a temporary one may be in memory, where syncing is free.
pub(crate) fn on_disk() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}
