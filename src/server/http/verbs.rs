//! The verbs, as web shops and gates without QUIC use them.
//!
//! Each reads the request, asks the engine, and tells the verdict; guessing and timing are watched
//! in one place.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::response::{IntoResponse, Response};

use super::body::{Body, Path, key_text};
use super::caller::By;
use super::event_view::EventView;
use super::from_json::{AskBody, ExtendBody, PartBody, deadline, language, part_minor, request_id};
use super::problem::{Kind, Problem, ProblemView};
use super::views::{AnswerView, Audience, is_miss, throttled};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::{About, Ask, Counts, Engine, Prepared, Verb, Verdict};
use crate::metrics::Stopwatch;

/// Ask; changes nothing.
#[utoipa::path(
    post, path = "/v1/validate", tag = "verbs", request_body = AskBody,
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn validate(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<AskBody>,
) -> Result<Response, Problem> {
    by.require(Action::Validate)?;
    let ask = ask_of(&hall, &by, &body, Verb::Validate)?;
    let counts = if body.exact { Counts::Exact } else { Counts::Known };
    let prepare = |engine: &Engine| engine.validate(&ask, counts, deadline(ask.now));
    let verdict = decide(&hall, &by, Verb::Validate, prepare).await;
    Ok(tell(&by, &headers, body.language.as_deref(), &verdict).await)
}

/// Use: hold and confirm in one step.
#[utoipa::path(
    post, path = "/v1/redeem", tag = "verbs", request_body = AskBody,
    params(("Idempotency-Key" = String, Header, description = "The id of the redemption")),
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn redeem(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<AskBody>,
) -> Result<Response, Problem> {
    by.require(Action::Redeem)?;
    let id = request_id(key(&headers)?);
    let ask = ask_of(&hall, &by, &body, Verb::Redeem)?;
    let prepare = |engine: &Engine| engine.redeem(&ask, id, deadline(ask.now));
    let verdict = decide(&hall, &by, Verb::Redeem, prepare).await;
    Ok(tell(&by, &headers, body.language.as_deref(), &verdict).await)
}

/// Take capacity for a while.
#[utoipa::path(
    post, path = "/v1/hold", tag = "verbs", request_body = AskBody,
    params(("Idempotency-Key" = String, Header, description = "The id of the hold")),
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn hold(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<AskBody>,
) -> Result<Response, Problem> {
    by.require(Action::Hold)?;
    let id = request_id(key(&headers)?);
    let ttl_ms = body.ttl.as_ref().map(|ttl| ttl.ms("ttl")).transpose()?.unwrap_or(0);
    let ask = ask_of(&hall, &by, &body, Verb::Hold)?;
    let prepare = |engine: &Engine| engine.hold(&ask, id, ttl_ms, deadline(ask.now));
    let verdict = decide(&hall, &by, Verb::Hold, prepare).await;
    Ok(tell(&by, &headers, body.language.as_deref(), &verdict).await)
}

/// Turn a hold into a redemption; what is not confirmed is released.
#[utoipa::path(
    post, path = "/v1/holds/{id}/confirm", tag = "verbs", request_body = PartBody,
    params(("id" = String, Path, description = "The hold's id")),
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn confirm(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<PartBody>,
) -> Result<Response, Problem> {
    by.require(Action::Hold)?;
    let size = size_of(&hall, &by, &id, &body).await?;
    let about = about(&hall, &by, &id);
    let verdict = decide(&hall, &by, Verb::Confirm, |engine| engine.confirm(about, size)).await;
    Ok(tell(&by, &headers, body.language.as_deref(), &verdict).await)
}

/// Let a hold end later, or earlier.
#[utoipa::path(
    post, path = "/v1/holds/{id}/extend", tag = "verbs", request_body = ExtendBody,
    params(("id" = String, Path, description = "The hold's id")),
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn extend(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<ExtendBody>,
) -> Result<Response, Problem> {
    by.require(Action::Hold)?;
    let ttl_ms = body.ttl.ms("ttl")?;
    let about = about(&hall, &by, &id);
    let verdict = decide(&hall, &by, Verb::Extend, |engine| engine.extend(about, ttl_ms)).await;
    Ok(tell(&by, &headers, body.language.as_deref(), &verdict).await)
}

/// Give back a hold or a redemption, all or part.
#[utoipa::path(
    post, path = "/v1/redemptions/{id}/release", tag = "verbs", request_body = PartBody,
    params(
        ("id" = String, Path, description = "The id of the hold or redemption"),
        ("Idempotency-Key" = String, Header, description = "The id of this release"),
    ),
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn release(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<PartBody>,
) -> Result<Response, Problem> {
    by.require(Action::Hold)?;
    let release_id = request_id(key(&headers)?);
    let size = size_of(&hall, &by, &id, &body).await?;
    let about = about(&hall, &by, &id);
    let prepare = |engine: &Engine| engine.release(about, release_id, size);
    let verdict = decide(&hall, &by, Verb::Release, prepare).await;
    Ok(tell(&by, &headers, body.language.as_deref(), &verdict).await)
}

