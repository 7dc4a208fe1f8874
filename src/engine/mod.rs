//! The use cases: what callers can ask of jeton, one verb a file.
//!
//! A request goes one way: clock → index → rules → ledger. The engine joins them and deliberately
//! knows nothing of the wire, of HTTP or of who calls; it is told the tenant.
//!
//! Verbs that need the ledger come in two halves, so that a connection can hand on many at once: a
//! method such as [`Engine::redeem`] gives [`Prepared`], and [`Engine::finish`] makes the ledger's
//! answer a [`Verdict`], or something more for the ledger: where the ledger is elsewhere, what the
//! rules read may have to be fetched first. [`Engine::carry_out`] does all of it for one.

mod account_page;
mod answer;
mod ask;
mod campaign_list;
mod campaigns;
mod code_change;
mod code_list;
mod code_page;
mod credit;
mod definitions;
mod explain;
pub mod figures;
mod fingerprint;
mod follow;
mod generate;
mod import;
mod issue;
mod kept;
mod listing;
mod look;
mod measures;
mod movement;
mod named;
mod note;
mod on_demand;
mod open;
mod patterns;
mod prune;
mod redeem;
mod resolve;
mod row;
mod tokens;
mod validate;

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use smallvec::SmallVec;
use tokio::sync::oneshot;

use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::codes::CodeKeys;
use crate::domain::code::CodeKey;
use crate::domain::id::{Owner, PostingId};
use crate::domain::limits::{self, Plan};
use crate::domain::posting::{Blocked, Key, Outcome};
use crate::domain::refusal::{Reason, Refusal};
use crate::index::Index;
use crate::ledger::{Completion, Durability, Ledger};
use answer::{Asked, Shown, tell};
use ask::Judged;
use figures::{Counting, Origin};
use follow::Following;
use look::Look;
use measures::Measures;
use patterns::Patterns;
use redeem::Again;
use resolve::{Asking, Choosing};

pub use crate::catalog::StoreError as CatalogError;
pub use crate::catalog::document;
pub use crate::catalog::{
    AuditEntry, Batch, BatchError, BatchState, CampaignDocument, CampaignError, Change, Definition,
    DefinitionDocument, DefinitionError, DefinitionName, Expect, FieldError, Lies, PHOTO_BYTES_MAX,
    SeriesError, Sort, Source, Stored,
};
pub use crate::codes::import::Format as ListFormat;
pub use crate::domain::campaign::Switch;
pub use crate::domain::id::{RequestId, TenantId};
pub use crate::domain::rules::StackMode;
pub use crate::domain::time::Timestamp;
pub use crate::ledger::{Answer, Cursor, Entry, LedgerError, Task};
pub use account_page::{AccountEvent, AccountMovement, AccountPage};
pub use answer::{Accepted, Standing, Use, UseOfAccount, Verdict};
pub use ask::{Ask, CODES_MAX};
pub use campaign_list::{
    CampaignFilter, CampaignList, CampaignOrder, CampaignsAsked, KnownWords, ListedCampaign,
};
pub use code_change::CodeChange;
pub use code_list::{CodeFilter, CodeList, CodesAsked, ListedCode};
pub use code_page::{CodeError, CodePage, Readiness};
pub use credit::{Credit, CreditFor, CreditWish};
pub use definitions::{SlotsPut, policy_name};
pub use explain::{CampaignExplanation, Explanation, LimitStanding};
pub use follow::{Follow, TokenNews};
pub use generate::Generation;
pub use import::{ImportNews, Imported, List, RowRefused, Trial};
pub use issue::{ISSUE_COUNT_MAX, IssueError, IssueOrder};
pub use listing::{ExportError, Exported};
pub use look::{COUNTS_AGE_MS_MAX, Counts};
pub use measures::{LedgerState, Verb};
pub use movement::{Movement, Purse, PurseName};
pub use note::{Note, NotedUse};
pub use on_demand::{IssueOne, IssuedCode};
pub use open::{CAMPAIGN_LABELS_MAX, NotReady, OpenError, Options};
pub use prune::{PruneError, Pruned};
pub use resolve::{About, Given, Release, Sees};
pub use row::RowFault;

/// Fills bytes with randomness; `false` when there is none.
pub type Random = Arc<dyn Fn(&mut [u8]) -> bool + Send + Sync>;

/// Everything that requests need, shared by all connections.
pub struct Engine {
    index: Index,
    ledger: Ledger,
    catalog: Catalog,
    keys: CodeKeys,
    patterns: ArcSwap<Patterns>,
    clock: Clock,
    random: Random,
    /// Taken by whoever changes definitions or codes: one at a time.
    office: Mutex<()>,
    /// Taken for each step in which catalog and index change together; after the office's turn.
    step: Mutex<()>,
    following: Following,
    counts_age_ms_max: u64,
    durability: Durability,
    metrics: Measures,
    figures: Counting,
}

