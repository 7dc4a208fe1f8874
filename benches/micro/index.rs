//! The index: finding a code among few and among many, and the campaigns that apply by themselves.
//! What the map under it costs, and what others would, is in `maps`.

use std::hint::black_box;

use criterion::Criterion;
use jeton::domain::id::{CampaignId, TenantId};
use jeton::domain::order::{Line, Order};
use jeton::index::{Batch, Index};
use smallvec::smallvec;

use crate::map::{SIZES, fill, key, walk};
use crate::scene::{NOW, PASS, campaign};

/// So many codes of one batch.
fn index_of(codes: u32) -> Index {
    let index = Index::with_capacity(codes as usize);
    index.change(|definitions| {
        definitions.put_campaign(campaign(PASS));
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
    fill(&index, codes);
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

fn rooms() -> Order<'static> {
    let line = Line { product: "double", product_type: "room", quantity: 1, ..Line::default() };
    let (property, channel) = (Some("h7"), Some("web"));
    Order { property, channel, lines: smallvec![line; 3], ..Order::default() }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("index");
    for (name, count) in [("automatic of 10", 10), ("automatic of 10 k", 10_000)] {
        let (index, order) = (hotels(count), rooms());
        let tenant = TenantId::parse("park").unwrap();
        let definitions = index.definitions();
        assert!(definitions.automatic(&tenant, &order).count() <= 4);
        group.bench_function(name, |bench| {
            bench.iter(|| definitions.automatic(&tenant, black_box(&order)).count());
        });
    }
    for (name, codes) in SIZES {
        let (index, mut next) = (index_of(codes), walk(codes));
        group.bench_function(format!("find in {name}"), |bench| {
            bench.iter(|| index.find(black_box(&key(next()))).unwrap().position);
        });
    }
    group.finish();
}
