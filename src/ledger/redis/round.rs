//! Rounds: what is waiting is put into calls, and every caller is answered once, in time.
//!
//! Each lane carries one call at a time. A call that failed is made again with the same ids until
//! its callers' deadlines; whoever comes while the servers are away is told so at once.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::RandomState;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::metrics::{Counter, Histogram, counter, histogram};
use redis::{Cmd, Value, cmd};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::call::{self, Reach, Said};
use super::spread::Step;
use super::wire::Reader;
use super::{Message, Place, Shared, library, log};
use crate::domain::id::PostingId;
use crate::domain::posting::{Command, Outcome};
use crate::domain::time::Timestamp;
use crate::ledger::{
    Answer, Completion, Durability, Health, LedgerError, Now, Options, Submission, Task,
};
use crate::metrics::Stopwatch;
use crate::remote::{Kind, Lane, Remote, RemoteError, ServerError};

/// Most commands in one call: one to two milliseconds of the server's time, in which nobody else
/// has a turn.
const CALL_COMMANDS_MAX: usize = 128;

/// What a further call is worth while others are on their way: fewer commands wait, and go together
/// with those that come meanwhile.
const FURTHER_CALL_COMMANDS_MIN: usize = 32;

/// How often holds that are over are ended when nobody needs what they keep.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// Most holds that one call ends, and events that it lets go.
const SWEEP_MAX: usize = 256;

/// How often what waits is looked through for deadlines that have passed.
const PATIENCE: Duration = Duration::from_millis(20);

/// Nobody waits longer, whatever the deadline: while servers are away, what waits only grows.
const DEADLINE_MS_MAX: i64 = 30_000;

/// First and longest pause before a failed call is made again.
const PAUSES_MS: (u64, u64) = (5, 200);

/// After so many milliseconds somebody else sees to it that a posting's partitions follow.
const FOLLOWED_MS: i64 = 2_000;

/// A cluster's lane is not made anew more often.
const LANE_AGE_MIN: Duration = Duration::from_millis(200);

/// With a cluster, what waits for one master must not stand in the way of the others: so many more
/// batches are on their way.
const CLUSTER_LANES: u16 = 4;

/// How long replicas may take to confirm.
const REPLICAS_TIMEOUT_MS: u64 = 1_000;

/// The answers to one submission, as they come in.
struct Gather {
    answers: RefCell<Vec<Option<Answer>>>,
    left: Cell<usize>,
    done: RefCell<Option<Completion>>,
}

impl Gather {
    fn put(&self, place: usize, answer: Answer) {
        if let Some(slot) = self.answers.borrow_mut().get_mut(place)
            && slot.is_none()
        {
            *slot = Some(answer);
            self.left.set(self.left.get().saturating_sub(1));
        }
        if self.left.get() == 0
            && let Some(done) = self.done.borrow_mut().take()
        {
            let answers = self.answers.take();
            done(Ok(answers.into_iter().flatten().collect()));
        }
    }
}

/// Somebody who hears of it as well when the thread ends before his turn.
struct Told(Option<Completion>);

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(LedgerError::Closed));
        }
    }
}

/// One command, and where its answer goes.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) task: Rc<Task>,
    gather: Rc<Gather>,
    place: usize,
}

impl Item {
    pub(super) fn answer(&self, answer: Answer) {
        self.gather.put(self.place, answer);
    }

    pub(super) fn command(&self) -> &Command {
        &self.task.command
    }

    pub(super) fn fail(&self, error: &LedgerError) {
        self.answer(Answer::Failed(error.clone()));
    }
}

/// Why a call brought no answer.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// It may have been carried out or not; the way to the server is gone.
    Again(Arc<str>),
    /// The fence does not carry our epoch; nothing was done.
    Fenced(Arc<str>),
    /// The function itself failed over what it was given; nothing was done.
    Function(Arc<str>),
}

impl Trouble {
    fn of(error: &ServerError) -> Self {
        let text: Arc<str> = error.to_string().into();
        if error.is("NOEPOCH") {
            Self::Fenced(text)
        } else if error.text.contains("user_function") || error.text.contains("script: ") {
            Self::Function(text)
        } else {
            Self::Again(text)
        }
    }

    pub(super) fn error(&self) -> LedgerError {
        match self {
            Self::Again(why) => LedgerError::Away(Arc::clone(why)),
            Self::Fenced(why) => LedgerError::Fenced(Arc::clone(why)),
            Self::Function(why) => LedgerError::Read(Arc::clone(why)),
        }
    }
}

