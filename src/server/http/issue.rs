//! Single codes on demand.

use std::sync::Arc;

use axum::Json;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Path, key_text};
use super::caller::By;
use super::codes::photo_of;
use super::from_json::{IssueWish, campaign_id, holder as holder_of, issue_order, request_id};
use super::problem::{Kind, Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::{IssueOne, IssueOrder, IssuedCode, RequestId};
use crate::server::Shared;

/// What a fresh code has of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueBody {
    /// The customer it is bound to.
    holder: Option<String>,
    /// A reference to the holder's picture, at most 512 bytes.
    photo: Option<String>,
    /// When it was paid.
    paid_at: Option<String>,
    /// Its number of uses, where it is not the campaign's.
    uses: Option<u64>,
    /// Its starting balance, where it is not the campaign's.
    balance: Option<String>,
    /// Its first day or moment, where it is not the campaign's.
    valid_from: Option<String>,
    /// Its last day, or the first moment after, where it is not the campaign's.
    valid_until: Option<String>,
    /// What people call the codes that are issued like this one.
    label: Option<String>,
}

/// A code that was issued.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IssuedView {
    /// Always true.
    ok: bool,
    /// The code.
    code: String,
    /// Its campaign.
    campaign: String,
    /// The version that says what it is worth.
    version: u32,
    /// The number of its batch.
    batch: u32,
    /// Whether the same request had it before.
    repeated: bool,
}

/// Issue one fresh code. It is durable and can be used when it is answered; repeated with the same
/// Idempotency-Key, the request gives the same code again.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/issue", tag = "codes", request_body = IssueBody,
    params(
        ("id" = String, Path, description = "The campaign's id"),
        ("Idempotency-Key" = String, Header, description = "Names the request"),
    ),
    responses((status = 200, body = IssuedView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn issue(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<IssueBody>,
) -> Result<Json<IssuedView>, Problem> {
    by.require(Action::Issue)?;
    let request = key_text(&headers)?.map(request_id).ok_or_else(|| {
        Problem::new(Kind::KeyMissing, "issuing a code twice would make two")
            .hint("send an Idempotency-Key, and the same one with every repeat")
    })?;
    let issued = hall.blocking(move |shared| issue_one(shared, &by, &id, body, request));
    Ok(Json(issued.await?))
}

fn issue_one(
    shared: &Shared,
    by: &By,
    id: &str,
    body: IssueBody,
    request: RequestId,
) -> Result<IssuedView, Problem> {
    let tenant = &by.caller.identity.tenant;
    let campaign = campaign_id(id)?;
    let stored = shared.engine.campaign(tenant, &campaign, None)?;
    let stored = stored.ok_or_else(|| Problem::not_found(format!("there is no campaign {id}")))?;
    let wish = IssueWish {
        label: body.label,
        paid_at: body.paid_at,
        uses: body.uses,
        balance: body.balance,
        valid_from: body.valid_from,
        valid_until: body.valid_until,
    };
    let order = issue_order(&wish, &stored.campaign, None)?;
    let IssueOrder { label, paid, uses, balance_minor, valid_from, valid_until, .. } = order;
    let holder = holder_of(body.holder)?;
    let photo = photo_of(body.photo)?;
    let one = IssueOne { label, holder, photo, paid, uses, balance_minor, valid_from, valid_until };
    let issued = shared.engine.issue_one(tenant, &campaign, one, request, &by.who())?;
    let IssuedCode { text, version, batch, is_repeated, .. } = issued;
    let campaign = campaign.to_string();
    Ok(IssuedView { ok: true, code: text, campaign, version, batch, repeated: is_repeated })
}
