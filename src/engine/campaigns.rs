//! Campaigns: design, pause. For the office; all calls block.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use super::Engine;
use super::patterns::pattern_of_document;
use crate::catalog::{
    CampaignDocument, CampaignError, Change, Expect, FieldError, Source, StoreError, Stored,
};
use crate::codes::{Pattern, Verdict};
use crate::domain::campaign::{Campaign, Status};
use crate::domain::code::Normal;
use crate::domain::id::{CampaignId, Owner, TenantId};

impl Engine {
    /// Stores a campaign's document: a new campaign, a new version, a new status, or nothing when
    /// it says what is there. In force for the next request.
    ///
    /// # Errors
    /// When somebody else changed it first, or the document has mistakes.
    pub fn put_campaign(
        &self,
        tenant: &TenantId,
        document: CampaignDocument,
        expect: Expect,
        who: &str,
    ) -> Result<(Stored, Change), CampaignError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let pattern = self.check_pattern(tenant, &document)?;
        let id = document.id.clone();
        let owner = self.campaign_owner(tenant, &id);
        self.checked(tenant, &document, 1, owner, Status::Active)?;
        let now = self.now();
        let step = self.in_step();
        let (stored, change) = self.catalog.put_campaign(tenant, document, expect, owner, now)?;
        self.take_up(&stored.campaign, pattern);
        drop(step);
        self.audit(who, format!("campaign {id}: {change:?}, version {}", stored.campaign.version))?;
        Ok((stored, change))
    }

    /// What [`Engine::put_campaign`] would do, without doing it.
    ///
    /// # Errors
    /// As there.
    pub fn plan_campaign(
        &self,
        tenant: &TenantId,
        document: &CampaignDocument,
    ) -> Result<(Option<Stored>, Campaign), CampaignError> {
        self.check_pattern(tenant, document)?;
        let owner = self.campaign_owner(tenant, &document.id);
        let id = CampaignId::parse(&document.id).ok();
        let known = match &id {
            Some(id) => self.catalog.campaign(tenant, id, None)?,
            None => None,
        };
        let version = known.as_ref().map_or(1, |known| known.campaign.version + 1);
        let status = known.as_ref().map_or(Status::Active, |known| known.campaign.status);
        let campaign = self.checked(tenant, document, version, owner, status)?;
        Ok((known, campaign))
    }

    /// The campaign of a document without mistakes, which names nothing that does not exist.
    fn checked(
        &self,
        tenant: &TenantId,
        document: &CampaignDocument,
        version: u32,
        owner: Owner,
        status: Status,
    ) -> Result<Campaign, CampaignError> {
        let campaign = document.compile(tenant, version, owner, status);
        let campaign = campaign.map_err(CampaignError::Invalid)?;
        let mistakes = self.check_references(tenant, &campaign)?;
        if mistakes.is_empty() { Ok(campaign) } else { Err(CampaignError::Invalid(mistakes)) }
    }

    /// Changes where a campaign stands. In force for the next request.
    ///
    /// # Errors
    /// When somebody else changed it first.
    pub fn put_status(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        status: Status,
        expect: Expect,
        who: &str,
    ) -> Result<Option<Stored>, CampaignError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let step = self.in_step();
        let stored = self.catalog.put_status(tenant, id, status, expect, self.now())?;
        if let Some(stored) = &stored {
            self.take_up(&stored.campaign, None);
        }
        drop(step);
        if stored.is_some() {
            self.audit(who, format!("campaign {id}: {}", status.name()))?;
        }
        Ok(stored)
    }

    /// A campaign in one version, or as it is now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn campaign(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        version: Option<u32>,
    ) -> Result<Option<Stored>, StoreError> {
        self.catalog.campaign(tenant, id, version)
    }

    fn campaign_owner(&self, tenant: &TenantId, id: &str) -> Owner {
        Owner(self.keys.derive("campaign", &[tenant.as_str().as_bytes(), id.as_bytes()]))
    }

    /// Lets requests see a campaign. Whoever calls is in step with the catalog.
    pub(super) fn take_up(&self, campaign: &Arc<Campaign>, pattern: Option<Pattern>) {
        self.index.change(|definitions| definitions.put_campaign(Arc::clone(campaign)));
        if let Some(pattern) = pattern {
            if self.patterns.load().has(&campaign.tenant, &pattern) {
                return;
            }
            let mut patterns = super::Patterns::clone(&self.patterns.load());
            patterns.add(&campaign.tenant, Arc::new(pattern));
            self.patterns.store(Arc::new(patterns));
        }
    }

    /// A pattern must not be able to make a code that another pattern can make, nor claim an own
    /// code that exists: only so is "mistyped" certain without a look-up.
    fn check_pattern(
        &self,
        tenant: &TenantId,
        document: &CampaignDocument,
    ) -> Result<Option<Pattern>, CampaignError> {
        let wrong = |message: String| {
            let path = "codes.pattern".to_owned();
            CampaignError::Invalid(vec![FieldError { path, message, suggestion: None }])
        };
        let pattern = pattern_of_document(document).map_err(wrong)?;
        let Some(pattern) = pattern else { return Ok(None) };
        if let Some(other) = self.patterns.load().clash(tenant, &pattern) {
            return Err(wrong(format!(
                "can make the same codes as the pattern {:?} of another campaign; use that one, or other fixed letters",
                other.as_str()
            )));
        }
        if self.patterns.load().has(tenant, &pattern) {
            return Ok(Some(pattern));
        }
        if let Some(masked) = self.own_code_like(tenant, &pattern)? {
            return Err(wrong(format!(
                "would claim the own code {masked}, which exists; use other fixed letters or another length"
            )));
        }
        Ok(Some(pattern))
    }

    /// An own code of the tenant that looks as if it were made, perhaps with a slip, by `pattern`;
    /// masked.
    fn own_code_like(
        &self,
        tenant: &TenantId,
        pattern: &Pattern,
    ) -> Result<Option<String>, StoreError> {
        let mut claimed = None;
        for batch in self.catalog.batches()? {
            let own = matches!(batch.issue.source, Source::Imported | Source::ByHand);
            if !own || batch.issue.tenant != *tenant {
                continue;
            }
            let all = 0..u32::try_from(batch.stored).unwrap_or(u32::MAX);
            self.catalog.rows(batch.number, all, |row| {
                let normal = Normal::parse(row.text);
                let is_claimed = normal.is_ok_and(|n| pattern.verify(&n) != Verdict::NotMine);
                if is_claimed {
                    claimed = Some(crate::domain::code::masked(row.text).to_string());
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            if claimed.is_some() {
                break;
            }
        }
        Ok(claimed)
    }
}
