//! One customer's account: what is in it, and what happened to it.

use std::sync::Arc;

use super::look::Owners;
use super::{CodeError, Engine, PurseName};
use crate::domain::account::Account;
use crate::domain::book::Lot;
use crate::domain::id::TenantId;
use crate::domain::posting::{FacetKind, Key, Leg, Receipt};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::ledger::{Entry, LedgerError};

/// Where a customer's account stands: points, or minor units of money.
#[derive(Debug, Clone)]
pub struct AccountPage {
    /// The account.
    pub account: Arc<Account>,
    /// What can be spent now.
    pub spendable: u64,
    /// What can be spent later only.
    pub pending: u64,
    /// What open holds keep.
    pub held: u64,
    /// What is owed to it.
    pub debt: u64,
    /// All that was ever put in and not taken back.
    pub earned: u64,
    /// All that was spent and not given back.
    pub taken: u64,
    /// All that lapsed unspent.
    pub lapsed: u64,
    /// What is in it, by when it lapses.
    pub lots: Vec<Lot>,
}

/// Something that happened to an account.
#[derive(Debug, Clone)]
pub struct AccountEvent {
    /// What happened.
    pub entry: Entry,
    /// What it did; absent where the receipt has left the store, or says nothing of it.
    pub movement: Option<AccountMovement>,
}

/// What a request did to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountMovement {
    /// What it spent, before anything of that was given back.
    pub spent: u64,
    /// What it put in, before anything of that was taken back.
    pub earned: u64,
    /// What was left after this event.
    pub balance: u64,
}

impl AccountMovement {
    /// What event `number` of `receipt` did to the balance `key`.
    fn of(receipt: &Receipt, number: u64, key: &Key) -> Option<Self> {
        let release = receipt.releases.iter().find(|release| release.event == number);
        let credit = release.and_then(|release| release.credit.as_deref());
        if let Some((_, result)) = credit.filter(|(leg, _)| leg.key() == key) {
            return Some(Self { spent: 0, earned: result.amount, balance: result.after });
        }
        let confirm = receipt.confirm.as_ref().filter(|confirm| confirm.event == number);
        let after = release.map(|release| &release.after);
        let after = after.or(confirm.map(|confirm| &confirm.after));
        let mut movement = None;
        let legs = receipt.legs.iter().zip(&receipt.results).enumerate();
        for (at, (leg, result)) in legs.filter(|(_, (leg, _))| leg.key() == key) {
            let told: &mut Self = movement.get_or_insert_default();
            match leg {
                Leg::Spend { .. } => told.spent += result.amount,
                Leg::Earn { .. } => told.earned += result.amount,
                Leg::Count { .. } | Leg::Once { .. } | Leg::Interval { .. } | Leg::Zone { .. } => {}
            }
            told.balance = after.and_then(|after| after.get(at)).copied().unwrap_or(result.after);
        }
        movement
    }
}

impl Engine {
    /// Where a customer's account stands now. Blocks.
    ///
    /// # Errors
    /// When there is no such account, or the ledger cannot be asked.
    pub fn account_page(
        &self,
        tenant: &TenantId,
        account: &str,
        customer: &str,
        now: Timestamp,
    ) -> Result<AccountPage, CodeError> {
        let definitions = self.index.definitions();
        let missing = Refusal::new(Reason::InputMissing).with(|d| d.missing = Some("account"));
        let found = definitions.account(tenant, account).ok_or(missing)?;
        let purse = self.purse(tenant, PurseName::Account { account, customer })?;
        let key = purse.key();
        let owners = Owners::from_iter([key.owner]);
        self.look_and_wait(owners.clone())?;
        Ok(self.read_known(&owners, || {
            let book = self.ledger.read();
            let mut balance = book.balance(&key).cloned().unwrap_or_default();
            let spendable = balance.available(now);
            let standing = balance.standing(now);
            let over = balance.in_lots().saturating_sub(standing);
            balance.lots.retain(|lot| lot.expires.is_none_or(|end| end > now));
            AccountPage {
                account: Arc::clone(found),
                spendable,
                pending: standing.saturating_sub(spendable),
                held: book.held(&key),
                debt: balance.debt,
                earned: balance.earned,
                taken: balance.taken,
                lapsed: balance.lapsed.saturating_add(over),
                lots: balance.lots.into_vec(),
            }
        })?)
    }

    /// Up to `most` things that happened to a customer's account, newest first, before event number
    /// `before`. Blocks.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn account_history(
        &self,
        tenant: &TenantId,
        account: &str,
        customer: &str,
        before: u64,
        most: usize,
    ) -> Result<Vec<AccountEvent>, LedgerError> {
        let owner = self.account_owner(tenant, account, customer);
        let key = Key::of(owner, FacetKind::Balance);
        let entries = self.ledger.history(&owner, before, most)?;
        let told = |entry: Entry| {
            let receipt = entry.receipt.as_ref();
            let movement = receipt.and_then(|r| AccountMovement::of(r, entry.event.number, &key));
            AccountEvent { entry, movement }
        };
        Ok(entries.into_iter().map(told).collect())
    }
}
