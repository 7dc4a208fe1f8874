//! From the domain to JSON: answers to the verbs. Money is decimal text, times are RFC 3339.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::explanation_view::ExplanationView;
use super::from_json::currency;
use super::problem::retry_after;
use crate::domain::campaign::Kind;
use crate::domain::id::RequestId;
use crate::domain::money::Currency;
use crate::domain::refusal::{Details, Language, Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::engine::{Accepted, Explanation, Use, UseOfAccount, Verdict};
use crate::server::to_wire;

pub(super) use crate::server::to_wire::throttled;

/// The answer to a verb.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum AnswerView {
    /// Yes.
    Yes(Box<YesView>),
    /// No, with the reason.
    No(Box<NoView>),
}

/// A yes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct YesView {
    /// Always true.
    #[schema(example = true)]
    pub(super) ok: bool,
    /// `valid`, `held`, `redeemed`, `released` or `expired`.
    pub(super) state: &'static str,
    /// Whether this request was answered before, and this is that answer.
    pub(super) replayed: bool,
    /// The id of the hold or redemption, a UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// Number of the event that the request made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<u64>,
    /// When it was accepted.
    pub(super) at: String,
    /// The hold's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
    /// In how many parts it can be divided: units, or minor units of money drawn from a balance.
    pub(super) size: u64,
    /// How many of them are in force.
    pub(super) live: u64,
    /// The currency of all amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
    /// What the order cost before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total_before: Option<String>,
    /// What it costs after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total_after: Option<String>,
    /// One for each code, and one for each campaign that applied by itself, in the order in which
    /// they apply.
    pub(super) uses: Vec<UseView>,
    /// Codes that were left out, each with its place and why; only where `partial` was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<NoView>,
    /// How old the counts are that a validation rests on, in milliseconds; absent: they are exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) counts_age_ms: Option<u64>,
    /// What came with a release instead of money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) credit: Option<CreditView>,
    /// Why; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<ExplanationView>,
    /// What happened to it, newest first; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) events: Option<Vec<super::event_view::EventView>>,
}

/// What came with a release instead of money.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreditView {
    /// The fresh code; absent: it went to an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    /// The currency of the amount; absent: points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
    /// How much came in: less than was asked for where an account is full.
    pub(super) amount: String,
}

/// What one code gave.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UseView {
    /// The place of the code in the request; absent: the campaign applied by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code_index: Option<u8>,
    /// Its campaign.
    pub(super) campaign: String,
    /// The version whose effects were given.
    pub(super) version: u32,
    /// The campaign's kind.
    pub(super) kind: &'static str,
    /// Units taken.
    pub(super) units: u32,
    /// What is taken off the order; below zero for a surcharge.
    pub(super) worth: String,
    /// The number of this use among the code's uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ordinal: Option<u64>,
    /// How many uses are left; absent: without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remaining: Option<u64>,
    /// What is left of the balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) balance: Option<String>,
    /// The balance with which the code began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) original: Option<String>,
    /// What was lost of the balance because the order needed less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) forfeited: Option<String>,
    /// What it did to the customer's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<UseOfAccountView>,
    /// The customer that the code is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holder: Option<String>,
    /// A reference to the holder's picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) photo: Option<String>,
    /// When somebody entered with the code before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_entry_at: Option<String>,
    /// Goods and services that come with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) products: Vec<ProductView>,
    /// What products are switched to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) switches: Vec<SwitchView>,
    /// What was taken off each line of the order, and last off the part of its total that no line
    /// explains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lines: Vec<String>,
}

/// What a use did to the customer's account: whole points, or money.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UseOfAccountView {
    /// The account.
    pub(super) account: String,
    /// Its currency; absent: it keeps points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
    /// What was spent of it.
    pub(super) spent: String,
    /// What came into it.
    pub(super) earned: String,
    /// What is in it afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) balance: Option<String>,
}

impl UseOfAccountView {
    pub(super) fn of(account: &UseOfAccount) -> Self {
        let known = account.currency.as_deref().and_then(currency);
        Self {
            account: account.id.to_string(),
            currency: account.currency.as_deref().map(str::to_owned),
            spent: value(account.spent, known),
            earned: value(account.earned, known),
            balance: account.balance.map(|balance| value(balance, known)),
        }
    }
}

