//! One code: where it stands, and what happened to it.

use std::sync::Arc;

use super::look::{Counts, Owners, Then};
use super::named::question_of;
use super::{Engine, Note, Prepared, Verb};
use crate::catalog::StoreError;
use crate::domain::campaign::{Activation, Campaign, CodeState};
use crate::domain::id::{Owner, RequestId, TenantId};
use crate::domain::order::Order;
use crate::domain::posting::{FacetKind, Key, Receipt};
use crate::domain::refusal::Refusal;
use crate::domain::rules::{self, Seen};
use crate::domain::time::Timestamp;
use crate::index::Found;
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
    /// A reference to the holder's picture.
    pub photo: Option<Arc<str>>,
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

impl Engine {
    /// Prepares to say where a code stands: its page, a refusal, or first something for a ledger
    /// that is elsewhere. Waits for no network, and so leaves out then when the code was used last.
    #[must_use]
    pub fn code(
        &self,
        tenant: &TenantId,
        text: &str,
        now: Timestamp,
        deadline: Timestamp,
    ) -> Prepared {
        let found = match self.find(tenant, text) {
            Ok((_, found)) => found,
            Err(refusal) => return Prepared::Answer(Err(refusal)),
        };
        if self.ledger.is_local() {
            let owner = found.code.owner;
            return Prepared::Page(Box::new(self.with_last_use(self.page(found, now), owner)));
        }
        let owners = Owners::from_iter([found.code.owner]);
        let page = |_age| self.page(found.clone(), now);
        match self.judged_known(&owners, Counts::Known, now, page) {
            Some(page) => Prepared::Page(Box::new(page)),
            None => {
                let origin = self.origin_of(Verb::Code, tenant);
                self.look(origin, owners, Then::Page { found, now }, deadline)
            }
        }
    }

    /// Where a code stands now, with when it was used last. Blocks.
    ///
    /// # Errors
    /// When there is no such code, or the ledger cannot be asked.
    pub fn code_page(
        &self,
        tenant: &TenantId,
        text: &str,
        now: Timestamp,
    ) -> Result<CodePage, CodeError> {
        let (_, found) = self.find(tenant, text)?;
        let owners = Owners::from_iter([found.code.owner]);
        self.look_and_wait(owners.clone())?;
        let page = self.read_known(&owners, || self.page(found.clone(), now))?;
        Ok(self.with_last_use(page, found.code.owner))
    }

    fn with_last_use(&self, mut page: CodePage, owner: Owner) -> CodePage {
        if page.used > 0 {
            page.last_used = self.last_use(owner).map(|(at, _)| at);
        }
        page
    }

    /// The page of a code whose records are known, without when it was used last.
    pub(super) fn page(&self, found: Found, now: Timestamp) -> CodePage {
        let owner = found.code.owner;
        let key = |kind| Key::of(owner, kind);
        let book = self.ledger.read();
        let seen = Seen {
            first_use: book.register(&key(FacetKind::FirstUse)).map(Timestamp),
            balance: book.balance(&key(FacetKind::Balance)).map(|balance| balance.available(now)),
            account: None,
        };
        let (used, held) = (book.used(&key(FacetKind::Uses)), book.held(&key(FacetKind::Uses)));
        drop(book);
        let order = Order::default();
        let question = question_of(&found, &seen, &order, now);
        let window = rules::window(&question);
        let opening = found.code.balance_minor.or(found.worth.balance_minor);
        let balance_minor = found.worth.has_balance().then(|| {
            let left = seen.balance.map(|left| i64::try_from(left).unwrap_or(i64::MAX));
            left.or(opening).unwrap_or(0)
        });
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
        CodePage {
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
            last_used: None,
            batch: found.batch,
            position: found.position,
            holder: found.code.holder,
            photo: found.code.photo,
            campaign: found.campaign,
        }
    }

    /// Up to `most` things that happened to a code, newest first, before event number `before`.
    /// Blocks.
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

    /// The receipt of a request. Blocks.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn request_receipt(
        &self,
        tenant: &TenantId,
        id: RequestId,
    ) -> Result<Option<Receipt>, LedgerError> {
        self.ledger.receipt(&self.posting_id(tenant, id))
    }

    /// The receipt of a request, and what happened to it, newest first. Blocks.
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
        let note = Note::of(&receipt.note);
        let owner = note.uses.iter().find_map(|used| used.code).map(|key| Owner(*key.as_bytes()));
        let owner = owner.or_else(|| receipt.legs.first().map(|leg| leg.key().owner));
        let mut entries = match owner {
            Some(owner) => self.ledger.history(&owner, u64::MAX, ENTRIES_MAX)?,
            None => Vec::new(),
        };
        entries.retain(|entry| entry.event.id == posting);
        Ok(Some((receipt, entries)))
    }
}
