//! One run: connections with a lane each, requests out, answers counted as they arrive.
//!
//! Answers are counted in the lanes' own tasks, without a task, channel or allocation for a
//! request: the load generator shares its cores with what it measures. Lanes share a few counters,
//! not one each: ten thousand of them would need gigabytes.
//!
//! In a closed loop each answer asks the next question. In an open loop questions come by the
//! [schedule](crate::pacer), and latency is counted from when they were due, so that a server that
//! stalls cannot hide it by slowing the questions down.

mod audit;
mod board;
mod connect;
mod figures;
mod promises;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jeton::client::Replies;
use jeton::client::{Connection, Error, Lane, Options, Receive, Reply, State as Became};
use jeton::metrics::Stopwatch;

use crate::machine::cpu_seconds;
use crate::pacer::{self, Curve, Stretch};
use crate::report::figure;
use crate::stats::Series;
use crate::workload::{Dice, Question, Verb, Workload};

use board::{Board, Counts};
use promises::{Desk, News};

pub(crate) use figures::{Figures, WarmUp};
#[cfg(test)]
pub(crate) use figures::{Kind, Plots};
pub(crate) use promises::{Known, Standings};

/// How long answers are waited for after the last question.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(100);

/// How questions are timed.
#[derive(Debug, Clone)]
pub(crate) enum Loop {
    /// By a schedule of so many a second.
    Open {
        /// Questions a second.
        rate: u32,
        manners: Manners,
    },
    /// As fast as answers come.
    Closed {
        /// Questions in flight on each connection.
        in_flight: u32,
    },
    /// By a schedule whose rate changes, after a warm-up of its own.
    Course(Arc<Course>),
}

/// How those ask who do not wait for answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manners {
    /// How long an answer is of use, in milliseconds, as each request says; 0: it does not.
    pub(crate) deadline_ms: u32,
    /// How many questions that are due together are asked on one connection, at most.
    pub(crate) together: u32,
}

impl Default for Manners {
    /// One question after the other, and all the time in the world.
    fn default() -> Self {
        Self { deadline_ms: 0, together: 1 }
    }
}

/// An open loop that tells a story.
#[derive(Debug)]
pub(crate) struct Course {
    /// What is due in the measured time, from its beginning.
    pub(crate) curve: Curve,
    /// What is asked before, about codes that are held out for it.
    pub(crate) warm_up: Workload,
    /// Questions a second, while warming up.
    pub(crate) warm_up_rate: f64,
    /// What is known of the codes, those of the warm-up too.
    pub(crate) known: Known,
}

/// What a run does.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) workload: Workload,
    pub(crate) kind: Loop,
    pub(crate) connections: u32,
    pub(crate) warm_up_s: u32,
    pub(crate) seconds: u32,
}

/// Where in a run a question belongs, by when it was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    WarmUp,
    Measured,
}

/// One thing for each part of a run.
#[derive(Debug, Clone, Default)]
struct ByPart<T> {
    warm_up: T,
    measured: T,
}

impl<T> ByPart<T> {
    const fn of(&self, part: Part) -> &T {
        match part {
            Part::WarmUp => &self.warm_up,
            Part::Measured => &self.measured,
        }
    }

    const fn of_mut(&mut self, part: Part) -> &mut T {
        match part {
            Part::WarmUp => &mut self.warm_up,
            Part::Measured => &mut self.measured,
        }
    }
}

/// What all lanes of a run share.
pub(crate) struct Run {
    pub(crate) plan: Plan,
    watch: Stopwatch,
    /// One and the same, unless codes are held out for the warm-up.
    desks: ByPart<Arc<Desk>>,
    board: Board,
    is_over: AtomicBool,
    /// When the codes ran out; before that, [`u64::MAX`].
    ran_out_ns: AtomicU64,
}