/// Points as they are, money as a decimal.
pub(super) fn value(amount: u64, currency: Option<Currency>) -> String {
    match currency {
        None => amount.to_string(),
        Some(_) => money(i64::try_from(amount).unwrap_or(i64::MAX), currency),
    }
}

/// What a product is switched to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SwitchView {
    /// Its id.
    pub(super) product: String,
    /// `bookable`, `not_bookable` or `exempt`.
    pub(super) to: &'static str,
}

/// Goods or a service.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProductView {
    /// Its id.
    pub(super) product: String,
    /// How many.
    pub(super) quantity: u32,
}

/// A no: a correct answer, not an error.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct NoView {
    /// Always false.
    #[schema(example = false)]
    pub(super) ok: bool,
    /// The reason's name.
    #[schema(example = "already_redeemed")]
    pub(super) reason: &'static str,
    /// The reason's number.
    #[schema(example = 170)]
    pub(super) number: u16,
    /// A sentence for whoever stands at the gate or the till.
    pub(super) text: String,
    /// Whether the same request could succeed later without people changing anything.
    pub(super) transient: bool,
    /// The place in the request of the code that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code_index: Option<u8>,
    /// What the limit counts together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<&'static str>,
    /// Which limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<&'static str>,
    /// How much is used (of money: in minor units); of a balance, how much is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) used: Option<u64>,
    /// How much live holds keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<u64>,
    /// The ceiling; of a balance, how much was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<u64>,
    /// By how much the order misses the bound: pieces, or minor units of money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) off_by: Option<u64>,
    /// Milliseconds after which it is worth trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_ms: Option<u64>,
    /// When the limit begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resets_at: Option<String>,
    /// When the code is good next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_valid_at: Option<String>,
    /// When the code was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_used_at: Option<String>,
    /// The gate where it was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_gate: Option<String>,
    /// The fact of the order that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<&'static str>,
    /// The code or campaign that stands against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conflicts_with: Option<String>,
    /// The condition or effect that says no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<&'static str>,
    /// Why; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<ExplanationView>,
}

/// Who hears an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Hears everything.
    Trusted,
    /// Hears only what a yes is worth, or that it is no.
    Public,
}

impl AnswerView {
    pub(super) fn of(verdict: &Verdict, language: Language, audience: Audience) -> Self {
        match verdict {
            Ok(accepted) => Self::Yes(Box::new(YesView::told(accepted, language, audience))),
            Err(refusal) => Self::No(Box::new(NoView::told(refusal, language, audience))),
        }
    }

    /// Adds why.
    pub(super) fn explain(&mut self, explanation: Option<&Explanation>) {
        let why = explanation.map(ExplanationView::of);
        match self {
            Self::Yes(yes) => yes.explanation = why,
            Self::No(no) => no.explanation = why,
        }
    }
}

impl IntoResponse for AnswerView {
    fn into_response(self) -> Response {
        let wait_ms = match &self {
            Self::No(no) => no.retry_after_ms,
            Self::Yes(_) => None,
        };
        let mut response = Json(self).into_response();
        if let Some(ms) = wait_ms {
            response.headers_mut().insert(RETRY_AFTER, retry_after(ms));
        }
        response
    }
}

impl YesView {
    /// The yes as `audience` may hear it: the public hears what a code is worth, not whose it is,
    /// nor why another was left out.
    fn told(accepted: &Accepted, language: Language, audience: Audience) -> Self {
        let mut yes = Self::of(accepted);
        let left_out = accepted.left_out.iter();
        yes.left_out = left_out
            .map(|refusal| NoView {
                code_index: refusal.code_index,
                ..NoView::told(refusal, language, audience)
            })
            .collect();
        if audience == Audience::Public {
            for used in &mut yes.uses {
                (used.holder, used.photo, used.last_entry_at) = (None, None, None);
                used.account = None;
            }
        }
        yes
    }

    fn of(accepted: &Accepted) -> Self {
        let known = accepted.currency.as_deref().and_then(currency);
        let text = |minor| money(minor, known);
        Self {
            ok: true,
            state: accepted.standing.name(),
            replayed: accepted.is_replayed,
            id: accepted.id.map(uuid_text),
            event: Some(accepted.event).filter(|event| *event > 0),
            at: accepted.at.to_rfc3339(),
            until: accepted.until.map(Timestamp::to_rfc3339),
            size: accepted.size,
            live: accepted.live,
            currency: accepted.currency.as_deref().map(str::to_owned),
            total_before: accepted.total_before_minor.map(text),
            total_after: accepted.total_after_minor.map(text),
            uses: accepted.uses.iter().map(|used| UseView::of(used, known)).collect(),
            left_out: Vec::new(),
            counts_age_ms: accepted.counts_age_ms,
            credit: None,
            explanation: None,
            events: None,
        }
    }
}

