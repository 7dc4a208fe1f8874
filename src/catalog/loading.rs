//! What loading has in common over all stores: which versions are in use, how a batch is cut into
//! parts, and how threads share them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use crate::domain::id::{CampaignId, TenantId};

use super::{Batch, StoreError};

/// Positions that a thread takes at a time: 64 full blocks, four megabytes of keys.
pub(super) const STRETCH: u32 = 1 << 18;

/// Most threads: filling memory does not get faster with more.
const THREADS_MAX: usize = 8;

/// A part of a batch: the blocks that begin at a position from `from` up to, not including, `to`.
pub(super) struct Stretch {
    pub(super) batch: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// The stretches of a batch. A block beyond what the batch says it has is not read.
pub(super) fn stretches(batch: &Batch) -> impl Iterator<Item = Stretch> + use<> {
    let number = batch.number;
    let end = u32::try_from(batch.stored).unwrap_or(u32::MAX);
    (0..end).step_by(STRETCH as usize).map(move |from| Stretch {
        batch: number,
        from,
        to: from.saturating_add(STRETCH).min(end),
    })
}

/// How far loading has come, for all its threads.
pub(super) struct Progress<'a, P> {
    loaded: AtomicU64,
    total: u64,
    heard: &'a P,
}

impl<'a, P: Fn(u64, u64)> Progress<'a, P> {
    pub(super) fn new(batches: &[Batch], heard: &'a P) -> Self {
        let total = batches.iter().map(Batch::left).sum();
        Self { loaded: AtomicU64::new(0), total, heard }
    }

    pub(super) fn add(&self, codes: u64) {
        let loaded = self.loaded.fetch_add(codes, Ordering::Relaxed) + codes;
        (self.heard)(loaded, self.total);
    }

    pub(super) fn into_loaded(self) -> u64 {
        self.loaded.into_inner()
    }
}

/// Campaigns and their versions.
pub(super) type Versions = BTreeMap<(TenantId, CampaignId), BTreeSet<u32>>;

/// The campaigns in their current versions, which are `versions`, and in those that batches were
/// issued under.
pub(super) fn in_use(mut versions: Versions, batches: &[Batch]) -> Versions {
    for Batch { issue, .. } in batches {
        let campaign = (issue.tenant.clone(), issue.campaign.clone());
        versions.entry(campaign).or_default().insert(issue.version);
    }
    versions
}

/// Does all `parts`, which as many threads as there are cores take one after the other, so that
/// a single large batch is read by all of them.
pub(super) fn in_parallel<T: Sync>(
    parts: &[T],
    each: impl Fn(&T) -> Result<(), StoreError> + Sync,
) -> Result<(), StoreError> {
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(THREADS_MAX).min(parts.len());
    let work = || {
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            each(part)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let loading: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let died = || StoreError::Damaged("a loading thread died".to_owned());
        loading.into_iter().try_for_each(|thread| thread.join().map_err(|_| died())?)
    })
}
