//! What is wrong with a request, as problem details of RFC 9457: what happened, and what to do
//! about it.
//!
//! A refusal is no problem: it is an answer. What the log sees and what the caller sees are two
//! texts; nothing here shows a store's or a path's name to a caller.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::figures::FiguresError;
use crate::engine::{
    BatchError, CampaignError, CatalogError, DefinitionError, Expect, ExportError, FieldError,
    IssueError, LedgerError, PruneError, SeriesError,
};
use crate::server::access::AccessError;

/// A problem, small enough to be the error of every function here.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem(Box<ProblemView>);

/// A problem, as it is told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ProblemView {
    /// A URN that names the kind of problem: `urn:jeton:problem:version-conflict`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The kind of problem, in words.
    pub(super) title: &'static str,
    /// The HTTP status.
    pub(super) status: u16,
    /// What is wrong with this request.
    pub(super) detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
    /// All mistakes in the body, each with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<FieldError>,
    /// The version that was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected_version: Option<String>,
    /// The version that is there; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) found_version: Option<u32>,
    /// Milliseconds after which it is worth trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_ms: Option<u64>,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Malformed,
    KeyMissing,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    VersionConflict,
    TooLarge,
    MediaType,
    Invalid,
    ExpectationMissing,
    TooManyAttempts,
    Internal,
    Unavailable,
}

impl Kind {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Malformed => (S::BAD_REQUEST, "malformed", "The request cannot be read"),
            Self::KeyMissing => {
                (S::BAD_REQUEST, "idempotency-key-missing", "The request needs an Idempotency-Key")
            }
            Self::Unauthenticated => {
                (S::UNAUTHORIZED, "unauthenticated", "The caller is not known")
            }
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "The caller may not do this"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "This cannot be done here")
            }
            Self::Conflict => (S::CONFLICT, "conflict", "Something stands against it"),
            Self::VersionConflict => {
                (S::PRECONDITION_FAILED, "version-conflict", "Somebody else changed it first")
            }
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::MediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body is of an unknown type")
            }
            Self::Invalid => (S::UNPROCESSABLE_ENTITY, "invalid", "The body has mistakes"),
            Self::ExpectationMissing => (
                S::PRECONDITION_REQUIRED,
                "expectation-missing",
                "The request must say which version it changes",
            ),
            Self::TooManyAttempts => {
                (S::TOO_MANY_REQUESTS, "too-many-attempts", "Too many wrong guesses")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "The service failed"),
            Self::Unavailable => {
                (S::SERVICE_UNAVAILABLE, "unavailable", "The service cannot answer now")
            }
        }
    }
}

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, name, title) = kind.parts();
        Self(Box::new(ProblemView {
            kind: format!("urn:jeton:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            hint: None,
            errors: Vec::new(),
            expected_version: None,
            found_version: None,
            retry_after_ms: None,
        }))
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(super) fn retry_after_ms(mut self, ms: u64) -> Self {
        self.0.retry_after_ms = Some(ms);
        self
    }

    /// All mistakes of a body.
    pub(super) fn invalid(errors: Vec<FieldError>) -> Self {
        let count = errors.len();
        let detail = match errors.first() {
            Some(only) if count == 1 => only.to_string(),
            _ => format!("{count} mistakes; each is listed with its place"),
        };
        let mut problem = Self::new(Kind::Invalid, detail);
        problem.0.errors = errors;
        problem
    }

    fn version_conflict(text: String, expected: Expect, found: Option<u32>) -> Self {
        let mut problem = Self::new(Kind::VersionConflict, text);
        problem.0.expected_version = Some(match expected {
            Expect::New => "none".to_owned(),
            Expect::Any => "any".to_owned(),
            Expect::Version(version) => version.to_string(),
        });
        problem.0.found_version = found;
        problem
    }

    /// One mistake at `path`.
    pub(super) fn field(path: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![field(path, message)])
    }

    pub(super) fn not_found(what: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, what).hint("what belongs to other tenants is not shown either")
    }

    /// The world failed; the log has the details.
    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request over HTTP failed");
        Self::new(Kind::Internal, "the request could not be carried out")
            .hint("repeat it with the same Idempotency-Key; the service's log says what failed")
    }

    pub(super) fn draining() -> Self {
        Self::new(Kind::Unavailable, "the service is starting or about to stop")
            .hint("repeat the request with the same id, here or at another node")
            .retry_after_ms(1_000)
    }

    /// What is told.
    pub(super) fn view(&self) -> &ProblemView {
        &self.0
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// One mistake.
pub(super) fn field(path: &str, message: impl Into<String>) -> FieldError {
    FieldError { path: path.to_owned(), message: message.into(), suggestion: None }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // A struct of texts and numbers is always JSON.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(ms) = self.0.retry_after_ms {
            headers.insert(RETRY_AFTER, retry_after(ms));
        }
        if self.0.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"jeton\""));
        }
        response
    }
}

