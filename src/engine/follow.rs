//! Following the catalog: what other nodes change there, this node's requests see within a second.
//!
//! The catalog says what is to be read again, this node's own changes included. Reading and taking
//! up are one step between writers and follower, so that nothing older ever takes the place of
//! something newer.
//!
//! Where two nodes have issued the same code, the earlier batch has it on every node, in whatever
//! order they hear of it; the other is reported. Deliberately unknown: who waits between looks.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Engine;
use super::open::{indexed, indexed_override, take_definitions};
use super::patterns::pattern_of;
use crate::catalog::{Batch, CatalogChange, Cursor, Definition, Override, Picture, StoreError};
use crate::domain::campaign::Campaign;
use crate::domain::code::CodeKey;
use crate::domain::id::{CampaignId, TenantId};
use crate::domain::time::Timestamp;
use crate::index::{Entry, Index};

/// How to go on with following.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// At once: the catalog was heard.
    On,
    /// After a pause: it could not be read.
    Later,
    /// Never: nobody else changes it, or it is another one by now.
    End,
}

/// Which tokens, users and sessions changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenNews {
    /// Nobody knows: any of them.
    All,
    /// Those with these ids; they are new, say something else or were removed.
    Some(Vec<[u8; 16]>),
}

/// How far this node has followed.
pub(super) struct Following {
    /// Absent: nobody else changes the catalog.
    cursor: Mutex<Option<Cursor>>,
    /// When the catalog was last heard, in milliseconds.
    heard_ms: AtomicI64,
    is_away: AtomicBool,
    is_replaced: AtomicBool,
}

impl Following {
    pub(super) fn from(cursor: Option<Cursor>, now: Timestamp) -> Self {
        Self {
            cursor: Mutex::new(cursor),
            heard_ms: AtomicI64::new(now.0),
            is_away: AtomicBool::new(false),
            is_replaced: AtomicBool::new(false),
        }
    }

