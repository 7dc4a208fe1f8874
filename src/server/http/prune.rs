//! Removing unused codes of campaigns that are over, told as a stream: there may be millions.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::By;
use super::lines::{LineFormat, Lines};
use super::problem::{Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::{Pruned, Trial};

/// Whether to remove anything.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PruneBody {
    /// Only say what would be removed. Default false.
    #[serde(default)]
    dry_run: bool,
}

/// One campaign's codes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PrunedView<'a> {
    /// The campaign.
    campaign: &'a str,
    /// Codes that were removed, or would be.
    removed: u64,
    /// Codes that stay because they were used.
    kept_used: u64,
    /// Codes that stay because they are valid longer than their campaign.
    kept_valid: u64,
}

/// The last line.
#[derive(Debug, Default, Serialize)]
struct Done {
    done: bool,
    dry_run: bool,
    removed: u64,
    kept_used: u64,
    kept_valid: u64,
}

/// Remove the unused codes of campaigns that ended longer ago than their retention: one line of
/// NDJSON for each campaign, and a last one with the sums.
#[utoipa::path(
    post, path = "/v1/codes/prune", tag = "codes", request_body = PruneBody,
    responses(
        (status = 200, description = "What was removed", content_type = "application/x-ndjson", body = String),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn prune(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Body(body): Body<PruneBody>,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    let (mut lines, response) = Lines::open(&hall, LineFormat::Ndjson)?;
    let shared = Arc::clone(&hall.shared);
    hall.shared.tasks.spawn_blocking(move || {
        let trial = if body.dry_run { Trial::Dry } else { Trial::Real };
        let mut sum = Done { done: true, dry_run: body.dry_run, ..Done::default() };
        let tell = |pruned: &Pruned| {
            sum.removed += pruned.removed;
            sum.kept_used += pruned.used;
            sum.kept_valid += pruned.valid;
            let line = PrunedView {
                campaign: pruned.campaign.as_str(),
                removed: pruned.removed,
                kept_used: pruned.used,
                kept_valid: pruned.valid,
            };
            let is_gone = lines.json(&line).is_err() || lines.flush().is_err();
            if is_gone || shared.draining.is_cancelled() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let pruned = shared.engine.prune(&by.caller.identity.tenant, trial, &by.who(), tell);
        match pruned {
            Ok(()) if shared.draining.is_cancelled() => lines.fail(&Problem::draining()),
            Ok(()) => lines.finish(&sum),
            Err(error) => lines.fail(&error.into()),
        }
    });
    Ok(response)
}
