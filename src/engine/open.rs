//! Opening: the stores are opened, and everything that requests read is loaded.

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use super::definitions::take_up_others;
use super::figures::Counting;
use super::follow::Following;
use super::measures::Measures;
use super::patterns::{Patterns, pattern_of};
use super::{Engine, Random};
use crate::catalog::{self, Catalog, Loaded, Picture};
use crate::clock::Clock;
use crate::codes::CodeKeys;
use crate::domain::campaign::Campaign;
use crate::domain::code::CodeKey;
use crate::domain::posting::Command;
use crate::index::{self, Entry, Index};
use crate::ledger::{self, Answer, Health, Ledger, Task};

/// What an engine needs.
pub struct Options {
    /// The catalog.
    pub catalog: catalog::Options,
    /// The ledger.
    pub ledger: ledger::Options,
    /// The installation's secret for naming codes.
    pub code_secret: [u8; 32],
    /// Campaigns whose requests are counted by name in metrics, at most [`CAMPAIGN_LABELS_MAX`];
    /// all others are counted as `other`.
    pub campaign_labels: Vec<String>,
    /// The oldest counts that *validate* tells without asking the ledger again, in milliseconds;
    /// 0: it always asks. Of no meaning for a local ledger, whose counts are exact. Default
    /// [`COUNTS_AGE_MS_MAX`](super::COUNTS_AGE_MS_MAX).
    pub counts_age_ms_max: u64,
    /// The clock.
    pub clock: Clock,
    /// Fills bytes with randomness; `false` when there is none.
    pub random: Random,
}

/// Most campaigns that metrics name: each adds time series for ever.
pub const CAMPAIGN_LABELS_MAX: usize = 64;

/// Why an engine cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] catalog::OpenError),
    /// The catalog's content.
    #[error(transparent)]
    Load(#[from] catalog::StoreError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::OpenError),
}

impl Engine {
    /// Opens catalog and ledger and loads the index. Blocks. `progress` hears how many codes of how
    /// many are loaded.
    ///
    /// # Errors
    /// [`OpenError`] says which store, and why.
    pub fn open(
        options: Options,
        progress: impl Fn(u64, u64) + Sync,
    ) -> Result<(Self, Loaded), OpenError> {
        let durability = options.ledger.durability;
        let ledger = Ledger::open(options.ledger)?;
        let catalog = Catalog::open(&options.catalog)?;
        // Before loading, so that nothing is missed.
        let cursor = catalog.cursor()?;
        let codes = usize::try_from(catalog.code_count()?).unwrap_or(usize::MAX);
        let loading = Loading { index: Index::with_capacity(codes), patterns: Mutex::default() };
        let loaded = catalog.load(&loading, progress)?;
        let patterns = loading.patterns.into_inner().unwrap_or_default();
        let following = Following::from(cursor, options.clock.now());
        let mut name = [0; 8];
        // Without randomness the node is called 0: then two may count at once, which costs work.
        let _named = (options.random)(&mut name);
        let engine = Self {
            index: loading.index,
            ledger,
            catalog,
            keys: CodeKeys::new(options.code_secret),
            patterns: ArcSwap::from_pointee(patterns),
            clock: options.clock,
            random: options.random,
            office: Mutex::new(()),
            step: Mutex::new(()),
            following,
            counts_age_ms_max: options.counts_age_ms_max,
            durability,
            metrics: Measures::new(&options.campaign_labels),
            figures: Counting::new(format!("{:x}", u64::from_be_bytes(name))),
        };
        Ok((engine, loaded))
    }

