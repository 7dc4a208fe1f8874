//! From JSON to the domain: requests as they are written, and what they mean.
//!
//! Money is a decimal text in the order's currency, times are RFC 3339, lengths of time are texts
//! such as `10m` or whole milliseconds. All mistakes of a body are told at once, each with its
//! place.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;
use smallvec::SmallVec;
use utoipa::ToSchema;

use super::problem::{Problem, field};
use crate::auth::caller::Caller;
use crate::domain::campaign::{Campaign, HOLD_TTL_MS_MAX};
use crate::domain::id::{CampaignId, REFERENCE_BYTES_MAX, RequestId, TenantId};
use crate::domain::money::Currency;
use crate::domain::order::{CUSTOMER_GROUPS_MAX, LINES_MAX, Line, Order, Passage, Trigger};
use crate::domain::posting::AMOUNT_MAX;
use crate::domain::refusal::Language;
use crate::domain::time::Timestamp;
use crate::engine::{Ask, CODES_MAX, CreditWish, FieldError, IssueOrder};
use crate::server::from_wire::{self, HEADCOUNT_MAX, QUANTITY_MAX, UNITS_MAX};

/// What is asked of codes, for an order.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskBody {
    /// The code, as it was typed or scanned. Either this or `codes`, or neither: what applies
    /// without.
    pub(super) code: Option<String>,
    /// Several codes, all or none: at most 16.
    #[serde(default)]
    pub(super) codes: Vec<String>,
    /// What they are for.
    #[serde(default)]
    pub(super) order: OrderBody,
    /// Of a validation: ask the ledger itself, not the node's picture of it. Default false.
    #[serde(default)]
    pub(super) exact: bool,
    /// Of a validation: say of each campaign what it asked and found, what its effects did, and how
    /// its limits stand. Not told to public callers. Default false.
    #[serde(default)]
    pub(super) explain: bool,
    /// Codes that cannot be used are left out, and the others are used. A repeat must say the same.
    /// Default false: all or none.
    #[serde(default)]
    pub(super) partial: bool,
    /// Answer as at this moment, of RFC 3339. For the roles `office` and `admin`, and only where
    /// nothing is changed.
    #[schema(example = "2026-08-01T10:00:00+02:00")]
    pub(super) now: Option<String>,
    /// Change nothing, and answer as a validation would. Default false.
    #[serde(default)]
    pub(super) dry: bool,
    /// Of a hold: how long it lasts, at most a week. Default: what the campaign says.
    pub(super) ttl: Option<Length>,
    /// The language of a refusal's text: `en`, `de` or `cs`. Default: as in `Accept-Language`, else
    /// English.
    pub(super) language: Option<String>,
}

/// A length of time: `"10m"`, `"1h 30m"`, or whole milliseconds.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged, expecting = "a length of time such as \"10m\", or whole milliseconds")]
pub(super) enum Length {
    /// Milliseconds.
    Ms(u64),
    /// With units.
    #[schema(example = "10m")]
    Text(String),
}

