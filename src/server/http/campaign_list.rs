//! The list of campaigns: which, in which order, page by page or as one sheet.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::Query;
use super::caller::By;
use super::campaigns::CampaignView;
use super::code_list::YesNo;
use super::events::limit;
use super::figures::own_properties;
use super::lines::{LineFormat, Lines};
use super::problem::{Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::document;
use crate::engine::{
    CampaignFilter, CampaignList, CampaignOrder, CampaignsAsked, KnownWords, ListedCampaign,
};
use crate::server::Shared;

/// Which campaigns.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CampaignsQuery {
    /// Only those whose id, a name in any language or a label contains it, whatever the case.
    text: Option<String>,
    /// Only those that stand so.
    #[param(inline)]
    status: Option<document::Status>,
    /// Only those of this kind.
    #[param(inline)]
    kind: Option<document::Kind>,
    /// Only those that accounting sees so.
    #[param(inline)]
    accounting: Option<document::Accounting>,
    /// Only those with this label.
    label: Option<String>,
    /// Only those that are only for some partners, this one among them.
    partner: Option<String>,
    /// Only those that are only for some brands, this one among them.
    brand: Option<String>,
    /// `yes`: only those that have codes, all of them paid. `no`: only those with a code that is
    /// not.
    #[param(inline)]
    paid: Option<YesNo>,
    /// Only those of whose codes a use is in force, or none.
    #[param(inline)]
    redeemed: Option<YesNo>,
    /// In which order. Default `id`.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
    /// The language of the names to sort by, and of those in CSV. Default `en`.
    #[serde(default = "english")]
    #[param(default = "en")]
    language: String,
    /// At most so many, 1 to 1,000. Default 100.
    limit: Option<usize>,
    /// Only those behind this one, in the same order.
    after: Option<String>,
    /// `json`, or `csv` for the whole list, whatever `limit` and `after` say. Default `json`.
    #[serde(default)]
    #[param(inline)]
    format: ListFormat,
}

fn english() -> String {
    "en".to_owned()
}

/// In which order.
#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sort {
    /// By id.
    #[default]
    Id,
    /// By name; where there is none, by the English one, any, or the id.
    Title,
    /// The one whose version was made last first.
    Newest,
}

/// How the list is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ListFormat {
    /// One document.
    #[default]
    Json,
    /// With a header; cells that a spreadsheet could take for a formula begin with `'`.
    Csv,
}

/// A page of campaigns.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CampaignsView {
    /// The campaigns, in order.
    campaigns: Vec<ListedCampaignView>,
    /// How many the whole list has.
    matching: usize,
    /// What campaigns can be filtered by, of all campaigns.
    known: KnownView,
    /// Give this as `after` to read on; absent: that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// A campaign in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedCampaignView {
    /// The campaign.
    #[serde(flatten)]
    campaign: CampaignView,
    /// Codes that were issued and not removed.
    codes: u64,
    /// How many of them are paid.
    paid: u64,
    /// Uses of its codes in force, as far as they are counted: a moment ago.
    used: u64,
}

/// What campaigns can be filtered by.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KnownView {
    /// Labels.
    labels: Vec<String>,
    /// Partners that any campaign is only for.
    partners: Vec<String>,
    /// Brands that any campaign is only for.
    brands: Vec<String>,
}

impl CampaignsView {
    fn of(list: CampaignList) -> Self {
        let KnownWords { labels, partners, brands } = list.known;
        let words = |words: std::collections::BTreeSet<String>| words.into_iter().collect();
        let campaigns = list.campaigns.into_iter().map(|one| {
            let ListedCampaign { stored, codes, paid, used } = one;
            ListedCampaignView { campaign: CampaignView::of(stored, None), codes, paid, used }
        });
        Self {
            campaigns: campaigns.collect(),
            matching: list.matching,
            known: KnownView {
                labels: words(labels),
                partners: words(partners),
                brands: words(brands),
            },
            after: list.after,
        }
    }
}

/// Campaigns, with what their codes come to.
#[utoipa::path(
    get, path = "/v1/campaigns", tag = "campaigns", params(CampaignsQuery),
    responses((status = 200, body = CampaignsView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn list(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Query(query): Query<CampaignsQuery>,
) -> Result<Response, Problem> {
    by.require(Action::ReadCatalog)?;
    let most = limit(query.limit)?;
    if query.format == ListFormat::Json {
        let read = hall.blocking(move |shared| read(shared, &by, query, most));
        return Ok(Json(CampaignsView::of(read.await?)).into_response());
    }
    let (lines, response) = Lines::open(&hall, LineFormat::Csv)?;
    let query = CampaignsQuery { after: None, ..query };
    let language = query.language.clone();
    let list = hall.blocking(move |shared| read(shared, &by, query, usize::MAX)).await?;
    hall.shared.tasks.spawn_blocking(move || write(&list, &language, lines));
    Ok(response)
}

fn read(
    shared: &Shared,
    by: &By,
    query: CampaignsQuery,
    most: usize,
) -> Result<CampaignList, Problem> {
    let filter = CampaignFilter {
        text: query.text,
        status: query.status.map(Into::into),
        kind: query.kind.map(Into::into),
        accounting: query.accounting.map(Into::into),
        label: query.label,
        partner: query.partner,
        brand: query.brand,
        paid: query.paid.map(YesNo::is_yes),
        redeemed: query.redeemed.map(YesNo::is_yes),
    };
    let order = match query.sort {
        Sort::Id => CampaignOrder::Id,
        Sort::Title => CampaignOrder::Title(query.language),
        Sort::Newest => CampaignOrder::Newest,
    };
    let asked = CampaignsAsked {
        filter: &filter,
        order: &order,
        after: query.after.as_deref(),
        most,
        properties: &own_properties(by),
    };
    let list = shared.engine.list_campaigns(&by.caller.identity.tenant, &asked)?;
    list.ok_or_else(|| Problem::field("after", "names no campaign"))
}

/// The columns of the sheet.
const COLUMNS: [&str; 11] = [
    "id",
    "name",
    "kind",
    "accounting",
    "status",
    "version",
    "made_at",
    "labels",
    "codes",
    "paid",
    "used",
];

fn write(list: &CampaignList, language: &str, mut lines: Lines) {
    lines.header(&COLUMNS);
    for one in &list.campaigns {
        let ListedCampaign { stored, codes, paid, used } = one;
        let campaign = &stored.campaign;
        let cells = [
            campaign.id.to_string(),
            one.title(language).to_owned(),
            campaign.kind.name().to_owned(),
            campaign.accounting.name().to_owned(),
            campaign.status.name().to_owned(),
            campaign.version.to_string(),
            stored.made.to_rfc3339(),
            stored.document.labels.join(" "),
            codes.to_string(),
            paid.to_string(),
            used.to_string(),
        ];
        if lines.row(&COLUMNS, &cells.map(Some)).is_err() {
            return;
        }
    }
    lines.finish(&());
}