/// What became of a request so far.
pub enum Prepared {
    /// It is decided.
    Answer(Verdict),
    /// Where a code stands, for [`Engine::code`].
    Page(Box<CodePage>),
    /// It is for the ledger.
    Posting(Box<Pending>),
}

/// A request on its way to the ledger.
pub struct Pending {
    /// For the ledger.
    pub task: Task,
    /// For [`Engine::finish`].
    pub context: Context,
}

/// What the engine must remember of a request while the ledger has it.
pub struct Context {
    origin: Origin,
    awaits: Awaits,
}

/// What a request wants of the ledger.
#[expect(clippy::large_enum_variant, reason = "a look is rare, and boxed with its request anyway")]
enum Awaits {
    /// An outcome to tell.
    Outcome(Telling),
    /// Records, to go on with.
    Look(Box<Look>),
    /// A receipt, to choose legs of.
    Legs(Box<Choosing>),
    /// A receipt, to see whether the caller may touch it.
    Receipt(Box<Asking>),
}

/// What is needed to tell a ledger's outcome.
struct Telling {
    id: RequestId,
    asked: Asked,
    shown: SmallVec<[Shown; 1]>,
    judged: Option<Judged<'static>>,
    refusal: Option<Refusal>,
    again: Option<Box<Again>>,
}

impl Telling {
    /// The codes of the request, as far as they were found.
    fn keys(&self) -> SmallVec<[CodeKey; 1]> {
        self.shown.iter().map(|shown| shown.key).collect()
    }
}

impl Context {
    /// Which verb the request was.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.origin.verb
    }
}

impl Engine {
    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Fills `bytes` with randomness; `false` when there is none.
    #[must_use]
    pub fn randomize(&self, bytes: &mut [u8]) -> bool {
        (self.random)(bytes)
    }

    /// How many codes there are.
    #[must_use]
    pub fn codes_len(&self) -> usize {
        self.index.len()
    }

    /// Hands a batch of prepared requests to the ledger. `done` hears the answers, in their order.
    pub fn ledger_submit(&self, tasks: Vec<Task>, done: Completion) {
        self.ledger.submit(tasks, done);
    }

    /// Goes on with a request that the ledger has answered: mostly to its verdict, but a look may
    /// lead to another posting.
    #[must_use]
    pub fn finish(&self, context: Context, answer: Result<Answer, LedgerError>) -> Prepared {
        let Context { origin, awaits } = context;
        match awaits {
            Awaits::Outcome(telling) => self.told(origin, telling, answer),
            Awaits::Look(look) => self.looked(origin, *look, &answer),
            Awaits::Legs(choosing) => self.chosen(origin, *choosing, answer),
            Awaits::Receipt(asking) => self.asked(origin, *asking, answer),
        }
    }

    /// The answer to a request that there is no time for, counted. Nothing was done.
    ///
    /// # Errors
    /// Always `busy`.
    pub fn turn_away(&self, verb: Verb) -> Verdict {
        let verdict = Err(busy());
        self.metrics.count(verb, &verdict);
        verdict
    }

    /// Counts a verdict on these codes, in the order of the request.
    fn answered(&self, origin: Origin, keys: &[CodeKey], verdict: Verdict) -> Prepared {
        self.metrics.count(origin.verb, &verdict);
        self.count_verdict(origin, keys, &verdict);
        Prepared::Answer(verdict)
    }

    /// Tells what the ledger answered; or goes on with less, where that will do.
    fn told(
        &self,
        origin: Origin,
        mut telling: Telling,
        answer: Result<Answer, LedgerError>,
    ) -> Prepared {
        let outcome = match outcome_of(answer) {
            Ok(outcome) => outcome,
            Err(refusal) => return self.answered(origin, &telling.keys(), Err(refusal)),
        };
        if let (Outcome::Refused(blocked), Some(judged), Some(again)) =
            (&outcome, &telling.judged, telling.again.take())
        {
            let (place, refusal) = self.refuse(blocked, judged);
            return match self.post_without(*again, judged, place, refusal) {
                Ok(prepared) => prepared,
                Err(refusal) => self.answered(origin, &telling.keys(), Err(refusal)),
            };
        }
        let keys = telling.keys();
        self.answered(origin, &keys, self.verdict(telling, outcome))
    }

