//! The records of who may come in: tokens, users and sessions. What they say is their owner's
//! business; the engine keeps them beside everything else that nodes share.
//!
//! All calls block; what was written is durable when answered.

use crate::catalog::StoreError;

use super::Engine;

/// What a record is kept under.
type Id = [u8; 16];

impl Engine {
    /// Stores a record, in the place of the one that was there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_token(&self, id: Id, record: &[u8]) -> Result<(), StoreError> {
        self.catalog.put_token(id, record)
    }

    /// Makes a record what `decide` says, after it has read what is there: nobody changes that in
    /// between. Where another node is faster, it is asked again; `None` removes the record.
    ///
    /// # Errors
    /// When `decide` does not want to, or the store fails.
    pub fn change_token<E: From<StoreError>>(
        &self,
        id: Id,
        decide: impl FnMut(Option<Vec<u8>>) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        self.catalog.change_token(id, decide)
    }

    /// Removes records.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_tokens(&self, ids: &[Id]) -> Result<(), StoreError> {
        self.catalog.remove_tokens(ids)
    }

    /// These records, in their order; `None` where there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tokens_of(&self, ids: &[Id]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.catalog.tokens_of(ids)
    }

    /// All records.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tokens(&self) -> Result<Vec<(Id, Vec<u8>)>, StoreError> {
        Ok(self.catalog.tokens()?.into_iter().map(|token| (token.id, token.record)).collect())
    }
}