/// The context of a request; everything is optional.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderBody {
    /// Who asks: a customer id, or for guests a hashed e-mail or device key.
    pub(super) customer: Option<String>,
    /// Groups that the customer is in, at most 32.
    #[serde(default)]
    pub(super) customer_groups: Vec<String>,
    /// The gate, till or terminal. Default: the one that the token is pinned to.
    pub(super) gate: Option<String>,
    /// The park, hotel or house. Default: the one that the token is pinned to.
    pub(super) property: Option<String>,
    /// Where the sale happens: web, app, phone, desk.
    pub(super) channel: Option<String>,
    /// The third party that brings the customer.
    pub(super) partner: Option<String>,
    /// The brand under which is sold.
    pub(super) brand: Option<String>,
    /// ISO 4217; needed as soon as there is an amount.
    #[schema(example = "EUR")]
    pub(super) currency: Option<String>,
    /// What the order costs before anything is taken off. Default: the sum of the lines.
    #[schema(example = "12.50")]
    pub(super) total: Option<String>,
    /// What is in the cart, at most 128 lines.
    #[serde(default)]
    pub(super) lines: Vec<LineBody>,
    /// Persons or uses that the request takes. Default 1.
    pub(super) units: Option<u32>,
    /// How much to draw from a balance. Default: what the order leaves to pay.
    #[schema(example = "5.00")]
    pub(super) amount: Option<String>,
    /// The caller's own number for the order or booking.
    pub(super) order_ref: Option<String>,
    /// The zone that is entered or left.
    pub(super) zone: Option<String>,
    /// Whether a gate is passed, and in which direction.
    pub(super) passage: Option<PassageBody>,
    /// How many nights. Default: from arrival to departure.
    pub(super) nights: Option<u32>,
    /// The local day of arrival, visit or event.
    #[schema(example = "2026-05-01")]
    pub(super) arrival: Option<String>,
    /// The local day of departure.
    #[schema(example = "2026-05-05")]
    pub(super) departure: Option<String>,
    /// The local day of booking. Default: the day of the request.
    #[schema(example = "2026-01-20")]
    pub(super) booked: Option<String>,
    /// How many adults.
    pub(super) adults: Option<u32>,
    /// How many children.
    pub(super) children: Option<u32>,
    /// How many persons. Default: adults and children.
    pub(super) persons: Option<u32>,
    /// Whether it is the customer's first order.
    pub(super) first_order: Option<bool>,
    /// What brings the request about: `booking`, `registration`, `referral`, `voucher_purchase` or
    /// `birthday`. Default: `booking`.
    pub(super) trigger: Option<String>,
    /// The bookable date or service that it is for.
    pub(super) slot: Option<String>,
}

/// One line of an order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LineBody {
    /// Product id.
    pub(super) product: String,
    /// Product category.
    #[serde(default)]
    pub(super) category: String,
    /// Product type: `room`, `package`, `programme`, `board`, `voucher` or any other.
    #[serde(default)]
    pub(super) product_type: String,
    /// Theme.
    #[serde(default)]
    pub(super) theme: String,
    /// Region.
    #[serde(default)]
    pub(super) region: String,
    /// How many pieces. Default 1.
    #[serde(default = "one")]
    pub(super) quantity: u32,
    /// What the whole line costs.
    #[schema(example = "12.50")]
    pub(super) amount: String,
}

fn one() -> u32 {
    1
}

/// The direction in which a gate is passed.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PassageBody {
    /// In.
    Entry,
    /// Out: changes the zone only and takes no use.
    Exit,
}

/// Which part of a hold or redemption.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartBody {
    /// How much of its `size`. Default: all of it.
    pub(super) part: Option<u64>,
    /// How much money of a voucher's redemption, in its currency; instead of `part`.
    #[schema(example = "5.00")]
    pub(super) part_amount: Option<String>,
    /// Of a release: only what these of its codes took, all of that; instead of `part`. At most 16.
    #[serde(default)]
    pub(super) codes: Vec<String>,
    /// Of a release: what the customer gets instead of money, with the release or not at all.
    pub(super) credit: Option<CreditBody>,
    /// The language of a refusal's text.
    pub(super) language: Option<String>,
}

/// A voucher or credit instead of money: either a fresh code of `campaign`, or credit to the
/// `account` of `customer`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreditBody {
    /// The campaign of the fresh code; its codes have a balance.
    pub(super) campaign: Option<String>,
    /// The customer that the fresh code is bound to.
    pub(super) holder: Option<String>,
    /// The account's id.
    pub(super) account: Option<String>,
    /// The customer whose account it is.
    pub(super) customer: Option<String>,
    /// How much: money in the campaign's or account's currency, or whole points.
    #[schema(example = "80.00")]
    pub(super) amount: String,
}

/// How long a hold shall last from now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExtendBody {
    /// At most a week.
    pub(super) ttl: Length,
    /// The language of a refusal's text.
    pub(super) language: Option<String>,
}

