//! *Top up* and *transfer*: value that comes into a voucher or account, or goes from one to
//! another, apart from any order.
//!
//! Both are postings like a redemption: repeated with the same id they happen once, and they can be
//! released. Deliberately knows no prices: who pays for a top-up is the caller's matter.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::answer::{Asked, Shown};
use super::ask::Judged;
use super::named::question_of;
use super::note::{Note, NotedUse, Role};
use super::{Awaits, Context, Engine, Pending, Prepared, Telling, Verb, fingerprint};
use crate::domain::account::Account;
use crate::domain::code::CodeKey;
use crate::domain::id::{Owner, RequestId, TenantId};
use crate::domain::limits::{self, About};
use crate::domain::money::Currency;
use crate::domain::order::Order;
use crate::domain::posting::{
    AMOUNT_MAX, AtCap, ClawBack, Command, FacetKind, Key, Leg, Mode, Opening, Posting, Take,
};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::rules::{self, Earning, Seen, StackMode};
use crate::domain::time::Timestamp;
use crate::index::Found;
use crate::ledger::Task;

/// Stands before the purses in a movement's meaning, so that it is never taken for a redemption of
/// the same codes.
const MOVEMENT: CodeKey = CodeKey::from_bytes(*b"value, not a use");

/// Where value is kept, as callers name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurseName<'a> {
    /// The balance of a code.
    Code(&'a str),
    /// The account of a customer.
    Account {
        /// The account.
        account: &'a str,
        /// The customer.
        customer: &'a str,
    },
}

/// Where value is kept.
#[derive(Debug, Clone)]
pub struct Purse {
    kept: Kept,
    /// Its currency; absent: it keeps points.
    pub currency: Option<Currency>,
}

#[derive(Debug, Clone)]
enum Kept {
    Code { key: CodeKey, found: Box<Found>, opening: Option<Opening> },
    Account { account: Arc<Account>, owner: Owner },
}

/// A movement of value.
#[derive(Debug, Clone, Copy)]
pub struct Movement<'a, 'o> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// Its id: repeated, it happens once.
    pub id: RequestId,
    /// How much: minor units of money, or points; 1 to [`AMOUNT_MAX`].
    pub amount: u64,
    /// What history shows.
    pub order: &'a Order<'o>,
    /// The moment of the request.
    pub now: Timestamp,
    /// Until when an answer is of use.
    pub deadline: Timestamp,
}

impl Engine {
    /// Finds where value is kept.
    ///
    /// # Errors
    /// When there is no such code or account, or the code has no balance of its own.
    pub fn purse(&self, tenant: &TenantId, name: PurseName<'_>) -> Result<Purse, Refusal> {
        match name {
            PurseName::Code(text) => {
                let (key, found) = self.find(tenant, text)?;
                if !found.worth.has_balance() {
                    return Err(Refusal::new(Reason::NoEffect).with(|d| d.rule = Some("balance")));
                }
                Ok(self.purse_of(key, found))
            }
            PurseName::Account { account, customer } => {
                let definitions = self.index.definitions();
                let missing =
                    || Refusal::new(Reason::InputMissing).with(|d| d.missing = Some("account"));
                let account = definitions.account(tenant, account).ok_or_else(missing)?;
                if customer.is_empty() {
                    return Err(Refusal::new(Reason::CustomerRequired));
                }
                let owner = self.account_owner(tenant, &account.id, customer);
                let currency = account.currency();
                Ok(Purse { kept: Kept::Account { account: Arc::clone(account), owner }, currency })
            }
        }
    }

    /// The purse that a code with a balance is.
    pub(super) fn purse_of(&self, key: CodeKey, found: Found) -> Purse {
        let amount = found.code.balance_minor.or(found.worth.balance_minor).unwrap_or(0);
        let amount = u64::try_from(amount).unwrap_or(0);
        let opening = Some(Opening { amount, expires: self.end_of(&found, self.now()) });
        let currency = found.worth.currency;
        Purse { kept: Kept::Code { key, found: Box::new(found), opening }, currency }
    }

    /// Prepares to put value in.
    #[must_use]
    pub fn top_up(&self, to: &Purse, movement: Movement<'_, '_>) -> Prepared {
        self.moved(Verb::TopUp, None, to, movement)
    }

