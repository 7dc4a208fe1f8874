//! The HTTP door `/v1`: JSON for offices, web shops and the command line.
//!
//! Handlers read a request, ask the engine, and write the answer; what JSON means is in
//! `from_json`, how answers look is in `views`. It deliberately knows nothing of rules or storage.
//!
//! Invariants: a refusal is `200` with `"ok": false`; a broken request is a problem of RFC 9457; a
//! caller reaches its own tenant only; no code's text is in an address, a log line or a metric.

mod body;
mod caller;
mod campaign_list;
mod campaigns;
mod code_list;
mod codes;
mod definitions;
mod event_view;
mod events;
mod explanation_view;
mod export;
mod figures;
mod from_json;
mod generate;
mod guard;
mod health;
mod import;
mod issue;
mod lines;
mod live;
mod postings;
mod problem;
mod prune;
mod purses;
mod serve;
mod session;
mod tokens;
mod users;
mod verbs;
mod views;
mod web;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::State as Of;
use axum::middleware;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;
use crate::engine::Verb;
use crate::metrics::Latency;
use problem::Problem;

pub use serve::{Door, HttpError, Options, Pem};

/// Most streams at once: each generation, import, export and listener of events holds one.
const STREAMS_MAX: usize = 256;

/// What all handlers share.
struct Hall {
    shared: Arc<Shared>,
    metrics_open: bool,
    is_tls: bool,
    import_bytes_max: u64,
    openapi: Bytes,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    latencies: [&'static Latency; Verb::ALL.len()],
}

impl Hall {
    /// Does what blocks on a thread for that, and lets a drain wait for it.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Shared) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let hall = Arc::clone(self);
        let done = self.shared.tasks.spawn_blocking(move || work(&hall.shared));
        done.await.map_err(|error| Problem::internal(&error))?
    }

    fn took(&self, verb: Verb, seconds: f64) {
        if let Some(latency) = self.latencies.get(verb as usize) {
            latency.record(seconds);
        }
    }
}

/// All routes, with their limits.
pub fn router(shared: Arc<Shared>, options: &Options) -> Router {
    let (routes, openapi) = routes().split_for_parts();
    let hall = Arc::new(Hall {
        shared,
        metrics_open: options.metrics_open,
        is_tls: options.tls.is_some(),
        import_bytes_max: options.import_bytes_max,
        // A document of texts and maps is always JSON.
        openapi: serde_json::to_vec(&openapi).unwrap_or_default().into(),
        requests: Arc::new(Semaphore::new(options.concurrent_max)),
        streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        latencies: Verb::ALL.map(|verb| Latency::of("http", verb.name())),
    });
    routes
        .layer(middleware::from_fn_with_state(Arc::clone(&hall), guard::admit))
        .merge(health::routes())
        .merge(web::routes())
        .fallback(guard::unknown_path)
        .method_not_allowed_fallback(guard::unknown_method)
        .layer(DefaultBodyLimit::max(body::BODY_BYTES_MAX))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(middleware::map_response(guard::secure))
        .with_state(hall)
}

/// The description of all routes, OpenAPI 3.1.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Arc<Hall>> {
    OpenApiRouter::with_openapi(head())
        .routes(routes!(verbs::validate))
        .routes(routes!(verbs::redeem))
        .routes(routes!(verbs::hold))
        .routes(routes!(verbs::confirm))
        .routes(routes!(verbs::extend))
        .routes(routes!(verbs::release))
        .routes(routes!(postings::release))
        .routes(routes!(verbs::status))
        .routes(routes!(web::schema))
        .routes(routes!(campaign_list::list))
        .routes(routes!(campaigns::show, campaigns::put))
        .routes(routes!(campaigns::plan))
        .routes(routes!(campaigns::put_status))
        .routes(routes!(definitions::accounts::list))
        .routes(routes!(
            definitions::accounts::show,
            definitions::accounts::put,
            definitions::accounts::remove
        ))
        .routes(routes!(definitions::groups::list))
        .routes(routes!(
            definitions::groups::show,
            definitions::groups::put,
            definitions::groups::remove
        ))
        .routes(routes!(definitions::slots::list, definitions::put_slots))
        .routes(routes!(
            definitions::slots::show,
            definitions::slots::put,
            definitions::slots::remove
        ))
        .routes(routes!(definitions::show_policy, definitions::put_policy))
        .routes(routes!(generate::generate))
        .routes(routes!(issue::issue))
        .routes(routes!(import::import))
        .routes(routes!(export::batches))
        .routes(routes!(export::codes))
        .routes(routes!(code_list::list))
        .routes(routes!(codes::create))
        .routes(routes!(codes::lookup))
        .routes(routes!(codes::history))
        .routes(routes!(codes::revoke))
        .routes(routes!(codes::reinstate))
        .routes(routes!(codes::replace))
        .routes(routes!(codes::link))
        .routes(routes!(codes::paid))
        .routes(routes!(codes::holder))
        .routes(routes!(codes::photo))
        .routes(routes!(prune::prune))
        .routes(routes!(purses::top_up))
        .routes(routes!(purses::transfer))
        .routes(routes!(purses::lookup))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(session::sign_in, session::show, session::sign_out))
        .routes(routes!(session::change_password))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::change, users::remove))
        .routes(routes!(events::list))
        .routes(routes!(events::stream))
        .routes(routes!(events::audit))
        .routes(routes!(figures::show))
        .routes(routes!(figures::campaign))
        .routes(routes!(figures::rebuild))
        .routes(routes!(live::live))
}

fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("jeton")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "May this code be used now, for this, and what is it worth? Refusals are answers: 200 with \
             \"ok\": false. Broken requests are problems (RFC 9457).",
        ))
        .build();
    let mut components = Components::new();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token: jtn_ and 64 hexadecimal digits"))
        .build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    let cookie = ApiKeyValue::with_description(
        caller::COOKIE_NAME,
        "A session, which POST /v1/session begins; what changes something needs X-CSRF-Token too",
    );
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let needed = ["token", "session"].map(|name| SecurityRequirement::new(name, [] as [String; 0]));
    OpenApiBuilder::new().info(info).components(Some(components)).security(Some(needed)).build()
}
