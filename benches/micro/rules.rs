//! The rules: a campaign with eight conditions and two effects, an order of three lines.

use std::hint::black_box;

use criterion::Criterion;
use jeton::domain::campaign::{Campaign, Code};
use jeton::domain::id::Owner;
use jeton::domain::order::{Line, Order};
use jeton::domain::policy::Policy;
use jeton::domain::rules::{Candidate, Question, Running, Seen, Setting, StackMode, judge, stack};
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
    let line = |product, quantity, amount_minor| Line {
        product,
        quantity,
        amount_minor,
        ..Line::default()
    };
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

/// A code of `campaign`, or the campaign by itself.
fn candidate<'a>(code_index: Option<u8>, campaign: &'a Campaign, code: &'a Code) -> Candidate<'a> {
    let (name, seen) = (campaign.id.as_str(), Seen::default());
    Candidate { code_index, name, campaign, worth: campaign, code, seen, account: None }
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
            account: None,
        };
        judge(black_box(&question), &mut Running::of(&order)).unwrap().worth_minor
    };
    let rich = campaign(EIGHT_AND_TWO);
    assert_eq!(judge_by(&rich), 1_100 + 350, "12.5 % of 88.00 and 3.50");
    group.bench_function("8 conditions, 2 effects", |bench| bench.iter(|| judge_by(&rich)));
    let plain = campaign(NONE);
    group.bench_function("a plain pass", |bench| bench.iter(|| judge_by(&plain)));

    let policy = Policy { codes_max: 16, ..Policy::default() };
    let mode = StackMode::AllOrNothing;
    let setting = Setting { order: &order, now: NOW, policy: &policy, group: None, mode };
    let other = Code { owner: Owner([7; 16]), ..code.clone() };
    let three = [
        candidate(Some(0), &rich, &code),
        candidate(Some(1), &rich, &other),
        candidate(None, &plain, &code),
    ];
    let stack_of = |all: &[Candidate<'_>]| stack(black_box(all), &setting).unwrap().parts.len();
    assert_eq!((stack_of(&three[..1]), stack_of(&three)), (1, 3));
    group.bench_function("a lone code in a stack", |bench| bench.iter(|| stack_of(&three[..1])));
    group.bench_function("two codes and an automatic campaign", |bench| {
        bench.iter(|| stack_of(&three));
    });
    group.finish();
}
