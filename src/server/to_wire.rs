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
        left_out: from.left_out.iter().map(refused).collect(),
    }
}

/// A yes, as the public may hear it: what it is worth, not whose it is, nor why a code was left
/// out.
pub(super) fn for_the_public(from: &Accepted) -> protocol::Accepted<&str> {
    let mut accepted = accepted(from);
    for used in &mut accepted.uses {
        used.holder = None;
        used.details.account = None;
        used.details.photo = None;
        used.details.last_entry_ms = None;
    }
    for refused in &mut accepted.left_out {
        let reason = Reason::NotApplicable;
        let text = Some(reason.text(Language::English));
        *refused = protocol::Refused {
            number: reason.number(),
            reason: reason.name(),
            code_index: refused.code_index,
            transient: reason.is_transient(),
            details: protocol::Details { text, ..protocol::Details::default() },
        };
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
        code_index: from.code_index.unwrap_or(protocol::NO_CODE),
        details: use_details(from),
    }
}

fn use_details(from: &Use) -> protocol::UseDetails<&str> {
    let account = from.account.as_ref().map(|account| protocol::UseOfAccount {
        account: &*account.id,
        spent: account.spent,
        earned: account.earned,
        balance: account.balance,
        currency: account.currency.as_deref().unwrap_or_default(),
    });
    let switches = from.switches.iter();
    protocol::UseDetails {
        original_minor: from.original_minor,
        forfeited_minor: from.forfeited_minor,
        account,
        switches: switches
            .map(|(product, to)| protocol::ProductSwitch { product: &**product, to: to.name() })
            .collect(),
        lines_minor: lines(from).to_vec(),
        photo: from.photo.as_deref(),
        last_entry_ms: from.last_entry.map(|at| at.0),
    }
}

/// What was taken off each line, and off the rest of the total; nothing where there are no lines,
/// so that all of its worth is the rest's.
pub(super) fn lines(used: &Use) -> &[i64] {
    if used.lines_minor.len() > 1 { &used.lines_minor } else { &[] }
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

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a failed one is a failed test")]
mod tests {
    use super::*;
    use crate::domain::campaign::Switch;
    use crate::domain::time::Timestamp;
    use crate::engine::UseOfAccount;

    fn yes() -> Accepted {
        let used = Use {
            campaign: "stars".into(),
            original_minor: Some(20_000),
            forfeited_minor: 500,
            holder: Some("J. Novák".into()),
            photo: Some("photo-81".into()),
            last_entry: Some(Timestamp(7)),
            switches: [("suite".into(), Switch::NotBookable)].into_iter().collect(),
            account: Some(UseOfAccount {
                id: "card".into(),
                currency: Some("EUR".into()),
                spent: 20,
                earned: 3,
                balance: Some(83),
            }),
            lines_minor: [100, -1].into_iter().collect(),
            ..Use::default()
        };
        let alone = Use { lines_minor: [100].into_iter().collect(), ..Use::default() };
        Accepted {
            standing: Standing::Valid,
            is_replayed: false,
            id: None,
            event: 0,
            at: Timestamp(0),
            until: None,
            size: 1,
            live: 0,
            currency: None,
            total_before_minor: None,
            total_after_minor: None,
            uses: [used, Use { code_index: Some(1), ..alone }].into_iter().collect(),
            left_out: vec![Refusal::new(Reason::AlreadyRedeemed).at(2).with(|d| d.used = Some(9))],
            credited: None,
            counts_age_ms: None,
        }
    }

    #[test]
    fn a_use_says_what_it_did() {
        let yes = yes();
        let wire = accepted(&yes);
        let details = protocol::UseDetails {
            original_minor: Some(20_000),
            forfeited_minor: 500,
            account: Some(protocol::UseOfAccount {
                account: "card",
                spent: 20,
                earned: 3,
                balance: Some(83),
                currency: "EUR",
            }),
            switches: vec![protocol::ProductSwitch { product: "suite", to: "not_bookable" }],
            lines_minor: vec![100, -1],
            photo: Some("photo-81"),
            last_entry_ms: Some(7),
        };
        assert_eq!((wire.uses[0].code_index, &wire.uses[0].details), (protocol::NO_CODE, &details));
        // Without lines, the worth says it all.
        assert_eq!(
            (wire.uses[1].code_index, &wire.uses[1].details),
            (1, &protocol::UseDetails::default())
        );
        let left_out = &wire.left_out[0];
        assert_eq!((left_out.number, left_out.code_index), (170, 2));
        assert_eq!(left_out.details.used, Some(9));
    }

    #[test]
    fn the_public_hears_what_it_is_worth_and_nothing_of_people() {
        let yes = yes();
        let wire = for_the_public(&yes);
        let used = &wire.uses[0];
        assert_eq!(
            (used.holder, used.details.photo, used.details.last_entry_ms),
            (None, None, None)
        );
        assert_eq!((&used.details.account, used.details.forfeited_minor), (&None, 500));
        let left_out = &wire.left_out[0];
        assert_eq!((left_out.number, left_out.reason), (225, "not_applicable"));
        assert_eq!((left_out.code_index, left_out.details.used), (2, None));
        assert_eq!(refused(&uniform()).details, left_out.details);
    }
}
