//! What several measurements need: a campaign, a code of it, a posting that takes one use.

use std::sync::Arc;

use jeton::catalog::CampaignDocument;
use jeton::domain::campaign::{Campaign, Code, CodeState, Status};
use jeton::domain::id::{Owner, PostingId, TenantId};
use jeton::domain::posting::{Command, Facet, FacetKind, Key, Leg, Mode, Posting};
use jeton::domain::time::Timestamp;
use smallvec::smallvec;

/// A moment in June 2026.
pub(crate) const NOW: Timestamp = Timestamp(1_781_517_600_000);

/// The campaign that a document describes, active, in version 1.
pub(crate) fn campaign(toml: &str) -> Arc<Campaign> {
    let tenant = TenantId::parse("park").unwrap();
    let document = CampaignDocument::from_toml(toml).unwrap();
    Arc::new(document.compile(&tenant, 1, Owner([1; 16]), Status::Active).unwrap())
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

/// A redemption of one use of `owner`'s code.
pub(crate) fn redemption(id: u64, owner: [u8; 16], max: u64) -> Command {
    let key = Key { owner: Owner(owner), facet: Facet::new(FacetKind::Uses, 0, 0) };
    Command::Post(Posting {
        id: PostingId(spread(id)),
        fingerprint: 7,
        mode: Mode::Post,
        size: 1,
        legs: smallvec![Leg::Count { key, n: 1, max, keep_until: None }],
        note: vec![0x5a; 64].into(),
        now: NOW,
    })
}
