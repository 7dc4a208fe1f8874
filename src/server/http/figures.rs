//! Figures: what happened, by minute, hour or day; and how a campaign stands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Path, Query};
use super::caller::By;
use super::events::PlaceView;
use super::from_json::campaign_id;
use super::problem::{Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::domain::time::{DAY_MS, HOUR_MS};
use crate::engine::figures::{self, CampaignStanding, Count, Question, STRETCHES_MAX, Step, Sums};
use crate::engine::{Cursor, Timestamp};
use crate::server::Shared;

/// How long an answer waits for the last events to be counted. Counting goes on every quarter of a
/// second, and at once when somebody waits.
const CATCH_UP_MAX: Duration = Duration::from_secs(1);

/// How often it is looked whether they are.
const CATCH_UP_EVERY: Duration = Duration::from_millis(10);

/// In which steps.
#[derive(Debug, Default, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepName {
    /// Minutes: kept for 48 hours.
    Minute,
    /// Hours: kept for 60 days.
    #[default]
    Hour,
    /// Days of the campaign's calendar: kept for ever.
    Day,
}

/// What makes a series.
#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ByName {
    /// Everything together.
    #[default]
    None,
    /// A campaign.
    Campaign,
    /// A property.
    Property,
    /// A gate, or a channel where there is none.
    Gate,
    /// The reason of a refusal.
    Reason,
}

/// Which figures.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FiguresQuery {
    /// The first moment or day. Default: 60 minutes, 24 hours or 30 days before the end.
    from: Option<String>,
    /// The first moment or day after. Default: now.
    to: Option<String>,
    /// In which steps; at most 2,000 of them. Default `hour`.
    #[serde(default)]
    #[param(inline)]
    step: StepName,
    /// What makes a series; at most 100, the rest is `other`. Default `none`.
    #[serde(default)]
    #[param(inline)]
    by: ByName,
    /// Only of this campaign.
    campaign: Option<String>,
    /// Only of this property.
    property: Option<String>,
    /// Only of this gate, or channel as `channel:NAME`.
    gate: Option<String>,
}

/// Figures.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FiguresView {
    /// In which steps.
    step: StepName,
    /// The first moment.
    from: String,
    /// The first moment after.
    to: String,
    /// The biggest first.
    series: Vec<SeriesView>,
    /// The sum of the series.
    totals: SumsView,
    /// The place of the last event that is counted; null: everything is being counted again.
    through: Option<PlaceView>,
}

/// The figures under one label.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SeriesView {
    /// The label; empty: not stated.
    label: String,
    /// What was counted, oldest first; where nothing was, there is no point.
    points: Vec<PointView>,
    /// The sum of the points.
    totals: SumsView,
}

/// The figures of one step.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PointView {
    /// Where it begins; of a day, its date.
    at: String,
    /// What was counted.
    #[serde(flatten)]
    sums: SumsView,
}

/// What was counted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SumsView {
    /// Codes redeemed, at once or by confirming.
    redeemed: i64,
    /// Codes given back, all or partly, after they were redeemed.
    released: i64,
    /// Requests refused.
    refused: i64,
    /// Uses taken from codes.
    uses: i64,
    /// Uses given back to codes.
    uses_back: i64,
    /// Codes held.
    held: i64,
    /// Codes whose hold became a redemption.
    confirmed: i64,
    /// Codes whose hold was given up, all or partly.
    hold_released: i64,
    /// Codes whose hold came to its end.
    expired: i64,
    /// Money taken off orders, less what was given back, in minor units by currency.
    money_minor: BTreeMap<String, i64>,
    /// Points spent, less those that came back.
    points_spent: i64,
    /// Points earned, less those that were taken back.
    points_earned: i64,
}

impl SumsView {
    fn of(sums: &Sums) -> Self {
        Self {
            redeemed: sums.count(Count::Redeemed),
            released: sums.count(Count::Released),
            refused: sums.count(Count::Refused),
            uses: sums.count(Count::Uses),
            uses_back: sums.count(Count::UsesBack),
            held: sums.count(Count::Held),
            confirmed: sums.count(Count::Confirmed),
            hold_released: sums.count(Count::HoldReleased),
            expired: sums.count(Count::Expired),
            money_minor: money_minor(sums),
            points_spent: sums.count(Count::PointsSpent),
            points_earned: sums.count(Count::PointsEarned),
        }
    }
}

