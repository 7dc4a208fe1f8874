//! What offices ask of the figures, and the answer: series of points.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::labels::{Labels, Names, OTHER};
use super::room::{self, Sort, Step};
use super::sums::{self, Cell, Count, Page, Sums};
use crate::catalog::{Catalog, StoreError};
use crate::domain::refusal::Reason;
use crate::domain::time::Timestamp;

/// Most stretches of time in one answer.
pub const STRETCHES_MAX: i64 = 2_000;

/// Most series in one answer; those with the least are one, called `other`.
pub const SERIES_MAX: usize = 100;

/// What makes a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Everything together, called `all`.
    Nothing,
    /// A campaign.
    Campaign,
    /// A property.
    Property,
    /// A gate, or a channel where there is none.
    Gate,
    /// The reason of a refusal.
    Reason,
}

/// Which figures. What is absent excludes nothing.
#[derive(Debug, Clone)]
pub struct Question {
    /// In which steps.
    pub step: Step,
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after.
    pub to: Timestamp,
    /// What makes a series.
    pub by: By,
    /// Only of this campaign.
    pub campaign: Option<String>,
    /// Only of this property.
    pub property: Option<String>,
    /// Only of this gate.
    pub gate: Option<String>,
    /// Only of these properties; empty: of all. `other` is none of them, whatever they are called.
    pub properties: Vec<String>,
}

impl Question {
    /// The first stretch of time and the first after, counted from 1970.
    #[must_use]
    pub fn stretches(&self) -> (i64, i64) {
        let ms = self.step.ms();
        (self.from.0.div_euclid(ms), self.to.0.saturating_add(ms - 1).div_euclid(ms))
    }
}

/// What was counted under one label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Series {
    /// The label.
    pub label: String,
    /// Beginnings of stretches, and what was counted in them; those with nothing are missing.
    pub points: Vec<(Timestamp, Sums)>,
    /// The sum of the points.
    pub totals: Sums,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// The biggest first.
    pub series: Vec<Series>,
    /// The sum of the series.
    pub totals: Sums,
}

/// What the campaigns of a tenant come to over all time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Uses in force.
    pub used: i64,
    /// Uses that holds keep.
    pub held: i64,
    /// Everything that was counted.
    pub sums: Sums,
}

impl Standing {
    fn of(sums: Sums) -> Self {
        Self {
            used: sums.count(Count::Uses) - sums.count(Count::UsesBack),
            held: sums.count(Count::HeldUses),
            sums,
        }
    }
}

type Points = BTreeMap<i64, Sums>;

type ByNumber = HashMap<u16, Sums, RandomState>;

/// Pages that are read together: some are up to 300 kB, and an answer may be of thousands.
const PAGES_AT_ONCE: usize = 64;

/// Reads the answer.
pub(super) fn answer(
    catalog: &Catalog,
    tenant: &str,
    question: &Question,
) -> Result<Figures, StoreError> {
    let mut by_label: HashMap<String, Points> = HashMap::new();
    let (first, end) = question.stretches();
    let stretches: Vec<i64> = (first..end.min(first.saturating_add(STRETCHES_MAX))).collect();
    for sort in [Sort::Told, Sort::Refused] {
        if question.by == By::Reason && sort == Sort::Told {
            continue;
        }
        let labels = room::labels(catalog, sort, tenant)?;
        let Some(filter) = Filter::of(question, &labels) else { continue };
        let mut by_number: HashMap<u16, Points> = HashMap::new();
        for some in stretches.chunks(PAGES_AT_ONCE) {
            let pages = room::pages(catalog, sort, tenant, question.step, some.iter().copied())?;
            for (at, page) in some.iter().zip(&pages) {
                for (number, sums) in of_page(page, question.by, &filter)? {
                    by_number.entry(number).or_default().insert(*at, sums);
                }
            }
        }
        for (number, points) in by_number {
            let label = label(question.by, &labels, number);
            merge(by_label.entry(label).or_default(), points);
        }
    }
    Ok(sorted(by_label, question.step))
}

/// What a stored page says, by the number of what makes a series.
fn of_page(page: &[u8], by: By, filter: &Filter) -> Result<ByNumber, StoreError> {
    let mut all = ByNumber::default();
    for cell in sums::cells(page) {
        let (cell, sums) = cell.ok_or_else(room::damaged_page)?;
        if filter.takes(&cell) {
            let number = match by {
                By::Nothing => 0,
                By::Campaign => cell.campaign,
                By::Property => cell.property,
                By::Gate => cell.gate,
                By::Reason => cell.reason,
            };
            all.entry(number).or_default().merge(&sums);
        }
    }
    Ok(all)
}

/// What the cells of a campaign come to over all time; `properties`: only in these, if there are
/// any.
pub(super) fn standing(
    page: &Page,
    labels: &Labels,
    campaign: &str,
    properties: &[String],
) -> Standing {
    let number = labels.campaigns.known(campaign);
    let seen = seen(&labels.properties, properties);
    let filter = Filter { campaign: Some(number), property: None, gate: None, seen };
    let own = page.cells().filter(|(cell, _)| number != 0 && filter.takes(cell));
    let mut sums = Sums::default();
    own.for_each(|(_, own)| sums.merge(own));
    Standing::of(sums)
}

