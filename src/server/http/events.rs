//! What happened: read page by page, or followed as it happens; and who changed what.
//!
//! An event belongs to the tenant that its receipt names. One whose receipt has left the store is
//! for admins only.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utoipa::{IntoParams, ToSchema};

use super::body::Query;
use super::caller::By;
use super::event_view::{EventView, note_of, rfc3339_of_ms};
use super::lines::{STALL_MAX, stream_of, stream_permit};
use super::problem::{Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::{Action, Role};
use crate::engine::Entry;

/// Most events or lines in one answer, and read at once for a stream.
const PAGE_MAX: usize = 1_000;

/// How often a quiet stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long one stream lasts; its client comes again by itself, and a revoked token is found out.
const STREAM_MAX: Duration = Duration::from_secs(3_600);

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Only those after this number. Default 0: from the beginning.
    after: Option<u64>,
    /// Read at most so many, 1 to 1,000. Default 100.
    limit: Option<usize>,
}

/// Events, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventsView {
    /// The caller's own among those that were read.
    events: Vec<EventView>,
    /// Give this as `after` to read on.
    after: u64,
    /// Number of the newest event there is.
    last: u64,
}

/// Which events to follow.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FollowQuery {
    /// Begin after this number. Default: the header `Last-Event-ID`, else with the next event.
    after: Option<u64>,
}

/// Which lines of the audit log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Only those before this number. Default: the newest.
    before: Option<u64>,
    /// Read at most so many, 1 to 1,000. Default 100.
    limit: Option<usize>,
}

/// The audit log, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditView {
    /// The tenant's own among those that were read.
    entries: Vec<AuditLineView>,
    /// Give this as `before` to read on; absent: that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
}

/// Who changed what.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditLineView {
    /// Its number.
    number: u64,
    /// When.
    at: String,
    /// Who: tenant/role/name.
    who: String,
    /// What.
    what: String,
}

/// Events after a number.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(EventsQuery),
    responses((status = 200, body = EventsView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn list(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Query(query): Query<EventsQuery>,
) -> Result<Json<EventsView>, Problem> {
    by.require(Action::Events)?;
    let most = limit(query.limit)?;
    let after = query.after.unwrap_or(0);
    let last = hall.shared.engine.ledger().pulse().borrow().last_event;
    let read = hall.blocking(move |shared| {
        let entries = shared.engine.ledger().events(after, most)?;
        let after = entries.last().map_or(after, |entry| entry.event.number);
        let events = entries.iter().filter_map(|entry| own(&by, entry)).collect();
        Ok((events, after))
    });
    let (events, after) = read.await?;
    Ok(Json(EventsView { events, after, last: last.max(after) }))
}

/// Follow events as they happen (server-sent events). Each carries its number as `id`; after a
/// break, the client's `Last-Event-ID` continues without a gap.
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "events",
    params(
        FollowQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "Continue after this event"),
    ),
    responses(
        (status = 200, description = "Events", content_type = "text/event-stream", body = EventView),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn stream(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Query(query): Query<FollowQuery>,
) -> Result<Response, Problem> {
    by.require(Action::Events)?;
    let permit = stream_permit(&hall)?;
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok());
    let newest = hall.shared.engine.ledger().pulse().borrow().last_event;
    let after = last_id.or(query.after).unwrap_or(newest);
    let (sender, reading) = mpsc::channel(64);
    let tasks = hall.shared.tasks.clone();
    tasks.spawn(follow(hall, by, after, sender, permit));
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(stream_of(reading)).keep_alive(keep_alive).into_response())
}

/// Reads on whenever something new is durable, until the client goes, the server drains or the time
/// is over.
async fn follow(
    hall: Arc<Hall>,
    by: By,
    after: u64,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    _permit: OwnedSemaphorePermit,
) {
    let by = Arc::new(by);
    let reading = read_on(&hall, &by, after, &sender);
    tokio::select! {
        () = hall.shared.draining.cancelled() => {}
        () = sender.closed() => {}
        () = tokio::time::sleep(STREAM_MAX) => {}
        () = reading => {}
    }
}

async fn read_on(
    hall: &Arc<Hall>,
    by: &Arc<By>,
    mut after: u64,
    sender: &mpsc::Sender<Result<Event, Infallible>>,
) {
    let mut pulse = hall.shared.engine.ledger().pulse();
    while by.caller.is_valid_at(hall.shared.engine.now().0) {
        pulse.mark_unchanged();
        let by = Arc::clone(by);
        let read = hall.blocking(move |shared| {
            let entries = shared.engine.ledger().events(after, PAGE_MAX)?;
            let last = entries.last().map(|entry| entry.event.number);
            let events: Vec<EventView> =
                entries.iter().filter_map(|entry| own(&by, entry)).collect();
            Ok((events, last))
        });
        // What failed was logged; the client comes again.
        let Ok((events, last)) = read.await else { return };
        for view in events {
            let event = Event::default().id(view.number.to_string()).event(view.kind);
            let Ok(event) = event.json_data(&view) else { return };
            match tokio::time::timeout(STALL_MAX, sender.send(Ok(event))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
        match last {
            Some(last) => after = last,
            None if pulse.changed().await.is_err() => return,
            None => {}
        }
    }
}

/// The event, if the caller may see it.
fn own(by: &By, entry: &Entry) -> Option<EventView> {
    let identity = &by.caller.identity;
    let note = note_of(entry);
    let tenant = note.as_ref().and_then(|note| note.tenant.as_deref());
    let may = match tenant {
        Some(tenant) => tenant == identity.tenant.as_str(),
        None => identity.role == Role::Admin,
    };
    may.then(|| EventView::noted(entry, note))
}

/// Who changed what, newest first.
#[utoipa::path(
    get, path = "/v1/audit", tag = "events", params(AuditQuery),
    responses((status = 200, body = AuditView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn audit(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditView>, Problem> {
    by.require(Action::Events)?;
    let most = limit(query.limit)?;
    let read = hall.blocking(move |shared| {
        let lines = shared.engine.audit_log(query.before, most)?;
        let before = lines.last().filter(|_| lines.len() == most).map(|(number, _)| *number);
        let own = format!("{}/", by.caller.identity.tenant);
        let entries = lines.into_iter().filter(|(_, entry)| entry.who.starts_with(&own));
        let entries = entries.map(|(number, entry)| AuditLineView {
            number,
            at: rfc3339_of_ms(entry.at.0),
            who: entry.who,
            what: entry.what,
        });
        Ok(AuditView { entries: entries.collect(), before })
    });
    Ok(Json(read.await?))
}

fn limit(wished: Option<usize>) -> Result<usize, Problem> {
    let most = wished.unwrap_or(100);
    if (1..=PAGE_MAX).contains(&most) {
        return Ok(most);
    }
    Err(Problem::field("limit", format!("is outside of 1 to {PAGE_MAX}")))
}
