//! *Confirm*, *release*, *extend*, *status*: what can be done with a hold or redemption by its id.
//!
//! They need no rules: what was promised is kept, whatever has become of the campaign.

use smallvec::SmallVec;

use super::answer::{Asked, legs_of, part};
use super::figures::Origin;
use super::note::Note;
use super::{Awaits, Context, Engine, Pending, Prepared, Telling, Verb, outcome_of};
use crate::domain::campaign::HOLD_TTL_MS_MAX;
use crate::domain::code::CodeKey;
use crate::domain::id::{PostingId, RequestId, TenantId};
use crate::domain::posting::{Command, Leg, Outcome, Part};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::ledger::{Answer, LedgerError, Task};

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

/// What shall be given back of a hold or redemption.
#[derive(Debug, Clone)]
pub struct Release<'a> {
    /// The id of the release.
    pub id: RequestId,
    /// How much.
    pub part: Given<'a>,
    /// What its owner gets for it instead of money: an earning of a voucher or account, which comes
    /// with the release or not at all.
    pub credit: Option<Leg>,
}

/// How much is given back.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// So much of its size; zero: all of it.
    Size(u64),
    /// All that these codes have of it. An order without them is left.
    Codes(&'a [&'a str]),
}

/// Whether a caller may touch what was noted so.
pub type Sees = Box<dyn FnOnce(&Note) -> bool + Send>;

/// A request about a posting that may not be the caller's to touch.
pub(super) struct Asking {
    sees: Sees,
    then: Pending,
}

/// A release of some codes, before it is known which legs they have.
pub(super) struct Choosing {
    id: RequestId,
    posting: PostingId,
    release_id: PostingId,
    keys: SmallVec<[CodeKey; 1]>,
    credit: Option<Box<Leg>>,
    now: Timestamp,
    deadline: Timestamp,
}

impl Telling {
    /// For what needs no rules.
    fn of(id: RequestId, asked: Asked) -> Self {
        Self { id, asked, shown: SmallVec::new(), judged: None, refusal: None, again: None }
    }
}

impl Engine {
    /// Prepares to turn a hold into a redemption; `size` of it, or all with zero.
    #[must_use]
    pub fn confirm(&self, about: About<'_>, size: u64) -> Prepared {
        let id = self.posting_id(about.tenant, about.id);
        let command = Command::Confirm { id, part: part(size), now: about.now };
        self.pending(about, command, Verb::Confirm, Asked::Confirm)
    }

    /// Prepares to give back a hold or redemption, or a part of it. Repeated with the same id, it
    /// gives back once.
    #[must_use]
    pub fn release(&self, about: About<'_>, release: Release<'_>) -> Prepared {
        let id = self.posting_id(about.tenant, about.id);
        let release_id = self.posting_id(about.tenant, release.id);
        let asked = Asked::Release(release_id);
        let credit = release.credit.map(Box::new);
        let part = match release.part {
            Given::Size(size) => part(size),
            Given::Codes(codes) => {
                // Which legs these codes have, the receipt says.
                let keys = codes.iter().map(|code| self.key_of(about.tenant, code)).collect();
                let About { now, deadline, .. } = about;
                let choosing =
                    Choosing { id: about.id, posting: id, release_id, keys, credit, now, deadline };
                let task = Task { command: Command::Status { id, now }, deadline };
                let awaits = Awaits::Legs(Box::new(choosing));
                let origin = self.origin_of(Verb::Release, about.tenant);
                let context = Context { origin, awaits };
                return Prepared::Posting(Box::new(Pending { task, context }));
            }
        };
        let command = Command::Release { id, release_id, part, credit, now: about.now };
        self.pending(about, command, Verb::Release, asked)
    }

    /// Prepares to give back a posting that history names, or `size` of it; zero is all. The id of
    /// `about` is the release's; that the posting is the tenant's, the caller has made sure.
    #[must_use]
    pub fn release_posting(&self, about: About<'_>, posting: PostingId, size: u64) -> Prepared {
        let release_id = self.posting_id(about.tenant, about.id);
        let part = part(size);
        let command =
            Command::Release { id: posting, release_id, part, credit: None, now: about.now };
        self.pending(about, command, Verb::Release, Asked::Release(release_id))
    }

