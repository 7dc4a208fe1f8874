//! Reading requests: JSON bodies, queries, paths and headers, with mistakes told as problems.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::problem::{Kind, Problem};
use crate::engine::{CampaignDocument, Expect};

/// Largest body that is read whole, in bytes: a campaign's document with long lists fits.
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if media_type(request.headers()).is_some_and(|media| !is_json(media)) {
            return Err(Problem::new(Kind::MediaType, "the body must be JSON")
                .hint("send the header Content-Type: application/json"));
        }
        let bytes = bytes_of(request).await?;
        let body = serde_json::from_slice(&bytes);
        body.map(Self).map_err(|error| Problem::new(Kind::Malformed, error.to_string()))
    }
}

/// A campaign's document, in JSON or TOML.
pub(super) struct Document(pub(super) CampaignDocument);

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let is_toml = match media_type(request.headers()) {
            None => false,
            Some(media) if is_json(media) => false,
            Some(media) if media.eq_ignore_ascii_case("application/toml") => true,
            Some(_) => {
                return Err(Problem::new(Kind::MediaType, "the body must be JSON or TOML")
                    .hint("send Content-Type: application/json or application/toml"));
            }
        };
        let bytes = bytes_of(request).await?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_wrong| Problem::new(Kind::Malformed, "the body is not UTF-8"))?;
        let document = if is_toml {
            CampaignDocument::from_toml(text)
        } else {
            CampaignDocument::from_json(text)
        };
        document.map(Self).map_err(|error| Problem::invalid(vec![error]))
    }
}

/// How much of a body that is too long is still read, in bytes: who sends it hears why only once it
/// has sent it.
const TOO_LONG_BYTES_READ: usize = 8 * BODY_BYTES_MAX;

async fn bytes_of(request: Request) -> Result<Vec<u8>, Problem> {
    let mut stream = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    let mut read = 0;
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|_cut| Problem::new(Kind::Malformed, "the body did not arrive whole"))?;
        read += chunk.len();
        if read <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&chunk);
        } else if read > TOO_LONG_BYTES_READ {
            break;
        }
    }
    if read > BODY_BYTES_MAX {
        let detail = format!("the body is longer than {BODY_BYTES_MAX} bytes");
        return Err(
            Problem::new(Kind::TooLarge, detail).hint("import long lists of codes as a stream")
        );
    }
    Ok(bytes)
}

/// The query of the address.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Problem::new(Kind::Malformed, rejection.body_text())),
        }
    }
}

/// The one variable part of the path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(rejection) => Err(Problem::new(Kind::Malformed, rejection.body_text())),
        }
    }
}

/// Longest `Idempotency-Key`, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// The text of the `Idempotency-Key` header.
///
/// # Errors
/// When it is too long, empty or no text.
pub(super) fn key_text(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim);
    match text.filter(|text| (1..=KEY_BYTES_MAX).contains(&text.len())) {
        Some(text) => Ok(Some(text)),
        None => Err(Problem::new(Kind::Malformed, "the Idempotency-Key cannot be used")
            .hint(format!("give a UUID, or 1 to {KEY_BYTES_MAX} printable ASCII characters"))),
    }
}

/// Which version the caller believes it changes: `If-Match: "3"`, `If-Match: *` or `If-None-Match:
/// *`.
///
/// # Errors
/// When it says nothing of the kind.
pub(super) fn expected(headers: &HeaderMap) -> Result<Expect, Problem> {
    let text =
        |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    if let Some(value) = text(IF_MATCH) {
        let value = value.trim();
        if value == "*" {
            return Ok(Expect::Any);
        }
        let version = value.trim_start_matches("W/").trim_matches('"').parse();
        return version.map(Expect::Version).map_err(|_wrong| {
            Problem::new(Kind::Malformed, "If-Match names no version")
                .hint("give the ETag of the campaign, such as \"3\", or *")
        });
    }
    if text(IF_NONE_MATCH).is_some_and(|value| value.trim() == "*") {
        return Ok(Expect::New);
    }
    Err(Problem::new(Kind::ExpectationMissing, "the request does not say what it changes").hint(
        "send If-None-Match: * for a new campaign, If-Match: \"<version>\" to change that version, \
         or If-Match: * to change whatever is there",
    ))
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

fn is_json(media: &str) -> bool {
    media.eq_ignore_ascii_case("application/json") || media.ends_with("+json")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn versions_are_expected_as_etags_say() {
        let expect = |name, value| expected(&headers(name, value)).map_err(|p| p.view().status);
        assert_eq!(expect("if-match", "\"3\""), Ok(Expect::Version(3)));
        assert_eq!(expect("if-match", "3"), Ok(Expect::Version(3)));
        assert_eq!(expect("if-match", "*"), Ok(Expect::Any));
        assert_eq!(expect("if-none-match", "*"), Ok(Expect::New));
        assert_eq!(expect("if-match", "\"new\""), Err(400));
        assert_eq!(expect("if-none-match", "\"3\""), Err(428));
    }

    #[test]
    fn keys_are_short_and_printable() {
        assert_eq!(key_text(&HeaderMap::new()).unwrap(), None);
        assert_eq!(key_text(&headers("idempotency-key", " a ")).unwrap(), Some("a"));
        let long = "x".repeat(KEY_BYTES_MAX + 1);
        assert_eq!(key_text(&headers("idempotency-key", &long)).unwrap_err().view().status, 400);
    }
}
