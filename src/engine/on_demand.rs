//! Single codes as they are needed: after a payment, on a birthday, for a trip that was cancelled.
//! Blocks.
//!
//! They lie in a batch that grows, one for each version and label of a campaign. Each is stored
//! together with the request that asked for it, so that the request, repeated at any time and on
//! any node, finds its code again.

use std::sync::{Arc, PoisonError};

use super::open::indexed_override;
use super::patterns::pattern_of;
use super::{Engine, IssueError, IssueOrder};
use crate::catalog::{
    Batch, BatchError, Issued, Lies, NonceBytes, Override, Single, Source, StoreError,
};
use crate::codes::{Series, strength};
use crate::domain::campaign::{Campaign, CheckRule, CodeFormat};
use crate::domain::code::{CodeKey, Normal, masked};
use crate::domain::id::{CampaignId, RequestId, TenantId};
use crate::domain::time::Timestamp;
use crate::index::Entry;

/// What a single code has of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IssueOne {
    /// What people call the codes that are issued like this one; may be empty.
    pub label: String,
    /// The customer it is bound to.
    pub holder: Option<String>,
    /// A reference to the holder's picture.
    pub photo: Option<String>,
    /// When it was paid.
    pub paid: Option<Timestamp>,
    /// Its number of uses, where it is not the campaign's.
    pub uses: Option<u64>,
    /// Its starting balance, where it is not the campaign's, in minor units.
    pub balance_minor: Option<i64>,
    /// Its first moment, where it is not the campaign's.
    pub valid_from: Option<Timestamp>,
    /// Its first moment after, where it is not the campaign's.
    pub valid_until: Option<Timestamp>,
}

/// A code that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCode {
    /// Its text: the secret itself.
    pub text: String,
    /// Its key, which is also what owns its counters and its balance.
    pub key: CodeKey,
    /// The version of its campaign that says what it is worth.
    pub version: u32,
    /// The number of its batch.
    pub batch: u32,
    /// Its position there, from 0.
    pub position: u32,
    /// Whether the same request had it before.
    pub is_repeated: bool,
}

