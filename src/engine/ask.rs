//! Asking: codes and an order become offers and a plan, or a refusal. What *validate*, *hold* and
//! *redeem* share.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Engine;
use super::answer::{Accepted, Counted, Moved, Standing, Use, UseOfAccount, Value};
use super::named::Codes;
use super::note::{Note, NotedUse, Role};
use crate::domain::account::Account;
use crate::domain::book::Book;
use crate::domain::campaign::{BalanceOf, Scope};
use crate::domain::code::CodeKey;
use crate::domain::id::{Owner, TenantId};
use crate::domain::limits::{self, About, Meaning, Owners, Plan};
use crate::domain::order::Order;
use crate::domain::posting::{AMOUNT_MAX, Blocked, FacetKind, Key, Leg, Take};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::rules::{
    self, Candidate, Draw, Offer, Question, Seen, Setting, Stack, StackMode,
};
use crate::domain::time::Timestamp;
use crate::index::{Definitions, Found};

/// Most codes in one request.
pub const CODES_MAX: usize = crate::domain::policy::CODES_MAX;

/// What a caller asks.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Whose codes.
    pub tenant: &'a TenantId,
    /// The codes as they were typed or scanned: at most [`CODES_MAX`]; none: only what applies by
    /// itself.
    pub codes: SmallVec<[&'a str; 1]>,
    /// What for.
    pub order: Order<'a>,
    /// The moment of the request.
    pub now: Timestamp,
    /// What happens when some of the codes cannot be used.
    pub mode: StackMode,
}

/// What the rules said of one code, or of a campaign that applies by itself.
pub(super) struct Part<'a> {
    /// The code's place in the request; absent: the campaign applies by itself.
    pub(super) code_index: Option<u8>,
    pub(super) key: Option<CodeKey>,
    pub(super) found: Cow<'a, Found>,
    pub(super) offer: Offer,
    pub(super) account: Option<Arc<Account>>,
    pub(super) owners: Owners,
}

/// Everything that the rules said to a request.
pub(super) struct Judged<'a> {
    /// Codes in the order of the request, then what applies by itself.
    pub(super) parts: SmallVec<[Part<'a>; 1]>,
    pub(super) left_out: Vec<Refusal>,
    /// Its legs name parts by their places.
    pub(super) plan: Plan,
    total_before_minor: Option<i64>,
}

/// Why an order was not judged.
enum NotJudged {
    /// It is refused.
    Refused(Refusal),
    /// The candidate at this place, which would apply by itself, finds no room in the posting.
    Without(usize),
}

/// A candidate with all that judging it needs.
pub(super) struct Seat<'a> {
    pub(super) code_index: Option<u8>,
    key: Option<CodeKey>,
    name: &'a str,
    pub(super) found: &'a Found,
    account: Option<Arc<Account>>,
    pub(super) owners: Owners,
    seen: Seen,
}

impl Seat<'_> {
    /// What an offer does to the customer's account, and what can be spent of it now.
    pub(super) fn account(&self, offer: &Offer) -> Option<UseOfAccount> {
        let account = self.owners.account.and(self.account.as_ref())?;
        let drawn = offer.draw.filter(|draw| draw.of == BalanceOf::Account);
        Some(UseOfAccount {
            id: account.id.clone(),
            currency: account.currency().map(|currency| currency.as_str().into()),
            spent: offer.spend.unwrap_or(0) + drawn.map_or(0, |draw| draw.amount),
            earned: offer.earning.map_or(0, |earning| earning.amount),
            balance: Some(self.seen.account.unwrap_or(0)),
        })
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            code_index: self.code_index,
            name: self.name,
            campaign: &self.found.campaign,
            worth: &self.found.worth,
            code: &self.found.code,
            seen: self.seen,
            account: self.account.as_deref(),
        }
    }

    pub(super) fn question<'q, 'o>(&'q self, ask: &'q Ask<'o>, alone: bool) -> Question<'q, 'o> {
        Question {
            campaign: &self.found.campaign,
            worth: &self.found.worth,
            code: &self.found.code,
            seen: &self.seen,
            order: &ask.order,
            now: ask.now,
            alone,
            account: self.account.as_deref(),
        }
    }
}

