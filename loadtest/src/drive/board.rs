//! The counters of a run, shared by its lanes in a few stripes so that lanes seldom meet.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jeton::client::Reply;

use super::{ByPart, Part};
use crate::stats::{Series, Tally};

/// Several for each core that a load generator is likely to have.
const STRIPES: u32 = 16;

/// All stripes.
#[derive(Debug)]
pub(super) struct Board(Vec<Mutex<Counts>>);

/// One stripe, or the sum of all.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    pub(super) tallies: ByPart<Tally>,
    pub(super) series: Series,
    /// Answers that came in the measured time, whenever they were asked for.
    pub(super) answered_in_window: u64,
    /// Yes among them.
    pub(super) accepted_in_window: u64,
}

impl Board {
    /// For so many lanes.
    pub(super) fn new(series: &Series, lanes: u32) -> anyhow::Result<Self> {
        let stripe = || Counts::new(series.clone()).map(Mutex::new);
        Ok(Self((0..lanes.clamp(1, STRIPES)).map(|_| stripe()).collect::<anyhow::Result<_>>()?))
    }

    /// The stripe of a lane.
    #[expect(clippy::indexing_slicing, reason = "a remainder is below the length, which is not 0")]
    pub(super) fn counts(&self, lane: u32) -> MutexGuard<'_, Counts> {
        let lane = usize::try_from(lane).unwrap_or_default();
        self.0[lane % self.0.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stripes(&self) -> impl Iterator<Item = MutexGuard<'_, Counts>> {
        self.0.iter().map(|stripe| stripe.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many answers came in all.
    pub(super) fn answered(&self) -> u64 {
        let answered = |tally: &Tally| tally.accepted.len() + tally.refused.len();
        let both = |counts: MutexGuard<'_, Counts>| {
            answered(&counts.tallies.warm_up) + answered(&counts.tallies.measured)
        };
        self.stripes().map(both).sum()
    }

    /// The sum of all stripes, with what nobody answered.
    pub(super) fn all(&self, unknown: &ByPart<u64>) -> anyhow::Result<Counts> {
        let mut stripes = self.stripes();
        let mut all = match stripes.next() {
            Some(first) => first.clone(),
            None => anyhow::bail!("a board has stripes"),
        };
        for stripe in stripes {
            all.add(&stripe)?;
        }
        all.tallies.warm_up.unknown = unknown.warm_up;
        all.tallies.measured.unknown = unknown.measured;
        Ok(all)
    }
}

impl Counts {
    fn new(series: Series) -> anyhow::Result<Self> {
        let tallies = ByPart { warm_up: Tally::new()?, measured: Tally::new()? };
        Ok(Self { tallies, series, answered_in_window: 0, accepted_in_window: 0 })
    }

    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.tallies.warm_up.add(&other.tallies.warm_up)?;
        self.tallies.measured.add(&other.tallies.measured)?;
        self.series.add(&other.series)?;
        self.answered_in_window += other.answered_in_window;
        self.accepted_in_window += other.accepted_in_window;
        Ok(())
    }

    /// Counts the answer to a question of `part`, which was due and answered at these moments, the
    /// latter in the measured time or not.
    pub(super) fn answer(
        &mut self,
        reply: &Reply<&str>,
        part: Part,
        (due_ns, now_ns): (u64, u64),
        in_window: bool,
    ) {
        let tally = self.tallies.of_mut(part);
        self.answered_in_window += u64::from(in_window);
        let took_ns = now_ns.saturating_sub(due_ns);
        match reply {
            Reply::Accepted(accepted) => {
                tally.yes += 1;
                tally.replayed += u64::from(accepted.replayed);
                tally.accepted.record(took_ns);
                self.accepted_in_window += u64::from(in_window);
                self.series.answered(due_ns, now_ns, false);
            }
            Reply::Refused(refused) => {
                tally.refuse(refused.reason, refused.transient);
                tally.refused.record(took_ns);
                self.series.answered(due_ns, now_ns, true);
            }
            Reply::Error(error) => tally.fail(|| format!("{} ({})", error.message, error.number)),
            Reply::Welcome(_) | Reply::CodeStatus(_) | Reply::Pong(_) | Reply::GoAway(_) => {
                tally.fail(|| "an answer that does not belong to the question".to_owned());
            }
        }
    }

    /// Whether it is known of every question what became of it.
    pub(super) const fn is_settled(&self) -> bool {
        let ByPart { warm_up, measured } = &self.tallies;
        warm_up.unknown + warm_up.errors + measured.unknown + measured.errors == 0
    }
}
