//! A room of figures in the catalog's store: pages by tenant, step and stretch of time, and the
//! head under whose eyes they change.
//!
//! | key | value |
//! |---|---|
//! | sort `h` | head: number of writes, place in the events, who wrote when |
//! | sort `n` | names of the tenants |
//! | sort `l` tenant | labels |
//! | sort `s` tenant | the first and last stretch of each step that there may be |
//! | sort `p` tenant `/` step (1) stretch (8) | page |
//!
//! The sort is `e` for what the events tell and `r` for refusals.
//!
//! Invariant: a write happens only if the head is as it was read, and changes the head. So what a
//! writer adds, and how far it has read, become one step, whoever writes beside it.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::labels::Labels;
use super::sums::{Cell, Page, Sums};
use crate::catalog::{Catalog, FigureWrite, StoreError};
use crate::domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};

/// The stretches of time that figures are kept by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Minutes, for 48 hours.
    Minute,
    /// Hours, for 60 days.
    Hour,
    /// Days of the campaign's calendar, for ever.
    Day,
}

/// Minutes that are kept.
const MINUTES_KEPT: i64 = 48 * 60;

/// Hours that are kept.
const HOURS_KEPT: i64 = 60 * 24;

/// Most old pages that one write removes beside its own: the rest goes with the next.
const TRIM_MAX: i64 = 500;

/// Pages in memory beyond which those that a write did not need are let go.
const PAGES_KEPT: usize = 256;

impl Step {
    /// How long one lasts, in milliseconds.
    #[must_use]
    pub fn ms(self) -> i64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }

    fn letter(self) -> u8 {
        match self {
            Self::Minute => b'm',
            Self::Hour => b'h',
            Self::Day => b'd',
        }
    }

    /// The first stretch that is kept; absent: all are.
    pub(super) fn first_kept(self, now: Timestamp) -> Option<i64> {
        let kept = match self {
            Self::Minute => MINUTES_KEPT,
            Self::Hour => HOURS_KEPT,
            Self::Day => return None,
        };
        Some(now.0.div_euclid(self.ms()) - kept)
    }
}

/// Who keeps what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// What the events tell: can be counted again.
    Told,
    /// Refusals, which are in no event.
    Refused,
}

impl Sort {
    fn letter(self) -> u8 {
        match self {
            Self::Told => b'e',
            Self::Refused => b'r',
        }
    }

    fn key(self, kind: u8, tenant: &str) -> Vec<u8> {
        let mut key = Vec::with_capacity(2 + tenant.len());
        key.extend_from_slice(&[self.letter(), kind]);
        key.extend_from_slice(tenant.as_bytes());
        key
    }

    fn head(self) -> Vec<u8> {
        self.key(b'h', "")
    }

    fn names(self) -> Vec<u8> {
        self.key(b'n', "")
    }

    fn page(self, tenant: &str, step: u8, stretch: i64) -> Vec<u8> {
        let mut key = self.key(b'p', tenant);
        key.extend_from_slice(&[b'/', step]);
        key.extend_from_slice(&stretch.to_be_bytes());
        key
    }
}

/// The letter of the page that counts over all time.
const TOTAL: u8 = b't';

/// Where something happened, and when; what is counted for it is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) tenant: Box<str>,
    pub(super) campaign: Box<str>,
    pub(super) property: Box<str>,
    pub(super) gate: Box<str>,
    /// The number of a refusal's reason; else 0.
    pub(super) reason: u16,
    /// Minutes since 1970.
    pub(super) minute: i64,
    /// The day in the campaign's calendar, in days since 1970.
    pub(super) day: i64,
}

/// What is to be counted.
pub(super) type Additions = HashMap<Spot, Sums>;

/// Under whose eyes a room changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Head {
    /// Grows with every write, so that no two heads are the same.
    pub(super) writes: u64,
    /// How far the events are counted.
    pub(super) through: String,
    /// Who wrote last, and when in milliseconds.
    pub(super) writer: String,
    pub(super) at_ms: i64,
    /// Everything is to be removed, to be counted again.
    pub(super) is_clearing: bool,
}

