//! A round trip through everything: client, QUIC over loopback, server, engine, ledger, and back.

use std::path::Path;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use futures_util::future::join_all;
use jeton::auth::role::Role;
use jeton::client::{Client, Redeem, Validate};
use jeton::ledger::Durability;
use jeton::testing::{BoxOptions, ServerBox};
use tokio::runtime::Runtime;

use crate::scene::on_disk;

const HOT: &str = r#"
id = "hot"
kind = "pass"
status = "active"
zone = "Europe/Vienna"
uses = 1000000000
"#;

const CODE: &str = "FLASH-SALE-2026";

/// Requests that one caller has under way at once.
const IN_FLIGHT: u64 = 64;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("round trip");
    for (name, durability) in [("memory", Durability::Memory), ("sync", Durability::Sync)] {
        let dir = on_disk();
        let (server, client) = runtime.block_on(start(dir.path(), durability));
        if durability == Durability::Memory {
            asked(&mut group, &runtime, &client);
        }
        redeemed(&mut group, &runtime, &client, name);
        runtime.block_on(async {
            client.close().await;
            server.server.drain().await;
        });
    }
    group.finish();
}

async fn start(dir: &Path, durability: Durability) -> (ServerBox, Client) {
    let options = BoxOptions { durability, ..BoxOptions::default() };
    let server = ServerBox::start(dir, options).await.unwrap();
    server.define(HOT).unwrap();
    server.codes("hot", CODE).unwrap();
    let client = server.client(Role::Gate).await.unwrap();
    (server, client)
}

/// What asks no ledger. A ping asks nobody: it is what the way there and back costs.
fn asked(group: &mut Group<'_>, runtime: &Runtime, client: &Client) {
    let validate = || async {
        assert!(client.validate(Validate::code(CODE).gate("north-1")).await.unwrap().is_yes());
    };
    group.throughput(Throughput::Elements(1));
    group.bench_function("ping", |bench| {
        bench.to_async(runtime).iter(|| async { client.ping().await.unwrap() });
    });
    group.bench_function("validate", |bench| bench.to_async(runtime).iter(validate));
    group.throughput(Throughput::Elements(IN_FLIGHT));
    group.bench_function("validate, 64 in flight", |bench| {
        bench.to_async(runtime).iter(|| join_all((0..IN_FLIGHT).map(|_| validate())));
    });
}

fn redeemed(group: &mut Group<'_>, runtime: &Runtime, client: &Client, ledger: &str) {
    let redeem = || async {
        assert!(client.redeem(Redeem::code(CODE).gate("north-1")).await.unwrap().is_yes());
    };
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("redeem, {ledger}"), |bench| {
        bench.to_async(runtime).iter(redeem);
    });
    group.throughput(Throughput::Elements(IN_FLIGHT));
    group.bench_function(format!("redeem, {ledger}, 64 in flight"), |bench| {
        bench.to_async(runtime).iter(|| join_all((0..IN_FLIGHT).map(|_| redeem())));
    });
}