impl UseView {
    fn of(used: &Use, currency: Option<Currency>) -> Self {
        Self {
            code_index: used.code_index,
            campaign: used.campaign.to_string(),
            version: used.version,
            kind: kind_name(used.kind),
            units: used.units,
            worth: money(used.worth_minor, currency),
            ordinal: Some(used.ordinal).filter(|ordinal| *ordinal > 0),
            remaining: used.remaining,
            balance: used.balance_minor.map(|left| money(left, currency)),
            original: used.original_minor.map(|original| money(original, currency)),
            forfeited: Some(used.forfeited_minor)
                .filter(|lost| *lost != 0)
                .map(|lost| money(lost, currency)),
            account: used.account.as_ref().map(UseOfAccountView::of),
            holder: used.holder.as_deref().map(str::to_owned),
            photo: used.photo.as_deref().map(str::to_owned),
            last_entry_at: used.last_entry.map(Timestamp::to_rfc3339),
            products: used
                .products
                .iter()
                .map(|(product, quantity)| ProductView {
                    product: product.to_string(),
                    quantity: *quantity,
                })
                .collect(),
            switches: used
                .switches
                .iter()
                .map(|(product, to)| SwitchView { product: product.to_string(), to: to.name() })
                .collect(),
            lines: to_wire::lines(used).iter().map(|minor| money(*minor, currency)).collect(),
        }
    }
}

impl NoView {
    /// The refusal as `audience` may hear it. Being throttled is told to everybody: it says nothing
    /// about a code.
    fn told(refusal: &Refusal, language: Language, audience: Audience) -> Self {
        if audience == Audience::Public && !is_throttled(refusal) {
            return Self::of(&to_wire::uniform(), language);
        }
        Self::of(refusal, language)
    }

    pub(super) fn of(refusal: &Refusal, language: Language) -> Self {
        let reason = refusal.reason;
        let told = Self {
            ok: false,
            reason: reason.name(),
            number: reason.number(),
            text: refusal.text(language).to_owned(),
            transient: reason.is_transient(),
            code_index: refusal.code_index,
            ..Self::default()
        };
        match refusal.details.as_deref() {
            Some(details) => told.with(details),
            None => told,
        }
    }

    fn with(self, details: &Details) -> Self {
        let text = |moment: Option<Timestamp>| moment.map(Timestamp::to_rfc3339);
        Self {
            scope: details.scope,
            limit: details.limit,
            used: details.used,
            held: details.held,
            max: details.max,
            off_by: details.off_by,
            retry_after_ms: details.retry_after_ms,
            resets_at: text(details.resets_at),
            next_valid_at: text(details.next_valid_at),
            last_used_at: text(details.last_used_at),
            last_gate: details.last_gate.as_deref().map(str::to_owned),
            missing: details.missing,
            conflicts_with: details.conflicts_with.as_deref().map(str::to_owned),
            rule: details.rule,
            ..self
        }
    }
}

/// Whether a refusal says that somebody may be guessing.
pub(super) fn is_miss(refusal: &Refusal) -> bool {
    matches!(refusal.reason, Reason::CodeMalformed | Reason::CodeNotFound)
}

/// Whether a refusal says that somebody has guessed too often.
pub(super) fn is_throttled(refusal: &Refusal) -> bool {
    matches!(refusal.reason, Reason::RateLimited | Reason::LockedOut)
}

/// Minor units as decimal text; whole units when there is no currency, and so no amount but zero.
pub(super) fn money(minor: i64, currency: Option<Currency>) -> String {
    match currency {
        Some(currency) => currency.decimal(minor).to_string(),
        None => Decimal::from(minor).to_string(),
    }
}

/// A request's id as a UUID.
pub(super) fn uuid_text(id: RequestId) -> String {
    uuid::Uuid::from_bytes(id.0).to_string()
}

/// The name of a kind's number.
pub(super) fn kind_name(number: u8) -> &'static str {
    Kind::ALL.into_iter().find(|kind| *kind as u8 == number).map_or("unknown", Kind::name)
}
