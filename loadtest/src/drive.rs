//! One run: connections with a lane each, requests out, answers counted as they arrive.
//!
//! Answers are counted in the lanes' own tasks, without a task, channel or allocation for a
//! request: the load generator shares its cores with what it measures.
//!
//! In a closed loop each answer asks the next question. In an open loop questions come by the
//! [schedule](crate::pacer), and latency is counted from when they were due, so that a server that
//! stalls cannot hide it by slowing the questions down.

mod figures;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use jeton::client::Replies;
use jeton::client::{Connection, Connector, Error, Lane, Options, Receive, Reply};
use jeton::metrics::Stopwatch;

use crate::pacer::{self, Punctuality};
use crate::stats::{Ordinals, Tally};
use crate::workload::{Dice, Law, Question, Verb, Workload};

pub(crate) use figures::Figures;

/// How long answers are waited for after the last question.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(100);

/// How questions are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loop {
    /// By a schedule of so many a second.
    Open {
        /// Questions a second.
        rate: u32,
    },
    /// As fast as answers come.
    Closed {
        /// Questions in flight on each connection.
        in_flight: u32,
    },
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

/// What all lanes of a run share.
pub(crate) struct Run {
    pub(crate) plan: Plan,
    watch: Stopwatch,
    ordinals: Ordinals,
    is_over: AtomicBool,
    /// When the codes ran out; before that, [`u64::MAX`].
    ran_out_ns: AtomicU64,
}

impl Run {
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

    fn begin_ns(&self) -> u64 {
        u64::from(self.plan.warm_up_s) * 1_000_000_000
    }

    fn end_ns(&self) -> u64 {
        let planned = self.begin_ns() + u64::from(self.plan.seconds) * 1_000_000_000;
        planned.min(self.ran_out_ns.load(Ordering::Relaxed))
    }

