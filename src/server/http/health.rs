//! How the process feels: for supervisors, load balancers and Prometheus.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::OptionalFromRequestParts;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::caller::By;
use super::problem::{Kind, Problem};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::NotReady;

/// How long the ledger may take to show that it can be written. A balancer asks every second.
const PROBE_MAX: Duration = Duration::from_secs(1);

pub(super) fn routes() -> Router<Arc<Hall>> {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(Of(hall): Of<Arc<Hall>>) -> Result<&'static str, Problem> {
    if !hall.shared.is_ready() {
        return Err(Problem::draining());
    }
    let probed = tokio::time::timeout(PROBE_MAX, hall.shared.engine.probe()).await;
    let why = match probed.unwrap_or(Err(NotReady::Silent)) {
        Ok(()) => return Ok("ready\n"),
        Err(why) => why,
    };
    let hint = match why {
        NotReady::Away | NotReady::Silent => "it becomes ready by itself; the log says more",
        NotReady::Poisoned => "restart the service when its disk is well; the log says more",
        NotReady::Fenced | NotReady::Replaced => "type jeton doctor; the log says more",
    };
    Err(Problem::new(Kind::Unavailable, why.to_string()).hint(hint))
}

async fn metrics(Of(hall): Of<Arc<Hall>>, by: Option<By>) -> Result<Response, Problem> {
    if !hall.metrics_open {
        let none = || Problem::new(Kind::Unauthenticated, "metrics are for callers with a token");
        by.ok_or_else(none)?.require(Action::Metrics)?;
    }
    let text = (hall.shared.metrics_text)();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn openapi(Of(hall): Of<Arc<Hall>>) -> Response {
    ([(CONTENT_TYPE, "application/json")], hall.openapi.clone()).into_response()
}

impl OptionalFromRequestParts<Arc<Hall>> for By {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        hall: &Arc<Hall>,
    ) -> Result<Option<Self>, Problem> {
        if hall.metrics_open {
            return Ok(None);
        }
        <Self as axum::extract::FromRequestParts<Arc<Hall>>>::from_request_parts(parts, hall)
            .await
            .map(Some)
    }
}
