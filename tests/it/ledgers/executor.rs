//! A ledger dressed as an executor, and how tests open and ask one.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use jeton::domain::book::{Balance, Event};
use jeton::domain::posting::{Command, Key, Outcome};
use jeton::domain::time::Timestamp;
use jeton::ledger::{Answer, Cursor, Durability, Entry, Ledger, LedgerError, Options, Task};
use jeton::testing::{Executor, ManualClock};

/// Before all that happens in tests: while a ledger's clock shows it, nothing ends on the side.
pub(crate) const BEFORE_ALL: Timestamp = Timestamp(-1_000_000);

/// What a submission was answered; `None` when the ledger died over it.
pub(crate) type Reply = Option<Result<Vec<Answer>, LedgerError>>;

/// A directory that goes away with the test. In memory where the machine has a place for that: what
/// is tested is what is written and in which order, not how fast a disk is.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Options for a ledger in `dir` whose clock stands before everything.
pub(crate) fn options(dir: &Path) -> Options {
    options_with(dir, &ManualClock::at(BEFORE_ALL))
}

/// Options for a ledger in `dir`.
pub(crate) fn options_with(dir: &Path, clock: &ManualClock) -> Options {
    let clock = clock.clone();
    Options::new(dir.join("ledger"), Arc::new(move || clock.now()))
}

/// Hands over a batch without waiting.
pub(crate) fn submit(
    ledger: &Ledger,
    commands: &[Command],
    deadline: Timestamp,
) -> Receiver<Reply> {
    let (heard, answer) = channel();
    let task = |command: &Command| Task { command: command.clone(), deadline };
    let done = move |answers| heard.send(Some(answers)).unwrap();
    ledger.submit(commands.iter().map(task).collect(), Box::new(done));
    answer
}

/// Hands over a batch and waits for what comes of it.
pub(crate) fn ask(ledger: &Ledger, commands: &[Command]) -> Reply {
    submit(ledger, commands, Timestamp::NEVER).recv().unwrap_or(None)
}

/// The outcomes of a batch that is answered in full.
pub(crate) fn outcomes(reply: Reply) -> Vec<Outcome> {
    let outcome = |answer| match answer {
        Answer::Outcome(outcome) => outcome,
        Answer::Late => panic!("late, without a deadline"),
        Answer::Failed(error) => panic!("{error}"),
    };
    reply.expect("an answer").unwrap().into_iter().map(outcome).collect()
}

/// All events of a ledger.
pub(crate) fn all_events(ledger: &Ledger) -> Vec<Entry> {
    ledger.events(&Cursor::from(0), usize::MAX).unwrap().0
}

/// A ledger as an executor, in a directory of its own. Holds end and records are forgotten when
/// the test says so, and only then.
pub(crate) struct LedgerExecutor {
    ledger: Option<Ledger>,
    options: Options,
    clock: ManualClock,
    dir: tempfile::TempDir,
}

impl LedgerExecutor {
    /// An empty ledger.
    pub(crate) fn new(durability: Durability) -> Self {
        let dir = scratch();
        let clock = ManualClock::at(BEFORE_ALL);
        let mut options = options_with(dir.path(), &clock);
        options.durability = durability;
        let ledger = Some(Ledger::open(options.clone()).unwrap());
        Self { ledger, options, clock, dir }
    }

    /// The ledger itself.
    pub(crate) fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    /// Closes it, lets something happen to its directory, and opens it again.
    pub(crate) fn reopen_after(&mut self, happens: impl FnOnce(&Path)) {
        if self.options.durability == Durability::Memory {
            return;
        }
        // The directory is free only when the first has closed.
        self.ledger = None;
        happens(self.dir.path());
        self.ledger = Some(Ledger::open(self.options.clone()).unwrap());
    }

    /// Closes it and hands over its directory.
    pub(crate) fn close(self) -> tempfile::TempDir {
        drop(self.ledger);
        self.dir
    }
}

impl Executor for LedgerExecutor {
    fn apply(&mut self, commands: &[Command]) -> Vec<Outcome> {
        outcomes(ask(self.ledger(), commands))
    }

    fn sweep(&mut self, now: Timestamp) {
        self.clock.set(now);
        // One round ends so many; another may be left for the rest.
        let mut before = None;
        while before.replace(self.last_event()) != Some(self.last_event()) {
            self.apply(&[]);
        }
        self.clock.set(BEFORE_ALL);
    }

    fn used(&mut self, key: Key) -> u64 {
        self.ledger().read().used(&key)
    }

    fn held(&mut self, key: Key) -> u64 {
        self.ledger().read().held(&key)
    }

    fn register(&mut self, key: Key) -> Option<i64> {
        self.ledger().read().register(&key)
    }

    fn balance(&mut self, key: Key) -> Option<Balance> {
        self.ledger().read().balance(&key).cloned()
    }

    fn last_event(&mut self) -> u64 {
        self.ledger().read().last_event()
    }

    fn events_after(&mut self, number: u64) -> Vec<Event> {
        let (entries, _) = self.ledger().events(&Cursor::from(number), usize::MAX).unwrap();
        entries.into_iter().map(|entry| entry.event).collect()
    }

    fn reopen(&mut self) {
        self.reopen_after(|_| {});
    }
}
