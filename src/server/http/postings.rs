//! Giving back what history shows: it names postings, since the ids of the requests that made them
//! are the callers' own.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{Body, Path};
use super::caller::By;
use super::from_json::{deadline, request_id};
use super::problem::{Problem, ProblemView};
use super::verbs::{answer, decide, key, refuse};
use super::views::AnswerView;
use super::{Hall, Of};
use crate::auth::hex;
use crate::auth::role::Action;
use crate::domain::id::PostingId;
use crate::domain::refusal::{Reason, Refusal};
use crate::engine::{About, Engine, Note, Verb};

/// How much of a posting.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PostingPartBody {
    /// How much of its `size`. Default: all of it.
    part: Option<u64>,
    /// The language of a refusal's text.
    language: Option<String>,
}

/// Give back a hold or a redemption that history shows, all or part. Its `posting` is what events
/// name. Who did it is noted in the audit log.
#[utoipa::path(
    post, path = "/v1/postings/{posting}/release", tag = "verbs", request_body = PostingPartBody,
    params(
        ("posting" = String, Path, description = "The posting, 32 hexadecimal digits"),
        ("Idempotency-Key" = String, Header, description = "The id of this release"),
    ),
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn release(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(posting): Path<String>,
    headers: HeaderMap,
    Body(body): Body<PostingPartBody>,
) -> Result<Response, Problem> {
    by.require(Action::Hold)?;
    by.require(Action::Events)?;
    let id = request_id(key(&headers)?);
    let size = match body.part {
        Some(0) => return Err(Problem::field("part", "must be more than 0; leave it out for all")),
        part => part.unwrap_or(0),
    };
    let stated = body.language.as_deref();
    let Some(own) = own(&hall, &by, hex::decode(&posting).map(PostingId)).await? else {
        let unknown = Refusal::new(Reason::RedemptionNotFound);
        return Ok(refuse(&hall, &by, &headers, stated, unknown).await);
    };
    // History tells where it was made, and not who sat at a page later.
    let (who, what) = (by.who(), format!("posting {posting}: release"));
    hall.blocking(move |shared| Ok(shared.engine.audit(&who, what)?)).await?;
    let now = hall.shared.engine.now();
    let about = About { tenant: &by.caller.identity.tenant, id, now, deadline: deadline(now) };
    let prepare = |engine: &Engine| engine.release_posting(about, own, size);
    let verdict = decide(&hall, &by, Verb::Release, prepare).await;
    let mut told = answer(&by, &headers, stated, &verdict);
    if let AnswerView::Yes(yes) = &mut told {
        yes.id = None;
    }
    Ok(told.into_response())
}

/// The posting, if it is the caller's to see.
async fn own(
    hall: &Arc<Hall>,
    by: &By,
    posting: Option<PostingId>,
) -> Result<Option<PostingId>, Problem> {
    let Some(posting) = posting else { return Ok(None) };
    let found = hall.blocking(move |shared| Ok(shared.engine.ledger().receipt(&posting)?));
    let Some(receipt) = found.await? else { return Ok(None) };
    let note = Note::of(&receipt.note);
    let is_own = note.tenant.as_deref() == Some(by.caller.identity.tenant.as_str());
    Ok(Some(posting).filter(|_| is_own && by.sees(note.property.as_deref())))
}
