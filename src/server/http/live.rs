//! What happens now, second by second (server-sent events): of this node, of the caller's tenant
//! and properties.
//!
//! Everything is taken together once a second for all who watch, and written once for all who see
//! the same.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::caller::By;
use super::lines::{send, stream_of, stream_permit, while_wanted};
use super::problem::{Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::figures::{Became, Place, Row};
use crate::metrics::LatencyCounts;
use crate::server::Shared;
use crate::server::live::{Beat, Beats, Now, Second};

/// Most rows of a list.
const ROWS_MAX: usize = 20;

/// Most campaigns.
const CAMPAIGNS_MAX: usize = 10;

/// What happened in a second.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LiveView {
    /// When.
    at: String,
    /// How often, in the last second.
    per_second: BeatView,
    /// The properties with the most of it in the last 10 seconds.
    by_property: Vec<RowView>,
    /// The gates; `channel:NAME`, where a request named a channel and no gate.
    by_gate: Vec<RowView>,
    /// The campaigns.
    by_campaign: Vec<RowView>,
    /// The reasons of refusals.
    by_reason: Vec<RowView>,
    /// How long requests took in the last 10 seconds, by door and verb; of all tenants.
    latency: BTreeMap<String, LatencyView>,
    /// How the ledger is.
    ledger: LedgerView,
    /// How often, since this node was started.
    totals: BeatView,
}

/// How often something happened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BeatView {
    /// Redeemed at once.
    redeemed: u64,
    /// Refused, whatever was asked.
    refused: u64,
    /// Asked and found good.
    validated: u64,
    /// Held.
    held: u64,
    /// Redeemed after a hold.
    confirmed: u64,
    /// Given back.
    released: u64,
}

/// How often something happened under a label.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RowView {
    /// The label; empty: not stated.
    label: String,
    /// Redeemed, at once or by confirming; of a campaign, its codes.
    redeemed: u64,
    /// Refused.
    refused: u64,
}

/// How long requests took.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct LatencyView {
    /// Half of them took at most so long.
    p50_ms: f64,
    /// Nine of ten.
    p90_ms: f64,
    /// All but one of a hundred.
    p99_ms: f64,
    /// How many there were.
    count: u64,
}

/// How the ledger is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LedgerView {
    /// `memory`, `embedded` or `redis`.
    kind: &'static str,
    /// What an answer survives.
    durability: String,
    /// Whether callers may come.
    ready: bool,
    /// `good`, `poisoned`, `away` or `fenced`.
    health: &'static str,
    /// Commands that wait.
    queue: usize,
    /// Whether Redis cannot be reached.
    redis_away: bool,
    /// The number of the newest event; with Redis, how many this node caused.
    last_event: u64,
    /// Codes that this node knows.
    codes: usize,
    /// Open holds that this node knows.
    holds: usize,
}

/// The last ten minutes, so that a chart starts full.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryView {
    /// Seconds, oldest first.
    points: Vec<SecondView>,
}

/// One second.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SecondView {
    /// When.
    at: String,
    /// How often.
    per_second: BeatView,
    /// How long requests took.
    latency: BTreeMap<String, LatencyView>,
}

