//! The ways to say no: a closed list, numbered in the order in which they are checked.
//!
//! A refusal is a correct answer, never an error. It deliberately does not know who hears it:
//! whether a caller gets the exact reason or only [`Reason::NotApplicable`] is decided elsewhere.
//! Invariants: numbers ascend with the order of checks and are never used again; comparing two
//! reasons says which is checked first.

mod texts;

use std::fmt;
use std::sync::Arc;

use super::campaign::Campaign;
use super::time::Timestamp;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal;)*) => {
        /// Why the answer is no. Compares by the order of checks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Reason {
            $($(#[$doc])* $variant = $number,)*
        }

        impl Reason {
            /// Every reason, in the order of checks.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name on the wire, in documents and in metrics.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// Alphabet, length or check character are wrong; nothing was looked up.
    CodeMalformed = 100 "code_malformed";
    /// There is no such code, or its signature is forged.
    CodeNotFound = 101 "code_not_found";
    /// Blocked or stolen; said before "used".
    CodeRevoked = 102 "code_revoked";
    /// Moved to another code or medium.
    CodeReplaced = 103 "code_replaced";
    /// The campaign is not published.
    CampaignDraft = 110 "campaign_draft";
    /// The campaign is stopped for a while.
    CampaignPaused = 111 "campaign_paused";
    /// The campaign is over.
    CampaignEnded = 112 "campaign_ended";
    /// Not paid yet.
    NotActivated = 113 "not_activated";
    /// Before the first moment; `next_valid_at`.
    NotStarted = 120 "not_started";
    /// After the last moment.
    Expired = 121 "expired";
    /// Weekday, hour or blackout; `next_valid_at`.
    OutsideWindow = 122 "outside_window";
    /// The request lacks a fact that the campaign needs; `missing`, `rule`.
    InputMissing = 130 "input_missing";
    /// The request does not say who the customer is.
    CustomerRequired = 131 "customer_required";
    /// Bound to somebody else.
    NotHolder = 132 "not_holder";
    /// Not in a group that is let in, or in one that is kept out.
    CustomerNotEligible = 133 "customer_not_eligible";
    /// Not at this property.
    PropertyNotEligible = 134 "property_not_eligible";
    /// Not through this channel or under this brand; `rule`.
    ChannelNotEligible = 135 "channel_not_eligible";
    /// Not with this partner.
    PartnerNotEligible = 136 "partner_not_eligible";
    /// Not at this gate.
    GateNotEligible = 137 "gate_not_eligible";
    /// Nothing in the order matches.
    ProductNotEligible = 140 "product_not_eligible";
    /// All that would match is excluded.
    ProductExcluded = 141 "product_excluded";
    /// Not in this region.
    RegionNotEligible = 142 "region_not_eligible";
    /// Booking, arrival, departure or slot do not fit.
    DateNotEligible = 143 "date_not_eligible";
    /// The order costs too little; `off_by`.
    AmountBelowMin = 144 "amount_below_min";
    /// The order costs too much; `off_by`.
    AmountAboveMax = 145 "amount_above_max";
    /// Too few or too many pieces; `off_by`.
    QuantityOutOfRange = 146 "quantity_out_of_range";
    /// The order is in another currency.
    CurrencyMismatch = 147 "currency_mismatch";
    /// Not on this occasion.
    TriggerNotEligible = 148 "trigger_not_eligible";
    /// The code's groups do not contain the slot's.
    SlotNotAccepted = 150 "slot_not_accepted";
    /// The slot's group is mandatory and no code was given.
    CodeRequired = 151 "code_required";
    /// The same code twice in the order.
    AlreadyApplied = 160 "already_applied";
    /// More codes than an order takes; `conflicts_with`.
    TooManyCodes = 161 "too_many_codes";
    /// Not together with another code of the order; `conflicts_with`.
    NotCombinable = 162 "not_combinable";
    /// Another code lets nothing follow; `conflicts_with`.
    StoppedByPriority = 163 "stopped_by_priority";
    /// Another code is better for the customer; `conflicts_with`.
    BetterOffer = 164 "better_offer";
    /// It would be worth nothing, so no use is taken.
    NoEffect = 165 "no_effect";
    /// For one use only, and used; `last_used_at`, `last_gate`.
    AlreadyRedeemed = 170 "already_redeemed";
    /// All uses of the code are taken.
    UsageLimit = 171 "usage_limit";
    /// All uses of the campaign are taken.
    CampaignLimit = 172 "campaign_limit";
    /// All uses of the customer are taken.
    CustomerLimit = 173 "customer_limit";
    /// All uses of this day, week, month or year are taken; `scope`, `resets_at`.
    PeriodLimit = 174 "period_limit";
    /// The money is spent.
    BudgetExhausted = 175 "budget_exhausted";
    /// More were asked for than are left; `used`, `max`.
    UnitsExceedRemaining = 176 "units_exceed_remaining";
    /// More or fewer units than one request may take; `max`.
    UnitsOutOfRange = 177 "units_out_of_range";
    /// Only live holds are in the way; `retry_after_ms`.
    Held = 178 "held";
    /// The minimum interval is not over; `retry_after_ms`.
    TooSoon = 180 "too_soon";
    /// Inside already.
    ExitRequired = 181 "exit_required";
    /// Not inside.
    EntryRequired = 182 "entry_required";
    /// Inside another zone.
    WrongZone = 183 "wrong_zone";
    /// Nothing is left on the balance.
    BalanceEmpty = 190 "balance_empty";
    /// Less is left than was asked for; `used` says how much is there, `max` what was asked.
    BalanceInsufficient = 191 "balance_insufficient";
    /// Fewer points are left than were asked for.
    PointsInsufficient = 192 "points_insufficient";
    /// The balance would pass its cap.
    BalanceCap = 193 "balance_cap";
    /// There is no hold with this id.
    HoldNotFound = 200 "hold_not_found";
    /// The hold came to its end.
    HoldExpired = 201 "hold_expired";
    /// There is no redemption with this id.
    RedemptionNotFound = 202 "redemption_not_found";
    /// All of it was given back before.
    AlreadyReleased = 203 "already_released";
    /// More than what is left of it; `max`.
    ReleaseExceeds = 204 "release_exceeds";
    /// More than what is held; `max`.
    ConfirmExceeds = 205 "confirm_exceeds";
    /// The same id with other content.
    IdMismatch = 210 "id_mismatch";
    /// Too many requests; `retry_after_ms`.
    RateLimited = 220 "rate_limited";
    /// Too many wrong codes; `retry_after_ms`.
    LockedOut = 221 "locked_out";
    /// Overload or deadline; safe to repeat.
    Busy = 222 "busy";
    /// The ledger cannot be reached or is fenced; safe to repeat.
    Unavailable = 223 "unavailable";
    /// The caller's role or tenant does not allow it.
    NotPermitted = 224 "not_permitted";
    /// What public callers hear instead of the exact reason.
    NotApplicable = 225 "not_applicable";
}

impl Reason {
    /// Its number, which is never used for anything else.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The reason with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        let place = Self::ALL.binary_search_by_key(&number, |reason| reason.number()).ok()?;
        Self::ALL.get(place).copied()
    }

    /// Whether the same request could succeed later without people changing anything.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::CampaignPaused
                | Self::NotActivated
                | Self::NotStarted
                | Self::OutsideWindow
                | Self::PeriodLimit
                | Self::Held
                | Self::TooSoon
                | Self::ExitRequired
                | Self::EntryRequired
                | Self::WrongZone
                | Self::RateLimited
                | Self::LockedOut
                | Self::Busy
                | Self::Unavailable
        )
    }

    /// A short sentence for whoever stands at the gate or the till.
    #[must_use]
    pub fn text(self, language: Language) -> &'static str {
        texts::text(self, language)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A language in which every reason has a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English, the default.
    #[default]
    English,
    /// German.
    German,
    /// Czech.
    Czech,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::Czech];

    /// Its two letters of ISO 639-1.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Czech => "cs",
        }
    }

    /// The language of a tag such as `de` or `de-AT`, in any case.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or(tag);
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }
}

