//! *Confirm*, *release*, *extend*, *status*: what can be done with a hold or redemption by its id.
//!
//! They need no rules: what was promised is kept, whatever has become of the campaign.

use smallvec::SmallVec;

use super::answer::{Asked, part};
use super::{Awaits, Context, Engine, Pending, Prepared, Telling, Verb};
use crate::domain::campaign::HOLD_TTL_MS_MAX;
use crate::domain::id::{RequestId, TenantId};
use crate::domain::posting::Command;
use crate::domain::time::Timestamp;
use crate::ledger::Task;

/// Who asks about which posting, and when.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Whose posting.
    pub tenant: &'a TenantId,
    /// The id of the hold or redemption.
    pub id: RequestId,
    /// The moment of the request.
    pub now: Timestamp,
    /// Until when an answer is of use.
    pub deadline: Timestamp,
}

impl Engine {
    /// Prepares to turn a hold into a redemption; `size` of it, or all with zero.
    #[must_use]
    pub fn confirm(&self, about: About<'_>, size: u64) -> Prepared {
        let id = self.posting_id(about.tenant, about.id);
        let command = Command::Confirm { id, part: part(size), now: about.now };
        pending(about, command, Verb::Confirm, Asked::Confirm)
    }

    /// Prepares to give back `size` of a hold or redemption, or all with zero. Repeated with the
    /// same `release_id`, it gives back once.
    #[must_use]
    pub fn release(&self, about: About<'_>, release_id: RequestId, size: u64) -> Prepared {
        let id = self.posting_id(about.tenant, about.id);
        let release_id = self.posting_id(about.tenant, release_id);
        let command = Command::Release { id, release_id, part: part(size), now: about.now };
        pending(about, command, Verb::Release, Asked::Release(release_id))
    }

    /// Prepares to let a hold end `ttl_ms` from now, at most a week.
    #[must_use]
    pub fn extend(&self, about: About<'_>, ttl_ms: u64) -> Prepared {
        let id = self.posting_id(about.tenant, about.id);
        let ttl_ms = i64::try_from(ttl_ms.min(HOLD_TTL_MS_MAX)).unwrap_or(i64::MAX);
        let command = Command::Extend { id, until: about.now.plus_ms(ttl_ms), now: about.now };
        pending(about, command, Verb::Extend, Asked::Extend)
    }

    /// Prepares to say where a hold or redemption stands.
    #[must_use]
    pub fn status(&self, about: About<'_>) -> Prepared {
        let id = self.posting_id(about.tenant, about.id);
        pending(about, Command::Status { id, now: about.now }, Verb::Status, Asked::Status)
    }
}

fn pending(about: About<'_>, command: Command, verb: Verb, asked: Asked) -> Prepared {
    let task = Task { command, deadline: about.deadline };
    let telling =
        Telling { id: about.id, asked, holders: SmallVec::new(), judged: None, refusal: None };
    let context = Context { verb, awaits: Awaits::Outcome(telling) };
    Prepared::Posting(Box::new(Pending { task, context }))
}
