//! A round trip through everything: client, QUIC, server, engine, ledger on disk, and back.

use criterion::Criterion;
use jeton::auth::role::Role;
use jeton::client::{Redeem, Validate};
use jeton::testing::{BoxOptions, ServerBox};
use tokio::runtime::Runtime;

const HOT: &str = r#"
id = "hot"
kind = "pass"
status = "active"
zone = "Europe/Vienna"
uses = 1000000000
"#;

const CODE: &str = "FLASH-SALE-2026";

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = runtime.block_on(async {
        let server = ServerBox::start(dir.path(), BoxOptions::default()).await.unwrap();
        server.define(HOT).unwrap();
        server.codes("hot", CODE).unwrap();
        let client = server.client(Role::Gate).await.unwrap();
        (server, client)
    });
    let mut group = criterion.benchmark_group("round trip");
    group.bench_function("validate", |bench| {
        bench.to_async(&runtime).iter(|| async {
            assert!(client.validate(Validate::code(CODE).gate("north-1")).await.unwrap().is_yes());
        });
    });
    group.bench_function("redeem, sync", |bench| {
        bench.to_async(&runtime).iter(|| async {
            assert!(client.redeem(Redeem::code(CODE).gate("north-1")).await.unwrap().is_yes());
        });
    });
    group.finish();
    runtime.block_on(async {
        client.close().await;
        server.server.drain().await;
    });
}
