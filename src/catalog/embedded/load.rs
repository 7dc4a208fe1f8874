//! Starting up: from the disk into the picture that requests read.
//!
//! Definitions are few and come first. Codes are read in stretches of a batch, which as many
//! threads as there are cores take one after the other, so that a single large batch is read by
//! all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::super::{Batch, Loaded, Picture, StoreError};
use super::Embedded;
use super::batches::{block_key, block_of, keys_of};

/// Positions that a thread takes at a time: 64 full blocks, four megabytes of keys.
const STRETCH: u32 = 1 << 18;

/// Most threads: filling memory does not get faster with more.
const THREADS_MAX: usize = 8;

/// A part of a batch: the blocks that begin at a position from `from` up to, not including, `to`.
struct Stretch {
    batch: u32,
    from: u32,
    to: u32,
}

/// How far loading has come, for all its threads.
struct Work<'a, P> {
    stretches: Vec<Stretch>,
    next: AtomicUsize,
    loaded: AtomicU64,
    total: u64,
    progress: &'a P,
}

impl Embedded {
    pub(in crate::catalog) fn load(
        &self,
        picture: &impl Picture,
        progress: &(impl Fn(u64, u64) + Sync),
    ) -> Result<Loaded, StoreError> {
        let batches = self.batches()?;
        let work = Work {
            stretches: batches.iter().flat_map(stretches).collect(),
            next: AtomicUsize::new(0),
            loaded: AtomicU64::new(0),
            total: batches.iter().map(|batch| batch.stored).sum(),
            progress,
        };
        let mut loaded = Loaded { batches: batches.len() as u64, ..Loaded::default() };
        loaded.campaigns = self.load_definitions(picture, batches)?;
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = cores.min(THREADS_MAX).min(work.stretches.len());
        thread::scope(|scope| {
            let loading: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| self.load_codes(picture, &work))).collect();
            let died = || StoreError::Damaged("a loading thread died".to_owned());
            loading.into_iter().try_for_each(|thread| thread.join().map_err(|_| died())?)
        })?;
        loaded.codes = work.loaded.into_inner();
        for item in self.all_overrides() {
            let (key, own) = item?;
            picture.overridden(key, own);
            loaded.overrides += 1;
        }
        Ok(loaded)
    }

    /// Campaigns in their current versions and in those that batches were issued under.
    fn load_definitions(
        &self,
        picture: &impl Picture,
        batches: Vec<Batch>,
    ) -> Result<u64, StoreError> {
        let mut versions: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
        for head in self.heads() {
            let (tenant, id, version) = head?;
            versions.entry((tenant, id)).or_default().insert(version);
        }
        for Batch { issue, .. } in &batches {
            let campaign = (issue.tenant.clone(), issue.campaign.clone());
            versions.entry(campaign).or_default().insert(issue.version);
        }
        let mut campaigns = Vec::with_capacity(versions.len());
        for ((tenant, id), numbers) in &versions {
            for &number in numbers {
                let Some(stored) = self.campaign(tenant, id, Some(number))? else {
                    let what = format!("version {number} of campaign {tenant}/{id} is missing");
                    return Err(StoreError::Damaged(what));
                };
                campaigns.push(Arc::clone(&stored.campaign));
            }
        }
        picture.definitions(campaigns, batches);
        Ok(versions.len() as u64)
    }

    fn load_codes<P: Fn(u64, u64)>(
        &self,
        picture: &impl Picture,
        work: &Work<'_, P>,
    ) -> Result<(), StoreError> {
        while let Some(stretch) = work.stretches.get(work.next.fetch_add(1, Ordering::Relaxed)) {
            let range =
                block_key(stretch.batch, stretch.from)..block_key(stretch.batch, stretch.to);
            let mut codes = 0;
            for item in self.code_keys.range(range) {
                let (key, keys) = item.into_inner()?;
                let (batch, first) = block_of(&key)?;
                picture.codes(batch, first, keys_of(&keys));
                codes += keys_of(&keys).count() as u64;
            }
            let loaded = work.loaded.fetch_add(codes, Ordering::Relaxed) + codes;
            (work.progress)(loaded, work.total);
        }
        Ok(())
    }
}

/// The stretches of a batch. A block beyond what the batch says it has is not read.
fn stretches(batch: &Batch) -> impl Iterator<Item = Stretch> + use<> {
    let number = batch.number;
    let end = u32::try_from(batch.stored).unwrap_or(u32::MAX);
    (0..end).step_by(STRETCH as usize).map(move |from| Stretch {
        batch: number,
        from,
        to: from.saturating_add(STRETCH).min(end),
    })
}
