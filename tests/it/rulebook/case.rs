//! One case: an order, what wants to take part in it, and what both sides say to that.
//!
//! Owns everything, so that cases can be changed and run again while a failure is made smaller.
//! Knows no rule.

use jeton::domain::account::Account;
use jeton::domain::campaign::{Campaign, Code};
use jeton::domain::order::Order;
use jeton::domain::policy::{Group, Policy};
use jeton::domain::refusal::Refusal;
use jeton::domain::rules::{Candidate, Offer, Seen, Setting, Stack, StackMode, stack};
use jeton::domain::time::Timestamp;

/// An order and everything that is asked of it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) order: Order<'static>,
    pub(super) now: Timestamp,
    pub(super) policy: Policy,
    pub(super) group: Option<Group>,
    pub(super) mode: StackMode,
    /// Codes in the order of the request, then campaigns that apply by themselves.
    pub(super) entries: Vec<Entry>,
}

/// A code, or a campaign that applies by itself.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) is_code: bool,
    pub(super) name: &'static str,
    pub(super) campaign: Campaign,
    /// What the version of the code is worth, where the campaign was changed since.
    pub(super) worth: Option<Campaign>,
    pub(super) code: Code,
    pub(super) seen: Seen,
    pub(super) account: Option<Account>,
}

/// What an order comes to, by either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Yes {
    /// The place of each entry that applies, and what it is worth, in the order in which they do.
    pub(super) parts: Vec<(usize, Offer)>,
    /// Codes that were left out.
    pub(super) left_out: Vec<Refusal>,
    /// What is left to pay, where that is known.
    pub(super) total_minor: Option<i64>,
    /// What each line still costs.
    pub(super) lines_minor: Vec<i64>,
}

/// What one side says.
pub(super) type Answer = Result<Yes, Refusal>;

impl Entry {
    /// The version under which the code was issued.
    pub(super) fn worth(&self) -> &Campaign {
        self.worth.as_ref().unwrap_or(&self.campaign)
    }
}

impl Case {
    /// The place in the request of the code at `place`; none for what applies by itself.
    pub(super) fn code_index(&self, place: usize) -> Option<u8> {
        self.entries[place].is_code.then(|| u8::try_from(place).unwrap())
    }

    /// What the rules say.
    pub(super) fn ruled(&self) -> Answer {
        let candidates: Vec<Candidate<'_>> = self
            .entries
            .iter()
            .enumerate()
            .map(|(place, entry)| Candidate {
                code_index: self.code_index(place),
                name: entry.name,
                campaign: &entry.campaign,
                worth: entry.worth(),
                code: &entry.code,
                seen: entry.seen,
                account: entry.account.as_ref(),
            })
            .collect();
        let setting = Setting {
            order: &self.order,
            now: self.now,
            policy: &self.policy,
            group: self.group.as_ref(),
            mode: self.mode,
        };
        let Stack { parts, left_out, running } = stack(&candidates, &setting)?;
        Ok(Yes {
            parts: parts.into_vec(),
            left_out: left_out.into_vec(),
            total_minor: running.total_minor(),
            lines_minor: running.lines_minor().to_vec(),
        })
    }
}
