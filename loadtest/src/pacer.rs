//! The open loop's schedule: when each question is due, whatever became of the ones before.
//!
//! A thread of its own, because the timers of an asynchronous runtime are a millisecond coarse. It
//! sleeps until the next question is due and then asks all that are. By how much it was late itself
//! is measured and reported: it is part of every latency.

mod curve;

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::drive::{Port, Run, Sent};
use crate::stats::{Latencies, Series};

pub(crate) use curve::{Curve, Stretch};

/// How long is waited when every lane has as much in flight as it may.
const FULL_PAUSE: Duration = Duration::from_micros(50);

/// How well the schedule was kept.
#[derive(Debug)]
pub(crate) struct Punctuality {
    /// By how much questions were asked late.
    pub(crate) late: Latencies,
    /// Questions that were due in the measured window, asked or not.
    pub(crate) due: u64,
    /// The same, by the second.
    pub(crate) series: Series,
}

impl Punctuality {
    fn due(&mut self, run: &Run, due_ns: u64) {
        if run.measures(due_ns) {
            self.due += 1;
            self.series.due(due_ns);
        }
    }
}

/// Asks as many questions as the curve says, spread evenly over the ports, until the curve or the
/// run is over. Each port has a turn, of one question or, where manners allow it, of what is due by
/// then.
pub(crate) fn pace(run: &Run, ports: &[Arc<Port>], curve: &Curve) -> anyhow::Result<Punctuality> {
    be_punctual();
    let mut punctuality = Punctuality { late: Latencies::new()?, due: 0, series: run.series() };
    let (mut turn, mut asked) = (0, 0);
    let together = run.manners().together;
    let mut dues = curve.dues();
    while let Some(due_ns) = dues.next() {
        let was_due = !wait_until(run, due_ns);
        if asked < together && was_due {
            asked += 1;
        } else {
            (turn, asked) = (turn + 1, 1);
        }
        if !ask(run, ports, &mut turn, due_ns) {
            // What was due until now could not even be asked.
            let now_ns = run.now_ns();
            let missed = std::iter::once(due_ns).chain(dues);
            missed.take_while(|ns| *ns < now_ns).for_each(|ns| punctuality.due(run, ns));
            break;
        }
        punctuality.due(run, due_ns);
        if run.measures(due_ns) {
            punctuality.late.record(run.now_ns().saturating_sub(due_ns));
        }
    }
    Ok(punctuality)
}

/// Says whether it had to wait.
fn wait_until(run: &Run, due_ns: u64) -> bool {
    let mut has_waited = false;
    loop {
        let now_ns = run.now_ns();
        if now_ns >= due_ns || run.is_over() {
            return has_waited;
        }
        thread::park_timeout(Duration::from_nanos(due_ns - now_ns));
        has_waited = true;
    }
}

/// Asks on the port whose turn it is, or the next that has room, once there is one. `false` when
/// the run was over before.
fn ask(run: &Run, ports: &[Arc<Port>], turn: &mut usize, due_ns: u64) -> bool {
    while !run.is_over() {
        for _ in ports {
            let port = ports.get(*turn % ports.len());
            if port.is_none_or(|port| port.send(due_ns) != Sent::Full) {
                return true;
            }
            *turn += 1;
        }
        thread::park_timeout(FULL_PAUSE);
    }
    false
}

/// Asks the kernel not to round this thread's sleeps up: by default it adds up to 50 µs. Where it
/// refuses, the lateness that is reported says so.
fn be_punctual() {
    let Ok(link) = fs::read_link("/proc/thread-self") else { return };
    if let Some(thread) = link.file_name().and_then(|name| name.to_str()) {
        // Best effort, as said.
        let _refused = fs::write(format!("/proc/{thread}/timerslack_ns"), "1");
    }
}
