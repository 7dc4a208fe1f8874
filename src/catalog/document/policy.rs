//! A tenant's policy as people write it: what holds for all its orders.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FieldError;
use super::check::Check;
use crate::domain::campaign::AccountingType;
use crate::domain::policy::{CODES_MAX, Policy};

/// What holds for all orders of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// How many codes go into one order, 1 to 16. Default 1; where only types have numbers, their
    /// sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes_max: Option<u32>,
    /// How many of them of each accounting type. Default: as many as `codes_max`.
    #[serde(default, skip_serializing_if = "CodesByType::is_empty")]
    pub codes_max_by_type: CodesByType,
    /// The group that slots accept which have none of their own. Default: none, they accept every
    /// campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_group: Option<String>,
}

/// How many codes of each accounting type go into one order, 0 to 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodesByType {
    /// Of price reductions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<u32>,
    /// Of what third parties sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deal: Option<u32>,
    /// Of what was bought from us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase: Option<u32>,
    /// Of what was given in settlement of claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement: Option<u32>,
}

impl CodesByType {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn of(&self, accounting: AccountingType) -> Option<u32> {
        match accounting {
            AccountingType::Discount => self.discount,
            AccountingType::Deal => self.deal,
            AccountingType::Purchase => self.purchase,
            AccountingType::Settlement => self.settlement,
        }
    }
}

impl PolicyDocument {
    /// The policy that this document describes; its `default_group` stays here.
    ///
    /// # Errors
    /// All mistakes in the document, each with its place.
    pub fn compile(&self) -> Result<Policy, Vec<FieldError>> {
        let mut check = Check::default();
        let by_type = AccountingType::ALL.map(|accounting| {
            let path = format!("codes_max_by_type.{}", accounting.name());
            let count = self.codes_max_by_type.of(accounting)?;
            number(&mut check, &path, count, 0)
        });
        let given: Vec<u8> = by_type.iter().flatten().copied().collect();
        let codes_max = match self.codes_max {
            Some(count) => number(&mut check, "codes_max", count, 1),
            None if given.is_empty() => Some(1),
            None => {
                let sum = given.iter().copied().map(u32::from).sum();
                number(&mut check, "codes_max_by_type", sum, 1)
            }
        };
        if let Some(group) = &self.default_group {
            check.slug("default_group", group);
        }
        let errors = check.errors();
        let (Some(codes_max), true) = (codes_max, errors.is_empty()) else { return Err(errors) };
        Ok(Policy { codes_max, codes_max_by_type: by_type })
    }
}

fn number(check: &mut Check, path: &str, count: u32, min: u8) -> Option<u8> {
    let number = u8::try_from(count).ok();
    let fine = number.filter(|&n| n >= min && usize::from(n) <= CODES_MAX);
    if fine.is_none() {
        check.fail(path, format!("makes {count} codes in one order; give {min} to {CODES_MAX}"));
    }
    fine
}
