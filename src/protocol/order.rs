//! The order: what a request says about its circumstances. A map with small integer keys on the
//! wire; everything in it is optional.

use smallvec::SmallVec;

use super::decode::{Fields, Reader};
use super::encode::Writer;
use super::{Cause, DecodeError, EncodeError, GROUPS_MAX, LINES_MAX, REFERENCE_LEN_MAX};

/// The circumstances of a request. References are at most
/// [`REFERENCE_LEN_MAX`] bytes long; amounts are in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order<S = String> {
    /// Key 1: who asks; a hashed e-mail or device key for guests.
    pub customer: Option<S>,
    /// Key 2: groups the customer belongs to, at most [`GROUPS_MAX`].
    pub customer_groups: SmallVec<[S; 2]>,
    /// Key 3: where the code was presented.
    pub gate: Option<S>,
    /// Key 4: the house, park, pool.
    pub property: Option<S>,
    /// Key 5: how the order came in.
    pub channel: Option<S>,
    /// Key 6: who sold it.
    pub partner: Option<S>,
    /// Key 7: under which brand.
    pub brand: Option<S>,
    /// Key 8: ISO 4217, three letters.
    pub currency: Option<S>,
    /// Key 9: what the order costs before any code.
    pub total_minor: Option<i64>,
    /// Key 10: what is in the cart, at most [`LINES_MAX`].
    pub lines: SmallVec<[Line<S>; 2]>,
    /// Key 11: persons or uses taken; 1 unless said otherwise.
    pub units: u32,
    /// Key 12: how much to draw from a balance; absent: what the order's total asks.
    pub amount_minor: Option<i64>,
    /// Key 13: the caller's name for the order.
    pub order_ref: Option<S>,
    /// Key 14: the zone of a park that is entered or left.
    pub zone: Option<S>,
    /// Key 15: which way the guest goes.
    pub passage: Passage,
}

impl<S> Default for Order<S> {
    fn default() -> Self {
        Self {
            customer: None,
            customer_groups: SmallVec::new(),
            gate: None,
            property: None,
            channel: None,
            partner: None,
            brand: None,
            currency: None,
            total_minor: None,
            lines: SmallVec::new(),
            units: 1,
            amount_minor: None,
            order_ref: None,
            zone: None,
            passage: Passage::None,
        }
    }
}

/// One line of the cart: `[product, category, quantity, amount_minor]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line<S = String> {
    /// The product.
    pub product: S,
    /// Its category; "" for none.
    pub category: S,
    /// How many.
    pub quantity: u32,
    /// What the whole line costs, in minor units.
    pub amount_minor: i64,
}

/// Which way a guest passes a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Passage {
    /// 0: no matter.
    #[default]
    None,
    /// 1: in.
    Entry,
    /// 2: out.
    Exit,
}

impl<S: AsRef<str>> Order<S> {
    pub(super) fn write(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.map_len(self.keys_len());
        reference(w, 1, "customer", self.customer.as_ref())?;
        if !self.customer_groups.is_empty() {
            w.uint(2);
            w.array_limited("customer_groups", self.customer_groups.len(), GROUPS_MAX)?;
            for group in &self.customer_groups {
                w.text("customer group", group.as_ref(), REFERENCE_LEN_MAX)?;
            }
        }
        reference(w, 3, "gate", self.gate.as_ref())?;
        reference(w, 4, "property", self.property.as_ref())?;
        reference(w, 5, "channel", self.channel.as_ref())?;
        reference(w, 6, "partner", self.partner.as_ref())?;
        reference(w, 7, "brand", self.brand.as_ref())?;
        if let Some(currency) = &self.currency {
            if !is_currency(currency.as_ref()) {
                let expected = CURRENCY_EXPECTED;
                return Err(EncodeError::OutOfRange { what: "currency", expected });
            }
            w.uint(8);
            w.str(currency.as_ref());
        }
        amount(w, 9, self.total_minor);
        if !self.lines.is_empty() {
            w.uint(10);
            w.array_limited("lines", self.lines.len(), LINES_MAX)?;
            for line in &self.lines {
                w.array_len(4);
                w.text("product", line.product.as_ref(), REFERENCE_LEN_MAX)?;
                w.text("category", line.category.as_ref(), REFERENCE_LEN_MAX)?;
                w.uint(line.quantity.into());
                w.int(line.amount_minor);
            }
        }
        if self.units != 1 {
            w.uint(11);
            w.uint(self.units.into());
        }
        amount(w, 12, self.amount_minor);
        reference(w, 13, "order_ref", self.order_ref.as_ref())?;
        reference(w, 14, "zone", self.zone.as_ref())?;
        if self.passage != Passage::None {
            w.uint(15);
            w.uint(if self.passage == Passage::Entry { 1 } else { 2 });
        }
        Ok(())
    }

