//! The book: each verb applied in memory, as a ledger does it: its events are taken, and the
//! receipt is let go of.

use std::cell::{Cell, RefCell};

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion};
use jeton::domain::book::Book;
use jeton::domain::id::PostingId;
use jeton::domain::posting::{Command, Mode, Outcome, Part};
use jeton::domain::time::Timestamp;

use crate::scene::{NOW, posting, redemption, spread};

/// How many codes are replayed or refused in turn.
const CODES: u64 = 1_024;

/// Enough for all who ask.
const MANY: u64 = u64::MAX - 1;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// A book, and numbers that nobody had before.
#[derive(Default)]
struct Desk {
    book: RefCell<Book>,
    last: Cell<u64>,
}

impl Desk {
    fn fresh(&self) -> u64 {
        self.last.set(self.last.get() + 1);
        self.last.get()
    }

    /// Applies what must be done, in turn.
    fn apply(&self, commands: &[Command]) {
        let mut book = self.book.borrow_mut();
        for command in commands {
            let outcome = book.apply(command);
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
            book.take_events();
        }
        if let Some(id) = commands.first().and_then(Command::id) {
            book.let_go(&id);
        }
    }

    /// Measures the commands that `next` makes, which is not measured.
    fn row<const N: usize>(
        &self,
        group: &mut Group<'_>,
        name: &str,
        next: impl Fn(u64) -> [Command; N],
    ) {
        group.bench_function(name, |bench| {
            let apply = |commands: [Command; N]| self.apply(&commands);
            bench.iter_batched(|| next(self.fresh()), apply, BatchSize::SmallInput);
        });
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("book");
    Desk::default().row(&mut group, "post, distinct codes", |n| [redemption(n, spread(n), 1)]);
    Desk::default().row(&mut group, "post, one hot code", |n| [redemption(n, spread(0), MANY)]);
    Desk::default().row(&mut group, "hold, confirm", |n| [hold(n), confirm(n)]);
    Desk::default().row(&mut group, "hold, release", |n| [hold(n), release(n)]);
    Desk::default()
        .row(&mut group, "hold, confirm, release", |n| [hold(n), confirm(n), release(n)]);
    Desk::default().row(&mut group, "post, release", |n| [redemption(n, spread(n), 1), release(n)]);
    replayed(&mut group);
    refused(&mut group);
    group.finish();
}

fn hold(n: u64) -> Command {
    let until = Timestamp(NOW.0 + 900_000);
    posting(Mode::Hold { until }, n, spread(n), 1)
}

fn confirm(n: u64) -> Command {
    Command::Confirm { id: PostingId(spread(n)), part: Part::All, now: NOW }
}

fn release(n: u64) -> Command {
    let release_id = PostingId(spread(u64::MAX - n));
    let id = PostingId(spread(n));
    Command::Release { id, release_id, part: Part::All, credit: None, now: NOW }
}

/// A book in which each of [`CODES`] was used for the last time, and the commands that did it.
fn used_up() -> (Book, Vec<Command>) {
    let mut book = Book::new();
    let commands: Vec<Command> = (0..CODES).map(|n| redemption(n, spread(n), 1)).collect();
    for command in &commands {
        assert!(matches!(book.apply(command), Outcome::Done(_)));
    }
    book.take_events();
    (book, commands)
}

fn replayed(group: &mut Group<'_>) {
    let (mut book, commands) = used_up();
    let mut again = commands.iter().cycle();
    group.bench_function("replay", |bench| {
        bench.iter(|| {
            let outcome = book.apply(again.next().unwrap());
            assert!(matches!(outcome, Outcome::Replayed(_)), "{outcome:?}");
        });
    });
}

fn refused(group: &mut Group<'_>) {
    let (mut book, _) = used_up();
    let others: Vec<Command> = (0..CODES).map(|n| redemption(CODES + n, spread(n), 1)).collect();
    let mut others = others.iter().cycle();
    group.bench_function("refused", |bench| {
        bench.iter(|| {
            let outcome = book.apply(others.next().unwrap());
            assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
        });
    });
}