impl From<RemoteError> for Trouble {
    fn from(error: RemoteError) -> Self {
        Self::Again(error.to_string().into())
    }
}

/// The lane that all calls to a cluster share.
struct Common {
    lane: Lane,
    made: Instant,
    /// How many troubles there were before it was made.
    troubles: u64,
}

/// What all lanes share.
pub(super) struct Rounds {
    pub(super) shared: Arc<Shared>,
    pub(super) place: Place,
    pub(super) remote: Remote,
    pub(super) now: Now,
    durability: Durability,
    queue: RefCell<VecDeque<Item>>,
    /// Calls that are on their way.
    under_way: Cell<usize>,
    news: Notify,
    closing: Cell<bool>,
    common: tokio::sync::Mutex<Option<Common>>,
    troubles: Cell<u64>,
    /// Attempts at postings over several partitions, counted, and what makes their numbers
    /// different on every node.
    pub(super) attempts: Cell<u64>,
    pub(super) seed: RandomState,
    #[cfg(feature = "testing")]
    is_dead: Cell<bool>,
    batch_commands: Histogram,
    commit_seconds: Histogram,
    commits_total: Counter,
    retries_total: Counter,
}

impl Rounds {
    pub(super) fn new(
        shared: Arc<Shared>,
        options: Options,
        place: Place,
        remote: Remote,
    ) -> Rc<Self> {
        Rc::new(Self {
            shared,
            place,
            remote,
            now: options.now,
            durability: options.durability,
            queue: RefCell::new(VecDeque::new()),
            under_way: Cell::new(0),
            news: Notify::new(),
            closing: Cell::new(false),
            common: tokio::sync::Mutex::new(None),
            troubles: Cell::new(0),
            attempts: Cell::new(0),
            seed: RandomState::new(),
            #[cfg(feature = "testing")]
            is_dead: Cell::new(false),
            batch_commands: histogram!("jeton_ledger_batch_commands"),
            commit_seconds: histogram!("jeton_ledger_commit_seconds"),
            commits_total: counter!("jeton_ledger_commits_total"),
            retries_total: counter!("jeton_ledger_retries_total"),
        })
    }

    /// Runs until it is told to close, or nobody is left.
    pub(super) async fn run(self: Rc<Self>, mut messages: mpsc::UnboundedReceiver<Message>) {
        let more = if self.is_cluster() { CLUSTER_LANES } else { 1 };
        let lanes: Vec<_> = (0..self.place.lanes.clamp(1, 8) * more)
            .map(|_| tokio::task::spawn_local(Rc::clone(&self).lane()))
            .collect();
        let keepers = [
            tokio::task::spawn_local(Rc::clone(&self).keep()),
            tokio::task::spawn_local(Rc::clone(&self).keep_in_time()),
        ];
        while let Some(message) = messages.recv().await {
            match message {
                Message::Batch(submission) => self.take_in(submission),
                Message::Close => break,
                question @ (Message::Receipt(..)
                | Message::Events(..)
                | Message::Newest(_)
                | Message::History(..)) => {
                    tokio::task::spawn_local(log::answer(Rc::clone(&self), question));
                }
            }
        }
        self.closing.set(true);
        self.news.notify_waiters();
        // Whoever came meanwhile is told as well as whoever comes later.
        messages.close();
        while let Some(message) = messages.recv().await {
            if let Message::Batch(Submission { tasks, done }) = message {
                self.shared.waiting.fetch_sub(tasks.len(), Ordering::Relaxed);
                done(Err(LedgerError::Closed));
            }
        }
        for lane in lanes {
            // A lane that panicked has nothing left to finish.
            let _finished = lane.await;
        }
        keepers.iter().for_each(JoinHandle::abort);
    }