impl Engine {
    /// Puts what was found through the rules.
    pub(super) fn judge<'a>(&self, ask: &Ask<'_>, codes: &'a Codes) -> Result<Judged<'a>, Refusal> {
        let definitions = self.index.definitions_briefly();
        let mut seats = self.seats(ask, codes, &definitions);
        let mut judged = loop {
            match self.judge_seats(ask, &seats, &definitions) {
                Ok(judged) => break judged,
                Err(NotJudged::Refused(no)) => {
                    return Err(self.first_reason(ask, codes, &definitions, no));
                }
                Err(NotJudged::Without(place)) => drop(seats.remove(place)),
            }
        };
        if !codes.left_out.is_empty() {
            judged.left_out.extend(codes.left_out.iter().cloned());
            judged.left_out.sort_by_key(|refusal| refusal.code_index);
        }
        Ok(judged)
    }

    fn judge_seats<'a>(
        &self,
        ask: &Ask<'_>,
        seats: &[Seat<'a>],
        definitions: &Definitions,
    ) -> Result<Judged<'a>, NotJudged> {
        let mut stack = self.stack(ask, seats, definitions).map_err(NotJudged::Refused)?;
        // The book's first "no" shall be about the first code.
        stack.parts.sort_by_key(|(place, _)| *place);
        let mut judged = Judged {
            parts: SmallVec::new(),
            left_out: stack.left_out.into_vec(),
            plan: Plan::default(),
            total_before_minor: ask.order.total(),
        };
        let alone = stack.parts.len() == 1;
        for (place, (candidate, offer)) in (0_u8..).zip(stack.parts) {
            let Some(seat) = seats.get(candidate) else { continue };
            let question = seat.question(ask, alone);
            if let Err(no) = limits::plan(&question, &offer, seat.owners, place, &mut judged.plan) {
                let Some(index) = seat.code_index else {
                    return Err(NotJudged::Without(candidate));
                };
                return Err(NotJudged::Refused(no.at(index).in_words_of(&seat.found.campaign)));
            }
            judged.parts.push(Part {
                code_index: seat.code_index,
                key: seat.key,
                found: Cow::Borrowed(seat.found),
                offer,
                account: seat.account.clone(),
                owners: seat.owners,
            });
        }
        Ok(judged)
    }

    /// How the campaigns of an order stand to each other, and what each is worth.
    pub(super) fn stack(
        &self,
        ask: &Ask<'_>,
        seats: &[Seat<'_>],
        definitions: &Definitions,
    ) -> Result<Stack, Refusal> {
        let candidates: SmallVec<[Candidate<'_>; 1]> = seats.iter().map(Seat::candidate).collect();
        let policy = definitions.policy(ask.tenant);
        let setting = Setting {
            order: &ask.order,
            now: ask.now,
            policy: &policy,
            group: ask
                .order
                .slot
                .and_then(|slot| definitions.group_of_slot(ask.tenant, slot))
                .map(Arc::as_ref),
            mode: ask.mode,
        };
        let in_words = |no: Refusal| {
            let seat = seats.iter().find(|seat| seat.code_index == no.code_index);
            match seat.filter(|_| no.code_index.is_some()) {
                Some(seat) => no.in_words_of(&seat.found.campaign),
                None => no,
            }
        };
        let mut stack = rules::stack(&candidates, &setting).map_err(in_words)?;
        stack.left_out = stack.left_out.into_iter().map(in_words).collect();
        Ok(stack)
    }

    /// What was found, with all that judging it needs.
    pub(super) fn seats<'a>(
        &self,
        ask: &Ask<'_>,
        codes: &'a Codes,
        definitions: &Definitions,
    ) -> SmallVec<[Seat<'a>; 1]> {
        let named = codes.named.iter().map(|named| {
            let name = named.typed.as_deref().unwrap_or_default();
            (Some(named.index), Some(named.key), name, &named.found)
        });
        let automatic =
            codes.automatic.iter().map(|found| (None, None, found.campaign.id.as_str(), found));
        let seat = |(code_index, key, name, found): (_, _, _, &'a Found)| {
            let account = found.campaign.account.as_deref();
            let account = account.and_then(|id| definitions.account(ask.tenant, id)).cloned();
            let owners = self.owners_of(ask, found);
            let seen = self.seen(found, &owners, ask.now);
            Seat { code_index, key, name, found, account, owners, seen }
        };
        named.chain(automatic).map(seat).collect()
    }

    /// Where a code has nothing left to do because of another one that the ledger will refuse, that
    /// refusal is the reason: an empty voucher, and not the full one behind it.
    fn first_reason(
        &self,
        ask: &Ask<'_>,
        codes: &Codes,
        definitions: &Definitions,
        no: Refusal,
    ) -> Refusal {
        if no.reason != Reason::NoEffect || codes.named.len() < 2 {
            return no;
        }
        let mut others = codes.clone();
        others.named.retain(|named| Some(named.index) != no.code_index);
        let seats = self.seats(ask, &others, definitions);
        let Ok(judged) = self.judge_seats(ask, &seats, definitions) else { return no };
        let checked = self.ledger.read().check(&judged.plan.legs, ask.now);
        match checked {
            Err(blocked) => self.refuse(&blocked, &judged).1,
            Ok(()) => no,
        }
    }

    /// What the ledger has of a code and its customer's account, as far as rules look at it.
    fn seen(&self, found: &Found, owners: &Owners, now: Timestamp) -> Seen {
        let (campaign, worth) = (&found.campaign, &found.worth);
        if !campaign.runs_from_first_use() && !worth.has_balance() && owners.account.is_none() {
            return Seen::default();
        }
        let book = self.ledger.read();
        let key = |kind| Key::of(found.code.owner, kind);
        let account = owners.account.map(|owner| Key::of(owner, FacetKind::Balance));
        let available = |key| book.balance(&key).map(|balance| balance.available(now));
        Seen {
            first_use: book.register(&key(FacetKind::FirstUse)).map(Timestamp),
            balance: available(key(FacetKind::Balance)),
            account: account.and_then(available),
        }
    }

    /// The owners of what others share with this code: the customer's counters within the campaign,
    /// where it has any, and the customer's account.
    pub(super) fn owners_of(&self, ask: &Ask<'_>, found: &Found) -> Owners {
        let campaign = &found.campaign;
        let stated = ask.order.customer.filter(|customer| !customer.is_empty());
        let is_counted = campaign.limits.iter().any(|limit| limit.scope == Scope::Customer);
        let customer = stated.filter(|_| is_counted).map(|customer| {
            let tenant = ask.tenant.as_str().as_bytes();
            let parts = [tenant, campaign.id.as_str().as_bytes(), customer.as_bytes()];
            Owner(self.keys.derive("customer", &parts))
        });
        let account = campaign.account.as_deref().and_then(|account| {
            let customer = stated.or(found.code.holder.as_deref())?;
            Some(self.account_owner(ask.tenant, account, customer))
        });
        Owners { customer, account }
    }

    /// Whose balance a customer's account is.
    pub(super) fn account_owner(&self, tenant: &TenantId, account: &str, customer: &str) -> Owner {
        let parts = [tenant.as_str().as_bytes(), account.as_bytes(), customer.as_bytes()];
        Owner(self.keys.derive("account", &parts))
    }

    /// What *validate* answers: what a redemption would find now, over counts that are `age_ms`
    /// old; absent: exact.
    pub(super) fn preview(
        &self,
        ask: &Ask<'_>,
        judged: &Judged<'_>,
        age_ms: Option<u64>,
    ) -> Result<Accepted, Blocked> {
        let book = self.ledger.read();
        book.check(&judged.plan.legs, ask.now)?;
        let uses: SmallVec<[Use; 1]> =
            (0..judged.parts.len()).map(|place| judged.preview(place, &book, ask.now)).collect();
        drop(book);
        let worth: i64 = uses.iter().map(|used| used.worth_minor).sum();
        Ok(Accepted {
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
            left_out: judged.left_out.clone(),
            credited: None,
            counts_age_ms: age_ms,
        })
    }
}

