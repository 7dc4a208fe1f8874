//! The way to Redis: a lane that is made anew when it is lost, and calls that block.

use std::future::Future;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Value, from_redis_value};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::super::StoreError;
use super::TAG;
use crate::remote::{Lane, Remote, RemoteError, ServerError};

const LIBRARY: &str = include_str!("catalog.lua");

/// How often something is sent before its failure is the answer.
const TRIES: u32 = 3;

/// The wait before the second try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(50);

/// One lane, for one after the other.
pub(super) struct Link {
    remote: Remote,
    lane: Mutex<Option<Lane>>,
}

impl Link {
    pub(super) fn new(remote: Remote) -> Arc<Self> {
        Arc::new(Self { remote, lane: Mutex::new(None) })
    }

    /// Sends commands that do the same however often they are sent, and again when there was no
    /// answer. The first error of the server is the answer.
    pub(super) async fn send(&self, commands: &[Cmd]) -> Result<Vec<Value>, StoreError> {
        let mut lane = self.lane.lock().await;
        let mut tries = 1;
        loop {
            let error = match self.try_send(&mut lane, commands).await {
                Ok(values) => return Ok(values),
                Err(error) => error,
            };
            let is_unknown = matches!(&error, StoreError::Refused(error) if no_library(error));
            if !(error.is_transient() || is_unknown) || tries == TRIES {
                return Err(error);
            }
            tracing::debug!(%error, "the catalog's commands are sent again");
            if is_unknown {
                self.load_library().await?;
            } else {
                sleep(PAUSE * 2_u32.pow(tries - 1)).await;
            }
            tries += 1;
        }
    }

    async fn try_send(
        &self,
        held: &mut Option<Lane>,
        commands: &[Cmd],
    ) -> Result<Vec<Value>, StoreError> {
        // Taken out, so that a lane on which something failed is gone, however this ends.
        let mut lane = match held.take() {
            Some(lane) => lane,
            None => self.remote.lane().await?,
        };
        let replies = lane.send(TAG.as_bytes(), commands).await?;
        let mut values = Vec::with_capacity(replies.len());
        for reply in replies {
            match reply {
                Ok(value) => values.push(value),
                Err(error) => {
                    if !error.asks_for_reconnect() {
                        *held = Some(lane);
                    }
                    return Err(refused(error));
                }
            }
        }
        *held = Some(lane);
        Ok(values)
    }

    /// Puts the functions on every master, since the catalog's slot may move.
    pub(super) async fn load_library(&self) -> Result<(), StoreError> {
        let mut command = redis::cmd("FUNCTION");
        command.arg("LOAD").arg("REPLACE").arg(LIBRARY);
        for mut master in self.remote.masters().await? {
            match master.query(&command).await {
                Err(RemoteError::Refused(error)) => return Err(refused(error)),
                loaded => loaded?,
            };
        }
        Ok(())
    }
}

fn no_library(error: &ServerError) -> bool {
    error.text.contains("Function not found")
}

fn refused(error: ServerError) -> StoreError {
    if error.is("NOEPOCH") { StoreError::Replaced } else { StoreError::Refused(error) }
}

/// Runs what waits for Redis, for threads that block.
pub(super) struct Runner {
    runtime: Option<Runtime>,
}

impl Runner {
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("catalog").enable_all().build();
        let unable = |error: std::io::Error| {
            StoreError::Remote(RemoteError::Unreachable {
                address: "the catalog".to_owned(),
                reason: format!("no thread for it: {error}"),
            })
        };
        Ok(Self { runtime: Some(runtime.map_err(unable)?) })
    }

    /// Waits for `work`. From any thread: the work is done by another one.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, result) = mpsc::sync_channel(1);
        let gone = || StoreError::Remote(RemoteError::Dropped);
        self.runtime.as_ref().ok_or_else(gone)?.spawn(async move {
            // Who waits does not go away.
            let _sent = done.send(work.await);
        });
        result.recv().map_err(|_| gone())?
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // Not waiting for its thread: this may be a thread that must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A value as what it must be.
pub(super) fn as_a<T: FromRedisValue>(what: &str, value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|error| StoreError::Damaged(format!("{what}: {error}")))
}
