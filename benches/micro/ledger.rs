//! The ledger: redemptions done together, and one by one as the other side; durable, and not.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use criterion::{Criterion, Throughput};
use jeton::ledger::{Answer, Durability, Ledger, Options, Task};

use crate::scene::{NOW, on_disk, redemption, spread};

/// Hands a batch over and waits until it is as durable as the ledger promises.
fn commit(ledger: &Ledger, ids: std::ops::Range<u64>) {
    let count = ids.clone().count();
    let task = |id| Task { command: redemption(id, spread(id), 1), deadline: NOW };
    let (answered, answer) = sync_channel(1);
    let done = move |answers: Result<Vec<Answer>, _>| answered.send(answers).unwrap();
    ledger.submit(ids.map(task).collect(), Box::new(done));
    assert_eq!(answer.recv().unwrap().unwrap().len(), count);
}

pub(crate) fn measure(criterion: &mut Criterion) {
    for (name, durability) in [("memory", Durability::Memory), ("sync", Durability::Sync)] {
        let mut group = criterion.benchmark_group(format!("ledger, {name}"));
        for (batches, of) in [(1, 1), (1, 64), (1, 512), (64, 1)] {
            // Each row has a ledger of its own: one that has grown is slower.
            let dir = on_disk();
            let options = Options::new(dir.path().join("ledger"), Arc::new(|| NOW));
            let ledger = Ledger::open(Options { durability, ..options }).unwrap();
            let mut first = 0;
            group.throughput(Throughput::Elements(batches * of));
            group.bench_function(format!("{batches} x {of}"), |bench| {
                bench.iter(|| {
                    for _ in 0..batches {
                        commit(&ledger, first..first + of);
                        first += of;
                    }
                });
            });
            ledger.close();
        }
        group.finish();
    }
}