impl Judged<'_> {
    /// The same, to be kept while the ledger has it.
    pub(super) fn into_owned(self) -> Judged<'static> {
        let Self { parts, left_out, plan, total_before_minor } = self;
        let parts = parts.into_iter().map(Part::into_owned).collect();
        Judged { parts, left_out, plan, total_before_minor }
    }

    /// Of what needs no rules: legs that put value in, perhaps after one that takes it out, which
    /// means `gives`.
    pub(super) fn of_legs(legs: SmallVec<[Leg; 2]>, gives: Option<About>) -> Self {
        let abouts = gives.into_iter().chain([About::Earning]);
        let meaning = |(code_index, about)| Meaning { code_index, about };
        let meanings = (0..).zip(abouts).map(meaning).collect();
        let mut plan = Plan::default();
        (plan.legs, plan.meanings) = (legs, meanings);
        Self { parts: SmallVec::new(), left_out: Vec::new(), plan, total_before_minor: None }
    }

    /// The order's currency: as it says, or else the first campaign's.
    fn currency(&self, ask: &Ask<'_>) -> Option<Box<str>> {
        let stated = ask.order.currency.map(Box::from);
        let of = |part: &Part<'_>| part.found.worth.currency.map(|c| Box::from(c.as_str()));
        stated.or_else(|| self.parts.iter().find_map(of))
    }

    /// What the receipt shall remember.
    pub(super) fn note(&self, ask: &Ask<'_>) -> Note {
        let text = |text: Option<&str>| text.map(Box::from);
        let left_out = self.left_out.iter().filter_map(|no| Some((no.code_index?, no.reason)));
        Note {
            currency: self.currency(ask),
            total_before_minor: self.total_before_minor,
            leg_uses: self.plan.meanings.iter().map(|meaning| meaning.code_index).collect(),
            leg_roles: self.roles(),
            customer: text(ask.order.customer),
            order_ref: text(ask.order.order_ref),
            gate: text(ask.order.gate),
            property: text(ask.order.property),
            channel: text(ask.order.channel),
            partner: text(ask.order.partner),
            uses: self.parts.iter().map(Part::noted).collect(),
            tenant: Some(ask.tenant.as_str().into()),
            left_out: left_out.collect(),
        }
    }

    /// What each leg means for the answer; none where all mean the usual.
    fn roles(&self) -> SmallVec<[Role; 8]> {
        if self.parts.iter().all(|part| part.owners.account.is_none()) {
            return SmallVec::new();
        }
        (0..self.plan.meanings.len()).map(|at| self.role(at)).collect()
    }

    /// What the leg at `at` means for the answer. Of the legs that take from an account, what the
    /// use costs is the first.
    fn role(&self, at: usize) -> Role {
        let Some(meaning) = self.plan.meanings.get(at) else { return Role::Guard };
        let takes = |about| matches!(about, About::Points | About::Credit);
        match meaning.about {
            About::Balance => Role::Draw,
            About::Earning => Role::AccountEarning,
            About::Points | About::Credit => {
                let part = self.parts.get(usize::from(meaning.code_index));
                let costs = part.is_some_and(|part| part.offer.spend.is_some());
                let mut earlier = self.plan.meanings.iter().take(at);
                let is_first = !earlier
                    .any(|other| other.code_index == meaning.code_index && takes(other.about));
                if costs && is_first { Role::AccountCost } else { Role::AccountDraw }
            }
            About::Uses
            | About::Limit { .. }
            | About::LastEntry
            | About::FirstUse
            | About::Zone => Role::Guard,
        }
    }

    /// The use at `place` as a redemption would find it now.
    fn preview(&self, place: usize, book: &Book, now: Timestamp) -> Use {
        let Some(part) = self.parts.get(place) else { return Use::default() };
        let offer = &part.offer;
        let mut counted = Counted::default();
        let mut value = Value::default();
        let legs = self.plan.legs.iter().zip(&self.plan.meanings).enumerate();
        let mut last_entry = None;
        for (at, (leg, meaning)) in legs.filter(|(_, (_, of))| usize::from(of.code_index) == place)
        {
            let key = leg.key();
            let after = match leg {
                Leg::Count { .. } | Leg::Once { .. } => book.used(key) + book.held(key),
                Leg::Spend { opening, .. } | Leg::Earn { opening, .. } => {
                    let opened = opening.map_or(0, |opening| opening.amount);
                    book.balance(key).map_or(opened, |balance| balance.available(now))
                }
                Leg::Interval { .. } | Leg::Zone { .. } => 0,
            };
            if meaning.about == About::LastEntry {
                last_entry = book.register(key).map(Timestamp);
            }
            counted.add(leg, 0, after);
            let amount = expected(leg, after);
            value.add(self.role(at), leg, Moved { amount, whole: amount, after });
        }
        let minor = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        let drawn = |draw: Draw| minor(value.drawn).saturating_mul(draw.unit_minor);
        Use {
            code_index: part.code_index,
            campaign: part.found.campaign.id.as_str().into(),
            version: part.found.worth.version,
            kind: part.found.campaign.kind as u8,
            units: offer.units,
            worth_minor: offer.worth_minor,
            ordinal: 0,
            remaining: counted.remaining,
            balance_minor: value.balance.map(minor),
            original_minor: value.original.map(minor),
            forfeited_minor: offer.draw.map_or(0, |draw| (drawn(draw) - offer.worth_minor).max(0)),
            holder: part.found.code.holder.clone(),
            photo: part.found.code.photo.clone(),
            last_entry,
            products: offer.products.clone(),
            switches: offer.switches.clone(),
            account: part.owners.account.and(part.account.as_ref()).map(|account| UseOfAccount {
                id: account.id.clone(),
                currency: account.currency().map(|currency| currency.as_str().into()),
                spent: value.spent,
                earned: value.earned,
                balance: value.account_balance,
            }),
            lines_minor: offer.line_parts.clone(),
        }
    }
}

