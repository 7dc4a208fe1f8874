//! Once a day, unused codes of campaigns that are over are removed, as their campaigns say.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Shared;
use crate::engine::Trial;

/// How long after the start it is done first: when the rush after a restart is over.
const FIRST_AFTER: Duration = Duration::from_secs(600);

/// How often it is done.
const EVERY: Duration = Duration::from_secs(86_400);

/// What the audit log calls this.
const WHO: &str = "jeton/retention";

/// Removes codes every day until the server drains.
pub(super) async fn prune(shared: Arc<Shared>) {
    let mut every = interval_at(Instant::now() + FIRST_AFTER, EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.draining.cancelled() => return,
            _ = every.tick() => {}
        }
        let pruning = Arc::clone(&shared);
        // One that panicked has said so.
        let _done = shared.tasks.spawn_blocking(move || prune_all(&pruning)).await;
    }
}

fn prune_all(shared: &Shared) {
    for tenant in shared.engine.tenants() {
        let (mut removed, mut used) = (0, 0);
        let pruned = shared.engine.prune(&tenant, Trial::Real, WHO, |pruned| {
            removed += pruned.removed;
            used += pruned.used;
            match shared.draining.is_cancelled() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if let Err(error) = pruned {
            tracing::warn!(%tenant, %error, "unused codes could not all be removed");
        }
        if removed + used > 0 {
            tracing::info!(%tenant, removed, used, "removed unused codes");
        }
    }
}
