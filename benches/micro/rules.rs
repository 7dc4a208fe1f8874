//! The rules: a campaign with eight conditions and two effects, an order of three lines.

use std::hint::black_box;

use criterion::Criterion;
use jeton::domain::campaign::{Campaign, Code};
use jeton::domain::id::Owner;
use jeton::domain::policy::Policy;
use jeton::domain::rules::{Candidate, Running, Seen, Setting, StackMode, judge, stack};

use crate::scene::{
    EIGHT_AND_TWO, EIGHT_AND_TWO_MINOR, NOW, PASS, basket, campaign, candidate, code, question,
};

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    let (code, seen, order) = (code(), Seen::default(), basket());
    let judge_by = |campaign: &Campaign| {
        let question = question(campaign, &code, &seen, &order);
        judge(black_box(&question), &mut Running::of(&order)).unwrap().worth_minor
    };
    let rich = campaign(EIGHT_AND_TWO);
    assert_eq!(judge_by(&rich), EIGHT_AND_TWO_MINOR);
    group.bench_function("8 conditions, 2 effects", |bench| bench.iter(|| judge_by(&rich)));
    let plain = campaign(PASS);
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
