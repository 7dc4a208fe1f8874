//! The codes of a campaign, page by page.

use std::sync::Arc;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Path, Query};
use super::caller::By;
use super::events::limit;
use super::from_json::campaign_id;
use super::problem::{Problem, ProblemView};
use super::views::money;
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::domain::code::masked;
use crate::domain::time::Timestamp;
use crate::engine::{CodeFilter, CodesAsked, Lies, ListedCode};

/// Whether it shall be so, or just not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum YesNo {
    /// It shall.
    Yes,
    /// It shall not.
    No,
}

impl YesNo {
    pub(super) fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

/// Which codes.
pub(super) fn code_filter(paid: Option<YesNo>, redeemed: Option<YesNo>) -> CodeFilter {
    CodeFilter { paid: paid.map(YesNo::is_yes), redeemed: redeemed.map(YesNo::is_yes) }
}

/// Which codes of a campaign.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CodesQuery {
    /// Only codes that have a moment of payment, their own or their batch's; or that have none.
    #[param(inline)]
    paid: Option<YesNo>,
    /// Only codes of which a use is in force, or none.
    #[param(inline)]
    redeemed: Option<YesNo>,
    /// Only those of this batch.
    batch: Option<u32>,
    /// At most so many, 1 to 1,000. Default 100.
    limit: Option<usize>,
    /// Read on where an earlier answer said.
    after: Option<String>,
}

/// A page of codes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CodesView {
    /// The newest batch first, and in it the last code. One answer looks at a bounded number of
    /// codes: with a filter it may have fewer than were asked for, even none, and others follow.
    codes: Vec<ListedCodeView>,
    /// Give this as `after` to read on; absent: that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// A code in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedCodeView {
    /// Its text; masked for callers who may not export codes.
    code: String,
    /// The number of its batch.
    batch: u32,
    /// Its position in the batch, from 0.
    position: u32,
    /// `ready`, `not_activated`, `used`, `revoked`, `replaced` or `expired`.
    state: &'static str,
    /// When it was issued.
    issued_at: String,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<String>,
    /// The customer it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    /// Uses in total.
    used: u64,
    /// Uses that holds keep.
    held: u64,
    /// Most uses; absent: without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    /// The currency of its balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// What can be spent of its balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<String>,
    /// Its first moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<String>,
    /// Its first moment after.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
}

impl ListedCodeView {
    fn of(listed: ListedCode, shows_text: bool) -> Self {
        let ListedCode { text, page } = listed;
        let moment = |moment: Option<Timestamp>| moment.map(Timestamp::to_rfc3339);
        let currency = page.campaign.currency.filter(|_| page.balance_minor.is_some());
        Self {
            code: if shows_text { text } else { masked(&text).to_string() },
            batch: page.batch,
            position: page.position,
            state: page.readiness.name(),
            issued_at: page.issued.to_rfc3339(),
            paid_at: moment(page.paid),
            holder: page.holder.as_deref().map(str::to_owned),
            used: page.used,
            held: page.held,
            max: page.max,
            currency: currency.map(|currency| currency.to_string()),
            balance: page.balance_minor.map(|left| money(left, currency)),
            valid_from: moment(page.valid_from),
            valid_until: moment(page.valid_until),
        }
    }
}

/// The codes of a campaign. Whoever reads their texts can redeem them, so it is noted in the audit
/// log then; who may not export codes sees them masked.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/codes", tag = "codes",
    params(("id" = String, Path, description = "The campaign's id"), CodesQuery),
    responses((status = 200, body = CodesView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn list(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<CodesQuery>,
) -> Result<Json<CodesView>, Problem> {
    by.require(Action::ReadCatalog)?;
    if !by.caller.identity.properties.is_empty() {
        // Whose codes they are and how often they were used concerns all properties.
        by.require(Action::WriteCatalog)?;
    }
    let most = limit(query.limit)?;
    let after = query.after.as_deref().map(place).transpose()?;
    let read = hall.blocking(move |shared| {
        let campaign = campaign_id(&id)?;
        let filter = code_filter(query.paid, query.redeemed);
        let asked = CodesAsked { campaign: &campaign, batch: query.batch, filter, after, most };
        let list = shared.engine.list_codes(&by.caller.identity.tenant, &asked)?;
        let none = || Problem::not_found(format!("there is no campaign {id}"));
        let list = list.ok_or_else(none)?;
        let shows_text = by.caller.may(Action::WriteCatalog);
        if shows_text && !list.codes.is_empty() {
            let what = format!("campaign {campaign}: list {} codes", list.codes.len());
            shared.engine.audit(&by.who(), what)?;
        }
        let codes = list.codes.into_iter().map(|code| ListedCodeView::of(code, shows_text));
        let after = list.after.map(|Lies { batch, position }| format!("{batch}.{position}"));
        Ok(CodesView { codes: codes.collect(), after })
    });
    Ok(Json(read.await?))
}

/// A place in a list of codes, as it was told.
fn place(text: &str) -> Result<Lies, Problem> {
    let parts = text.split_once('.');
    let lies = parts.and_then(|(batch, position)| {
        Some(Lies { batch: batch.parse().ok()?, position: position.parse().ok()? })
    });
    lies.ok_or_else(|| Problem::field("after", "is not what an earlier answer said"))
}
