//! Issuing codes: generated ones, imported ones, single ones. For the office; all calls block.
//!
//! Codes are handed out block by block, each durable before it leaves, so that a million stream through little memory
//! and an interrupted request goes on where it stopped: repeated with the same request id, it finds its batch again.

use std::collections::HashSet;
use std::io::BufRead;
use std::ops::ControlFlow;
use std::sync::PoisonError;

use super::Engine;
use super::open::{indexed, indexed_override};
use super::patterns::pattern_of;
use super::row::{RowFault, own_of};
use crate::catalog::{
    BLOCK_CODES_MAX, Batch, BatchError, BatchState, Issue, NonceBytes, Override, SeriesError,
    Source, StoreError,
};
use crate::codes::import::{Format, RowError, Rows};
use crate::codes::strength::{self, TooGuessable};
use crate::codes::{CodeText, Series, Verdict};
use crate::domain::campaign::{Campaign, CheckRule};
use crate::domain::code::{CodeKey, Normal};
use crate::domain::id::{CampaignId, RequestId, TenantId};
use crate::domain::time::Timestamp;
use crate::index::Entry;

/// Most codes in one request: a batch's positions fit 32 bits, and nobody prints more.
pub const ISSUE_COUNT_MAX: u64 = 100_000_000;

/// What all codes of one issue have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueOrder {
    /// The campaign.
    pub campaign: CampaignId,
    /// What people call the batch; may be empty.
    pub label: String,
    /// The request's id: repeated, the request goes on where it stopped.
    pub request: Option<RequestId>,
    /// When they were paid.
    pub paid: Option<Timestamp>,
    /// Their number of uses, where it is not the campaign's.
    pub uses: Option<u64>,
    /// Their starting balance, where it is not the campaign's, in minor units.
    pub balance_minor: Option<i64>,
    /// Their first moment, where it is not the campaign's.
    pub valid_from: Option<Timestamp>,
    /// Their first moment after, where it is not the campaign's.
    pub valid_until: Option<Timestamp>,
}

impl IssueOrder {
    /// Codes of `campaign` as it says, without anything of their own.
    #[must_use]
    pub fn plain(campaign: CampaignId) -> Self {
        Self {
            campaign,
            label: String::new(),
            request: None,
            paid: None,
            uses: None,
            balance_minor: None,
            valid_from: None,
            valid_until: None,
        }
    }
}

/// Why codes were not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no such campaign.
    #[error("there is no campaign {0}")]
    UnknownCampaign(CampaignId),
    /// The campaign says nothing of how its codes are made.
    #[error("campaign {0} has no code pattern; add [codes] pattern = \"…\" to it, or import codes")]
    NoPattern(CampaignId),
    /// None, or too many.
    #[error("{0} codes were asked for; 1 to {ISSUE_COUNT_MAX} can be made at once")]
    Count(u64),
    /// A balance for codes whose campaign has none.
    #[error("campaign {0} is no voucher, so its codes have no balance")]
    NoBalance(CampaignId),
    /// Codes could be guessed.
    #[error(transparent)]
    Weak(#[from] TooGuessable),
    /// The pattern is used up.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The batch does not take them.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The input cannot be read.
    #[error("the input cannot be read: {0}")]
    Input(#[from] std::io::Error),
    /// No randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
    /// A generated code exists already.
    #[error(
        "a code of this pattern exists already although it was never made; batch {0} is incomplete"
    )]
    Taken(u32),
}

/// Codes being generated. Each [`Generation::next_block`] makes, stores and returns some.
pub struct Generation<'a> {
    engine: &'a Engine,
    series: Series,
    batch: Batch,
    first_serial: u64,
    wanted: u64,
    /// Positions that were stored before this request, still to be returned.
    told: u64,
}

