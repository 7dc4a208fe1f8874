//! Explaining: what each campaign asked of an order and found, what its effects did to the price,
//! and how its limits stand. For people who try out a campaign or wonder at a refusal; nothing on
//! the way of a redemption comes here.

use super::Engine;
use super::answer::UseOfAccount;
use super::ask::{Ask, Seat};
use crate::domain::limits::{self, About, Plan};
use crate::domain::money::Currency;
use crate::domain::posting::Leg;
use crate::domain::refusal::Refusal;
use crate::domain::rules::{self, Finding, Offer, Running, Step};
use crate::domain::time::Timestamp;

/// Why an answer to *validate* is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Each code, and each campaign that could apply by itself: those that apply first, in the
    /// order in which they do.
    pub campaigns: Vec<CampaignExplanation>,
}

/// What one campaign says to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignExplanation {
    /// The code's place in the request; absent: the campaign applies by itself.
    pub code_index: Option<u8>,
    /// The campaign's id.
    pub campaign: Box<str>,
    /// The currency of its amounts.
    pub currency: Option<Currency>,
    /// Why it does not apply, where that is said: by what was found, or by how it stands to the
    /// other campaigns and to the slot.
    pub refusal: Option<Refusal>,
    /// What was asked, and what was found.
    pub findings: Vec<Finding>,
    /// What its effects did to the price; none where something asked was not found.
    pub steps: Vec<Step>,
    /// What it does to the customer's account, and what can be spent of it now.
    pub account: Option<UseOfAccount>,
    /// How its limits stand.
    pub limits: Vec<LimitStanding>,
}

/// How one limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitStanding {
    /// What it counts, such as `uses per day`.
    pub name: &'static str,
    /// What it counts together: `code`, `campaign`, `customer`, `account`.
    pub scope: &'static str,
    /// How much is used.
    pub used: u64,
    /// How much holds keep.
    pub held: u64,
    /// How much this request would take.
    pub asked: u64,
    /// The ceiling; absent: counted without one.
    pub max: Option<u64>,
    /// When it begins anew.
    pub resets_at: Option<Timestamp>,
}

impl Engine {
    /// Explains what *validate* answers, over the counts that this node knows.
    ///
    /// # Errors
    /// The refusal of the first code that does not exist: of that nothing can be explained.
    pub fn explain(&self, ask: &Ask<'_>) -> Result<Explanation, Refusal> {
        let codes = self.find_all(ask)?;
        let definitions = self.index.definitions();
        let seats = self.seats(ask, &codes, &definitions);
        let (parts, refusals) = match self.stack(ask, &seats, &definitions) {
            Ok(stack) => (stack.parts.into_vec(), stack.left_out.into_vec()),
            Err(refusal) => (Vec::new(), vec![refusal]),
        };
        let alone = parts.len() == 1;
        let mut running = Running::of(&ask.order);
        let mut campaigns = Vec::new();
        for (place, offer) in &parts {
            if let Some(seat) = seats.get(*place) {
                let mut told = self.explain_seat(ask, seat, alone, &mut running);
                told.account = seat.account(offer);
                campaigns.push(told);
            }
        }
        let applies = |place| parts.iter().any(|(applied, _)| *applied == place);
        for (_, seat) in seats.iter().enumerate().filter(|(place, _)| !applies(*place)) {
            let mut told = self.explain_seat(ask, seat, alone, &mut Running::of(&ask.order));
            let own = |no: &&Refusal| no.code_index.is_some() && no.code_index == told.code_index;
            told.refusal = refusals.iter().find(own).cloned();
            told.account = seat.account(&Offer::default());
            campaigns.push(told);
        }
        Ok(Explanation { campaigns })
    }

    fn explain_seat(
        &self,
        ask: &Ask<'_>,
        seat: &Seat<'_>,
        alone: bool,
        running: &mut Running,
    ) -> CampaignExplanation {
        let question = seat.question(ask, alone);
        let findings = rules::explain(&question, running);
        let steps = rules::steps(&question, running);
        let offer = rules::judge(&question, running);
        let offer = offer.unwrap_or_else(|_| Offer { units: ask.order.units, ..Offer::default() });
        let mut plan = Plan::default();
        // Without a customer, a customer's limit has no counter that could be told.
        let _unplanned = limits::plan(&question, &offer, seat.owners, 0, &mut plan);
        let book = self.ledger.read();
        let legs = plan.legs.iter().zip(&plan.meanings);
        let standing = |(leg, meaning): (&Leg, &limits::Meaning)| {
            let (Leg::Count { key, n, max, .. } | Leg::Once { key, n, max, .. }) = leg else {
                return None;
            };
            let (name, scope, resets_at) = match meaning.about {
                About::Uses => ("uses", "code", None),
                About::Limit { limit, resets_at } => {
                    (limits::limit_name(limit.counts, limit.period), limit.scope.name(), resets_at)
                }
                About::LastEntry
                | About::FirstUse
                | About::Zone
                | About::Balance
                | About::Points
                | About::Credit
                | About::Earning => return None,
            };
            let (used, held) = (book.used(key), book.held(key));
            let max = (*max != u64::MAX).then_some(*max);
            Some(LimitStanding { name, scope, used, held, asked: *n, max, resets_at })
        };
        let mut limits: Vec<LimitStanding> = Vec::new();
        for standing in legs.filter_map(standing) {
            // A rolling limit counts on many counters; the first one guards.
            let same = |l: &LimitStanding| (l.name, l.scope) == (standing.name, standing.scope);
            if !limits.iter().any(same) {
                limits.push(standing);
            }
        }
        drop(book);
        CampaignExplanation {
            code_index: seat.code_index,
            campaign: seat.found.campaign.id.as_str().into(),
            currency: seat.found.worth.currency.or(seat.found.campaign.currency),
            refusal: None,
            findings,
            steps,
            account: None,
            limits,
        }
    }
}
