//! One code: where it stands, what happened to it, and what the office does with it. All calls block.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use super::open::indexed_override;
use super::{Engine, Note};
use crate::catalog::{AuditEntry, Batch, Override, StoreError};
use crate::codes::Verdict;
use crate::domain::campaign::{Activation, Campaign, CodeState};
use crate::domain::code::{CodeKey, Normal, masked};
use crate::domain::id::{CampaignId, Owner, RequestId, TenantId};
use crate::domain::order::Order;
use crate::domain::posting::{Facet, FacetKind, Key, Receipt};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::rules::{self, Question, Seen};
use crate::domain::time::Timestamp;
use crate::ledger::{Entry, LedgerError};

/// Where a code stands.
#[derive(Debug, Clone)]
pub struct CodePage {
    /// Its campaign as it is now.
    pub campaign: Arc<Campaign>,
    /// The version that says what it is worth.
    pub version: u32,
    /// Whether it could be used, as far as that depends on the code alone.
    pub readiness: Readiness,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it was paid.
    pub paid: Option<Timestamp>,
    /// The customer it is bound to.
    pub holder: Option<Arc<str>>,
    /// Uses in total.
    pub used: u64,
    /// Uses that holds keep.
    pub held: u64,
    /// Most uses; absent: without limit.
    pub max: Option<u64>,
    /// What can be spent of its balance, in minor units; absent when it has none.
    pub balance_minor: Option<i64>,
    /// Its first moment.
    pub valid_from: Option<Timestamp>,
    /// Its first moment after.
    pub valid_until: Option<Timestamp>,
    /// When it was used last.
    pub last_used: Option<Timestamp>,
    /// The number of its batch.
    pub batch: u32,
    /// Its position in the batch.
    pub position: u32,
}

/// Whether a code could be used, as far as that depends on the code alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Readiness {
    /// It could.
    Ready,
    /// It must be paid first.
    NotActivated,
    /// All its uses are used, or its balance is empty.
    Used,
    /// It is blocked.
    Revoked,
    /// Another code took its place.
    Replaced,
    /// Its time is over.
    Expired,
}

impl Readiness {
    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotActivated => "not_activated",
            Self::Used => "used",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
        }
    }
}

