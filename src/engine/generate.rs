//! Generating codes: a series, block by block. For the office; all calls block.

use std::ops::ControlFlow;
use std::sync::PoisonError;

use super::issue::ISSUE_COUNT_MAX;
use super::patterns::pattern_of;
use super::{Engine, IssueError, IssueOrder};
use crate::catalog::{BLOCK_CODES_MAX, Batch, BatchState, SeriesError, Source, StoreError};
use crate::codes::{Check, CodeText, Exhausted, Pattern, Series, strength};
use crate::domain::campaign::CheckRule;
use crate::domain::code::Normal;
use crate::domain::id::TenantId;

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
            Some(Source::OnDemand { .. } | Source::Imported | Source::ByHand) => 0,
            None => {
                strength::check(&pattern, self.live_codes_of(tenant, pattern.shape())? + count)?;
                self.reserve_serials(tenant, &pattern, count)?
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

    /// Takes serials of a pattern's shape, which no one else will get.
    pub(super) fn reserve_serials(
        &self,
        tenant: &TenantId,
        pattern: &Pattern,
        count: u64,
    ) -> Result<u64, IssueError> {
        let parts = [tenant.as_str().as_bytes(), pattern.shape().as_bytes()];
        let shape = self.keys.derive("series", &parts);
        let capacity = u64::try_from(pattern.capacity()).unwrap_or(u64::MAX);
        Ok(self.catalog.reserve(shape, count, capacity)?)
    }

    /// How many codes of a shape there are.
    fn live_codes_of(&self, tenant: &TenantId, shape: &str) -> Result<u64, StoreError> {
        let mut live = 0;
        for batch in self.catalog.batches()? {
            let (Source::Generated { pattern, alphabet, check, .. }
            | Source::OnDemand { pattern, alphabet, check }) = &batch.issue.source
            else {
                continue;
            };
            let check = if *check { Check::On } else { Check::Off };
            let Ok(alphabet) = alphabet.parse() else { continue };
            let same = Pattern::parse(pattern, alphabet, check)
                .is_ok_and(|pattern| pattern.shape() == shape);
            if same && batch.issue.tenant == *tenant {
                let all = batch.issue.wanted.unwrap_or(batch.stored);
                live += all.saturating_sub(batch.removed);
            }
        }
        Ok(live)
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

    /// Hands the next codes to `each`, durable by then, those of an earlier try first. Says how
    /// many; zero at the end.
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
        let exhausted = |e: Exhausted| {
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
        self.engine.store_block(&self.batch, &codes, Vec::new())?;
        drop(codes);
        Ok(texts)
    }
}

fn position(position: u64) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