/// A correct "no", with what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The place in the request of the code that it is about; absent when it is about no one code.
    pub code_index: Option<u8>,
    /// What else is known; absent when that is nothing.
    pub details: Option<Box<Details>>,
}

/// What is known about a refusal; each field where it applies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// What the limit counts together: `code`, `campaign`, `customer`, `account`.
    pub scope: Option<&'static str>,
    /// Which limit, such as `uses per day`.
    pub limit: Option<&'static str>,
    /// How much is used; of a balance, how much is there to be spent.
    pub used: Option<u64>,
    /// How much live holds keep.
    pub held: Option<u64>,
    /// The ceiling; of a balance, how much was asked for.
    pub max: Option<u64>,
    /// By how much the order misses the bound: minor units of money, or pieces.
    pub off_by: Option<u64>,
    /// Milliseconds after which it is worth trying again.
    pub retry_after_ms: Option<u64>,
    /// When the limit begins anew.
    pub resets_at: Option<Timestamp>,
    /// When the code is good next.
    pub next_valid_at: Option<Timestamp>,
    /// When the code was used last.
    pub last_used_at: Option<Timestamp>,
    /// The gate where it was used last.
    pub last_gate: Option<Box<str>>,
    /// The fact of the order that is missing, by the name of its field.
    pub missing: Option<&'static str>,
    /// The code or campaign that stands against it.
    pub conflicts_with: Option<Box<str>>,
    /// The condition or effect that says no, by its name in documents.
    pub rule: Option<&'static str>,
    /// The campaign that has its own words for a no.
    pub campaign: Option<Arc<Campaign>>,
}

