//! What stands before and behind every handler: admission, time-outs, panics, unknown paths,
//! security headers.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Method, Response, StatusCode, Uri, Version};
use axum::middleware::Next;
use axum::response::IntoResponse;

use super::problem::{Kind, Problem};
use super::{Hall, Of};

/// How long a request may take until its answer begins, its body included. Streams go on after
/// that.
const BEGIN_MAX: Duration = Duration::from_secs(30);

/// When to come back after there were too many requests at once.
const CROWDED_RETRY_MS: u64 = 1_000;

/// Lets a request in: not while the service starts or stops, and not too many at once.
pub(super) async fn admit(Of(hall): Of<Arc<Hall>>, request: Request, next: Next) -> Response<Body> {
    let has_body = request.version() < Version::HTTP_2 && request.method() != Method::GET;
    let mut response = admitted(&hall, request, next).await.into_response();
    if has_body && may_leave_body(response.status()) {
        // The connection ends with what was not read in it; a client that is told does not use it
        // again.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether a request may be answered with this before its body was read.
fn may_leave_body(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
    )
}

async fn admitted(hall: &Hall, request: Request, next: Next) -> Result<Response<Body>, Problem> {
    if !hall.shared.is_ready() {
        return Err(Problem::draining());
    }
    let Ok(_permit) = hall.requests.try_acquire() else {
        return Err(Problem::new(Kind::Unavailable, "there are too many requests at once")
            .hint("repeat it a little later with the same id")
            .retry_after_ms(CROWDED_RETRY_MS));
    };
    tokio::time::timeout(BEGIN_MAX, next.run(request)).await.map_err(|_late| {
        Problem::new(Kind::Unavailable, "there was no answer in time; what was asked may be done")
            .hint("repeat it with the same id: that settles it")
            .retry_after_ms(CROWDED_RETRY_MS)
    })
}

/// A handler panicked: the process goes on.
#[expect(clippy::needless_pass_by_value, reason = "the layer gives it away")]
pub(super) fn panicked(what: Box<dyn Any + Send>) -> Response<Body> {
    let text = what.downcast_ref::<&str>().copied();
    let text = text.or_else(|| what.downcast_ref::<String>().map(String::as_str));
    Problem::internal(&text.unwrap_or("a panic without words")).into_response()
}

pub(super) async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no {}", uri.path()))
        .hint("all paths are in /openapi.json")
}

pub(super) async fn unknown_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} has no {method}", uri.path());
    Problem::new(Kind::MethodNotAllowed, detail).hint("all methods are in /openapi.json")
}

/// Answers are for the caller alone, and are no web pages. A handler that serves pages says
/// otherwise itself.
pub(super) async fn secure(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