    /// Prepares to move value from one to another.
    #[must_use]
    pub fn transfer(&self, from: &Purse, to: &Purse, movement: Movement<'_, '_>) -> Prepared {
        if !from.keeps_the_same_as(to) {
            return self.not_moved(movement, Reason::CurrencyMismatch);
        }
        if from.key() == to.key() {
            return self.not_moved(movement, Reason::AlreadyApplied);
        }
        self.moved(Verb::Transfer, Some(from), to, movement)
    }

    fn not_moved(&self, movement: Movement<'_, '_>, reason: Reason) -> Prepared {
        let origin = self.origin(Verb::Transfer, movement.tenant, movement.order);
        self.answered(origin, &[], Err(Refusal::new(reason)))
    }

    fn moved(
        &self,
        verb: Verb,
        from: Option<&Purse>,
        to: &Purse,
        movement: Movement<'_, '_>,
    ) -> Prepared {
        let Movement { tenant, id, amount, order, now, deadline } = movement;
        let purses: SmallVec<[&Purse; 2]> = from.into_iter().chain([to]).collect();
        let stand = (0..).zip(&purses).try_for_each(|(place, purse)| {
            self.stands(purse, now).map_err(|refusal| refusal.at(place))
        });
        let posting_id = self.posting_id(tenant, id);
        let named = purses.iter().map(|purse| purse.name_key());
        let named: SmallVec<[CodeKey; 3]> = [MOVEMENT].into_iter().chain(named).collect();
        let asked_for = Order { amount_minor: i64::try_from(amount).ok(), ..order.clone() };
        let fingerprint = fingerprint::of_request(&named, &asked_for, StackMode::AllOrNothing);
        let (command, judged, refusal) = match stand {
            Ok(()) => {
                let legs: SmallVec<[Leg; 2]> = match from {
                    None => smallvec![self.earn(to, amount, now)],
                    Some(from) => {
                        smallvec![self.spend(from, amount), self.receive(to, amount, now)]
                    }
                };
                let note = movement_note(tenant, order, from, to).encode();
                let mode = Mode::Post;
                let note = note.into();
                let size = amount;
                let judged = Judged::of_legs(legs.clone(), from.map(Purse::gives));
                let posting = Posting { id: posting_id, fingerprint, mode, size, legs, note, now };
                (Command::Post(posting), Some(judged), None)
            }
            Err(refusal) => {
                let mode = Mode::Post;
                (Command::Recall { id: posting_id, fingerprint, mode, now }, None, Some(refusal))
            }
        };
        let shown = purses.iter().filter_map(|purse| purse.shown()).collect();
        let telling = Telling { id, asked: Asked::Redeem, shown, judged, refusal, again: None };
        let origin = self.origin(verb, tenant, order);
        let context = Context { origin, awaits: Awaits::Outcome(telling) };
        Prepared::Posting(Box::new(Pending { task: Task { command, deadline }, context }))
    }

    /// Whether value may come into or out of it: a code must be good, apart from its hours.
    fn stands(&self, purse: &Purse, now: Timestamp) -> Result<(), Refusal> {
        let Kept::Code { found, .. } = &purse.kept else { return Ok(()) };
        let (seen, order) = (Seen::default(), Order::default());
        let question = question_of(found, &seen, &order, now);
        rules::stands(&question)
    }

    /// The end of a code's validity.
    fn end_of(&self, found: &Found, now: Timestamp) -> Option<Timestamp> {
        let (seen, order) = (Seen::default(), Order::default());
        let question = question_of(found, &seen, &order, now);
        rules::window(&question).until
    }

    fn spend(&self, purse: &Purse, amount: u64) -> Leg {
        let opening = match &purse.kept {
            Kept::Code { opening, .. } => *opening,
            Kept::Account { .. } => None,
        };
        Leg::Spend { key: purse.key(), amount, take: Take::Exact, opening }
    }

    /// The leg that puts in what comes out of another: all of it, and a release takes all of it
    /// back, or value would come from nowhere or be gone.
    fn receive(&self, purse: &Purse, amount: u64, now: Timestamp) -> Leg {
        let mut leg = self.earn(purse, amount, now);
        if let Leg::Earn { at_cap, claw_back, .. } = &mut leg {
            (*at_cap, *claw_back) = (AtCap::Refuse, ClawBack::Debt);
        }
        leg
    }