    fn keys_len(&self) -> u32 {
        [
            self.customer.is_some(),
            !self.customer_groups.is_empty(),
            self.gate.is_some(),
            self.property.is_some(),
            self.channel.is_some(),
            self.partner.is_some(),
            self.brand.is_some(),
            self.currency.is_some(),
            self.total_minor.is_some(),
            !self.lines.is_empty(),
            self.units != 1,
            self.amount_minor.is_some(),
            self.order_ref.is_some(),
            self.zone.is_some(),
            self.passage != Passage::None,
        ]
        .into_iter()
        .map(u32::from)
        .sum()
    }
}

fn reference<S: AsRef<str>>(
    w: &mut Writer,
    key: u64,
    what: &'static str,
    value: Option<&S>,
) -> Result<(), EncodeError> {
    if let Some(value) = value {
        w.uint(key);
        w.text(what, value.as_ref(), REFERENCE_LEN_MAX)?;
    }
    Ok(())
}

fn amount(w: &mut Writer, key: u64, value: Option<i64>) {
    if let Some(value) = value {
        w.uint(key);
        w.int(value);
    }
}

const CURRENCY_EXPECTED: &str = "three letters";

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

impl<'a> Order<&'a str> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut order = Self::default();
        let pairs = r.map_len("order")?;
        for _ in 0..pairs {
            match r.key()? {
                Some(key) if !r.take_nil() => order.read_key(key, r)?,
                Some(_) => {}
                None => r.skip("order value")?,
            }
        }
        Ok(order)
    }

    pub(super) fn into_owned(self) -> Order {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Order {
            customer: owned(self.customer),
            customer_groups: self.customer_groups.into_iter().map(str::to_owned).collect(),
            gate: owned(self.gate),
            property: owned(self.property),
            channel: owned(self.channel),
            partner: owned(self.partner),
            brand: owned(self.brand),
            currency: owned(self.currency),
            total_minor: self.total_minor,
            lines: self.lines.into_iter().map(Line::into_owned).collect(),
            units: self.units,
            amount_minor: self.amount_minor,
            order_ref: owned(self.order_ref),
            zone: owned(self.zone),
            passage: self.passage,
        }
    }

    fn read_key(&mut self, key: u64, r: &mut Reader<'a>) -> Result<(), DecodeError> {
        const MAX: usize = REFERENCE_LEN_MAX;
        match key {
            1 => self.customer = Some(r.text("customer", MAX)?),
            2 => {
                let count = r.array_limited("customer_groups", GROUPS_MAX)?;
                self.customer_groups.clear();
                for _ in 0..count {
                    self.customer_groups.push(r.text("customer group", MAX)?);
                }
            }
            3 => self.gate = Some(r.text("gate", MAX)?),
            4 => self.property = Some(r.text("property", MAX)?),
            5 => self.channel = Some(r.text("channel", MAX)?),
            6 => self.partner = Some(r.text("partner", MAX)?),
            7 => self.brand = Some(r.text("brand", MAX)?),
            8 => {
                let text = r.str("currency")?;
                if !is_currency(text) {
                    let cause = Cause::OutOfRange { expected: CURRENCY_EXPECTED };
                    return Err(r.error("currency", cause));
                }
                self.currency = Some(text);
            }
            9 => self.total_minor = Some(r.int("total_minor")?),
            10 => {
                let count = r.array_limited("lines", LINES_MAX)?;
                self.lines.clear();
                for _ in 0..count {
                    self.lines.push(Line::read(r)?);
                }
            }
            11 => self.units = r.uint("units")?,
            12 => self.amount_minor = Some(r.int("amount_minor")?),
            13 => self.order_ref = Some(r.text("order_ref", MAX)?),
            14 => self.zone = Some(r.text("zone", MAX)?),
            15 => {
                self.passage = match r.uint::<u8>("passage")? {
                    0 => Passage::None,
                    1 => Passage::Entry,
                    2 => Passage::Exit,
                    3.. => {
                        let cause = Cause::OutOfRange { expected: "0, 1 or 2" };
                        return Err(r.error("passage", cause));
                    }
                }
            }
            _ => r.skip("order value")?,
        }
        Ok(())
    }
}

impl<'a> Line<&'a str> {
    fn into_owned(self) -> Line {
        Line {
            product: self.product.to_owned(),
            category: self.category.to_owned(),
            quantity: self.quantity,
            amount_minor: self.amount_minor,
        }
    }

    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Fields::open(r, "line")?;
        let line = Self {
            product: fields.text_or_empty("product", REFERENCE_LEN_MAX)?,
            category: fields.text_or_empty("category", REFERENCE_LEN_MAX)?,
            quantity: fields.uint_or_zero("quantity")?,
            amount_minor: fields.int_or_zero("amount_minor")?,
        };
        fields.close()?;
        Ok(line)
    }
}
