//! Looking first: where the ledger is elsewhere, the records that an answer rests on may have to
//! be fetched before anything can be judged.
//!
//! A local ledger knows everything, and nothing here is reached. A ledger on other machines shows a
//! picture of the records that this node has met, with its age. *Validate* and a code's page rest
//! on all records of a request; *redeem* and *hold* only on those that no guard of the ledger
//! decides again: when a validity began, and what a balance gives where that is fixed beforehand.
//!
//! Deliberately knows nothing of how a ledger keeps its picture.
//!
//! Invariants: nothing is judged over records that were never fetched, or that vanished while it
//! was judged; nothing that takes a use rests on a picture that is older than allowed.

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests;

use std::sync::mpsc;

use smallvec::SmallVec;

use super::ask::Ask;
use super::figures::Origin;
use super::kept::KeptAsk;
use super::named::Codes;
use super::redeem::Taking;
use super::{Awaits, Context, Engine, Pending, Prepared, Verb, busy, unavailable};
use crate::domain::campaign::{self, Scope};
use crate::domain::code::CodeKey;
use crate::domain::id::Owner;
use crate::domain::limits;
use crate::domain::order::Passage;
use crate::domain::posting::{Command, Outcome};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::index::Found;
use crate::ledger::{Answer, Knowledge, LedgerError, Task};

/// Which counts the answer to *validate* may rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Counts {
    /// Those that this node knows, unless they are too old; the answer says how old they are.
    #[default]
    Known,
    /// Those that the ledger has, asked for this answer.
    Exact,
}

/// The oldest counts that are told without asking the ledger again, in milliseconds, unless
/// configured otherwise: longer than a gate's guest hesitates, shorter than anybody notices.
pub const COUNTS_AGE_MS_MAX: u64 = 1_000;

/// Whose records a request rests on, each once.
pub(super) type Owners = SmallVec<[Owner; 2]>;

/// What is known is not known well enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLittle;

/// A request that waits for records.
pub(super) struct Look {
    owners: Owners,
    then: Then,
    deadline: Timestamp,
    /// How often it was looked.
    looks: u8,
}

impl Look {
    /// The codes of the request.
    fn keys(&self) -> &[CodeKey] {
        match &self.then {
            Then::Validate { codes, .. } | Then::Take { codes, .. } => &codes.keys,
            Then::Page { .. } => &[],
        }
    }
}

/// How long one request looks at most, in milliseconds, whatever its deadline: a ledger that is in
/// reach answers in a hundredth of that.
const LOOK_MS_MAX: i64 = 1_000;

/// How often one request looks, where others keep changing what it looks at.
const LOOKS_MAX: u8 = 4;

/// What goes on once the records are there.
pub(super) enum Then {
    Validate { ask: KeptAsk, codes: Codes, counts: Counts },
    Take { ask: KeptAsk, codes: Codes, taking: Taking },
    Page { found: Found, now: Timestamp },
}

impl Engine {
    /// Whose records *validate* reads for these codes: their own, of the campaigns' limits those of
    /// the campaign and of the customer, and the customer's account. Known before judging, because
    /// only these are named beside the code itself.
    pub(super) fn owners(&self, ask: &Ask<'_>, codes: &Codes) -> Owners {
        let mut all = Owners::new();
        for found in codes.all() {
            let is_limited = found.campaign.limits.iter().any(|l| l.scope == Scope::Campaign);
            let campaign = is_limited.then_some(found.campaign.owner);
            let limits::Owners { customer, account } = self.owners_of(ask, found);
            let owners = [Some(found.code.owner), campaign, customer, account];
            for owner in owners.into_iter().flatten() {
                if !all.contains(&owner) {
                    all.push(owner);
                }
            }
        }
        all
    }

    /// Whose records must be known before these codes can be taken, because no guard of the ledger
    /// decides them again: those of codes whose first use begins their validity, those whose
    /// balance says beforehand what is drawn, which a lone voucher's does only where money is
    /// limited, and the account that a condition is about or that points are drawn from. Leaving
    /// takes nothing.
    pub(super) fn owners_to_take(&self, ask: &Ask<'_>, codes: &Codes) -> Owners {
        let mut all = Owners::new();
        if ask.order.passage == Passage::Exit {
            return all;
        }
        let several = codes.all().count() > 1;
        for found in codes.all() {
            let limits = &found.campaign.limits;
            let draws_what_was_seen =
                several || limits.iter().any(|limit| limit.counts == campaign::Counts::Money);
            let rests_on_code = found.campaign.runs_from_first_use()
                || found.worth.has_balance() && draws_what_was_seen;
            let code = rests_on_code.then_some(found.code.owner);
            let account = found
                .campaign
                .rests_on_account()
                .then(|| self.owners_of(ask, found).account)
                .flatten();
            for owner in code.into_iter().chain(account) {
                if !all.contains(&owner) {
                    all.push(owner);
                }
            }
        }
        all
    }

