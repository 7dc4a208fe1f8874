//! The counters of a campaign's limits: which there are, and how a use counts in them.

use crate::domain::campaign::{Counts, Limit, Scope};
use crate::domain::id::Owner;
use crate::domain::pass;
use crate::domain::posting::{Facet, FacetKind, Key, Leg};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::time::{MINUTE_MS, Period, ROLLING_MINUTES_MAX, ROLLING_STEPS, Span, Timestamp};

use super::{About, Part};

/// Stands for a code's uses where the place of a limit's counter is asked for; no limit has it.
pub(super) const USES_PLACE: u8 = 0xFF;

/// How long the counter of a rolling period is kept after its last use, in milliseconds. Requests
/// of the same moment come in any order, and clocks differ a little.
const ROLLING_MARGIN_MS: i64 = MINUTE_MS;

const _: () = assert!(ROLLING_MINUTES_MAX < 1 << 20, "a length and 28 bits fill a facet");

/// The reasons that limits can give, ascending.
const REASONS: [Reason; 5] = [
    Reason::UsageLimit,
    Reason::CampaignLimit,
    Reason::CustomerLimit,
    Reason::PeriodLimit,
    Reason::BudgetExhausted,
];

/// The reason that an exhausted limit gives. A budget that begins anew is a matter of time first.
pub(super) fn reason_of(limit: Limit) -> Reason {
    match (limit.period, limit.counts, limit.scope) {
        (
            Period::Day | Period::Week | Period::Month | Period::Year | Period::Rolling { .. },
            _,
            _,
        ) => Reason::PeriodLimit,
        (Period::Total, Counts::Money, _) => Reason::BudgetExhausted,
        (Period::Total, _, Scope::Code | Scope::Account) => Reason::UsageLimit,
        (Period::Total, _, Scope::Campaign) => Reason::CampaignLimit,
        (Period::Total, _, Scope::Customer) => Reason::CustomerLimit,
    }
}

impl Part<'_, '_, '_> {
    /// Adds the legs of the campaign's limits. Reasons ascend, and so do the legs.
    pub(super) fn limits(&mut self) -> Result<(), Refusal> {
        let limits = &self.question.campaign.limits;
        for reason in REASONS {
            for (place, &limit) in limits.iter().enumerate() {
                if reason_of(limit) == reason && !is_shadowed(limits, place, limit) {
                    self.limit(limit)?;
                }
            }
        }
        Ok(())
    }

    fn limit(&mut self, limit: Limit) -> Result<(), Refusal> {
        let question = self.question;
        let owner = match limit.scope {
            Scope::Code => Some(question.code.owner),
            Scope::Campaign => Some(question.campaign.owner),
            Scope::Customer => self.owners.customer,
            Scope::Account => self.owners.account,
        };
        let owner = owner.ok_or_else(|| self.nobody())?;
        let span = question.campaign.calendar.span(limit.period, question.now);
        let steps = if let Period::Rolling { .. } = limit.period { ROLLING_STEPS } else { 0 };
        // A use counts in all windows that its step lies in. The first has most of the past in it,
        // so it is the guard that speaks; the others are there for the uses to come.
        for step in 0..=steps {
            self.count(limit, owner, Window::of(limit.period, span, step.into()));
        }
        Ok(())
    }

    /// Adds the leg that counts in one window of a limit; none when there is nothing to count.
    fn count(&mut self, limit: Limit, owner: Owner, window: Window) {
        let (question, max, place) = (self.question, limit.max, counter_place(limit));
        let keep_until = window.keep_until;
        let key = Key { owner, facet: Facet::new(FacetKind::Limit, place, window.bucket) };
        let count = |n| (n > 0).then_some(Leg::Count { key, n, max, keep_until });
        let once = |leg| pass::once_per_stay(question, leg, place, window.stay_bucket);
        let leg = match limit.counts {
            Counts::Uses | Counts::Units => count(self.offer.units.into()).map(once),
            Counts::Orders => count(1).map(once),
            Counts::Money => count(u64::try_from(self.offer.worth_minor).unwrap_or(0)),
            Counts::Days => {
                let today = question.campaign.calendar.span(Period::Day, question.now);
                let (bucket, marker_keep_until) = match limit.period {
                    Period::Rolling { .. } => (window.day_bucket(today), keep_until),
                    Period::Total | Period::Day | Period::Week | Period::Month | Period::Year => {
                        (today.number, pass::keep_until(today))
                    }
                };
                let marker = Key { owner, facet: Facet::new(FacetKind::Marker, place, bucket) };
                Some(Leg::Once {
                    marker,
                    key,
                    n: 1,
                    max,
                    keep_until: marker_keep_until,
                    counter_keep_until: keep_until,
                })
            }
        };
        if let Some(leg) = leg {
            let resets_at = window.resets_at;
            self.push(leg, About::Limit { limit, resets_at });
        }
    }
}

