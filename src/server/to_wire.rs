//! From the domain to the wire: answers, refusals, where codes stand.

use crate::auth::guess::Throttled;
use crate::domain::campaign::Status;
use crate::domain::refusal::{Details, Language, Reason, Refusal};
use crate::engine::{Accepted, CodePage, Readiness, Standing, Use};
use crate::protocol;

/// A yes.
pub(super) fn accepted(from: &Accepted) -> protocol::Accepted<&str> {
    protocol::Accepted {
        state: match from.standing {
            Standing::Valid => protocol::State::Valid,
            Standing::Held => protocol::State::Held,
            Standing::Redeemed => protocol::State::Redeemed,
            Standing::Released => protocol::State::Released,
            Standing::Expired => protocol::State::Expired,
        },
        replayed: from.is_replayed,
        id: from.id.map(|id| protocol::Id(id.0)),
        event: from.event,
        at_ms: from.at.0,
        until_ms: from.until.map_or(0, |until| until.0),
        size: from.size,
        live: from.live,
        currency: from.currency.as_deref().unwrap_or_default(),
        total_before_minor: from.total_before_minor.unwrap_or_default(),
        total_after_minor: from.total_after_minor.unwrap_or_default(),
        uses: from.uses.iter().map(use_of).collect(),
        counts_age_ms: from.counts_age_ms,
    }
}

/// A yes, as the public may hear it: what it is worth, not whose it is.
pub(super) fn for_the_public(from: &Accepted) -> protocol::Accepted<&str> {
    let mut accepted = accepted(from);
    for used in &mut accepted.uses {
        used.holder = None;
    }
    accepted
}

fn use_of(from: &Use) -> protocol::Use<&str> {
    protocol::Use {
        campaign: &from.campaign,
        version: from.version,
        kind: kind(from.kind),
        units: from.units,
        worth_minor: from.worth_minor,
        ordinal: from.ordinal,
        remaining: from.remaining,
        balance_minor: from.balance_minor,
        holder: from.holder.as_deref(),
        products: from
            .products
            .iter()
            .map(|(product, quantity)| protocol::Product {
                product: &**product,
                quantity: *quantity,
            })
            .collect(),
        code_index: from.code_index,
    }
}

fn kind(number: u8) -> protocol::CampaignKind {
    protocol::CampaignKind::from(number)
}

/// Where a code stands.
pub(super) fn code(from: &CodePage) -> protocol::CodeStatus<&str> {
    protocol::CodeStatus {
        campaign: from.campaign.id.as_str(),
        version: from.version,
        kind: kind(from.campaign.kind as u8),
        campaign_status: match from.campaign.status {
            Status::Draft => protocol::CampaignStatus::Draft,
            Status::Active => protocol::CampaignStatus::Active,
            Status::Paused => protocol::CampaignStatus::Paused,
            Status::Ended => protocol::CampaignStatus::Ended,
        },
        code_state: match from.readiness {
            Readiness::Ready => protocol::CodeState::Ready,
            Readiness::NotActivated => protocol::CodeState::NotActivated,
            Readiness::Used => protocol::CodeState::Used,
            Readiness::Revoked => protocol::CodeState::Revoked,
            Readiness::Replaced => protocol::CodeState::Replaced,
            Readiness::Expired => protocol::CodeState::Expired,
        },
        used: from.used,
        held: from.held,
        max: from.max,
        balance_minor: from.balance_minor,
        currency: from.campaign.currency.as_ref().map_or("", |currency| currency.as_str()),
        valid_from_ms: from.valid_from.map(|from| from.0),
        valid_to_ms: from.valid_until.map(|until| until.0),
        holder: from.holder.as_deref(),
        last_used_ms: from.last_used.map(|at| at.0),
    }
}

/// A no, as told to callers who may know the reason.
pub(super) fn refused(from: &Refusal) -> protocol::Refused<&str> {
    protocol::Refused {
        number: from.reason.number(),
        reason: from.reason.name(),
        code_index: from.code_index.unwrap_or(protocol::NO_CODE),
        transient: from.reason.is_transient(),
        details: protocol::Details {
            text: Some(from.text(Language::English)),
            ..from.details.as_deref().map(details).unwrap_or_default()
        },
    }
}

fn details(from: &Details) -> protocol::Details<&str> {
    protocol::Details {
        scope: from.scope,
        limit: from.limit,
        used: from.used,
        held: from.held,
        max: from.max,
        retry_after_ms: from.retry_after_ms,
        resets_at_ms: from.resets_at.map(|at| at.0),
        next_valid_at_ms: from.next_valid_at.map(|at| at.0),
        missing: from.missing,
        conflicts_with: from.conflicts_with.as_deref(),
        rule: from.rule,
        last_used_ms: from.last_used_at.map(|at| at.0),
        last_gate: from.last_gate.as_deref(),
        text: None,
        off_by: from.off_by,
    }
}

/// What the public hears instead of any reason.
pub(super) fn uniform() -> Refusal {
    Refusal::new(Reason::NotApplicable)
}

/// What a caller hears whose failure budget is used up.
pub(super) fn throttled(throttled: Throttled) -> Refusal {
    let (reason, retry_after_ms) = match throttled {
        Throttled::RateLimited { retry_after_ms } => (Reason::RateLimited, retry_after_ms),
        Throttled::LockedOut { retry_after_ms } => (Reason::LockedOut, retry_after_ms),
    };
    Refusal::new(reason).with(|d| d.retry_after_ms = Some(retry_after_ms))
}

/// What a caller hears who may not do this.
pub(super) fn not_permitted() -> Refusal {
    Refusal::new(Reason::NotPermitted)
}

/// Whether a refusal was a guess that missed.
pub(super) fn is_miss(refusal: &Refusal) -> bool {
    matches!(refusal.reason, Reason::CodeMalformed | Reason::CodeNotFound)
}
