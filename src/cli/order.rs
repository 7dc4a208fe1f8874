//! The circumstances of a request, as flags.

use anyhow::Context;
use chrono::NaiveDate;
use clap::Args;
use clap::builder::PossibleValuesParser;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::output::wrong_use;
use crate::domain::money::Currency;
use crate::domain::order::Trigger as Word;
use crate::protocol::{Id, Line, Order, Passage, Trigger};

/// What is known of the order.
#[derive(Debug, Clone, Args)]
pub(super) struct OrderFlags {
    /// Who asks; a hashed e-mail or device key for guests
    #[arg(long, help_heading = "Order")]
    customer: Option<String>,
    /// A group the customer belongs to; may be repeated
    #[arg(long = "group", value_name = "GROUP", help_heading = "Order")]
    groups: Vec<String>,
    /// Where the code was presented
    #[arg(long, help_heading = "Order")]
    gate: Option<String>,
    /// The house, park, pool
    #[arg(long, help_heading = "Order")]
    property: Option<String>,
    /// How the order came in, such as web
    #[arg(long, help_heading = "Order")]
    channel: Option<String>,
    /// Who sold it
    #[arg(long, help_heading = "Order")]
    partner: Option<String>,
    /// Under which brand
    #[arg(long, help_heading = "Order")]
    brand: Option<String>,
    /// What the order costs before any code, such as 12.50
    #[arg(long, value_name = "MONEY", requires = "currency", help_heading = "Order")]
    total: Option<Decimal>,
    /// How much to draw from a balance, such as 12.50
    #[arg(long, value_name = "MONEY", requires = "currency", help_heading = "Order")]
    amount: Option<Decimal>,
    /// The currency of all amounts, such as EUR
    #[arg(long, help_heading = "Order")]
    currency: Option<String>,
    /// What is in the cart; the amount is the whole line's; may be followed by :type=, :theme= and
    /// :region=; may be repeated
    #[arg(
        long = "line",
        value_name = "PRODUCT[:CATEGORY]:QUANTITY:MONEY[:type=TYPE]",
        requires = "currency",
        help_heading = "Order"
    )]
    lines: Vec<String>,
    /// Persons or uses taken
    #[arg(long, default_value_t = 1, help_heading = "Order")]
    units: u32,
    /// Your own name for the order
    #[arg(long, value_name = "TEXT", help_heading = "Order")]
    order_ref: Option<String>,
    /// The zone that is entered or left
    #[arg(long, help_heading = "Order")]
    zone: Option<String>,
    /// The guest goes in
    #[arg(long, conflicts_with = "exit", help_heading = "Order")]
    entry: bool,
    /// The guest goes out
    #[arg(long, help_heading = "Order")]
    exit: bool,
    /// How many nights; from arrival to departure unless given
    #[arg(long, value_name = "NUMBER", help_heading = "Order")]
    nights: Option<u32>,
    /// The local day of arrival, visit or event, such as 2026-05-01
    #[arg(long, value_name = "DATE", help_heading = "Order")]
    arrival: Option<NaiveDate>,
    /// The local day of departure
    #[arg(long, value_name = "DATE", help_heading = "Order")]
    departure: Option<NaiveDate>,
    /// The local day of booking; today unless given
    #[arg(long, value_name = "DATE", help_heading = "Order")]
    booked: Option<NaiveDate>,
    /// How many adults
    #[arg(long, value_name = "NUMBER", help_heading = "Order")]
    adults: Option<u32>,
    /// How many children
    #[arg(long, value_name = "NUMBER", help_heading = "Order")]
    children: Option<u32>,
    /// How many persons; adults and children unless given
    #[arg(long, value_name = "NUMBER", help_heading = "Order")]
    persons: Option<u32>,
    /// It is the customer's first order; =false if it is known not to be
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Order"
    )]
    first_order: Option<bool>,
    /// What brings the request about
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(Word::ALL.map(Word::name)),
        help_heading = "Order"
    )]
    trigger: Option<String>,
    /// The bookable date or service that it is for
    #[arg(long, help_heading = "Order")]
    slot: Option<String>,
}

