//! Figures in Redis.

use super::super::{FigureWrite, StoreError};
use super::commit::Commit;
use super::{Redis, of};

/// The hash that has them.
const FIGURES: &str = "figures";

impl Redis {
    pub(in crate::catalog) fn figures(
        &self,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(FIGURES, of("HMGET", FIGURES, keys))
    }

    pub(in crate::catalog) fn change_figures(
        &self,
        key: &[u8],
        expected: Option<&[u8]>,
        writes: &[FigureWrite],
    ) -> Result<bool, StoreError> {
        let mut commit = Commit::default();
        commit.expect(FIGURES, key, expected);
        for (key, value) in writes {
            match value {
                Some(value) => commit.set(FIGURES, key, value.clone()),
                None => commit.unset(FIGURES, key),
            }
        }
        self.commit(commit)
    }
}
