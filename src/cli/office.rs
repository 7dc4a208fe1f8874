//! The HTTP door, as the office's commands use it.
//!
//! Says what the server says: a problem's title, detail and hint become the error's text.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde_json::Value;
use ureq::http::{Method, Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body, SendBody};

use super::output::{Ended, Exit};
use super::place::Place;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer that is not a stream may take.
const ANSWER: Duration = Duration::from_secs(60);

/// Longest answer that is no stream, in bytes: a list of everything a tenant has.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// An office that speaks to a server.
pub(super) struct Office {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// A request's body.
pub(super) enum Content {
    Nothing,
    Json(Value),
    Stream(Box<dyn Read + Send>),
}

impl Office {
    pub(super) fn new(place: &Place<'_>) -> anyhow::Result<Self> {
        Self::connect(place, Some(place.token()?))
    }

    /// For what anybody may ask.
    pub(super) fn anonymous(place: &Place<'_>) -> anyhow::Result<Self> {
        Self::connect(place, None)
    }

    fn connect(place: &Place<'_>, token: Option<String>) -> anyhow::Result<Self> {
        let roots = match place.authority()? {
            Some(pem) => {
                let certificate = Certificate::from_pem(pem.as_bytes())
                    .context("the authority's certificate cannot be read")?;
                RootCerts::Specific(Arc::new(vec![certificate]))
            }
            None => RootCerts::WebPki,
        };
        let tls = TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(roots).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("jeton/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.new_agent(), url: place.url(), token })
    }

    /// Asks and reads the whole answer.
    pub(super) fn ask(
        &self,
        method: Method,
        path: &str,
        content: Content,
    ) -> anyhow::Result<Value> {
        self.ask_with(method, path, content, &[])
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, Content::Nothing)
    }

    /// Asks for a page that is no document. What it says does not matter, only that it is there.
    pub(super) fn see(&self, path: &str) -> anyhow::Result<()> {
        self.send(Method::GET, path, Content::Nothing, &[], Some(ANSWER)).map(|_| ())
    }

    /// What is at a path; nothing, where the server has nothing there.
    pub(super) fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let response = self.run(Method::GET, path, Content::Nothing, &[], Some(ANSWER))?;
        if response.status().as_u16() == 404 {
            return Ok(None);
        }
        Ok(Some(document(&mut checked(response)?)?))
    }

    pub(super) fn post(&self, path: &str, document: Value) -> anyhow::Result<Value> {
        self.ask(Method::POST, path, Content::Json(document))
    }

    pub(super) fn ask_with(
        &self,
        method: Method,
        path: &str,
        content: Content,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        document(&mut self.send(method, path, content, headers, Some(ANSWER))?)
    }

    /// Asks for a stream and gives its reader.
    pub(super) fn stream(
        &self,
        method: Method,
        path: &str,
        content: Content,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<impl Read + use<>> {
        let response = self.send(method, path, content, headers, None)?;
        Ok(response.into_body().into_with_config().limit(u64::MAX).reader())
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        content: Content,
        headers: &[(&str, &str)],
        most: Option<Duration>,
    ) -> anyhow::Result<Response<Body>> {
        checked(self.run(method, path, content, headers, most)?)
    }

    fn run(
        &self,
        method: Method,
        path: &str,
        content: Content,
        headers: &[(&str, &str)],
        most: Option<Duration>,
    ) -> anyhow::Result<Response<Body>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (body, kind) = match content {
            Content::Nothing => (SendBody::none(), None),
            Content::Json(document) => {
                let text = std::io::Cursor::new(document.to_string().into_bytes());
                (SendBody::from_owned_reader(text), Some("application/json"))
            }
            Content::Stream(reader) => {
                (SendBody::from_owned_reader(reader), Some("application/octet-stream"))
            }
        };
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let request = request.body(body).context("the request cannot be written down")?;
        let request = self.agent.configure_request(request).timeout_global(most).build();
        self.agent.run(request).map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &ureq::Error) -> anyhow::Error {
        anyhow!("{} cannot be asked: {error}; is jeton serve running there?", self.url)
    }
}

/// A response that is a yes; what a no says, as an error.
fn checked(mut response: Response<Body>) -> anyhow::Result<Response<Body>> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let problem = text(&mut response).ok().and_then(|text| serde_json::from_str(&text).ok());
    Err(problem_error(status, &problem.unwrap_or_default()))
}

fn document(response: &mut Response<Body>) -> anyhow::Result<Value> {
    let text = text(response)?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).context("the server's answer is no JSON")
}

fn text(response: &mut Response<Body>) -> anyhow::Result<String> {
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    body.read_to_string().context("the server's answer cannot be read")
}

/// What a problem document says, as an error. The server understood and said no: [`Exit::Refused`].
fn problem_error(status: u16, problem: &Value) -> anyhow::Error {
    let part = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    let (title, detail, hint) = (part("title"), part("detail"), part("hint"));
    let mut text = match (title, detail) {
        ("", "") => format!("the server answered with status {status}"),
        (title, "") => title.to_owned(),
        ("", detail) => detail.to_owned(),
        (title, detail) => format!("{title}: {detail}"),
    };
    for mistake in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        text.push_str("\n  ");
        text.push_str(&mistake_text(mistake));
    }
    if !hint.is_empty() {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    let exit = match status {
        404 | 409 | 412 | 422 => Exit::Refused,
        400 | 413 | 415 => Exit::WrongUse,
        _ => Exit::Error,
    };
    Ended { exit, text }.into()
}

/// A mistake in one field: where, what, what was probably meant.
pub(super) fn mistake_text(mistake: &Value) -> String {
    let part = |name: &str| mistake.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
    let mut text = part("path").map_or_else(String::new, |path| format!("{path}: "));
    match part("message") {
        Some(message) => text.push_str(message),
        None => text.push_str(&mistake.to_string()),
    }
    if let Some(meant) = part("suggestion") {
        text.extend([" (did you mean ", meant, "?)"]);
    }
    text
}

/// A text as one segment of a path or one value of a query.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_everything_it_knows() {
        let problem = serde_json::json!({
            "title": "The document has mistakes", "status": 422, "detail": "2 of them",
            "hint": "see the schema",
            "errors": [
                {"path": "effects[0].percent", "message": "is above 100", "suggestion": "100"},
                {"path": "", "message": "has no kind"},
            ],
        });
        let error = problem_error(422, &problem);
        let expected = "The document has mistakes: 2 of them\n  \
             effects[0].percent: is above 100 (did you mean 100?)\n  has no kind\n\
             hint: see the schema";
        assert_eq!(error.to_string(), expected);
        let exit = error.downcast_ref::<Ended>().map(|ended| ended.exit);
        assert_eq!(exit, Some(Exit::Refused));
    }

    #[test]
    fn an_answer_without_a_problem_still_has_a_status() {
        let error = problem_error(502, &Value::Null);
        assert_eq!(error.to_string(), "the server answered with status 502");
    }

    #[test]
    fn odd_texts_are_escaped() {
        assert_eq!(escaped("a-b_c.d~9"), "a-b_c.d~9");
        assert_eq!(escaped("a/b?c=ä"), "a%2Fb%3Fc%3D%C3%A4");
    }
}
