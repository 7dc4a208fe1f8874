//! The open loop's schedule: when each question is due, whatever became of the ones before.
//!
//! A thread of its own, because the timers of an asynchronous runtime are a millisecond coarse. It
//! sleeps until the next question is due and then asks all that are. By how much it was late itself
//! is measured and reported: it is part of every latency.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::drive::{Port, Run, Sent};
use crate::stats::Latencies;

/// How long is waited when every lane has as much in flight as it may.
const FULL_PAUSE: Duration = Duration::from_micros(50);

/// How well the schedule was kept.
#[derive(Debug)]
pub(crate) struct Punctuality {
    /// By how much questions were asked late.
    pub(crate) late: Latencies,
    /// Questions that were due in the measured window, asked or not.
    pub(crate) due: u64,
}

/// Asks `rate` questions a second, spread evenly over time and over the ports, until the run is
/// over.
pub(crate) fn pace(run: &Run, ports: &[Arc<Port>], rate: u32) -> anyhow::Result<Punctuality> {
    be_punctual();
    let mut punctuality = Punctuality { late: Latencies::new()?, due: 0 };
    let mut turns = ports.iter().cycle();
    'questions: for number in 0_u64.. {
        let due_ns = due_ns(number, rate);
        wait_until(run, due_ns);
        while send(&mut turns, ports.len(), due_ns) == Sent::Full {
            thread::park_timeout(FULL_PAUSE);
            if run.is_over() {
                punctuality.due += missed(run, number, rate);
                break 'questions;
            }
        }
        if run.is_over() {
            break;
        }
        if run.measures(due_ns) {
            punctuality.due += 1;
            punctuality.late.record(run.now_ns().saturating_sub(due_ns));
        }
    }
    Ok(punctuality)
}

/// When the question with this number is due, in nanoseconds since the run began.
fn due_ns(number: u64, rate: u32) -> u64 {
    let ns = u128::from(number) * 1_000_000_000 / u128::from(rate.max(1));
    u64::try_from(ns).unwrap_or(u64::MAX)
}

fn wait_until(run: &Run, due_ns: u64) {
    loop {
        let now_ns = run.now_ns();
        if now_ns >= due_ns || run.is_over() {
            return;
        }
        thread::park_timeout(Duration::from_nanos(due_ns - now_ns));
    }
}

/// Asks on the next port that has room.
fn send<'a>(turns: &mut impl Iterator<Item = &'a Arc<Port>>, ports: usize, due_ns: u64) -> Sent {
    let mut tries = turns.take(ports).map(|port| port.send(due_ns));
    tries.find(|sent| *sent != Sent::Full).unwrap_or(Sent::Full)
}

/// Questions from `number` on that were due in the window and could not even be asked.
fn missed(run: &Run, number: u64, rate: u32) -> u64 {
    let dues = (number..).map(|number| due_ns(number, rate));
    let until_now = dues.take_while(|due_ns| *due_ns < run.now_ns());
    until_now.filter(|due_ns| run.measures(*due_ns)).map(|_| 1).sum()
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

#[cfg(test)]
mod tests {
    use super::due_ns;

    #[test]
    fn a_schedule_is_even_and_exact() {
        assert_eq!((due_ns(0, 3), due_ns(1, 3), due_ns(3, 3)), (0, 333_333_333, 1_000_000_000));
        assert_eq!(due_ns(86_400 * 1_000_000, 1_000_000), 86_400_000_000_000);
    }
}
