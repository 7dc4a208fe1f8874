//! Asking: codes and an order become an offer and a plan, or a refusal. What *validate*, *hold* and
//! *redeem* share.

use smallvec::SmallVec;

use super::Engine;
use super::answer::{Accepted, Counted, Standing, Use, Verdict};
use super::note::{Note, NotedUse};
use crate::codes::Verdict as Shape;
use crate::domain::campaign::Scope;
use crate::domain::code::{CodeKey, Normal};
use crate::domain::id::{Owner, TenantId};
use crate::domain::limits::{self, Plan};
use crate::domain::order::Order;
use crate::domain::posting::{Facet, FacetKind, Key, Leg, LegResult};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::rules::{self, Offer, Question, Running, Seen};
use crate::domain::time::Timestamp;
use crate::index::Found;

/// The codes of a request, found.
pub(super) type Codes = SmallVec<[(CodeKey, Found); 1]>;

/// Most codes in one request.
pub const CODES_MAX: usize = 16;

/// What a caller asks.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Whose codes.
    pub tenant: &'a TenantId,
    /// The codes as they were typed or scanned: 1 to [`CODES_MAX`].
    pub codes: SmallVec<[&'a str; 1]>,
    /// What for.
    pub order: Order<'a>,
    /// The moment of the request.
    pub now: Timestamp,
}

/// Everything that the rules said to a request.
pub(super) struct Judged {
    pub(super) keys: SmallVec<[CodeKey; 1]>,
    pub(super) parts: SmallVec<[(Found, Offer); 1]>,
    pub(super) plan: Plan,
    total_before_minor: Option<i64>,
}

impl Engine {
    /// Finds a code by its text.
    pub(super) fn find(&self, tenant: &TenantId, text: &str) -> Result<(CodeKey, Found), Refusal> {
        let normal = Normal::parse(text).map_err(|_wrong| Refusal::new(Reason::CodeMalformed))?;
        if self.patterns.load().verdict(tenant, &normal) == Shape::Mistyped {
            return Err(Refusal::new(Reason::CodeMalformed));
        }
        let key = self.keys.key(tenant.as_str(), &normal);
        let found = self.index.find(&key).ok_or(Refusal::new(Reason::CodeNotFound))?;
        Ok((key, found))
    }

    /// Finds all codes of a request.
    pub(super) fn find_all(&self, ask: &Ask<'_>) -> Result<Codes, Refusal> {
        let mut all = Codes::new();
        for (place, text) in ask.codes.iter().enumerate() {
            all.push(self.find(ask.tenant, text).map_err(|refusal| refusal.at(index_of(place)))?);
        }
        Ok(all)
    }

    /// Puts the codes that were found through the rules, one after the other.
    pub(super) fn judge(&self, ask: &Ask<'_>, codes: Codes) -> Result<Judged, Refusal> {
        let mut running = Running::of(&ask.order);
        let mut judged = Judged {
            keys: codes.iter().map(|(key, _)| *key).collect(),
            parts: SmallVec::new(),
            plan: Plan::default(),
            total_before_minor: running.total_minor(),
        };
        let alone = codes.len() == 1;
        for (place, (key, found)) in codes.into_iter().enumerate() {
            let index = index_of(place);
            if judged.keys.iter().take(place).any(|earlier| *earlier == key) {
                return Err(Refusal::new(Reason::AlreadyApplied).at(index));
            }
            let seen = self.seen(&found, ask.now);
            let question = Question {
                campaign: &found.campaign,
                worth: &found.worth,
                code: &found.code,
                seen: &seen,
                order: &ask.order,
                now: ask.now,
                alone,
            };
            let offer = rules::judge(&question, &mut running)
                .map_err(|no| self.first_reason(&judged, no.at(index), ask.now))
                .map_err(|no| no.in_words_of(&found.campaign))?;
            let customer = self.customer_owner(ask, &found);
            limits::plan(&question, &offer, customer, index, &mut judged.plan)
                .map_err(|no| if no.code_index.is_some() { no } else { no.at(index) })
                .map_err(|no| no.in_words_of(&found.campaign))?;
            judged.parts.push((found, offer));
        }
        Ok(judged)
    }

    /// Where a code has nothing left to do because of an earlier one that the ledger will refuse,
    /// that refusal is the reason: an empty voucher, and not the full one behind it.
    fn first_reason(&self, judged: &Judged, no: Refusal, now: Timestamp) -> Refusal {
        if no.reason != Reason::NoEffect || judged.parts.is_empty() {
            return no;
        }
        let checked = self.ledger.read().check(&judged.plan.legs, now);
        match checked {
            Err(blocked) => self.refuse(&blocked, &judged.plan, judged),
            Ok(()) => no,
        }
    }