impl Engine {
    /// Begins to generate `count` codes, or goes on with what the same request began.
    ///
    /// # Errors
    /// [`IssueError`], before anything is made.
    pub fn generate(
        &self,
        tenant: &TenantId,
        order: &IssueOrder,
        count: u64,
        who: &str,
    ) -> Result<Generation<'_>, IssueError> {
        if count == 0 || count > ISSUE_COUNT_MAX {
            return Err(IssueError::Count(count));
        }
        let campaign = self.campaign_for(tenant, order)?;
        let no_pattern = || IssueError::NoPattern(order.campaign.clone());
        let pattern = pattern_of(&campaign).ok_or_else(no_pattern)?;
        let format = campaign.code_format.as_ref().ok_or_else(no_pattern)?;
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = match order.request {
            Some(request) => self.catalog.batch_of_request(tenant, request)?,
            None => None,
        };
        let first_serial = match begun.as_ref().map(|batch| &batch.issue.source) {
            Some(Source::Generated { first_serial, .. }) => *first_serial,
            Some(Source::Imported | Source::ByHand) => 0,
            None => {
                strength::check(&pattern, self.live_codes_of(tenant, pattern.shape())? + count)?;
                let parts = [tenant.as_str().as_bytes(), pattern.shape().as_bytes()];
                let shape = self.keys.derive("series", &parts);
                let capacity = u64::try_from(pattern.capacity()).unwrap_or(u64::MAX);
                self.catalog.reserve(shape, count, capacity)?
            }
        };
        let source = Source::Generated {
            pattern: format.pattern.to_string(),
            alphabet: format.alphabet.to_string(),
            check: format.check == CheckRule::Checked,
            first_serial,
        };
        let batch = self.begin(tenant, order, &campaign, source, Some(count))?;
        let (id, number) = (&order.campaign, batch.number);
        self.audit(who, format!("campaign {id}: generate {count} codes as batch {number}"))?;
        let series = Series::new(pattern, &self.keys, tenant.as_str());
        Ok(Generation { engine: self, series, batch, first_serial, wanted: count, told: 0 })
    }

    /// How many codes of a shape there are.
    fn live_codes_of(&self, tenant: &TenantId, shape: &str) -> Result<u64, StoreError> {
        let mut live = 0;
        for batch in self.catalog.batches()? {
            let Source::Generated { pattern, alphabet, check, .. } = &batch.issue.source else {
                continue;
            };
            let check = if *check { crate::codes::Check::On } else { crate::codes::Check::Off };
            let Ok(alphabet) = alphabet.parse() else { continue };
            let same = crate::codes::Pattern::parse(pattern, alphabet, check)
                .is_ok_and(|pattern| pattern.shape() == shape);
            if same && batch.issue.tenant == *tenant {
                live += batch.issue.wanted.unwrap_or(batch.stored);
            }
        }
        Ok(live)
    }

    fn campaign_for(
        &self,
        tenant: &TenantId,
        order: &IssueOrder,
    ) -> Result<std::sync::Arc<Campaign>, IssueError> {
        let definitions = self.index.definitions();
        let campaign = definitions
            .campaign(tenant, &order.campaign)
            .ok_or_else(|| IssueError::UnknownCampaign(order.campaign.clone()))?;
        if order.balance_minor.is_some() && !campaign.has_balance() {
            return Err(IssueError::NoBalance(order.campaign.clone()));
        }
        Ok(std::sync::Arc::clone(campaign))
    }

    fn begin(
        &self,
        tenant: &TenantId,
        order: &IssueOrder,
        campaign: &Campaign,
        source: Source,
        wanted: Option<u64>,
    ) -> Result<Batch, IssueError> {
        let batch = self.catalog.begin_batch(Issue {
            tenant: tenant.clone(),
            campaign: order.campaign.clone(),
            version: campaign.version,
            label: order.label.clone(),
            source,
            request: order.request,
            wanted,
            issued: self.now(),
            paid: order.paid,
            uses: order.uses,
            balance_minor: order.balance_minor,
            valid_from: order.valid_from,
            valid_until: order.valid_until,
        })?;
        let placed = self.index.change(|definitions| definitions.put_batch(indexed(&batch)));
        if let Err(error) = placed {
            tracing::error!(%error, "a new batch does not fit the index");
        }
        Ok(batch)
    }

    /// Stores one own code as a batch of its own. Whoever calls holds the office's turn and has checked the code.
    pub(super) fn add_own_code(
        &self,
        tenant: &TenantId,
        campaign: &CampaignId,
        version: u32,
        key: CodeKey,
        text: &str,
    ) -> Result<(), IssueError> {
        let definitions = self.index.definitions();
        let current = definitions
            .campaign(tenant, campaign)
            .ok_or_else(|| IssueError::UnknownCampaign(campaign.clone()))?;
        let versioned = Campaign { version, ..Campaign::clone(current) };
        let order = IssueOrder::plain(campaign.clone());
        let batch = self.begin(tenant, &order, &versioned, Source::ByHand, Some(1))?;
        self.store_block(&batch, &[(key, text)])?;
        self.catalog.complete_batch(batch.number)?;
        Ok(())
    }

    /// Stores a block of codes durably, then lets requests find them.
    fn store_block(&self, batch: &Batch, codes: &[(CodeKey, &str)]) -> Result<(), IssueError> {
        let mut nonce = NonceBytes::default();
        if !(self.random)(&mut nonce) {
            return Err(IssueError::NoRandomness);
        }
        let first = self.catalog.append_block(batch.number, codes, nonce)?;
        self.catalog.sync()?;
        if let Some(entry) = Entry::new(batch.number, first) {
            self.index.fill(entry, codes.iter().map(|(key, _)| *key));
        }
        Ok(())
    }
}

