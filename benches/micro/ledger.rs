//! The embedded ledger: redemptions made durable together, and one by one as the other side.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use criterion::{Criterion, Throughput};
use jeton::ledger::{Answer, Ledger, Options, Task};

use crate::scene::{NOW, redemption, spread};

/// Hands a batch over and waits until it is durable.
fn commit(ledger: &Ledger, ids: std::ops::Range<u64>) {
    let count = ids.clone().count();
    let task = |id| Task { command: redemption(id, spread(id), 1), deadline: NOW };
    let (answered, answer) = sync_channel(1);
    let done = move |answers: Result<Vec<Answer>, _>| answered.send(answers).unwrap();
    ledger.submit(ids.map(task).collect(), Box::new(done));
    assert_eq!(answer.recv().unwrap().unwrap().len(), count);
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(dir.path().join("ledger"), Arc::new(|| NOW));
    let ledger = Ledger::open(options).unwrap();
    let mut next = 0;
    let mut take = |count| {
        next += count;
        next - count..next
    };
    let mut group = criterion.benchmark_group("ledger");
    for count in [1, 64, 512] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("sync commit of {count}"), |bench| {
            bench.iter(|| commit(&ledger, take(count)));
        });
    }
    group.throughput(Throughput::Elements(64));
    group.bench_function("64 sync commits of 1", |bench| {
        bench.iter(|| take(64).for_each(|id| commit(&ledger, id..id + 1)));
    });
    group.finish();
    ledger.close();
}
