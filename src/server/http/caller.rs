//! Who calls: the token of the `Authorization` header or the session of the cookie, and what
//! budgets are kept for whom.
//!
//! A stranger learns that its token is not accepted, never why. A browser sends the cookie with
//! whatever a page makes it ask; so a request that changes something counts only with the session's
//! csrf, which other origins' pages cannot read, and never from a page of another origin.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use tokio::time::Instant;

use super::Hall;
use super::event_view::note_of;
use super::problem::{Kind, Problem};
use crate::auth::caller::{Caller, Denied};
use crate::auth::guess::{GuessKey, Throttled};
use crate::auth::role::{Action, Role};
use crate::auth::session::SignedIn;
use crate::domain::id::RequestId;
use crate::engine::{Entry, Note};

/// Every answer to a public caller leaves at a multiple of this after its request came, in
/// milliseconds, whatever it says: a look-up, a rule and a miss take microseconds each, so all
/// answers take one step and tell nothing by their time.
pub(super) const PUBLIC_STEP_MS: u64 = 20;

/// The cookie that carries a session.
pub(super) const COOKIE_NAME: &str = "jeton_session";

/// The header that carries a session's csrf.
pub(super) const CSRF_HEADER: &str = "x-csrf-token";

/// How a browser says whose page asks.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// A proven caller and its request's arrival.
pub(super) struct By {
    pub(super) caller: Arc<Caller>,
    /// Absent: a token proved it.
    pub(super) session: Option<SignedIn>,
    address: Option<IpAddr>,
    arrived: Instant,
}

impl By {
    /// # Errors
    /// 403 when the caller's role does not allow `action`.
    pub(super) fn require(&self, action: Action) -> Result<(), Problem> {
        if self.caller.may(action) {
            return Ok(());
        }
        let role = self.caller.identity.role;
        if role.may(action) {
            return Err(Problem::new(
                Kind::Forbidden,
                "this concerns all properties, and the caller has only some",
            )
            .hint("let somebody do it who has all properties"));
        }
        let may: Vec<&str> =
            Role::ALL.into_iter().filter(|role| role.may(action)).map(Role::as_str).collect();
        Err(Problem::new(Kind::Forbidden, format!("the role {role} may not do this"))
            .hint(format!("use a token with one of the roles {}", may.join(", "))))
    }

    /// What audit logs call the caller: `tenant/role/name`.
    pub(super) fn who(&self) -> String {
        let identity = &self.caller.identity;
        format!("{}/{}/{}", identity.tenant, identity.role, identity.name)
    }

    /// Whose budget wrong codes are taken from. A public token is in the hands of all visitors of a
    /// web page, so there it is the visitor's address, or one visitor could lock out all.
    pub(super) fn guess_key(&self) -> GuessKey {
        match (self.is_public(), self.address) {
            (true, Some(address)) => GuessKey::of_ip(address),
            _ => GuessKey::Caller(self.caller.id),
        }
    }

    /// Whether the caller may see what happened in this property.
    pub(super) fn sees(&self, property: Option<&str>) -> bool {
        self.caller.identity.sees(property)
    }

    /// Whether the caller may see this event.
    pub(super) fn sees_entry(&self, entry: &Entry) -> bool {
        self.caller.identity.properties.is_empty()
            || note_of(entry).is_some_and(|note| self.sees(note.property.as_deref()))
    }

    /// # Errors
    /// 403 when the caller may not speak for this property or gate.
    pub(super) fn require_place(
        &self,
        property: Option<&str>,
        gate: Option<&str>,
    ) -> Result<(), Problem> {
        if self.caller.may_speak_for(property, gate) {
            return Ok(());
        }
        let identity = &self.caller.identity;
        let hint = match (identity.property(), &identity.gate) {
            (None, None) => {
                let own: Vec<&str> = identity.properties.iter().map(|own| own.as_str()).collect();
                format!("name one of these as order.property: {}", own.join(", "))
            }
            _ => "leave out order.property and order.gate: the token says them".to_owned(),
        };
        Err(Problem::new(Kind::Forbidden, "the caller is for another property or gate").hint(hint))
    }

    /// Whether the caller, if it has only some properties, may see and settle the request `id`. One
    /// that is unknown is nobody's.
    ///
    /// # Errors
    /// 403 when it was made in another property.
    pub(super) async fn require_request(
        &self,
        hall: &Arc<Hall>,
        id: RequestId,
    ) -> Result<(), Problem> {
        if self.caller.identity.properties.is_empty() {
            return Ok(());
        }
        let caller = Arc::clone(&self.caller);
        let found = hall.blocking(move |shared| {
            let identity = &caller.identity;
            let found = shared.engine.request_receipt(&identity.tenant, id)?;
            Ok(found
                .is_none_or(|receipt| identity.sees(Note::of(&receipt.note).property.as_deref())))
        });
        if found.await? {
            return Ok(());
        }
        Err(Problem::new(Kind::Forbidden, "the request was made in another property")
            .hint("let somebody do it who may act there"))
    }

    /// Whether the caller may still be answered: for streams, which outlive the check at their
    /// beginning.
    pub(super) fn is_in_force(&self, hall: &Hall) -> bool {
        match &self.session {
            Some(who) => hall.shared.access.is_session_in_force(who.session),
            None => self.caller.is_valid_at(hall.shared.engine.now().0),
        }
    }

    pub(super) fn is_public(&self) -> bool {
        !self.caller.tells_reasons()
    }

    /// Waits, for a public caller, until an answer may leave.
    pub(super) async fn wait_for_step(&self) {
        if self.is_public() {
            let step = Duration::from_millis(PUBLIC_STEP_MS);
            let steps = self.arrived.elapsed().as_millis() / u128::from(PUBLIC_STEP_MS) + 1;
            let steps = u32::try_from(steps).unwrap_or(u32::MAX);
            tokio::time::sleep_until(self.arrived + step.saturating_mul(steps)).await;
        }
    }
}

