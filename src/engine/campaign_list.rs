//! The list of campaigns: which, in which order, page by page, and what their codes come to.
//!
//! What codes come to is told by batches, by the index and by the figures; no code is looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::figures::Standing;
use crate::catalog::{StoreError, Stored};
use crate::domain::campaign::{
    AccountingType, Among, AmongRule, Campaign, Condition, Kind, Status,
};
use crate::domain::id::TenantId;

/// Which campaigns. What is absent excludes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CampaignFilter {
    /// The id, a name in any language or a label contains it, whatever the case.
    pub text: Option<String>,
    /// Where it stands.
    pub status: Option<Status>,
    /// What its codes are.
    pub kind: Option<Kind>,
    /// How accounting sees it.
    pub accounting: Option<AccountingType>,
    /// It has this label.
    pub label: Option<String>,
    /// It is only for partners among which this one is.
    pub partner: Option<String>,
    /// It is only for brands among which this one is.
    pub brand: Option<String>,
    /// Yes: it has codes, and all of them are paid. No: at least one is not.
    pub paid: Option<bool>,
    /// Whether a use of any of its codes is in force.
    pub redeemed: Option<bool>,
}

/// In which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CampaignOrder {
    /// By id.
    #[default]
    Id,
    /// By name in this language, whatever the case; where there is none, by the English one, any,
    /// or the id.
    Title(String),
    /// The one whose version was made last first.
    Newest,
}

/// Which page of which list.
#[derive(Debug, Clone, Copy)]
pub struct CampaignsAsked<'a> {
    /// Which campaigns.
    pub filter: &'a CampaignFilter,
    /// In which order.
    pub order: &'a CampaignOrder,
    /// Only those behind this one.
    pub after: Option<&'a str>,
    /// At most so many.
    pub most: usize,
    /// Only uses in these properties count, if there are any.
    pub properties: &'a [String],
}

/// One campaign of a list.
#[derive(Debug, Clone)]
pub struct ListedCampaign {
    /// The campaign as it is now.
    pub stored: Stored,
    /// Codes that were issued and not removed.
    pub codes: u64,
    /// How many of them are paid.
    pub paid: u64,
    /// Uses of its codes in force, as far as the events are counted.
    pub used: u64,
}

impl ListedCampaign {
    /// Its name in this language; where there is none, the English one, any, or the id.
    #[must_use]
    pub fn title(&self, language: &str) -> &str {
        title(&self.stored, language)
    }
}

/// What campaigns can be filtered by, of all campaigns of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownWords {
    /// Labels.
    pub labels: BTreeSet<String>,
    /// Partners that any campaign is only for.
    pub partners: BTreeSet<String>,
    /// Brands that any campaign is only for.
    pub brands: BTreeSet<String>,
}

/// A page of the list of campaigns.
#[derive(Debug, Clone)]
pub struct CampaignList {
    /// The campaigns, in order.
    pub campaigns: Vec<ListedCampaign>,
    /// How many the whole list has.
    pub matching: usize,
    /// What campaigns can be filtered by.
    pub known: KnownWords,
    /// The id of the last one; absent: that was all.
    pub after: Option<String>,
}

impl Engine {
    /// A page of the campaigns of a tenant; absent: the one that it shall begin behind is unknown.
    /// Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_campaigns(
        &self,
        tenant: &TenantId,
        asked: &CampaignsAsked<'_>,
    ) -> Result<Option<CampaignList>, StoreError> {
        let CampaignsAsked { filter, order, .. } = *asked;
        let all = self.catalog.campaigns(tenant)?;
        let known = KnownWords::of(&all);
        let begin = match asked.after {
            Some(id) => match all.iter().find(|one| one.document.id == id) {
                Some(last) => Some(place(last, order)),
                None => return Ok(None),
            },
            None => None,
        };
        let mut sums = self.sums_by_campaign(tenant, asked.properties)?;
        let listed = all.into_iter().filter(|one| filter.takes(&one.campaign)).map(|stored| {
            let Sums { codes, paid, used } = sums.remove(&stored.document.id).unwrap_or_default();
            ListedCampaign { stored, codes, paid, used }
        });
        let mut listed: Vec<_> = listed.filter(|one| filter.takes_sums(one)).collect();
        let matching = listed.len();
        if *order != CampaignOrder::Id {
            listed.sort_by_cached_key(|one| place(&one.stored, order));
        }
        if let Some(begin) = begin {
            listed.retain(|one| place(&one.stored, order) > begin);
        }
        let is_end = listed.len() <= asked.most;
        listed.truncate(asked.most);
        let after = listed.last().filter(|_| !is_end).map(|last| last.stored.document.id.clone());
        Ok(Some(CampaignList { campaigns: listed, matching, known, after }))
    }

    fn sums_by_campaign(
        &self,
        tenant: &TenantId,
        properties: &[String],
    ) -> Result<BTreeMap<String, Sums>, StoreError> {
        let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
        for batch in self.batches(tenant, None)? {
            let own = sums.entry(batch.issue.campaign.to_string()).or_default();
            own.codes += batch.left();
            own.paid += self.paid_of(&batch);
        }
        for (campaign, Standing { used, .. }) in self.standings_by_campaign(tenant, properties)? {
            sums.entry(campaign).or_default().used = u64::try_from(used).unwrap_or(0);
        }
        Ok(sums)
    }
}