    fn take_in(self: &Rc<Self>, submission: Submission) {
        let Submission { tasks, done } = submission;
        let count = tasks.len();
        let unwell = match &*self.shared.health.borrow() {
            Health::Good => None,
            // A master of several may be away: the others are not.
            Health::Away(_) if self.is_cluster() => None,
            Health::Away(why) => Some(LedgerError::Away(Arc::clone(why))),
            Health::Fenced(why) => Some(LedgerError::Fenced(Arc::clone(why))),
            Health::Poisoned(why) => Some(LedgerError::Poisoned(Arc::clone(why))),
        };
        if let Some(error) = unwell {
            self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
            return done(Err(error));
        }
        if count == 0 {
            // Nothing to do but what time does.
            let rounds = Rc::clone(self);
            let mut told = Told(Some(done));
            tokio::task::spawn_local(async move {
                rounds.sweep(&mut None).await;
                if let Some(done) = told.0.take() {
                    done(Ok(Vec::new()));
                }
            });
            return;
        }
        let gather = Rc::new(Gather {
            answers: RefCell::new((0..count).map(|_| None).collect()),
            left: Cell::new(count),
            done: RefCell::new(Some(done)),
        });
        let last = (self.now)().plus_ms(DEADLINE_MS_MAX);
        let items = tasks.into_iter().enumerate().map(|(place, task)| Item {
            task: Rc::new(Task { deadline: task.deadline.min(last), ..task }),
            gather: Rc::clone(&gather),
            place,
        });
        self.queue.borrow_mut().extend(items);
        self.news.notify_one();
    }

    /// The next commands that go together; `None` when there will be no more.
    async fn next(&self) -> Option<Vec<Item>> {
        loop {
            let items: Vec<Item> = {
                let mut queue = self.queue.borrow_mut();
                let count = match self.may_go(queue.len()) {
                    true => queue.len().min(CALL_COMMANDS_MAX),
                    false => 0,
                };
                queue.drain(..count).collect()
            };
            if !items.is_empty() {
                self.shared.waiting.fetch_sub(items.len(), Ordering::Relaxed);
                if !self.queue.borrow().is_empty() {
                    self.news.notify_one();
                }
                return Some(items);
            }
            if self.closing.get() {
                return None;
            }
            self.news.notified().await;
        }
    }

    /// Whether so many commands go at once, or wait for a call that is under way. With a cluster
    /// they are for different masters.
    fn may_go(&self, commands: usize) -> bool {
        let is_worth_it = commands >= FURTHER_CALL_COMMANDS_MIN;
        is_worth_it || self.under_way.get() == 0 || self.closing.get() || self.is_cluster()
    }

    async fn lane(self: Rc<Self>) {
        let mut lane = None;
        while let Some(items) = self.next().await {
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            self.batch_commands.record(f64::from(count));
            self.under_way.set(self.under_way.get() + 1);
            if self.is_cluster() {
                self.carry_spread(&mut None, items).await;
            } else {
                self.carry(&mut lane, items, Reach::All).await;
            }
            self.under_way.set(self.under_way.get() - 1);
        }
    }

    /// Whether a call reaches one partition only.
    pub(super) fn is_cluster(&self) -> bool {
        self.remote.target().kind == Kind::Cluster
    }

    pub(super) fn is_in_time(&self, item: &Item) -> bool {
        item.task.deadline >= (self.now)()
    }

    /// Those whose deadline is not over; the others are told.
    pub(super) fn in_time_only(&self, mut items: Vec<Item>) -> Vec<Item> {
        items.retain(|item| {
            let in_time = self.is_in_time(item);
            if !in_time {
                item.answer(Answer::Late);
            }
            in_time
        });
        items
    }

    /// Carries out `items`, however often that must be tried. All are answered afterwards.
    pub(super) async fn carry(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        mut items: Vec<Item>,
        reach: Reach,
    ) {
        let mut pause_ms = PAUSES_MS.0;
        let mut trouble: Option<Trouble> = None;
        loop {
            let now = (self.now)();
            items.retain(|item| {
                let in_time = item.task.deadline >= now;
                if !in_time {
                    match &trouble {
                        Some(trouble) => item.fail(&trouble.error()),
                        None => item.answer(Answer::Late),
                    }
                }
                in_time
            });
            if items.is_empty() {
                return;
            }
            let commands = items.iter().map(Item::command);
            let looks = commands.clone().filter(|c| matches!(c, Command::Look { .. })).count();
            let call = call::apply(&self.place, reach, commands, now);
            self.shared.picture.looking(looks);
            let tried = self.in_time(self.send(lane, reach, call), &items).await;
            let handed_out = tried.and_then(|reply| self.hand_out(&items, reply, now));
            self.shared.picture.looked(looks);
            match handed_out {
                Ok(unsettled) => {
                    self.well();
                    return self.bring_to_end(lane, unsettled, reach).await;
                }
                Err(Trouble::Function(why)) => return self.alone(lane, items, reach, why).await,
                Err(Trouble::Fenced(why)) => {
                    let error = self.told(Trouble::Fenced(why));
                    return items.iter().for_each(|item| item.fail(&error));
                }
                Err(Trouble::Again(why)) => {
                    self.away(&why);
                    if self.is_cluster() {
                        *lane = None;
                    }
                    trouble = Some(Trouble::Again(why));
                    sleep(Duration::from_millis(pause_ms)).await;
                    pause_ms = (2 * pause_ms).min(PAUSES_MS.1);
                }
            }
        }
    }

