//! *Validate*: ask; changes nothing. The way of a redemption up to the ledger, and a look at its
//! book.

use super::answer::Verdict;
use super::ask::Ask;
use super::{Engine, Verb};

impl Engine {
    /// Says what a redemption would be answered now. Never waits.
    ///
    /// # Errors
    /// The refusal, with its reason.
    pub fn validate(&self, ask: &Ask<'_>) -> Verdict {
        let verdict = self.offer(ask);
        self.metrics.count(Verb::Validate, &verdict);
        verdict
    }

    fn offer(&self, ask: &Ask<'_>) -> Verdict {
        let codes = self.find_all(ask)?;
        let judged = self.judge(ask, codes)?;
        self.preview(ask, &judged)
    }
}
