//! The catalog in a directory of this machine: an LSM store that one process has open.
//!
//! One writer at a time, so that reading what is there and writing what follows from it is one
//! step. Each such step is one atomic write of the store.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `meta` | name | format, fingerprint of the store key |
//! | `campaigns` | tenant `/` id | head: version, status, owner |
//! | `versions` | tenant `/` id `/` version (4) | document |
//! | `batches` | number (4) | batch |
//! | `requests` | tenant `/` request (16) | batch number (4), position (4) of a single code |
//! | `code_keys` | batch (4) first position (4) | keys, 16 bytes each |
//! | `code_texts` | batch (4) first position (4) | sealed: per code its length (1) and text |
//! | `series` | shape (16) | next serial (8) |
//! | `overrides` | code key (16) | override |
//! | `tokens` | id (16) | record |
//! | `audit` | number (8) | entry |
//! | `definitions` | tenant `/` sort `/` id | version, document or none |
//! | `figures` | whoever counts says | the same |
//!
//! Numbers are big-endian, records without a layout are JSON. A `/` is in no tenant and no id.

mod archive;
mod batches;
mod campaigns;
mod definitions;
mod figures;
mod load;
mod records;
mod singles;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bytes::number;
use super::seal::Seal;
use super::{FORMAT, OpenError, StoreError};
use fjall::config::CompressionPolicy;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions,
    OwnedWriteBatch, PersistMode,
};

/// Requests are answered from the index; what is read here is read once, or by people.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// What a start has to read again, at most.
const JOURNALS_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// What is kept of new blocks in memory, also after a start that read them again.
const BLOCKS_MEMTABLE_BYTES_MAX: u64 = 16 * 1024 * 1024;

const META: &str = "meta";
const META_FORMAT: &[u8] = b"format";
const META_FINGERPRINT: &[u8] = b"store_key_fingerprint";

/// The embedded store.
pub struct Embedded {
    db: Database,
    campaigns: Keyspace,
    versions: Keyspace,
    batches: Keyspace,
    requests: Keyspace,
    code_keys: Keyspace,
    code_texts: Keyspace,
    series: Keyspace,
    overrides: Keyspace,
    tokens: Keyspace,
    audit: Keyspace,
    definitions: Keyspace,
    figures: Keyspace,
    seal: Seal,
    /// Held from reading what is there to writing what follows from it.
    writing: Mutex<()>,
}

impl Embedded {
    pub(super) fn open(dir: &Path, store_key: &[u8; 32]) -> Result<Self, OpenError> {
        let foreign = || OpenError::Foreign(dir.display().to_string());
        let seal = Seal::new(store_key).map_err(StoreError::from)?;
        let builder = Database::builder(dir).journal_compression(CompressionType::None);
        let builder = builder.cache_size(CACHE_BYTES).max_journaling_size(JOURNALS_BYTES_MAX);
        let db = builder.open().map_err(|error| {
            let is_locked = matches!(error, fjall::Error::Locked);
            if is_locked { OpenError::Locked(dir.to_owned()) } else { error.into() }
        })?;
        let is_new = db.keyspace_count() == 0;
        if !is_new && !db.keyspace_exists(META) {
            return Err(foreign());
        }
        let meta = db.keyspace(META, KeyspaceCreateOptions::default)?;
        match meta.get(META_FORMAT)? {
            Some(format) => check_meta(&format, meta.get(META_FINGERPRINT)?.as_deref(), &seal)?,
            None if meta.is_empty()? => {
                let mut batch = db.batch();
                batch.insert(&meta, META_FORMAT, FORMAT.to_be_bytes());
                batch.insert(&meta, META_FINGERPRINT, *seal.fingerprint());
                batch.durability(Some(PersistMode::SyncAll)).commit()?;
            }
            None => return Err(foreign()),
        }
        let keyspace = |name| db.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self {
            campaigns: keyspace("campaigns")?,
            versions: keyspace("versions")?,
            batches: keyspace("batches")?,
            requests: keyspace("requests")?,
            code_keys: db.keyspace("code_keys", blocks)?,
            code_texts: db.keyspace("code_texts", blocks)?,
            series: keyspace("series")?,
            overrides: keyspace("overrides")?,
            tokens: keyspace("tokens")?,
            audit: keyspace("audit")?,
            definitions: keyspace("definitions")?,
            figures: keyspace("figures")?,
            seal,
            writing: Mutex::new(()),
            db,
        })
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        Ok(self.db.persist(PersistMode::SyncData)?)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        // The lock guards no memory that a panic could have left half done.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all of `batch` or nothing, durably.
    fn commit(batch: OwnedWriteBatch) -> Result<(), StoreError> {
        Ok(batch.durability(Some(PersistMode::SyncData)).commit()?)
    }
}

/// Blocks of hashes and of sealed texts: large, and nothing can be made shorter. They are written
/// once into files of their own, and compaction moves only where they are.
fn blocks() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(BLOCKS_MEMTABLE_BYTES_MAX)
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        .with_kv_separation(Some(KvSeparationOptions::default().compression(CompressionType::None)))
}

fn check_meta(format: &[u8], fingerprint: Option<&[u8]>, seal: &Seal) -> Result<(), OpenError> {
    super::check_meta(number(format, "the format")?, fingerprint.unwrap_or_default(), seal)
}
