//! Listing: batches, their codes, and the audit log. For the office; all calls block.

use std::ops::ControlFlow;

use super::Engine;
use super::code_list::{CodeFilter, FETCHED_AT_ONCE};
use crate::catalog::{AuditEntry, Batch, StoreError};
use crate::domain::campaign::{Campaign, CodeState};
use crate::domain::id::{CampaignId, TenantId};
use crate::domain::posting::{FacetKind, Key};
use crate::domain::time::Timestamp;
use crate::index::Found;
use crate::ledger::LedgerError;

impl Engine {
    /// Writes the audit log.
    ///
    /// # Errors
    /// When the store fails.
    pub fn audit(&self, who: &str, what: String) -> Result<(), StoreError> {
        let entry = AuditEntry { at: self.now(), who: who.to_owned(), what };
        self.catalog.append_audit(&[entry])
    }

    /// The newest entries of the audit log with their numbers, before number `before`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn audit_log(
        &self,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        self.catalog.audit(before, most)
    }

    /// The batches of a tenant, of one campaign or of all.
    ///
    /// # Errors
    /// When the store fails.
    pub fn batches(
        &self,
        tenant: &TenantId,
        campaign: Option<&CampaignId>,
    ) -> Result<Vec<Batch>, StoreError> {
        let mut batches = self.catalog.batches()?;
        batches.retain(|batch| {
            batch.issue.tenant == *tenant
                && campaign.is_none_or(|campaign| batch.issue.campaign == *campaign)
        });
        Ok(batches)
    }

    /// Hands the codes of a batch that fit to `each`, with where they stand, until that breaks.
    /// Blocks.
    ///
    /// # Errors
    /// When the store fails, or the ledger cannot be asked.
    pub fn export(
        &self,
        batch: &Batch,
        filter: CodeFilter,
        mut each: impl FnMut(Exported<'_>) -> ControlFlow<()>,
    ) -> Result<(), ExportError> {
        if !self.may_have(batch, filter) {
            return Ok(());
        }
        let mut page = Vec::with_capacity(FETCHED_AT_ONCE);
        let mut turned = Ok(ControlFlow::Continue(()));
        let all = 0..u32::try_from(batch.stored).unwrap_or(u32::MAX);
        self.catalog.rows(batch.number, all, |row| {
            let found = self.index.find(&row.key);
            if let Some(found) = found.filter(|found| filter.takes_paid(found)) {
                page.push((row.text.to_owned(), found));
            }
            if page.len() == FETCHED_AT_ONCE {
                turned = self.export_page(&mut page, filter, &mut each);
            }
            match &turned {
                Ok(turned) => *turned,
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        if turned?.is_continue() {
            // Behind the last page there is nothing to break off.
            let _turned = self.export_page(&mut page, filter, &mut each)?;
        }
        Ok(())
    }

    fn export_page(
        &self,
        page: &mut Vec<(String, Found)>,
        filter: CodeFilter,
        each: &mut impl FnMut(Exported<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, LedgerError> {
        self.look_and_wait(page.iter().map(|(_, found)| found.code.owner).collect())?;
        let now = self.now();
        for (text, found) in page.drain(..) {
            let owner = found.code.owner;
            let key = |kind| Key::of(owner, kind);
            let (used, left) = self.read_known(&[owner], || {
                let book = self.ledger.read();
                let balance = book.balance(&key(FacetKind::Balance));
                let left = balance.map(|balance| balance.standing(now));
                (book.used(&key(FacetKind::Uses)), left)
            })?;
            if !filter.takes_used(used) {
                continue;
            }
            let opening = found.code.balance_minor.or(found.worth.balance_minor);
            let left = left.map(|left| i64::try_from(left).unwrap_or(i64::MAX));
            let has_balance = found.worth.has_balance();
            let balance_minor = if has_balance { left.or(opening) } else { None };
            let turned = each(Exported {
                text: &text,
                campaign: &found.campaign,
                state: found.code.state,
                paid: found.code.paid,
                holder: found.code.holder.as_deref(),
                used,
                max: found.code.uses.or(found.campaign.uses),
                balance_minor,
            });
            if turned.is_break() {
                return Ok(turned);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Why an export cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger cannot be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A code as it is exported.
#[derive(Debug, Clone, Copy)]
pub struct Exported<'a> {
    /// Its text: the secret itself.
    pub text: &'a str,
    /// Its campaign.
    pub campaign: &'a Campaign,
    /// Whether it can be used at all.
    pub state: CodeState,
    /// When it was paid.
    pub paid: Option<Timestamp>,
    /// The customer it is bound to.
    pub holder: Option<&'a str>,
    /// Uses in total.
    pub used: u64,
    /// Most uses; absent: without limit.
    pub max: Option<u64>,
    /// What is left of its balance, in minor units.
    pub balance_minor: Option<i64>,
}
