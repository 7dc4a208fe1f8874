//! Generating codes, as a stream.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::IntoParams;

use super::body::{Path, Query, key_text};
use super::caller::By;
use super::from_json::{IssueWish, campaign_id, issue_order, request_id};
use super::lines::{LineFormat, Lines};
use super::problem::{Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::{Generation, IssueError, IssueOrder};
use crate::server::Shared;

/// How many codes, and what they have in common.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct GenerateQuery {
    /// 1 to 100,000,000.
    count: u64,
    /// `ndjson`, `csv` or `text`. Default `ndjson`.
    #[param(inline)]
    format: Option<LineFormat>,
    /// What people call the batch.
    label: Option<String>,
    /// When they were paid.
    paid_at: Option<String>,
    /// Their number of uses, where it is not the campaign's.
    uses: Option<u64>,
    /// Their starting balance, where it is not the campaign's.
    balance: Option<String>,
    /// Their first day or moment, where it is not the campaign's.
    valid_from: Option<String>,
    /// Their last day, or the first moment after, where it is not the campaign's.
    valid_until: Option<String>,
}

/// The last line of NDJSON.
#[derive(Serialize)]
struct Done {
    done: bool,
    batch: u32,
    count: u64,
}

/// Generate codes. Each is durable before it is sent; repeated with the same Idempotency-Key, the
/// request gives the same codes again and goes on where it stopped. The header `Jeton-Batch` names
/// the batch.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/codes:generate", tag = "codes",
    params(
        ("id" = String, Path, description = "The campaign's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it resumable"),
        GenerateQuery,
    ),
    responses(
        (status = 200, description = "The codes, line by line", content_type = "application/x-ndjson", body = String),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn generate(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<GenerateQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    let request = key_text(&headers)?.map(request_id);
    let (lines, mut response) = Lines::open(&hall, query.format.unwrap_or_default())?;
    let (begun, begins) = oneshot::channel();
    let shared = Arc::clone(&hall.shared);
    hall.shared.tasks.spawn_blocking(move || {
        let wish = IssueWish {
            label: query.label,
            paid_at: query.paid_at,
            uses: query.uses,
            balance: query.balance,
            valid_from: query.valid_from,
            valid_until: query.valid_until,
        };
        let order = order_of(&shared, &by, &id, &wish, request);
        let tenant = &by.caller.identity.tenant;
        let generation = order.and_then(|order| {
            Ok(shared.engine.generate(tenant, &order, query.count, &by.who())?)
        });
        match generation {
            Ok(generation) => {
                // Who has gone already is noticed at the first piece.
                let _gone = begun.send(Ok(generation.batch()));
                write(&shared, generation, lines);
            }
            Err(problem) => {
                // Who has gone needs no answer.
                let _gone = begun.send(Err(problem));
            }
        }
    });
    let batch = begins.await.map_err(|error| Problem::internal(&error))??;
    response.headers_mut().insert("jeton-batch", HeaderValue::from(batch));
    Ok(response)
}

/// The order for codes of a campaign.
pub(super) fn order_of(
    shared: &Shared,
    by: &By,
    id: &str,
    wish: &IssueWish,
    request: Option<crate::engine::RequestId>,
) -> Result<IssueOrder, Problem> {
    let tenant = &by.caller.identity.tenant;
    let stored = shared.engine.campaign(tenant, &campaign_id(id)?, None)?;
    let stored = stored.ok_or_else(|| Problem::not_found(format!("there is no campaign {id}")))?;
    issue_order(wish, &stored.campaign, request)
}

fn write(shared: &Shared, mut generation: Generation<'_>, mut lines: Lines) {
    let (batch, count) = (generation.batch(), generation.wanted());
    lines.header(&["code"]);
    loop {
        if shared.draining.is_cancelled() {
            return lines.fail(&Problem::draining());
        }
        let mut gone = false;
        let made = generation.next_block(|code| gone |= lines.code(code).is_err());
        match made {
            Ok(0) => return lines.finish(&Done { done: true, batch, count }),
            Ok(_) if gone || lines.flush().is_err() => return,
            Ok(_) => {}
            Err(error) => return lines.fail(&failed(error)),
        }
    }
}

fn failed(error: IssueError) -> Problem {
    Problem::from(error).hint("repeat the request with the same Idempotency-Key: it goes on there")
}