    /// What the ledger has of a code, as far as its rules look at it.
    fn seen(&self, found: &Found, now: Timestamp) -> Seen {
        let owner = found.code.owner;
        let key = |kind| Key { owner, facet: Facet::new(kind, 0, 0) };
        if !found.campaign.runs_from_first_use() && !found.worth.has_balance() {
            return Seen::default();
        }
        let book = self.ledger.read();
        Seen {
            first_use: book.register(&key(FacetKind::FirstUse)).map(Timestamp),
            balance: book.balance(&key(FacetKind::Balance)).map(|balance| balance.available(now)),
        }
    }

    /// The owner of the customer's counters, where the campaign has any.
    pub(super) fn customer_owner(&self, ask: &Ask<'_>, found: &Found) -> Option<Owner> {
        let customer = ask.order.customer?;
        if !found.campaign.limits.iter().any(|limit| limit.scope == Scope::Customer) {
            return None;
        }
        let parts = [
            ask.tenant.as_str().as_bytes(),
            found.campaign.id.as_str().as_bytes(),
            customer.as_bytes(),
        ];
        Some(Owner(self.keys.derive("customer", &parts)))
    }

    /// The answer to *validate*: what a redemption would find now, over counts that are `age_ms`
    /// old; absent: exact.
    pub(super) fn preview(&self, ask: &Ask<'_>, judged: &Judged, age_ms: Option<u64>) -> Verdict {
        let book = self.ledger.read();
        if let Err(blocked) = book.check(&judged.plan.legs, ask.now) {
            drop(book);
            return Err(self.refuse(&blocked, &judged.plan, judged));
        }
        let stands = |leg: &Leg| {
            let after = match leg {
                Leg::Count { key, .. } | Leg::Once { key, .. } => book.used(key) + book.held(key),
                Leg::Spend { key, opening, .. } | Leg::Earn { key, opening, .. } => {
                    let opened = opening.map_or(0, |opening| opening.amount);
                    book.balance(key).map_or(opened, |balance| balance.available(ask.now))
                }
                Leg::Interval { .. } | Leg::Zone { .. } => 0,
            };
            LegResult { after, ..LegResult::default() }
        };
        let results: SmallVec<[LegResult; 2]> = judged.plan.legs.iter().map(stands).collect();
        drop(book);
        let uses = judged.parts.iter().enumerate().map(|(place, (found, offer))| {
            let index = index_of(place);
            let legs = judged.plan.legs.iter().zip(&results).zip(&judged.plan.meanings);
            let own = legs.filter(|(_, meaning)| meaning.code_index == index).map(|(pair, _)| pair);
            use_of(index, found, offer, Counted::of(own))
        });
        let uses: SmallVec<[Use; 1]> = uses.collect();
        let worth: i64 = uses.iter().map(|used| used.worth_minor).sum();
        Ok(Box::new(Accepted {
            standing: Standing::Valid,
            is_replayed: false,
            id: None,
            event: 0,
            at: ask.now,
            until: None,
            size: judged.plan.size,
            live: 0,
            currency: judged.currency(ask),
            total_before_minor: judged.total_before_minor,
            total_after_minor: judged.total_before_minor.map(|total| total.saturating_sub(worth)),
            uses,
            counts_age_ms: age_ms,
        }))
    }
}

impl Judged {
    /// The order's currency: as it says, or else the first campaign's.
    fn currency(&self, ask: &Ask<'_>) -> Option<Box<str>> {
        let stated = ask.order.currency.map(Box::from);
        stated.or_else(|| {
            self.parts.iter().find_map(|(found, _)| found.worth.currency.map(|c| c.as_str().into()))
        })
    }

    /// What the receipt shall remember.
    pub(super) fn note(&self, ask: &Ask<'_>) -> Note {
        let text = |text: Option<&str>| text.map(Box::from);
        let uses = self.parts.iter().zip(&self.keys).map(|((found, offer), code)| NotedUse {
            campaign: found.campaign.id.as_str().into(),
            version: found.worth.version,
            kind: found.campaign.kind as u8,
            units: offer.units,
            worth_minor: offer.draw.is_none().then_some(offer.worth_minor),
            products: offer.products.clone(),
            code: *code,
        });
        Note {
            currency: self.currency(ask),
            total_before_minor: self.total_before_minor,
            leg_codes: self.plan.meanings.iter().map(|meaning| meaning.code_index).collect(),
            customer: text(ask.order.customer),
            order_ref: text(ask.order.order_ref),
            gate: text(ask.order.gate),
            property: text(ask.order.property),
            channel: text(ask.order.channel),
            partner: text(ask.order.partner),
            uses: uses.collect(),
            tenant: Some(ask.tenant.as_str().into()),
        }
    }
}

fn use_of(code_index: u8, found: &Found, offer: &Offer, counted: Counted) -> Use {
    Use {
        code_index,
        campaign: found.campaign.id.as_str().into(),
        version: found.worth.version,
        kind: found.campaign.kind as u8,
        units: offer.units,
        worth_minor: offer.worth_minor,
        ordinal: 0,
        remaining: counted.remaining,
        balance_minor: counted.balance.map(|left| i64::try_from(left).unwrap_or(i64::MAX)),
        holder: found.code.holder.clone(),
        products: offer.products.clone(),
    }
}

fn index_of(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}