/// First and last stretch of each step that there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Spans {
    minutes: Option<(i64, i64)>,
    hours: Option<(i64, i64)>,
    days: Option<(i64, i64)>,
}

impl Spans {
    fn of(&mut self, step: Step) -> &mut Option<(i64, i64)> {
        match step {
            Step::Minute => &mut self.minutes,
            Step::Hour => &mut self.hours,
            Step::Day => &mut self.days,
        }
    }
}

struct Tenant {
    labels: Labels,
    spans: Spans,
    stored: Spans,
}

/// A writer's picture of a room.
pub(super) struct Room {
    sort: Sort,
    /// As it lies in the store; absent when it was not read.
    head: Option<Option<Vec<u8>>>,
    names: Option<Vec<Box<str>>>,
    tenants: HashMap<Box<str>, Tenant>,
    pages: HashMap<Vec<u8>, Page>,
}

impl Room {
    pub(super) fn new(sort: Sort) -> Self {
        Self { sort, head: None, names: None, tenants: HashMap::new(), pages: HashMap::new() }
    }

    /// The head as it is; what is known beside it is forgotten if somebody else has written.
    /// `alone`: nobody else can.
    pub(super) fn head(&mut self, catalog: &Catalog, alone: bool) -> Result<Head, StoreError> {
        if self.head.is_none() || !alone {
            let found = only(catalog.figures(&[self.sort.head()])?);
            if self.head.as_ref() != Some(&found) {
                self.forget();
                self.head = Some(found);
            }
        }
        parsed(self.head.as_ref().and_then(Option::as_deref))
    }

    /// Adds all of `additions` and sets the head, or nothing (`false`), because somebody else has
    /// written. After [`Room::head`].
    pub(super) fn add(
        &mut self,
        catalog: &Catalog,
        additions: &Additions,
        head: Head,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.meet(catalog, additions)?;
        let (touched, mut writes) = self.place(catalog, additions, now)?;
        for key in &touched {
            if let Some(page) = self.pages.get(key) {
                writes.push((key.clone(), Some(page.encode())));
            }
        }
        self.tend(now, &mut writes);
        let is_written = self.write(catalog, writes, head)?;
        if is_written && self.pages.len() > PAGES_KEPT {
            self.pages.retain(|key, _| touched.contains(key));
        }
        Ok(is_written)
    }

    /// Removes all pages and begins anew. After [`Room::head`], whose head it takes. Goes on where
    /// somebody else was interrupted.
    pub(super) fn clear(&mut self, catalog: &Catalog, head: Head) -> Result<bool, StoreError> {
        let old = self.head.clone().flatten();
        let names = self.names(catalog)?.clone();
        let mut spans_left = Vec::new();
        for tenant in &names {
            let key = self.sort.key(b's', tenant);
            let found = only(catalog.figures(std::slice::from_ref(&key))?);
            let mut spans: Spans = parsed(found.as_deref())?;
            let mut keys = vec![self.sort.page(tenant, TOTAL, 0)];
            for step in [Step::Minute, Step::Hour, Step::Day] {
                if let Some((first, last)) = *spans.of(step) {
                    let page = |at| self.sort.page(tenant, step.letter(), at);
                    keys.extend((first..=last).map(page));
                }
            }
            for keys in keys.chunks(usize::try_from(TRIM_MAX).unwrap_or(1)) {
                let writes: Vec<FigureWrite> = keys.iter().map(|key| (key.clone(), None)).collect();
                if !catalog.change_figures(&self.sort.head(), old.as_deref(), &writes)? {
                    self.forget();
                    return Ok(false);
                }
            }
            spans_left.push((key, None));
        }
        self.tenants.clear();
        self.pages.clear();
        let head = Head { through: String::new(), is_clearing: false, ..head };
        self.write(catalog, spans_left, head)
    }

