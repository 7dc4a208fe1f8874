//! The catalog in Redis: for several nodes, which follow each other's changes.
//!
//! A writer reads what is there, decides, and writes on condition that what it read is still
//! there; if not, it begins again. That condition, the write and the news of it are one call of
//! a function (`catalog.lua`). The call is remembered for ten minutes under a name of its own, so
//! that sending it again does nothing. Records are those of the embedded store.
//!
//! | key | type | field, number or order | value |
//! |---|---|---|---|
//! | `{jc}meta` | hash | name | format, fingerprint of the store key, epoch, writers |
//! | `{jc}campaigns` | hash | tenant `/` id | head: version, status, owner |
//! | `{jc}versions` | hash | tenant `/` id `/` version (4) | document |
//! | `{jc}batches` | hash | number (4) | batch |
//! | `{jc}requests` | hash | tenant `/` request (16) | batch (4), position (4) of a single code |
//! | `{jc}blocks:B` | sorted set | first position | first position, as digits |
//! | `{jc}block:B:P` | hash | `keys`, `texts` | as in the embedded store, of batch B from P on |
//! | `{jc}series` | hash | shape (16) | next serial (8) |
//! | `{jc}overrides` | hash | code key (16) | override |
//! | `{jc}override_keys` | sorted set | by the bytes | code key (16) |
//! | `{jc}tokens` | hash | id (16) | record |
//! | `{jc}audit` | list | number − 1 | entry |
//! | `{jc}definitions` | hash | tenant `/` sort `/` id | version, document or none |
//! | `{jc}figures` | hash | whoever counts says | the same |
//! | `{jc}urgent`, `{jc}changes` | streams | | [`CatalogChange`](super::CatalogChange) |
//! | `{jc}write:W` | string | | the write W was done |
//!
//! The tag puts all into one slot of a cluster: ten million codes are about 400 MB there. The
//! epoch is when the catalog was made, by Redis's clock. A store without it, or with another one,
//! was emptied or replaced: nothing is written into it any more, and followers are told.

mod archive;
mod batches;
mod campaigns;
mod changes;
mod commit;
mod definitions;
mod figures;
mod link;
mod load;
mod records;
mod singles;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Cmd, ToRedisArgs, Value};

use super::bytes::number;
use super::seal::Seal;
use super::{FORMAT, OpenError, StoreError};
use crate::remote::{Options, Remote};
use commit::Commit;
use link::{Link, Runner, as_a};

/// The tag of all keys.
const TAG: &str = "{jc}";

const STREAM: &str = "changes";

/// Codes revoked or replaced, and where campaigns stand.
const URGENT_STREAM: &str = "urgent";

/// How often a writer begins again because others were faster. Each time one of them has got on.
const TURNS_MAX: usize = 1_000;

/// The store in Redis.
pub struct Redis {
    runner: Runner,
    link: Arc<Link>,
    /// Waits for changes without being in the way.
    following: Arc<Link>,
    remote: Remote,
    replicas: u32,
    response_timeout: Duration,
    seal: Seal,
    epoch: String,
    writer: String,
    writes: AtomicU64,
    /// Threads of one process take turns, so that only other nodes are ever faster.
    writing: Mutex<()>,
}

impl Redis {
    pub(super) fn open(
        options: &Options,
        replicas: u32,
        store_key: &[u8; 32],
    ) -> Result<Self, OpenError> {
        let seal = Seal::new(store_key).map_err(StoreError::from)?;
        let remote = Remote::new(options.clone()).map_err(StoreError::from)?;
        let runner = Runner::new()?;
        let link = Link::new(remote.clone());
        let mut command = redis::cmd("FCALL");
        command.arg("jeton_catalog_1_open").arg(3);
        command.arg(key("meta")).arg(key("campaigns")).arg(key("batches"));
        command.arg(&FORMAT.to_be_bytes()).arg(seal.fingerprint());
        let opening = Arc::clone(&link);
        let opened = runner.wait(async move {
            opening.load_library().await?;
            opening.send(&[command]).await
        });
        let opened = match opened {
            Err(StoreError::Refused(error)) if error.is("FOREIGN") => {
                return Err(OpenError::Foreign(remote.target().to_string()));
            }
            opened => only(opened?)?,
        };
        type Meta = (Vec<u8>, Vec<u8>, String, String);
        let (format, fingerprint, epoch, writer): Meta = as_a("the catalog's meta", opened)?;
        super::check_meta(number(&format, "the format")?, &fingerprint, &seal)?;
        Ok(Self {
            runner,
            link,
            following: Link::new(remote.clone()),
            remote,
            replicas,
            response_timeout: options.response_timeout,
            seal,
            epoch,
            writer,
            writes: AtomicU64::new(0),
            writing: Mutex::new(()),
        })
    }

