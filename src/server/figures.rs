//! Counting figures for as long as the doors are open: events as they become durable, refusals
//! every few seconds.
//!
//! Counting never hurries: after each page it rests as long as the page took, and four times as
//! long while more is done than it counts. So it has at most half of a core, or a fifth of one,
//! however far it is behind, and redeeming has the rest.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Shared;
use crate::engine::figures::{Counted, Pulse, Urgency};
use crate::metrics::Stopwatch;

/// How long events gather after everything was counted: a page of many costs little more than one
/// of a single event.
const GATHER: Duration = Duration::from_millis(250);

/// How long a rest is while the ledger works on, in times of what the page took.
const BUSY_RESTS: f64 = 4.0;

/// The pause after something failed, and while another node counts.
const PAUSE: Duration = Duration::from_secs(1);

/// How often refusals are added: what a crash can lose of them.
const REFUSALS_EVERY: Duration = Duration::from_secs(5);

/// How long a drain waits for a page that is being counted: it can be counted again.
const LAST_PAGE_MAX: Duration = Duration::from_secs(1);

/// Counts events until the server drains.
pub(super) async fn count(shared: Arc<Shared>) {
    let mut pulse = shared.engine.ledger().pulse();
    let (mut is_failing, mut urgency) = (false, Urgency::Calm);
    while !shared.draining.is_cancelled() {
        pulse.mark_unchanged();
        let watch = Stopwatch::start();
        let counting = Arc::clone(&shared);
        let page = tokio::task::spawn_blocking(move || counting.engine.count_events(urgency));
        let counted = tokio::select! {
            counted = page => counted,
            () = drained(&shared) => return,
        };
        let failed = match counted {
            Ok(Ok(Counted::Some)) => {
                let is_busy = pulse.has_changed().unwrap_or(false);
                let times = if is_busy { BUSY_RESTS } else { 1.0 };
                sleep(Duration::from_secs_f64(watch.seconds() * times)).await;
                None
            }
            Ok(Ok(Counted::All)) => {
                urgency = rest(&shared, &mut pulse).await;
                None
            }
            Ok(Ok(Counted::Elsewhere)) => {
                urgency = pause(&shared, PAUSE).await;
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = &failed {
            if !is_failing && !shared.draining.is_cancelled() {
                tracing::warn!(%error, "events cannot be counted; figures stand still");
            }
            urgency = pause(&shared, PAUSE).await;
        }
        is_failing = failed.is_some();
    }
}

/// The server drains, and has waited long enough.
async fn drained(shared: &Shared) {
    shared.draining.cancelled().await;
    sleep(LAST_PAGE_MAX).await;
}

/// Waits so long, unless somebody asks for figures or the server drains.
async fn pause(shared: &Shared, most: Duration) -> Urgency {
    tokio::select! {
        () = shared.draining.cancelled() => Urgency::Calm,
        () = shared.figures_wanted.notified() => Urgency::Wanted,
        () = sleep(most) => Urgency::Calm,
    }
}

/// Waits until there is something new, and before that a moment for more of it.
async fn rest(shared: &Shared, pulse: &mut watch::Receiver<Pulse>) -> Urgency {
    let is_local = shared.engine.ledger().is_local();
    if pause(shared, GATHER).await == Urgency::Wanted {
        return Urgency::Wanted;
    }
    tokio::select! {
        () = shared.draining.cancelled() => Urgency::Calm,
        () = shared.figures_wanted.notified() => Urgency::Wanted,
        _ = pulse.changed() => Urgency::Calm,
        // What other nodes did, no pulse tells.
        () = sleep(PAUSE), if !is_local => Urgency::Calm,
    }
}

/// Adds refusals to the figures until the server drains, the last ones included.
pub(super) async fn add_refusals(shared: Arc<Shared>) {
    let mut every = interval(REFUSALS_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        let is_last = tokio::select! {
            () = shared.draining.cancelled() => true,
            _ = every.tick() => false,
        };
        let adding = Arc::clone(&shared);
        let added = tokio::task::spawn_blocking(move || {
            if is_last {
                let _shown_to_nobody = adding.engine.drain_tally();
            }
            adding.engine.add_refusals()?;
            adding.engine.measure_figures()
        });
        let added = tokio::select! {
            added = added => added,
            () = drained(&shared) => return,
        };
        let failed = match added {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = &failed
            && !is_failing
        {
            tracing::warn!(%error, "refusals cannot be added to the figures; they wait");
        }
        is_failing = failed.is_some();
        if is_last {
            return;
        }
    }
}
