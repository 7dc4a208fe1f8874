//! Who takes part in stacking, and what all are judged by.

use std::cmp::Ordering;

use crate::domain::account::Account;
use crate::domain::campaign::{After, Campaign, Code};
use crate::domain::order::{Order, Passage};
use crate::domain::policy::{Group, NeedsCode, Policy};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::rules::{Question, Seen};
use crate::domain::time::Timestamp;

/// A code of the order, or a campaign that applies by itself.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The code's place in the request; absent: the campaign applies by itself, and `code` stands
    /// for the campaign as a whole.
    pub code_index: Option<u8>,
    /// What to call it when it stands in the way of another: the code as it was typed, or the
    /// campaign's id.
    pub name: &'a str,
    /// The campaign as it is today.
    pub campaign: &'a Campaign,
    /// The version under which the code was issued.
    pub worth: &'a Campaign,
    /// The code.
    pub code: &'a Code,
    /// What the ledger has of it.
    pub seen: Seen,
    /// The account that the campaign names.
    pub account: Option<&'a Account>,
}

/// What all candidates are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a, 'o> {
    /// What is being bought or entered.
    pub order: &'a Order<'o>,
    /// The moment of the request.
    pub now: Timestamp,
    /// How many codes go into one order.
    pub policy: &'a Policy,
    /// The group that the order's slot accepts; absent: it accepts all.
    pub group: Option<&'a Group>,
    /// What happens to codes that cannot be used.
    pub mode: StackMode,
}

/// What happens when some codes of an order cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StackMode {
    /// None is.
    #[default]
    AllOrNothing,
    /// The others are.
    Partial,
}

impl<'a> Candidate<'a> {
    /// What is asked of the rules about this candidate.
    pub(super) fn question<'c, 'o>(
        &'c self,
        setting: &Setting<'c, 'o>,
        alone: bool,
    ) -> Question<'c, 'o> {
        Question {
            campaign: self.campaign,
            worth: self.worth,
            code: self.code,
            seen: &self.seen,
            order: setting.order,
            now: setting.now,
            alone,
            account: self.account,
        }
    }

    pub(super) fn is_code(&self) -> bool {
        self.code_index.is_some()
    }

    /// What stands against another because of this one.
    pub(super) fn conflict(&self, reason: Reason) -> Refusal {
        Refusal::new(reason).with(|d| d.conflicts_with = Some(self.name.into()))
    }

    pub(super) fn stops(&self) -> bool {
        self.campaign.stacking.after == After::Stops
    }

    pub(super) fn best_of(&self) -> Option<&'a str> {
        self.campaign.stacking.best_of.as_deref()
    }

    /// Codes as they were given, then what applies by itself as it applies.
    pub(super) fn order_of_check(&self, other: &Self) -> Ordering {
        match (self.code_index, other.code_index) {
            (Some(own), Some(others)) => own.cmp(&others),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.order_of_application(other),
        }
    }

    pub(super) fn order_of_application(&self, other: &Self) -> Ordering {
        let number = |of: &Self| of.campaign.stacking.order_number;
        number(self).cmp(&number(other)).then_with(|| match (self.code_index, other.code_index) {
            (None, None) => self.campaign.id.as_str().cmp(other.campaign.id.as_str()),
            (Some(_), _) | (_, Some(_)) => self.order_of_check(other),
        })
    }
}

impl Setting<'_, '_> {
    pub(super) fn is_exit(&self) -> bool {
        self.order.passage == Passage::Exit
    }

    pub(super) fn needs_code(&self) -> bool {
        let is_mandatory = self.group.is_some_and(|group| group.needs_code == NeedsCode::Mandatory);
        is_mandatory && !self.is_exit()
    }

    /// The answer when no code can be used: `first` is the reason against the first.
    pub(super) fn without_codes(&self, first: Refusal) -> Refusal {
        if self.mode == StackMode::Partial && self.needs_code() {
            Refusal::new(Reason::CodeRequired)
        } else {
            first
        }
    }
}