    /// The leg that puts `amount` in.
    pub(super) fn earn(&self, purse: &Purse, amount: u64, now: Timestamp) -> Leg {
        let amount = amount.min(AMOUNT_MAX);
        match &purse.kept {
            Kept::Code { found, opening, .. } => Leg::Earn {
                key: purse.key(),
                amount,
                lot_expires: self.end_of(found, now),
                spendable_from: None,
                cap: None,
                at_cap: AtCap::Refuse,
                claw_back: ClawBack::Floor,
                opening: *opening,
            },
            Kept::Account { account, .. } => {
                let expires = account.expires(now);
                let earning = Earning { amount, expires, spendable_from: None };
                limits::earn(purse.key(), earning, account)
            }
        }
    }
}

impl Purse {
    fn owner(&self) -> Owner {
        match &self.kept {
            Kept::Code { found, .. } => found.code.owner,
            Kept::Account { owner, .. } => *owner,
        }
    }

    /// Its balance in the ledger.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::of(self.owner(), FacetKind::Balance)
    }

    /// Whether what is in one can be in the other: money of one currency, or points of one
    /// account.
    fn keeps_the_same_as(&self, other: &Self) -> bool {
        match (&self.kept, &other.kept) {
            (Kept::Account { account, .. }, Kept::Account { account: theirs, .. })
                if self.currency.is_none() =>
            {
                account.id == theirs.id
            }
            _ => self.currency == other.currency && self.currency.is_some(),
        }
    }

    /// What it means when something is taken out.
    fn gives(&self) -> About {
        match (&self.kept, self.currency) {
            (Kept::Code { .. }, _) => About::Balance,
            (Kept::Account { .. }, None) => About::Points,
            (Kept::Account { .. }, Some(_)) => About::Credit,
        }
    }

    /// What tells it apart in a request's meaning.
    fn name_key(&self) -> CodeKey {
        match &self.kept {
            Kept::Code { key, .. } => *key,
            Kept::Account { owner, .. } => CodeKey::from_bytes(owner.0),
        }
    }

    fn shown(&self) -> Option<Shown> {
        match &self.kept {
            Kept::Code { key, found, .. } => Some(Shown::of(*key, &found.code)),
            Kept::Account { .. } => None,
        }
    }

    /// What history says of it, and what its leg means.
    fn noted(&self, role_of_code: Role, role_of_account: Role) -> (NotedUse, Role) {
        let plain = NotedUse { worth_minor: Some(0), ..NotedUse::default() };
        match &self.kept {
            Kept::Code { key, found, .. } => {
                let noted = NotedUse {
                    campaign: found.campaign.id.as_str().into(),
                    version: found.worth.version,
                    kind: found.campaign.kind as u8,
                    code: Some(*key),
                    ..plain
                };
                (noted, role_of_code)
            }
            Kept::Account { account, .. } => {
                let noted = NotedUse {
                    account: Some(account.id.clone()),
                    account_currency: account.currency().map(|c| c.as_str().into()),
                    ..plain
                };
                (noted, role_of_account)
            }
        }
    }
}

fn movement_note(tenant: &TenantId, order: &Order<'_>, from: Option<&Purse>, to: &Purse) -> Note {
    let text = |text: Option<&str>| text.map(Box::from);
    let currency = to.currency.map(|currency| currency.to_string().into());
    let from = from.map(|from| from.noted(Role::Draw, Role::AccountCost));
    let to = to.noted(Role::TopUp, Role::AccountEarning);
    let (mut uses, leg_roles): (SmallVec<[NotedUse; 1]>, SmallVec<[Role; 8]>) =
        from.into_iter().chain([to]).unzip();
    for (place, used) in (0..).zip(&mut uses) {
        used.code_index = used.code.map(|_| place);
    }
    let leg_uses = if uses.len() == 2 { smallvec![0, 1] } else { smallvec![0] };
    Note {
        leg_uses,
        leg_roles,
        uses,
        currency,
        customer: text(order.customer),
        order_ref: text(order.order_ref),
        gate: text(order.gate),
        property: text(order.property),
        channel: text(order.channel),
        partner: text(order.partner),
        tenant: Some(tenant.as_str().into()),
        ..Note::default()
    }
}