    /// Finds out which command it is that a function fails over: the others must not suffer.
    async fn alone(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        mut items: Vec<Item>,
        reach: Reach,
        why: Arc<str>,
    ) {
        if let [item] = items.as_slice() {
            tracing::error!(%why, "a command cannot be carried out");
            return item.fail(&LedgerError::Read(why));
        }
        let second = items.split_off(items.len() / 2);
        Box::pin(self.carry(lane, items, reach)).await;
        Box::pin(self.carry(lane, second, reach)).await;
    }

    /// Waits for `sent`, and answers whoever's deadline passes meanwhile.
    async fn in_time(
        &self,
        sent: impl Future<Output = Result<Value, Trouble>>,
        items: &[Item],
    ) -> Result<Value, Trouble> {
        let mut sent = std::pin::pin!(sent);
        let away = LedgerError::Away("no answer from Redis in time".into());
        let mut deadlines: Vec<_> = items.iter().map(|item| item.task.deadline).collect();
        deadlines.sort_unstable();
        deadlines.dedup();
        for deadline in deadlines {
            let left_ms = deadline.since_ms((self.now)());
            let Some(end) = Instant::now_in(left_ms) else { break };
            tokio::select! {
                reply = &mut sent => return reply,
                () = sleep_until(end) => {}
            }
            for item in items.iter().filter(|item| item.task.deadline == deadline) {
                item.fail(&away);
            }
        }
        sent.await
    }

    /// Sends one call, and has replicas confirm it where that is promised.
    pub(super) async fn send(
        &self,
        lane: &mut Option<Lane>,
        reach: Reach,
        call: Cmd,
    ) -> Result<Value, Trouble> {
        let begin = Stopwatch::start();
        let mut commands = vec![call];
        let replicas =
            if let Durability::Replicas { replicas } = self.durability { replicas } else { 0 };
        if replicas > 0 {
            commands.push(cmd("WAIT").arg(replicas).arg(REPLICAS_TIMEOUT_MS).take());
        }
        let mut was_open = lane.is_some();
        let sent = loop {
            let sent = match self.connected(lane).await {
                Ok(lane) => lane.send(&reach.key(), &commands).await,
                Err(error) => Err(error),
            };
            if sent != Err(RemoteError::Dropped) || !was_open {
                break sent;
            }
            // One connection that is lost, perhaps long ago, does not say that anybody is away.
            (*lane, was_open) = (None, false);
            self.retries_total.increment(1);
        };
        let mut replies = match sent {
            Ok(replies) => replies.into_iter(),
            Err(error) => {
                *lane = None;
                return Err(error.into());
            }
        };
        let reply = match replies.next() {
            Some(Ok(reply)) => reply,
            Some(Err(error)) => return Err(self.refused(lane, &error).await),
            None => return Err(Trouble::Again("no reply".into())),
        };
        if replicas > 0 {
            let confirmed = match replies.next() {
                Some(Ok(Value::Int(count))) => u16::try_from(count).unwrap_or(u16::MAX),
                _ => 0,
            };
            if confirmed < replicas {
                let why = format!("{confirmed} of {replicas} replicas have confirmed");
                return Err(Trouble::Again(why.into()));
            }
        }
        self.commit_seconds.record(begin.seconds());
        self.commits_total.increment(1);
        Ok(reply)
    }

