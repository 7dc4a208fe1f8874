//! Releases that credit somebody in another partition.
//!
//! A credit goes the way of a posting, under an id of its own: prepared in its partition, decided
//! by the home together with the release, followed. The release is answered when the credit is in
//! its balance, because only then is known what became of it.

use std::rc::Rc;
use std::sync::Arc;

use super::{Prepared, Tried, damaged};
use crate::domain::id::PostingId;
use crate::domain::posting::{Command, Leg, Mode, Outcome, Posting, Receipt};
use crate::ledger::redis::call::{self, Reach, Said};
use crate::ledger::redis::round::{Rounds, Trouble};
use crate::ledger::redis::spread::Step;
use crate::ledger::redis::wire::{Credit, Reader, Spread, Writer, packed_release};
use crate::remote::Lane;

impl Rounds {
    /// A release that credits somebody in another partition.
    pub(super) async fn try_credit(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        release: &Command,
        leg: &Leg,
        home: u16,
    ) -> Result<Tried, Trouble> {
        let Command::Release { id, now, .. } = release else { return Ok(Tried::Again) };
        // What the home alone can answer. It knows nothing better to say when only the credit is
        // missing.
        if let Some(outcome) = self.at_home(lane, release, home).await? {
            return Ok(Tried::Answer(outcome));
        }
        let (attempt, partition) = (self.attempt(), self.partition(&leg.key().owner.0));
        let posting = Posting {
            id: self.credit_id(),
            fingerprint: 0,
            mode: Mode::Post,
            size: 1,
            legs: std::iter::once(leg.clone()).collect(),
            note: Box::default(),
            now: *now,
        };
        let taken = match self.prepare(lane, &posting, home, partition, attempt, Some(*id)).await? {
            Prepared::Taken(results) => results,
            Prepared::Refused(blocked) => {
                return Ok(Tried::Answer(Outcome::Refused(blocked)));
            }
            Prepared::Doubt(doubt) => {
                self.settle(lane, partition, doubt).await?;
                return Ok(Tried::Again);
            }
            Prepared::Early | Prepared::GivenUp => return Ok(Tried::Again),
        };
        self.step(Step::Prepared)?;
        let Some(result) = taken.first() else { return Err(damaged("no result".to_owned())) };
        let prepared = Credit { id: posting.id, attempt, partition, leg, result };
        let reach = Reach::One(home);
        let mut call = call::begin_apply(&self.place, reach, (self.now)());
        call.arg(packed_release(release, Some(&prepared)));
        let (letter, value) = self.ask(lane, reach, call).await?;
        self.step(Step::Decided)?;
        if letter != b'D' {
            self.give_up(lane, posting.id, attempt, &[(partition, taken)]).await?;
        }
        let heard = (self.now)();
        match call::said(&self.shared, release, letter, &value, heard, heard).map_err(damaged)? {
            Said::Behind(outcome, spread) => {
                self.catch_up(lane, outcome, &spread, home).await.map(Tried::Answer)
            }
            Said::Outcome(outcome) => Ok(Tried::Answer(outcome)),
            Said::Doubt(_) | Said::Early | Said::GivenUp => Ok(Tried::Again),
        }
    }

    /// Has what releases credit in other partitions follow; the receipt as it stands then.
    pub(super) async fn credits_follow(
        &self,
        lane: &mut Option<Lane>,
        id: PostingId,
        spread: &Spread,
        home: u16,
    ) -> Result<Arc<Receipt>, Trouble> {
        for credit in &spread.credits {
            let mut status = Writer::default();
            status.status(*credit);
            let (letter, value) = self.tell(lane, home, status).await?;
            // Somebody else has seen to it.
            if letter != b'R' {
                continue;
            }
            let read = Reader::new(&value).receipt_and_spread(*credit).map_err(damaged)?;
            if let (receipt, Some(spread)) = read {
                self.all_follow(lane, Arc::new(receipt), &spread, home).await?;
            }
        }
        let mut status = Writer::default();
        status.status(id);
        let (_, value) = self.tell(lane, home, status).await?;
        Reader::new(&value).receipt(id).map(Arc::new).map_err(damaged)
    }

    /// What a credit is called in other partitions: as no posting is.
    fn credit_id(&self) -> PostingId {
        let mut id = [0; 16];
        for half in id.as_chunks_mut::<8>().0 {
            *half = self.attempt();
        }
        PostingId(id)
    }
}