/// Watch what happens (server-sent events): first one event `history` with the last ten minutes,
/// then an event `live` every second.
#[utoipa::path(
    get, path = "/v1/live", tag = "figures",
    responses(
        (status = 200, description = "Seconds", content_type = "text/event-stream", body = LiveView),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn live(Of(hall): Of<Arc<Hall>>, by: By) -> Result<Response, Problem> {
    by.require(Action::Events)?;
    let permit = stream_permit(&hall)?;
    let (sender, reading) = mpsc::channel(4);
    let tasks = hall.shared.tasks.clone();
    tasks.spawn(async move {
        let _permit = permit;
        while_wanted(&hall, &sender, watch(&hall, &by, &sender)).await;
    });
    Ok(Sse::new(stream_of(reading)).into_response())
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

async fn watch(hall: &Hall, by: &By, sender: &Sender) {
    let mut seconds = hall.shared.live.follow();
    let points = hall.shared.live.history().iter().map(|one| second(by, one)).collect();
    let Ok(history) = Event::default().event("history").json_data(HistoryView { points }) else {
        return;
    };
    if send(sender, Ok(history)).await.is_err() {
        return;
    }
    while by.is_in_force(hall) {
        let now = seconds.borrow_and_update().clone();
        if let Some(now) = now {
            let text = now.written(audience(by), || {
                serde_json::to_string(&view(&hall.shared, by, &now)).unwrap_or_default()
            });
            let event = Event::default().event("live").data(&*text);
            if send(sender, Ok(event)).await.is_err() {
                return;
            }
        }
        if seconds.changed().await.is_err() {
            return;
        }
    }
}

/// Who sees the same.
fn audience(by: &By) -> String {
    let identity = &by.caller.identity;
    let mut audience = identity.tenant.to_string();
    for property in &identity.properties {
        audience.extend(["/", property.as_str()]);
    }
    audience
}

fn view(shared: &Shared, by: &By, now: &Now) -> LiveView {
    let rows = now.window.iter().flat_map(|rows| rows.iter());
    let rows: Vec<&Row> = rows.filter(|row| is_seen(by, &row.place)).collect();
    let label = |rows: &[&Row], label: &dyn Fn(&Row) -> Option<String>, most| {
        let mut by_label: HashMap<String, RowView> = HashMap::new();
        for row in rows {
            let Some(label) = label(row) else { continue };
            let known = by_label.entry(label).or_insert_with_key(|label| RowView {
                label: label.clone(),
                redeemed: 0,
                refused: 0,
            });
            known.add(row);
        }
        biggest(by_label, most)
    };
    let requests: Vec<&Row> =
        rows.iter().copied().filter(|row| !matches!(row.became, Became::OneMore(_))).collect();
    let reason = |row: &Row| match row.became {
        Became::No(reason) => Some(reason.name().to_owned()),
        Became::Yes(_) | Became::OneMore(_) => None,
    };
    let state = shared.engine.ledger_state();
    LiveView {
        at: now.second.at.to_rfc3339(),
        per_second: beat(by, &now.second.beats),
        by_property: label(&requests, &|row| Some(row.place.property.to_string()), ROWS_MAX),
        by_gate: label(&requests, &|row| Some(row.place.gate_label()), ROWS_MAX),
        by_campaign: label(&rows, &|row| Some(row.campaign.to_string()), CAMPAIGNS_MAX),
        by_reason: label(&rows, &reason, ROWS_MAX),
        latency: latency(&now.second.latencies),
        ledger: LedgerView {
            kind: state.kind,
            durability: state.durability,
            ready: shared.is_ready() && state.health == "good",
            health: state.health,
            queue: state.queue,
            redis_away: state.health == "away",
            last_event: state.last_event,
            codes: shared.engine.codes_len(),
            holds: state.holds,
        },
        totals: beat(by, &now.totals),
    }
}

impl RowView {
    fn add(&mut self, row: &Row) {
        let mut beat = Beat::default();
        match row.became {
            Became::OneMore(verb) => beat.add(Became::Yes(verb), row.n),
            Became::Yes(_) | Became::No(_) => beat.add(row.became, row.n),
        }
        self.redeemed += beat.redeemed + beat.confirmed;
        self.refused += beat.refused;
    }
}

fn biggest(by_label: HashMap<String, RowView>, most: usize) -> Vec<RowView> {
    let weight = |row: &RowView| row.redeemed + row.refused;
    let mut rows: Vec<RowView> = by_label.into_values().filter(|row| weight(row) > 0).collect();
    rows.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.label.cmp(&b.label)));
    rows.truncate(most);
    rows
}

fn second(by: &By, second: &Second) -> SecondView {
    SecondView {
        at: second.at.to_rfc3339(),
        per_second: beat(by, &second.beats),
        latency: latency(&second.latencies),
    }
}

fn is_seen(by: &By, place: &Place) -> bool {
    let identity = &by.caller.identity;
    *place.tenant == *identity.tenant.as_str() && identity.sees(Some(&place.property))
}

fn beat(by: &By, beats: &Beats) -> BeatView {
    let identity = &by.caller.identity;
    let mut sum = Beat::default();
    for ((tenant, property), beat) in beats {
        if **tenant == *identity.tenant.as_str() && identity.sees(Some(property)) {
            sum.merge(beat);
        }
    }
    let Beat { redeemed, refused, validated, held, confirmed, released } = sum;
    BeatView { redeemed, refused, validated, held, confirmed, released }
}

fn latency(counts: &[LatencyCounts]) -> BTreeMap<String, LatencyView> {
    let named = |own: &LatencyCounts| {
        // Microseconds are enough.
        let ms = |share| (own.quantile_seconds(share) * 1e6).round() / 1e3;
        let view =
            LatencyView { p50_ms: ms(0.5), p90_ms: ms(0.9), p99_ms: ms(0.99), count: own.len() };
        (format!("{}/{}", own.door, own.verb), view)
    };
    counts.iter().map(named).collect()
}