impl Generation<'_> {
    /// The batch.
    #[must_use]
    pub fn batch(&self) -> u32 {
        self.batch.number
    }

    /// How many codes are wanted in all.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Hands the next codes to `each`, durable by then, those of an earlier try first. Says how many; zero at the end.
    ///
    /// # Errors
    /// [`IssueError`]; what was handed out before is good, and the same request goes on from there.
    pub fn next_block(&mut self, mut each: impl FnMut(&str)) -> Result<u64, IssueError> {
        let begin = self.told;
        if begin >= self.wanted {
            if self.batch.state == BatchState::Open {
                self.batch = self.engine.catalog.complete_batch(self.batch.number)?;
            }
            return Ok(0);
        }
        let block = BLOCK_CODES_MAX as u64;
        if begin < self.batch.stored {
            let end = (begin + block).min(self.batch.stored);
            let positions = position(begin)..position(end);
            self.engine.catalog.rows(self.batch.number, positions, |row| {
                each(row.text);
                ControlFlow::Continue(())
            })?;
            self.told = end;
            return Ok(end - begin);
        }
        let end = (begin + block).min(self.wanted);
        let texts = self.make(begin, end)?;
        texts.iter().for_each(|text| each(text.as_str()));
        self.told = end;
        self.batch.stored = end;
        Ok(end - begin)
    }

    fn make(&self, begin: u64, end: u64) -> Result<Vec<CodeText>, IssueError> {
        let serials = self.first_serial + begin..self.first_serial + end;
        let exhausted = |e: crate::codes::Exhausted| {
            let left = u64::try_from(e.capacity).unwrap_or(u64::MAX).saturating_sub(begin);
            IssueError::Series(SeriesError::Exhausted { left, count: self.wanted })
        };
        let texts: Vec<CodeText> = self.series.texts(serials).map_err(exhausted)?.collect();
        let tenant = self.batch.issue.tenant.as_str();
        let mut codes = Vec::with_capacity(texts.len());
        for text in &texts {
            let normal = Normal::parse(text.as_str());
            let key = normal.map(|normal| self.engine.keys.key(tenant, &normal)).ok();
            let free = key.filter(|key| self.engine.index.lookup(key).is_none());
            codes.push((free.ok_or(IssueError::Taken(self.batch.number))?, text.as_str()));
        }
        let _turn = self.engine.office.lock().unwrap_or_else(PoisonError::into_inner);
        self.engine.store_block(&self.batch, &codes)?;
        drop(codes);
        Ok(texts)
    }
}

fn position(position: u64) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Whether an import changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// It says what it would do.
    Dry,
    /// It does it.
    Real,
}

/// A list of codes to be taken in.
pub struct List<R> {
    /// The text.
    pub input: R,
    /// How it is written.
    pub format: Format,
    /// Whether to take it in, or only to say what would happen.
    pub trial: Trial,
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// The batch; zero for a trial.
    pub batch: u32,
    /// Rows that were read.
    pub rows: u64,
    /// Codes that are new.
    pub accepted: u64,
    /// Codes that an earlier try of the same request had stored.
    pub stored_before: u64,
    /// Rows that were refused.
    pub refused: u64,
}

/// A row that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct RowRefused {
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: RowFault,
}

/// What an import says while it goes on.
pub enum ImportNews<'a> {
    /// A row was not taken.
    Refused(&'a RowRefused),
    /// So much was done.
    Progress(Imported),
}