    /// Whether requests can be served, by asking the ledger for something that does not exist.
    /// Takes at most a second by the clock if the ledger is well.
    ///
    /// # Errors
    /// Why they cannot.
    pub async fn probe(&self) -> Result<(), NotReady> {
        if self.following.is_replaced() {
            return Err(NotReady::Replaced);
        }
        match &*self.ledger.health().borrow() {
            Health::Good => {}
            Health::Away(_) => return Err(NotReady::Away),
            Health::Fenced(_) => return Err(NotReady::Fenced),
            Health::Poisoned(_) => return Err(NotReady::Poisoned),
        }
        let (answered, answer) = tokio::sync::oneshot::channel();
        let now = self.clock.now();
        let id = crate::domain::id::PostingId([0; 16]);
        let task = Task { command: Command::Status { id, now }, deadline: now.plus_ms(PROBE_MS) };
        self.ledger.submit(
            vec![task],
            Box::new(move |answers| {
                // Who no longer waits needs no answer.
                let is_answered =
                    answers.is_ok_and(|answers| matches!(answers.as_slice(), [Answer::Outcome(_)]));
                let _gone = answered.send(is_answered);
            }),
        );
        if answer.await.unwrap_or(false) { Ok(()) } else { Err(NotReady::Silent) }
    }
}

/// Why requests cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The ledger's servers cannot be reached; it heals by itself.
    #[error("the ledger's servers cannot be reached")]
    Away,
    /// The ledger's servers lost what they had, or are others.
    #[error("the ledger's servers lost what they had, or are others; an operator must decide")]
    Fenced,
    /// A write failed.
    #[error("the ledger stopped after a failed write")]
    Poisoned,
    /// There is no answer in time.
    #[error("the ledger does not answer")]
    Silent,
    /// The catalog is not the one that was loaded.
    #[error("the catalog was emptied or replaced; restore it, then restart this node")]
    Replaced,
}

/// How long a probe may wait for its turn, in milliseconds.
const PROBE_MS: i64 = 1_000;

struct Loading {
    index: Index,
    patterns: Mutex<Patterns>,
}

impl Picture for Loading {
    fn definitions(
        &self,
        campaigns: Vec<Arc<Campaign>>,
        batches: Vec<catalog::Batch>,
        others: Vec<catalog::Definition>,
    ) {
        if let Ok(mut patterns) = self.patterns.lock() {
            take_definitions(&self.index, &mut patterns, campaigns, &batches, &others);
        }
    }

    fn codes(&self, batch: u32, first: u32, keys: impl Iterator<Item = CodeKey>) {
        if let Some(entry) = Entry::new(batch, first) {
            self.index.fill(entry, keys);
        }
    }

    fn overridden(&self, key: CodeKey, own: catalog::Override) {
        self.index.put_override(key, Arc::new(indexed_override(own)));
    }
}

/// Takes in what a catalog has loaded of definitions.
pub(super) fn take_definitions(
    index: &Index,
    patterns: &mut Patterns,
    campaigns: Vec<Arc<Campaign>>,
    batches: &[catalog::Batch],
    others: &[catalog::Definition],
) {
    for campaign in &campaigns {
        if let Some(pattern) = pattern_of(campaign) {
            patterns.add(&campaign.tenant, Arc::new(pattern));
        }
    }
    index.change(|definitions| {
        definitions.clear_others();
        take_up_others(definitions, others);
        for campaign in campaigns {
            definitions.put_campaign(campaign);
        }
        for batch in batches {
            // The catalog refuses batches of unknown campaigns, so this is no surprise.
            if let Err(error) = definitions.put_batch(indexed(batch)) {
                tracing::error!(%error, "a batch is left out of the index");
            }
        }
    });
}

/// A batch as the index has it.
pub(super) fn indexed(batch: &catalog::Batch) -> index::Batch {
    let issue = &batch.issue;
    index::Batch {
        number: batch.number,
        tenant: issue.tenant.clone(),
        campaign: issue.campaign.clone(),
        version: issue.version,
        issued: issue.issued,
        paid: issue.paid,
        uses: issue.uses,
        balance_minor: issue.balance_minor,
        valid_from: issue.valid_from,
        valid_until: issue.valid_until,
    }
}

/// What a code has different, as the index has it.
pub(super) fn indexed_override(own: catalog::Override) -> index::Override {
    index::Override {
        state: own.state,
        paid: own.paid,
        holder: own.holder.map(Into::into),
        photo: own.photo.map(Into::into),
        issued: own.issued,
        uses: own.uses,
        balance_minor: own.balance_minor,
        valid_from: own.valid_from,
        valid_until: own.valid_until,
        owner: own.owner,
        replaced_by: own.replaced_by,
    }
}
