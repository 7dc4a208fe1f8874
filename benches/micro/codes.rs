//! Code texts: making, normalising, checking, naming.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use jeton::codes::{Alphabet, Check, CodeKeys, Pattern, Series, Verdict};
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
    let mut first = 0;
    group.bench_function("generate and name 4096", |bench| {
        bench.iter(|| {
            let texts = series.texts(first..first + BLOCK).unwrap();
            first += BLOCK;
            let normal = |text: &str| Normal::parse(text).unwrap();
            let named = texts.map(|text| keys.key("park", &normal(text.as_str())));
            named.fold(0_u8, |all, key| all ^ key.as_bytes()[0])
        });
    });

    group.throughput(Throughput::Elements(1));
    // As people type it.
    let typed = series.text(41).unwrap().as_str().to_lowercase().replace('-', " ");
    let normal = Normal::parse(&typed).unwrap();
    group.bench_function("normalise", |bench| {
        bench.iter(|| Normal::parse(black_box(&typed)).unwrap());
    });
    assert_eq!(pattern.verify(&normal), Verdict::Right);
    group.bench_function("check", |bench| bench.iter(|| pattern.verify(black_box(&normal))));
    group.bench_function("name (keyed hash)", |bench| {
        bench.iter(|| keys.key("park", black_box(&normal)));
    });
    group.bench_function("normalise, check, name", |bench| {
        bench.iter(|| {
            let normal = Normal::parse(black_box(&typed)).unwrap();
            assert_eq!(pattern.verify(&normal), Verdict::Right);
            keys.key("park", &normal)
        });
    });
    group.bench_function("serial of a code", |bench| {
        bench.iter(|| series.serial_of(black_box(&normal)).unwrap());
    });
    group.finish();
}
