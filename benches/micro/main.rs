//! What each layer costs by itself; how to run and read it is in `benches/README.md`.
//!
//! Figures differ from machine to machine and from minute to minute; compare two of one run. What a
//! server does under load is measured by `loadtest`.

#![expect(clippy::unwrap_used, reason = "a failed unwrap stops the measurement")]

use std::time::Duration;

use criterion::Criterion;

mod book;
mod client;
mod codec;
mod codes;
mod index;
mod ledger;
mod map;
mod maps;
mod messages;
mod mirror;
mod rules;
mod scene;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    codec::measure(&mut criterion);
    codes::measure(&mut criterion);
    index::measure(&mut criterion);
    maps::measure(&mut criterion);
    rules::measure(&mut criterion);
    book::measure(&mut criterion);
    ledger::measure(&mut criterion);
    client::measure(&mut criterion);
    criterion.final_summary();
}
