//! Explanations: what a campaign asks of an order and what was found, for people who try it out.
//!
//! Everything is looked at, whatever fails, so that all that is wrong is seen at once. What holds
//! is decided by the same checks that [`judge`](super::judge) makes; this adds the words. What the
//! effects do to the price is not its matter.

mod words;

use super::conditions::{self, Found, Matching, Who};
use super::{Question, Running, code_stands, effects, hours, in_time, window};
use crate::domain::campaign::{Activation, Condition, Since, Status};
use crate::domain::order::Passage;
use crate::domain::refusal::{Language, Reason};

/// One thing that was asked, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule, by the name of its condition or effect in documents; or `code`, `campaign`,
    /// `activation`, `validity`, `hours`, `customer`, `holder`, `currency`, `units`.
    pub rule: &'static str,
    /// What was asked, in a few English words.
    pub asked: String,
    /// What was found, likewise.
    pub found: String,
    /// Whether it is as asked.
    pub holds: Holds,
}

/// Whether what was found is as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holds {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// What the campaign asks of the code, the moment and the order, in the order in which
/// [`judge`](super::judge) looks at it. `running` is the order as earlier codes left it. What
/// nobody restricts is left out.
#[must_use]
pub fn explain(question: &Question<'_, '_>, running: &Running) -> Vec<Finding> {
    let mut all = Findings(Vec::new());
    all.code(question);
    if question.order.passage != Passage::Exit {
        all.campaign(question);
        all.moment(question);
        all.order(question, running);
    }
    all.0
}

const NOT_STATED: &str = "not stated";

struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        rule: &'static str,
        asked: impl Into<String>,
        found: impl Into<String>,
        holds: bool,
    ) {
        let holds = if holds { Holds::Yes } else { Holds::No };
        self.0.push(Finding { rule, asked: asked.into(), found: found.into(), holds });
    }

    fn code(&mut self, question: &Question<'_, '_>) {
        let (found, holds) = match code_stands(question) {
            Ok(()) => ("live", true),
            Err(no) if no.reason == Reason::CodeReplaced => ("replaced", false),
            Err(_) => ("revoked", false),
        };
        self.add("code", "live", found, holds);
    }

    fn campaign(&mut self, question: &Question<'_, '_>) {
        let Question { campaign, code, .. } = *question;
        self.add(
            "campaign",
            Status::Active.name(),
            campaign.status.name(),
            campaign.status == Status::Active,
        );
        let since = campaign.validity.relative.map(|relative| relative.since);
        if campaign.activation == Activation::Paid || since == Some(Since::Payment) {
            let found = match code.paid {
                Some(paid) => words::moment(&campaign.calendar, paid),
                None => "not paid".to_owned(),
            };
            self.add("activation", "paid", found, code.paid.is_some());
        }
    }

    fn moment(&mut self, question: &Question<'_, '_>) {
        let Question { campaign, now, .. } = *question;
        let calendar = &campaign.calendar;
        let window = window(question);
        let found = || words::moment(calendar, now);
        let moment = |moment| words::moment(calendar, moment);
        let asked = match (window.from, window.until) {
            (None, None) => None,
            (Some(from), None) => Some(format!("from {}", moment(from))),
            (None, Some(until)) => Some(format!("before {}", moment(until))),
            (Some(from), Some(until)) => {
                Some(format!("from {}, before {}", moment(from), moment(until)))
            }
        };
        if let Some(asked) = asked {
            self.add("validity", asked, found(), in_time(window, now).is_ok());
        }
        let asked = &campaign.validity.hours;
        if !asked.windows.is_empty() || !asked.blackout.is_empty() {
            let weekday = calendar.wall_clock(now).format("%a ");
            let found = format!("{weekday}{}", found());
            let is_open = hours::open(calendar, asked, now);
            self.add("hours", words::hours(asked), found, is_open);
        }
    }

    fn order(&mut self, question: &Question<'_, '_>, running: &Running) {
        let Question { campaign, worth, code, order, .. } = *question;
        let text = |text: Option<&str>| text.unwrap_or(NOT_STATED).to_owned();
        let matching = Matching::of(campaign, order);
        for effect in &worth.effects {
            let (asked, found) = match effects::find(effect, question, matching) {
                Found::Holds => continue,
                Found::Missing(field) => (field, NOT_STATED),
                Found::Fails(no) | Found::OffBy(no, _) => {
                    ("no obstacle", no.text(Language::English))
                }
            };
            self.add(effects::name(effect), asked, found, false);
        }
        let customer = conditions::named_customer(order);
        if let Some(who) = conditions::who_is_needed(question) {
            let asked = match who {
                Who::Customer => "a customer",
                Who::Somebody => "a customer or holder",
            };
            let holder = code.holder.as_deref().filter(|_| who == Who::Somebody);
            let found = text(customer.or(holder.map(|_| "the holder")));
            self.add("customer", asked, found, conditions::customer(question) == Found::Holds);
        }
        if code.holder.is_some() {
            let holds = conditions::holder(question) == Found::Holds;
            self.add("holder", "the holder", text(customer), holds);
        }
        for condition in &campaign.conditions {
            self.condition(condition, question, running, matching);
        }
        let ours = campaign.currency.or(worth.currency);
        if let Some((ours, stated)) = ours.zip(order.currency) {
            let holds = conditions::currency(question) == Found::Holds;
            self.add("currency", ours.as_str(), stated, holds);
        }
        let asked = format!("{} to {}", campaign.units.start(), campaign.units.end());
        let holds = order.units > 0 && campaign.units.contains(&order.units);
        self.add("units", asked, order.units.to_string(), holds);
    }

    fn condition(
        &mut self,
        condition: &Condition,
        question: &Question<'_, '_>,
        running: &Running,
        matching: Matching,
    ) {
        let held = conditions::find(condition, question, Some(running), matching);
        let asked = words::asked(condition, question);
        let found = words::found(condition, question, running, matching);
        let found = found.unwrap_or_else(|| NOT_STATED.to_owned());
        self.add(conditions::name(condition), asked, found, held == Found::Holds);
    }
}
