//! The circumstances of a request, as flags.

use anyhow::Context;
use clap::Args;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::output::wrong_use;
use crate::domain::money::Currency;
use crate::protocol::{Id, Line, Order, Passage};

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
    /// What is in the cart; the amount is the whole line's; may be repeated
    #[arg(
        long = "line",
        value_name = "PRODUCT[:CATEGORY]:QUANTITY:MONEY",
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
        })
    }
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
    let parts: Vec<&str> = text.split(':').collect();
    let (product, category, quantity, amount) = match parts.as_slice() {
        [product, quantity, amount] => (product, &"", quantity, amount),
        [product, category, quantity, amount] => (product, category, quantity, amount),
        _ => return Err(wrong_use("expected is PRODUCT[:CATEGORY]:QUANTITY:MONEY")),
    };
    let not_a = |what: &str, text: &str| wrong_use(format!("{text:?} is no {what}"));
    let currency = currency.ok_or_else(|| wrong_use("--currency is missing"))?;
    let amount: Decimal = amount.parse().map_err(|_| not_a("amount of money", amount))?;
    Ok(Line {
        product: (*product).to_owned(),
        category: (*category).to_owned(),
        quantity: quantity.parse().map_err(|_| not_a("quantity", quantity))?,
        amount_minor: minor(amount, currency)?,
    })
}

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
        ] {
            let Err(error) = order(flags) else { panic!("{flags}") };
            let exit = error.chain().find_map(|e| e.downcast_ref::<Ended>()).map(|e| e.exit);
            assert_eq!(exit, Some(Exit::WrongUse), "{flags}");
        }
        assert!(order("--total 5").is_err(), "an amount needs a currency");
        assert!(order("--zone a --entry --exit").is_err(), "one way at a time");
    }

    #[test]
    fn ids_are_uuids() {
        let id = parse_id("0190f2f0-0000-7000-8000-00000000002a").unwrap();
        assert_eq!(id.to_string(), "0190f2f0-0000-7000-8000-00000000002a");
        assert!(parse_id("42").is_err());
    }
}