fn money_minor(sums: &Sums) -> BTreeMap<String, i64> {
    sums.money_minor().map(|(currency, minor)| (currency.to_owned(), minor)).collect()
}

/// How a campaign stands over all time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StandingView {
    /// Uses of its codes in force.
    used: i64,
    /// Uses that holds keep.
    held: i64,
    /// What its limit of uses in total leaves; absent: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
    /// Codes that were issued and not removed.
    codes: u64,
    /// Codes redeemed, at once or by confirming.
    redeemed: i64,
    /// Codes given back, all or partly, after they were redeemed.
    released: i64,
    /// Money given and in force, in minor units by currency.
    money_minor: BTreeMap<String, i64>,
}

/// The figures of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CampaignFiguresView {
    /// Its figures.
    #[serde(flatten)]
    figures: FiguresView,
    /// How it stands.
    standing: StandingView,
}

/// It was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RebuildView {
    /// Always true.
    ok: bool,
}

/// What happened, by minute, hour or day.
#[utoipa::path(
    get, path = "/v1/figures", tag = "figures", params(FiguresQuery),
    responses((status = 200, body = FiguresView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn show(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Query(query): Query<FiguresQuery>,
) -> Result<Json<FiguresView>, Problem> {
    by.require(Action::Events)?;
    let question = question(&by, &query, hall.shared.engine.now())?;
    let read = hall.blocking(move |shared| {
        let through = shared.engine.counted_through()?;
        view(shared, &by, &query, &question, through.as_ref())
    });
    Ok(Json(read.await?))
}

/// What happened to a campaign, and how it stands: of all events up to the question.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/figures", tag = "figures",
    params(("id" = String, Path, description = "The campaign's id"), FiguresQuery),
    responses((status = 200, body = CampaignFiguresView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn campaign(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<FiguresQuery>,
) -> Result<Json<CampaignFiguresView>, Problem> {
    by.require(Action::Events)?;
    let campaign = campaign_id(&id)?;
    let query = FiguresQuery { campaign: Some(id.clone()), ..query };
    let question = question(&by, &query, hall.shared.engine.now())?;
    catch_up(&hall).await?;
    let read = hall.blocking(move |shared| {
        let tenant = &by.caller.identity.tenant;
        let stands = shared.engine.campaign_standing(tenant, &campaign, &question.properties)?;
        let none = || Problem::not_found(format!("there is no campaign {id}"));
        let CampaignStanding { standing, remaining, codes, through } = stands.ok_or_else(none)?;
        Ok(CampaignFiguresView {
            figures: view(shared, &by, &query, &question, through.as_ref())?,
            standing: StandingView {
                used: standing.used,
                held: standing.held,
                remaining,
                codes,
                redeemed: standing.sums.count(Count::Redeemed),
                released: standing.sums.count(Count::Released),
                money_minor: money_minor(&standing.sums),
            },
        })
    });
    Ok(Json(read.await?))
}

/// Count all events anew; refusals, which are in no event, stay.
#[utoipa::path(
    post, path = "/v1/figures/rebuild", tag = "figures",
    responses((status = 200, body = RebuildView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn rebuild(Of(hall): Of<Arc<Hall>>, by: By) -> Result<Json<RebuildView>, Problem> {
    by.require(Action::WriteCatalog)?;
    hall.blocking(move |shared| Ok(shared.engine.rebuild_figures(&by.who())?)).await?;
    hall.shared.figures_wanted.notify_waiters();
    Ok(Json(RebuildView { ok: true }))
}

/// Waits until all events are counted that there are now; not for ever, the answer says how far
/// they are.
async fn catch_up(hall: &Arc<Hall>) -> Result<(), Problem> {
    let newest = hall.blocking(|shared| Ok(shared.engine.ledger().newest()?)).await?;
    let newest = Arc::new(newest);
    let caught_up = async {
        loop {
            let newest = Arc::clone(&newest);
            let is_there = hall.blocking(move |shared| {
                let through = shared.engine.counted_through()?;
                Ok(through.is_some_and(|through| through.covers(&newest)))
            });
            if is_there.await? {
                return Ok(());
            }
            hall.shared.figures_wanted.notify_waiters();
            tokio::time::sleep(CATCH_UP_EVERY).await;
        }
    };
    tokio::time::timeout(CATCH_UP_MAX, caught_up).await.unwrap_or(Ok(()))
}

fn question(by: &By, query: &FiguresQuery, now: Timestamp) -> Result<Question, Problem> {
    let (step, back_ms) = match query.step {
        StepName::Minute => (Step::Minute, HOUR_MS),
        StepName::Hour => (Step::Hour, DAY_MS),
        StepName::Day => (Step::Day, 30 * DAY_MS),
    };
    // Now included; somewhere it may be tomorrow already.
    let end = if step == Step::Day { now.plus_ms(DAY_MS) } else { now.plus_ms(1) };
    let to = query.to.as_deref().map(|text| moment("to", text)).transpose()?.unwrap_or(end);
    let from = query.from.as_deref().map(|text| moment("from", text)).transpose()?;
    let from = from.unwrap_or(to.plus_ms(-back_ms));
    let question = Question {
        step,
        from,
        to,
        by: match query.by {
            ByName::None => figures::By::Nothing,
            ByName::Campaign => figures::By::Campaign,
            ByName::Property => figures::By::Property,
            ByName::Gate => figures::By::Gate,
            ByName::Reason => figures::By::Reason,
        },
        campaign: query.campaign.clone(),
        property: query.property.clone(),
        gate: query.gate.clone(),
        properties: own_properties(by),
    };
    let (first, end) = question.stretches();
    match end.saturating_sub(first) {
        ..=0 => Err(Problem::field("to", "is not after `from`")),
        1..=STRETCHES_MAX => Ok(question),
        steps => Err(Problem::field(
            "from",
            format!("is {steps} steps before `to`; at most {STRETCHES_MAX} are told at once"),
        )),
    }
}

/// The properties that the caller sees; none: all.
pub(super) fn own_properties(by: &By) -> Vec<String> {
    let own = by.caller.identity.properties.iter();
    own.map(|property| property.as_str().to_owned()).collect()
}

/// A moment, or the beginning of a day in UTC.
fn moment(path: &str, text: &str) -> Result<Timestamp, Problem> {
    let day = || Timestamp::from_rfc3339(&format!("{text}T00:00:00Z"));
    Timestamp::from_rfc3339(text).or_else(day).ok_or_else(|| {
        Problem::field(path, "is no day as 2026-07-01 and no moment as 2026-07-01T10:00:00Z")
    })
}

fn view(
    shared: &Shared,
    by: &By,
    query: &FiguresQuery,
    question: &Question,
    through: Option<&Cursor>,
) -> Result<FiguresView, Problem> {
    let figures = shared.engine.figures(&by.caller.identity.tenant, question)?;
    let point = |(at, sums): &(Timestamp, Sums)| PointView {
        at: begin(question.step, *at),
        sums: SumsView::of(sums),
    };
    let series = figures.series.iter().map(|series| SeriesView {
        label: series.label.clone(),
        points: series.points.iter().map(point).collect(),
        totals: SumsView::of(&series.totals),
    });
    Ok(FiguresView {
        step: query.step,
        from: question.from.to_rfc3339(),
        to: question.to.to_rfc3339(),
        series: series.collect(),
        totals: SumsView::of(&figures.totals),
        through: through.map(PlaceView::of),
    })
}

/// Where a step begins: of a day its date, because it is a day of the campaign's own calendar.
fn begin(step: Step, at: Timestamp) -> String {
    let text = at.to_rfc3339();
    match step {
        Step::Day => text.split('T').next().unwrap_or_default().to_owned(),
        Step::Minute | Step::Hour => text,
    }
}
