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
use super::from_json::{
    AskBody, CreditBody, ExtendBody, PartBody, currency, deadline, language, part_minor,
    purse_amount, request_id,
};
use super::problem::{Kind, Problem, ProblemView};
use super::views::{AnswerView, Audience, CreditView, is_miss, is_throttled, throttled, value};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::domain::refusal::Refusal;
use crate::engine::{
    About, Ask, CodeError, Counts, Credit, CreditFor, Engine, Explanation, Given, Note, Prepared,
    Release, RequestId, Timestamp, Verb, Verdict,
};
use crate::metrics::Stopwatch;
use crate::server::from_wire;

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
    let now = hall.shared.engine.now();
    let ask = ask_of(&by, &body, Verb::Validate, now)?;
    let counts = if body.exact || body.dry { Counts::Exact } else { Counts::Known };
    let prepare = |engine: &Engine| engine.validate(&ask, counts, deadline(now));
    let verdict = decide(&hall, &by, Verb::Validate, prepare).await;
    if !body.explain || by.is_public() {
        return Ok(tell(&by, &headers, body.language.as_deref(), &verdict).await);
    }
    let mut answer = answer(&by, &headers, body.language.as_deref(), &verdict);
    answer.explain(explanation(&hall, &ask, &verdict).as_ref());
    Ok(answer.into_response())
}

/// Why the answer is what it is. A caller that is throttled has nothing explained, nor is there
/// anything to explain of codes that do not exist.
fn explanation(hall: &Hall, ask: &Ask<'_>, verdict: &Verdict) -> Option<Explanation> {
    if verdict.as_ref().is_err_and(|refusal| is_throttled(refusal) || is_miss(refusal)) {
        return None;
    }
    let mut explanation = hall.shared.engine.explain(ask).ok()?;
    // A share needs no currency of its own: it is of the order's.
    let stated = ask.order.currency.and_then(currency);
    explanation.campaigns.iter_mut().for_each(|one| one.currency = one.currency.or(stated));
    Some(explanation)
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
    let now = hall.shared.engine.now();
    let ask = ask_of(&by, &body, Verb::Redeem, now)?;
    let prepare = |engine: &Engine| {
        if body.dry {
            return engine.validate(&ask, Counts::Exact, deadline(now));
        }
        engine.redeem(&ask, id, deadline(now))
    };
    let verdict = decide(&hall, &by, verb_of(&body, Verb::Redeem), prepare).await;
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
    let now = hall.shared.engine.now();
    let ask = ask_of(&by, &body, Verb::Hold, now)?;
    let prepare = |engine: &Engine| {
        if body.dry {
            return engine.validate(&ask, Counts::Exact, deadline(now));
        }
        engine.hold(&ask, id, ttl_ms, deadline(now))
    };
    let verdict = decide(&hall, &by, verb_of(&body, Verb::Hold), prepare).await;
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
    if !body.codes.is_empty() {
        return Err(Problem::field("codes", "is for releases only: a hold is confirmed by parts"));
    }
    by.require_request(&hall, request_id(&id)).await?;
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
    by.require_request(&hall, request_id(&id)).await?;
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
    let codes = body.given_codes()?;
    by.require_request(&hall, request_id(&id)).await?;
    let part = if codes.is_empty() {
        Given::Size(size_of(&hall, &by, &id, &body).await?)
    } else {
        Given::Codes(&codes)
    };
    let stated = body.language.as_deref();
    let credit = match &body.credit {
        None => None,
        Some(wished) => match credit(&hall, &by, request_id(&id), release_id, wished).await? {
            Ok(credit) => Some(credit),
            Err(refusal) => return Ok(refuse(&hall, &by, &headers, stated, refusal).await),
        },
    };
    let about = about(&hall, &by, &id);
    let leg = credit.as_ref().map(|credit| credit.leg.clone());
    let release = Release { id: release_id, part, credit: leg };
    let prepare = |engine: &Engine| engine.release(about, release);
    let verdict = decide(&hall, &by, Verb::Release, prepare).await;
    let mut answer = answer(&by, &headers, stated, &verdict);
    if let (AnswerView::Yes(yes), Ok(accepted)) = (&mut answer, &verdict) {
        yes.credit = credit.zip(accepted.credited).map(|(credit, amount)| CreditView {
            code: credit.code,
            currency: credit.currency.map(|currency| currency.to_string()),
            amount: value(amount, credit.currency),
        });
    }
    Ok(answer.into_response())
}

