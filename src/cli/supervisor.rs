//! What the service manager is told: ready, stopping, and that the ledger still answers.
//!
//! systemd says by `NOTIFY_SOCKET` and `WATCHDOG_USEC` that it wants to know; without them nothing
//! is sent. It deliberately does not know what is done with the news.
//!
//! Invariant: the watchdog is fed by an answer of the ledger's own thread, never by a timer alone.
//! A Redis that is away or fenced is an answer: starting again would not heal it.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::domain::id::PostingId;
use crate::domain::posting::Command;
use crate::engine::Engine;
use crate::ledger::{LedgerError, Task};

/// How long the ledger may take to say that Redis is away, at most.
const ASK_MAX: Duration = Duration::from_secs(1);

/// When to ask again after the queue was full. A ledger that works empties it many times a second.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Requests are answered; `status` is for people.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Nothing new is begun any more.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(news: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(news) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

/// Feeds the watchdog, if there is one, for as long as the ledger answers. Asks four times in the
/// time after which the service manager would start the process again.
pub(super) async fn watchdog(engine: Arc<Engine>) {
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    let pause = patience / 4;
    let ask = ASK_MAX.min(pause);
    let mut each = interval(pause);
    each.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        each.tick().await;
        match timeout(patience / 2, answers(&engine, ask)).await {
            Ok(true) => tell(&[NotifyState::Watchdog]),
            Ok(false) => tracing::error!("the ledger has stopped; the watchdog is not fed"),
            Err(_) => tracing::error!("the ledger does not answer; the watchdog is not fed"),
        }
    }
}

/// Whether the ledger's thread answers a question, for which it may take `ask`. Waits while its
/// queue is full.
async fn answers(engine: &Engine, ask: Duration) -> bool {
    let ask_ms = i64::try_from(ask.as_millis()).unwrap_or(i64::MAX);
    loop {
        let (answered, answer) = oneshot::channel();
        let now = engine.now();
        let id = PostingId([0; 16]);
        let task = Task { command: Command::Status { id, now }, deadline: now.plus_ms(ask_ms) };
        let done = Box::new(move |answers: Result<Vec<_>, LedgerError>| {
            // Who no longer waits has given up.
            let _gone = answered.send(answers.err());
        });
        engine.ledger_submit(vec![task], done);
        match answer.await {
            Ok(Some(LedgerError::Busy)) => sleep(BUSY_PAUSE).await,
            Ok(Some(LedgerError::Poisoned(_) | LedgerError::Closed)) | Err(_) => return false,
            Ok(
                None | Some(LedgerError::Away(_) | LedgerError::Fenced(_) | LedgerError::Read(_)),
            ) => return true,
        }
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
#[expect(clippy::unwrap_used, reason = "a failed one is a failed test")]
mod tests {
    use super::*;
    use crate::ledger::Fault;
    use crate::testing::{BoxOptions, engine_in};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_ledger_that_works_answers_and_one_that_stopped_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let open = |fault| {
            let options = BoxOptions { fault, ..BoxOptions::default() };
            let dir = dir.path().to_owned();
            tokio::task::spawn_blocking(move || engine_in(&dir, &options).unwrap())
        };
        let engine = open(Fault::None).await.unwrap();
        assert!(answers(&engine, ASK_MAX).await);
        engine.ledger().close();
        assert!(!answers(&engine, ASK_MAX).await);
    }
}
