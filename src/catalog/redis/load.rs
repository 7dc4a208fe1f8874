//! Starting up: from Redis into the picture that requests read.
//!
//! Threads take parts, each over a lane of its own, so that Redis answers one while others fill
//! the memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use redis::Value;

use super::super::block::{keys_in, runs};
use super::super::loading::{Progress, STRETCH, Stretch, Versions, in_parallel, in_use, stretches};
use super::super::version::{Head, no_version};
use super::super::{Batch, Loaded, Picture, StoreError};
use super::batches::{block_name, blocks_name};
use super::campaigns::CampaignName;
use super::link::{Link, as_a};
use super::{Redis, of};

/// Blocks that are asked for in one flush: four megabytes of keys.
const BLOCKS_AT_ONCE: usize = 64;

/// Stretches of small batches that are asked for in one flush.
const STRETCHES_AT_ONCE: usize = 64;

/// Overrides in one page.
const OVERRIDES_AT_ONCE: usize = 4_096;

impl Redis {
    pub(in crate::catalog) fn load(
        &self,
        picture: &impl Picture,
        heard: &(impl Fn(u64, u64) + Sync),
    ) -> Result<Loaded, StoreError> {
        let batches = self.batches()?;
        let progress = Progress::new(&batches, heard);
        let parts = parts(batches.iter().flat_map(stretches));
        let mut loaded = Loaded { batches: batches.len() as u64, ..Loaded::default() };
        loaded.campaigns = self.load_definitions(picture, batches)?;
        in_parallel(&parts, |part| {
            progress.add(self.load_part(picture, part)?);
            Ok(())
        })?;
        loaded.codes = progress.into_loaded();
        loaded.overrides = self.load_overrides(picture)?;
        // Emptied meanwhile, it would look like less.
        self.check_epoch()?;
        Ok(loaded)
    }

    fn load_definitions(
        &self,
        picture: &impl Picture,
        batches: Vec<Batch>,
    ) -> Result<u64, StoreError> {
        let heads: BTreeMap<CampaignName, Head> = self.heads()?.into_iter().collect();
        let mut versions = Versions::new();
        for (name, head) in &heads {
            versions.entry(name.clone()).or_default().insert(head.version);
        }
        let versions = in_use(versions, &batches);
        let mut wanted = Vec::with_capacity(versions.len());
        for (name, numbers) in &versions {
            for &number in numbers {
                let head = heads.get(name).ok_or_else(|| no_version(&name.0, &name.1, number))?;
                wanted.push((name.clone(), head.clone(), number));
            }
        }
        let campaigns = self.stored(&wanted)?;
        let campaigns = campaigns.iter().map(|stored| Arc::clone(&stored.campaign)).collect();
        picture.definitions(campaigns, batches, self.all_definitions()?);
        Ok(versions.len() as u64)
    }

    fn load_part(&self, picture: &impl Picture, part: &[Stretch]) -> Result<u64, StoreError> {
        let link = Link::new(self.remote.clone());
        let call = |commands: Vec<redis::Cmd>| {
            let link = Arc::clone(&link);
            self.runner.wait(async move { link.send(&commands).await })
        };
        let begins = part.iter().map(|Stretch { batch, from, to }| {
            let range = [from.to_string(), format!("({to}")];
            of("ZRANGEBYSCORE", &blocks_name(*batch), &range)
        });
        let mut blocks: Vec<(u32, u32)> = Vec::new();
        for (stretch, begins) in part.iter().zip(call(begins.collect())?) {
            let begins: Vec<u32> = as_a("blocks", begins)?;
            blocks.extend(begins.into_iter().map(|first| (stretch.batch, first)));
        }
        let mut codes = 0;
        for blocks in blocks.chunks(BLOCKS_AT_ONCE) {
            let asked = blocks
                .iter()
                .map(|(batch, first)| of("HGET", &block_name(*batch, *first), &["keys"]));
            for (&(batch, first), keys) in blocks.iter().zip(call(asked.collect())?) {
                let Value::BulkString(keys) = keys else {
                    self.check_removed(batch, first)?;
                    continue;
                };
                for (first, run) in runs(first, &keys) {
                    picture.codes(batch, first, keys_in(run));
                    codes += run.len() as u64;
                }
            }
        }
        Ok(codes)
    }

    fn load_overrides(&self, picture: &impl Picture) -> Result<u64, StoreError> {
        let (mut after, mut loaded) = (None, 0);
        loop {
            let page = self.overrides(after, OVERRIDES_AT_ONCE)?;
            let Some((last, _)) = page.last() else { return Ok(loaded) };
            after = Some(*last);
            loaded += page.len() as u64;
            for (key, own) in page {
                picture.overridden(key, own);
            }
        }
    }
}

/// Small stretches together, large ones alone.
fn parts(stretches: impl Iterator<Item = Stretch>) -> Vec<Vec<Stretch>> {
    let mut parts: Vec<Vec<Stretch>> = Vec::new();
    let mut codes = 0;
    for stretch in stretches {
        let more = stretch.to - stretch.from;
        match parts.last_mut() {
            Some(part) if part.len() < STRETCHES_AT_ONCE && codes + more <= STRETCH => {
                codes += more;
                part.push(stretch);
            }
            _ => {
                codes = more;
                parts.push(vec![stretch]);
            }
        }
    }
    parts
}