/// Makes ready what comes with a release instead of money.
async fn credit(
    hall: &Arc<Hall>,
    by: &By,
    id: RequestId,
    release: RequestId,
    wished: &CreditBody,
) -> Result<Result<Credit, Refusal>, Problem> {
    by.require(Action::Issue)?;
    let wish = wished.wish()?;
    let (text, caller, who) = (wished.amount.clone(), Arc::clone(&by.caller), by.who());
    let made = hall.blocking(move |shared| {
        let (tenant, now) = (&caller.identity.tenant, shared.engine.now());
        let of = CreditFor { tenant, id, release, now, who: &who };
        let amount =
            |currency| purse_amount("credit.amount", &text, currency).map_err(Unmade::Problem);
        match shared.engine.credit(of, &wish, amount) {
            Ok(credit) => Ok(Ok(credit)),
            Err(Unmade::Refused(refusal)) => Ok(Err(refusal)),
            Err(Unmade::Problem(problem)) => Err(problem),
        }
    });
    made.await
}

/// Why there is no credit.
enum Unmade {
    Refused(Refusal),
    Problem(Problem),
}

impl From<CodeError> for Unmade {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Refused(refusal) => Self::Refused(refusal),
            CodeError::NewCode(what) => Self::Problem(Problem::field("credit", what)),
            CodeError::Store(error) => Self::Problem(error.into()),
            CodeError::Ledger(error) => Self::Problem(error.into()),
            CodeError::Issue(error) => Self::Problem(error.into()),
        }
    }
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
    by.require_request(&hall, request_id(&id)).await?;
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
pub(super) fn key(headers: &HeaderMap) -> Result<&str, Problem> {
    key_text(headers)?.ok_or_else(|| {
        Problem::new(Kind::KeyMissing, "without an id, a repeat could do it twice").hint(
            "send the header Idempotency-Key with an id that you make before the first try, a UUIDv7 \
             for instance, and keep it for repeats",
        )
    })
}

/// What the request is, all in all.
fn verb_of(body: &AskBody, verb: Verb) -> Verb {
    if body.dry { Verb::Validate } else { verb }
}

fn ask_of<'a>(
    by: &'a By,
    body: &'a AskBody,
    verb: Verb,
    now: Timestamp,
) -> Result<Ask<'a>, Problem> {
    if body.ttl.is_some() && verb != Verb::Hold {
        return Err(Problem::field("ttl", "is for holds only"));
    }
    if body.exact && verb != Verb::Validate {
        return Err(Problem::field("exact", "is for validations only: this always is"));
    }
    if body.now.is_some() && verb_of(body, verb) != Verb::Validate {
        return Err(Problem::field("now", "is for where nothing is changed: add \"dry\": true"));
    }
    if body.now.is_some() && !from_wire::may_choose_moment(&by.caller) {
        return Err(Problem::new(Kind::Forbidden, "the token may not ask of other moments")
            .hint("leave out now, or use a token of the role office or admin"));
    }
    if body.explain && verb != Verb::Validate {
        return Err(Problem::field("explain", "is for validations only"));
    }
    let (property, gate) = (body.order.property.as_deref(), body.order.gate.as_deref());
    by.require_place(property, gate)?;
    body.ask(&by.caller, now)
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
                Ok(shared.engine.request_receipt(&caller.identity.tenant, id)?)
            });
            let Some(receipt) = found.await? else { return Ok(0) };
            let note = Note::of(&receipt.note);
            // Of a draw, or of the whole order.
            let is_total = note.total_before_minor.and_then(|total| u64::try_from(total).ok())
                == Some(receipt.size);
            let is_draw = note.uses.iter().all(|used| used.worth_minor.is_none());
            let is_money = is_draw || is_total && receipt.size > 1;
            let currency = note.currency.as_deref().filter(|_| is_money);
            part_minor(amount, currency)
        }
    }
}

/// Asks the engine, unless the caller has guessed too often.
pub(super) async fn decide(
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

pub(super) fn answer(
    by: &By,
    headers: &HeaderMap,
    stated: Option<&str>,
    verdict: &Verdict,
) -> AnswerView {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let audience = if by.is_public() { Audience::Public } else { Audience::Trusted };
    AnswerView::of(verdict, language(stated, accepted), audience)
}

pub(super) async fn tell(
    by: &By,
    headers: &HeaderMap,
    stated: Option<&str>,
    verdict: &Verdict,
) -> Response {
    let response = answer(by, headers, stated, verdict).into_response();
    by.wait_for_step().await;
    response
}

/// Tells a refusal that was found before the engine prepared anything; a code that does not exist
/// counts as a guess.
pub(super) async fn refuse(
    hall: &Hall,
    by: &By,
    headers: &HeaderMap,
    stated: Option<&str>,
    refusal: Refusal,
) -> Response {
    let key = by.guess_key();
    let verdict = match hall.shared.access.check(key) {
        Err(limit) => Err(throttled(limit)),
        Ok(()) => {
            if is_miss(&refusal) {
                hall.shared.access.miss(key, Some(by.caller.identity.role));
            }
            Err(refusal)
        }
    };
    tell(by, headers, stated, &verdict).await
}
