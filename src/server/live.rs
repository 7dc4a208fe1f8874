//! What happens now: once a second everything that this process answered is taken together, once
//! for all who watch.
//!
//! Invariant: what is kept does not grow: the rows of the last seconds, and of ten minutes one line
//! of numbers for each property.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::Shared;
use crate::engine::figures::{Became, Row};
use crate::engine::{Timestamp, Verb};
use crate::metrics::LatencyCounts;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Seconds that lists and latencies look back.
pub(super) const WINDOW_S: usize = 10;

/// Seconds that are kept for charts: ten minutes.
pub(super) const HISTORY_S: usize = 600;

/// Most properties that one second is kept for; further ones are kept without their names.
const BEATS_MAX: usize = 256;

/// How often something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Beat {
    pub(super) redeemed: u64,
    pub(super) refused: u64,
    pub(super) validated: u64,
    pub(super) held: u64,
    pub(super) confirmed: u64,
    pub(super) released: u64,
}

impl Beat {
    pub(super) fn add(&mut self, became: Became, n: u64) {
        match became {
            Became::Yes(Verb::Redeem) => self.redeemed += n,
            Became::Yes(Verb::Validate) => self.validated += n,
            Became::Yes(Verb::Hold) => self.held += n,
            Became::Yes(Verb::Confirm) => self.confirmed += n,
            Became::Yes(Verb::Release) => self.released += n,
            Became::No(_) => self.refused += n,
            Became::Yes(
                Verb::Extend | Verb::Status | Verb::Code | Verb::TopUp | Verb::Transfer,
            )
            | Became::OneMore(_) => {}
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.redeemed += other.redeemed;
        self.refused += other.refused;
        self.validated += other.validated;
        self.held += other.held;
        self.confirmed += other.confirmed;
        self.released += other.released;
    }
}

/// Beats by tenant and property.
pub(super) type Beats = BTreeMap<(Box<str>, Box<str>), Beat>;

/// One second.
pub(super) struct Second {
    pub(super) at: Timestamp,
    pub(super) beats: Beats,
    /// How long requests took in the last seconds.
    pub(super) latencies: Vec<LatencyCounts>,
}

/// What there is to show now.
pub(super) struct Now {
    pub(super) second: Arc<Second>,
    /// The rows of the last seconds.
    pub(super) window: Vec<Arc<Vec<Row>>>,
    /// Since the start.
    pub(super) totals: Beats,
    /// As it is written, by who sees the same.
    written: Mutex<HashMap<String, Arc<str>>>,
}

impl Now {
    /// As `write` writes it for an audience, once for all of it.
    pub(super) fn written(&self, audience: String, write: impl FnOnce() -> String) -> Arc<str> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(written.entry(audience).or_insert_with(|| write().into()))
    }
}

/// What happens now, for all who watch.
pub(super) struct Live {
    now: watch::Sender<Option<Arc<Now>>>,
    history: Mutex<VecDeque<Arc<Second>>>,
}

impl Default for Live {
    fn default() -> Self {
        Self { now: watch::Sender::new(None), history: Mutex::default() }
    }
}

impl Live {
    /// Follows it, second by second.
    pub(super) fn follow(&self) -> watch::Receiver<Option<Arc<Now>>> {
        self.now.subscribe()
    }

    /// The last ten minutes, oldest first.
    pub(super) fn history(&self) -> Vec<Arc<Second>> {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.iter().cloned().collect()
    }

    fn push(&self, now: Now) {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.push_back(Arc::clone(&now.second));
        if history.len() > HISTORY_S {
            history.pop_front();
        }
        drop(history);
        self.now.send_replace(Some(Arc::new(now)));
    }
}

/// Takes it together every second until the server drains.
pub(super) async fn beat(shared: Arc<Shared>) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut window: VecDeque<Arc<Vec<Row>>> = VecDeque::new();
    let mut counts: VecDeque<Vec<LatencyCounts>> = VecDeque::new();
    let mut totals = Beats::new();
    loop {
        tokio::select! {
            () = shared.draining.cancelled() => return,
            _ = every.tick() => {}
        }
        let rows = shared.engine.drain_tally();
        let mut beats = Beats::new();
        for row in &rows {
            add(&mut beats, row);
            add(&mut totals, row);
        }
        keep(&mut window, Arc::new(rows), WINDOW_S);
        let all = LatencyCounts::all();
        let earlier = counts.front().map(Vec::as_slice).unwrap_or_default();
        let new = all.iter().map(|own| own.since(earlier));
        let latencies = new.filter(|own| !own.is_empty()).collect();
        keep(&mut counts, all, WINDOW_S);
        let second = Arc::new(Second { at: shared.engine.now(), beats, latencies });
        let window = window.iter().cloned().collect();
        let (totals, written) = (totals.clone(), Mutex::default());
        shared.live.push(Now { second, window, totals, written });
    }
}

fn add(beats: &mut Beats, row: &Row) {
    let place = &row.place;
    let mut key = (place.tenant.clone(), place.property.clone());
    if beats.len() >= BEATS_MAX && !beats.contains_key(&key) {
        key.1 = Box::default();
    }
    beats.entry(key).or_default().add(row.became, row.n);
}

fn keep<T>(kept: &mut VecDeque<T>, new: T, most: usize) {
    if kept.len() == most {
        kept.pop_front();
    }
    kept.push_back(new);
}