/// Where a hold or redemption stands, and what happened to it.
#[utoipa::path(
    get, path = "/v1/requests/{id}", tag = "verbs",
    params(("id" = String, Path, description = "The id of the hold or redemption")),
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn status(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    by.require(Action::Status)?;
    let about = about(&hall, &by, &id);
    let verdict = decide(&hall, &by, Verb::Status, |engine| engine.status(about)).await;
    let mut answer = answer(&by, &headers, None, &verdict);
    if let AnswerView::Yes(yes) = &mut answer {
        let caller = Arc::clone(&by.caller);
        let id = request_id(&id);
        let history = hall.blocking(move |shared| {
            Ok(shared.engine.request_history(&caller.identity.tenant, id)?)
        });
        let entries = history.await?.map(|(_, entries)| entries).unwrap_or_default();
        yes.events = Some(entries.iter().map(EventView::of).collect());
    }
    Ok(answer.into_response())
}

/// The request's id.
fn key(headers: &HeaderMap) -> Result<&str, Problem> {
    key_text(headers)?.ok_or_else(|| {
        Problem::new(Kind::KeyMissing, "without an id, a repeat could do it twice").hint(
            "send the header Idempotency-Key with an id that you make before the first try, a UUIDv7 \
             for instance, and keep it for repeats",
        )
    })
}

fn ask_of<'a>(hall: &Hall, by: &'a By, body: &'a AskBody, verb: Verb) -> Result<Ask<'a>, Problem> {
    if body.ttl.is_some() && verb != Verb::Hold {
        return Err(Problem::field("ttl", "is for holds only"));
    }
    if body.exact && verb != Verb::Validate {
        return Err(Problem::field("exact", "is for validations only: this always is"));
    }
    let (property, gate) = (body.order.property.as_deref(), body.order.gate.as_deref());
    if !by.caller.may_speak_for(property, gate) {
        return Err(Problem::new(Kind::Forbidden, "the token is for another property or gate")
            .hint("leave out order.property and order.gate: the token says them"));
    }
    body.ask(&by.caller, hall.shared.engine.now())
}

fn about<'a>(hall: &Hall, by: &'a By, id: &str) -> About<'a> {
    let now = hall.shared.engine.now();
    let tenant = &by.caller.identity.tenant;
    About { tenant, id: request_id(id), now, deadline: deadline(now) }
}

/// The part that a body asks for, in units of the posting's size; zero for all.
async fn size_of(hall: &Arc<Hall>, by: &By, id: &str, body: &PartBody) -> Result<u64, Problem> {
    match (body.part, &body.part_amount) {
        (None, None) => Ok(0),
        (Some(0), _) => Err(Problem::field("part", "must be more than 0; leave it out for all")),
        (Some(part), None) => Ok(part),
        (Some(_), Some(_)) => Err(Problem::field("part", "give either part or part_amount")),
        (None, Some(amount)) => {
            let (caller, id) = (Arc::clone(&by.caller), request_id(id));
            let found = hall.blocking(move |shared| {
                Ok(shared.engine.request_history(&caller.identity.tenant, id)?)
            });
            let Some((receipt, _)) = found.await? else { return Ok(0) };
            let note = crate::engine::Note::of(&receipt.note);
            let is_money = note.uses.iter().all(|used| used.worth_minor.is_none());
            let currency = note.currency.as_deref().filter(|_| is_money);
            part_minor(amount, currency)
        }
    }
}

/// Asks the engine, unless the caller has guessed too often.
async fn decide(
    hall: &Hall,
    by: &By,
    verb: Verb,
    prepare: impl FnOnce(&Engine) -> Prepared,
) -> Verdict {
    let watch = Stopwatch::start();
    let (engine, access) = (&hall.shared.engine, &hall.shared.access);
    let key = by.guess_key();
    if let Err(limit) = access.check(key) {
        return Err(throttled(limit));
    }
    let prepared = prepare(engine);
    let verdict = engine.carry_out(prepared).await;
    if let Err(refusal) = &verdict {
        // Every "no" to the public costs the same, or being throttled would tell which of them was
        // a miss.
        if by.is_public() || is_miss(refusal) {
            access.miss(key, Some(by.caller.identity.role));
        }
    }
    hall.took(verb, watch.seconds());
    verdict
}

fn answer(by: &By, headers: &HeaderMap, stated: Option<&str>, verdict: &Verdict) -> AnswerView {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let audience = if by.is_public() { Audience::Public } else { Audience::Trusted };
    AnswerView::of(verdict, language(stated, accepted), audience)
}

async fn tell(by: &By, headers: &HeaderMap, stated: Option<&str>, verdict: &Verdict) -> Response {
    let response = answer(by, headers, stated, verdict).into_response();
    by.wait_for_step().await;
    response
}