    /// Writes, if the head is as it was read.
    pub(super) fn write(
        &mut self,
        catalog: &Catalog,
        mut writes: Vec<FigureWrite>,
        head: Head,
    ) -> Result<bool, StoreError> {
        // Until it is known what became of it, nothing is known.
        let old = self.head.take().flatten();
        let writes_before: Head = parsed(old.as_deref())?;
        let head = Head { writes: writes_before.writes + 1, ..head };
        let bytes = serde_json::to_vec(&head).map_err(damaged)?;
        writes.push((self.sort.head(), Some(bytes.clone())));
        let written = catalog.change_figures(&self.sort.head(), old.as_deref(), &writes);
        if matches!(written, Ok(true)) {
            self.head = Some(Some(bytes));
        } else {
            self.forget();
        }
        written
    }

    /// Lets go of all that was read.
    pub(super) fn forget(&mut self) {
        *self = Self::new(self.sort);
    }

    /// Reads what is known of the tenants that are not known yet.
    fn meet(&mut self, catalog: &Catalog, additions: &Additions) -> Result<(), StoreError> {
        let strangers: HashSet<&str> = additions
            .keys()
            .map(|spot| &*spot.tenant)
            .filter(|tenant| !self.tenants.contains_key(*tenant))
            .collect();
        for tenant in strangers {
            let keys = [self.sort.key(b'l', tenant), self.sort.key(b's', tenant)];
            let mut found = catalog.figures(&keys)?.into_iter();
            let labels = found.next().flatten();
            let labels = labels.map_or(Some(Labels::default()), |bytes| Labels::decode(&bytes));
            let spans = parsed(found.next().flatten().as_deref())?;
            let labels = labels.ok_or_else(|| damaged("labels"))?;
            self.tenants.insert(tenant.into(), Tenant { labels, spans, stored: spans });
        }
        Ok(())
    }

    /// Adds to the pages in memory; says which, and what else is to be written.
    fn place(
        &mut self,
        catalog: &Catalog,
        additions: &Additions,
        now: Timestamp,
    ) -> Result<(HashSet<Vec<u8>>, Vec<FigureWrite>), StoreError> {
        let mut wanted: Vec<(Vec<u8>, Cell, &Sums)> = Vec::new();
        for (spot, sums) in additions {
            let Some(tenant) = self.tenants.get_mut(&spot.tenant) else { continue };
            let cell = Cell {
                campaign: tenant.labels.campaign(&spot.campaign),
                property: tenant.labels.property(&spot.property),
                gate: tenant.labels.gate(&spot.gate),
                reason: spot.reason,
            };
            let hour = spot.minute.div_euclid(HOUR_MS / MINUTE_MS);
            let stretches =
                [(Step::Minute, spot.minute), (Step::Hour, hour), (Step::Day, spot.day)];
            for (step, at) in stretches {
                if step.first_kept(now).is_some_and(|first| at < first) {
                    continue;
                }
                let span = tenant.spans.of(step);
                let (first, last) = span.unwrap_or((at, at));
                *span = Some((first.min(at), last.max(at)));
                let key = self.sort.page(&spot.tenant, step.letter(), at);
                wanted.push((key, cell, sums));
            }
            if self.sort == Sort::Told {
                wanted.push((self.sort.page(&spot.tenant, TOTAL, 0), cell, sums));
            }
        }
        let touched: HashSet<Vec<u8>> = wanted.iter().map(|(key, _, _)| key.clone()).collect();
        let missing = touched.iter().filter(|key| !self.pages.contains_key(*key));
        let missing: Vec<Vec<u8>> = missing.cloned().collect();
        let found = catalog.figures(&missing)?;
        for (key, bytes) in missing.into_iter().zip(found) {
            self.pages.insert(key, page(bytes.as_deref())?);
        }
        for (key, cell, sums) in wanted {
            if let Some(page) = self.pages.get_mut(&key) {
                page.add(cell, sums);
            }
        }
        let names = self.names(catalog)?;
        let before = names.len();
        for tenant in additions.keys().map(|spot| &spot.tenant) {
            if !names.contains(tenant) {
                names.push(tenant.clone());
            }
        }
        let mut writes = Vec::new();
        if names.len() > before {
            let bytes = serde_json::to_vec(names).map_err(damaged)?;
            writes.push((self.sort.names(), Some(bytes)));
        }
        Ok((touched, writes))
    }

