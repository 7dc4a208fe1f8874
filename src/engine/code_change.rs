//! Changing one code: block, pay, bind, replace, link. For the office; all calls block.

use std::sync::{Arc, PoisonError};

use super::named::question_of;
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
use crate::domain::rules::{self, Seen};
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
    /// Refer to the holder's picture, or to none.
    Photo(Option<String>),
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
        change: &CodeChange,
        who: &str,
    ) -> Result<(), CodeError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, _) = self.find(tenant, text)?;
        let what = match change {
            CodeChange::Revoke => "revoked".to_owned(),
            CodeChange::Reinstate => "reinstated".to_owned(),
            CodeChange::Paid(at) => format!("paid at {}", at.to_rfc3339()),
            CodeChange::Holder(_) => "holder changed".to_owned(),
            CodeChange::Photo(_) => "photo changed".to_owned(),
        };
        self.change_own(key, |mut own| {
            match change {
                CodeChange::Revoke => own.state = CodeState::Revoked,
                CodeChange::Reinstate => own.state = CodeState::Live,
                CodeChange::Paid(at) => own.paid = Some(*at),
                CodeChange::Holder(holder) => own.holder.clone_from(holder),
                CodeChange::Photo(photo) => own.photo.clone_from(photo),
            }
            Ok(vec![(key, own)])
        })?;
        self.audit(who, format!("code {}: {what}", masked(text)))?;
        Ok(())
    }

    /// Lets a new code take the place of an old one: the new one has what was left of the old one,
    /// its uses and balance and history; the old one is refused from now on. Without a new text,
    /// one is generated. Gives the new code's text.
    ///
    /// # Errors
    /// When the old code does not exist or was replaced before, or the new one exists. After a
    /// failure or a crash the old code is as it was, or is replaced; a new code that was stored
    /// without taking its place can never be used.
    pub fn replace_code(
        &self,
        tenant: &TenantId,
        old: &str,
        new: Option<&str>,
        who: &str,
    ) -> Result<String, CodeError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let (old_key, _) = self.find(tenant, old)?;
        // What the heir gets is what the old code has now, whichever node changed it last.
        self.reread_overrides(&[old_key])?;
        let (_, found) = self.find(tenant, old)?;
        let before = self.index.override_of(&old_key);
        if found.code.state == CodeState::Replaced {
            return Err(Refusal::new(Reason::CodeReplaced).into());
        }
        let (text, source) = match new {
            Some(new) => (new.trim().to_owned(), Source::ByHand),
            None => self.fresh_text(tenant, &found)?,
        };
        let heir_key = self.heir_key(tenant, &text, &source)?;
        let heir = heir(&found, self.now());
        let campaign = Campaign { version: found.worth.version, ..Campaign::clone(&found.worth) };
        let order = IssueOrder {
            label: "replacement".to_owned(),
            ..IssueOrder::plain(campaign.id.clone())
        };
        let batch = self.begin(tenant, &order, &campaign, source, Some(1))?;
        // It cannot be used before the old one cannot be any more, whatever happens in between.
        let unborn = Override { state: CodeState::Replaced, ..heir.clone() };
        self.store_block(&batch, &[(heir_key, &text)], vec![(heir_key, unborn)])?;
        self.catalog.complete_batch(batch.number).map_err(super::IssueError::from)?;
        self.change_own(old_key, |own| {
            let none = Arc::new(indexed_override(Override::default()));
            if *before.as_ref().unwrap_or(&none) != Arc::new(indexed_override(own.clone())) {
                return Err(StoreError::Contended.into());
            }
            let replaced =
                Override { state: CodeState::Replaced, replaced_by: Some(heir_key), ..own };
            Ok(vec![(old_key, replaced), (heir_key, heir.clone())])
        })?;
        self.audit(who, format!("code {}: replaced by {}", masked(old), masked(&text)))?;
        Ok(text)
    }

    /// Adds a medium to a code: a barcode, a chip or a transponder id that is the same pass or
    /// voucher under another text, with the same uses, balance and history. Each medium can be
    /// blocked and bound by itself; what the code has of its own now, the medium has from then on.
    /// A medium of another code of the campaign is taken from there.
    ///
    /// # Errors
    /// When the code does not exist or cannot be used for good, or the medium is a code by itself
    /// or one of another campaign.
    pub fn link_medium(
        &self,
        tenant: &TenantId,
        code: &str,
        medium: &str,
        who: &str,
    ) -> Result<(), CodeError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, _) = self.find(tenant, code)?;
        self.reread_overrides(&[key])?;
        let (_, found) = self.find(tenant, code)?;
        match found.code.state {
            CodeState::Live => {}
            CodeState::Revoked => return Err(Refusal::new(Reason::CodeRevoked).into()),
            CodeState::Replaced => return Err(Refusal::new(Reason::CodeReplaced).into()),
        }
        let medium = medium.trim();
        let own = heir(&found, self.now());
        let told = format!("code {}: reached by {}", masked(code), masked(medium));
        if let Ok((medium_key, linked)) = self.find(tenant, medium) {
            let is_medium = linked.code.owner.0 != *medium_key.as_bytes();
            if !is_medium || linked.worth != found.worth {
                return Err(CodeError::NewCode(
                    "exists already, and is no medium of this campaign",
                ));
            }
            self.change_own(medium_key, |_| Ok(vec![(medium_key, own.clone())]))?;
            self.audit(who, told)?;
            return Ok(());
        }
        let medium_key = self.heir_key(tenant, medium, &Source::ByHand)?;
        let campaign = Campaign { version: found.worth.version, ..Campaign::clone(&found.worth) };
        let order =
            IssueOrder { label: "media".to_owned(), ..IssueOrder::plain(campaign.id.clone()) };
        let batch = self.begin(tenant, &order, &campaign, Source::ByHand, Some(1))?;
        self.store_block(&batch, &[(medium_key, medium)], vec![(medium_key, own)])?;
        self.catalog.complete_batch(batch.number).map_err(super::IssueError::from)?;
        self.audit(who, told)?;
        Ok(())
    }

    /// Stores what `change` makes of what a code has different, and perhaps of another code. What
    /// another node has changed before is never undone; a replaced code stays what it is.
    fn change_own(
        &self,
        key: CodeKey,
        change: impl Fn(Override) -> Result<Vec<(CodeKey, Override)>, CodeError>,
    ) -> Result<(), CodeError> {
        let _step = self.in_step();
        let stored = self.catalog.change_override(&key, |own| {
            let own = own.unwrap_or_default();
            if own.state == CodeState::Replaced {
                return Err(Refusal::new(Reason::CodeReplaced).into());
            }
            change(own)
        })?;
        for (key, own) in stored {
            self.index.put_override(key, Arc::new(indexed_override(own)));
        }
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

/// What a code that takes another's place, or stands beside it, has of its own: everything that the
/// other had, of its own or from its batch.
fn heir(found: &Found, now: Timestamp) -> Override {
    let code = &found.code;
    let relative = found.campaign.validity.relative;
    let runs_from_issue = relative.is_some_and(|relative| relative.since == Since::Issue);
    let seen = Seen::default();
    let order = Order::default();
    let question = question_of(found, &seen, &order, now);
    // The heir is issued later; its time is not.
    let valid_until =
        if runs_from_issue { rules::window(&question).until } else { code.valid_until };
    Override {
        state: CodeState::Live,
        paid: code.paid,
        holder: code.holder.as_deref().map(str::to_owned),
        photo: code.photo.as_deref().map(str::to_owned),
        issued: None,
        uses: code.uses,
        balance_minor: code.balance_minor,
        valid_from: code.valid_from,
        valid_until,
        owner: Some(code.owner),
        replaced_by: None,
    }
}
