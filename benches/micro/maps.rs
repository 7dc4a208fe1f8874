//! The map under the index, and what other concurrent maps would cost in its place.
//!
//! "Beside readers" means that all other cores look codes up, without a pause.

use std::array;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{available_parallelism, scope};

use arc_swap::ArcSwap;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use jeton::index::Index;

use crate::map::{Map, Papaya, SIZES, SccIndex, SccMap, chase, fill, key, walk};

/// Codes that are looked up at once: what a busy connection sends together.
const BATCH: usize = 64;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// A way to look codes up.
#[derive(Clone, Copy)]
enum Look {
    Hit,
    Miss,
    Batch,
    BesideReaders,
    /// Everybody looks up the same code.
    Hot,
}

/// Where a map is filled.
#[derive(Clone, Copy)]
enum Filled {
    Alone,
    BesideReaders,
}

pub(crate) fn measure(criterion: &mut Criterion) {
    for (name, codes) in SIZES {
        let mut group = criterion.benchmark_group(format!("maps of {name}"));
        let index: Index = filled(codes);
        let papaya: Papaya = filled(codes);
        let scc_map: SccMap = filled(codes);
        let scc_index: SccIndex = filled(codes);
        for way in [Look::Hit, Look::Miss, Look::Batch, Look::BesideReaders, Look::Hot] {
            look(&mut group, way, &index, codes);
            look(&mut group, way, &papaya, codes);
            look(&mut group, way, &scc_map, codes);
            look(&mut group, way, &scc_index, codes);
        }
        drop((index, papaya, scc_map, scc_index));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        for place in [Filled::Alone, Filled::BesideReaders] {
            insert::<Index>(&mut group, place, codes);
            insert::<Papaya>(&mut group, place, codes);
            insert::<SccMap>(&mut group, place, codes);
            insert::<SccIndex>(&mut group, place, codes);
        }
        group.finish();
    }
}

fn filled<M: Map>(codes: u32) -> M {
    let map = M::with_room(codes as usize);
    fill(&map, codes);
    map
}

fn look<M: Map>(group: &mut Group<'_>, way: Look, map: &M, codes: u32) {
    let (mut next, nobodys) = (walk(codes), u64::from(codes));
    let hit = |number| map.look(black_box(&key(number)));
    group.throughput(Throughput::Elements(1));
    match way {
        Look::Hit => row::<M, _>(group, "hit", chase(map, codes)),
        Look::Miss => row::<M, _>(group, "miss", || assert!(hit(nobodys + next()).is_none())),
        Look::Batch => {
            group.throughput(Throughput::Elements(BATCH as u64));
            row::<M, _>(group, "64 hits together", || {
                let keys: [_; BATCH] = array::from_fn(|_| key(next()));
                assert_eq!(map.look_all(black_box(&keys)), BATCH);
            });
        }
        Look::BesideReaders => beside_readers(
            || {
                let mut next = walk(codes);
                move || map.look(&key(next()))
            },
            || row::<M, _>(group, "hit beside readers", chase(map, codes)),
        ),
        Look::Hot => beside_readers(
            || || hit(0),
            || row::<M, _>(group, "hot code beside its readers", || hit(0).unwrap()),
        ),
    }
}

fn row<M: Map, R>(group: &mut Group<'_>, name: &str, mut body: impl FnMut() -> R) {
    group.bench_function(BenchmarkId::new(name, M::NAME), |bench| bench.iter(&mut body));
}

/// An empty map with enough room takes all codes in. Readers always have the newest map.
fn insert<M: Map + 'static>(group: &mut Group<'_>, place: Filled, codes: u32) {
    let newest = ArcSwap::from_pointee(M::with_room(0));
    let empty = || {
        let map = Arc::new(M::with_room(codes as usize));
        newest.store(Arc::clone(&map));
        map
    };
    group.throughput(Throughput::Elements(codes.into()));
    let mut measure = |name| {
        group.bench_function(BenchmarkId::new(name, M::NAME), |bench| {
            bench.iter_batched_ref(empty, |map| fill(&**map, codes), BatchSize::PerIteration);
        });
    };
    match place {
        Filled::Alone => measure("insert"),
        Filled::BesideReaders => {
            let read = || {
                let mut next = walk(codes);
                let newest = &newest;
                move || newest.load().look(&key(next()))
            };
            beside_readers(read, || measure("insert beside readers"));
        }
    }
}

/// Runs `body` while every other core reads, without a pause.
fn beside_readers<T, R: FnMut() -> T>(reader: impl Fn() -> R + Sync, body: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    let others = available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1));
    scope(|scope| {
        for _ in 0..others {
            scope.spawn(|| {
                let mut read = reader();
                while !is_over.load(Ordering::Relaxed) {
                    (0..64).for_each(|_| drop(black_box(read())));
                }
            });
        }
        body();
        is_over.store(true, Ordering::Relaxed);
    });
}