    /// Removes what is kept no longer, and stores what has changed of the tenants.
    fn tend(&mut self, now: Timestamp, writes: &mut Vec<FigureWrite>) {
        for (name, tenant) in &mut self.tenants {
            for step in [Step::Minute, Step::Hour] {
                let Some(kept) = step.first_kept(now) else { continue };
                let span = tenant.spans.of(step);
                let Some((first, last)) = *span else { continue };
                let end = kept.min(last + 1).min(first + TRIM_MAX);
                for at in first..end {
                    let key = self.sort.page(name, step.letter(), at);
                    self.pages.remove(&key);
                    writes.push((key, None));
                }
                let first = first.max(end);
                *span = (first <= last).then_some((first, last));
            }
            if let Some(labels) = tenant.labels.changed() {
                writes.push((self.sort.key(b'l', name), Some(labels)));
            }
            if tenant.spans != tenant.stored {
                // A record of three pairs of numbers can be written.
                let spans = serde_json::to_vec(&tenant.spans).unwrap_or_default();
                writes.push((self.sort.key(b's', name), Some(spans)));
                tenant.stored = tenant.spans;
            }
        }
    }

    fn names(&mut self, catalog: &Catalog) -> Result<&mut Vec<Box<str>>, StoreError> {
        let names = match self.names.take() {
            Some(names) => names,
            None => parsed(only(catalog.figures(&[self.sort.names()])?).as_deref())?,
        };
        Ok(self.names.insert(names))
    }
}

/// How far the events are counted.
pub(super) fn head(catalog: &Catalog) -> Result<Head, StoreError> {
    parsed(only(catalog.figures(&[Sort::Told.head()])?).as_deref())
}

/// The labels of a tenant.
pub(super) fn labels(catalog: &Catalog, sort: Sort, tenant: &str) -> Result<Labels, StoreError> {
    match only(catalog.figures(&[sort.key(b'l', tenant)])?) {
        Some(bytes) => Labels::decode(&bytes).ok_or_else(|| damaged("labels")),
        None => Ok(Labels::default()),
    }
}

/// The names of all tenants.
pub(super) fn tenants(catalog: &Catalog) -> Result<Vec<Box<str>>, StoreError> {
    parsed(only(catalog.figures(&[Sort::Told.names()])?).as_deref())
}

/// The pages of a tenant as they are stored, stretch by stretch; empty where nothing was counted.
pub(super) fn pages(
    catalog: &Catalog,
    sort: Sort,
    tenant: &str,
    step: Step,
    stretches: impl Iterator<Item = i64>,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let keys = stretches.map(|at| sort.page(tenant, step.letter(), at));
    let found = catalog.figures(&keys.collect::<Vec<_>>())?;
    Ok(found.into_iter().map(Option::unwrap_or_default).collect())
}

/// What a tenant has of events over all time.
pub(super) fn total(catalog: &Catalog, tenant: &str) -> Result<Page, StoreError> {
    page(only(catalog.figures(&[Sort::Told.page(tenant, TOTAL, 0)])?).as_deref())
}

fn page(bytes: Option<&[u8]>) -> Result<Page, StoreError> {
    match bytes {
        Some(bytes) => Page::decode(bytes).ok_or_else(damaged_page),
        None => Ok(Page::default()),
    }
}

fn only(found: Vec<Option<Vec<u8>>>) -> Option<Vec<u8>> {
    found.into_iter().next().flatten()
}

fn parsed<T: Default + serde::de::DeserializeOwned>(bytes: Option<&[u8]>) -> Result<T, StoreError> {
    bytes.map_or_else(|| Ok(T::default()), |bytes| serde_json::from_slice(bytes).map_err(damaged))
}

pub(super) fn damaged_page() -> StoreError {
    damaged("a page")
}

fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("the figures: {what}"))
}
