//! Figures: what happened, rolled up by minute, hour and day, by campaign, property and gate.
//!
//! A follower reads the ledger's events page by page and adds them up in the catalog's store; what
//! it adds and how far it has read are one write. So every event counts once, whatever dies in
//! between and however many nodes count, and the sums agree with the ledger to the unit. Nothing is
//! counted by scanning codes or receipts. Refusals are in no event: this process counts them where
//! they happen and adds them every few seconds; what it had not added yet dies with it.
//!
//! Days are those of the campaign's own calendar; refusals of no known campaign: of UTC.
//!
//! It deliberately knows no wire and no clock of its own, and does not wait: who follows does.

mod answered;
mod attempts;
mod calendars;
mod labels;
mod question;
mod room;
mod sums;
mod tally;
mod told;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Engine;
use crate::catalog::StoreError;
use crate::domain::id::{CampaignId, TenantId};
use crate::domain::limits;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::engine::AuditEntry;
use crate::engine::look::Owners;
use crate::ledger::{Cursor, Entry, Ledger, LedgerError};
use attempts::Attempts;
use calendars::Calendars;
use room::{Additions, Head, Room, Sort, Spot};
use tally::Tally;
use told::told;

pub use crate::ledger::Pulse;
pub(super) use answered::Origin;
pub use answered::RefusedAttempt;
pub use attempts::{ATTEMPTS_MAX, ATTEMPTS_OF_CODE_MAX};
pub use question::{By, Figures, Question, SERIES_MAX, STRETCHES_MAX, Series, Standing};
pub use room::Step;
pub use sums::{Count, Sums};
pub use tally::{Became, Place, Row};

/// Events that are read at once: enough that a write is little beside them, few enough that they
/// are a moment's work.
const PAGE_EVENTS: usize = 4_096;

/// How long the node that counted last is left to count on, in milliseconds. Longer than it pauses
/// while there is something to count. Two that count at once cost work and nothing else.
const LEASE_MS: u64 = 3_000;

/// Most kinds of refusals that wait to be added; further ones are added without property and gate.
const REFUSALS_MAX: usize = 20_000;

/// How often a write is tried again where another node was faster.
const TURNS_MAX: usize = 16;

/// Whether somebody waits for the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Nobody: a node that counts already is left to it.
    Calm,
    /// Somebody asked this node, which cannot know when another one will count.
    Wanted,
}

/// How far counting has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// There was nothing more.
    All,
    /// There is more.
    Some,
    /// Another node counts.
    Elsewhere,
}

/// Why events cannot be counted now.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// The store of the figures fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// How a campaign stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignStanding {
    /// What was counted over all time.
    pub standing: Standing,
    /// What the campaign's limit of uses in total leaves; absent: it has none.
    pub remaining: Option<u64>,
    /// Codes that were issued and not removed.
    pub codes: u64,
    /// How far the events are counted; absent while everything is removed to be counted again.
    pub through: Option<Cursor>,
}

/// What an engine keeps of figures.
pub(super) struct Counting {
    tally: Tally,
    attempts: Attempts,
    /// What this node is called among those that count.
    writer: String,
    told: Mutex<ToldRoom>,
    refused: Mutex<Room>,
    /// Refusals that are not added yet.
    waiting: Mutex<Additions>,
}

struct ToldRoom {
    room: Room,
    /// Whether it is known that the figures are of this ledger.
    is_checked: bool,
}

impl Counting {
    pub(super) fn new(writer: String) -> Self {
        Self {
            tally: Tally::default(),
            attempts: Attempts::default(),
            writer,
            told: Mutex::new(ToldRoom { room: Room::new(Sort::Told), is_checked: false }),
            refused: Mutex::new(Room::new(Sort::Refused)),
            waiting: Mutex::default(),
        }
    }
}