    /// Nothing to do: every write was as durable as it gets when it was answered.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        // The lock guards no memory that a panic could have left half done.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends commands in one flush and returns the replies.
    fn call(&self, commands: Vec<Cmd>) -> Result<Vec<Value>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let link = Arc::clone(&self.link);
        self.runner.wait(async move { link.send(&commands).await })
    }

    fn ask<T: redis::FromRedisValue>(&self, what: &str, command: Cmd) -> Result<T, StoreError> {
        as_a(what, only(self.call(vec![command])?)?)
    }

    /// A field of a hash.
    fn field(&self, hash: &str, field: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask(hash, of("HGET", hash, &[field]))
    }

    fn check_epoch(&self) -> Result<(), StoreError> {
        let epoch: Option<String> = self.ask("the epoch", of("HGET", "meta", &["epoch"]))?;
        if epoch.as_ref() == Some(&self.epoch) { Ok(()) } else { Err(StoreError::Replaced) }
    }

    /// Writes all of `commit` and says `true`, or nothing because something has changed.
    fn commit(&self, commit: Commit) -> Result<bool, StoreError> {
        let write = self.writes.fetch_add(1, Ordering::Relaxed);
        let mark = key(&format!("write:{}-{write}", self.writer));
        let mut commands = vec![commit.command(&mark, &self.epoch)];
        if self.replicas > 0 {
            let mut wait = redis::cmd("WAIT");
            let within_ms = self.response_timeout.as_millis() / 2;
            wait.arg(self.replicas).arg(u64::try_from(within_ms).unwrap_or(u64::MAX));
            commands.push(wait);
        }
        let mut replies = self.call(commands)?.into_iter();
        let written: i64 = as_a("a write", replies.next().unwrap_or(Value::Nil))?;
        let is_written = written == 1;
        if let Some(reached) = replies.next().filter(|_| is_written) {
            let reached: i64 = as_a("the replicas", reached)?;
            if reached < i64::from(self.replicas) {
                return Err(StoreError::Replicas { wanted: self.replicas, reached });
            }
        }
        Ok(is_written)
    }

    /// Writes `commit`, which expects nothing.
    fn write(&self, commit: Commit) -> Result<(), StoreError> {
        if self.commit(commit)? { Ok(()) } else { Err(StoreError::Contended) }
    }

    /// Decides and writes until nobody else was faster. `decide` reads what is there and says what
    /// to write and what then is the answer, or just the answer.
    fn optimistically<T, E: From<StoreError>>(
        &self,
        mut decide: impl FnMut() -> Result<Decision<T>, E>,
    ) -> Result<T, E> {
        let _turn = self.turn();
        for _ in 0..TURNS_MAX {
            match decide()? {
                Decision::Answer(answer) => return Ok(answer),
                Decision::Write(commit, answer) => {
                    if self.commit(commit)? {
                        return Ok(answer);
                    }
                }
            }
        }
        Err(StoreError::Contended.into())
    }
}

/// What a writer does after reading.
enum Decision<T> {
    /// Nothing, and answer.
    Answer(T),
    /// Write and then answer.
    Write(Commit, T),
}

/// A key of the catalog.
fn key(name: &str) -> String {
    format!("{TAG}{name}")
}

/// A command about one key as a whole.
fn whole(command: &str, name: &str) -> Cmd {
    let mut command = redis::cmd(command);
    command.arg(key(name));
    command
}

/// A command about one key, with arguments.
fn of(command: &str, name: &str, arguments: &[impl ToRedisArgs]) -> Cmd {
    let mut command = whole(command, name);
    command.arg(arguments);
    command
}

/// The reply to one command.
fn only(replies: Vec<Value>) -> Result<Value, StoreError> {
    let none = || StoreError::Damaged("Redis gave no reply".to_owned());
    replies.into_iter().next().ok_or_else(none)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed one is a failed test")]
mod tests;
