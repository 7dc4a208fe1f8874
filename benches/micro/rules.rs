//! The rules: a campaign with eight conditions and two effects, an order of three lines.

use std::hint::black_box;

use criterion::Criterion;
use jeton::domain::campaign::Campaign;
use jeton::domain::order::{Line, Order};
use jeton::domain::rules::{Question, Running, Seen, judge};
use smallvec::smallvec;

use crate::scene::{NOW, campaign, code};

const EIGHT_AND_TWO: &str = r#"
id = "summer"
kind = "discount"
zone = "Europe/Vienna"
currency = "EUR"

[validity]
from = 2026-01-01
until = 2026-12-31

[[conditions]]
type = "amount"
min = "50"
[[conditions]]
type = "quantity"
min = 2
[[conditions]]
type = "product"
only = ["ticket", "meal", "parking"]
[[conditions]]
type = "channel"
only = ["web", "app"]
[[conditions]]
type = "property"
only = ["lake", "hill", "town"]
[[conditions]]
type = "partner"
not = ["nobody"]
[[conditions]]
type = "brand"
only = ["sun", "moon"]
[[conditions]]
type = "customer_group"
only = ["club", "staff"]

[[effects]]
type = "percent"
percent = "12.5"
cap = 20
[[effects]]
type = "amount"
amount = "3.50"
"#;

const NONE: &str = r#"
id = "season"
kind = "pass"
zone = "Europe/Vienna"
"#;

fn order() -> Order<'static> {
    let line =
        |product, quantity, amount_minor| Line { product, category: "", quantity, amount_minor };
    Order {
        customer_groups: smallvec!["club"],
        channel: Some("web"),
        property: Some("lake"),
        partner: Some("agency"),
        brand: Some("sun"),
        currency: Some("EUR"),
        lines: smallvec![line("ticket", 2, 6_400), line("meal", 2, 2_400), line("book", 1, 900)],
        ..Order::default()
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    let (code, seen, order) = (code(), Seen::default(), order());
    let judge_by = |campaign: &Campaign| {
        let question = Question {
            campaign,
            worth: campaign,
            code: &code,
            seen: &seen,
            order: &order,
            now: NOW,
            alone: true,
        };
        judge(black_box(&question), &mut Running::of(&order)).unwrap().worth_minor
    };
    let rich = campaign(EIGHT_AND_TWO);
    assert_eq!(judge_by(&rich), 1_100 + 350, "12.5 % of 88.00 and 3.50");
    group.bench_function("8 conditions, 2 effects", |bench| bench.iter(|| judge_by(&rich)));
    let plain = campaign(NONE);
    group.bench_function("a plain pass", |bench| bench.iter(|| judge_by(&plain)));
    group.finish();
}
