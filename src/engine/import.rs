//! Taking in own codes from lists. For the office; all calls block.

use std::collections::HashSet;
use std::io::BufRead;
use std::sync::PoisonError;

use super::row::{RowFault, own_of};
use super::{Engine, IssueError, IssueOrder};
use crate::catalog::{BLOCK_CODES_MAX, Batch, Override, Source};
use crate::codes::Verdict;
use crate::codes::import::{Format, Row, RowError, Rows};
use crate::domain::campaign::Campaign;
use crate::domain::code::{CodeKey, Normal};
use crate::domain::id::TenantId;

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
    /// Takes in own codes from a list, CSV or NDJSON. Wrong and duplicate rows are told by line and
    /// left out; the rest goes on. Repeated with the same request id, it goes on where it stopped.
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
        row: &Row<'_>,
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
        Ok(Checked::New(key, row.code.to_owned(), own.map(Box::new)))
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
        self.store_block(batch, &block, own)?;
        Ok(())
    }
}

enum Checked {
    New(CodeKey, String, Option<Box<Override>>),
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
    fn push(&mut self, key: CodeKey, text: String, own: Option<Box<Override>>) {
        self.keys.insert(key);
        self.codes.push((key, text));
        if let Some(own) = own {
            self.own.push((key, *own));
        }
    }
}
