//! What this process answered, counted where it happens: by place, campaign and outcome.
//!
//! Whoever answers writes to a stripe of its own thread, so a flood of refusals waits for nobody;
//! once a second somebody drains all stripes. What was not drained when the process dies is lost:
//! what was accepted is in the events anyway, refusals are not.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;

use super::labels::OTHER;
use super::told::gate_label;
use crate::domain::order::Order;
use crate::domain::refusal::Reason;
use crate::engine::Verb;

/// Most places that are told apart by one process: callers choose the names of gates. Further ones
/// are at the gate `other`, of no stated property.
const PLACES_MAX: usize = 8_192;

/// Most rows of a stripe between two drains. What finds no room in a second is not counted.
const ROWS_MAX: usize = 8_192;

/// More than threads that answer.
const STRIPES: usize = 16;

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Whose.
    pub tenant: Box<str>,
    /// In which property; empty: not stated.
    pub property: Box<str>,
    /// At which gate; empty: not stated.
    pub gate: Box<str>,
    /// Through which channel; empty: not stated.
    pub channel: Box<str>,
}

impl Place {
    /// What figures call its gate: the gate, or where there is none, `channel:` and the channel.
    #[must_use]
    pub fn gate_label(&self) -> String {
        gate_label(Some(&self.gate), Some(&self.channel)).into()
    }
}

/// The number of a place in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::engine) struct PlaceId(u32);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Became {
    /// It was accepted.
    Yes(Verb),
    /// It was accepted, and this is one more of its codes.
    OneMore(Verb),
    /// It was refused.
    No(Reason),
}

/// How often something became of requests from one place.
#[derive(Debug, Clone)]
pub struct Row {
    /// From where.
    pub place: Arc<Place>,
    /// About which campaign; empty: not known.
    pub campaign: Box<str>,
    /// What became of them.
    pub became: Became,
    /// How often.
    pub n: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    place: PlaceId,
    campaign: u64,
    became: Became,
}

type Rows = HashMap<Key, (Box<str>, u64), RandomState>;

#[derive(Default)]
#[repr(align(128))]
struct Stripe(Mutex<Rows>);

#[derive(Clone, Default)]
struct Places {
    ids: HashMap<u64, PlaceId, RandomState>,
    places: Vec<Arc<Place>>,
}

/// The counts since the last drain.
#[derive(Default)]
pub(in crate::engine) struct Tally {
    hasher: RandomState,
    places: ArcSwap<Places>,
    /// Held while a place is added.
    adding: Mutex<()>,
    stripes: [Stripe; STRIPES],
}

impl Tally {
    /// The place that an order names.
    pub(in crate::engine) fn place(&self, tenant: &str, order: &Order<'_>) -> PlaceId {
        let text = |text: Option<&'_ str>| text.unwrap_or_default().to_owned().into();
        let named = (order.property, order.gate, order.channel);
        let hash = self.hasher.hash_one((tenant, named));
        if let Some(id) = self.places.load().ids.get(&hash) {
            return *id;
        }
        let place = Place {
            tenant: tenant.into(),
            property: text(order.property),
            gate: text(order.gate),
            channel: text(order.channel),
        };
        self.meet(hash, place)
    }

    /// Where requests come from that name no place.
    pub(in crate::engine) fn nowhere(&self, tenant: &str) -> PlaceId {
        self.place(tenant, &Order::default())
    }

    fn meet(&self, hash: u64, place: Place) -> PlaceId {
        // The lock guards no memory that a panic could have left half done.
        let _turn = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.places.load();
        if let Some(id) = known.ids.get(&hash) {
            return *id;
        }
        let (hash, place) = if known.places.len() < PLACES_MAX {
            (hash, place)
        } else {
            let hash = self.hasher.hash_one((&place.tenant, OTHER));
            // Not `other`: a property may be called so, and who sees it sees nobody else's.
            (hash, Place { property: "".into(), gate: OTHER.into(), channel: "".into(), ..place })
        };
        if let Some(id) = known.ids.get(&hash) {
            return *id;
        }
        let mut places = Places::clone(&known);
        let id = PlaceId(u32::try_from(places.places.len()).unwrap_or(u32::MAX));
        places.ids.insert(hash, id);
        places.places.push(Arc::new(place));
        self.places.store(Arc::new(places));
        id
    }

    /// What a place is called.
    pub(in crate::engine) fn named(&self, id: PlaceId) -> Arc<Place> {
        let places = self.places.load();
        let place = usize::try_from(id.0).ok().and_then(|at| places.places.get(at));
        place.cloned().unwrap_or_default()
    }

    /// Counts.
    pub(in crate::engine) fn count(&self, place: PlaceId, campaign: &str, became: Became) {
        let worker = tokio::runtime::worker_index().unwrap_or_default();
        let Some(stripe) = self.stripes.get(worker % STRIPES) else { return };
        let key = Key { place, campaign: self.hasher.hash_one(campaign), became };
        let mut rows = stripe.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, n)) = rows.get_mut(&key) {
            *n += 1;
        } else if rows.len() < ROWS_MAX {
            rows.insert(key, (campaign.into(), 1));
        }
    }

    /// All that was counted since the last time.
    pub(in crate::engine) fn drain(&self) -> Vec<Row> {
        let mut all = Rows::default();
        for stripe in &self.stripes {
            let rows =
                std::mem::take(&mut *stripe.0.lock().unwrap_or_else(PoisonError::into_inner));
            for (key, (campaign, n)) in rows {
                all.entry(key).or_insert((campaign, 0)).1 += n;
            }
        }
        let row = |(key, (campaign, n)): (Key, _)| {
            let place = self.named(key.place);
            Row { place, campaign, became: key.became, n }
        };
        all.into_iter().map(row).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_drained_once() {
        let tally = Tally::default();
        let north = Order { gate: Some("north"), ..Order::default() };
        let place = tally.place("park", &north);
        assert_eq!(place, tally.place("park", &north));
        assert_ne!(place, tally.place("lido", &north));
        let threads: Vec<_> = (0..4).map(|_| 1_000).collect();
        std::thread::scope(|scope| {
            for n in &threads {
                scope.spawn(|| {
                    for _ in 0..*n {
                        tally.count(place, "summer", Became::No(Reason::Expired));
                    }
                });
            }
        });
        let rows = tally.drain();
        assert_eq!((rows.len(), rows[0].n), (1, 4_000));
        assert_eq!((&*rows[0].place.gate, &*rows[0].campaign), ("north", "summer"));
        assert!(tally.drain().is_empty());
    }

    #[test]
    fn names_that_a_stranger_makes_up_are_bounded() {
        let tally = Tally::default();
        let mut last = tally.nowhere("park");
        for gate in 0..PLACES_MAX + 10 {
            let gate = gate.to_string();
            let order = Order { gate: Some(&gate), property: Some("lido"), ..Order::default() };
            last = tally.place("park", &order);
        }
        assert_eq!((&*tally.named(last).gate, &*tally.named(last).property), (OTHER, ""));
        assert_eq!(usize::try_from(last.0).unwrap(), PLACES_MAX);
    }
}
