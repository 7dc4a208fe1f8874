//! Starting up: from the disk into the picture that requests read. Definitions are few and come
//! first.

use std::sync::Arc;

use super::super::block::{block_key, block_of, keys_in, runs};
use super::super::loading::{Progress, Stretch, Versions, in_parallel, in_use, stretches};
use super::super::version::no_version;
use super::super::{Batch, Loaded, Picture, StoreError};
use super::Embedded;

impl Embedded {
    pub(in crate::catalog) fn load(
        &self,
        picture: &impl Picture,
        heard: &(impl Fn(u64, u64) + Sync),
    ) -> Result<Loaded, StoreError> {
        let batches = self.batches()?;
        let progress = Progress::new(&batches, heard);
        let parts: Vec<_> = batches.iter().flat_map(stretches).collect();
        let mut loaded = Loaded { batches: batches.len() as u64, ..Loaded::default() };
        loaded.campaigns = self.load_definitions(picture, batches)?;
        in_parallel(&parts, |stretch| {
            progress.add(self.load_stretch(picture, stretch)?);
            Ok(())
        })?;
        loaded.codes = progress.into_loaded();
        for item in self.all_overrides() {
            let (key, own) = item?;
            picture.overridden(key, own);
            loaded.overrides += 1;
        }
        Ok(loaded)
    }

    fn load_definitions(
        &self,
        picture: &impl Picture,
        batches: Vec<Batch>,
    ) -> Result<u64, StoreError> {
        let mut versions = Versions::new();
        for head in self.heads() {
            let (tenant, id, version) = head?;
            versions.entry((tenant, id)).or_default().insert(version);
        }
        let versions = in_use(versions, &batches);
        let mut campaigns = Vec::with_capacity(versions.len());
        for ((tenant, id), numbers) in &versions {
            for &number in numbers {
                let stored = self.campaign(tenant, id, Some(number))?;
                let stored = stored.ok_or_else(|| no_version(tenant, id, number))?;
                campaigns.push(Arc::clone(&stored.campaign));
            }
        }
        picture.definitions(campaigns, batches, self.all_definitions()?);
        Ok(versions.len() as u64)
    }

    fn load_stretch(&self, picture: &impl Picture, stretch: &Stretch) -> Result<u64, StoreError> {
        let range = block_key(stretch.batch, stretch.from)..block_key(stretch.batch, stretch.to);
        let mut codes = 0;
        for item in self.code_keys.range(range) {
            let (key, keys) = item.into_inner()?;
            let (batch, first) = block_of(&key)?;
            for (first, run) in runs(first, &keys) {
                picture.codes(batch, first, keys_in(run));
                codes += run.len() as u64;
            }
        }
        Ok(codes)
    }
}