    fn run_out(&self) {
        self.ran_out_ns.fetch_min(self.now_ns(), Ordering::Relaxed);
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// One connection's lane, and what waits for an answer on it.
pub(crate) struct Port {
    run: Arc<Run>,
    lane: OnceLock<Lane>,
    state: Mutex<State>,
}

struct State {
    /// By sequence number, which counts from 1.
    pending: Vec<Option<Pending>>,
    free: Vec<u32>,
    dice: Dice,
    tally: Tally,
    uses: Vec<(u32, u64)>,
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
    fn new(run: &Arc<Run>, number: u32, room: u32) -> anyhow::Result<Self> {
        let size = usize::try_from(room)?;
        let state = State {
            pending: vec![None; size],
            free: (1..=room).rev().collect(),
            dice: Dice::new(number.into()),
            tally: Tally::new()?,
            uses: Vec::new(),
            is_closed: false,
        };
        Ok(Self { run: Arc::clone(run), lane: OnceLock::new(), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the next question, which was due at `due_ns`.
    pub(crate) fn send(&self, due_ns: u64) -> Sent {
        self.send_with(&mut self.state(), due_ns)
    }

    fn send_with(&self, state: &mut State, due_ns: u64) -> Sent {
        let (Some(lane), false) = (self.lane.get(), state.is_closed) else { return Sent::Full };
        let Some(seq) = state.free.pop() else { return Sent::Full };
        let Some(question) = self.run.plan.workload.next(&mut state.dice) else {
            state.free.push(seq);
            self.run.run_out();
            return Sent::Nothing;
        };
        state.tally.asked += 1;
        match self.run.plan.workload.ask(lane, seq, question) {
            Ok(()) => {
                if let Some(place) = state.pending.get_mut(place_of(seq)) {
                    *place = Some(Pending { due_ns, question });
                }
            }
            Err(error) => {
                state.free.push(seq);
                state.tally.fail(|| error.to_string());
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

struct Receiver(Arc<Port>);

impl Receive for Receiver {
    fn replies(&mut self, replies: &mut Replies<'_>) {
        let port = &*self.0;
        let run = &*port.run;
        let now_ns = run.now_ns();
        let is_closed_loop = matches!(run.plan.kind, Loop::Closed { .. });
        let in_window = run.measures(now_ns);
        let state = &mut *port.state();
        for (seq, reply) in replies {
            let pending = state.pending.get_mut(place_of(seq)).and_then(Option::take);
            let Some(pending) = pending else { continue };
            state.free.push(seq);
            state.count(&reply, pending.question);
            state.tally.answered_in_window += u64::from(in_window);
            if run.measures(pending.due_ns) {
                state.tally.latencies.record(now_ns.saturating_sub(pending.due_ns));
            }
            if is_closed_loop && !run.is_over() {
                port.send_with(state, now_ns);
            }
        }
        if !state.uses.is_empty() {
            run.ordinals.note(state.uses.drain(..));
        }
    }

    fn closed(&mut self, error: Error) {
        let state = &mut *self.0.state();
        state.is_closed = true;
        if !self.0.run.is_over() {
            state.tally.first_error.get_or_insert_with(|| error.to_string());
        }
    }
}

impl State {
    fn count(&mut self, reply: &Reply<&str>, question: Question) {
        match reply {
            Reply::Accepted(accepted) => {
                self.tally.yes += 1;
                self.tally.replayed += u64::from(accepted.replayed);
                if question.verb == Verb::Redeem {
                    let ordinals = accepted.uses.iter().map(|one| one.ordinal);
                    self.uses.extend(ordinals.map(|ordinal| (question.code, ordinal)));
                }
            }
            Reply::Refused(refused) => self.tally.refuse(refused.reason),
            Reply::Error(error) => {
                self.tally.fail(|| format!("{} ({})", error.message, error.number));
            }
            Reply::Welcome(_) | Reply::CodeStatus(_) | Reply::Pong(_) | Reply::GoAway(_) => {
                self.tally.fail(|| "an answer that does not belong to the question".to_owned());
            }
        }
    }
}

/// Carries out a plan.
pub(crate) async fn carry_out(
    options: Options,
    plan: Plan,
    title: &str,
) -> anyhow::Result<Figures> {
    let (run, connections, ports) = connect(options, plan).await?;
    let progress = progress_bar(&run.plan, title);
    let pacer = match run.plan.kind {
        Loop::Open { rate } => {
            let (run, ports) = (Arc::clone(&run), ports.clone());
            let thread = std::thread::Builder::new().name("pacer".to_owned());
            Some(thread.spawn(move || pacer::pace(&run, &ports, rate))?)
        }
        Loop::Closed { in_flight } => {
            let now_ns = run.now_ns();
            for port in &ports {
                (0..in_flight).for_each(|_| _ = port.send(now_ns));
            }
            None
        }
    };
    while !run.is_over() && run.now_ns() < run.end_ns() {
        tokio::time::sleep(
            TICK.min(Duration::from_nanos(run.end_ns().saturating_sub(run.now_ns()))),
        )
        .await;
        progress.set_position(run.now_ns() / 1_000_000);
        if ports.iter().all(|port| port.state().is_closed) {
            run.is_over.store(true, Ordering::Relaxed);
        }
    }
    run.is_over.store(true, Ordering::Relaxed);
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
    let figures = figures(&run, &ports, punctuality.as_ref());
    connections.iter().for_each(Connection::close);
    progress.finish_and_clear();
    figures
}

type Connected = (Arc<Run>, Vec<Connection>, Vec<Arc<Port>>);

async fn connect(options: Options, plan: Plan) -> anyhow::Result<Connected> {
    let (kind, count) = (plan.kind, plan.connections);
    let ordinals = match plan.workload.law {
        Law::Hot => Ordinals::hot(),
        Law::Once | Law::Uniform => Ordinals::many(),
    };
    let mut connections = Vec::new();
    let mut welcome_room = u32::MAX;
    let connector = Connector::new(options).await?;
    for _ in 0..count {
        let connection = connector.connect().await?;
        welcome_room = welcome_room.min(connection.welcome().in_flight_max.max(1));
        connections.push(connection);
    }
    let room = match kind {
        Loop::Open { .. } => welcome_room,
        Loop::Closed { in_flight } => {
            ensure!(in_flight <= welcome_room, "the server allows {welcome_room} in flight");
            in_flight
        }
    };
    let run = Arc::new(Run {
        plan,
        watch: Stopwatch::start(),
        ordinals,
        is_over: AtomicBool::new(false),
        ran_out_ns: AtomicU64::new(u64::MAX),
    });
    let mut ports = Vec::new();
    for (connection, number) in connections.iter_mut().zip(0..) {
        let port = Arc::new(Port::new(&run, number, room)?);
        let lane = connection.lane(Receiver(Arc::clone(&port))).await?;
        port.lane.set(lane).ok().context("a port has one lane")?;
        ports.push(port);
    }
    Ok((run, connections, ports))
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

fn figures(
    run: &Run,
    ports: &[Arc<Port>],
    punctuality: Option<&Punctuality>,
) -> anyhow::Result<Figures> {
    let mut all = Tally::new()?;
    for port in ports {
        let mut state = port.state();
        let unanswered = state.pending.iter().flatten().count();
        state.tally.unknown = u64::try_from(unanswered).unwrap_or(u64::MAX);
        all.add(&state.tally)?;
    }
    let window = Duration::from_nanos(run.end_ns().saturating_sub(run.begin_ns()));
    let seconds = window.as_secs_f64().max(1e-3);
    let per_s = |count: u64| {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let count = count as f64;
        (count / seconds).round()
    };
    let plan = &run.plan;
    let (kind, in_flight) = match plan.kind {
        Loop::Open { .. } => ("open", None),
        Loop::Closed { in_flight } => ("closed (peak)", Some(in_flight)),
    };
    Ok(Figures {
        verb: plan.workload.mix.name(),
        law: plan.workload.law,
        kind,
        connections: plan.connections,
        in_flight,
        seconds,
        offered_per_s: punctuality.map(|punctuality| per_s(punctuality.due)),
        achieved_per_s: per_s(all.answered_in_window),
        latency: all.latencies.quantiles(),
        pacer_late: punctuality.map(|punctuality| punctuality.late.quantiles()),
        server_cpu_us: None,
        asked: all.asked,
        yes: all.yes,
        refused: all.refused,
        replayed: all.replayed,
        errors: all.errors,
        first_error: all.first_error,
        unknown: all.unknown,
        ordinals: run.ordinals.seen(),
        codes_ran_out: run.ran_out_ns.load(Ordering::Relaxed) != u64::MAX,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;