    /// What `judge` says over what is known of `owners`, if that is enough.
    pub(super) fn judged_known<T>(
        &self,
        owners: &[Owner],
        counts: Counts,
        now: Timestamp,
        judge: impl FnOnce(Option<u64>) -> T,
    ) -> Option<T> {
        let known = self.ledger.knowledge(owners);
        let age_ms = enough(known, counts, now, Some(self.counts_age_ms_max)).ok()?;
        self.steadily(owners, known, || judge(age_ms))
    }

    /// What `judge` says, unless what is known of `owners` has changed meanwhile: it may have read
    /// records that were being taken away.
    fn steadily<T>(
        &self,
        owners: &[Owner],
        known: Knowledge,
        judge: impl FnOnce() -> T,
    ) -> Option<T> {
        let told = judge();
        (moment(self.ledger.knowledge(owners)) == moment(known)).then_some(told)
    }

    /// Has the records of `owners` fetched before a request goes on; gives up early enough to tell
    /// what was known before.
    pub(super) fn look(
        &self,
        origin: Origin,
        owners: Owners,
        then: Then,
        deadline: Timestamp,
    ) -> Prepared {
        let deadline = deadline.min(self.now().plus_ms(LOOK_MS_MAX));
        self.look_again(origin, Look { owners, then, deadline, looks: 0 })
    }

    /// Looks, or looks once more, because others changed the records as soon as they were there.
    fn look_again(&self, origin: Origin, look: Look) -> Prepared {
        if look.looks == LOOKS_MAX {
            return self.refused(origin, &[], busy());
        }
        let command = Command::Look { owners: look.owners.clone() };
        let task = Task { command, deadline: look.deadline };
        let look = Look { looks: look.looks + 1, ..look };
        let context = Context { origin, awaits: Awaits::Look(Box::new(look)) };
        Prepared::Posting(Box::new(Pending { task, context }))
    }

    /// Goes on with a request whose records were asked for.
    pub(super) fn looked(
        &self,
        origin: Origin,
        look: Look,
        answer: &Result<Answer, LedgerError>,
    ) -> Prepared {
        let owners = &look.owners;
        let known = self.ledger.knowledge(owners);
        if matches!(answer, Ok(Answer::Outcome(Outcome::Looked))) && known == Knowledge::None {
            return self.look_again(origin, look);
        }
        let told = match &look.then {
            Then::Validate { ask, codes, counts } => age_after(answer, known, *counts, self.now())
                .map(|age_ms| {
                    let offer = || self.offer(&ask.ask(), codes.clone(), age_ms);
                    self.steadily(owners, known, || Prepared::Answer(offer()))
                }),
            Then::Take { ask, codes, taking } => fetched(answer).map(|()| {
                self.steadily(owners, known, || self.post(&ask.ask(), codes.clone(), *taking))
            }),
            Then::Page { found, now } => fetched(answer).map(|()| {
                let page = || Prepared::Page(Box::new(self.page(found.clone(), *now)));
                self.steadily(owners, known, page)
            }),
        };
        match told {
            Ok(Some(Prepared::Answer(verdict))) => self.answered(origin, look.keys(), verdict),
            Ok(Some(prepared)) => prepared,
            Ok(None) => self.look_again(origin, look),
            Err(refusal) => self.refused(origin, look.keys(), refusal),
        }
    }

    /// What `read` finds among the records of `owners`, fetched again if they vanish meanwhile.
    /// Blocks.
    pub(super) fn read_known<T>(
        &self,
        owners: &[Owner],
        read: impl Fn() -> T,
    ) -> Result<T, LedgerError> {
        for _ in 0..LOOKS_MAX {
            let known = self.ledger.knowledge(owners);
            if known != Knowledge::None
                && let Some(found) = self.steadily(owners, known, &read)
            {
                return Ok(found);
            }
            self.look_and_wait(owners.into())?;
        }
        Err(LedgerError::Busy)
    }

