//! A voucher or credit instead of money back: what comes with a release, or not at all. Blocks.
//!
//! The new code is issued empty, before the release, under an id that follows from the release's:
//! repeated, the request finds the same code. Its worth comes with the release, in one step of the
//! ledger; so a code that was issued for a release that was refused is worth nothing.

use super::{CodeError, Engine, IssueOne, IssuedCode, PurseName};
use crate::domain::id::{CampaignId, RequestId, TenantId};
use crate::domain::money::Currency;
use crate::domain::posting::{Leg, State};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::time::Timestamp;

/// What somebody gets instead of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreditWish {
    /// A fresh code of a campaign whose codes have a balance.
    Voucher {
        /// The campaign.
        campaign: CampaignId,
        /// The customer that the code is bound to.
        holder: Option<String>,
    },
    /// A customer's account.
    Account {
        /// The account.
        account: String,
        /// The customer.
        customer: String,
    },
}

/// What comes with a release.
#[derive(Debug, Clone)]
pub struct Credit {
    /// For the release.
    pub leg: Leg,
    /// The fresh code.
    pub code: Option<String>,
    /// The currency of its worth; absent: points.
    pub currency: Option<Currency>,
}

/// The release that a credit comes with.
#[derive(Debug, Clone, Copy)]
pub struct CreditFor<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// The hold or redemption that is released.
    pub id: RequestId,
    /// The release.
    pub release: RequestId,
    /// The moment of the request.
    pub now: Timestamp,
    /// Who asks, for the audit log.
    pub who: &'a str,
}

impl Engine {
    /// Makes ready what comes with a release: `amount` turns what was asked for into the minor
    /// units or points of the purse that it comes into.
    ///
    /// # Errors
    /// When there is nothing left to release, no such campaign or account, or no code can be
    /// issued; and what `amount` says.
    pub fn credit<E: From<CodeError>>(
        &self,
        of: CreditFor<'_>,
        wish: &CreditWish,
        amount: impl FnOnce(Option<Currency>) -> Result<u64, E>,
    ) -> Result<Credit, E> {
        let CreditFor { tenant, id, release, now, .. } = of;
        let earlier = self.earlier_credit(tenant, id, release)?;
        let (purse, code) = match wish {
            CreditWish::Account { account, customer } => {
                let name = PurseName::Account { account, customer };
                (self.purse(tenant, name).map_err(CodeError::Refused)?, None)
            }
            CreditWish::Voucher { campaign, holder } => {
                let issued = self.voucher(of, campaign, holder.clone())?;
                let found = self.index.find(&issued.key).ok_or(Reason::CodeNotFound.into());
                let found = found.map_err(|refusal: Refusal| CodeError::Refused(refusal))?;
                (self.purse_of(issued.key, found), Some(issued.text))
            }
        };
        let amount = amount(purse.currency)?;
        // A repeat must mean the same, also on another day.
        let leg = match earlier {
            Some(Leg::Earn { key, amount: before, .. })
                if key == purse.key() && before == amount =>
            {
                earlier
            }
            _ => None,
        };
        let leg = leg.unwrap_or_else(|| self.earn(&purse, amount, now));
        Ok(Credit { leg, code, currency: purse.currency })
    }

    /// A fresh code without any worth.
    fn voucher(
        &self,
        of: CreditFor<'_>,
        campaign: &CampaignId,
        holder: Option<String>,
    ) -> Result<IssuedCode, CodeError> {
        let definitions = self.index.definitions();
        let known = definitions.campaign(of.tenant, campaign);
        if known.is_some_and(|campaign| !campaign.has_balance()) {
            return Err(super::IssueError::NoBalance(campaign.clone()).into());
        }
        let request = RequestId(self.keys.derive("credit", &[&of.release.0]));
        let wish =
            IssueOne { holder, paid: Some(of.now), balance_minor: Some(0), ..IssueOne::default() };
        Ok(self.issue_one(of.tenant, campaign, wish, request, of.who)?)
    }

    /// The credit that this release came with before. A release that can do nothing, and did
    /// nothing before, is refused, so that no code is issued for nothing.
    fn earlier_credit(
        &self,
        tenant: &TenantId,
        id: RequestId,
        release: RequestId,
    ) -> Result<Option<Leg>, CodeError> {
        let release = self.posting_id(tenant, release);
        let receipt = self.ledger.receipt(&self.posting_id(tenant, id))?;
        let receipt = receipt.ok_or(Reason::RedemptionNotFound);
        let receipt = receipt.map_err(|reason| CodeError::Refused(reason.into()))?;
        let earlier = receipt.releases.iter().find(|earlier| earlier.id == release);
        match receipt.state {
            _ if earlier.is_some() => {
                Ok(earlier.and_then(|earlier| earlier.credit.as_ref()).map(|c| c.0.clone()))
            }
            State::Held | State::Redeemed => Ok(None),
            State::Released => Err(CodeError::Refused(Reason::AlreadyReleased.into())),
            State::Expired => Err(CodeError::Refused(Reason::HoldExpired.into())),
        }
    }
}
