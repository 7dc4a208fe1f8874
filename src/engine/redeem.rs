//! *Redeem* and *hold*: one way, two modes.
//!
//! The id comes first: when the rules refuse a request whose id the ledger knows, the first answer
//! is given again. Only codes that do not exist are refused without asking the ledger; they can
//! have no receipt.
//!
//! Where the ledger is elsewhere, records that only the rules look at are fetched before they do;
//! see [`look`].

use super::answer::Asked;
use super::ask::{Ask, Judged};
use super::kept::KeptAsk;
use super::look::{Counts, Then};
use super::named::Codes;
use super::note::Note;
use super::{Awaits, Context, Engine, Pending, Prepared, Telling, Verb, fingerprint};
use crate::domain::campaign::HOLD_TTL_MS_MAX;
use crate::domain::id::RequestId;
use crate::domain::posting::{Command, Mode, NOTE_BYTES_MAX, Posting};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::ledger::Task;

/// How codes are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taking {
    pub(super) id: RequestId,
    /// *Redeem* or *hold*.
    pub(super) verb: Verb,
    pub(super) ttl_ms: u64,
    pub(super) deadline: Timestamp,
}

impl Engine {
    /// Prepares a redemption. What comes back is an answer, or something for the ledger.
    #[must_use]
    pub fn redeem(&self, ask: &Ask<'_>, id: RequestId, deadline: Timestamp) -> Prepared {
        self.take(ask, Taking { id, verb: Verb::Redeem, ttl_ms: 0, deadline })
    }

    /// Prepares a hold of `ttl_ms`; zero takes the shortest time that the codes' campaigns give.
    #[must_use]
    pub fn hold(&self, ask: &Ask<'_>, id: RequestId, ttl_ms: u64, deadline: Timestamp) -> Prepared {
        self.take(ask, Taking { id, verb: Verb::Hold, ttl_ms, deadline })
    }

    fn take(&self, ask: &Ask<'_>, taking: Taking) -> Prepared {
        let codes = match self.find_all(ask) {
            Ok(codes) => codes,
            Err(refusal) => {
                let origin = self.origin(taking.verb, ask.tenant, &ask.order);
                return self.answered(origin, &[], Err(refusal));
            }
        };
        if !self.ledger.is_local() {
            let owners = self.owners_to_take(ask, &codes);
            if !owners.is_empty() {
                let post = |_age| self.post(ask, codes.clone(), taking);
                return match self.judged_known(&owners, Counts::Known, ask.now, post) {
                    Some(prepared) => prepared,
                    None => {
                        let then = Then::Take { ask: KeptAsk::of(ask), codes, taking };
                        let origin = self.origin(taking.verb, ask.tenant, &ask.order);
                        self.look(origin, owners, then, taking.deadline)
                    }
                };
            }
        }
        self.post(ask, codes, taking)
    }

    /// Judges codes whose records are known, and has the ledger take them.
    pub(super) fn post(&self, ask: &Ask<'_>, codes: Codes, taking: Taking) -> Prepared {
        let Taking { id, verb, ttl_ms, deadline } = taking;
        let fingerprint = fingerprint::of_request(&codes.keys, &ask.order, ask.mode);
        let shortest = codes.all().map(|found| found.campaign.hold_ttl_ms).min();
        let mode = if verb == Verb::Hold {
            Mode::Hold { until: until(ask.now, ttl_ms, shortest) }
        } else {
            Mode::Post
        };
        let posting_id = self.posting_id(ask.tenant, id);
        let judged = self.judge(ask, &codes).and_then(|judged| {
            let note = judged.note(ask).encode();
            if note.len() > NOTE_BYTES_MAX {
                return Err(too_long());
            }
            Ok((judged.into_owned(), note))
        });
        let (command, judged, refusal) = match judged {
            Ok((judged, note)) => {
                let posting = Posting {
                    id: posting_id,
                    fingerprint,
                    mode,
                    size: judged.plan.size,
                    legs: judged.plan.legs.clone(),
                    note: note.into(),
                    now: ask.now,
                };
                (Command::Post(posting), Some(judged), None)
            }
            Err(refusal) => {
                let command = Command::Recall { id: posting_id, fingerprint, mode, now: ask.now };
                (command, None, Some(refusal))
            }
        };
        let asked = if verb == Verb::Hold { Asked::Hold } else { Asked::Redeem };
        // Also for a repeat, which is answered whatever the rules say by now.
        let shown = codes.shown();
        let again = (judged.is_some() && codes.can_spare(ask.mode))
            .then(|| Box::new(Again { ask: KeptAsk::of(ask), codes, taking }));
        let telling = Telling { id, asked, shown, judged, refusal, again };
        let origin = self.origin(verb, ask.tenant, &ask.order);
        let context = Context { origin, awaits: Awaits::Outcome(telling) };
        Prepared::Posting(Box::new(Pending { task: Task { command, deadline }, context }))
    }

    /// Goes on with a request of which the ledger refused the part at `place`, if it can do without
    /// that part; else the refusal stands.
    pub(super) fn post_without(
        &self,
        again: Again,
        judged: &Judged<'_>,
        place: usize,
        refusal: Refusal,
    ) -> Result<Prepared, Refusal> {
        let Again { ask, mut codes, taking } = again;
        let ask = ask.ask();
        match judged.parts.get(place) {
            Some(part) => {
                codes.spare(part.code_index, part.found.code.owner, refusal, ask.mode)?;
            }
            None => return Err(refusal),
        }
        Ok(self.post(&ask, codes, taking))
    }
}

/// A request that can be posted again with less.
pub(super) struct Again {
    ask: KeptAsk,
    codes: Codes,
    taking: Taking,
}

fn until(now: Timestamp, ttl_ms: u64, shortest: Option<u64>) -> Timestamp {
    let ttl_ms = if ttl_ms == 0 { shortest.unwrap_or(HOLD_TTL_MS_MAX) } else { ttl_ms };
    now.plus_ms(i64::try_from(ttl_ms.min(HOLD_TTL_MS_MAX)).unwrap_or(i64::MAX))
}

/// The references of an order, all at their longest, with many codes: more than a receipt keeps.
fn too_long() -> Refusal {
    Refusal::new(Reason::TooManyCodes).with(|d| d.rule = Some("note"))
}

impl Note {
    /// Reads what a receipt remembers; nothing when it is no note that is known.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::decode(bytes).unwrap_or_default()
    }
}
