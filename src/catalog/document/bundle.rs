//! What one file holds: one campaign, or any number of definitions of all sorts.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::Check;
use super::read::{self, BUNDLE_BYTES_MAX};
use super::{
    AccountDocument, CampaignDocument, FieldError, GroupDocument, PolicyDocument, SlotDocument,
};
use crate::domain::campaign::Status;
use crate::domain::id::{Owner, TenantId};

/// Most slots in one bundle.
pub const SLOTS_MAX: usize = 10_000;

/// Most definitions of any other sort in one bundle.
const DEFINITIONS_MAX: usize = 1_000;

/// Definitions of all sorts; in TOML `[[account]]`, `[[group]]`, `[[slot]]`, `[policy]` and
/// `[[campaign]]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleDocument {
    /// The version of this format. Default 1, the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
    /// Accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub account: Vec<AccountDocument>,
    /// Groups of campaigns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<GroupDocument>,
    /// Slots, at most 10,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slot: Vec<SlotDocument>,
    /// What holds for all orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyDocument>,
    /// Campaigns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaign: Vec<CampaignDocument>,
    #[serde(skip)]
    shape: Shape,
}

/// How a file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shape {
    /// With a heading for each definition.
    #[default]
    Headings,
    /// As one campaign.
    Campaign,
}

/// What tells a campaign from a bundle: it has these, and a bundle has neither.
#[derive(Deserialize)]
struct Marks {
    id: Option<serde::de::IgnoredAny>,
    kind: Option<serde::de::IgnoredAny>,
}

impl Marks {
    fn are_of_campaign(&self) -> bool {
        self.id.is_some() || self.kind.is_some()
    }
}

impl From<CampaignDocument> for BundleDocument {
    fn from(campaign: CampaignDocument) -> Self {
        Self { campaign: vec![campaign], shape: Shape::Campaign, ..Self::default() }
    }
}

impl BundleDocument {
    /// Reads a campaign or a bundle from JSON.
    ///
    /// # Errors
    /// When it is longer than [`BUNDLE_BYTES_MAX`], no JSON, or has wrong or unknown fields.
    pub fn from_json(text: &str) -> Result<Self, FieldError> {
        // What cannot be read at all is told by the second reading.
        match serde_json::from_str::<Marks>(text) {
            Ok(marks) if marks.are_of_campaign() => Ok(CampaignDocument::from_json(text)?.into()),
            Ok(_) | Err(_) => read::json(text, BUNDLE_BYTES_MAX),
        }
    }

    /// Reads a campaign or a bundle from TOML.
    ///
    /// # Errors
    /// When it is longer than [`BUNDLE_BYTES_MAX`], no TOML, or has wrong or unknown fields.
    pub fn from_toml(text: &str) -> Result<Self, FieldError> {
        match toml::from_str::<Marks>(text) {
            Ok(marks) if marks.are_of_campaign() => Ok(CampaignDocument::from_toml(text)?.into()),
            Ok(_) | Err(_) => read::toml(text, BUNDLE_BYTES_MAX),
        }
    }

    /// All mistakes in all definitions, as far as a file shows them: whether what a definition
    /// refers to exists is not known here.
    #[must_use]
    pub fn mistakes(&self) -> Vec<FieldError> {
        let mut check = Check::default();
        check.format(self.format);
        check.at_most("slot", self.slot.len(), SLOTS_MAX);
        check.at_most("account", self.account.len(), DEFINITIONS_MAX);
        check.at_most("group", self.group.len(), DEFINITIONS_MAX);
        check.at_most("campaign", self.campaign.len(), DEFINITIONS_MAX);
        repeated(&mut check, "account", self.account.iter().map(|one| one.id.as_str()));
        repeated(&mut check, "group", self.group.iter().map(|one| one.id.as_str()));
        repeated(&mut check, "slot", self.slot.iter().map(|one| one.id.as_str()));
        repeated(&mut check, "campaign", self.campaign.iter().map(|one| one.id.as_str()));
        let mut mistakes = check.errors();
        let mut note = |found: Option<Vec<FieldError>>, prefix: String| {
            for mut mistake in found.into_iter().flatten() {
                let dot = if prefix.is_empty() || mistake.path.is_empty() { "" } else { "." };
                mistake.path = format!("{prefix}{dot}{}", mistake.path);
                mistakes.push(mistake);
            }
        };
        for (place, account) in self.account.iter().enumerate() {
            note(account.compile().err(), format!("account[{place}]"));
        }
        for (place, group) in self.group.iter().enumerate() {
            note(group.compile().err(), format!("group[{place}]"));
        }
        for (place, slot) in self.slot.iter().enumerate() {
            note(slot.compile().err(), format!("slot[{place}]"));
        }
        if let Some(policy) = &self.policy {
            note(policy.compile().err(), "policy".to_owned());
        }
        for (place, campaign) in self.campaign.iter().enumerate() {
            let prefix = match self.shape {
                Shape::Headings => format!("campaign[{place}]"),
                Shape::Campaign => String::new(),
            };
            note(mistakes_of(campaign), prefix);
        }
        mistakes
    }
}

/// A campaign's mistakes are the same whoever's it is.
fn mistakes_of(campaign: &CampaignDocument) -> Option<Vec<FieldError>> {
    let anybody = TenantId::parse("anybody").ok()?;
    campaign.compile(&anybody, 1, Owner([0; 16]), Status::Draft).err()
}

fn repeated<'a>(check: &mut Check, sort: &str, ids: impl Iterator<Item = &'a str>) {
    let mut places_by_id = HashMap::new();
    for (place, id) in ids.enumerate() {
        if let Some(first) = places_by_id.insert(id, place) {
            check.fail(&format!("{sort}[{place}].id"), format!("is that of {sort}[{first}] too"));
        }
    }
}
