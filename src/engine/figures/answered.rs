//! Counting verdicts as they are answered, and what offices are told of refusals afterwards.

use std::sync::Arc;

use super::attempts::Attempt;
use super::tally::{Became, Place, PlaceId};
use crate::domain::code::CodeKey;
use crate::domain::id::TenantId;
use crate::domain::order::Order;
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::engine::answer::{Accepted, Verdict};
use crate::engine::{CodeError, Engine, Verb};

/// A refused attempt to use a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedAttempt {
    /// When.
    pub at: Timestamp,
    /// What was asked.
    pub verb: Verb,
    /// Why it was refused.
    pub reason: Reason,
    /// From where.
    pub place: Arc<Place>,
}

/// What a request was, and where it came from.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Origin {
    pub(in crate::engine) verb: Verb,
    pub(in crate::engine) place: PlaceId,
}

impl Engine {
    /// The last refused attempts to use a code, newest first: of this node, since its start.
    ///
    /// # Errors
    /// When there is no such code.
    pub fn refused_attempts(
        &self,
        tenant: &TenantId,
        text: &str,
    ) -> Result<Vec<RefusedAttempt>, CodeError> {
        let (key, _) = self.find(tenant, text)?;
        let told = |attempt: Attempt| RefusedAttempt {
            at: attempt.at,
            verb: attempt.verb,
            reason: attempt.reason,
            place: self.figures.tally.named(attempt.place),
        };
        Ok(self.figures.attempts.of(&key).into_iter().map(told).collect())
    }

    /// Where a request with this order comes from.
    pub(in crate::engine) fn origin(
        &self,
        verb: Verb,
        tenant: &TenantId,
        order: &Order<'_>,
    ) -> Origin {
        Origin { verb, place: self.figures.tally.place(tenant.as_str(), order) }
    }

    /// Where a request without an order comes from.
    pub(in crate::engine) fn origin_of(&self, verb: Verb, tenant: &TenantId) -> Origin {
        Origin { verb, place: self.figures.tally.nowhere(tenant.as_str()) }
    }

    /// Counts a verdict; `keys` are the request's codes in its order, as far as they are known.
    pub(in crate::engine) fn count_verdict(
        &self,
        origin: Origin,
        keys: &[CodeKey],
        verdict: &Verdict,
    ) {
        match verdict {
            Ok(accepted) if !accepted.is_replayed => self.count_accepted(origin, accepted),
            Err(refusal) if origin.verb.can_refuse() => self.count_refusal(origin, keys, refusal),
            Ok(_) | Err(_) => {}
        }
    }

    fn count_accepted(&self, origin: Origin, accepted: &Accepted) {
        let Origin { verb, place } = origin;
        let tally = &self.figures.tally;
        let mut campaigns = accepted.uses.iter().map(|used| &*used.campaign);
        tally.count(place, campaigns.next().unwrap_or_default(), Became::Yes(verb));
        for campaign in campaigns {
            tally.count(place, campaign, Became::OneMore(verb));
        }
    }

    fn count_refusal(&self, origin: Origin, keys: &[CodeKey], refusal: &Refusal) {
        let reason = refusal.reason;
        let place = refusal.code_index.map_or(0, usize::from);
        let is_about_code = !matches!(
            reason,
            Reason::RateLimited | Reason::LockedOut | Reason::Busy | Reason::Unavailable
        );
        let key = keys.get(place).or_else(|| keys.first()).filter(|_| is_about_code);
        // An attempt on a code that does not exist is guessing: nobody will look it up.
        let found = key.and_then(|key| Some((key, self.index.find(key)?)));
        let campaign = found.as_ref().map_or("", |(_, found)| found.campaign.id.as_str());
        self.figures.tally.count(origin.place, campaign, Became::No(reason));
        if let Some((key, _)) = found {
            let Origin { verb, place } = origin;
            self.figures.attempts.push(*key, Attempt { at: self.now(), verb, reason, place });
        }
    }
}