impl AskBody {
    /// The request for the engine; 422 with all mistakes.
    pub(super) fn ask<'a>(
        &'a self,
        caller: &'a Caller,
        now: Timestamp,
    ) -> Result<Ask<'a>, Problem> {
        let mut mistakes = Mistakes::default();
        let codes: SmallVec<[&str; 1]> =
            self.code.iter().chain(&self.codes).map(String::as_str).collect();
        if self.code.is_some() && !self.codes.is_empty() {
            mistakes.note("codes", "give either code or codes");
        } else if codes.len() > CODES_MAX {
            mistakes.note("codes", format!("has {}; at most {CODES_MAX} are allowed", codes.len()));
        }
        let now = self.now.as_deref().map_or(now, |text| {
            let moment = Timestamp::from_rfc3339(text);
            moment.and_then(|moment| from_wire::moment(moment.0).ok()).unwrap_or_else(|| {
                mistakes.note("now", NO_MOMENT);
                now
            })
        });
        let order = self.order.order(caller, &mut mistakes);
        mistakes.none()?;
        let mode = from_wire::mode(self.partial);
        Ok(Ask { tenant: &caller.identity.tenant, codes, order, now, mode })
    }
}

/// What is wrong with a text that is no moment.
const NO_MOMENT: &str = "is no moment of RFC 3339, such as 2026-03-01T10:00:00+01:00";

impl CreditBody {
    /// What is wished for.
    pub(super) fn wish(&self) -> Result<CreditWish, Problem> {
        match (&self.campaign, &self.account, &self.customer) {
            (Some(campaign), None, None) => Ok(CreditWish::Voucher {
                campaign: campaign_id(campaign)?,
                holder: holder(self.holder.clone())?,
            }),
            (None, Some(account), Some(customer)) if self.holder.is_none() => {
                check_customer("credit.customer", customer)?;
                let (account, customer) = (account.clone(), customer.clone());
                Ok(CreditWish::Account { account, customer })
            }
            _ => Err(Problem::field("credit", "needs either campaign, or account and customer")),
        }
    }
}

impl PartBody {
    /// The codes that are to be given back; none: all of them.
    pub(super) fn given_codes(&self) -> Result<SmallVec<[&str; 1]>, Problem> {
        if !self.codes.is_empty() && (self.part.is_some() || self.part_amount.is_some()) {
            return Err(Problem::field("codes", "give either codes or a part"));
        }
        if self.codes.len() > CODES_MAX {
            let many = format!("has {}; at most {CODES_MAX} are allowed", self.codes.len());
            return Err(Problem::field("codes", many));
        }
        Ok(self.codes.iter().map(String::as_str).collect())
    }
}