    fn verdict(&self, telling: Telling, outcome: Outcome) -> Verdict {
        let Telling { id, asked, shown, judged, refusal, again: _ } = telling;
        match outcome {
            Outcome::Done(receipt) => Ok(Box::new(tell(&receipt, asked, id, false, &shown))),
            Outcome::Replayed(receipt) => {
                Ok(Box::new(tell(&receipt, asked, id, asked != Asked::Status, &shown)))
            }
            Outcome::Mismatch => Err(Refusal::new(Reason::IdMismatch)),
            Outcome::Unknown | Outcome::Looked => {
                Err(refusal.unwrap_or_else(|| Refusal::new(Reason::RedemptionNotFound)))
            }
            Outcome::Refused(blocked) => Err(match &judged {
                Some(judged) => self.refuse(&blocked, judged).1,
                None => limits::explain(&blocked, &Plan::default(), |_| None),
            }),
        }
    }

    /// The refusal that a ledger's "no" means, and the place of the part that it is about; with
    /// when and where a used code was used, if that can be said without waiting for a network.
    fn refuse(&self, blocked: &Blocked, judged: &Judged<'_>) -> (usize, Refusal) {
        let book = self.ledger.read();
        let known = |key: &Key| self.ledger.is_local().then(|| book.used(key));
        let refusal = limits::explain(blocked, &judged.plan, known);
        drop(book);
        let place = usize::from(refusal.code_index.unwrap_or(0));
        let Some(part) = judged.parts.get(place) else { return (place, refusal) };
        let refusal = Refusal { code_index: part.code_index, ..refusal };
        let refusal = refusal.in_words_of(&part.found.campaign);
        if refusal.reason != Reason::AlreadyRedeemed || !self.ledger.is_local() {
            return (place, refusal);
        }
        let refusal = match self.last_use(part.found.code.owner) {
            Some((at, gate)) => refusal.with(|d| {
                d.last_used_at = Some(at);
                d.last_gate = gate;
            }),
            None => refusal,
        };
        (place, refusal)
    }

    /// When and at which gate something was used last, as far as the history can say. Blocks.
    fn last_use(&self, owner: Owner) -> Option<(Timestamp, Option<Box<str>>)> {
        let entries = self.ledger.history(&owner, u64::MAX, 1).ok()?;
        let entry = entries.first()?;
        let gate = entry.receipt.as_ref().and_then(|receipt| Note::of(&receipt.note).gate);
        Some((entry.event.at, gate))
    }

    /// A request's id, made unique across tenants. The six bytes in which a UUIDv7 carries its
    /// time stay in front, so that receipts lie in the order of their requests: a store that sorts
    /// takes them in at the end, which is a third cheaper than anywhere.
    fn posting_id(&self, tenant: &TenantId, id: RequestId) -> PostingId {
        const TIME_BYTES: usize = 6;
        let mut bytes = self.keys.derive("posting", &[tenant.as_str().as_bytes(), &id.0]);
        for (byte, time) in bytes.iter_mut().zip(id.0).take(TIME_BYTES) {
            *byte = time;
        }
        PostingId(bytes)
    }

    /// Carries out one prepared request and waits for its verdict. Not for [`Engine::code`], whose
    /// answer is none.
    pub async fn carry_out(&self, mut prepared: Prepared) -> Verdict {
        loop {
            let pending = match prepared {
                Prepared::Answer(verdict) => return verdict,
                Prepared::Page(_) => unreachable!("a code's page is no verdict"),
                Prepared::Posting(pending) => *pending,
            };
            let (answered, answer) = oneshot::channel();
            let done = Box::new(move |answers: Result<Vec<Answer>, LedgerError>| {
                let first =
                    answers.and_then(|mut answers| answers.pop().ok_or(LedgerError::Closed));
                // Who no longer waits asks again with the same id.
                let _gone = answered.send(first);
            });
            self.ledger.submit(vec![pending.task], done);
            let answer = answer.await.unwrap_or(Err(LedgerError::Closed));
            prepared = self.finish(pending.context, answer);
        }
    }
}

/// What the ledger says, or the refusal that its silence means.
fn outcome_of(answer: Result<Answer, LedgerError>) -> Result<Outcome, Refusal> {
    match answer {
        Ok(Answer::Outcome(outcome)) => Ok(outcome),
        Ok(Answer::Late | Answer::Failed(LedgerError::Busy)) | Err(LedgerError::Busy) => {
            Err(busy())
        }
        Ok(Answer::Failed(_)) | Err(_) => Err(unavailable()),
    }
}

/// When to come back after "busy": about one round of the ledger under load.
const BUSY_RETRY_MS: u64 = 50;

/// When to come back after "unavailable".
const UNAVAILABLE_RETRY_MS: u64 = 1_000;

fn busy() -> Refusal {
    Refusal::new(Reason::Busy).with(|d| d.retry_after_ms = Some(BUSY_RETRY_MS))
}

fn unavailable() -> Refusal {
    Refusal::new(Reason::Unavailable).with(|d| d.retry_after_ms = Some(UNAVAILABLE_RETRY_MS))
}