/// A stretch of time in which a limit counts: its period, or one of those in which a rolling
/// period looks back.
#[derive(Clone, Copy)]
struct Window {
    /// Its number among all windows of the limit.
    bucket: i64,
    /// Its number among the windows of one use.
    stay_bucket: i64,
    /// When it is over; absent: never.
    resets_at: Option<Timestamp>,
    keep_until: Option<Timestamp>,
}

impl Window {
    /// The window that ends `step` steps after the first one in which a use now counts.
    fn of(period: Period, span: Span, step: i64) -> Self {
        let Period::Rolling { minutes } = period else {
            return Self {
                bucket: span.number,
                stay_bucket: 0,
                resets_at: Some(span.end).filter(|&end| end != Timestamp::NEVER),
                keep_until: pass::keep_until(span),
            };
        };
        // Periods of different lengths count apart. Numbers of windows come again after 2^28 steps,
        // 42 years of the shortest period, and long after a counter is forgotten.
        let length = i64::from(minutes) << 28;
        let step_ms = i64::from(minutes.max(1)) * MINUTE_MS / i64::from(ROLLING_STEPS);
        let over = span.begin.plus_ms((step + 1) * step_ms);
        Self {
            bucket: length | span.number.saturating_add(step).rem_euclid(1 << 28),
            stay_bucket: length | step,
            resets_at: Some(over),
            keep_until: Some(over.plus_ms(ROLLING_MARGIN_MS)),
        }
    }

    /// The number of a day among the days of the windows of a rolling limit. No window has more
    /// than 2^9 days, and none is still kept when its last 19 bits come again.
    fn day_bucket(self, day: Span) -> i64 {
        let (length, number) = (self.bucket >> 28 << 28, self.bucket & 0x7_FFFF);
        length | number << 9 | day.number.rem_euclid(1 << 9)
    }
}

/// What tells the counters of one owner apart, apart from the period's number. Fixed for ever,
/// because ledgers remember it: two digits of base 8 for what is counted and when, one for whom.
pub(super) fn counter_place(limit: Limit) -> u8 {
    let scope = match limit.scope {
        Scope::Code => 0,
        Scope::Campaign => 1,
        Scope::Customer => 2,
        Scope::Account => 3,
    };
    let counts = match limit.counts {
        Counts::Uses => 0,
        Counts::Orders => 1,
        Counts::Units => 2,
        Counts::Money => 3,
        Counts::Days => 4,
    };
    let period = match limit.period {
        Period::Total => 0,
        Period::Day => 1,
        Period::Week => 2,
        Period::Month => 3,
        Period::Year => 4,
        Period::Rolling { .. } => 5,
    };
    scope << 6 | counts << 3 | period
}

/// Whether another limit of the list counts the same and is at least as strict.
fn is_shadowed(limits: &[Limit], place: usize, limit: Limit) -> bool {
    limits.iter().enumerate().any(|(other_place, other)| {
        (other.scope, other.counts, other.period) == (limit.scope, limit.counts, limit.period)
            && (other.max, other_place) < (limit.max, place)
    })
}