    pub(super) fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Acquire)
    }

    fn cursor(&self) -> MutexGuard<'_, Option<Cursor>> {
        // It is set as a whole, so a panic cannot have left it half done.
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Waits up to a second for a change in the catalog and takes it up. `tokens` hears which
    /// tokens, users and sessions changed, and reads them; when it fails, it hears of them again.
    /// Blocks; called again and again by one thread.
    pub fn follow(&self, tokens: impl FnOnce(TokenNews) -> Result<(), StoreError>) -> Follow {
        let mut cursor = self.following.cursor();
        let Some(after) = cursor.as_ref() else { return Follow::End };
        let error = match self.hear(after, tokens) {
            Ok(next) => {
                *cursor = Some(next);
                self.following.heard_ms.store(self.now().0, Ordering::Relaxed);
                if self.following.is_away.swap(false, Ordering::Relaxed) {
                    tracing::info!("the catalog is followed again");
                }
                return Follow::On;
            }
            Err(error) => error,
        };
        if matches!(error, StoreError::Replaced) {
            tracing::error!(%error, "the catalog is not followed any more");
            self.following.is_replaced.store(true, Ordering::Release);
            *cursor = None;
            return Follow::End;
        }
        if !self.following.is_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "the catalog cannot be followed; what others change is not seen");
        }
        Follow::Later
    }

    /// Milliseconds since the catalog was last heard. Meaningless where nobody else changes it.
    #[must_use]
    pub fn followed_ms_ago(&self) -> u64 {
        self.now().since_ms(Timestamp(self.following.heard_ms.load(Ordering::Relaxed)))
    }

    /// Held from reading or writing the catalog to the index saying the same: whoever holds it
    /// cannot put something older over something newer.
    pub(super) fn in_step(&self) -> MutexGuard<'_, ()> {
        // The lock guards no memory that a panic could have left half done.
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up all that changed after `after`, and says where to go on.
    fn hear(
        &self,
        after: &Cursor,
        tokens: impl FnOnce(TokenNews) -> Result<(), StoreError>,
    ) -> Result<Cursor, StoreError> {
        let news = self.catalog.changes(after)?;
        if news.lost {
            self.reload()?;
        }
        let mut ids = Vec::new();
        for change in news.changes {
            match change {
                CatalogChange::Campaign { tenant, id, .. }
                | CatalogChange::Status { tenant, id } => self.reread_campaign(&tenant, &id)?,
                CatalogChange::Begun { batch } => self.reread_batch(batch)?,
                CatalogChange::Appended { batch, positions } => self.take_rows(batch, positions)?,
                // The index does not know whether more will come.
                CatalogChange::Completed { .. } => {}
                CatalogChange::Overridden { keys } => self.reread_overrides(&keys)?,
                CatalogChange::Removed { batch, keys } => self.forget_codes(batch, &keys),
                CatalogChange::Definitions { tenant, names } => {
                    self.reread_others(&tenant, &names)?;
                }
                CatalogChange::Token { id } => ids.push(id),
            }
        }
        if news.lost {
            tokens(TokenNews::All)?;
        } else if !ids.is_empty() {
            tokens(TokenNews::Some(ids))?;
        }
        Ok(news.cursor)
    }

    fn reread_campaign(&self, tenant: &TenantId, id: &CampaignId) -> Result<(), StoreError> {
        let _step = self.in_step();
        if let Some(stored) = self.catalog.campaign(tenant, id, None)? {
            self.take_up(&stored.campaign, pattern_of(&stored.campaign));
        }
        Ok(())
    }

    /// Takes up a batch, without its codes. Blocks.
    pub(super) fn reread_batch(&self, number: u32) -> Result<(), StoreError> {
        let _step = self.in_step();
        let Some(batch) = self.catalog.batch(number)? else { return Ok(()) };
        let issue = &batch.issue;
        let worth = self.catalog.campaign(&issue.tenant, &issue.campaign, Some(issue.version))?;
        let placed = self.index.change(|definitions| {
            if let Some(worth) = worth {
                definitions.put_campaign(worth.campaign);
            }
            definitions.put_batch(indexed(&batch))
        });
        if let Err(error) = placed {
            tracing::error!(%error, "another node's batch does not fit the index");
        }
        Ok(())
    }

    /// Takes up what these codes have different now. Blocks.
    pub(super) fn reread_overrides(&self, keys: &[CodeKey]) -> Result<(), StoreError> {
        let _step = self.in_step();
        let found = self.catalog.overrides_of(keys)?;
        for (key, own) in keys.iter().zip(found) {
            // A code that is not here yet is read together with what is different about it.
            if let Some(own) = own {
                self.index.put_override(*key, Arc::new(indexed_override(own)));
            }
        }
        Ok(())
    }

    /// Takes up the codes at these positions of a batch. Blocks.
    pub(super) fn take_rows(&self, batch: u32, positions: Range<u32>) -> Result<(), StoreError> {
        let _step = self.in_step();
        let (mut new, mut clashes) = (Vec::new(), 0_u64);
        self.catalog.rows(batch, positions, |row| {
            let place = (batch, row.position);
            let known = self.index.lookup(&row.key).map(|known| (known.batch(), known.position()));
            if known != Some(place)
                && let Some(entry) = Entry::new(batch, row.position)
            {
                clashes += u64::from(known.is_some());
                new.push((row.key, entry));
            }
            ControlFlow::Continue(())
        })?;
        let keys: Vec<CodeKey> = new.iter().map(|(key, _)| *key).collect();
        for ((key, entry), own) in new.into_iter().zip(self.catalog.overrides_of(&keys)?) {
            let is_taken = own.is_none_or(|own| {
                let own = Arc::new(indexed_override(own));
                !self.index.insert_overridden(key, entry, own)
            });
            if is_taken {
                self.index.fill(entry, [key]);
            }
        }
        if clashes > 0 {
            metrics::counter!("jeton_catalog_clashes_total").increment(clashes);
            tracing::error!(
                batch,
                codes = clashes,
                "two nodes have issued the same codes; those of the earlier batch count"
            );
        }
        Ok(())
    }

    /// Reads everything again. Whoever changes something waits meanwhile; requests do not.
    fn reload(&self) -> Result<(), StoreError> {
        let _step = self.in_step();
        metrics::counter!("jeton_catalog_reloads_total").increment(1);
        tracing::warn!("changes of the catalog were missed; everything is read again");
        let merging = Merging { engine: self, unseen: Mutex::default() };
        let loaded = self.catalog.load(&merging, |_, _| {})?;
        for (key, entry) in merging.unseen.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.index.fill(entry, [key]);
        }
        tracing::info!(campaigns = loaded.campaigns, codes = loaded.codes, "read again");
        Ok(())
    }
}

/// Reads the catalog into an index that requests read at the same time. What is there already
/// stays: from a catalog only codes are removed whose campaign has long been over.
struct Merging<'a> {
    engine: &'a Engine,
    /// Codes that requests do not see yet: it is not known what is different about them.
    unseen: Mutex<HashMap<CodeKey, Entry>>,
}

impl Merging<'_> {
    fn index(&self) -> &Index {
        &self.engine.index
    }

    fn unseen(&self) -> MutexGuard<'_, HashMap<CodeKey, Entry>> {
        self.unseen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Picture for Merging<'_> {
    fn definitions(
        &self,
        campaigns: Vec<Arc<Campaign>>,
        batches: Vec<Batch>,
        others: Vec<Definition>,
    ) {
        let mut patterns = super::Patterns::clone(&self.engine.patterns.load());
        take_definitions(self.index(), &mut patterns, campaigns, &batches, &others);
        self.engine.patterns.store(Arc::new(patterns));
    }

    fn codes(&self, batch: u32, first: u32, keys: impl Iterator<Item = CodeKey>) {
        for (key, position) in keys.zip(first..) {
            let Some(entry) = Entry::new(batch, position) else { return };
            if self.index().lookup(&key).is_some() {
                self.index().fill(entry, [key]);
            } else {
                let mut unseen = self.unseen();
                let known = unseen.entry(key).or_insert(entry);
                *known = entry.min(*known);
            }
        }
    }

    fn overridden(&self, key: CodeKey, own: Override) {
        let own = Arc::new(indexed_override(own));
        match self.unseen().remove(&key) {
            Some(entry) => self.index().insert_overridden(key, entry, own),
            None => self.index().put_override(key, own),
        };
    }
}
