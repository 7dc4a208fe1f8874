//! Campaigns: design, plan, pause.

use std::sync::Arc;

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::{ETAG, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Document, Path, Query, expected};
use super::caller::By;
use super::from_json::campaign_id;
use super::problem::{Problem, ProblemView, field};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::document;
use crate::engine::{CampaignDocument, Change, Expect, Stored};

/// A campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CampaignView {
    /// Its id.
    id: String,
    /// Its version, which is also its `ETag`.
    version: u32,
    /// Where it stands.
    status: document::Status,
    /// What its codes are.
    kind: document::Kind,
    /// When this version was made.
    made_at: String,
    /// What a change changed: `created`, `edited`, `status` or `nothing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    /// Its document.
    document: CampaignDocument,
}

impl CampaignView {
    pub(super) fn of(stored: Stored, change: Option<Change>) -> Self {
        Self {
            id: stored.document.id.clone(),
            version: stored.campaign.version,
            status: stored.campaign.status.into(),
            kind: stored.document.kind,
            made_at: stored.made.to_rfc3339(),
            change: change.map(change_word),
            document: stored.document,
        }
    }

    fn into_response(self) -> Response {
        let etag = HeaderValue::from_str(&format!("\"{}\"", self.version));
        let mut response = Json(self).into_response();
        if let Ok(etag) = etag {
            response.headers_mut().insert(ETAG, etag);
        }
        response
    }
}

pub(super) fn change_word(change: Change) -> &'static str {
    match change {
        Change::Created => "created",
        Change::Edited => "edited",
        Change::StatusOnly => "status",
        Change::Nothing => "nothing",
    }
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionQuery {
    /// From 1. Default: the current one.
    version: Option<u32>,
}

/// Where a campaign shall stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusBody {
    /// The status.
    status: document::Status,
}

/// What putting a document would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanView {
    /// `created`, `edited`, `status` or `nothing`.
    change: &'static str,
    /// The version that is there; absent when the campaign is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<u32>,
    /// The version that would be there.
    version: u32,
    /// Field by field.
    changes: Vec<ChangeView>,
}

/// One field that would change.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct ChangeView {
    /// Where it is.
    path: String,
    /// What changes, in words.
    message: String,
    /// What it says; null: it is absent.
    #[schema(value_type = Object)]
    before: Value,
    /// What it would say; null: it would be absent.
    #[schema(value_type = Object)]
    after: Value,
}

