//! Single codes: where they stand, and what the office does with them. Codes are secrets, so they
//! travel in bodies.

use std::sync::Arc;

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, key_text};
use super::caller::By;
use super::event_view::{CodeView, EventView};
use super::from_json::{
    IssueWish, campaign_id, holder as holder_of, issue_order, language, request_id, rfc3339,
};
use super::problem::{Kind, Problem, ProblemView};
use super::views::{AnswerView, NoView, is_miss, throttled};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::figures::RefusedAttempt;
use crate::engine::{
    CodeChange, CodeError, ImportNews, List, ListFormat, PHOTO_BYTES_MAX, RowFault, Trial, Verb,
};
use crate::metrics::Stopwatch;
use crate::server::Shared;

/// A code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeBody {
    /// As it was typed, scanned or printed.
    code: String,
}

/// One own code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBody {
    /// The campaign it belongs to.
    campaign: String,
    /// Its text.
    #[schema(example = "SOMMER-2026")]
    code: String,
    /// The customer it is bound to.
    holder: Option<String>,
    /// A reference to the holder's picture, at most 512 bytes.
    photo: Option<String>,
    /// Its number of uses, where it is not the campaign's.
    uses: Option<u64>,
    /// Its starting balance, where it is not the campaign's.
    balance: Option<String>,
    /// Its first day or moment.
    valid_from: Option<String>,
    /// Its last day, or the first moment after.
    valid_until: Option<String>,
    /// When it was paid.
    paid_at: Option<String>,
    /// What people call its batch.
    label: Option<String>,
}

/// Which part of a code's history.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryBody {
    /// The code.
    code: String,
    /// Only what happened before this event's number.
    before: Option<u64>,
    /// At most so many, 1 to 1,000. Default 100.
    limit: Option<usize>,
}

/// Which code another one takes the place of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplaceBody {
    /// The old code.
    code: String,
    /// The new one. Default: one is generated.
    new: Option<String>,
}

/// Which medium reaches a code, too.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MediumBody {
    /// The code.
    code: String,
    /// The text of the barcode, chip or transponder.
    medium: String,
}

/// When a code was paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PaidBody {
    /// The code.
    code: String,
    /// When. Default: now.
    at: Option<String>,
}

/// Whom a code is bound to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HolderBody {
    /// The code.
    code: String,
    /// The customer; absent or empty: nobody.
    holder: Option<String>,
}

/// Which picture shows the holder.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PhotoBody {
    /// The code.
    code: String,
    /// A reference to the picture, at most 512 bytes; absent or empty: none.
    photo: Option<String>,
}

/// It was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DoneView {
    /// Always true.
    ok: bool,
    /// The batch of the new code.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<u32>,
    /// The new code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

const DONE: DoneView = DoneView { ok: true, batch: None, code: None };

/// What happened to a code, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryView {
    /// Always true.
    ok: bool,
    /// The events.
    events: Vec<EventView>,
    /// The last refused attempts to use it, newest first: at most 20 of this node, since its start.
    refused: Vec<AttemptView>,
    /// Give this as `before` to read on; absent: that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
}

/// A refused attempt to use a code.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AttemptView {
    /// When.
    at: String,
    /// What was asked.
    verb: &'static str,
    /// Why it was refused.
    reason: &'static str,
    /// At which gate.
    #[serde(skip_serializing_if = "str::is_empty")]
    gate: String,
    /// In which property.
    #[serde(skip_serializing_if = "str::is_empty")]
    property: String,
    /// Through which channel.
    #[serde(skip_serializing_if = "str::is_empty")]
    channel: String,
}

impl AttemptView {
    fn of(attempt: &RefusedAttempt) -> Self {
        let place = &attempt.place;
        Self {
            at: attempt.at.to_rfc3339(),
            verb: attempt.verb.name(),
            reason: attempt.reason.name(),
            gate: place.gate.to_string(),
            property: place.property.to_string(),
            channel: place.channel.to_string(),
        }
    }
}

/// Most events in one answer.
const HISTORY_MAX: usize = 1_000;

