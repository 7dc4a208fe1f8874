//! Tokens: who may come in over HTTP and QUIC without a certificate.

use std::sync::Arc;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Path};
use super::caller::By;
use super::event_view::rfc3339_of_ms;
use super::from_json::{Length, tenant_id};
use super::problem::{Kind, Problem, ProblemView, field};
use super::{Hall, Of};
use crate::auth::caller::{CallerId, Identity, Name};
use crate::auth::role::{Action, Role};
use crate::auth::token::TokenRecord;

/// What a new token grants.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenBody {
    /// How people call its bearer.
    #[schema(example = "scanner-17")]
    name: String,
    /// `gate`, `checkout`, `office`, `admin`, `monitor` or `public`.
    #[schema(example = "gate")]
    role: String,
    /// The only property that its requests may name.
    property: Option<String>,
    /// The only gate that its requests may name.
    gate: Option<String>,
    /// Whose codes it sees. Default: the caller's tenant.
    tenant: Option<String>,
    /// How long it is good. Default: for ever.
    #[schema(example = "365days")]
    expires_in: Option<Length>,
}

/// A token, without its text.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenView {
    /// Its id, by which it is revoked.
    id: String,
    /// How people call its bearer.
    name: String,
    /// Its role.
    role: &'static str,
    /// Whose codes it sees.
    tenant: String,
    /// The only property that its requests may name.
    #[serde(skip_serializing_if = "Option::is_none")]
    property: Option<String>,
    /// The only gate that its requests may name.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<String>,
    /// When it was made.
    created_at: String,
    /// From when on it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// Its text: shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl TokenView {
    fn of(record: &TokenRecord, token: Option<String>) -> Self {
        let identity = &record.identity;
        Self {
            id: record.id().to_string(),
            name: identity.name.to_string(),
            role: identity.role.as_str(),
            tenant: identity.tenant.to_string(),
            property: identity.property().map(str::to_owned),
            gate: identity.gate.as_ref().map(ToString::to_string),
            created_at: rfc3339_of_ms(record.created_ms),
            expires_at: record.expires_ms.map(rfc3339_of_ms),
            revoked_at: record.revoked_ms.map(rfc3339_of_ms),
            token,
        }
    }
}

/// All tokens of the tenant, oldest first, without their texts.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens",
    responses((status = 200, body = Vec<TokenView>), (status = "4XX", body = ProblemView))
)]
pub(super) async fn list(Of(hall): Of<Arc<Hall>>, by: By) -> Result<Json<Vec<TokenView>>, Problem> {
    by.require(Action::Tokens)?;
    let records = hall.shared.access.list(&by.caller.identity.tenant);
    Ok(Json(records.iter().map(|record| TokenView::of(record, None)).collect()))
}

/// Make a token. Its text is shown this once.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens", request_body = TokenBody,
    responses((status = 200, body = TokenView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn create(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Body(body): Body<TokenBody>,
) -> Result<Json<TokenView>, Problem> {
    by.require(Action::Tokens)?;
    let identity = identity_of(&by, &body)?;
    let lasts_ms =
        body.expires_in.as_ref().map(|length| length.any_ms("expires_in")).transpose()?;
    let now_ms = hall.shared.engine.now().0;
    let expires_ms = lasts_ms.map(|ms| now_ms.saturating_add(ms));
    let made = hall.blocking(move |shared| {
        let (text, record) = shared.access.mint(identity, expires_ms)?;
        let what = format!("token {}: made for {}", record.id(), record.identity.urn());
        shared.engine.audit(&by.who(), what)?;
        Ok(TokenView::of(&record, Some(text)))
    });
    Ok(Json(made.await?))
}

/// Take a token back; it is refused from the next request on.
#[utoipa::path(
    delete, path = "/v1/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 200, body = TokenView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn revoke(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
) -> Result<Json<TokenView>, Problem> {
    by.require(Action::Tokens)?;
    let unknown = || {
        Problem::new(Kind::NotFound, "there is no token with this id")
            .hint("give the id that the list of tokens shows, not the token itself")
    };
    let caller = CallerId::parse(&id).ok_or_else(unknown)?;
    let revoked = hall.blocking(move |shared| {
        let record = shared.access.revoke(&by.caller.identity.tenant, caller)?;
        let record = record.ok_or_else(unknown)?;
        shared.engine.audit(&by.who(), format!("token {caller}: revoked"))?;
        Ok(TokenView::of(&record, None))
    });
    Ok(Json(revoked.await?))
}

fn identity_of(by: &By, body: &TokenBody) -> Result<Identity, Problem> {
    let mut mistakes = Vec::new();
    let mut name = |path: &str, text: &str| {
        Name::parse(text).map_err(|error| mistakes.push(field(path, error.to_string()))).ok()
    };
    let bearer = name("name", &body.name);
    let property = body.property.as_deref().and_then(|text| name("property", text));
    let gate = body.gate.as_deref().and_then(|text| name("gate", text));
    let role = body.role.parse::<Role>();
    let role = role.map_err(|error| mistakes.push(field("role", error.to_string()))).ok();
    let tenant = match &body.tenant {
        None => Some(by.caller.identity.tenant.clone()),
        Some(text) => {
            tenant_id(text).map_err(|message| mistakes.push(field("tenant", message))).ok()
        }
    };
    match (tenant, role, bearer) {
        (Some(tenant), Some(role), Some(bearer)) if mistakes.is_empty() => {
            let properties = property.into_iter().collect();
            Ok(Identity { properties, gate, ..Identity::new(tenant, role, bearer) })
        }
        _ => Err(Problem::invalid(mistakes)),
    }
}