impl OrderBody {
    fn order<'a>(&'a self, caller: &'a Caller, mistakes: &mut Mistakes) -> Order<'a> {
        let gate = caller.identity.gate.as_ref().map(|gate| gate.as_str());
        let property = caller.identity.property();
        let currency = self.currency.as_deref().and_then(|text| {
            let known = currency(text);
            if known.is_none() {
                mistakes.note("order.currency", "is no currency of ISO 4217, such as \"EUR\"");
            }
            known
        });
        if self.lines.len() > LINES_MAX {
            mistakes.note("order.lines", format!("has more than {LINES_MAX}"));
        }
        if self.customer_groups.len() > CUSTOMER_GROUPS_MAX {
            mistakes.note("order.customer_groups", format!("has more than {CUSTOMER_GROUPS_MAX}"));
        }
        if self.units.is_some_and(|units| units > UNITS_MAX) {
            mistakes.note("order.units", format!("is more than {UNITS_MAX}"));
        }
        let mut money = |path: &str, text: &str| {
            minor(text, currency, self.currency.is_some()).unwrap_or_else(|message| {
                mistakes.note(path, message);
                0
            })
        };
        let total_minor = self.total.as_deref().map(|text| money("order.total", text));
        let amount_minor = self.amount.as_deref().map(|text| money("order.amount", text));
        let lines: SmallVec<[Line<'a>; 4]> = self
            .lines
            .iter()
            .take(LINES_MAX)
            .enumerate()
            .map(|(at, line)| Line {
                product: &line.product,
                category: &line.category,
                quantity: line.quantity,
                amount_minor: money(&format!("order.lines[{at}].amount"), &line.amount),
                product_type: &line.product_type,
                theme: &line.theme,
                region: &line.region,
            })
            .collect();
        self.check_texts(mistakes);
        self.check_counts(mistakes);
        let mut day = |name: &str, text: &Option<String>| mistakes.day(name, text.as_deref()?);
        let arrival = day("arrival", &self.arrival);
        let departure = day("departure", &self.departure);
        let booked = day("booked", &self.booked);
        Order {
            customer: self.customer.as_deref(),
            customer_groups: self.customer_groups.iter().map(String::as_str).collect(),
            gate: self.gate.as_deref().or(gate),
            property: self.property.as_deref().or(property),
            channel: self.channel.as_deref(),
            partner: self.partner.as_deref(),
            brand: self.brand.as_deref(),
            currency: self.currency.as_deref(),
            total_minor,
            lines,
            units: self.units.unwrap_or(1),
            amount_minor,
            order_ref: self.order_ref.as_deref(),
            zone: self.zone.as_deref(),
            passage: match self.passage {
                None => Passage::None,
                Some(PassageBody::Entry) => Passage::Entry,
                Some(PassageBody::Exit) => Passage::Exit,
            },
            nights: self.nights,
            arrival,
            departure,
            booked,
            adults: self.adults,
            children: self.children,
            persons: self.persons,
            first_order: from_wire::first_order(self.first_order),
            trigger: self
                .trigger
                .as_deref()
                .map_or(Trigger::Booking, |word| mistakes.trigger(word).unwrap_or_default()),
            slot: self.slot.as_deref(),
        }
    }

    fn check_counts(&self, mistakes: &mut Mistakes) {
        let counts = [
            ("nights", self.nights),
            ("adults", self.adults),
            ("children", self.children),
            ("persons", self.persons),
        ];
        for (name, count) in counts {
            if count.is_some_and(|count| count > HEADCOUNT_MAX) {
                mistakes.note(&format!("order.{name}"), format!("is more than {HEADCOUNT_MAX}"));
            }
        }
    }

    fn check_texts(&self, mistakes: &mut Mistakes) {
        let texts = [
            ("customer", &self.customer),
            ("gate", &self.gate),
            ("property", &self.property),
            ("channel", &self.channel),
            ("partner", &self.partner),
            ("brand", &self.brand),
            ("order_ref", &self.order_ref),
            ("zone", &self.zone),
            ("slot", &self.slot),
        ];
        for (name, text) in texts {
            mistakes.reference(text.as_deref().unwrap_or_default(), || format!("order.{name}"));
        }
        for (at, group) in self.customer_groups.iter().enumerate() {
            mistakes.reference(group, || format!("order.customer_groups[{at}]"));
        }
        for (at, line) in self.lines.iter().take(LINES_MAX).enumerate() {
            let texts = [
                ("product", &line.product),
                ("category", &line.category),
                ("product_type", &line.product_type),
                ("theme", &line.theme),
                ("region", &line.region),
            ];
            for (name, text) in texts {
                mistakes.reference(text, || format!("order.lines[{at}].{name}"));
            }
            if !(1..=QUANTITY_MAX).contains(&line.quantity) {
                let path = format!("order.lines[{at}].quantity");
                mistakes.note(&path, format!("is outside of 1 to {QUANTITY_MAX}"));
            }
        }
    }
}

impl Length {
    /// Milliseconds, at most as long as a hold can last.
    pub(super) fn ms(&self, path: &str) -> Result<u64, Problem> {
        self.known_ms().filter(|ms| (1..=HOLD_TTL_MS_MAX).contains(ms)).ok_or_else(|| {
            Problem::field(path, "is no length of time up to a week, such as \"10m\" or 600000")
        })
    }

    /// Milliseconds, without a limit but that of a number.
    pub(super) fn any_ms(&self, path: &str) -> Result<i64, Problem> {
        let ms = self.known_ms().and_then(|ms| i64::try_from(ms).ok()).filter(|ms| *ms > 0);
        ms.ok_or_else(|| Problem::field(path, "is no length of time, such as \"365days\""))
    }