impl Run {
    /// Begins now.
    fn begin(plan: Plan) -> anyhow::Result<Self> {
        let workload = plan.workload.clone();
        let desks = match &plan.kind {
            Loop::Open { .. } | Loop::Closed { .. } => {
                let desk = Arc::new(Desk::new(workload, Known::default()));
                ByPart { warm_up: Arc::clone(&desk), measured: desk }
            }
            Loop::Course(course) => ByPart {
                warm_up: Arc::new(Desk::new(course.warm_up.clone(), course.known)),
                measured: Arc::new(Desk::new(workload, course.known)),
            },
        };
        let board = Board::new(&Series::new(begin_ns(&plan), plan.seconds), plan.connections)?;
        Ok(Self {
            plan,
            watch: Stopwatch::start(),
            desks,
            board,
            is_over: AtomicBool::new(false),
            ran_out_ns: AtomicU64::new(u64::MAX),
        })
    }

    /// Nanoseconds since the run began.
    pub(crate) fn now_ns(&self) -> u64 {
        let since = Duration::from_secs_f64(self.watch.seconds());
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether no more is to be asked.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Whether what is due at this moment is measured.
    pub(crate) fn measures(&self, due_ns: u64) -> bool {
        (self.begin_ns()..self.end_ns()).contains(&due_ns)
    }

    /// An empty series of the measured time.
    pub(crate) fn series(&self) -> Series {
        Series::new(self.begin_ns(), self.plan.seconds)
    }

    fn part(&self, due_ns: u64) -> Part {
        if due_ns < self.begin_ns() { Part::WarmUp } else { Part::Measured }
    }

    fn begin_ns(&self) -> u64 {
        begin_ns(&self.plan)
    }

    fn end_ns(&self) -> u64 {
        let planned = self.begin_ns() + u64::from(self.plan.seconds) * 1_000_000_000;
        planned.min(self.ran_out_ns.load(Ordering::Relaxed))
    }

    fn run_out(&self) {
        self.ran_out_ns.fetch_min(self.now_ns(), Ordering::Relaxed);
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn manners(&self) -> Manners {
        match self.plan.kind {
            Loop::Open { manners, .. } => manners,
            Loop::Closed { .. } | Loop::Course(_) => Manners::default(),
        }
    }

    /// The schedule of the whole run; none in a closed loop.
    fn curve(&self) -> Option<Curve> {
        match &self.plan.kind {
            Loop::Closed { .. } => None,
            Loop::Open { rate, .. } => Some(Curve::even(f64::from(*rate))),
            Loop::Course(course) => {
                let (seconds, rate) = (f64::from(self.plan.warm_up_s), course.warm_up_rate);
                let warm_up = Stretch { seconds, from: rate, to: rate };
                Some(course.curve.after((seconds > 0.0).then_some(warm_up)))
            }
        }
    }
}

fn begin_ns(plan: &Plan) -> u64 {
    u64::from(plan.warm_up_s) * 1_000_000_000
}

/// One connection's lane, and what waits for an answer on it.
pub(crate) struct Port {
    run: Arc<Run>,
    number: u32,
    /// Most questions that may wait for an answer.
    room: u32,
    lane: OnceLock<Lane>,
    state: Mutex<State>,
}

struct State {
    /// By sequence number, which counts from 1; as many as were ever needed at once.
    pending: Vec<Option<Pending>>,
    free: Vec<u32>,
    dice: Dice,
    news: ByPart<Vec<News>>,
    is_closed: bool,
}

#[derive(Clone, Copy)]
struct Pending {
    due_ns: u64,
    question: Question,
}

/// What became of a wish to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is on its way.
    Yes,
    /// The lane has as much in flight as it may, or is closed.
    Full,
    /// There is nothing more to ask.
    Nothing,
}

impl Port {
    fn new(run: &Arc<Run>, number: u32, room: u32) -> Self {
        let state = State {
            pending: Vec::new(),
            free: Vec::new(),
            dice: Dice::new(number.into()),
            news: ByPart::default(),
            is_closed: false,
        };
        let (run, lane) = (Arc::clone(run), OnceLock::new());
        Self { run, number, room, lane, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the next question, which was due at `due_ns`.
    pub(crate) fn send(&self, due_ns: u64) -> Sent {
        let mut state = self.state();
        self.send_with(&mut state, &mut self.run.board.counts(self.number), due_ns)
    }

    fn send_with(&self, state: &mut State, counts: &mut Counts, due_ns: u64) -> Sent {
        let (Some(lane), false) = (self.lane.get(), state.is_closed) else { return Sent::Full };
        let Some(seq) = state.take_seq(self.room) else { return Sent::Full };
        let part = self.run.part(due_ns);
        let desk = self.run.desks.of(part);
        let Some(question) = desk.next(&mut state.dice) else {
            state.free.push(seq);
            self.run.run_out();
            return Sent::Nothing;
        };
        let tally = counts.tallies.of_mut(part);
        tally.asked += 1;
        match desk.workload.ask(lane, seq, question, self.run.manners().deadline_ms) {
            Ok(()) => {
                if let Some(place) = state.pending.get_mut(place_of(seq)) {
                    *place = Some(Pending { due_ns, question });
                }
            }
            Err(error) => {
                state.free.push(seq);
                tally.fail(|| error.to_string());
            }
        }
        Sent::Yes
    }

    fn in_flight(&self) -> usize {
        let state = self.state();
        state.pending.len() - state.free.len()
    }
}

fn place_of(seq: u32) -> usize {
    usize::try_from(seq).map_or(usize::MAX, |seq| seq.wrapping_sub(1))
}

impl State {
    /// A sequence number that nothing waits under.
    fn take_seq(&mut self, room: u32) -> Option<u32> {
        self.free.pop().or_else(|| {
            let next = u32::try_from(self.pending.len()).ok().filter(|used| *used < room)? + 1;
            self.pending.push(None);
            Some(next)
        })
    }
}

struct Receiver(Arc<Port>);

impl Receive for Receiver {
    fn replies(&mut self, replies: &mut Replies<'_>) {
        let port = &*self.0;
        let run = &*port.run;
        let now_ns = run.now_ns();
        let is_closed_loop = matches!(run.plan.kind, Loop::Closed { .. });
        let in_window = run.measures(now_ns);
        let state = &mut *port.state();
        let mut counts = run.board.counts(port.number);
        for (seq, reply) in replies {
            let pending = state.pending.get_mut(place_of(seq)).and_then(Option::take);
            let Some(Pending { due_ns, question }) = pending else { continue };
            state.free.push(seq);
            let part = run.part(due_ns);
            counts.answer(&reply, part, (due_ns, now_ns), in_window);
            if let Some(news) = news(&reply, question) {
                state.news.of_mut(part).push(news);
            }
            if is_closed_loop && !run.is_over() {
                port.send_with(state, &mut counts, now_ns);
            }
        }
        drop(counts);
        for part in [Part::WarmUp, Part::Measured] {
            let news = state.news.of_mut(part);
            if !news.is_empty() {
                run.desks.of(part).note(news);
                news.clear();
            }
        }
    }

    fn closed(&mut self, error: Error) {
        let run = &self.0.run;
        self.0.state().is_closed = true;
        if !run.is_over() {
            let mut counts = run.board.counts(self.0.number);
            counts.tallies.measured.first_error.get_or_insert_with(|| error.to_string());
        }
    }
}

/// What an answer tells about uses, if anything.
fn news(reply: &Reply<&str>, question: Question) -> Option<News> {
    match reply {
        Reply::Accepted(accepted) if Desk::wants(question.verb) => {
            let of_code = accepted.uses.iter().find(|one| one.code_index == 0);
            let is_whole = match question.verb {
                Verb::Confirm => {
                    accepted.state == Became::Redeemed && accepted.live == accepted.size
                }
                Verb::Release => accepted.live == 0,
                Verb::Validate | Verb::Redeem | Verb::Hold => true,
            };
            Some(News::Yes { question, ordinal: of_code.map_or(0, |one| one.ordinal), is_whole })
        }
        Reply::Refused(refused) if Desk::wants(question.verb) => {
            Some(News::No { question, is_transient: refused.transient })
        }
        Reply::Accepted(_)
        | Reply::Refused(_)
        | Reply::Error(_)
        | Reply::Welcome(_)
        | Reply::CodeStatus(_)
        | Reply::Pong(_)
        | Reply::GoAway(_) => None,
    }
}

/// Carries out a plan.
pub(crate) async fn carry_out(
    options: Options,
    plan: Plan,
    title: &str,
) -> anyhow::Result<Figures> {
    carry_out_beside(options, plan, title, None).await
}

/// Carries out a plan, and measures what processor time this process, the server's, uses while it
/// is measured.
pub(crate) async fn carry_out_beside(
    options: Options,
    plan: Plan,
    title: &str,
    server: Option<u32>,
) -> anyhow::Result<Figures> {
    let (run, connections, ports) = connect::connect(&options, plan).await?;
    let pacer = match run.curve() {
        Some(curve) => {
            let (run, ports) = (Arc::clone(&run), ports.clone());
            let thread = std::thread::Builder::new().name("pacer".to_owned());
            Some(thread.spawn(move || pacer::pace(&run, &ports, &curve))?)
        }
        None => {
            ask_first(&run, &ports);
            None
        }
    };
    let cpu_s = watch_over(&run, &ports, title, server).await;
    let punctuality = match pacer {
        Some(thread) => Some(thread.join().map_err(|_| anyhow::anyhow!("the pacer failed"))??),
        None => None,
    };
    let asked_until = Stopwatch::start();
    while asked_until.seconds() < PATIENCE.as_secs_f64()
        && ports.iter().any(|port| !port.state().is_closed && port.in_flight() > 0)
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let unknown = unanswered(&run, &ports);
    let counts = run.board.all(&unknown)?;
    let desk = &run.desks.measured;
    if desk.known.is_ours && counts.is_settled() {
        audit::audit(options, desk).await?;
    }
    connections.iter().for_each(Connection::close);
    figures::figures(&run, &counts, punctuality.as_ref(), cpu_s)
}

/// Fills a closed loop.
fn ask_first(run: &Run, ports: &[Arc<Port>]) {
    if let Loop::Closed { in_flight } = run.plan.kind {
        let now_ns = run.now_ns();
        for port in ports {
            (0..in_flight).for_each(|_| _ = port.send(now_ns));
        }
    }
}

/// Shows progress until the run is over. Gives the processor time that the server's process used in
/// the measured time, if there is one.
async fn watch_over(
    run: &Run,
    ports: &[Arc<Port>],
    title: &str,
    server: Option<u32>,
) -> Option<f64> {
    let progress = progress_bar(&run.plan, title);
    let (mut seen_ns, mut seen) = (0, 0);
    let mut cpu_before = None;
    while !run.is_over() && run.now_ns() < run.end_ns() {
        if cpu_before.is_none() && run.now_ns() >= run.begin_ns() {
            cpu_before = server.and_then(cpu_seconds);
        }
        let wakes_ns = [run.begin_ns(), run.end_ns()].map(|ns| ns.checked_sub(run.now_ns()));
        let wakes = wakes_ns.into_iter().flatten().filter(|ns| *ns > 0).map(Duration::from_nanos);
        tokio::time::sleep(wakes.fold(TICK, Duration::min)).await;
        let (now_ns, now) = (run.now_ns(), run.board.answered());
        progress.set_position(now_ns / 1_000_000);
        if now_ns - seen_ns >= 1_000_000_000 {
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let per_s = (now - seen) as f64 * 1e9 / (now_ns - seen_ns) as f64;
            progress.set_message(format!("{title} {}/s", figure(per_s, 0)));
            (seen_ns, seen) = (now_ns, now);
        }
        if ports.iter().all(|port| port.state().is_closed) {
            break;
        }
    }
    run.is_over.store(true, Ordering::Relaxed);
    progress.finish_and_clear();
    let cpu_after = server.and_then(cpu_seconds);
    cpu_before.zip(cpu_after).map(|(before, after)| after - before)
}

fn progress_bar(plan: &Plan, title: &str) -> ProgressBar {
    let milliseconds = u64::from(plan.warm_up_s + plan.seconds) * 1_000;
    let bar = ProgressBar::new(milliseconds).with_message(title.to_owned());
    // A style that cannot be read leaves the usual one.
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// How many questions of each part nobody answered. Answers that come later do not count any more.
fn unanswered(run: &Run, ports: &[Arc<Port>]) -> ByPart<u64> {
    let mut unknown = ByPart::default();
    for port in ports {
        for pending in port.state().pending.iter_mut().filter_map(Option::take) {
            *unknown.of_mut(run.part(pending.due_ns)) += 1;
        }
    }
    unknown
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;
