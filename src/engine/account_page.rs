//! One customer's account: what is in it, and what happened to it.

use std::sync::Arc;

use super::look::Owners;
use super::{CodeError, Engine, PurseName};
use crate::domain::account::Account;
use crate::domain::book::Lot;
use crate::domain::id::TenantId;
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
    ) -> Result<Vec<Entry>, LedgerError> {
        let owner = self.account_owner(tenant, account, customer);
        self.ledger.history(&owner, before, most)
    }
}
