//! Batches, and their codes as a stream.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::body::{Path, Query};
use super::caller::By;
use super::code_list::{YesNo, code_filter};
use super::event_view::{BatchView, exported_cells};
use super::from_json::campaign_id;
use super::lines::{LineFormat, Lines};
use super::problem::{Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::{Batch, CodeFilter};
use crate::server::Shared;

/// Which batches.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BatchesQuery {
    /// Only those of this campaign.
    campaign: Option<String>,
}

/// How to write the codes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// `ndjson`, `csv` or `text`. Default `ndjson`.
    #[param(inline)]
    format: Option<LineFormat>,
    /// Only codes that are paid, or that are not.
    #[param(inline)]
    paid: Option<YesNo>,
    /// Only codes of which a use is in force, or none.
    #[param(inline)]
    redeemed: Option<YesNo>,
}

/// The columns of an export.
const COLUMNS: [&str; 8] =
    ["code", "campaign", "state", "paid_at", "holder", "used", "max", "balance"];

/// The last line of NDJSON.
#[derive(Serialize)]
struct Done {
    done: bool,
    batch: u32,
    count: u64,
}

/// Codes that were issued together.
#[utoipa::path(
    get, path = "/v1/batches", tag = "codes", params(BatchesQuery),
    responses((status = 200, body = Vec<BatchView>), (status = "4XX", body = ProblemView))
)]
pub(super) async fn batches(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Query(query): Query<BatchesQuery>,
) -> Result<Json<Vec<BatchView>>, Problem> {
    by.require(Action::ReadCatalog)?;
    let all = hall.blocking(move |shared| {
        let campaign = query.campaign.as_deref().map(campaign_id).transpose()?;
        Ok(shared.engine.batches(&by.caller.identity.tenant, campaign.as_ref())?)
    });
    Ok(Json(all.await?.iter().map(BatchView::of).collect()))
}

/// The codes of a batch with where they stand. Whoever reads them can redeem them, so it is noted
/// in the audit log.
#[utoipa::path(
    get, path = "/v1/batches/{number}/codes", tag = "codes",
    params(("number" = u32, Path, description = "The batch's number"), ExportQuery),
    responses(
        (status = 200, description = "The codes, line by line", content_type = "application/x-ndjson", body = String),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn codes(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(number): Path<u32>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    let (lines, response) = Lines::open(&hall, query.format.unwrap_or_default())?;
    let found = hall.blocking(move |shared| {
        let batches = shared.engine.batches(&by.caller.identity.tenant, None)?;
        let batch = batches.into_iter().find(|batch| batch.number == number);
        let batch =
            batch.ok_or_else(|| Problem::not_found(format!("there is no batch {number}")))?;
        shared.engine.audit(&by.who(), format!("batch {number}: export {} codes", batch.stored))?;
        Ok(batch)
    });
    let batch = found.await?;
    let filter = code_filter(query.paid, query.redeemed);
    let shared = Arc::clone(&hall.shared);
    hall.shared.tasks.spawn_blocking(move || write(&shared, &batch, filter, lines));
    Ok(response)
}

fn write(shared: &Shared, batch: &Batch, filter: CodeFilter, mut lines: Lines) {
    let mut count = 0;
    let mut gone = false;
    lines.header(&COLUMNS);
    let exported = shared.engine.export(batch, filter, |code| {
        gone = lines.row(&COLUMNS, &exported_cells(&code)).is_err();
        count += 1;
        if gone || shared.draining.is_cancelled() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    match exported {
        Ok(()) if gone => {}
        Ok(()) if shared.draining.is_cancelled() => lines.fail(&Problem::draining()),
        Ok(()) => lines.finish(&Done { done: true, batch: batch.number, count }),
        Err(error) => lines.fail(&error.into()),
    }
}
