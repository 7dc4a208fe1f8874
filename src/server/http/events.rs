//! What happened: read page by page, or followed as it happens; and who changed what.
//!
//! An event belongs to the tenant that its receipt names, and to the property. One whose receipt
//! has left the store is for admins of all properties only.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use super::body::Query;
use super::caller::By;
use super::event_view::{EventView, note_of};
use super::lines::{send, stream_of, stream_permit, while_wanted};
use super::problem::{Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::{Action, Role};
use crate::engine::{AuditEntry, Cursor, Entry};

/// Most events or lines in one answer, and read at once for a stream.
const PAGE_MAX: usize = 1_000;

/// How often a quiet stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Only those after this place: the `after` of another page. Default 0: from the beginning.
    after: Option<String>,
    /// Read at most so many, 1 to 1,000. Default 100.
    limit: Option<usize>,
}

/// Events, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventsView {
    /// The caller's own among those that were read.
    events: Vec<EventView>,
    /// Give this as `after` to read on.
    after: PlaceView,
    /// Where the newest event is.
    last: PlaceView,
}

/// A place in the events: the number of one of them, or with a ledger in several partitions a
/// number for each.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PlaceView {
    /// A number.
    Number(u64),
    /// Numbers, joined by `-`.
    Numbers(String),
}

impl PlaceView {
    pub(super) fn of(cursor: &Cursor) -> Self {
        let text = cursor.to_string();
        text.parse().map_or(Self::Numbers(text), Self::Number)
    }
}

/// Which events to follow.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FollowQuery {
    /// Begin after this place. Default: the header `Last-Event-ID`, else with the next event.
    after: Option<String>,
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
    let after = query.after.as_deref().map(place).transpose()?.unwrap_or_default();
    let read = hall.blocking(move |shared| {
        let ledger = shared.engine.ledger();
        let (entries, after) = ledger.events(&after, most)?;
        let events = entries.iter().filter_map(|entry| own(&by, entry)).collect();
        let last = PlaceView::of(&ledger.newest()?);
        Ok(EventsView { events, after: PlaceView::of(&after), last })
    });
    Ok(Json(read.await?))
}

/// Follow events as they happen (server-sent events). Their `id` is a place; after a break, the
/// client's `Last-Event-ID` continues without a gap. With a ledger in several partitions, only the
/// last event of those read together carries one, so some may come again.
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "events",
    params(
        FollowQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "Continue after this place"),
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
    let asked = query.after.as_deref().map(place).transpose()?;
    let after = match last_id.or(asked) {
        Some(after) => after,
        None => hall.blocking(|shared| Ok(shared.engine.ledger().newest()?)).await?,
    };
    let (sender, reading) = mpsc::channel(64);
    let tasks = hall.shared.tasks.clone();
    tasks.spawn(async move {
        let _permit = permit;
        while_wanted(&hall, &sender, read_on(&hall, &Arc::new(by), after, &sender)).await;
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(stream_of(reading)).keep_alive(keep_alive).into_response())
}

/// Reads on whenever something new is durable.
async fn read_on(
    hall: &Arc<Hall>,
    by: &Arc<By>,
    mut after: Cursor,
    sender: &mpsc::Sender<Result<Event, Infallible>>,
) {
    let mut pulse = hall.shared.engine.ledger().pulse();
    while by.is_in_force(hall) {
        pulse.mark_unchanged();
        let by = Arc::clone(by);
        let read = hall.blocking(move |shared| {
            let ledger = shared.engine.ledger();
            let (entries, read_to) = ledger.events(&after, PAGE_MAX)?;
            let events: Vec<EventView> =
                entries.iter().filter_map(|entry| own(&by, entry)).collect();
            Ok((events, read_to, entries.is_empty(), ledger.is_local()))
        });
        // What failed was logged; the client comes again.
        let Ok((events, read_to, is_end, is_local)) = read.await else { return };
        let mut left = events.len();
        for view in events {
            left -= 1;
            let mut event = Event::default().event(view.kind);
            if is_local {
                event = event.id(view.number.to_string());
            } else if left == 0 {
                event = event.id(read_to.to_string());
            }
            let Ok(event) = event.json_data(&view) else { return };
            if send(sender, Ok(event)).await.is_err() {
                return;
            }
        }
        after = read_to;
        if is_end && pulse.changed().await.is_err() {
            return;
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
    let property = note.as_ref().and_then(|note| note.property.as_deref());
    let may = may && identity.sees(property);
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
        let (own, who) = (format!("{}/", by.caller.identity.tenant), by.who());
        // A line says nothing of properties: who has only some sees what she did herself.
        let sees_all = by.caller.identity.properties.is_empty();
        let is_own = |entry: &AuditEntry| match sees_all {
            true => entry.who.starts_with(&own),
            false => entry.who == who,
        };
        let entries = lines.into_iter().filter(|(_, entry)| is_own(entry));
        let entries = entries.map(|(number, entry)| AuditLineView {
            number,
            at: entry.at.to_rfc3339(),
            who: entry.who,
            what: entry.what,
        });
        Ok(AuditView { entries: entries.collect(), before })
    });
    Ok(Json(read.await?))
}

/// A place in the events as it was told.
fn place(text: &str) -> Result<Cursor, Problem> {
    text.parse::<Cursor>().map_err(|error| Problem::field("after", error.to_string()))
}

/// How many things a page may have: 1 to 1,000, 100 if nothing is said.
pub(super) fn limit(wished: Option<usize>) -> Result<usize, Problem> {
    let most = wished.unwrap_or(100);
    if (1..=PAGE_MAX).contains(&most) {
        return Ok(most);
    }
    Err(Problem::field("limit", format!("is outside of 1 to {PAGE_MAX}")))
}