    fn known_ms(&self) -> Option<u64> {
        match self {
            Self::Ms(ms) => Some(*ms),
            Self::Text(text) => {
                let length = humantime::parse_duration(text).ok()?;
                u64::try_from(length.as_millis()).ok()
            }
        }
    }
}

/// A request's id from an `Idempotency-Key` or path: a UUID is taken as its bytes, so that it is
/// the same over QUIC; any other text by its hash.
pub(super) fn request_id(text: &str) -> RequestId {
    match uuid::Uuid::try_parse(text) {
        Ok(id) => RequestId(id.into_bytes()),
        Err(_other) => {
            let hash = blake3::hash(text.as_bytes());
            let (half, _) = hash.as_bytes().as_chunks::<16>();
            RequestId(half.first().copied().unwrap_or_default())
        }
    }
}

/// The moment after which an answer over HTTP is of no use.
pub(super) fn deadline(now: Timestamp) -> Timestamp {
    /// Shorter than the time after which the whole request is given up.
    const ANSWER_MS: i64 = 10_000;
    now.plus_ms(ANSWER_MS)
}

/// The language for refusals: what the body says, else the first that is known in
/// `Accept-Language`.
pub(super) fn language(stated: Option<&str>, accepted: Option<&str>) -> Language {
    let tags =
        accepted.unwrap_or_default().split(',').map(|tag| tag.split(';').next().unwrap_or(tag));
    let mut wished = stated.into_iter().chain(tags.map(str::trim));
    wished.find_map(Language::from_tag).unwrap_or(Language::English)
}

/// A campaign's id; what cannot be one does not exist.
pub(super) fn campaign_id(text: &str) -> Result<CampaignId, Problem> {
    CampaignId::parse(text)
        .map_err(|error| Problem::not_found(format!("the campaign's id {error}")))
}

/// A tenant's id, or what is wrong with it.
pub(super) fn tenant_id(text: &str) -> Result<TenantId, String> {
    TenantId::parse(text).map_err(|error| error.to_string())
}

/// A currency of ISO 4217 that has amounts.
pub(super) fn currency(text: &str) -> Option<Currency> {
    let known = iso_currency::Currency::from_code(text)?;
    Currency::new(known.code(), u8::try_from(known.exponent()?).ok()?).ok()
}

/// Money as minor units, or what is wrong with it.
fn minor(text: &str, currency: Option<Currency>, stated: bool) -> Result<i64, String> {
    let amount = Decimal::from_str_exact(text)
        .map_err(|_wrong| format!("{text:?} is no decimal number such as \"12.50\""))?;
    match currency {
        Some(currency) => currency.minor(amount).map_err(|error| error.to_string()),
        // The currency itself is told as a mistake then.
        None if stated => Ok(0),
        None => Err("is an amount, so order.currency is needed".to_owned()),
    }
}

/// What is put into a purse or moved: money of its currency as minor units, or whole points.
pub(super) fn purse_amount(
    path: &str,
    text: &str,
    currency: Option<Currency>,
) -> Result<u64, Problem> {
    let amount = match currency {
        Some(_) => minor(text, currency, true).map(|minor| u64::try_from(minor).unwrap_or(0)),
        None => text.parse().map_err(|_wrong| format!("{text:?} is no whole number of points")),
    };
    match amount {
        Ok(amount) if (1..=AMOUNT_MAX).contains(&amount) => Ok(amount),
        Ok(_) => Err(Problem::field(path, format!("is outside of 1 to {AMOUNT_MAX} units"))),
        Err(message) => Err(Problem::field(path, message)),
    }
}

/// A part of a posting in money, as minor units of its currency.
pub(super) fn part_minor(text: &str, stated: Option<&str>) -> Result<u64, Problem> {
    let Some(currency) = stated.and_then(currency) else {
        return Err(Problem::field("part_amount", "is for what was redeemed of a balance only"));
    };
    let part = minor(text, Some(currency), true);
    let part = part.map_err(|message| Problem::field("part_amount", message))?;
    u64::try_from(part)
        .ok()
        .filter(|part| *part > 0)
        .ok_or_else(|| Problem::field("part_amount", "must be more than 0"))
}

/// What all codes of an issue have in common, as the query says.
#[derive(Debug, Default, Clone)]
pub(super) struct IssueWish {
    pub(super) label: Option<String>,
    pub(super) paid_at: Option<String>,
    pub(super) uses: Option<u64>,
    pub(super) balance: Option<String>,
    pub(super) valid_from: Option<String>,
    pub(super) valid_until: Option<String>,
}

/// Longest label of a batch, in bytes.
const LABEL_BYTES_MAX: usize = 128;

/// The order for codes of `campaign`.
pub(super) fn issue_order(
    wish: &IssueWish,
    campaign: &Campaign,
    request: Option<RequestId>,
) -> Result<IssueOrder, Problem> {
    let mut mistakes = Mistakes::default();
    let label = wish.label.clone().unwrap_or_default();
    if label.len() > LABEL_BYTES_MAX {
        mistakes.note("label", format!("has more than {LABEL_BYTES_MAX} bytes"));
    }
    if wish.uses == Some(0) {
        mistakes.note("uses", "must be 1 or more");
    }
    let balance_minor = wish.balance.as_deref().and_then(|text| {
        match minor(text, campaign.currency, campaign.currency.is_some()) {
            Ok(minor) if minor > 0 => Some(minor),
            Ok(_) => {
                mistakes.note("balance", "must be more than 0");
                None
            }
            Err(message) => {
                mistakes.note("balance", message);
                None
            }
        }
    });
    let mut moment = |path: &str, text: &Option<String>, is_end: bool| {
        let text = text.as_deref()?;
        let moment = moment(text, campaign, is_end);
        if moment.is_none() {
            mistakes.note(path, "is neither a date such as 2026-03-01 nor a moment of RFC 3339");
        }
        moment
    };
    let order = IssueOrder {
        campaign: campaign.id.clone(),
        label,
        request,
        paid: moment("paid_at", &wish.paid_at, false),
        uses: wish.uses,
        balance_minor,
        valid_from: moment("valid_from", &wish.valid_from, false),
        valid_until: moment("valid_until", &wish.valid_until, true),
    };
    mistakes.none()?;
    Ok(order)
}

/// A date in the campaign's calendar, whose last day is included, or a moment.
fn moment(text: &str, campaign: &Campaign, is_end: bool) -> Option<Timestamp> {
    match text.parse::<chrono::NaiveDate>() {
        Ok(date) if is_end => Some(campaign.calendar.begin_of(date.succ_opt()?)),
        Ok(date) => Some(campaign.calendar.begin_of(date)),
        Err(_no_date) => Timestamp::from_rfc3339(text),
    }
}

/// A moment of RFC 3339.
pub(super) fn rfc3339(path: &str, text: &str) -> Result<Timestamp, Problem> {
    Timestamp::from_rfc3339(text).ok_or_else(|| Problem::field(path, NO_MOMENT))
}

/// Whose account it is: no longer than the customer of an order can be, who spends of it.
pub(super) fn check_customer(path: &str, customer: &str) -> Result<(), Problem> {
    match customer.len() <= REFERENCE_BYTES_MAX {
        true => Ok(()),
        false => Err(Problem::field(path, "is too long")),
    }
}

/// A customer's id.
pub(super) fn holder(text: Option<String>) -> Result<Option<String>, Problem> {
    let mut mistakes = Mistakes::default();
    mistakes.reference(text.as_deref().unwrap_or_default(), || "holder".to_owned());
    mistakes.none()?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// What is wrong with a body, all of it.
#[derive(Default)]
struct Mistakes(Vec<FieldError>);

impl Mistakes {
    fn note(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(field(path, message));
    }

    fn reference(&mut self, text: &str, path: impl FnOnce() -> String) {
        if text.len() > REFERENCE_BYTES_MAX {
            self.note(&path(), format!("has more than {REFERENCE_BYTES_MAX} bytes"));
        }
    }

    fn day(&mut self, name: &str, text: &str) -> Option<NaiveDate> {
        let day = text.parse::<NaiveDate>().ok().filter(from_wire::is_accepted_day);
        if day.is_none() {
            self.note(&format!("order.{name}"), "is no date, such as 2026-05-01");
        }
        day
    }

    fn trigger(&mut self, word: &str) -> Option<Trigger> {
        let known = Trigger::ALL.into_iter().find(|trigger| trigger.name() == word);
        if known.is_none() {
            let words = Trigger::ALL.map(Trigger::name).join(", ");
            self.note("order.trigger", format!("is none of {words}"));
        }
        known
    }

    fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}

#[cfg(test)]
mod tests;
