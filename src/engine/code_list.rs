//! The codes of a campaign, page by page, and which of them a list is about.
//!
//! A page looks at a bounded number of codes, however many there are: where few fit, it may hold
//! fewer than were asked for, even none, and says where to go on. Batches of which no code can fit
//! are passed over.

use std::cmp::Reverse;
use std::ops::{ControlFlow, Range};

use super::{CodePage, Engine, ExportError};
use crate::catalog::{BLOCK_CODES_MAX, Batch, Lies, StoreError};
use crate::domain::id::{CampaignId, TenantId};
use crate::domain::posting::{FacetKind, Key};
use crate::index::Found;
use crate::ledger::LedgerError;

/// Most codes that one page looks at: some hundredths of a second, also where the ledger is
/// elsewhere.
const LOOKED_AT_MAX: u32 = 32_768;

/// Codes that are read at once: a block of the catalog.
const READ_AT_ONCE: u32 = 4_096;
const _: () = assert!(READ_AT_ONCE as usize == BLOCK_CODES_MAX);

/// Most codes whose records are fetched together: enough for the way to a ledger elsewhere not to
/// count, and a moment's work for it.
pub(super) const FETCHED_AT_ONCE: usize = 1_000;

/// Which codes a list is about. What is absent excludes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeFilter {
    /// Whether there is a moment of payment, the code's own or its batch's.
    pub paid: Option<bool>,
    /// Whether a use of the code is in force.
    pub redeemed: Option<bool>,
}

impl CodeFilter {
    pub(super) fn takes_paid(self, found: &Found) -> bool {
        self.paid.is_none_or(|paid| found.code.paid.is_some() == paid)
    }

    pub(super) fn takes_used(self, used: u64) -> bool {
        self.redeemed.is_none_or(|redeemed| (used > 0) == redeemed)
    }
}

/// Which page of which list.
#[derive(Debug, Clone, Copy)]
pub struct CodesAsked<'a> {
    /// The campaign.
    pub campaign: &'a CampaignId,
    /// Only this batch.
    pub batch: Option<u32>,
    /// Which codes.
    pub filter: CodeFilter,
    /// Only codes that come after the one that lies here: of older batches, or before it in its
    /// own.
    pub after: Option<Lies>,
    /// At most so many, from 1.
    pub most: usize,
}

/// One code of a list.
#[derive(Debug, Clone)]
pub struct ListedCode {
    /// Its text: the secret itself.
    pub text: String,
    /// Where it stands; when it was used last is left out.
    pub page: CodePage,
}

/// A page of a list of codes.
#[derive(Debug, Clone, Default)]
pub struct CodeList {
    /// The newest batch first, and in it the last code.
    pub codes: Vec<ListedCode>,
    /// Where to read on; absent: that was all.
    pub after: Option<Lies>,
}

impl Engine {
    /// A page of a campaign's codes; absent: there is no such campaign. Blocks.
    ///
    /// # Errors
    /// When the store fails, or the ledger cannot be asked.
    pub fn list_codes(
        &self,
        tenant: &TenantId,
        asked: &CodesAsked<'_>,
    ) -> Result<Option<CodeList>, ExportError> {
        if self.index.definitions().campaign(tenant, asked.campaign).is_none() {
            return Ok(None);
        }
        let mut batches = self.batches(tenant, Some(asked.campaign))?;
        batches.retain(|batch| {
            asked.batch.is_none_or(|only| only == batch.number)
                && asked.after.is_none_or(|after| batch.number <= after.batch)
                && self.may_have(batch, asked.filter)
        });
        batches.sort_unstable_by_key(|batch| Reverse(batch.number));
        let oldest = batches.last().map(|batch| batch.number);
        let mut list = CodeList::default();
        let mut left = LOOKED_AT_MAX;
        for batch in batches {
            let mut end = u32::try_from(batch.stored).unwrap_or(u32::MAX);
            if let Some(after) = asked.after.filter(|after| after.batch == batch.number) {
                end = end.min(after.position);
            }
            while end > 0 {
                if left == 0 {
                    list.after = Some(Lies { batch: batch.number, position: end });
                    return Ok(Some(list));
                }
                let begin = end.saturating_sub(left.min(READ_AT_ONCE));
                let rows = self.last_first(&batch, begin..end, asked.filter)?;
                if self.list_rows(rows, asked, &mut list)?.is_break() {
                    let is_end = |lies: &Lies| lies.position == 0 && Some(lies.batch) == oldest;
                    list.after = list.after.filter(|lies| !is_end(lies));
                    return Ok(Some(list));
                }
                (left, end) = (left - (end - begin), begin);
            }
        }
        Ok(Some(list))
    }

    /// Whether a batch can have codes that fit, as far as is known without looking at them.
    pub(super) fn may_have(&self, batch: &Batch, filter: CodeFilter) -> bool {
        match filter.paid {
            Some(true) => self.paid_of(batch) > 0,
            Some(false) => self.paid_of(batch) < batch.left(),
            None => batch.left() > 0,
        }
    }

    /// How many of the codes that a batch has now are paid.
    pub(super) fn paid_of(&self, batch: &Batch) -> u64 {
        match batch.issue.paid {
            Some(_) => batch.left(),
            None => self.index.paid_apart(batch.number).min(batch.left()),
        }
    }

    /// The codes at these positions, as far as their payment fits.
    fn last_first(
        &self,
        batch: &Batch,
        positions: Range<u32>,
        filter: CodeFilter,
    ) -> Result<Vec<(String, Found)>, StoreError> {
        let mut rows = Vec::new();
        self.catalog.rows(batch.number, positions, |row| {
            // A code that lies elsewhere too was issued there.
            let found = self.index.find(&row.key).filter(|found| found.batch == batch.number);
            if let Some(found) = found.filter(|found| filter.takes_paid(found)) {
                rows.push((row.text.to_owned(), found));
            }
            ControlFlow::Continue(())
        })?;
        rows.reverse();
        Ok(rows)
    }

    /// Adds those of the rows that fit, until the page is full.
    fn list_rows(
        &self,
        rows: Vec<(String, Found)>,
        asked: &CodesAsked<'_>,
        list: &mut CodeList,
    ) -> Result<ControlFlow<()>, LedgerError> {
        let now = self.now();
        // Where every row fits, no more are fetched than the page needs.
        let at_once = match asked.filter.redeemed {
            Some(_) => FETCHED_AT_ONCE,
            None => asked.most.clamp(1, FETCHED_AT_ONCE),
        };
        let mut rows = rows.into_iter();
        loop {
            let some: Vec<(String, Found)> = rows.by_ref().take(at_once).collect();
            if some.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            self.look_and_wait(some.iter().map(|(_, found)| found.code.owner).collect())?;
            for (text, found) in some {
                let owner = [found.code.owner];
                let uses = Key::of(found.code.owner, FacetKind::Uses);
                let used = self.read_known(&owner, || self.ledger.read().used(&uses))?;
                if !asked.filter.takes_used(used) {
                    continue;
                }
                let page = self.read_known(&owner, || self.page(found.clone(), now))?;
                let lies = Lies { batch: page.batch, position: page.position };
                list.codes.push(ListedCode { text, page });
                if list.codes.len() >= asked.most {
                    list.after = Some(lies);
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
}