/// What a leg will move, where `there` is what can be spent.
fn expected(leg: &Leg, there: u64) -> u64 {
    match leg {
        Leg::Spend { amount, take: Take::UpTo, .. } => (*amount).min(there),
        Leg::Spend { amount, .. } | Leg::Earn { amount, .. } => (*amount).min(AMOUNT_MAX),
        Leg::Count { .. } | Leg::Once { .. } | Leg::Interval { .. } | Leg::Zone { .. } => 0,
    }
}

impl Part<'_> {
    fn into_owned(self) -> Part<'static> {
        let Self { code_index, key, found, offer, account, owners } = self;
        let found = Cow::Owned(found.into_owned());
        Part { code_index, key, found, offer, account, owners }
    }

    fn noted(&self) -> NotedUse {
        let Self { code_index, key, found, offer, account, owners } = self;
        let plain = NotedUse::default();
        let known = owners.account.and(account.as_ref());
        NotedUse {
            campaign: found.campaign.id.as_str().into(),
            version: found.worth.version,
            kind: found.campaign.kind as u8,
            units: offer.units,
            worth_minor: offer.draw.is_none().then_some(offer.worth_minor),
            products: offer.products.clone(),
            code: *key,
            code_index: *code_index,
            unit_minor: offer.draw.map_or(plain.unit_minor, |draw| draw.unit_minor),
            worth_minor_max: offer.draw.map_or(plain.worth_minor_max, |draw| draw.worth_minor_max),
            account: known.map(|account| account.id.clone()),
            account_currency: known.and_then(|a| a.currency()).map(|c| c.as_str().into()),
            switches: offer.switches.clone(),
            lines_minor: offer.line_parts.clone(),
        }
    }
}
