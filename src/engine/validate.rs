//! *Validate*: ask; changes nothing. The way of a redemption up to the ledger, and a look at its
//! book.

use super::answer::Verdict;
use super::ask::Ask;
use super::kept::KeptAsk;
use super::look::{Counts, Then};
use super::named::Codes;
use super::{Engine, Prepared, Verb};
use crate::domain::time::Timestamp;

impl Engine {
    /// Says what a redemption would be answered now. Never waits: with a local ledger, what comes
    /// back is an answer; else the ledger is asked first if what this node knows is not good enough
    /// for `counts`. While the ledger is away, the answer rests on what is known, however old,
    /// unless it shall be exact; of codes that this node never met, it is `unavailable`.
    #[must_use]
    pub fn validate(&self, ask: &Ask<'_>, counts: Counts, deadline: Timestamp) -> Prepared {
        let codes = match self.find_all(ask) {
            Ok(codes) => codes,
            Err(refusal) => return self.answered(Verb::Validate, Err(refusal)),
        };
        if self.ledger.is_local() {
            return self.answered(Verb::Validate, self.offer(ask, codes, None));
        }
        let owners = self.owners(ask, &codes);
        let offer = |age_ms| self.offer(ask, codes.clone(), age_ms);
        match self.judged_known(&owners, counts, self.now(), offer) {
            Some(verdict) => self.answered(Verb::Validate, verdict),
            None => {
                let then = Then::Validate { ask: KeptAsk::of(ask), codes, counts };
                self.look(Verb::Validate, owners, then, deadline)
            }
        }
    }

    /// What the rules and the book say, over counts that are `age_ms` old; absent: exact. Goes on
    /// without what the book refuses, where the request can do without it.
    pub(super) fn offer(&self, ask: &Ask<'_>, mut codes: Codes, age_ms: Option<u64>) -> Verdict {
        loop {
            let judged = self.judge(ask, &codes)?;
            let blocked = match self.preview(ask, &judged, age_ms) {
                Ok(accepted) => return Ok(Box::new(accepted)),
                Err(blocked) => blocked,
            };
            let (place, refusal) = self.refuse(&blocked, &judged);
            match judged.parts.get(place) {
                Some(part) => codes.spare(part, refusal, ask.mode)?,
                None => return Err(refusal),
            }
        }
    }
}