/// Where a code stands.
#[utoipa::path(
    post, path = "/v1/codes/lookup", tag = "codes", request_body = CodeBody,
    responses((status = 200, body = CodeView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn lookup(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<CodeBody>,
) -> Result<Response, Problem> {
    by.require(Action::Status)?;
    let watch = Stopwatch::start();
    let response = about_code(&hall, by, &headers, move |shared, by| {
        let now = shared.engine.now();
        let page = shared.engine.code_page(&by.caller.identity.tenant, &body.code, now)?;
        Ok(Json(CodeView::of(&page)).into_response())
    });
    let response = response.await;
    hall.took(Verb::Code, watch.seconds());
    response
}

/// What happened to a code.
#[utoipa::path(
    post, path = "/v1/codes/history", tag = "codes", request_body = HistoryBody,
    responses((status = 200, body = HistoryView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn history(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<HistoryBody>,
) -> Result<Response, Problem> {
    by.require(Action::Events)?;
    let most = body.limit.unwrap_or(100);
    if !(1..=HISTORY_MAX).contains(&most) {
        return Err(Problem::field("limit", format!("is outside of 1 to {HISTORY_MAX}")));
    }
    let read = move |shared: &Shared, by: &By| {
        let before = body.before.unwrap_or(u64::MAX);
        let tenant = &by.caller.identity.tenant;
        let entries = shared.engine.code_history(tenant, &body.code, before, most)?;
        let before = entries.last().filter(|_| entries.len() == most).map(|e| e.event.number);
        let seen = entries.iter().filter(|entry| by.sees_entry(entry));
        let events = seen.map(EventView::of).collect();
        let attempts = shared.engine.refused_attempts(tenant, &body.code)?;
        let seen = attempts.iter().filter(|attempt| by.sees(Some(&attempt.place.property)));
        let refused = seen.map(AttemptView::of).collect();
        Ok(Json(HistoryView { ok: true, events, refused, before }).into_response())
    };
    about_code(&hall, by, &headers, read).await
}

/// Add one own code.
#[utoipa::path(
    post, path = "/v1/codes", tag = "codes", request_body = CreateBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it repeatable")),
    responses((status = 200, body = DoneView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn create(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<CreateBody>,
) -> Result<Json<DoneView>, Problem> {
    by.require(Action::WriteCatalog)?;
    let request = key_text(&headers)?.map(request_id);
    let created = hall.blocking(move |shared| create_code(shared, &by, &body, request));
    Ok(Json(created.await?))
}

/// Block a code.
#[utoipa::path(
    post, path = "/v1/codes/revoke", tag = "codes", request_body = CodeBody,
    responses((status = 200, body = DoneView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn revoke(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<CodeBody>,
) -> Result<Response, Problem> {
    change(&hall, by, &headers, body.code, CodeChange::Revoke).await
}

/// Let a blocked code be used again.
#[utoipa::path(
    post, path = "/v1/codes/reinstate", tag = "codes", request_body = CodeBody,
    responses((status = 200, body = DoneView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn reinstate(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<CodeBody>,
) -> Result<Response, Problem> {
    change(&hall, by, &headers, body.code, CodeChange::Reinstate).await
}

/// A code was paid.
#[utoipa::path(
    post, path = "/v1/codes/paid", tag = "codes", request_body = PaidBody,
    responses((status = 200, body = DoneView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn paid(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<PaidBody>,
) -> Result<Response, Problem> {
    let at = body.at.as_deref().map(|text| rfc3339("at", text)).transpose()?;
    let at = at.unwrap_or_else(|| hall.shared.engine.now());
    change(&hall, by, &headers, body.code, CodeChange::Paid(at)).await
}

/// Bind a code to a customer, or to nobody.
#[utoipa::path(
    post, path = "/v1/codes/holder", tag = "codes", request_body = HolderBody,
    responses((status = 200, body = DoneView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn holder(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<HolderBody>,
) -> Result<Response, Problem> {
    let holder = holder_of(body.holder)?;
    change(&hall, by, &headers, body.code, CodeChange::Holder(holder)).await
}

/// Say which picture shows a code's holder, or none.
#[utoipa::path(
    post, path = "/v1/codes/photo", tag = "codes", request_body = PhotoBody,
    responses((status = 200, body = DoneView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn photo(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<PhotoBody>,
) -> Result<Response, Problem> {
    let photo = photo_of(body.photo)?;
    change(&hall, by, &headers, body.code, CodeChange::Photo(photo)).await
}

/// A reference to a picture.
pub(super) fn photo_of(text: Option<String>) -> Result<Option<String>, Problem> {
    let is_wrong = |text: &String| text.len() > PHOTO_BYTES_MAX || text.contains(char::is_control);
    if text.as_ref().is_some_and(is_wrong) {
        let what = format!("is no text of at most {PHOTO_BYTES_MAX} bytes");
        return Err(Problem::field("photo", what));
    }
    Ok(text.filter(|text| !text.is_empty()))
}

/// Let a new code take the place of a lost one, with what was left of it.
#[utoipa::path(
    post, path = "/v1/codes/replace", tag = "codes", request_body = ReplaceBody,
    responses((status = 200, body = DoneView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn replace(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<ReplaceBody>,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    about_code(&hall, by, &headers, move |shared, by| {
        let tenant = &by.caller.identity.tenant;
        let new = body.new.as_deref();
        let code = shared.engine.replace_code(tenant, &body.code, new, &by.who())?;
        Ok(Json(DoneView { code: Some(code), ..DONE }).into_response())
    })
    .await
}

/// Let a medium reach a code, too: the same uses, balance and history under another text.
#[utoipa::path(
    post, path = "/v1/codes/media", tag = "codes", request_body = MediumBody,
    responses((status = 200, body = DoneView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn link(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<MediumBody>,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    about_code(&hall, by, &headers, move |shared, by| {
        let tenant = &by.caller.identity.tenant;
        shared.engine.link_medium(tenant, &body.code, &body.medium, &by.who())?;
        Ok(Json(DONE).into_response())
    })
    .await
}

async fn change(
    hall: &Arc<Hall>,
    by: By,
    headers: &HeaderMap,
    code: String,
    change: CodeChange,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    about_code(hall, by, headers, move |shared, by| {
        shared.engine.change_code(&by.caller.identity.tenant, &code, &change, &by.who())?;
        Ok(Json(DONE).into_response())
    })
    .await
}

/// Does something with a code; a code that cannot be found is a refusal, and a guess.
pub(super) async fn about_code(
    hall: &Arc<Hall>,
    by: By,
    headers: &HeaderMap,
    work: impl FnOnce(&Shared, &By) -> Result<Response, CodeError> + Send + 'static,
) -> Result<Response, Problem> {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = language(None, accepted);
    hall.blocking(move |shared| {
        let key = by.guess_key();
        let done = match shared.access.check(key) {
            Err(limit) => Err(CodeError::Refused(throttled(limit))),
            Ok(()) => work(shared, &by),
        };
        done.or_else(|error| match error {
            CodeError::Refused(refusal) => {
                if is_miss(&refusal) {
                    shared.access.miss(key, Some(by.caller.identity.role));
                }
                let no = NoView::of(&refusal, language);
                Ok(AnswerView::No(Box::new(no)).into_response())
            }
            CodeError::NewCode(what) => Err(Problem::field("new", what)),
            CodeError::Store(error) => Err(error.into()),
            CodeError::Ledger(error) => Err(error.into()),
            CodeError::Issue(error) => Err(error.into()),
        })
    })
    .await
}

/// Takes in a list of one. It is tried first, so that a refused code leaves no empty batch behind.
fn create_code(
    shared: &Shared,
    by: &By,
    body: &CreateBody,
    request: Option<crate::engine::RequestId>,
) -> Result<DoneView, Problem> {
    let tenant = &by.caller.identity.tenant;
    let stored = shared.engine.campaign(tenant, &campaign_id(&body.campaign)?, None)?;
    let stored = stored
        .ok_or_else(|| Problem::not_found(format!("there is no campaign {}", body.campaign)))?;
    let wish = IssueWish {
        label: body.label.clone(),
        paid_at: body.paid_at.clone(),
        uses: body.uses,
        balance: body.balance.clone(),
        valid_from: body.valid_from.clone(),
        valid_until: body.valid_until.clone(),
    };
    let order = issue_order(&wish, &stored.campaign, request)?;
    let mut row = serde_json::json!({ "code": body.code });
    if let (Some(holder), Some(fields)) = (holder_of(body.holder.clone())?, row.as_object_mut()) {
        fields.insert("holder".to_owned(), holder.into());
    }
    if let (Some(photo), Some(fields)) = (photo_of(body.photo.clone())?, row.as_object_mut()) {
        fields.insert("photo".to_owned(), photo.into());
    }
    let text = row.to_string();
    let import = |trial| {
        let mut fault = None;
        let list = List { input: text.as_bytes(), format: ListFormat::Ndjson, trial };
        let imported = shared.engine.import(tenant, &order, list, &by.who(), |news| {
            if let ImportNews::Refused(row) = news {
                fault = Some(row.fault.clone());
            }
        })?;
        match fault {
            None => Ok(imported),
            Some(fault @ (RowFault::Taken | RowFault::Repeated)) if trial == Trial::Real => {
                Err(Problem::new(Kind::Conflict, fault.to_string()))
            }
            Some(fault) if trial == Trial::Real => Err(Problem::field("code", fault.to_string())),
            // A repeat of the same request finds its own code there; only the real try can tell.
            Some(RowFault::Taken) if request.is_some() => Ok(imported),
            Some(RowFault::Taken) => Err(Problem::new(Kind::Conflict, RowFault::Taken.to_string())
                .hint("look it up, or choose another code")),
            Some(fault) => Err(Problem::field("code", fault.to_string())),
        }
    };
    import(Trial::Dry)?;
    let imported = import(Trial::Real)?;
    Ok(DoneView { batch: Some(imported.batch), ..DONE })
}
