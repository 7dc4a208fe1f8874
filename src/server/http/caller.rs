//! Who calls: the token of the `Authorization` header, and what budgets are kept for whom.
//!
//! A stranger learns that its token is not accepted, never why.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use tokio::time::Instant;

use super::Hall;
use super::problem::{Kind, Problem};
use crate::auth::caller::Caller;
use crate::auth::guess::{GuessKey, Throttled};
use crate::auth::role::{Action, Role};

/// Every answer to a public caller leaves at a multiple of this after its request came, in
/// milliseconds, whatever it says: a look-up, a rule and a miss take microseconds each, so all
/// answers take one step and tell nothing by their time.
pub(super) const PUBLIC_STEP_MS: u64 = 20;

/// A proven caller and its request's arrival.
pub(super) struct By {
    pub(super) caller: Arc<Caller>,
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
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = connection.map(|info| info.0.ip());
        let arrived = Instant::now();
        let text = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let scheme = text.and_then(|text| text.split_once(' '));
        let token = scheme.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = token else {
            return Err(Problem::new(Kind::Unauthenticated, "the request carries no token")
                .hint("send the header Authorization: Bearer jtn_…"));
        };
        match hall.shared.access.resolve(token.trim()) {
            Ok(caller) => Ok(Self { caller, address, arrived }),
            Err(denied) => Err(deny(hall, address, denied)),
        }
    }
}

/// Counts a wrong token against the address it came from.
fn deny(hall: &Hall, address: Option<IpAddr>, denied: crate::auth::caller::Denied) -> Problem {
    tracing::info!(?address, %denied, "a token was not accepted");
    if let Some(key) = address.map(GuessKey::of_ip) {
        if let Err(throttled) = hall.shared.access.check(key) {
            let (Throttled::RateLimited { retry_after_ms }
            | Throttled::LockedOut { retry_after_ms }) = throttled;
            return Problem::new(Kind::TooManyAttempts, "too many wrong tokens from this address")
                .hint("wait, then use a valid token")
                .retry_after_ms(retry_after_ms);
        }
        hall.shared.access.miss(key, None);
    }
    Problem::new(Kind::Unauthenticated, "the token is not accepted")
        .hint("ask an administrator for a new one: jeton token create")
}