/// `Retry-After` in whole seconds, rounded up.
pub(super) fn retry_after(ms: u64) -> HeaderValue {
    HeaderValue::from(ms.div_ceil(1_000))
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        if !error.is_transient() {
            return Self::internal(&error);
        }
        tracing::warn!(%error, "a request over HTTP could not be answered");
        Self::new(Kind::Unavailable, "the catalog cannot be asked now, or others change the same")
            .hint("look at what is there, and repeat the request with the same Idempotency-Key")
            .retry_after_ms(1_000)
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        if !error.is_transient() {
            return Self::internal(&error);
        }
        tracing::warn!(%error, "a request over HTTP could not be answered");
        Self::new(Kind::Unavailable, "the ledger cannot be asked now")
            .hint("repeat the request with the same Idempotency-Key")
            .retry_after_ms(1_000)
    }
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::Ledger(error) => error.into(),
        }
    }
}

impl From<FiguresError> for Problem {
    fn from(error: FiguresError) -> Self {
        match error {
            FiguresError::Store(error) => error.into(),
            FiguresError::Ledger(error) => error.into(),
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(error) => error.into(),
            AccessError::Taken(_) => {
                Self::new(Kind::Conflict, error.to_string()).hint("choose another name")
            }
            AccessError::Record(_) | AccessError::NoRandomness | AccessError::Hash(_) => {
                Self::internal(&error)
            }
        }
    }
}

impl From<CampaignError> for Problem {
    fn from(error: CampaignError) -> Self {
        match error {
            CampaignError::Conflict { expected, found, .. } => {
                Self::version_conflict(error.to_string(), expected, found)
                    .hint("read the campaign again, and repeat the change with the version found")
            }
            CampaignError::Invalid(errors) => Self::invalid(errors),
            CampaignError::Store(error) => error.into(),
        }
    }
}

impl From<DefinitionError> for Problem {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Conflict { expected, found, .. } => {
                Self::version_conflict(error.to_string(), expected, found)
                    .hint("read it again, and repeat the change with the version found")
            }
            DefinitionError::Invalid(errors) => Self::invalid(errors),
            DefinitionError::InUse { .. } => {
                Self::new(Kind::Conflict, error.to_string()).hint("change what names it first")
            }
            DefinitionError::Store(error) => error.into(),
        }
    }
}

impl From<PruneError> for Problem {
    fn from(error: PruneError) -> Self {
        match error {
            PruneError::Store(error) | PruneError::Batch(BatchError::Store(error)) => error.into(),
            PruneError::Batch(error) => Self::internal(&error),
            PruneError::Ledger(error) => error.into(),
        }
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        let text = error.to_string();
        match error {
            IssueError::UnknownCampaign(_) | IssueError::Removed(_) => Self::not_found(text),
            IssueError::Count(_) => Self::field("count", text),
            IssueError::NoBalance(_) => Self::field("balance", text),
            IssueError::NoPattern(_) | IssueError::Weak(_) => Self::field("codes.pattern", text),
            IssueError::Series(SeriesError::Exhausted { .. }) => {
                Self::new(Kind::Conflict, text).hint("use a pattern with more # in it")
            }
            IssueError::Batch(BatchError::RequestMismatch { .. }) => {
                Self::new(Kind::Conflict, text).hint("use a new Idempotency-Key")
            }
            IssueError::Taken(_) | IssueError::Batch(BatchError::Moved { .. }) => {
                Self::new(Kind::Conflict, text).hint("repeat the request with the same key")
            }
            IssueError::Input(_) => Self::new(Kind::Malformed, text),
            IssueError::Series(SeriesError::Store(error))
            | IssueError::Batch(BatchError::Store(error))
            | IssueError::Store(error) => error.into(),
            IssueError::Batch(_) | IssueError::NoRandomness => Self::internal(&text),
        }
    }
}