impl FromRequestParts<Arc<Hall>> for By {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        hall: &Arc<Hall>,
    ) -> Result<Self, Self::Rejection> {
        let address = address_of(parts);
        let arrived = Instant::now();
        let text = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let scheme = text.and_then(|text| text.split_once(' '));
        let token = scheme.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if let Some((_, token)) = token {
            return match hall.shared.access.resolve(token.trim()) {
                Ok(caller) => Ok(Self { caller, session: None, address, arrived }),
                Err(denied) => Err(deny(hall, address, denied)),
            };
        }
        let Some(text) = cookie(&parts.headers) else {
            return Err(Problem::new(Kind::Unauthenticated, "the request carries no token")
                .hint("send the header Authorization: Bearer jtn_…, or sign in"));
        };
        let who = hall.shared.access.session(text).map_err(|denied| {
            tracing::debug!(?address, %denied, "a session was not accepted");
            Problem::new(Kind::Unauthenticated, "the session is over").hint("sign in again")
        })?;
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            check_own_page(&parts.headers, &parts.uri)?;
            let csrf = parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
            if !csrf.is_some_and(|csrf| who.csrf.is(csrf)) {
                return Err(Problem::new(
                    Kind::Forbidden,
                    "the request does not carry the session's X-CSRF-Token",
                )
                .hint("send the csrf that GET /v1/session tells in the header X-CSRF-Token"));
            }
        }
        Ok(Self { caller: Arc::clone(&who.caller), session: Some(who), address, arrived })
    }
}

/// Somebody who is not known yet: where the request came from.
pub(super) struct Stranger {
    pub(super) address: Option<IpAddr>,
}

impl FromRequestParts<Arc<Hall>> for Stranger {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        _hall: &Arc<Hall>,
    ) -> Result<Self, Self::Rejection> {
        check_own_page(&parts.headers, &parts.uri)?;
        Ok(Self { address: address_of(parts) })
    }
}

fn address_of(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

/// The session's text in the cookies.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == COOKIE_NAME).map(|(_, value)| value.trim())
}

/// Refuses what a page of another origin made a browser ask. Who is no browser says nothing of
/// origins, and is not refused.
///
/// # Errors
/// 403.
fn check_own_page(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_own = match (headers.get(SEC_FETCH_SITE), headers.get(ORIGIN)) {
        // What the browser judged itself holds behind a proxy that renames the host, too.
        (Some(site), _) => matches!(site.as_bytes(), b"same-origin" | b"none"),
        (None, Some(_)) => {
            let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
            let host = text(HOST).or_else(|| uri.authority().map(Authority::as_str));
            origin.zip(host).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host))
        }
        (None, None) => true,
    };
    if is_own {
        return Ok(());
    }
    Err(Problem::new(Kind::Forbidden, "the request comes from a page of another origin")
        .hint("open the pages under the address that the service is called by"))
}

/// Counts a wrong token against the address it came from.
fn deny(hall: &Hall, address: Option<IpAddr>, denied: Denied) -> Problem {
    tracing::info!(?address, %denied, "a token was not accepted");
    if let Some(key) = address.map(GuessKey::of_ip) {
        if let Err(throttled) = hall.shared.access.check(key) {
            return too_many("too many wrong tokens from this address", throttled)
                .hint("wait, then use a valid token");
        }
        hall.shared.access.miss(key, None);
    }
    Problem::new(Kind::Unauthenticated, "the token is not accepted")
        .hint("ask an administrator for a new one: jeton token create")
}

/// Who guesses too often is told how long to wait.
pub(super) fn too_many(detail: &str, throttled: Throttled) -> Problem {
    let (Throttled::RateLimited { retry_after_ms } | Throttled::LockedOut { retry_after_ms }) =
        throttled;
    Problem::new(Kind::TooManyAttempts, detail).retry_after_ms(retry_after_ms)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let found = |pairs: &[(&'static str, &str)]| cookie(&headers(pairs)).map(str::to_owned);
        assert_eq!(found(&[("cookie", "a=b; jeton_session=jts_1")]).unwrap(), "jts_1");
        assert_eq!(
            found(&[("cookie", "a=b"), ("cookie", "jeton_session=jts_2;c")]).unwrap(),
            "jts_2"
        );
        for none in ["", "a=b", "jeton_session", "xjeton_session=1", "a=jeton_session=1"] {
            assert_eq!(found(&[("cookie", none)]), None, "{none}");
        }
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let check = |pairs: &[(&'static str, &str)]| {
            check_own_page(&headers(pairs), &Uri::from_static("/v1/session")).is_ok()
        };
        let host = ("host", "park.example:7412");
        assert!(check(&[host]), "no browser");
        assert!(check(&[host, ("origin", "https://park.example:7412")]));
        for foreign in ["https://park.example", "https://evil.example:7412", "null", ""] {
            assert!(!check(&[host, ("origin", foreign)]), "{foreign}");
        }
        assert!(!check(&[("origin", "https://park.example:7412")]), "which host is meant?");
        let behind_proxy = ("origin", "https://tickets.example");
        assert!(check(&[host, behind_proxy, ("sec-fetch-site", "same-origin")]));
        for site in ["cross-site", "same-site", "", "SAME-ORIGIN"] {
            assert!(!check(&[host, ("sec-fetch-site", site)]), "{site}");
        }
        let uri = Uri::from_static("https://park.example/v1/session");
        let h2 = headers(&[("origin", "https://park.example")]);
        assert!(check_own_page(&h2, &uri).is_ok(), "HTTP/2 names the host in the address");
    }
}
