//! The index: finding a code among few and among many.

use std::hint::black_box;

use criterion::Criterion;
use jeton::domain::code::CodeKey;
use jeton::domain::id::{CampaignId, TenantId};
use jeton::domain::order::{Line, Order};
use jeton::index::{Batch, Entry, Index};
use smallvec::smallvec;

use crate::scene::{NOW, campaign, spread};

/// An odd step: visits all of a power of two, and neighbours seldom lie side by side.
const STEP: u64 = 611_953;

fn index_of(codes: u64) -> Index {
    let index = Index::with_capacity(usize::try_from(codes).unwrap());
    index.change(|definitions| {
        definitions.put_campaign(campaign("id = \"season\"\nkind = \"pass\""));
        let batch = Batch {
            number: 1,
            tenant: TenantId::parse("park").unwrap(),
            campaign: CampaignId::parse("season").unwrap(),
            version: 1,
            issued: NOW,
            paid: None,
            uses: None,
            balance_minor: None,
            valid_from: None,
            valid_until: None,
        };
        definitions.put_batch(batch).unwrap();
    });
    let keys = (0..codes).map(|number| CodeKey::from_bytes(spread(number)));
    index.fill(Entry::new(1, 0).unwrap(), keys);
    index
}

/// So many automatic campaigns, each for the rooms of another hotel on the web.
fn hotels(count: u32) -> Index {
    let index = Index::with_capacity(0);
    index.change(|definitions| {
        for hotel in 0..count {
            let only = |what: &str, value: &str| {
                format!("[[conditions]]\ntype = \"{what}\"\nonly = [\"{value}\"]\n")
            };
            definitions.put_campaign(campaign(&format!(
                "id = \"c{hotel}\"\nkind = \"discount\"\nautomatic = true\n\
                 effects = [{{ type = \"percent\", percent = \"5\" }}]\n{}{}{}",
                only("product_type", "room"),
                only("channel", "web"),
                only("property", &format!("h{hotel}")),
            )));
        }
    });
    index
}

fn order() -> Order<'static> {
    let line = Line { product: "double", product_type: "room", quantity: 1, ..Line::default() };
    let (property, channel) = (Some("h7"), Some("web"));
    Order { property, channel, lines: smallvec![line; 3], ..Order::default() }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("index");
    for (name, count) in [("automatic of 10", 10), ("automatic of 10 k", 10_000)] {
        let (index, order) = (hotels(count), order());
        let tenant = TenantId::parse("park").unwrap();
        let definitions = index.definitions();
        assert!(definitions.automatic(&tenant, &order).count() <= 4);
        group.bench_function(name, |bench| {
            bench.iter(|| definitions.automatic(&tenant, black_box(&order)).count());
        });
    }
    for (name, codes) in [("find in 1 k", 1 << 10), ("find in 1 M", 1 << 20)] {
        let index = index_of(codes);
        let mut at = 0;
        group.bench_function(name, |bench| {
            bench.iter(|| {
                at = (at + STEP) % codes;
                let key = CodeKey::from_bytes(spread(at));
                index.find(black_box(&key)).unwrap().position
            });
        });
    }
    group.finish();
}
