//! Code texts: making, normalising, checking, naming.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use jeton::codes::{Alphabet, Check, CodeKeys, Pattern, Series};
use jeton::domain::code::Normal;

/// Codes made at a time: a block of the catalog.
const BLOCK: u64 = 4_096;

pub(crate) fn measure(criterion: &mut Criterion) {
    let pattern = Pattern::parse("TEN-####-####-####", Alphabet::Clear, Check::On).unwrap();
    let keys = CodeKeys::new([5; 32]);
    let series = Series::new(pattern.clone(), &keys, "park");
    let mut group = criterion.benchmark_group("codes");

    group.throughput(Throughput::Elements(BLOCK));
    let mut first = 0;
    group.bench_function("generate 4096", |bench| {
        bench.iter(|| {
            let texts = series.texts(first..first + BLOCK).unwrap();
            first += BLOCK;
            texts.map(|text| text.as_str().len()).sum::<usize>()
        });
    });

    group.throughput(Throughput::Elements(1));
    let text = series.text(41).unwrap();
    let normal = Normal::parse(text.as_str()).unwrap();
    group.bench_function("normalise", |bench| {
        bench.iter(|| Normal::parse(black_box(text.as_str())).unwrap());
    });
    group.bench_function("check", |bench| bench.iter(|| pattern.verify(black_box(&normal))));
    group.bench_function("name (keyed hash)", |bench| {
        bench.iter(|| keys.key("park", black_box(&normal)));
    });
    group.finish();
}