/// What each campaign's cells come to over all time, by its name; `properties`: only in these, if
/// there are any.
pub(super) fn standings(
    page: &Page,
    labels: &Labels,
    properties: &[String],
) -> HashMap<String, Standing> {
    let seen = seen(&labels.properties, properties);
    let filter = Filter { campaign: None, property: None, gate: None, seen };
    let mut by_number: HashMap<u16, Sums> = HashMap::new();
    for (cell, sums) in page.cells().filter(|(cell, _)| cell.campaign != 0 && filter.takes(cell)) {
        by_number.entry(cell.campaign).or_default().merge(sums);
    }
    let named = |(number, sums)| (labels.campaigns.name(number).to_owned(), Standing::of(sums));
    by_number.into_iter().map(named).collect()
}

/// The numbers of the properties that may be seen, when there are only some; absent: all. `other`
/// is never among them: it is many properties, whatever one of them is called.
fn seen(labels: &Names, names: &[String]) -> Option<Vec<u16>> {
    let known = || names.iter().map(|name| labels.known(name)).filter(|number| *number != 0);
    (!names.is_empty()).then(|| known().collect())
}

/// What of a room is asked for, by numbers.
struct Filter {
    campaign: Option<u16>,
    property: Option<u16>,
    gate: Option<u16>,
    seen: Option<Vec<u16>>,
}

impl Filter {
    /// `None`: nothing there can be meant.
    fn of(question: &Question, labels: &Labels) -> Option<Self> {
        let number = |names: &Names, name: &String| {
            let number = names.known(name);
            (number != 0 || name == OTHER).then_some(number)
        };
        let wanted = |names, name: &Option<String>| match name {
            Some(name) => number(names, name).map(Some),
            None => Some(None),
        };
        Some(Self {
            campaign: wanted(&labels.campaigns, &question.campaign)?,
            property: wanted(&labels.properties, &question.property)?,
            gate: wanted(&labels.gates, &question.gate)?,
            seen: seen(&labels.properties, &question.properties),
        })
    }

    fn takes(&self, cell: &Cell) -> bool {
        self.campaign.is_none_or(|number| number == cell.campaign)
            && self.property.is_none_or(|number| number == cell.property)
            && self.gate.is_none_or(|number| number == cell.gate)
            && self.seen.as_ref().is_none_or(|seen| seen.contains(&cell.property))
    }
}

fn label(by: By, labels: &Labels, number: u16) -> String {
    match by {
        By::Nothing => "all",
        By::Campaign => labels.campaigns.name(number),
        By::Property => labels.properties.name(number),
        By::Gate => labels.gates.name(number),
        By::Reason => Reason::from_number(number).map_or(OTHER, Reason::name),
    }
    .to_owned()
}

fn merge(into: &mut Points, points: Points) {
    for (at, sums) in points {
        into.entry(at).or_default().merge(&sums);
    }
}

fn sorted(by_label: HashMap<String, Points>, step: Step) -> Figures {
    let mut all: Vec<(i64, String, Points)> = by_label
        .into_iter()
        .map(|(label, points)| {
            let weight = points.values().map(weight).sum();
            (weight, label, points)
        })
        .collect();
    all.sort_by(|(weight, label, _), (w, l, _)| w.cmp(weight).then_with(|| label.cmp(l)));
    if all.len() > SERIES_MAX {
        let place = all.iter().position(|(_, label, _)| label == OTHER);
        let mut other = place.map(|place| all.remove(place).2).unwrap_or_default();
        for (_, _, points) in all.drain(SERIES_MAX - 1..) {
            merge(&mut other, points);
        }
        all.push((0, OTHER.to_owned(), other));
    }
    let mut figures = Figures::default();
    for (_, label, points) in all {
        let mut series = Series { label, ..Series::default() };
        for (at, sums) in points {
            series.totals.merge(&sums);
            series.points.push((Timestamp(at.saturating_mul(step.ms())), sums));
        }
        figures.totals.merge(&series.totals);
        figures.series.push(series);
    }
    figures
}

fn weight(sums: &Sums) -> i64 {
    sums.count(Count::Redeemed) + sums.count(Count::Refused) + sums.count(Count::Held)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed one is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn other_is_nobodys_own_property() {
        let mut labels = Labels::default();
        let (campaign, lido) = (labels.campaign("summer"), labels.property("lido"));
        // Both a property of that name and all that found no room.
        assert_eq!(labels.property(OTHER), 0);
        let mut page = Page::default();
        for (property, uses) in [(lido, 1), (labels.property("dry"), 10), (0, 100)] {
            let mut sums = Sums::default();
            sums.add(Count::Uses, uses);
            page.add(Cell { campaign, property, gate: 0, reason: 0 }, &sums);
        }
        let shown = |property: Option<&str>, names: &[&str]| {
            let question = Question {
                step: Step::Day,
                from: Timestamp(0),
                to: Timestamp(1),
                by: By::Nothing,
                campaign: None,
                property: property.map(str::to_owned),
                gate: None,
                properties: names.iter().copied().map(str::to_owned).collect(),
            };
            let filter = Filter::of(&question, &labels).unwrap();
            let taken = page.cells().filter(|(cell, _)| filter.takes(cell));
            let uses: i64 = taken.map(|(_, sums)| sums.count(Count::Uses)).sum();
            if property.is_none() {
                let stands = standing(&page, &labels, "summer", &question.properties);
                assert_eq!(stands.used, uses, "{names:?}");
            }
            uses
        };
        assert_eq!(shown(None, &[]), 111);
        assert_eq!(shown(None, &["lido"]), 1);
        assert_eq!(shown(None, &["lido", "dry"]), 11);
        assert_eq!(shown(None, &[OTHER]), 0);
        assert_eq!(shown(None, &["lido", OTHER]), 1);
        assert_eq!(shown(None, &["nowhere"]), 0);
        assert_eq!(shown(Some(OTHER), &[]), 100);
        assert_eq!(shown(Some(OTHER), &[OTHER]), 0);
    }
}
