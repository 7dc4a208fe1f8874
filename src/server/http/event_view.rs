//! Events and codes as JSON.

use serde::Serialize;
use utoipa::ToSchema;

use super::from_json::currency;
use super::views::{kind_name, money};
use crate::auth::hex;
use crate::domain::book::EventKind;
use crate::domain::campaign::CodeState;
use crate::domain::posting::State;
use crate::domain::time::Timestamp;
use crate::engine::{Batch, BatchState, CodePage, Entry, Exported, Note, Source};

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventView {
    /// Its number: from 1, without gaps over all tenants.
    pub(super) number: u64,
    /// When.
    pub(super) at: String,
    /// `redeemed`, `held`, `confirmed`, `released`, `extended` or `expired`.
    pub(super) kind: &'static str,
    /// The posting that it happened to: one name for all events of one request.
    pub(super) posting: String,
    /// What is known of the posting now; absent when it has left the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) receipt: Option<ReceiptView>,
}

/// What is known of a posting.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReceiptView {
    /// `held`, `redeemed`, `released` or `expired`.
    pub(super) state: &'static str,
    /// In how many parts it can be divided.
    pub(super) size: u64,
    /// How many of them are in force now.
    pub(super) live: u64,
    /// The hold's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
    /// The currency of all amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
    /// What the order cost before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total_before: Option<String>,
    /// Who used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) customer: Option<String>,
    /// The caller's number of the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) order_ref: Option<String>,
    /// At which gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gate: Option<String>,
    /// In which property.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) property: Option<String>,
    /// Through which channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<String>,
    /// Brought by whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partner: Option<String>,
    /// One for each code.
    pub(super) uses: Vec<NotedUseView>,
}

/// What was said of one code.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NotedUseView {
    /// The code's name where its text must not be: the same for every use of it.
    pub(super) code: Option<String>,
    /// The campaign.
    pub(super) campaign: String,
    /// The version whose effects were given.
    pub(super) version: u32,
    /// The campaign's kind.
    pub(super) kind: &'static str,
    /// Units taken.
    pub(super) units: u32,
    /// What was taken off the order; absent when it was drawn from a balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) worth: Option<String>,
}

impl EventView {
    pub(super) fn of(entry: &Entry) -> Self {
        Self::noted(entry, note_of(entry))
    }

    /// The same, with the note that was read before.
    pub(super) fn noted(entry: &Entry, note: Option<Note>) -> Self {
        let event = &entry.event;
        let receipt = entry.receipt.as_ref().zip(note).map(|(receipt, note)| {
            let known = note.currency.as_deref().and_then(currency);
            let text = |text: Option<Box<str>>| text.map(String::from);
            ReceiptView {
                state: match receipt.state {
                    State::Held => "held",
                    State::Redeemed => "redeemed",
                    State::Released => "released",
                    State::Expired => "expired",
                },
                size: receipt.size,
                live: receipt.live(),
                until: receipt.until.map(Timestamp::to_rfc3339),
                total_before: note.total_before_minor.map(|total| money(total, known)),
                uses: note
                    .uses
                    .iter()
                    .map(|used| NotedUseView {
                        code: used.code.map(|code| hex::encode(code.as_bytes())),
                        campaign: used.campaign.to_string(),
                        version: used.version,
                        kind: kind_name(used.kind),
                        units: used.units,
                        worth: used.worth_minor.map(|worth| money(worth, known)),
                    })
                    .collect(),
                currency: text(note.currency),
                customer: text(note.customer),
                order_ref: text(note.order_ref),
                gate: text(note.gate),
                property: text(note.property),
                channel: text(note.channel),
                partner: text(note.partner),
            }
        });
        Self {
            number: event.number,
            at: event.at.to_rfc3339(),
            kind: match event.kind {
                EventKind::Redeemed => "redeemed",
                EventKind::Held => "held",
                EventKind::Confirmed => "confirmed",
                EventKind::Released => "released",
                EventKind::Extended => "extended",
                EventKind::Expired => "expired",
                EventKind::Followed => "followed",
            },
            posting: event.id.to_string(),
            receipt,
        }
    }
}

/// What the receipt of an event remembers.
pub(super) fn note_of(entry: &Entry) -> Option<Note> {
    entry.receipt.as_ref().map(|receipt| Note::of(&receipt.note))
}