/// One campaign.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's id"), VersionQuery),
    responses((status = 200, body = CampaignView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn show(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<VersionQuery>,
) -> Result<Response, Problem> {
    by.require(Action::ReadCatalog)?;
    let found = hall.blocking(move |shared| {
        let tenant = &by.caller.identity.tenant;
        let found = shared.engine.campaign(tenant, &campaign_id(&id)?, query.version)?;
        found.ok_or_else(|| match query.version {
            Some(version) => Problem::not_found(format!("campaign {id} has no version {version}")),
            None => unknown(&id),
        })
    });
    Ok(CampaignView::of(found.await?, None).into_response())
}

/// Make a campaign, or a new version of it. The body is JSON or TOML.
#[utoipa::path(
    put, path = "/v1/campaigns/{id}", tag = "campaigns", request_body = CampaignDocument,
    params(
        ("id" = String, Path, description = "The campaign's id"),
        ("If-Match" = Option<String>, Header, description = "The version to change, as \"3\", or *"),
        ("If-None-Match" = Option<String>, Header, description = "* for a new campaign"),
    ),
    responses((status = 200, body = CampaignView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn put(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    headers: HeaderMap,
    Document(document): Document,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    same_id(&id, &document)?;
    let expect = expected(&headers)?;
    let put = hall.blocking(move |shared| {
        let tenant = &by.caller.identity.tenant;
        Ok(shared.engine.put_campaign(tenant, document, expect, &by.who())?)
    });
    let (stored, change) = put.await?;
    Ok(CampaignView::of(stored, Some(change)).into_response())
}

/// What putting a document would change. Changes nothing.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/plan", tag = "campaigns", request_body = CampaignDocument,
    params(("id" = String, Path, description = "The campaign's id")),
    responses((status = 200, body = PlanView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn plan(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    Document(document): Document,
) -> Result<Json<PlanView>, Problem> {
    by.require(Action::WriteCatalog)?;
    same_id(&id, &document)?;
    let planned = hall.blocking(move |shared| {
        let tenant = &by.caller.identity.tenant;
        let (known, campaign) = shared.engine.plan_campaign(tenant, &document)?;
        plan_of(known, document, campaign.version)
    });
    Ok(Json(planned.await?))
}

/// Pause, resume or end a campaign; the next request on every connection hears it.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/status", tag = "campaigns", request_body = StatusBody,
    params(
        ("id" = String, Path, description = "The campaign's id"),
        ("If-Match" = Option<String>, Header, description = "The version that must be there"),
    ),
    responses((status = 200, body = CampaignView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn put_status(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<StatusBody>,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    let is_stated = headers.contains_key(axum::http::header::IF_MATCH);
    let expect = if is_stated { expected(&headers)? } else { Expect::Any };
    let put = hall.blocking(move |shared| {
        let (tenant, who) = (&by.caller.identity.tenant, by.who());
        let campaign = campaign_id(&id)?;
        let put = shared.engine.put_status(tenant, &campaign, body.status.into(), expect, &who)?;
        put.ok_or_else(|| unknown(&id))
    });
    Ok(CampaignView::of(put.await?, Some(Change::StatusOnly)).into_response())
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no campaign {id}"))
}

fn same_id(id: &str, document: &CampaignDocument) -> Result<(), Problem> {
    if document.id == id {
        return Ok(());
    }
    let mut mistake = field("id", format!("is {:?}, but the address says {id:?}", document.id));
    mistake.suggestion = Some(id.to_owned());
    Err(Problem::invalid(vec![mistake]))
}

fn plan_of(
    known: Option<Stored>,
    mut document: CampaignDocument,
    next: u32,
) -> Result<PlanView, Problem> {
    let Some(known) = known else {
        let changes = Vec::new();
        return Ok(PlanView { change: "created", current_version: None, version: next, changes });
    };
    if known.document.kind != document.kind {
        return Err(Problem::field("kind", "cannot be changed: codes of the old kind are in use"));
    }
    // What a document does not say of its status stays.
    document.status = document.status.or(known.document.status);
    let json = |document: &CampaignDocument| {
        serde_json::to_value(document).map_err(|error| Problem::internal(&error))
    };
    let mut changes = Vec::new();
    difference("", &json(&known.document)?, &json(&document)?, &mut changes);
    let current = known.campaign.version;
    let (change, version) = match changes.as_slice() {
        [] => ("nothing", current),
        [only] if only.path == "status" => ("status", current),
        _ => ("edited", next),
    };
    Ok(PlanView { change, current_version: Some(current), version, changes })
}

/// Every field that differs. Lists are compared as wholes: their order counts.
fn difference(path: &str, before: &Value, after: &Value, changes: &mut Vec<ChangeView>) {
    if before == after {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        let message = match (before, after) {
            (Value::Null, after) => format!("would be {after}"),
            (before, Value::Null) => format!("is {before}, would be absent"),
            (before, after) => format!("is {before}, would be {after}"),
        };
        let (before, after) = (before.clone(), after.clone());
        return changes.push(ChangeView { path: path.to_owned(), message, before, after });
    };
    let added = new.keys().filter(|name| !old.contains_key(*name));
    for name in old.keys().chain(added) {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let value = |object: &serde_json::Map<String, Value>| object.get(name).cloned();
        let (old, new) = (value(old).unwrap_or_default(), value(new).unwrap_or_default());
        difference(&inner, &old, &new, changes);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_told_field_by_field() {
        let before = json!({"id": "a", "uses": 1, "texts": {"name": {"en": "A"}}, "labels": [1]});
        let after =
            json!({"id": "a", "texts": {"name": {"en": "B"}}, "labels": [1, 2], "zone": "UTC"});
        let mut changes = Vec::new();
        difference("", &before, &after, &mut changes);
        let told: Vec<String> =
            changes.iter().map(|c| format!("{}: {}", c.path, c.message)).collect();
        assert_eq!(
            told,
            [
                "labels: is [1], would be [1,2]",
                "texts.name.en: is \"A\", would be \"B\"",
                "uses: is 1, would be absent",
                "zone: would be \"UTC\"",
            ]
        );
        changes.clear();
        difference("", &before, &before, &mut changes);
        assert_eq!(changes, []);
    }
}
