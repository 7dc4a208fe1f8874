//! The thread that owns the book: collect, apply, commit, answer.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use ::metrics::{Counter, Histogram, counter, histogram};
use smallvec::SmallVec;

use super::disk::{Batch, Disk};
use super::filing::{Desk, Unfiled};
use super::{Message, Shared};
use crate::domain::book::{Book, Event};
use crate::domain::id::PostingId;
use crate::domain::time::Timestamp;
use crate::ledger::{
    Answer, Completion, Durability, Health, LedgerError, Options, Pulse, Submission,
};
use crate::metrics::Stopwatch;

/// Most commands that are made durable together. A larger batch would only let its first caller
/// wait longer: beyond this, the sync is already a small part of the cost.
const BATCH_COMMANDS_MAX: usize = 4_096;

/// So many ids stay known when their receipts have left the book. New requests have ids beyond
/// those that came before them, so nothing is looked up on disk for them.
const RECENT_MAX: usize = 2 * BATCH_COMMANDS_MAX;

/// Most holds ended, and records forgotten, beside one batch.
const SWEEP_MAX: usize = 1_024;

/// How often the book is swept when nobody asks for anything.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// Where and how a ledger is made to fail, to prove that the tests would notice.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// It does not.
    #[default]
    None,
    /// The n-th commit (from 1) fails before anything is written.
    FailCommit(u64),
    /// The writer stops before the n-th commit, as if the process had died: nothing is written or
    /// answered.
    StopBefore(u64),
    /// The writer stops after the n-th commit, in the same way: it is durable, but not answered.
    StopAfter(u64),
    /// Answers leave before the commit, and the writer stops before the n-th: a broken promise.
    AnswerFirst(u64),
}

/// The thread's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    disk: Arc<Disk>,
    desk: Arc<Desk>,
    filing: Option<JoinHandle<Result<(), String>>>,
    inbox: Receiver<Message>,
    options: Options,
    on_disk: OnDisk,
    last_sync: Timestamp,
    is_dirty: bool,
    #[cfg(feature = "testing")]
    commits: u64,
    batch_commands: Histogram,
    commit_seconds: Histogram,
    commits_total: Counter,
    syncs_total: Counter,
}

/// Which ids may have receipts on disk: a few that came last, and all up to the floor.
#[derive(Default)]
struct OnDisk {
    floor: Option<PostingId>,
    recent: HashSet<PostingId, foldhash::fast::RandomState>,
    /// The same in the order in which they came.
    order: VecDeque<PostingId>,
}

impl OnDisk {
    fn may_have(&self, id: &PostingId) -> bool {
        self.floor.is_some_and(|floor| *id <= floor) || self.recent.contains(id)
    }

    fn add(&mut self, id: PostingId) {
        if !self.recent.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
            self.floor = self.floor.max(Some(oldest));
        }
    }
}

/// A batch on its way: who waits, and for which answers.
struct Round {
    waiting: Vec<(Completion, Vec<Answer>)>,
    ids: SmallVec<[PostingId; 64]>,
}