/// What the codes of a campaign come to.
#[derive(Default)]
struct Sums {
    codes: u64,
    paid: u64,
    used: u64,
}

impl CampaignFilter {
    fn takes(&self, campaign: &Campaign) -> bool {
        self.status.is_none_or(|status| status == campaign.status)
            && self.kind.is_none_or(|kind| kind == campaign.kind)
            && self.accounting.is_none_or(|accounting| accounting == campaign.accounting)
            && among(self.label.as_deref(), campaign.labels.iter().map(|label| &**label))
            && among(self.partner.as_deref(), only(campaign, partners))
            && among(self.brand.as_deref(), only(campaign, brands))
            && self.text.as_deref().is_none_or(|text| contains(campaign, &text.to_lowercase()))
    }

    fn takes_sums(&self, one: &ListedCampaign) -> bool {
        self.paid.is_none_or(|paid| one.codes > 0 && (one.paid == one.codes) == paid)
            && self.redeemed.is_none_or(|redeemed| (one.used > 0) == redeemed)
    }
}

impl KnownWords {
    fn of(all: &[Stored]) -> Self {
        let mut known = Self::default();
        for Stored { campaign, .. } in all {
            known.labels.extend(campaign.labels.iter().map(ToString::to_string));
            known.partners.extend(only(campaign, partners).map(str::to_owned));
            known.brands.extend(only(campaign, brands).map(str::to_owned));
        }
        known
    }
}

fn among<'a>(wanted: Option<&str>, mut words: impl Iterator<Item = &'a str>) -> bool {
    wanted.is_none_or(|wanted| words.any(|word| word == wanted))
}

/// Whether the id, a name or a label contains a text of small letters.
fn contains(campaign: &Campaign, text: &str) -> bool {
    let names = campaign.name.values().map(|name| &**name);
    let labels = campaign.labels.iter().map(|label| &**label);
    let mut words = names.chain(labels).chain([campaign.id.as_str()]);
    words.any(|word| word.to_lowercase().contains(text))
}

/// What a campaign is only for.
fn only(campaign: &Campaign, of: fn(&Condition) -> Option<&Among>) -> impl Iterator<Item = &str> {
    let among = campaign.conditions.iter().filter_map(of);
    among
        .filter(|among| among.rule == AmongRule::Only)
        .flat_map(|among| &among.set)
        .map(|one| &**one)
}

fn partners(condition: &Condition) -> Option<&Among> {
    if let Condition::Partner(among) = condition { Some(among) } else { None }
}

fn brands(condition: &Condition) -> Option<&Among> {
    if let Condition::Brand(among) = condition { Some(among) } else { None }
}

/// Where a campaign comes in an order.
fn place(stored: &Stored, order: &CampaignOrder) -> (i64, String, String) {
    let (moment, title) = match order {
        CampaignOrder::Id => (0, String::new()),
        CampaignOrder::Title(language) => (0, title(stored, language).to_lowercase()),
        CampaignOrder::Newest => (stored.made.0.saturating_neg(), String::new()),
    };
    (moment, title, stored.document.id.clone())
}

