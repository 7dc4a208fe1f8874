//! The patterns that each tenant's codes are made by: a mistyped code is known before any look-up.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::CampaignDocument;
use crate::codes::{Alphabet, Check, Pattern, Verdict};
use crate::domain::campaign::{Campaign, CheckRule};
use crate::domain::code::Normal;
use crate::domain::id::TenantId;

/// All patterns in use, by tenant and by the length of their codes.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns {
    by_tenant: HashMap<TenantId, HashMap<usize, Vec<Arc<Pattern>>>>,
}

impl Patterns {
    /// What the tenant's patterns say of a code. Right by one is right; else mistyped by one is
    /// mistyped.
    pub(super) fn verdict(&self, tenant: &TenantId, normal: &Normal) -> Verdict {
        let by_len = self.by_tenant.get(tenant);
        let Some(candidates) = by_len.and_then(|by_len| by_len.get(&normal.as_bytes().len()))
        else {
            return Verdict::NotMine;
        };
        let mut verdict = Verdict::NotMine;
        for pattern in candidates {
            match pattern.verify(normal) {
                Verdict::Right => return Verdict::Right,
                Verdict::Mistyped => verdict = Verdict::Mistyped,
                Verdict::NotMine => {}
            }
        }
        verdict
    }

    /// A pattern of the tenant, of another shape, that could make one of the same codes.
    pub(super) fn clash(&self, tenant: &TenantId, pattern: &Pattern) -> Option<&Arc<Pattern>> {
        self.of(tenant).find(|known| known.shape() != pattern.shape() && known.overlaps(pattern))
    }

    /// Adds a pattern; one of the same shape is there once.
    pub(super) fn add(&mut self, tenant: &TenantId, pattern: Arc<Pattern>) {
        let by_len = self.by_tenant.entry(tenant.clone()).or_default();
        let same_len = by_len.entry(pattern.normal_len()).or_default();
        if !same_len.iter().any(|known| known.shape() == pattern.shape()) {
            same_len.push(pattern);
        }
    }

    /// Whether a pattern of this shape is there.
    pub(super) fn has(&self, tenant: &TenantId, pattern: &Pattern) -> bool {
        self.of(tenant).any(|known| known.shape() == pattern.shape())
    }

    fn of(&self, tenant: &TenantId) -> impl Iterator<Item = &Arc<Pattern>> {
        self.by_tenant.get(tenant).into_iter().flat_map(HashMap::values).flatten()
    }
}

/// The pattern that a campaign's codes are made by. `None` for a campaign without one; a stored
/// campaign's pattern was checked when it was stored.
pub(super) fn pattern_of(campaign: &Campaign) -> Option<Pattern> {
    let format = campaign.code_format.as_ref()?;
    let check = match format.check {
        CheckRule::Checked => Check::On,
        CheckRule::Unchecked => Check::Off,
    };
    Pattern::parse(&format.pattern, format.alphabet.parse().ok()?, check).ok()
}

/// The pattern that a document asks for, or what is wrong with it.
pub(super) fn pattern_of_document(document: &CampaignDocument) -> Result<Option<Pattern>, String> {
    let Some(codes) = &document.codes else { return Ok(None) };
    let alphabet = match codes.alphabet.as_deref() {
        Some(name) => name.parse::<Alphabet>().map_err(|error| error.to_string())?,
        None => Alphabet::default(),
    };
    let check = if codes.check.unwrap_or(true) { Check::On } else { Check::Off };
    Pattern::parse(&codes.pattern, alphabet, check).map(Some).map_err(|error| error.to_string())
}
