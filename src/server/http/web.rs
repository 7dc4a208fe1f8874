//! The web pages: files that are part of the program, and the schema that the pages' forms follow.
//!
//! It deliberately knows nothing of what the pages show: they ask `/v1` like anybody else.
//!
//! Invariants: an address under the version of all files together never changes its content, so it
//! is kept for ever; everything else is asked again with its `ETag`. The pages load nothing from
//! other hosts, and run no script and no style but files of this folder.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Hall;
use super::body::Path;
use super::problem::{Kind, Problem};
use crate::engine::document;

/// What the pages may do: nothing but what comes from here.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; object-src 'none'; \
                      require-trusted-types-for 'script'";

/// For an address whose content never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// For an address whose content changes with the program.
const ASK_AGAIN: &str = "no-cache";

/// Smaller files do not gain from compression.
const GZIP_FROM_BYTES: usize = 1_024;

/// The file that is served as `/`.
const SHELL: &str = "index.html";

#[derive(rust_embed::RustEmbed)]
#[folder = "src/server/http/web/"]
struct Files;

/// All files, ready to be sent.
struct Site {
    /// Changes when any file does.
    version: String,
    files: HashMap<String, File>,
}

/// One file.
struct File {
    media_type: &'static str,
    plain: Content,
    gzip: Option<Content>,
}

/// One form of a file.
struct Content {
    bytes: Bytes,
    etag: HeaderValue,
}

static SITE: LazyLock<Site> = LazyLock::new(Site::read);

pub(super) fn routes() -> Router<Arc<Hall>> {
    Router::new().route("/", get(shell)).route("/ui/{*path}", get(asset))
}

/// The JSON Schema of campaign files, as `jeton campaign schema` prints it.
#[utoipa::path(
    get, path = "/v1/schemas/campaign", tag = "campaigns",
    responses((status = 200, description = "JSON Schema 2020-12", body = Object)),
    security(())
)]
pub(super) async fn schema() -> Response {
    static TEXT: LazyLock<Content> =
        LazyLock::new(|| Content::of(document::schema().to_string().into_bytes()));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/schema+json")),
        (ETAG, TEXT.etag.clone()),
    ];
    (headers, TEXT.bytes.clone()).into_response()
}

async fn shell(headers: HeaderMap) -> Result<Response, Problem> {
    send(SHELL, &headers, ASK_AGAIN)
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let versioned = path.split_once('/').filter(|(version, _)| *version == SITE.version);
    match versioned {
        Some((_, path)) => send(path, &headers, FOR_EVER),
        None => send(&path, &headers, ASK_AGAIN),
    }
}

fn send(path: &str, headers: &HeaderMap, caching: &'static str) -> Result<Response, Problem> {
    let file = SITE.files.get(path).ok_or_else(|| {
        Problem::new(Kind::NotFound, "the pages have no such file")
            .hint("load the page again: the service may have been renewed meanwhile")
    })?;
    let gzip = file.gzip.as_ref().filter(|_| takes_gzip(headers));
    let content = gzip.unwrap_or(&file.plain);
    let is_known = knows(headers, &content.etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let media_type = HeaderValue::from_static(file.media_type);
        ([(CONTENT_TYPE, media_type)], Body::from(content.bytes.clone())).into_response()
    };
    let told = response.headers_mut();
    if gzip.is_some() && !is_known {
        told.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    told.insert(ETAG, content.etag.clone());
    told.insert(VARY, HeaderValue::from_static("accept-encoding"));
    told.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    told.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

/// Whether the browser understands gzip. One that weighs it with 0 does not want it.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next() == Some("gzip");
        is_gzip && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Whether the browser has exactly this already.
fn knows(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let etag = etag.to_str().unwrap_or_default();
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.unwrap_or_default().split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
}

impl Site {
    fn read() -> Self {
        let mut all: Vec<(String, Vec<u8>)> = Files::iter()
            .filter_map(|path| Some((path.to_string(), Files::get(&path)?.data.into_owned())))
            .collect();
        all.sort();
        let mut hasher = blake3::Hasher::new();
        for (path, bytes) in &all {
            hasher.update(path.as_bytes()).update(&[0]);
            hasher.update(blake3::hash(bytes).as_bytes());
        }
        let version: String = hasher.finalize().to_hex().chars().take(16).collect();
        for (_, bytes) in all.iter_mut().filter(|(path, _)| path == SHELL) {
            let text = String::from_utf8_lossy(bytes);
            *bytes = text.replace("\"/ui/", &format!("\"/ui/{version}/")).into_bytes();
        }
        let files = all.into_iter().map(|(path, bytes)| {
            let media_type = media_type(&path);
            (path, File::of(media_type, bytes))
        });
        Self { version, files: files.collect() }
    }
}

impl File {
    fn of(media_type: &'static str, bytes: Vec<u8>) -> Self {
        let gzip = if bytes.len() < GZIP_FROM_BYTES { None } else { gzipped(&bytes) };
        Self { media_type, plain: Content::of(bytes), gzip: gzip.map(Content::of) }
    }
}

impl Content {
    fn of(bytes: Vec<u8>) -> Self {
        let hash = blake3::hash(&bytes).to_hex();
        let etag = HeaderValue::from_str(&format!("\"{hash}\""));
        // Hexadecimal digits in quotes are always a header's value.
        let etag = etag.unwrap_or_else(|_never| HeaderValue::from_static("\"\""));
        Self { bytes: bytes.into(), etag }
    }
}

fn gzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}
