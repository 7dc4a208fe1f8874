//! Explanations as JSON: what each campaign asked and found, what its effects did, how its limits
//! stand.

use serde::Serialize;
use utoipa::ToSchema;

use super::views::{UseOfAccountView, money};
use crate::domain::money::Currency;
use crate::domain::refusal::Refusal;
use crate::domain::rules::{Finding, Holds, Step};
use crate::domain::time::Timestamp;
use crate::engine::{CampaignExplanation, Explanation, LimitStanding};

/// Why an answer is what it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExplanationView {
    /// Each code, and each campaign that could apply by itself: those that apply first, in the
    /// order in which they do.
    pub(super) campaigns: Vec<CampaignExplanationView>,
}

/// What one campaign says to an order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CampaignExplanationView {
    /// The code's place in the request; absent: the campaign applies by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code_index: Option<u8>,
    /// The campaign.
    pub(super) campaign: String,
    /// Why it does not apply, where that is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<RefusedView>,
    /// What was asked, and what was found.
    pub(super) findings: Vec<FindingView>,
    /// What its effects did to the price; none where something asked was not found.
    pub(super) effects: Vec<EffectView>,
    /// What it does to the customer's account; `balance` is what can be spent of it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<UseOfAccountView>,
    /// How its limits stand.
    pub(super) limits: Vec<LimitView>,
}

/// Why a campaign does not apply.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusedView {
    /// The reason.
    pub(super) reason: &'static str,
    /// Its number.
    pub(super) number: u16,
    /// The code or campaign that stands against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conflicts_with: Option<String>,
}

/// What was asked, and what was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FindingView {
    /// The rule, by its name in documents.
    #[schema(example = "amount")]
    pub(super) rule: &'static str,
    /// What was asked.
    pub(super) asked: String,
    /// What was found.
    pub(super) found: String,
    /// Whether it is as asked.
    pub(super) holds: bool,
}

/// What an effect did to the price.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EffectView {
    /// Its name in documents.
    pub(super) effect: &'static str,
    /// What was left to pay before.
    pub(super) before: String,
    /// What was left to pay after.
    pub(super) after: String,
}

/// How a limit stands; of money in minor units.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LimitView {
    /// What it counts.
    #[schema(example = "uses per day")]
    pub(super) name: &'static str,
    /// What it counts together: `code`, `campaign`, `customer` or `account`.
    pub(super) scope: &'static str,
    /// How much is used.
    pub(super) used: u64,
    /// How much live holds keep.
    pub(super) held: u64,
    /// How much this request would take.
    pub(super) asked: u64,
    /// The ceiling; absent: counted without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<u64>,
    /// When it begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resets_at: Option<String>,
}

impl ExplanationView {
    pub(super) fn of(explanation: &Explanation) -> Self {
        let campaigns = explanation.campaigns.iter().map(CampaignExplanationView::of).collect();
        Self { campaigns }
    }
}

impl CampaignExplanationView {
    fn of(one: &CampaignExplanation) -> Self {
        Self {
            code_index: one.code_index,
            campaign: one.campaign.to_string(),
            refused: one.refusal.as_ref().map(RefusedView::of),
            account: one.account.as_ref().map(UseOfAccountView::of),
            findings: one.findings.iter().map(FindingView::of).collect(),
            effects: one.steps.iter().map(|step| EffectView::of(step, one.currency)).collect(),
            limits: one.limits.iter().map(LimitView::of).collect(),
        }
    }
}

impl RefusedView {
    fn of(refusal: &Refusal) -> Self {
        let details = refusal.details.as_deref();
        let conflicts_with = details.and_then(|details| details.conflicts_with.as_deref());
        Self {
            reason: refusal.reason.name(),
            number: refusal.reason.number(),
            conflicts_with: conflicts_with.map(str::to_owned),
        }
    }
}

impl FindingView {
    fn of(finding: &Finding) -> Self {
        let Finding { rule, asked, found, holds } = finding;
        Self { rule, asked: asked.clone(), found: found.clone(), holds: *holds == Holds::Yes }
    }
}

impl EffectView {
    fn of(step: &Step, currency: Option<Currency>) -> Self {
        let Step { effect, before_minor, after_minor } = *step;
        Self { effect, before: money(before_minor, currency), after: money(after_minor, currency) }
    }
}

impl LimitView {
    fn of(standing: &LimitStanding) -> Self {
        let LimitStanding { name, scope, used, held, asked, max, resets_at } = *standing;
        let resets_at = resets_at.map(Timestamp::to_rfc3339);
        Self { name, scope, used, held, asked, max, resets_at }
    }
}
