//! The book: one redemption applied in memory, of ever another code and of one hot code.

use criterion::{BatchSize, Criterion};
use jeton::domain::book::Book;
use jeton::domain::posting::{Command, Outcome};

use crate::scene::{redemption, spread};

/// As the ledger does it: applied, its event taken, its receipt let go.
fn apply(book: &mut Book, command: &Command) {
    let outcome = book.apply(command);
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    book.take_events();
    if let Some(id) = command.id() {
        book.let_go(&id);
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("book");
    let mut book = Book::new();
    let mut id = 0;
    group.bench_function("post, distinct codes", |bench| {
        let next = || {
            id += 1;
            redemption(id, spread(id), 1)
        };
        bench.iter_batched(next, |command| apply(&mut book, &command), BatchSize::SmallInput);
    });
    let mut book = Book::new();
    let mut id = 0;
    group.bench_function("post, one hot code", |bench| {
        let next = || {
            id += 1;
            redemption(id, spread(0), u64::MAX - 1)
        };
        bench.iter_batched(next, |command| apply(&mut book, &command), BatchSize::SmallInput);
    });
    group.finish();
}
