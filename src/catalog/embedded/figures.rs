//! Figures in the embedded store.

use super::super::{FigureWrite, StoreError};
use super::Embedded;

impl Embedded {
    pub(in crate::catalog) fn figures(
        &self,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let one = |key| Ok(self.figures.get(key)?.map(|value| value.to_vec()));
        keys.iter().map(one).collect()
    }

    pub(in crate::catalog) fn change_figures(
        &self,
        key: &[u8],
        expected: Option<&[u8]>,
        writes: &[FigureWrite],
    ) -> Result<bool, StoreError> {
        let _turn = self.turn();
        if self.figures.get(key)?.as_deref() != expected {
            return Ok(false);
        }
        let mut batch = self.db.batch();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(&self.figures, key.as_slice(), value.as_slice()),
                None => batch.remove(&self.figures, key.as_slice()),
            }
        }
        // Not synced: after a power cut older figures go on from where they were.
        batch.commit()?;
        Ok(true)
    }
}