enum Step {
    Continue,
    Stop,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        (disk, desk): (Arc<Disk>, Arc<Desk>),
        inbox: Receiver<Message>,
        floor: Option<PostingId>,
        options: Options,
    ) -> Self {
        Self {
            shared,
            disk,
            desk,
            filing: None,
            inbox,
            on_disk: OnDisk { floor, ..OnDisk::default() },
            last_sync: (options.now)(),
            options,
            is_dirty: false,
            #[cfg(feature = "testing")]
            commits: 0,
            batch_commands: histogram!("jeton_ledger_batch_commands"),
            commit_seconds: histogram!("jeton_ledger_commit_seconds"),
            commits_total: counter!("jeton_ledger_commits_total"),
            syncs_total: counter!("jeton_ledger_syncs_total"),
        }
    }

    /// Runs until it is told to close, nobody is left, or a write fails.
    pub(super) fn run(mut self) {
        let mut closing = false;
        let mut step = Step::Continue;
        while !closing && matches!(step, Step::Continue) {
            let submissions;
            (submissions, closing) = self.collect();
            step = self.round(submissions);
        }
        let is_well = matches!(step, Step::Continue);
        if let Err(error) = self.sync().and_then(|()| self.finish_filing(is_well)) {
            self.poison(&error);
        }
        self.refuse_the_rest(closing);
    }

    /// Waits for the first message, then takes all that are there.
    fn collect(&self) -> (Vec<Submission>, bool) {
        let patience = match self.options.durability {
            Durability::Interval { window_ms } => Duration::from_millis(window_ms).min(SWEEP_EVERY),
            Durability::Sync
            | Durability::Memory
            | Durability::RedisAofAlways
            | Durability::Replicas { .. }
            | Durability::RedisAsIs => SWEEP_EVERY,
        };
        let mut next = match self.inbox.recv_timeout(patience) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => return (Vec::new(), false),
            Err(RecvTimeoutError::Disconnected) => return (Vec::new(), true),
        };
        let mut submissions = Vec::new();
        let mut commands = 0;
        while let Some(message) = next {
            match message {
                Message::Close => return (submissions, true),
                Message::Batch(submission) => {
                    commands += submission.tasks.len();
                    submissions.push(submission);
                }
            }
            next = if commands < BATCH_COMMANDS_MAX { self.inbox.try_recv().ok() } else { None };
        }
        (submissions, false)
    }

    fn round(&mut self, submissions: Vec<Submission>) -> Step {
        let commands: usize = submissions.iter().map(|batch| batch.tasks.len()).sum();
        self.shared.waiting.fetch_sub(commands, Ordering::Relaxed);
        if let Err(error) = self.fetch_receipts(&submissions) {
            for submission in submissions {
                (submission.done)(Err(error.clone()));
            }
            return Step::Continue;
        }
        if commands > 0 {
            self.batch_commands.record(f64::from(u32::try_from(commands).unwrap_or(u32::MAX)));
        }
        let (mut round, batch) = self.apply(submissions);
        #[cfg(feature = "testing")]
        {
            self.commits += u64::from(!batch.is_empty());
            if self.options.fault == Fault::StopBefore(self.commits) {
                return Step::Stop;
            }
            if matches!(self.options.fault, Fault::AnswerFirst(_)) {
                round = self.answer(round);
            }
        }
        if let Err(error) = self.commit(batch) {
            self.poison(&error);
            let error = LedgerError::Poisoned(error.into());
            for (done, _) in round.waiting {
                done(Err(error.clone()));
            }
            return Step::Stop;
        }
        #[cfg(feature = "testing")]
        if self.options.fault == Fault::StopAfter(self.commits) {
            return Step::Stop;
        }
        self.let_go(&round.ids);
        round = self.answer(round);
        debug_assert!(round.waiting.is_empty(), "everybody was answered");
        Step::Continue
    }

    /// Brings the settled receipts into the book that this batch names.
    fn fetch_receipts(&self, submissions: &[Submission]) -> Result<(), LedgerError> {
        let mut fetched = Vec::new();
        let book = self.shared.book.read().unwrap_or_else(PoisonError::into_inner);
        for task in submissions.iter().flat_map(|submission| &submission.tasks) {
            let Some(id) = task.command.id() else { continue };
            if self.on_disk.may_have(&id)
                && book.receipt(&id).is_none()
                && let Some(receipt) = self.disk.receipt(&id)?
            {
                fetched.push(receipt);
            }
        }
        drop(book);
        if !fetched.is_empty() {
            let mut book = self.book();
            for receipt in fetched {
                book.restore_receipt(receipt);
            }
        }
        Ok(())
    }

    /// Applies everything in memory and puts what changed into one batch for the disk.
    fn apply(&self, submissions: Vec<Submission>) -> (Round, Batch) {
        let now = (self.options.now)();
        let mut round =
            Round { waiting: Vec::with_capacity(submissions.len()), ids: SmallVec::new() };
        let mut book = self.book();
        let mut forgotten = book.forget(now, SWEEP_MAX);
        book.expire_due(now, SWEEP_MAX);
        for Submission { tasks, done } in submissions {
            let mut answers = Vec::with_capacity(tasks.len());
            for task in &tasks {
                round.ids.extend(task.command.id());
                answers.push(if task.deadline < now {
                    Answer::Late
                } else {
                    Answer::Outcome(book.apply(&task.command))
                });
            }
            round.waiting.push((done, answers));
        }
        // Again, so that what a late command writes into a period that is over is not left on disk.
        forgotten.extend(book.forget(now, SWEEP_MAX));
        forgotten.sort_unstable();
        forgotten.dedup();
        forgotten.retain(|slot| !book.has(slot));
        let events: Vec<Event> = book.take_events();
        round.ids.extend(events.iter().map(|event| event.id));
        let batch = self.disk.batch(&book, &events, &forgotten);
        (round, batch)
    }

    fn commit(&mut self, batch: Batch) -> Result<(), String> {
        let last_event = batch.last_event;
        // What was forgotten needs no commit: after a crash it is forgotten again.
        let unfiled = if batch.is_empty() { batch.unfiled } else { self.write(batch)? };
        if self.desk.put(unfiled) {
            self.file()?;
        }
        self.sync_when_due()?;
        if let Some(last_event) = last_event {
            self.shared.pulse.send_replace(Pulse { last_event });
        }
        Ok(())
    }

    /// Makes a batch durable; gives what is to be filed.
    fn write(&mut self, batch: Batch) -> Result<Unfiled, String> {
        #[cfg(feature = "testing")]
        self.fail_as_told()?;
        let now = (self.options.now)();
        let sync = self.options.durability == Durability::Sync;
        let begin = Stopwatch::start();
        let unfiled = self.disk.commit(batch, sync)?;
        self.commit_seconds.record(begin.seconds());
        self.commits_total.increment(1);
        self.is_dirty = !sync;
        if sync {
            self.syncs_total.increment(1);
            self.last_sync = now;
        }
        Ok(unfiled)
    }

    fn sync_when_due(&mut self) -> Result<(), String> {
        let Durability::Interval { window_ms } = self.options.durability else { return Ok(()) };
        let now = (self.options.now)();
        if now.since_ms(self.last_sync) >= window_ms {
            self.sync()?;
            self.last_sync = now;
        }
        Ok(())
    }

    /// Makes durable what was committed without a sync, if anything was.
    fn sync(&mut self) -> Result<(), String> {
        if self.is_dirty {
            self.disk.sync()?;
            self.syncs_total.increment(1);
            self.is_dirty = false;
        }
        Ok(())
    }

    #[cfg(feature = "testing")]
    fn fail_as_told(&self) -> Result<(), String> {
        let n = self.commits;
        if [Fault::FailCommit(n), Fault::AnswerFirst(n)].contains(&self.options.fault) {
            return Err(format!("told to fail at commit {n}"));
        }
        Ok(())
    }

    /// Begins to file what was collected, once what was begun before is done.
    fn file(&mut self) -> Result<(), String> {
        self.join_filing()?;
        self.filing = self.desk.file(&self.disk).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn join_filing(&mut self) -> Result<(), String> {
        let Some(filing) = self.filing.take() else { return Ok(()) };
        filing.join().unwrap_or_else(|_panic| Err("its filing thread panicked".to_owned()))
    }

    /// Waits for what is being filed, and files the rest if all `is_well`.
    fn finish_filing(&mut self, is_well: bool) -> Result<(), String> {
        if is_well {
            self.file()?;
        }
        self.join_filing()
    }

    /// What is stored need not be remembered; open holds stay.
    fn let_go(&mut self, ids: &[PostingId]) {
        if ids.is_empty() {
            return;
        }
        let mut book = self.shared.book.write().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            if book.receipt(id).is_some() {
                book.let_go(id);
                self.on_disk.add(*id);
            }
        }
    }

    fn answer(&self, mut round: Round) -> Round {
        for (done, answers) in round.waiting.drain(..) {
            done(Ok(answers));
        }
        round
    }

    fn poison(&self, why: &str) {
        self.shared.health.send_replace(Health::Poisoned(why.into()));
    }

    /// Tells whoever comes why there is no answer. A writer that stopped by itself goes on so until
    /// it is told to close, or those who came in between would never hear anything.
    fn refuse_the_rest(&self, mut closing: bool) {
        let why = match &*self.shared.health.borrow() {
            Health::Poisoned(why) => LedgerError::Poisoned(Arc::clone(why)),
            Health::Good | Health::Away(_) | Health::Fenced(_) => LedgerError::Closed,
        };
        loop {
            let next = if closing { self.inbox.try_recv().ok() } else { self.inbox.recv().ok() };
            match next {
                Some(Message::Batch(submission)) => {
                    self.shared.waiting.fetch_sub(submission.tasks.len(), Ordering::Relaxed);
                    (submission.done)(Err(why.clone()));
                }
                Some(Message::Close) => closing = true,
                None => return,
            }
        }
    }

    fn book(&self) -> RwLockWriteGuard<'_, Book> {
        self.shared.book.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that panicked must not look like one that was told to close.
impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.poison("its thread panicked");
        }
    }
}