    pub(super) async fn connected<'l>(
        &self,
        lane: &'l mut Option<Lane>,
    ) -> Result<&'l mut Lane, RemoteError> {
        if lane.is_none() {
            let is_cluster = self.is_cluster();
            let made = if is_cluster { self.common_lane().await } else { self.remote.lane().await };
            *lane = Some(made?);
        }
        lane.as_mut().ok_or(RemoteError::Dropped)
    }

    /// A cluster's lane is one connection to each master and a map of the slots: all calls share
    /// one, which is made anew after a trouble, but not by each of those who had it.
    async fn common_lane(&self) -> Result<Lane, RemoteError> {
        let mut common = self.common.lock().await;
        let troubles = self.troubles.get();
        if let Some(known) = &*common
            && (known.troubles == troubles || known.made.elapsed() < LANE_AGE_MIN)
        {
            return Ok(known.lane.clone());
        }
        let lane = self.remote.lane().await?;
        *common = Some(Common { lane: lane.clone(), made: Instant::now(), troubles });
        Ok(lane)
    }

    /// What a server's error means, and what can be done at once.
    async fn refused(&self, lane: &mut Option<Lane>, error: &ServerError) -> Trouble {
        if library::is_missing(error) {
            if let Err(error) = library::load(&self.remote, &self.place).await {
                return error.into();
            }
        } else if error.asks_for_reconnect() {
            *lane = None;
        }
        Trouble::of(error)
    }

    /// Gives every command its answer, and back those that have none yet.
    fn hand_out(
        &self,
        items: &[Item],
        reply: Value,
        sent: Timestamp,
    ) -> Result<Vec<(Item, Said)>, Trouble> {
        let damaged = |what: String| Trouble::Function(what.into());
        let now = (self.now)();
        let pairs = call::pairs(reply).map_err(damaged)?;
        if pairs.len() != items.len() {
            return Err(damaged(format!("{} answers to {}", pairs.len(), items.len())));
        }
        let (mut unsettled, mut outcomes) = (Vec::new(), Vec::with_capacity(items.len()));
        for (item, (letter, value)) in items.iter().zip(&pairs) {
            match call::said(&self.shared, item.command(), *letter, value, sent, now) {
                Ok(Said::Outcome(outcome)) => outcomes.push((item, outcome)),
                Ok(said) => unsettled.push((item.clone(), said)),
                Err(what) => {
                    let what = format!("the answer {} is damaged: {what}", letter.escape_ascii());
                    item.fail(&LedgerError::Read(what.into()));
                }
            }
        }
        self.did(outcomes.iter().map(|(_, outcome)| outcome));
        for (item, outcome) in outcomes {
            item.answer(Answer::Outcome(outcome));
        }
        Ok(unsettled)
    }

    /// Settles what stands in the way of answers (only clusters have that), and goes on.
    async fn bring_to_end(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        unsettled: Vec<(Item, Said)>,
        reach: Reach,
    ) {
        let Reach::One(partition) = reach else { return };
        for (item, said) in unsettled {
            let settled = match said {
                Said::Outcome(outcome) => Ok(Some(outcome)),
                Said::Behind(outcome, spread) => {
                    self.catch_up(lane, outcome, &spread, partition).await.map(Some)
                }
                Said::Doubt(doubt) => self.settle(lane, partition, doubt).await.map(|()| None),
                Said::Early | Said::GivenUp => {
                    sleep(Duration::from_millis(PAUSES_MS.0)).await;
                    Ok(None)
                }
            };
            match settled {
                Ok(Some(outcome)) => {
                    self.did([&outcome]);
                    item.answer(Answer::Outcome(outcome));
                }
                Ok(None) => Box::pin(self.carry(lane, vec![item], reach)).await,
                Err(Trouble::Again(why)) => {
                    self.away(&why);
                    Box::pin(self.carry(lane, vec![item], reach)).await;
                }
                Err(trouble) => item.fail(&self.told(trouble)),
            }
        }
    }

    /// Tells who follows the events that there are new ones.
    pub(super) fn did<'o>(&self, outcomes: impl IntoIterator<Item = &'o Outcome>) {
        let outcomes = outcomes.into_iter();
        let done = outcomes.filter(|outcome| matches!(outcome, Outcome::Done(_))).count() as u64;
        if done > 0 {
            self.shared.pulse.send_modify(|pulse| pulse.last_event += done);
        }
    }

    /// What a caller hears of a trouble, which is noted.
    pub(super) fn told(&self, trouble: Trouble) -> LedgerError {
        let error = trouble.error();
        match trouble {
            Trouble::Again(why) => self.unwell(Health::Away(why)),
            Trouble::Fenced(why) => self.unwell(Health::Fenced(why)),
            Trouble::Function(why) => tracing::error!(%why, "a command cannot be carried out"),
        }
        error
    }

    pub(super) fn away(&self, why: &Arc<str>) {
        self.troubles.set(self.troubles.get() + 1);
        self.retries_total.increment(1);
        self.unwell(Health::Away(Arc::clone(why)));
    }

    /// A node can die between the steps of a posting over several partitions: so that tests see
    /// what is left then.
    pub(super) fn step(&self, step: Step) -> Result<(), Trouble> {
        #[cfg(feature = "testing")]
        if self.place.dies_after == Some(step) {
            self.is_dead.set(true);
        }
        #[cfg(feature = "testing")]
        if self.is_dead.get() {
            return Err(Trouble::Fenced("told to die".into()));
        }
        let _step = step;
        Ok(())
    }

    fn well(&self) {
        self.shared.health.send_if_modified(|health| {
            let was_unwell = matches!(health, Health::Away(_) | Health::Fenced(_));
            if was_unwell {
                tracing::info!("the ledger is back");
                *health = Health::Good;
            }
            was_unwell
        });
    }

    fn unwell(&self, now: Health) {
        self.shared.health.send_if_modified(|health| {
            let is_news = std::mem::discriminant(health) != std::mem::discriminant(&now);
            if is_news {
                match &now {
                    Health::Away(why) => tracing::warn!(%why, "the ledger is away"),
                    Health::Fenced(why) => tracing::error!(%why, "the ledger is fenced"),
                    Health::Good | Health::Poisoned(_) => {}
                }
                *health = now;
            }
            is_news
        });
    }

    /// Answers what is too late. Never waits for a server, as a sweep does.
    async fn keep_in_time(self: Rc<Self>) {
        loop {
            sleep(PATIENCE).await;
            self.drop_late();
        }
    }

    /// Ends what is over, and sees whether the servers are back.
    async fn keep(self: Rc<Self>) {
        let mut lane = None;
        let mut last_sweep = Stopwatch::start();
        loop {
            sleep(PATIENCE).await;
            let is_well = *self.shared.health.borrow() == Health::Good;
            if last_sweep.seconds() >= SWEEP_EVERY.as_secs_f64() || !is_well {
                self.sweep(&mut lane).await;
                last_sweep = Stopwatch::start();
                if !is_well {
                    sleep(Duration::from_millis(PAUSES_MS.1)).await;
                }
            }
        }
    }

    fn drop_late(&self) {
        let now = (self.now)();
        let mut late = Vec::new();
        let mut queue = self.queue.borrow_mut();
        if queue.iter().any(|item| item.task.deadline < now) {
            let (over, rest): (Vec<_>, Vec<_>) =
                queue.drain(..).partition(|item| item.task.deadline < now);
            late = over;
            *queue = rest.into();
        }
        drop(queue);
        self.shared.waiting.fetch_sub(late.len(), Ordering::Relaxed);
        for item in late {
            item.answer(Answer::Late);
        }
    }

    /// Ends holds that are over and lets go of what is too old.
    async fn sweep(self: &Rc<Self>, lane: &mut Option<Lane>) {
        let swept = if self.is_cluster() {
            let mut swept = Ok(());
            for partition in 0..self.place.partitions {
                swept = swept.and(self.sweep_of(lane, Reach::One(partition)).await);
            }
            swept
        } else {
            self.sweep_of(lane, Reach::All).await
        };
        match swept {
            Ok(()) => self.well(),
            Err(trouble) => drop(self.told(trouble)),
        }
    }

    async fn sweep_of(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        reach: Reach,
    ) -> Result<(), Trouble> {
        let now = (self.now)();
        let before = now.plus_ms(-self.place.retention_ms);
        let mut call = call::begin(&self.place, "jeton_4_sweep", reach, &[], now);
        call.arg(SWEEP_MAX).arg(before.0).arg(now.plus_ms(-FOLLOWED_MS).0);
        let reply = self.send(lane, reach, call).await?;
        let Reach::One(partition) = reach else { return Ok(()) };
        let damaged = |what: String| Trouble::Function(what.into());
        let (_ended, doubts, open, _gone): (u64, Vec<Vec<u8>>, Vec<Vec<u8>>, u64) =
            redis::from_redis_value(reply).map_err(|error| damaged(error.to_string()))?;
        for doubt in doubts {
            let doubt = call::doubt(&mut Reader::new(&doubt)).map_err(damaged)?;
            self.settle(lane, partition, doubt).await?;
        }
        for id in open.iter().filter_map(|id| id.as_slice().try_into().ok()) {
            self.complete(lane, partition, PostingId(id)).await?;
        }
        Ok(())
    }
}

/// A moment so many milliseconds from now, unless that is beyond all waiting.
trait NowIn: Sized {
    fn now_in(ms: u64) -> Option<Self>;
}

impl NowIn for Instant {
    fn now_in(ms: u64) -> Option<Self> {
        /// Longer than anybody waits.
        const FOREVER_MS: u64 = 24 * 3_600_000;
        (ms < FOREVER_MS).then(|| Self::now() + Duration::from_millis(ms))
    }
}
