//! Changing one code: block, pay, bind, replace. For the office; all calls block.

use std::sync::{Arc, PoisonError};

use super::open::indexed_override;
use super::patterns::pattern_of;
use super::{CodeError, Engine, IssueOrder};
use crate::catalog::{Override, Source, StoreError};
use crate::codes::{Series, Verdict};
use crate::domain::campaign::{Campaign, CheckRule, CodeState, Since};
use crate::domain::code::{CodeKey, Normal, masked};
use crate::domain::id::TenantId;
use crate::domain::order::Order;
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::rules::{self, Question, Seen};
use crate::domain::time::Timestamp;
use crate::index::Found;

/// What the office changes about one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeChange {
    /// Block it.
    Revoke,
    /// Let a blocked one be used again.
    Reinstate,
    /// It was paid then.
    Paid(Timestamp),
    /// Bind it to a customer, or to nobody.
    Holder(Option<String>),
}

impl Engine {
    /// Changes one code. In force for the next request.
    ///
    /// # Errors
    /// When there is no such code, or the store fails.
    pub fn change_code(
        &self,
        tenant: &TenantId,
        text: &str,
        change: CodeChange,
        who: &str,
    ) -> Result<(), CodeError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, found) = self.find(tenant, text)?;
        if found.code.state == CodeState::Replaced {
            return Err(Refusal::new(Reason::CodeReplaced).into());
        }
        let mut own = self.catalog.override_of(&key)?.unwrap_or_default();
        let what = match change {
            CodeChange::Revoke => {
                own.state = CodeState::Revoked;
                "revoked".to_owned()
            }
            CodeChange::Reinstate => {
                own.state = CodeState::Live;
                "reinstated".to_owned()
            }
            CodeChange::Paid(at) => {
                own.paid = Some(at);
                format!("paid at {}", at.to_rfc3339())
            }
            CodeChange::Holder(holder) => {
                own.holder = holder;
                "holder changed".to_owned()
            }
        };
        self.put_own(key, own)?;
        self.audit(who, format!("code {}: {what}", masked(text)))?;
        Ok(())
    }

    /// Lets a new code take the place of an old one: the new one has what was left of the old one,
    /// its uses and balance and history; the old one is refused from now on. Without a new text,
    /// one is generated. Gives the new code's text.
    ///
    /// # Errors
    /// When the old code does not exist or was replaced before, or the new one exists.
    pub fn replace_code(
        &self,
        tenant: &TenantId,
        old: &str,
        new: Option<&str>,
        who: &str,
    ) -> Result<String, CodeError> {
        let (old_key, found) = self.find(tenant, old)?;
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let own = self.catalog.override_of(&old_key)?.unwrap_or_default();
        // After a crash in between, the old code says it was replaced by one that never came: then
        // it can be replaced again.
        let has_heir = own.replaced_by.is_some_and(|heir| self.index.lookup(&heir).is_some());
        if found.code.state == CodeState::Replaced && has_heir {
            return Err(Refusal::new(Reason::CodeReplaced).into());
        }
        let (text, source) = match new {
            Some(new) => (new.trim().to_owned(), Source::ByHand),
            None => self.fresh_text(tenant, &found)?,
        };
        let heir_key = self.heir_key(tenant, &text, &source)?;
        let heir = heir(&found, self.now());
        let replaced = Override { state: CodeState::Replaced, replaced_by: Some(heir_key), ..own };
        // The old one first: whatever happens in between, never can both be used.
        self.put_own(old_key, replaced)?;
        let campaign = Campaign { version: found.worth.version, ..Campaign::clone(&found.worth) };
        let order = IssueOrder {
            label: "replacement".to_owned(),
            ..IssueOrder::plain(campaign.id.clone())
        };
        let batch = self.begin(tenant, &order, &campaign, source, Some(1))?;
        self.store_block(&batch, &[(heir_key, &text)], vec![(heir_key, heir)])?;
        self.catalog.complete_batch(batch.number).map_err(super::IssueError::from)?;
        self.audit(who, format!("code {}: replaced by {}", masked(old), masked(&text)))?;
        Ok(text)
    }

    fn put_own(&self, key: CodeKey, own: Override) -> Result<(), StoreError> {
        self.catalog.put_overrides(&[(key, own.clone())])?;
        self.index.put_override(key, Arc::new(indexed_override(own)));
        Ok(())
    }

    /// One more code of the campaign's pattern.
    fn fresh_text(&self, tenant: &TenantId, found: &Found) -> Result<(String, Source), CodeError> {
        let id = &found.campaign.id;
        let no_pattern = || super::IssueError::NoPattern(id.clone());
        let pattern = pattern_of(&found.campaign).ok_or_else(no_pattern)?;
        let format = found.campaign.code_format.as_ref().ok_or_else(no_pattern)?;
        let first_serial = self.reserve_serials(tenant, &pattern, 1)?;
        let source = Source::Generated {
            pattern: format.pattern.to_string(),
            alphabet: format.alphabet.to_string(),
            check: format.check == CheckRule::Checked,
            first_serial,
        };
        let series = Series::new(pattern, &self.keys, tenant.as_str());
        let text = series.text(first_serial).ok_or_else(no_pattern)?;
        Ok((text.as_str().to_owned(), source))
    }

    fn heir_key(
        &self,
        tenant: &TenantId,
        text: &str,
        source: &Source,
    ) -> Result<CodeKey, CodeError> {
        let normal = Normal::parse(text).map_err(|_wrong| CodeError::NewCode("is malformed"))?;
        let key = self.keys.key(tenant.as_str(), &normal);
        if self.index.lookup(&key).is_some() {
            return Err(CodeError::NewCode("exists already"));
        }
        let is_own = matches!(source, Source::ByHand);
        if is_own && self.patterns.load().verdict(tenant, &normal) != Verdict::NotMine {
            return Err(CodeError::NewCode("looks like one that a pattern makes"));
        }
        Ok(key)
    }
}

/// What the code that takes another's place has of its own: everything that the other had, of its
/// own or from its batch.
fn heir(found: &Found, now: Timestamp) -> Override {
    let code = &found.code;
    let relative = found.campaign.validity.relative;
    let runs_from_issue = relative.is_some_and(|relative| relative.since == Since::Issue);
    let seen = Seen::default();
    let order = Order::default();
    let question = Question {
        campaign: &found.campaign,
        worth: &found.worth,
        code,
        seen: &seen,
        order: &order,
        now,
        alone: true,
    };
    // The heir is issued later; its time is not.
    let valid_until =
        if runs_from_issue { rules::window(&question).until } else { code.valid_until };
    Override {
        state: CodeState::Live,
        paid: code.paid,
        holder: code.holder.as_deref().map(str::to_owned),
        uses: code.uses,
        balance_minor: code.balance_minor,
        valid_from: code.valid_from,
        valid_until,
        owner: Some(code.owner),
        replaced_by: None,
    }
}