impl Refusal {
    /// A refusal without details.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self { reason, code_index: None, details: None }
    }

    /// The same, about the code at this place of the request.
    #[must_use]
    pub fn at(self, code_index: u8) -> Self {
        Self { code_index: Some(code_index), ..self }
    }

    /// The same, in the words of `campaign`, if it has its own and no other campaign's stand.
    #[must_use]
    pub fn in_words_of(self, campaign: &Arc<Campaign>) -> Self {
        let has_words = self.details.as_ref().is_some_and(|details| details.campaign.is_some());
        if has_words || campaign.refusal_texts.is_empty() {
            return self;
        }
        self.with(|details| details.campaign = Some(Arc::clone(campaign)))
    }

    /// What to tell people: the campaign's own words in this language, or else the reason's.
    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        let campaign = self.details.as_ref().and_then(|details| details.campaign.as_ref());
        let own = campaign.and_then(|campaign| campaign.refusal_texts.get(language.code()));
        own.map_or(self.reason.text(language), |text| text)
    }

    /// The same, with details filled in.
    #[must_use]
    pub fn with(mut self, fill: impl FnOnce(&mut Details)) -> Self {
        fill(self.details.get_or_insert_default());
        self
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.reason.number())
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a wrong index is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_lead_back() {
        assert_eq!(Reason::ALL.len(), 66);
        for pair in Reason::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "{} before {}", pair[0], pair[1]);
            assert!(pair[0] < pair[1]);
        }
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_number(reason.number()), Some(reason));
        }
        assert_eq!(Reason::from_number(99), None);
        assert_eq!(Reason::from_number(179), None);
    }

    #[test]
    fn names_are_the_variants_in_snake_case() {
        for &reason in Reason::ALL {
            let mut snake = String::new();
            for letter in format!("{reason:?}").chars() {
                if letter.is_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.extend(letter.to_lowercase());
            }
            assert_eq!(reason.name(), snake);
        }
    }

    #[test]
    fn transient_reasons() {
        let numbers: Vec<u16> =
            Reason::ALL.iter().filter(|r| r.is_transient()).map(|r| r.number()).collect();
        assert_eq!(numbers, [111, 113, 120, 122, 174, 178, 180, 181, 182, 183, 220, 221, 222, 223]);
    }

    #[test]
    fn every_reason_has_its_own_text_in_every_language() {
        for language in Language::ALL {
            let mut seen = std::collections::HashMap::new();
            for &reason in Reason::ALL {
                let text = reason.text(language);
                assert!(text.ends_with('.') && text.len() > 8, "{reason} in {language:?}");
                assert!(text.chars().count() <= 80, "{reason} in {language:?} is long");
                assert_eq!(seen.insert(text, reason), None, "{reason} in {language:?}");
            }
        }
        for &reason in Reason::ALL {
            let [en, de, cs] = Language::ALL.map(|language| reason.text(language));
            assert!(en != de && de != cs && en != cs, "{reason}");
        }
        assert_eq!(Reason::Expired.text(Language::German), "Dieser Code ist abgelaufen.");
    }

    #[test]
    fn languages_from_tags() {
        assert_eq!(Language::from_tag("de-AT"), Some(Language::German));
        assert_eq!(Language::from_tag("CS_CZ"), Some(Language::Czech));
        assert_eq!(Language::from_tag("en"), Some(Language::English));
        assert_eq!(Language::from_tag("fr"), None);
        assert_eq!(Language::from_tag(""), None);
    }

    #[test]
    fn refusals_read_well() {
        let refusal = Refusal::new(Reason::PeriodLimit).at(2).with(|d| d.max = Some(3)).with(|d| {
            d.used = Some(3);
        });
        assert_eq!(refusal.code_index, Some(2));
        let details = refusal.details.clone().unwrap_or_default();
        assert_eq!((details.used, details.max), (Some(3), Some(3)));
        assert_eq!(refusal.to_string(), "period_limit (174)");
        assert_eq!(Refusal::new(Reason::Busy).details, None);
    }
}