    /// Goes on with a release of some codes once their receipt is known.
    pub(super) fn chosen(
        &self,
        origin: Origin,
        choosing: Choosing,
        answer: Result<Answer, LedgerError>,
    ) -> Prepared {
        let Choosing { id, posting, release_id, keys, credit, now, deadline } = choosing;
        let refused = |refusal| self.answered(origin, &[], Err(refusal));
        let receipt = match outcome_of(answer) {
            Ok(Outcome::Replayed(receipt)) => receipt,
            Ok(_) => return refused(Refusal::new(Reason::RedemptionNotFound)),
            Err(refusal) => return refused(refusal),
        };
        let note = Note::of(&receipt.note);
        let mut legs = 0;
        for (index, key) in (0_u8..).zip(&keys) {
            let Some(place) = note.uses.iter().position(|used| used.code == Some(*key)) else {
                return refused(Refusal::new(Reason::CodeNotFound).at(index));
            };
            legs |= legs_of(&note, place);
        }
        let part = Part::Legs(legs);
        let command = Command::Release { id: posting, release_id, part, credit, now };
        let telling = Telling::of(id, Asked::Release(release_id));
        let context = Context { origin, awaits: Awaits::Outcome(telling) };
        Prepared::Posting(Box::new(Pending { task: Task { command, deadline }, context }))
    }

    /// Prepares to let a hold end `ttl_ms` from now, at most a week.
    #[must_use]
    pub fn extend(&self, about: About<'_>, ttl_ms: u64) -> Prepared {
        let id = self.posting_id(about.tenant, about.id);
        let ttl_ms = i64::try_from(ttl_ms.min(HOLD_TTL_MS_MAX)).unwrap_or(i64::MAX);
        let command = Command::Extend { id, until: about.now.plus_ms(ttl_ms), now: about.now };
        self.pending(about, command, Verb::Extend, Asked::Extend)
    }

    /// Prepares to say where a hold or redemption stands.
    #[must_use]
    pub fn status(&self, about: About<'_>) -> Prepared {
        let id = self.posting_id(about.tenant, about.id);
        let command = Command::Status { id, now: about.now };
        self.pending(about, command, Verb::Status, Asked::Status)
    }

    /// What was prepared about a posting, for a caller who does not see all of them: the ledger
    /// says first what was noted, and `sees` whether the caller may touch that; else it is not
    /// permitted, and nothing is done. A posting that is unknown is nobody's. Who sees all skips
    /// this, and has the ledger asked once only.
    #[must_use]
    pub fn if_seen(&self, about: About<'_>, sees: Sees, prepared: Prepared) -> Prepared {
        let Prepared::Posting(then) = prepared else { return prepared };
        let id = self.posting_id(about.tenant, about.id);
        let command = Command::Status { id, now: about.now };
        let task = Task { command, deadline: about.deadline };
        let origin = then.context.origin;
        let awaits = Awaits::Receipt(Box::new(Asking { sees, then: *then }));
        Prepared::Posting(Box::new(Pending { task, context: Context { origin, awaits } }))
    }

    /// Goes on with a request once it is known whether the caller may touch its posting.
    pub(super) fn asked(
        &self,
        origin: Origin,
        asking: Asking,
        answer: Result<Answer, LedgerError>,
    ) -> Prepared {
        let Asking { sees, then } = asking;
        if let Ok(Answer::Outcome(Outcome::Replayed(receipt))) = &answer
            && !sees(&Note::of(&receipt.note))
        {
            return self.answered(origin, &[], Err(Refusal::new(Reason::NotPermitted)));
        }
        // A status is this answer; and what could not be asked about is not gone on with.
        if origin.verb == Verb::Status || !matches!(answer, Ok(Answer::Outcome(_))) {
            return self.finish(then.context, answer);
        }
        Prepared::Posting(Box::new(then))
    }

    fn pending(&self, about: About<'_>, command: Command, verb: Verb, asked: Asked) -> Prepared {
        let task = Task { command, deadline: about.deadline };
        let telling = Telling::of(about.id, asked);
        let origin = self.origin_of(verb, about.tenant);
        let context = Context { origin, awaits: Awaits::Outcome(telling) };
        Prepared::Posting(Box::new(Pending { task, context }))
    }
}