impl OrderFlags {
    /// The order as the protocol has it.
    pub(super) fn order(&self) -> anyhow::Result<Order> {
        let currency = self.currency.as_deref().map(currency).transpose()?;
        let minor = |amount: Option<Decimal>| match (amount, currency) {
            (Some(amount), Some(currency)) => minor(amount, currency).map(Some),
            (None, _) | (_, None) => Ok(None),
        };
        let lines: anyhow::Result<_> = self
            .lines
            .iter()
            .map(|text| line(text, currency).with_context(|| format!("--line {text}")))
            .collect();
        Ok(Order {
            customer: self.customer.clone(),
            customer_groups: self.groups.iter().cloned().collect(),
            gate: self.gate.clone(),
            property: self.property.clone(),
            channel: self.channel.clone(),
            partner: self.partner.clone(),
            brand: self.brand.clone(),
            currency: currency.map(|currency| currency.to_string()),
            total_minor: minor(self.total)?,
            lines: lines?,
            units: self.units,
            amount_minor: minor(self.amount)?,
            order_ref: self.order_ref.clone(),
            zone: self.zone.clone(),
            passage: match (self.entry, self.exit) {
                (true, _) => Passage::Entry,
                (false, true) => Passage::Exit,
                (false, false) => Passage::None,
            },
            nights: self.nights,
            arrival_day: day(self.arrival),
            departure_day: day(self.departure),
            booked_day: day(self.booked),
            adults: self.adults,
            children: self.children,
            persons: self.persons,
            first_order: self.first_order,
            trigger: self.trigger.as_deref().and_then(trigger).unwrap_or_default(),
            slot: self.slot.clone(),
        })
    }
}

/// A date as the protocol has it.
fn day(date: Option<NaiveDate>) -> Option<i32> {
    date.map(|date| date.to_epoch_days())
}

/// A day of the protocol as a date, such as 2026-05-01.
pub(super) fn date(day: i32) -> Option<String> {
    NaiveDate::from_epoch_days(day).map(|date| date.to_string())
}

/// A trigger's word.
pub(super) fn trigger_name(trigger: Trigger) -> &'static str {
    let word = Word::ALL.into_iter().find(|word| *word as u8 == trigger.number());
    word.unwrap_or_default().name()
}

fn trigger(word: &str) -> Option<Trigger> {
    let known = Word::ALL.into_iter().find(|trigger| trigger.name() == word)?;
    Trigger::from_number(known as u8)
}

/// How much of a hold or redemption.
#[derive(Debug, Clone, Args)]
pub(super) struct PartFlags {
    /// How many units of it; all unless given
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u64).range(1..))]
    part: Option<u64>,
    /// How much money of it, such as 12.50; all unless given
    #[arg(long, value_name = "MONEY", requires = "currency", conflicts_with = "part")]
    part_amount: Option<Decimal>,
    /// The currency of --part-amount
    #[arg(long)]
    currency: Option<String>,
}

impl PartFlags {
    /// The part as the protocol has it: 0 is all.
    pub(super) fn part(&self) -> anyhow::Result<u64> {
        let (Some(amount), Some(letters)) = (self.part_amount, &self.currency) else {
            return Ok(self.part.unwrap_or(0));
        };
        let minor = minor(amount, currency(letters)?)?;
        let part = u64::try_from(minor).ok().filter(|part| *part > 0);
        part.ok_or_else(|| wrong_use(format!("--part-amount {amount} is not above zero")))
    }
}

/// A currency of ISO 4217.
pub(super) fn currency(letters: &str) -> anyhow::Result<Currency> {
    let unknown = || wrong_use(format!("{letters:?} is no currency of ISO 4217, such as EUR"));
    let known = iso_currency::Currency::from_code(letters).ok_or_else(unknown)?;
    let digits = known.exponent().and_then(|digits| u8::try_from(digits).ok()).unwrap_or(0);
    Currency::new(letters, digits).map_err(|error| wrong_use(error.to_string()))
}

/// Whole minor units.
pub(super) fn minor(amount: Decimal, currency: Currency) -> anyhow::Result<i64> {
    currency.minor(amount).map_err(|error| wrong_use(error.to_string()))
}

/// An amount for people and JSON, `"12.50"`; whole units where the currency is not known.
pub(super) fn decimal(minor: i64, letters: &str) -> String {
    match currency(letters) {
        Ok(currency) => currency.decimal(minor).to_string(),
        Err(_) => minor.to_string(),
    }
}

fn line(text: &str, currency: Option<Currency>) -> anyhow::Result<Line> {
    let (words, parts): (Vec<&str>, Vec<&str>) =
        text.split(':').partition(|part| part.contains('='));
    let (product, category, quantity, amount) = match parts.as_slice() {
        [product, quantity, amount] => (product, &"", quantity, amount),
        [product, category, quantity, amount] => (product, category, quantity, amount),
        _ => return Err(wrong_use(LINE_EXPECTED)),
    };
    let not_a = |what: &str, text: &str| wrong_use(format!("{text:?} is no {what}"));
    let currency = currency.ok_or_else(|| wrong_use("--currency is missing"))?;
    let amount: Decimal = amount.parse().map_err(|_| not_a("amount of money", amount))?;
    let mut line = Line {
        product: (*product).to_owned(),
        category: (*category).to_owned(),
        quantity: quantity.parse().map_err(|_| not_a("quantity", quantity))?,
        amount_minor: minor(amount, currency)?,
        ..Line::default()
    };
    for (name, value) in words.iter().filter_map(|word| word.split_once('=')) {
        let place = match name {
            "type" => &mut line.product_type,
            "theme" => &mut line.theme,
            "region" => &mut line.region,
            _ => return Err(wrong_use(LINE_EXPECTED)),
        };
        value.clone_into(place);
    }
    Ok(line)
}