impl Engine {
    /// Takes in own codes from a list, CSV or NDJSON. Wrong and duplicate rows are told by line and left out; the rest
    /// goes on. Repeated with the same request id, it goes on where it stopped.
    ///
    /// # Errors
    /// [`IssueError`]; what was accepted before is stored.
    pub fn import(
        &self,
        tenant: &TenantId,
        order: &IssueOrder,
        list: List<impl BufRead>,
        who: &str,
        mut news: impl FnMut(ImportNews<'_>),
    ) -> Result<Imported, IssueError> {
        let List { input, format, trial } = list;
        let campaign = self.campaign_for(tenant, order)?;
        let mut pending = Pending::default();
        let batch = match trial {
            Trial::Dry => None,
            Trial::Real => {
                let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
                let batch = self.begin(tenant, order, &campaign, Source::Imported, None)?;
                let (id, number) = (&order.campaign, batch.number);
                self.audit(who, format!("campaign {id}: import codes as batch {number}"))?;
                Some(batch)
            }
        };
        let mut report = Imported {
            batch: batch.as_ref().map_or(0, |batch| batch.number),
            ..Imported::default()
        };
        let mut rows = Rows::new(input, format);
        while let Some(row) = rows.next_row()? {
            report.rows += 1;
            let checked = match row {
                Ok(row) => self.check_row(tenant, &campaign, &row, &pending, report.batch),
                Err(RowError { line, reason }) => Err((line, RowFault::Unreadable(reason))),
            };
            match checked {
                Ok(Checked::New(key, text, own)) => {
                    report.accepted += 1;
                    pending.push(key, text, own);
                }
                Ok(Checked::StoredBefore) => report.stored_before += 1,
                Err((line, fault)) => {
                    report.refused += 1;
                    news(ImportNews::Refused(&RowRefused { line, fault }));
                }
            }
            if pending.codes.len() >= BLOCK_CODES_MAX {
                self.store_pending(batch.as_ref(), &mut pending)?;
                news(ImportNews::Progress(report));
            }
        }
        self.store_pending(batch.as_ref(), &mut pending)?;
        if let Some(batch) = batch {
            self.catalog.complete_batch(batch.number)?;
        }
        news(ImportNews::Progress(report));
        Ok(report)
    }

    fn check_row(
        &self,
        tenant: &TenantId,
        campaign: &Campaign,
        row: &crate::codes::import::Row<'_>,
        pending: &Pending,
        batch: u32,
    ) -> Result<Checked, (u64, RowFault)> {
        let wrong = |fault| (row.line, fault);
        let normal = Normal::parse(row.code).map_err(|e| wrong(RowFault::Malformed(e)))?;
        let own = own_of(row, campaign).map_err(wrong)?;
        let key = self.keys.key(tenant.as_str(), &normal);
        if pending.keys.contains(&key) {
            return Err(wrong(RowFault::Repeated));
        }
        if let Some(entry) = self.index.lookup(&key) {
            return if entry.batch() == batch {
                Ok(Checked::StoredBefore)
            } else {
                Err(wrong(RowFault::Taken))
            };
        }
        if self.patterns.load().verdict(tenant, &normal) != Verdict::NotMine {
            return Err(wrong(RowFault::LikeGenerated));
        }
        Ok(Checked::New(key, row.code.to_owned(), own))
    }

    fn store_pending(
        &self,
        batch: Option<&Batch>,
        pending: &mut Pending,
    ) -> Result<(), IssueError> {
        // A trial keeps the keys, so that it finds duplicates within the list.
        let codes = std::mem::take(&mut pending.codes);
        let own = std::mem::take(&mut pending.own);
        let Some(batch) = batch else { return Ok(()) };
        pending.keys.clear();
        if codes.is_empty() {
            return Ok(());
        }
        let block: Vec<(CodeKey, &str)> = codes.iter().map(|(k, t)| (*k, t.as_str())).collect();
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        if block.iter().any(|(key, _)| self.index.lookup(key).is_some()) {
            // Somebody else's import was faster: this one goes on without those.
            return Err(IssueError::Taken(batch.number));
        }
        // What codes have different comes first: a code without it could be worth too much.
        if !own.is_empty() {
            self.catalog.put_overrides(&own)?;
        }
        self.store_block(batch, &block)?;
        for (key, own) in own {
            self.index.put_override(key, std::sync::Arc::new(indexed_override(own)));
        }
        Ok(())
    }
}

enum Checked {
    New(CodeKey, String, Option<Override>),
    StoredBefore,
}

/// Rows that were checked and wait for a full block.
#[derive(Default)]
struct Pending {
    keys: HashSet<CodeKey>,
    codes: Vec<(CodeKey, String)>,
    own: Vec<(CodeKey, Override)>,
}

impl Pending {
    fn push(&mut self, key: CodeKey, text: String, own: Option<Override>) {
        self.keys.insert(key);
        self.codes.push((key, text));
        if let Some(own) = own {
            self.own.push((key, own));
        }
    }
}
