//! What the engine counts: requests by verb and outcome, refusals by reason.

use std::collections::HashMap;

use metrics::{Counter, gauge};

use super::answer::{Accepted, Standing, Verdict};
use super::open::CAMPAIGN_LABELS_MAX;
use super::{Engine, figures};
use crate::catalog::StoreError;
use crate::domain::refusal::Reason;
use crate::ledger::{Durability, Ledger};

/// What callers can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Ask only.
    Validate,
    /// Use.
    Redeem,
    /// Take capacity for a while.
    Hold,
    /// Turn a hold into a redemption.
    Confirm,
    /// Give back.
    Release,
    /// Let a hold end later.
    Extend,
    /// Where a posting stands.
    Status,
    /// Where a code stands.
    Code,
    /// Put value into a voucher or account.
    TopUp,
    /// Move value from one to another.
    Transfer,
}

impl Verb {
    /// All verbs, in the order of their discriminants.
    pub const ALL: [Self; 10] = [
        Self::Validate,
        Self::Redeem,
        Self::Hold,
        Self::Confirm,
        Self::Release,
        Self::Extend,
        Self::Status,
        Self::Code,
        Self::TopUp,
        Self::Transfer,
    ];

    /// The verb's name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Redeem => "redeem",
            Self::Hold => "hold",
            Self::Confirm => "confirm",
            Self::Release => "release",
            Self::Extend => "extend",
            Self::Status => "status",
            Self::Code => "code",
            Self::TopUp => "top_up",
            Self::Transfer => "transfer",
        }
    }

    /// Whether a "no" counts as a refusal. Whoever asks after a time-out whether a request arrived
    /// is told "no" when it did not, and is refused nothing.
    pub(super) fn can_refuse(self) -> bool {
        self != Self::Status
    }
}

/// How the ledger is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerState {
    /// `memory`, `embedded` or `redis`.
    pub kind: &'static str,
    /// What an answer survives, as the configuration calls it.
    pub durability: String,
    /// `good`, `away`, `fenced` or `poisoned`.
    pub health: &'static str,
    /// Commands that wait.
    pub queue: usize,
    /// Open holds that this process knows.
    pub holds: usize,
    /// The number of the newest event; with Redis, how many this node caused.
    pub last_event: u64,
}

impl Engine {
    /// How the ledger is.
    #[must_use]
    pub fn ledger_state(&self) -> LedgerState {
        let ledger = &self.ledger;
        let health = ledger.health().borrow().name();
        let last_event = ledger.pulse().borrow().last_event;
        LedgerState {
            kind: match ledger {
                Ledger::Memory(_) => "memory",
                Ledger::Embedded(_) => "embedded",
                Ledger::Redis(_) => "redis",
            },
            durability: match self.durability {
                Durability::Sync => "sync".to_owned(),
                Durability::Interval { window_ms } => format!("interval {window_ms} ms"),
                Durability::Memory => "memory".to_owned(),
                Durability::RedisAofAlways => "redis-aof-always".to_owned(),
                Durability::Replicas { replicas } => format!("replicas = {replicas}"),
                Durability::RedisAsIs => "redis-as-is".to_owned(),
            },
            health,
            queue: ledger.queue_len(),
            holds: ledger.read().sizes().holds,
            last_event,
        }
    }

    /// Sets the gauges of the campaigns that are counted by name, from the figures. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    #[expect(clippy::cast_precision_loss, reason = "metrics are floating point, exact up to 2^53")]
    pub fn measure_figures(&self) -> Result<(), StoreError> {
        let names: Vec<&str> = self.metrics.campaigns.keys().map(|name| &**name).collect();
        for (name, standing) in names.iter().zip(self.named_standings(&names)?) {
            let figures::Standing { used, held, sums } = standing;
            gauge!("jeton_campaign_used", "campaign" => (*name).to_owned()).set(used as f64);
            gauge!("jeton_campaign_held", "campaign" => (*name).to_owned()).set(held as f64);
            for (currency, minor) in sums.money_minor() {
                let labels = [("campaign", (*name).to_owned()), ("currency", currency.to_owned())];
                gauge!("jeton_campaign_money_minor", &labels).set(minor as f64);
            }
        }
        if let Some(through) = self.counted_through()? {
            gauge!("jeton_figures_counted_events").set(through.total() as f64);
        }
        Ok(())
    }
}

/// Handles of the counters, looked up once.
pub(super) struct Measures {
    /// By verb: yes, repeated, no.
    requests: [[Counter; 3]; Verb::ALL.len()],
    /// By the reason's place in [`Reason::ALL`].
    refusals: Vec<(Reason, Counter)>,
    /// Uses and worth of the campaigns that are counted by name.
    campaigns: HashMap<Box<str>, Counter>,
    other_campaigns: Counter,
}

impl Measures {
    pub(super) fn new(campaign_labels: &[String]) -> Self {
        let campaign = |name: &str| metrics::counter!("jeton_campaign_uses_total", "campaign" => name.to_owned());
        let request = |verb: Verb, outcome: &'static str| metrics::counter!("jeton_requests_total", "verb" => verb.name(), "outcome" => outcome);
        let refusal = |reason: &Reason| {
            let counter = metrics::counter!("jeton_refusals_total", "reason" => reason.name());
            (*reason, counter)
        };
        Self {
            requests: Verb::ALL
                .map(|verb| ["yes", "repeated", "no"].map(|outcome| request(verb, outcome))),
            refusals: Reason::ALL.iter().map(refusal).collect(),
            campaigns: campaign_labels
                .iter()
                .take(CAMPAIGN_LABELS_MAX)
                .map(|name| (name.as_str().into(), campaign(name)))
                .collect(),
            other_campaigns: campaign("other"),
        }
    }

    pub(super) fn count(&self, verb: Verb, verdict: &Verdict) {
        let outcome = match verdict {
            Ok(accepted) if accepted.is_replayed => 1,
            Ok(accepted) => {
                if accepted.standing == Standing::Redeemed && verb != Verb::Status {
                    self.count_campaigns(accepted);
                }
                0
            }
            Err(refusal) => {
                if verb.can_refuse() {
                    self.count_refusal(refusal.reason);
                }
                2
            }
        };
        let counter = self.requests.get(verb as usize).and_then(|by| by.get(outcome));
        if let Some(counter) = counter {
            counter.increment(1);
        }
    }

    fn count_campaigns(&self, accepted: &Accepted) {
        for used in &accepted.uses {
            self.campaigns.get(&used.campaign).unwrap_or(&self.other_campaigns).increment(1);
        }
    }

    fn count_refusal(&self, reason: Reason) {
        let place = self.refusals.binary_search_by_key(&reason.number(), |(r, _)| r.number());
        if let Some((_, counter)) = place.ok().and_then(|place| self.refusals.get(place)) {
            counter.increment(1);
        }
    }
}