/// Where a code stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CodeView {
    /// Always true.
    pub(super) ok: bool,
    /// Its campaign.
    pub(super) campaign: String,
    /// The version that says what it is worth.
    pub(super) version: u32,
    /// The campaign's kind.
    pub(super) kind: &'static str,
    /// Where the campaign stands.
    pub(super) campaign_status: &'static str,
    /// `ready`, `not_activated`, `used`, `revoked`, `replaced` or `expired`.
    pub(super) state: &'static str,
    /// When it was issued.
    pub(super) issued_at: String,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paid_at: Option<String>,
    /// The customer it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holder: Option<String>,
    /// A reference to the holder's picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) photo: Option<String>,
    /// Uses in total.
    pub(super) used: u64,
    /// Uses that holds keep.
    pub(super) held: u64,
    /// Most uses; absent: without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<u64>,
    /// The currency of its balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
    /// What can be spent of its balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) balance: Option<String>,
    /// Its first moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) valid_from: Option<String>,
    /// Its first moment after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) valid_until: Option<String>,
    /// When it was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_used_at: Option<String>,
    /// The number of its batch.
    pub(super) batch: u32,
    /// Its position in the batch, from 0.
    pub(super) position: u32,
}

impl CodeView {
    pub(super) fn of(page: &CodePage) -> Self {
        let campaign = &page.campaign;
        let text = |moment: Option<Timestamp>| moment.map(Timestamp::to_rfc3339);
        Self {
            ok: true,
            campaign: campaign.id.to_string(),
            version: page.version,
            kind: campaign.kind.name(),
            campaign_status: campaign.status.name(),
            state: page.readiness.name(),
            issued_at: page.issued.to_rfc3339(),
            paid_at: text(page.paid),
            holder: page.holder.as_deref().map(str::to_owned),
            photo: page.photo.as_deref().map(str::to_owned),
            used: page.used,
            held: page.held,
            max: page.max,
            currency: campaign.currency.map(|currency| currency.to_string()),
            balance: page.balance_minor.map(|left| money(left, campaign.currency)),
            valid_from: text(page.valid_from),
            valid_until: text(page.valid_until),
            last_used_at: text(page.last_used),
            batch: page.batch,
            position: page.position,
        }
    }
}

/// Codes that were issued together.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchView {
    /// Its number.
    pub(super) number: u32,
    /// The campaign.
    pub(super) campaign: String,
    /// The version that says what its codes are worth.
    pub(super) version: u32,
    /// What people call it.
    pub(super) label: String,
    /// `generated`, `on_demand`, `imported` or `by_hand`.
    pub(super) source: &'static str,
    /// How many codes are to come; absent: as many as come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wanted: Option<u64>,
    /// How many codes it has ever got.
    pub(super) stored: u64,
    /// How many of them were removed again, because nobody used them.
    pub(super) removed: u64,
    /// Whether it has all it will ever have.
    pub(super) complete: bool,
    /// When they were issued.
    pub(super) issued_at: String,
    /// When they were paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paid_at: Option<String>,
}

impl BatchView {
    pub(super) fn of(batch: &Batch) -> Self {
        let issue = &batch.issue;
        Self {
            number: batch.number,
            campaign: issue.campaign.to_string(),
            version: issue.version,
            label: issue.label.clone(),
            source: match issue.source {
                Source::Generated { .. } => "generated",
                Source::OnDemand { .. } => "on_demand",
                Source::Imported => "imported",
                Source::ByHand => "by_hand",
            },
            wanted: issue.wanted,
            stored: batch.stored,
            removed: batch.removed,
            complete: batch.state == BatchState::Complete,
            issued_at: issue.issued.to_rfc3339(),
            paid_at: issue.paid.map(Timestamp::to_rfc3339),
        }
    }
}

/// A code as it is exported: text, campaign, state, moment of payment, holder, uses, most uses,
/// balance.
pub(super) fn exported_cells(code: &Exported<'_>) -> [Option<String>; 8] {
    [
        Some(code.text.to_owned()),
        Some(code.campaign.id.to_string()),
        Some(
            match code.state {
                CodeState::Live => "live",
                CodeState::Revoked => "revoked",
                CodeState::Replaced => "replaced",
            }
            .to_owned(),
        ),
        code.paid.map(Timestamp::to_rfc3339),
        code.holder.map(str::to_owned),
        Some(code.used.to_string()),
        code.max.map(|max| max.to_string()),
        code.balance_minor.map(|left| money(left, code.campaign.currency)),
    ]
}

/// Unix milliseconds as RFC 3339.
pub(super) fn rfc3339_of_ms(ms: i64) -> String {
    Timestamp(ms).to_rfc3339()
}
