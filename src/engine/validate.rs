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
        let origin = self.origin(Verb::Validate, ask.tenant, &ask.order);
        let codes = match self.find_all(ask) {
            Ok(codes) => codes,
            Err(refusal) => return self.answered(origin, &[], Err(refusal)),
        };
        let keys = codes.keys.clone();
        if self.ledger.is_local() {
            return self.answered(origin, &keys, self.offer(ask, codes, None));
        }
        let owners = self.owners(ask, &codes);
        let offer = |age_ms| self.offer(ask, codes.clone(), age_ms);
        match self.judged_known(&owners, counts, self.now(), offer) {
            Some(verdict) => self.answered(origin, &keys, verdict),
            None => {
                let then = Then::Validate { ask: KeptAsk::of(ask), codes, counts };
                self.look(origin, owners, then, deadline)
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
            let part = judged.parts.get(place);
            let part = part.map(|part| (part.code_index, part.found.code.owner));
            // It looks at the codes, which are about to change.
            drop(judged);
            match part {
                Some((index, owner)) => codes.spare(index, owner, refusal, ask.mode)?,
                None => return Err(refusal),
            }
        }
    }
}