    fn refused(&self, origin: Origin, keys: &[CodeKey], refusal: Refusal) -> Prepared {
        if origin.verb == Verb::Code {
            // Pages are not counted.
            return Prepared::Answer(Err(refusal));
        }
        self.answered(origin, keys, Err(refusal))
    }

    /// Has the records of `owners` fetched, if the ledger is elsewhere. Blocks.
    pub(super) fn look_and_wait(&self, owners: Owners) -> Result<(), LedgerError> {
        /// How long an office waits for a page.
        const LOOK_MS: i64 = 10_000;
        if self.ledger.is_local() || owners.is_empty() {
            return Ok(());
        }
        let command = Command::Look { owners };
        let (answered, answer) = mpsc::channel();
        let done = move |answers| {
            // Who no longer waits needs no answer.
            let _gone = answered.send(answers);
        };
        let task = Task { command, deadline: self.now().plus_ms(LOOK_MS) };
        self.ledger.submit(vec![task], Box::new(done));
        let answers: Vec<Answer> = answer.recv().unwrap_or(Err(LedgerError::Closed))?;
        match answers.as_slice() {
            [Answer::Outcome(Outcome::Looked)] => Ok(()),
            [Answer::Late] => Err(LedgerError::Busy),
            [Answer::Failed(error)] => Err(error.clone()),
            _ => Err(LedgerError::Closed),
        }
    }
}

/// Whether what is known is enough, and how old it is then, in milliseconds; absent: it is exact.
/// Without an `age_ms_max`, any age will do.
fn enough(
    knowledge: Knowledge,
    counts: Counts,
    now: Timestamp,
    age_ms_max: Option<u64>,
) -> Result<Option<u64>, TooLittle> {
    let age_ms = match (knowledge, counts) {
        (Knowledge::Exact, Counts::Known | Counts::Exact) => return Ok(None),
        (Knowledge::Of(at), Counts::Known) => now.since_ms(at),
        // What this node has changed since is good enough only where age does not matter.
        (Knowledge::Stale(at), Counts::Known) if age_ms_max.is_none() => now.since_ms(at),
        (Knowledge::Of(_) | Knowledge::Stale(_) | Knowledge::None, _) => return Err(TooLittle),
    };
    if age_ms_max.is_none_or(|max| age_ms <= max) { Ok(Some(age_ms)) } else { Err(TooLittle) }
}

/// The moment of what is known; absent: it is the truth, or nothing.
fn moment(knowledge: Knowledge) -> Option<Timestamp> {
    match knowledge {
        Knowledge::Of(at) | Knowledge::Stale(at) => Some(at),
        Knowledge::Exact | Knowledge::None => None,
    }
}

/// How old the counts are that *validate* may tell after the ledger was asked for them; absent:
/// they are exact. While it cannot be reached, those of any age that were known before will do,
/// unless they shall be exact. A ledger that lost its records tells nothing.
fn age_after(
    answer: &Result<Answer, LedgerError>,
    knowledge: Knowledge,
    counts: Counts,
    now: Timestamp,
) -> Result<Option<u64>, Refusal> {
    let refusal = match answer {
        Ok(Answer::Outcome(Outcome::Looked)) => return Ok(None),
        Ok(Answer::Late | Answer::Failed(LedgerError::Away(_))) | Err(LedgerError::Away(_)) => {
            unavailable()
        }
        Ok(Answer::Failed(LedgerError::Busy)) | Err(LedgerError::Busy) => busy(),
        Ok(Answer::Outcome(_) | Answer::Failed(_)) | Err(_) => return Err(unavailable()),
    };
    enough(knowledge, counts, now, None).map_err(|TooLittle| refusal)
}

/// Whether the records were fetched.
fn fetched(answer: &Result<Answer, LedgerError>) -> Result<(), Refusal> {
    match answer {
        Ok(Answer::Outcome(Outcome::Looked)) => Ok(()),
        Ok(Answer::Late | Answer::Failed(LedgerError::Busy)) | Err(LedgerError::Busy) => {
            Err(busy())
        }
        Ok(Answer::Outcome(_) | Answer::Failed(_)) | Err(_) => Err(unavailable()),
    }
}