/// A thread that panicked leaves nothing half done here: rooms forget what was not written.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Counts the next page of events. Blocks.
    ///
    /// # Errors
    /// When the events cannot be read or the figures not be written; asking again goes on.
    pub fn count_events(&self, urgency: Urgency) -> Result<Counted, FiguresError> {
        let mut told = locked(&self.figures.told);
        let counted = self.count_page(&mut told, urgency);
        if counted.is_err() {
            told.room.forget();
        }
        counted
    }

    fn count_page(&self, told: &mut ToldRoom, urgency: Urgency) -> Result<Counted, FiguresError> {
        let now = self.now();
        let head = told.room.head(&self.catalog, self.counts_alone())?;
        let age_ms = now.since_ms(Timestamp(head.at_ms));
        let is_ours = self.counts_alone() || head.writer == self.figures.writer;
        if !is_ours && urgency == Urgency::Calm && age_ms < LEASE_MS {
            return Ok(Counted::Elsewhere);
        }
        let own = |through| Head {
            through,
            writer: self.figures.writer.clone(),
            at_ms: now.0,
            ..Head::default()
        };
        if head.is_clearing || !told.is_checked && self.is_of_another_ledger(&head)? {
            told.is_checked = told.room.clear(&self.catalog, own(String::new()))?;
            return Ok(Counted::Some);
        }
        told.is_checked = true;
        let after: Cursor = head.through.parse().unwrap_or_default();
        let (entries, through) = self.ledger.events(&after, PAGE_EVENTS)?;
        if entries.is_empty() {
            return Ok(Counted::All);
        }
        let additions = self.additions(&entries);
        let is_last = entries.len() < PAGE_EVENTS / 2;
        let head = own(through.to_string());
        let is_written = told.room.add(&self.catalog, &additions, head, now)?;
        Ok(if is_written && is_last { Counted::All } else { Counted::Some })
    }

    /// Whether nobody but this process writes the figures.
    fn counts_alone(&self) -> bool {
        self.ledger.is_local()
    }

    /// Whether the figures are of a ledger that is not here any more: one that forgets at the end
    /// of its process, or one that was put back to an earlier state.
    fn is_of_another_ledger(&self, head: &Head) -> Result<bool, LedgerError> {
        if matches!(self.ledger, Ledger::Memory(_)) {
            return Ok(true);
        }
        let through: Cursor = head.through.parse().unwrap_or_default();
        Ok(!self.ledger.newest()?.covers(&through))
    }

    fn additions(&self, entries: &[Entry]) -> Additions {
        let mut calendars = Calendars::new(self.index.definitions());
        let mut additions = Additions::new();
        for entry in entries {
            let Some(told) = told(entry) else { continue };
            let at = entry.event.at;
            for (campaign, sums) in told.uses {
                let spot = Spot {
                    day: calendars.day(&told.tenant, &campaign, at),
                    tenant: told.tenant.clone(),
                    campaign,
                    property: told.property.clone(),
                    gate: told.gate.clone(),
                    reason: 0,
                    minute: at.0.div_euclid(MINUTE_MS),
                };
                additions.entry(spot).or_default().merge(&sums);
            }
        }
        additions
    }

    /// Begins to count all events anew. Refusals stay. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn rebuild_figures(&self, who: &str) -> Result<(), StoreError> {
        let mut told = locked(&self.figures.told);
        for _ in 0..TURNS_MAX {
            let head = told.room.head(&self.catalog, false)?;
            let head = Head { is_clearing: true, at_ms: 0, ..head };
            if told.room.write(&self.catalog, Vec::new(), head)? {
                told.room.forget();
                let what = "figures: counted again".to_owned();
                let entry = AuditEntry { at: self.now(), who: who.to_owned(), what };
                return self.catalog.append_audit(&[entry]);
            }
        }
        Err(StoreError::Contended)
    }

    /// How far the events are counted; absent while everything is removed to be counted again.
    /// Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn counted_through(&self) -> Result<Option<Cursor>, StoreError> {
        let head = room::head(&self.catalog)?;
        Ok((!head.is_clearing).then(|| head.through.parse().unwrap_or_default()))
    }

    /// The figures of a tenant. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn figures(&self, tenant: &TenantId, question: &Question) -> Result<Figures, StoreError> {
        question::answer(&self.catalog, tenant.as_str(), question)
    }

    /// How a campaign stands, as far as the events are counted; absent: there is none. What was
    /// counted is of these properties only, if there are any. Blocks.
    ///
    /// # Errors
    /// When a store fails.
    pub fn campaign_standing(
        &self,
        tenant: &TenantId,
        campaign: &CampaignId,
        properties: &[String],
    ) -> Result<Option<CampaignStanding>, FiguresError> {
        let definitions = self.index.definitions();
        let Some(known) = definitions.campaign(tenant, campaign) else { return Ok(None) };
        let remaining = match limits::campaign_total(known) {
            Some((key, max)) => {
                self.look_and_wait(Owners::from_iter([key.owner]))?;
                let book = self.ledger.read();
                Some(max.saturating_sub(book.used(&key)).saturating_sub(book.held(&key)))
            }
            None => None,
        };
        let batches = self.catalog.batches()?;
        let own = batches.iter().map(|batch| (&batch.issue, batch.left()));
        let own = own.filter(|(of, _)| of.tenant == *tenant && of.campaign == *campaign);
        let through = self.counted_through()?;
        Ok(Some(CampaignStanding {
            standing: self.standings(tenant.as_str(), &[campaign.as_str()], properties)?.remove(0),
            remaining,
            codes: own.map(|(_, codes)| codes).sum(),
            through,
        }))
    }

    /// What campaigns of these names come to over all time, of all tenants together. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn named_standings(&self, campaigns: &[&str]) -> Result<Vec<Standing>, StoreError> {
        if campaigns.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = vec![Standing::default(); campaigns.len()];
        for tenant in room::tenants(&self.catalog)? {
            for (sum, own) in all.iter_mut().zip(self.standings(&tenant, campaigns, &[])?) {
                sum.used += own.used;
                sum.held += own.held;
                sum.sums.merge(&own.sums);
            }
        }
        Ok(all)
    }

    fn standings(
        &self,
        tenant: &str,
        campaigns: &[&str],
        properties: &[String],
    ) -> Result<Vec<Standing>, StoreError> {
        let labels = room::labels(&self.catalog, Sort::Told, tenant)?;
        let page = room::total(&self.catalog, tenant)?;
        let standing = |campaign: &&str| question::standing(&page, &labels, campaign, properties);
        Ok(campaigns.iter().map(standing).collect())
    }

    /// What the campaigns of a tenant come to over all time, by their ids; those of which no event
    /// tells are missing. Only of these properties, if there are any. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn standings_by_campaign(
        &self,
        tenant: &TenantId,
        properties: &[String],
    ) -> Result<HashMap<String, Standing>, StoreError> {
        let labels = room::labels(&self.catalog, Sort::Told, tenant.as_str())?;
        let page = room::total(&self.catalog, tenant.as_str())?;
        Ok(question::standings(&page, &labels, properties))
    }

    /// All that this process answered since the last time; refusals among it are remembered for
    /// [`Engine::add_refusals`].
    pub fn drain_tally(&self) -> Vec<Row> {
        let (rows, now) = (self.figures.tally.drain(), self.now());
        let mut calendars = Calendars::new(self.index.definitions());
        let mut waiting = locked(&self.figures.waiting);
        for row in &rows {
            let Became::No(reason) = row.became else { continue };
            let place = &row.place;
            let mut spot = Spot {
                tenant: place.tenant.clone(),
                campaign: row.campaign.clone(),
                property: place.property.clone(),
                gate: place.gate_label().into(),
                reason: reason.number(),
                minute: now.0.div_euclid(MINUTE_MS),
                day: calendars.day(&place.tenant, &row.campaign, now),
            };
            if waiting.len() >= REFUSALS_MAX {
                (spot.property, spot.gate) = (labels::OTHER.into(), labels::OTHER.into());
            }
            let n = i64::try_from(row.n).unwrap_or(i64::MAX);
            waiting.entry(spot).or_default().add(Count::Refused, n);
        }
        rows
    }

    /// Adds the refusals of this process to the figures. Blocks.
    ///
    /// # Errors
    /// When the store fails; they are added the next time.
    pub fn add_refusals(&self) -> Result<(), StoreError> {
        let additions = std::mem::take(&mut *locked(&self.figures.waiting));
        if additions.is_empty() {
            return Ok(());
        }
        let mut room = locked(&self.figures.refused);
        let added = self.add_to(&mut room, &additions);
        if added.is_err() {
            room.forget();
            let mut waiting = locked(&self.figures.waiting);
            for (spot, sums) in additions {
                waiting.entry(spot).or_default().merge(&sums);
            }
        }
        added
    }

    fn add_to(&self, room: &mut Room, additions: &Additions) -> Result<(), StoreError> {
        for _ in 0..TURNS_MAX {
            let head = room.head(&self.catalog, self.counts_alone())?;
            if room.add(&self.catalog, additions, head, self.now())? {
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }
}
