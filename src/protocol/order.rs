//! The order: what a request says about its circumstances. A map with small integer keys on the
//! wire; everything in it is optional.

use smallvec::SmallVec;

use super::decode::Reader;
use super::encode::Writer;
use super::{
    Cause, DecodeError, EncodeError, GROUPS_MAX, LINES_MAX, Line, REFERENCE_LEN_MAX, Trigger,
};

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
    /// Key 16: how many nights; absent: from arrival to departure.
    pub nights: Option<u32>,
    /// Key 17: the local day of arrival, visit or event, counted from 1970-01-01.
    pub arrival_day: Option<i32>,
    /// Key 18: the local day of departure, counted from 1970-01-01.
    pub departure_day: Option<i32>,
    /// Key 19: the local day of booking, counted from 1970-01-01; absent: the day of the request.
    pub booked_day: Option<i32>,
    /// Key 20: how many adults.
    pub adults: Option<u32>,
    /// Key 21: how many children.
    pub children: Option<u32>,
    /// Key 22: how many persons; absent: adults and children.
    pub persons: Option<u32>,
    /// Key 23: whether it is the customer's first order; absent: not said.
    pub first_order: Option<bool>,
    /// Key 24: what brings the request about.
    pub trigger: Trigger,
    /// Key 25: the bookable date or service that it is for.
    pub slot: Option<S>,
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
            nights: None,
            arrival_day: None,
            departure_day: None,
            booked_day: None,
            adults: None,
            children: None,
            persons: None,
            first_order: None,
            trigger: Trigger::Booking,
            slot: None,
        }
    }
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
        number(w, 9, self.total_minor);
        if !self.lines.is_empty() {
            w.uint(10);
            w.array_limited("lines", self.lines.len(), LINES_MAX)?;
            for line in &self.lines {
                line.write(w)?;
            }
        }
        if self.units != 1 {
            w.uint(11);
            w.uint(self.units.into());
        }
        number(w, 12, self.amount_minor);
        reference(w, 13, "order_ref", self.order_ref.as_ref())?;
        reference(w, 14, "zone", self.zone.as_ref())?;
        if self.passage != Passage::None {
            w.uint(15);
            w.uint(if self.passage == Passage::Entry { 1 } else { 2 });
        }
        self.write_stay(w)
    }

    /// The keys from 16 on.
    fn write_stay(&self, w: &mut Writer) -> Result<(), EncodeError> {
        number(w, 16, self.nights);
        number(w, 17, self.arrival_day);
        number(w, 18, self.departure_day);
        number(w, 19, self.booked_day);
        number(w, 20, self.adults);
        number(w, 21, self.children);
        number(w, 22, self.persons);
        if let Some(first_order) = self.first_order {
            w.uint(23);
            w.bool(first_order);
        }
        if self.trigger != Trigger::Booking {
            w.uint(24);
            w.uint(self.trigger.number().into());
        }
        reference(w, 25, "slot", self.slot.as_ref())
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
            self.nights.is_some(),
            self.arrival_day.is_some(),
            self.departure_day.is_some(),
            self.booked_day.is_some(),
            self.adults.is_some(),
            self.children.is_some(),
            self.persons.is_some(),
            self.first_order.is_some(),
            self.trigger != Trigger::Booking,
            self.slot.is_some(),
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

fn number(w: &mut Writer, key: u64, value: Option<impl Into<i64>>) {
    if let Some(value) = value {
        w.uint(key);
        w.int(value.into());
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
            nights: self.nights,
            arrival_day: self.arrival_day,
            departure_day: self.departure_day,
            booked_day: self.booked_day,
            adults: self.adults,
            children: self.children,
            persons: self.persons,
            first_order: self.first_order,
            trigger: self.trigger,
            slot: owned(self.slot),
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
            16 => self.nights = Some(r.uint("nights")?),
            17 => self.arrival_day = Some(r.day("arrival")?),
            18 => self.departure_day = Some(r.day("departure")?),
            19 => self.booked_day = Some(r.day("booked")?),
            20 => self.adults = Some(r.uint("adults")?),
            21 => self.children = Some(r.uint("children")?),
            22 => self.persons = Some(r.uint("persons")?),
            23 => self.first_order = Some(r.bool("first_order")?),
            24 => {
                self.trigger = Trigger::from_number(r.uint("trigger")?)
                    .ok_or_else(|| r.error("trigger", Cause::OutOfRange { expected: "0 to 4" }))?;
            }
            25 => self.slot = Some(r.text("slot", MAX)?),
            _ => r.skip("order value")?,
        }
        Ok(())
    }
}
