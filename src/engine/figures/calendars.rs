//! The days of campaigns' calendars.

use std::sync::Arc;

use crate::domain::id::{CampaignId, TenantId};
use crate::domain::time::{Calendar, Timestamp};
use crate::index::Definitions;

/// The calendars of campaigns, looked up once for many events.
pub(super) struct Calendars {
    definitions: Arc<Definitions>,
    known: Vec<(Box<str>, Box<str>, Calendar)>,
}

/// Calendars that are kept at hand.
const CALENDARS_KEPT: usize = 64;

impl Calendars {
    pub(super) fn new(definitions: Arc<Definitions>) -> Self {
        Self { definitions, known: Vec::new() }
    }

    /// The day in a campaign's calendar, in days since 1970.
    pub(super) fn day(&mut self, tenant: &str, campaign: &str, at: Timestamp) -> i64 {
        let known = self.known.iter().find(|(of, id, _)| **of == *tenant && **id == *campaign);
        let calendar = match known {
            Some((_, _, calendar)) => *calendar,
            None => {
                let calendar = self.calendar(tenant, campaign);
                let calendar = calendar.unwrap_or_else(|| Calendar::plain(chrono_tz::UTC));
                if self.known.len() >= CALENDARS_KEPT {
                    self.known.clear();
                }
                self.known.push((tenant.into(), campaign.into(), calendar));
                calendar
            }
        };
        calendar.day_number(at)
    }

    fn calendar(&self, tenant: &str, campaign: &str) -> Option<Calendar> {
        let (tenant, campaign) = (TenantId::parse(tenant).ok()?, CampaignId::parse(campaign).ok()?);
        Some(self.definitions.campaign(&tenant, &campaign)?.calendar)
    }
}