const LINE_EXPECTED: &str = "expected is PRODUCT[:CATEGORY]:QUANTITY:MONEY, then any of \
                             :type=TYPE, :theme=THEME and :region=REGION";

/// An id that was given: a UUID.
pub(super) fn parse_id(text: &str) -> Result<Id, String> {
    let id = Uuid::parse_str(text).map_err(|_| "expected is a UUID".to_owned())?;
    Ok(Id(id.into_bytes()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "they fail a test")]
mod tests {
    use super::*;
    use crate::cli::output::{Ended, Exit};
    use clap::Parser;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        order: OrderFlags,
    }

    fn order(flags: &str) -> anyhow::Result<Order> {
        let words = std::iter::once("test").chain(flags.split_whitespace());
        Flags::try_parse_from(words)?.order.order()
    }

    #[test]
    fn money_is_decimal_in_its_currency() {
        let order = order(
            "--currency EUR --total 12.5 --amount 3 --line pool:2:9.00 --line beer:bar:1:3.50",
        );
        let order = order.unwrap();
        assert_eq!((order.total_minor, order.amount_minor), (Some(1_250), Some(300)));
        let lines: Vec<_> = order
            .lines
            .iter()
            .map(|l| (l.product.as_str(), l.category.as_str(), l.quantity, l.amount_minor))
            .collect();
        assert_eq!(lines, [("pool", "", 2, 900), ("beer", "bar", 1, 350)]);
        assert_eq!(self::order("--currency JPY --total 500").unwrap().total_minor, Some(500));
    }

    #[test]
    fn what_is_no_money_is_wrong_use() {
        for flags in [
            "--currency EUR --total 1.234",
            "--currency JPY --total 1.5",
            "--currency eur --total 1",
            "--currency XYZ --total 1",
            "--currency EUR --line pool:x:1",
            "--currency EUR --line pool:1",
            "--currency EUR --line pool:1:1e99999",
            "--currency EUR --line pool:1:1:colour=red",
            "--currency EUR --line type=room",
        ] {
            let Err(error) = order(flags) else { panic!("{flags}") };
            let exit = error.chain().find_map(|e| e.downcast_ref::<Ended>()).map(|e| e.exit);
            assert_eq!(exit, Some(Exit::WrongUse), "{flags}");
        }
        assert!(order("--total 5").is_err(), "an amount needs a currency");
        assert!(order("--zone a --entry --exit").is_err(), "one way at a time");
        assert!(order("--arrival tomorrow").is_err(), "a day is a date");
        assert!(order("--trigger whim").is_err(), "a closed list");
    }

    #[test]
    fn a_stay_is_said_in_dates_persons_and_kinds_of_lines() {
        let stay = order(
            "--nights 4 --arrival 2026-05-01 --departure 2026-05-05 --booked 1969-12-31 \
             --adults 2 --children 1 --persons 3 --first-order --trigger voucher_purchase \
             --slot summer --currency EUR --line suite:1:400:type=room:region=tyrol \
             --line spa:beauty:2:99.50:theme=w",
        );
        let mut stay = stay.unwrap();
        let lines: Vec<_> = stay
            .lines
            .iter()
            .map(|l| {
                let words = [&l.product_type, &l.theme, &l.region].map(String::as_str);
                (l.product.as_str(), l.category.as_str(), l.amount_minor, words)
            })
            .collect();
        assert_eq!(
            lines,
            [("suite", "", 40_000, ["room", "", "tyrol"]), ("spa", "beauty", 9_950, ["", "w", ""])]
        );
        stay.lines.clear();
        let expected = Order {
            currency: Some("EUR".to_owned()),
            nights: Some(4),
            arrival_day: Some(20_574),
            departure_day: Some(20_578),
            booked_day: Some(-1),
            adults: Some(2),
            children: Some(1),
            persons: Some(3),
            first_order: Some(true),
            trigger: Trigger::VoucherPurchase,
            slot: Some("summer".to_owned()),
            ..Order::default()
        };
        assert_eq!(stay, expected);
        assert_eq!(order("--first-order=false").unwrap().first_order, Some(false));
        assert_eq!(order("").unwrap(), Order::default());
    }

    #[test]
    fn ids_are_uuids() {
        let id = parse_id("0190f2f0-0000-7000-8000-00000000002a").unwrap();
        assert_eq!(id.to_string(), "0190f2f0-0000-7000-8000-00000000002a");
        assert!(parse_id("42").is_err());
    }
}
