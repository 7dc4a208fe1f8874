//! Signing in and out: a name and a password become a session, whose secret lives in a cookie.
//!
//! Whatever is wrong with a name or a password, the answer is the same and takes the same time; how
//! often that may happen is limited by name and by address.

use std::sync::Arc;

use axum::Json;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::{By, COOKIE_NAME, Stranger, too_many};
use super::event_view::rfc3339_of_ms;
use super::problem::{Kind, Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::caller::Caller;
use crate::auth::guess::GuessKey;
use crate::auth::password::check_password;
use crate::auth::role::Action;
use crate::auth::session::{SESSION_MS, SignedIn};
use crate::server::access::{Access, Begun, Turn};

/// When to come back after too many signed in at once.
const CROWDED_RETRY_MS: u64 = 2_000;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInBody {
    /// Whose user. Default: the only tenant that has one of this name.
    tenant: Option<String>,
    /// The user's name, in any case.
    #[schema(example = "anna")]
    name: String,
    /// The password.
    password: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordBody {
    /// The password until now.
    old: String,
    /// The password from now on: 10 to 256 characters, not the name.
    new: String,
}

/// Who has signed in, and what she may do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionView {
    /// The name.
    name: String,
    /// Whose codes are seen.
    tenant: String,
    /// The role.
    role: &'static str,
    /// The only properties that requests may name and that are seen; empty: all.
    properties: Vec<String>,
    /// The user's language, two letters; absent: the browser's.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// What every request that changes something must carry as `X-CSRF-Token`; absent with a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
    /// When the session, or the token, ends; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// What may be done: `validate`, `redeem`, `hold`, `issue`, `status`, `read_catalog`,
    /// `write_catalog`, `tokens`, `metrics`, `events`.
    may: Vec<&'static str>,
}

impl SessionView {
    fn of(caller: &Caller, who: Option<&SignedIn>) -> Self {
        let identity = &caller.identity;
        let language = who.and_then(|who| who.user.language);
        Self {
            name: identity.name.to_string(),
            tenant: identity.tenant.to_string(),
            role: identity.role.as_str(),
            properties: identity.properties.iter().map(ToString::to_string).collect(),
            language: language.map(|language| language.to_string()),
            csrf: who.map(|who| who.csrf.text()),
            expires_at: caller.expires_ms.map(rfc3339_of_ms),
            may: Action::ALL
                .into_iter()
                .filter(|action| caller.may(*action))
                .map(Action::as_str)
                .collect(),
        }
    }
}

/// Sign in: a session begins, in a cookie that lasts twelve hours.
#[utoipa::path(
    post, path = "/v1/session", tag = "people", request_body = SignInBody, security(()),
    responses(
        (status = 200, body = SessionView, headers(("Set-Cookie" = String))),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn sign_in(
    Of(hall): Of<Arc<Hall>>,
    stranger: Stranger,
    headers: HeaderMap,
    Body(body): Body<SignInBody>,
) -> Result<Response, Problem> {
    let SignInBody { tenant, name, password } = body;
    let keys = Keys::of(&name, &stranger);
    let turn = turn(&hall, &keys).await?;
    let begun = hall.blocking(move |shared| {
        let _turn = turn;
        Ok(shared.access.sign_in(tenant.as_deref(), &name, &password)?)
    });
    match begun.await? {
        Some(begun) => {
            tracing::info!(urn = begun.who.caller.identity.urn(), "signed in");
            Ok(welcome(&hall, &headers, &begun))
        }
        None => {
            tracing::info!(address = ?stranger.address, "a name or password was wrong");
            Err(wrong(&hall.shared.access, &keys))
        }
    }
}

/// Who has signed in.
#[utoipa::path(
    get, path = "/v1/session", tag = "people",
    responses((status = 200, body = SessionView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn show(by: By) -> Json<SessionView> {
    Json(SessionView::of(&by.caller, by.session.as_ref()))
}

/// Sign out: the session is over on all nodes.
#[utoipa::path(
    delete, path = "/v1/session", tag = "people",
    responses((status = 204), (status = "4XX", body = ProblemView))
)]
pub(super) async fn sign_out(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session = signed_in(&by)?.session;
    hall.blocking(move |shared| Ok(shared.access.sign_out(session)?)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, &hall, &headers, "", 0);
    Ok(response)
}

/// Change the own password. All other sessions of the user end, and this one goes on as a new one.
#[utoipa::path(
    put, path = "/v1/session/password", tag = "people", request_body = PasswordBody,
    responses(
        (status = 200, body = SessionView, headers(("Set-Cookie" = String))),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn change_password(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<PasswordBody>,
) -> Result<Response, Problem> {
    let who = signed_in(&by)?.clone();
    let PasswordBody { old, new } = body;
    let name = who.caller.identity.name.clone();
    check_password(&name, &new).map_err(|fault| Problem::field("new", fault.to_string()))?;
    let keys = Keys(vec![Access::sign_in_key(name.as_str())]);
    let turn = turn(&hall, &keys).await?;
    let begun = hall.blocking(move |shared| {
        let _turn = turn;
        let begun = shared.access.change_password(&who, &old, &new)?;
        if begun.is_some() {
            shared.engine.audit(&by.who(), format!("user {name}: own password changed"))?;
        }
        Ok(begun)
    });
    match begun.await? {
        Some(begun) => Ok(welcome(&hall, &headers, &begun)),
        None => Err(wrong(&hall.shared.access, &keys)),
    }
}

/// The session that a request came in.
fn signed_in(by: &By) -> Result<&SignedIn, Problem> {
    by.session.as_ref().ok_or_else(|| {
        Problem::not_found("a caller with a token has no session")
            .hint("revoke the token to end its use")
    })
}

/// Whose budgets a wrong password is taken from.
struct Keys(Vec<GuessKey>);

impl Keys {
    fn of(name: &str, stranger: &Stranger) -> Self {
        let address = stranger.address.map(GuessKey::sign_in_from);
        Self([Some(Access::sign_in_key(name)), address].into_iter().flatten().collect())
    }

    fn check(&self, access: &Access) -> Result<(), Problem> {
        for key in &self.0 {
            let Err(throttled) = access.check(*key) else { continue };
            count("throttled");
            let (what, hint) = if matches!(key, GuessKey::SignIn(_)) {
                (
                    "too many wrong passwords for this name",
                    "wait, or let an administrator set a new password: jeton user password NAME",
                )
            } else {
                (
                    "too many wrong names or passwords from this address",
                    "wait, or sign in from another address",
                )
            };
            return Err(too_many(what, throttled).hint(hint));
        }
        Ok(())
    }
}

/// Waits for the right to compare a password: not for who has guessed too often.
pub(super) async fn hashing(hall: &Hall) -> Result<Turn, Problem> {
    hall.shared.access.turn().await.ok_or_else(|| {
        Problem::new(Kind::Unavailable, "too many people sign in at once")
            .hint("try again in a moment")
            .retry_after_ms(CROWDED_RETRY_MS)
    })
}

async fn turn(hall: &Hall, keys: &Keys) -> Result<Turn, Problem> {
    let access = &hall.shared.access;
    keys.check(access)?;
    let turn = hashing(hall).await?;
    // Many may have come at once, before the first of them was found to be wrong.
    keys.check(access)?;
    Ok(turn)
}

fn wrong(access: &Access, keys: &Keys) -> Problem {
    access.miss_all(&keys.0, None);
    count("no");
    Problem::new(Kind::Unauthenticated, "the name or the password is wrong")
        .hint("an administrator can set a new password: jeton user password NAME")
}

fn count(result: &'static str) {
    metrics::counter!("jeton_sign_ins_total", "result" => result).increment(1);
}

fn welcome(hall: &Hall, headers: &HeaderMap, begun: &Begun) -> Response {
    count("yes");
    let view = SessionView::of(&begun.who.caller, Some(&begun.who));
    let mut response = Json(view).into_response();
    set_cookie(&mut response, hall, headers, &begun.text, SESSION_MS / 1_000);
    response
}

/// Sets the cookie for this host alone; not for scripts, nor for requests from elsewhere.
fn set_cookie(
    response: &mut Response,
    hall: &Hall,
    headers: &HeaderMap,
    text: &str,
    lasts_seconds: i64,
) {
    // A proxy in front may speak TLS for us. Who lies here only harms herself.
    let forwarded = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let secure = if hall.is_tls || forwarded { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE_NAME}={text}; Path=/; HttpOnly; SameSite=Strict; Max-Age={lasts_seconds}{secure}"
    );
    // Prefix, digits and words: always a header.
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}