impl Engine {
    /// Issues one fresh code of a campaign, durable and usable when answered; for a request that
    /// was made before, its code. What that request asked for then stands.
    ///
    /// # Errors
    /// When there is no such campaign, it has no pattern or its pattern is used up, or the request
    /// asked for something of another kind before.
    pub fn issue_one(
        &self,
        tenant: &TenantId,
        campaign: &CampaignId,
        wish: IssueOne,
        request: RequestId,
        who: &str,
    ) -> Result<IssuedCode, IssueError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lies) = self.catalog.issued_by(tenant, request)? {
            return self.issued_before(tenant, campaign, lies);
        }
        let order = IssueOrder {
            label: wish.label.clone(),
            balance_minor: wish.balance_minor,
            ..IssueOrder::plain(campaign.clone())
        };
        let campaign = self.campaign_for(tenant, &order)?;
        let no_pattern = || IssueError::NoPattern(campaign.id.clone());
        let pattern = pattern_of(&campaign).ok_or_else(no_pattern)?;
        let format = campaign.code_format.as_ref().ok_or_else(no_pattern)?;
        let serial = self.reserve_serials(tenant, &pattern, 1)?;
        // So many of this shape there may be: no fewer have been made.
        strength::check(&pattern, serial.saturating_add(1))?;
        let series = Series::new(pattern, &self.keys, tenant.as_str());
        let text = series.text(serial).ok_or_else(no_pattern)?;
        let batch = self.growing_batch(tenant, &campaign, format, &wish.label)?;
        let normal = Normal::parse(text.as_str()).ok();
        let key = normal.map(|normal| self.keys.key(tenant.as_str(), &normal));
        let free = key.filter(|key| self.index.lookup(key).is_none());
        let key = free.ok_or(IssueError::Taken(batch.number))?;
        let text = text.as_str().to_owned();
        let own = own_of(wish, self.now());
        let single = Single { tenant: tenant.clone(), request, key, text, own };
        match self.store_one(&batch, &single)? {
            Issued::Before(lies) => self.issued_before(tenant, &campaign.id, lies),
            Issued::Now(Lies { batch, position }) => {
                let (id, text) = (&campaign.id, single.text);
                self.audit(who, format!("campaign {id}: issued {} on demand", masked(&text)))?;
                let version = campaign.version;
                Ok(IssuedCode { text, key, version, batch, position, is_repeated: false })
            }
        }
    }

    fn store_one(&self, batch: &Batch, single: &Single) -> Result<Issued, IssueError> {
        let mut nonce = NonceBytes::default();
        if !(self.random)(&mut nonce) {
            return Err(IssueError::NoRandomness);
        }
        let _step = self.in_step();
        let issued = self.catalog.issue_one(batch.number, single, nonce)?;
        if let Issued::Now(lies) = issued
            && let Some(entry) = Entry::new(lies.batch, lies.position)
        {
            let own = Arc::new(indexed_override(single.own.clone()));
            self.index.insert_overridden(single.key, entry, own);
        }
        Ok(issued)
    }

    /// The batch in which the codes of this version and label lie; begun when there is none.
    fn growing_batch(
        &self,
        tenant: &TenantId,
        campaign: &Campaign,
        format: &CodeFormat,
        label: &str,
    ) -> Result<Batch, IssueError> {
        let version = campaign.version.to_be_bytes();
        let (tenant_id, id) = (tenant.as_str().as_bytes(), campaign.id.as_str().as_bytes());
        let parts: [&[u8]; 4] = [tenant_id, id, &version, label.as_bytes()];
        let request = RequestId(self.keys.derive("on demand", &parts));
        if let Some(batch) = self.catalog.batch_of_request(tenant, request)? {
            if self.index.definitions().batch(batch.number).is_none() {
                // Another node began it a moment ago.
                self.place_batch(&batch);
            }
            return Ok(batch);
        }
        let source = Source::OnDemand {
            pattern: format.pattern.to_string(),
            alphabet: format.alphabet.to_string(),
            check: format.check == CheckRule::Checked,
        };
        let order = IssueOrder {
            label: label.to_owned(),
            request: Some(request),
            ..IssueOrder::plain(campaign.id.clone())
        };
        self.begin(tenant, &order, campaign, source, None)
    }

    /// The code that a request was given before.
    fn issued_before(
        &self,
        tenant: &TenantId,
        campaign: &CampaignId,
        Lies { batch, position }: Lies,
    ) -> Result<IssuedCode, IssueError> {
        let known = self.catalog.batch(batch)?.ok_or(BatchError::Unknown(batch))?;
        if known.issue.campaign != *campaign {
            return Err(BatchError::RequestMismatch { batch }.into());
        }
        let gone = || IssueError::Removed(campaign.clone());
        let text = self.catalog.text(batch, position)?.ok_or_else(gone)?;
        let damaged = || StoreError::Damaged("a stored code is none".to_owned());
        let normal = Normal::parse(&text).map_err(|_wrong| damaged())?;
        let key = self.keys.key(tenant.as_str(), &normal);
        if self.index.lookup(&key).is_none() {
            // Another node issued it a moment ago.
            self.reread_batch(batch)?;
            self.take_rows(batch, position..position.saturating_add(1))?;
        }
        let version = known.issue.version;
        Ok(IssuedCode { text, key, version, batch, position, is_repeated: true })
    }
}

fn own_of(wish: IssueOne, now: Timestamp) -> Override {
    Override {
        paid: wish.paid,
        holder: wish.holder,
        photo: wish.photo,
        issued: Some(now),
        uses: wish.uses,
        balance_minor: wish.balance_minor,
        valid_from: wish.valid_from,
        valid_until: wish.valid_until,
        ..Override::default()
    }
}