fn title<'a>(stored: &'a Stored, language: &str) -> &'a str {
    let names = &stored.document.texts.name;
    let name = names.get(language).or_else(|| names.get("en")).or_else(|| names.values().next());
    name.unwrap_or(&stored.document.id)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::id::Owner;
    use crate::domain::time::Timestamp;
    use crate::engine::CampaignDocument;

    fn stored(id: &str, made_ms: i64, more: &str) -> Stored {
        let text = format!(r#"{{"id": "{id}", "kind": "access", {more}}}"#);
        let document: CampaignDocument = serde_json::from_str(&text).unwrap();
        let tenant = TenantId::parse("park").unwrap();
        let campaign = document.compile(&tenant, 1, Owner([1; 16]), Status::Active).unwrap();
        let made = Timestamp(made_ms);
        Stored { document, campaign: Arc::new(campaign), made, since: Some(made) }
    }

    fn all() -> Vec<Stored> {
        let name =
            |en: &str, de: &str| format!(r#""texts": {{"name": {{"en": "{en}", "de": "{de}"}}}}"#);
        let partners = r#""labels": ["Fair"], "conditions": [
            {"type": "partner", "only": ["tui", "der"]}, {"type": "brand", "not": ["aqua"]}]"#;
        vec![
            stored("a", 3, &name("Winter", "Winter")),
            stored("b", 5, &name("summer", "Zeit")),
            stored("c", 4, partners),
        ]
    }

    fn ids(all: &[Stored]) -> String {
        all.iter().map(|one| one.document.id.as_str()).collect()
    }

    #[track_caller]
    fn check(filter: &CampaignFilter, expect: &str) {
        let mut all = all();
        all.retain(|one| filter.takes(&one.campaign));
        assert_eq!(ids(&all), expect, "{filter:?}");
    }

    #[test]
    fn campaigns_are_filtered_by_what_they_say() {
        let plain = CampaignFilter::default;
        let some = |text: &str| Some(text.to_owned());
        check(&plain(), "abc");
        check(&CampaignFilter { text: some("INT"), ..plain() }, "a");
        check(&CampaignFilter { text: some("zei"), ..plain() }, "b");
        check(&CampaignFilter { text: some("fair"), ..plain() }, "c");
        check(&CampaignFilter { label: some("Fair"), ..plain() }, "c");
        check(&CampaignFilter { label: some("fair"), ..plain() }, "");
        check(&CampaignFilter { partner: some("der"), ..plain() }, "c");
        check(&CampaignFilter { brand: some("aqua"), ..plain() }, "");
        check(&CampaignFilter { status: Some(Status::Paused), ..plain() }, "");
        check(&CampaignFilter { kind: Some(Kind::Access), ..plain() }, "abc");
        check(&CampaignFilter { accounting: Some(AccountingType::Deal), ..plain() }, "");
        let known = KnownWords::of(&all());
        assert_eq!(known.partners.into_iter().collect::<String>(), "dertui");
        assert!(known.brands.is_empty(), "a brand that is excluded is none to filter by");
    }

    #[test]
    fn sums_say_paid_and_redeemed() {
        let stored = all().remove(0);
        let fits = |codes, paid, used, filter: (Option<bool>, Option<bool>)| {
            let filter =
                CampaignFilter { paid: filter.0, redeemed: filter.1, ..Default::default() };
            filter.takes_sums(&ListedCampaign { stored: stored.clone(), codes, paid, used })
        };
        let table = [
            // Codes, paid, used; fits paid, not paid, redeemed, not redeemed.
            ((0, 0, 0), [false, false, false, true]),
            ((3, 0, 0), [false, true, false, true]),
            ((3, 2, 1), [false, true, true, false]),
            ((3, 3, 9), [true, false, true, false]),
        ];
        for ((codes, paid, used), expect) in table {
            let filters = [(Some(true), None), (Some(false), None)];
            let filters = filters.into_iter().chain([(None, Some(true)), (None, Some(false))]);
            let told: Vec<bool> = filters.map(|filter| fits(codes, paid, used, filter)).collect();
            assert_eq!(told, expect, "{codes} {paid} {used}");
        }
    }

    #[test]
    fn orders_are_total() {
        let in_order = |order: CampaignOrder| {
            let mut all = all();
            all.sort_by_key(|one| place(one, &order));
            ids(&all)
        };
        assert_eq!(in_order(CampaignOrder::Id), "abc");
        assert_eq!(in_order(CampaignOrder::Newest), "bca");
        assert_eq!(in_order(CampaignOrder::Title("en".to_owned())), "cba", "c, summer, Winter");
        assert_eq!(in_order(CampaignOrder::Title("de".to_owned())), "cab", "c, Winter, Zeit");
        assert_eq!(in_order(CampaignOrder::Title("cs".to_owned())), "cba", "as in English");
    }
}