/// Why something cannot be done with a code.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// There is no such code, or it cannot be one.
    #[error("{0}")]
    Refused(Refusal),
    /// The new code exists, or cannot be one.
    #[error("the new code {0}")]
    NewCode(&'static str),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger fails.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Codes cannot be issued.
    #[error(transparent)]
    Issue(#[from] super::IssueError),
}

impl From<Refusal> for CodeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What the office changes about one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeChange {
    /// Block it.
    Revoke,
    /// Let a blocked one be used again.
    Reinstate,
    /// It was paid then.
    Paid(Timestamp),
    /// Bind it to a customer, or to nobody.
    Holder(Option<String>),
}

impl Engine {
    /// Where a code stands. Reads memory only, but for when it was used last.
    ///
    /// # Errors
    /// [`Reason::CodeMalformed`] or [`Reason::CodeNotFound`].
    pub fn code(&self, tenant: &TenantId, text: &str, now: Timestamp) -> Result<CodePage, Refusal> {
        let (_, found) = self.find(tenant, text)?;
        let owner = found.code.owner;
        let key = |kind| Key { owner, facet: Facet::new(kind, 0, 0) };
        let book = self.ledger.read();
        let seen = Seen {
            first_use: book.register(&key(FacetKind::FirstUse)).map(Timestamp),
            balance: book.balance(&key(FacetKind::Balance)).map(|balance| balance.available(now)),
        };
        let (used, held) = (book.used(&key(FacetKind::Uses)), book.held(&key(FacetKind::Uses)));
        drop(book);
        let order = Order::default();
        let question = Question {
            campaign: &found.campaign,
            worth: &found.worth,
            code: &found.code,
            seen: &seen,
            order: &order,
            now,
            alone: true,
        };
        let window = rules::window(&question);
        let opening = found.code.balance_minor.or(found.worth.balance_minor);
        let balance_minor = found.worth.has_balance().then(|| {
            let left = seen.balance.map(|left| i64::try_from(left).unwrap_or(i64::MAX));
            left.or(opening).unwrap_or(0)
        });
        let last_used = if used > 0 { self.last_use(owner).map(|(at, _)| at) } else { None };
        let max = found.code.uses.or(found.campaign.uses);
        let is_used = max.is_some_and(|max| used >= max) || balance_minor == Some(0);
        let awaits_payment =
            found.campaign.activation == Activation::Paid && found.code.paid.is_none();
        let readiness = match found.code.state {
            CodeState::Revoked => Readiness::Revoked,
            CodeState::Replaced => Readiness::Replaced,
            CodeState::Live if awaits_payment => Readiness::NotActivated,
            CodeState::Live if window.until.is_some_and(|until| until <= now) => Readiness::Expired,
            CodeState::Live if is_used => Readiness::Used,
            CodeState::Live => Readiness::Ready,
        };
        Ok(CodePage {
            version: found.worth.version,
            readiness,
            issued: found.code.issued,
            paid: found.code.paid,
            used,
            held,
            max,
            balance_minor,
            valid_from: window.from,
            valid_until: window.until,
            last_used,
            batch: found.batch,
            position: found.position,
            holder: found.code.holder,
            campaign: found.campaign,
        })
    }

    /// Up to `most` things that happened to a code, newest first, before event number `before`.
    ///
    /// # Errors
    /// When there is no such code, or the ledger cannot be read.
    pub fn code_history(
        &self,
        tenant: &TenantId,
        text: &str,
        before: u64,
        most: usize,
    ) -> Result<Vec<Entry>, CodeError> {
        let (_, found) = self.find(tenant, text)?;
        Ok(self.ledger.history(&found.code.owner, before, most)?)
    }

    /// The receipt of a request, and what happened to it, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn request_history(
        &self,
        tenant: &TenantId,
        id: RequestId,
    ) -> Result<Option<(Receipt, Vec<Entry>)>, LedgerError> {
        /// Enough for every hold, confirm, extension and partial release of one posting.
        const ENTRIES_MAX: usize = 256;
        let posting = self.posting_id(tenant, id);
        let Some(receipt) = self.ledger.receipt(&posting)? else { return Ok(None) };
        let owner = Note::of(&receipt.note).uses.first().map(|used| Owner(*used.code.as_bytes()));
        let mut entries = match owner {
            Some(owner) => self.ledger.history(&owner, u64::MAX, ENTRIES_MAX)?,
            None => Vec::new(),
        };
        entries.retain(|entry| entry.event.id == posting);
        Ok(Some((receipt, entries)))
    }

    /// Changes one code. In force for the next request.
    ///
    /// # Errors
    /// When there is no such code, or the store fails.
    pub fn change_code(
        &self,
        tenant: &TenantId,
        text: &str,
        change: CodeChange,
        who: &str,
    ) -> Result<(), CodeError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, found) = self.find(tenant, text)?;
        if found.code.state == CodeState::Replaced {
            return Err(Refusal::new(Reason::CodeReplaced).into());
        }
        let mut own = self.catalog.override_of(&key)?.unwrap_or_default();
        let what = match change {
            CodeChange::Revoke => {
                own.state = CodeState::Revoked;
                "revoked".to_owned()
            }
            CodeChange::Reinstate => {
                own.state = CodeState::Live;
                "reinstated".to_owned()
            }
            CodeChange::Paid(at) => {
                own.paid = Some(at);
                format!("paid at {}", at.to_rfc3339())
            }
            CodeChange::Holder(holder) => {
                own.holder = holder;
                "holder changed".to_owned()
            }
        };
        self.put_own(key, own)?;
        self.audit(who, format!("code {}: {what}", masked(text)))?;
        Ok(())
    }

    /// Lets a new code take the place of an old one: the new one has what was left of the old one, its uses and balance
    /// and history; the old one is refused from now on. Gives the new code's text.
    ///
    /// # Errors
    /// When the old code does not exist or was replaced before, or the new one exists.
    pub fn replace_code(
        &self,
        tenant: &TenantId,
        old: &str,
        new: Option<&str>,
        who: &str,
    ) -> Result<String, CodeError> {
        let (old_key, found) = self.find(tenant, old)?;
        if found.code.state == CodeState::Replaced {
            return Err(Refusal::new(Reason::CodeReplaced).into());
        }
        let new_text = match new {
            Some(new) => new.trim().to_owned(),
            None => self.fresh_text(tenant, &found.campaign.id, who)?,
        };
        let normal =
            Normal::parse(&new_text).map_err(|_wrong| CodeError::NewCode("is malformed"))?;
        let new_key = self.keys.key(tenant.as_str(), &normal);
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = self.catalog.override_of(&old_key)?.unwrap_or_default();
        let replaced =
            Override { state: CodeState::Replaced, replaced_by: Some(new_key), ..own.clone() };
        // The new code keeps all that the old one had of its own or from its batch.
        own.state = CodeState::Live;
        own.owner = Some(found.code.owner);
        own.paid = found.code.paid;
        own.holder = found.code.holder.as_deref().map(str::to_owned);
        own.uses = found.code.uses;
        own.balance_minor = found.code.balance_minor;
        own.valid_from = found.code.valid_from;
        own.valid_until = found.code.valid_until;
        if new.is_some() {
            self.add_replacement(tenant, &found, new_key, &normal, &new_text)?;
        }
        // The old one first: after a crash in between, neither can be used twice.
        self.catalog.put_overrides(&[(old_key, replaced.clone()), (new_key, own.clone())])?;
        self.index.put_override(old_key, Arc::new(indexed_override(replaced)));
        self.index.put_override(new_key, Arc::new(indexed_override(own)));
        self.audit(who, format!("code {}: replaced by {}", masked(old), masked(&new_text)))?;
        Ok(new_text)
    }

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

    fn put_own(&self, key: CodeKey, own: Override) -> Result<(), StoreError> {
        self.catalog.put_overrides(&[(key, own.clone())])?;
        self.index.put_override(key, Arc::new(indexed_override(own)));
        Ok(())
    }

    /// One more generated code of a campaign.
    fn fresh_text(
        &self,
        tenant: &TenantId,
        campaign: &CampaignId,
        who: &str,
    ) -> Result<String, CodeError> {
        let order = super::IssueOrder {
            label: "replacement".to_owned(),
            ..super::IssueOrder::plain(campaign.clone())
        };
        let mut generation = self.generate(tenant, &order, 1, who)?;
        let mut text = String::new();
        generation.next_block(|code| text.push_str(code))?;
        generation.next_block(|_none| {})?;
        Ok(text)
    }

    /// Stores the given new code as a batch of its own, of the old one's campaign and version.
    fn add_replacement(
        &self,
        tenant: &TenantId,
        found: &crate::index::Found,
        key: CodeKey,
        normal: &Normal,
        text: &str,
    ) -> Result<(), CodeError> {
        if self.index.lookup(&key).is_some() {
            return Err(CodeError::NewCode("exists already"));
        }
        if self.patterns.load().verdict(tenant, normal) != Verdict::NotMine {
            return Err(CodeError::NewCode("looks like one that a pattern makes"));
        }
        self.add_own_code(tenant, &found.campaign.id, found.worth.version, key, text)?;
        Ok(())
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

    /// Hands every code of a batch to `each`, with where it stands, until that breaks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn export(
        &self,
        batch: &Batch,
        mut each: impl FnMut(Exported<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let all = 0..u32::try_from(batch.stored).unwrap_or(u32::MAX);
        self.catalog.rows(batch.number, all, |row| {
            let Some(found) = self.index.find(&row.key) else { return ControlFlow::Continue(()) };
            let owner = found.code.owner;
            let book = self.ledger.read();
            let used = book.used(&Key { owner, facet: Facet::new(FacetKind::Uses, 0, 0) });
            let balance = Key { owner, facet: Facet::new(FacetKind::Balance, 0, 0) };
            let left = book.balance(&balance).map(crate::domain::book::Balance::in_lots);
            drop(book);
            let opening = found.code.balance_minor.or(found.worth.balance_minor);
            let left = left.map(|left| i64::try_from(left).unwrap_or(i64::MAX));
            let has_balance = found.worth.has_balance();
            let balance_minor = if has_balance { left.or(opening) } else { None };
            each(Exported {
                text: row.text,
                campaign: &found.campaign,
                state: found.code.state,
                paid: found.code.paid,
                holder: found.code.holder.as_deref(),
                used,
                max: found.code.uses.or(found.campaign.uses),
                balance_minor,
            })
        })
    }
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
