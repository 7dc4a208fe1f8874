//! A group as people write it: campaigns that a slot can accept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::Check;
use super::compile::boxed;
use super::{FieldError, Texts};
use crate::domain::policy::{Group, NeedsCode};

/// A set of campaigns that a slot can accept. Campaigns say which groups they are in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupDocument {
    /// Its id: 1 to 64 characters of a-z, 0-9, `-` and `_`.
    pub id: String,
    /// Its texts.
    #[serde(default, skip_serializing_if = "GroupTexts::is_empty")]
    pub texts: GroupTexts,
    /// Whether an order for a slot that accepts this group needs a code. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mandatory: Option<bool>,
}

/// A group's texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupTexts {
    /// Its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub name: Texts,
}

impl GroupTexts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl GroupDocument {
    /// The group that this document describes.
    ///
    /// # Errors
    /// All mistakes in the document, each with its place.
    pub fn compile(&self) -> Result<Group, Vec<FieldError>> {
        let mut check = Check::default();
        check.slug("id", &self.id);
        check.texts("texts.name", &self.texts.name);
        let needs_code = match self.mandatory {
            Some(true) => NeedsCode::Mandatory,
            None | Some(false) => NeedsCode::Optional,
        };
        check.finish(Group {
            id: self.id.as_str().into(),
            name: boxed(&self.texts.name),
            needs_code,
        })
    }
}
