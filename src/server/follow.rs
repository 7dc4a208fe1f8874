//! Following the catalog for as long as the doors are open: campaigns and codes are the engine's,
//! tokens, users and sessions are the doors' own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Shared;
use crate::engine::Follow;

/// The pause after the catalog could not be read.
const PAUSE: Duration = Duration::from_millis(250);

/// How often it is measured how long ago the catalog was heard.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// Takes up what other nodes change, until the server drains.
pub(super) async fn follow(shared: Arc<Shared>) {
    let age = metrics::gauge!("jeton_catalog_followed_seconds");
    let mut each = interval(MEASURE_EVERY);
    each.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !shared.draining.is_cancelled() {
        let following = Arc::clone(&shared);
        let step = move || following.engine.follow(|news| following.access.take_up(news));
        let mut step = tokio::task::spawn_blocking(step);
        let followed = loop {
            tokio::select! {
                followed = &mut step => break followed,
                _ = each.tick() => {
                    age.set(Duration::from_millis(shared.engine.followed_ms_ago()).as_secs_f64());
                }
            }
        };
        match followed {
            Ok(Follow::On) => {}
            Ok(Follow::End) => return,
            Ok(Follow::Later) => sleep(PAUSE).await,
            Err(error) => {
                tracing::error!(%error, "following the catalog failed");
                sleep(PAUSE).await;
            }
        }
    }
}
