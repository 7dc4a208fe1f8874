//! A slot as people write it: a date or service that accepts one group of campaigns.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FieldError;
use super::check::Check;
use crate::domain::id::REFERENCE_BYTES_MAX;
use crate::domain::policy::Slot;

/// A bookable date or service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlotDocument {
    /// The id by which orders name it: any text of up to 128 bytes without control characters.
    pub id: String,
    /// The one group of campaigns that it accepts.
    pub group: String,
}

impl SlotDocument {
    /// The slot that this document describes.
    ///
    /// # Errors
    /// All mistakes in the document, each with its place.
    pub fn compile(&self) -> Result<Slot, Vec<FieldError>> {
        let mut check = Check::default();
        check.text("id", &self.id, REFERENCE_BYTES_MAX);
        check.slug("group", &self.group);
        check.finish(Slot { id: self.id.as_str().into(), group: self.group.as_str().into() })
    }
}
