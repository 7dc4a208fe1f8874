//! What only some uses have: a map with small integer keys, left out where it is empty.

use super::decode::{Fields, Reader, read_array};
use super::encode::Writer;
use super::{DecodeError, EncodeError, PARTS_MAX, SWITCHES_MAX};

/// What only some uses have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseDetails<S = String> {
    /// 1: the balance with which the code began, in minor units.
    pub original_minor: Option<i64>,
    /// 2: what was lost of its balance because the order needed less, in minor units.
    pub forfeited_minor: i64,
    /// 3: what it did to the customer's account.
    pub account: Option<UseOfAccount<S>>,
    /// 4: what products are switched to, at most [`SWITCHES_MAX`].
    pub switches: Vec<ProductSwitch<S>>,
    /// 5: what was taken off each line of the order, in minor units, and last off the rest of its
    /// total; at most [`PARTS_MAX`].
    pub lines_minor: Vec<i64>,
    /// 6: a reference to the holder's picture, where it may be shown.
    pub photo: Option<S>,
    /// 7: when somebody entered with the code before, in milliseconds since 1970 UTC.
    pub last_entry_ms: Option<i64>,
}

impl<S> Default for UseDetails<S> {
    fn default() -> Self {
        Self {
            original_minor: None,
            forfeited_minor: 0,
            account: None,
            switches: Vec::new(),
            lines_minor: Vec::new(),
            photo: None,
            last_entry_ms: None,
        }
    }
}

/// `[account, spent, earned, balance, currency]`: points, or minor units of money.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UseOfAccount<S = String> {
    /// The account.
    pub account: S,
    /// What was spent of it.
    pub spent: u64,
    /// What came into it.
    pub earned: u64,
    /// What is in it afterwards; `None`: not known.
    pub balance: Option<u64>,
    /// ISO 4217, three letters; "" where it keeps points.
    pub currency: S,
}

/// `[product, to]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductSwitch<S = String> {
    /// The product.
    pub product: S,
    /// `bookable`, `not_bookable` or `exempt`; a newer server may send another word.
    pub to: S,
}

impl<S: AsRef<str>> UseDetails<S> {
    pub(super) fn write(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.map_len(self.keys_len());
        if let Some(original_minor) = self.original_minor {
            w.uint(1);
            w.int(original_minor);
        }
        if self.forfeited_minor != 0 {
            w.uint(2);
            w.int(self.forfeited_minor);
        }
        if let Some(account) = &self.account {
            w.uint(3);
            account.write(w);
        }
        if !self.switches.is_empty() {
            w.uint(4);
            w.array_limited("switches", self.switches.len(), SWITCHES_MAX)?;
            for switch in &self.switches {
                w.array_len(2);
                w.str(switch.product.as_ref());
                w.str(switch.to.as_ref());
            }
        }
        if !self.lines_minor.is_empty() {
            w.uint(5);
            w.array_limited("lines_minor", self.lines_minor.len(), PARTS_MAX)?;
            self.lines_minor.iter().for_each(|&minor| w.int(minor));
        }
        if let Some(photo) = &self.photo {
            w.uint(6);
            w.str(photo.as_ref());
        }
        if let Some(last_entry_ms) = self.last_entry_ms {
            w.uint(7);
            w.int(last_entry_ms);
        }
        Ok(())
    }
}

impl<S> UseDetails<S> {
    /// How many keys there are to write.
    pub(super) fn keys_len(&self) -> u32 {
        [
            self.original_minor.is_some(),
            self.forfeited_minor != 0,
            self.account.is_some(),
            !self.switches.is_empty(),
            !self.lines_minor.is_empty(),
            self.photo.is_some(),
            self.last_entry_ms.is_some(),
        ]
        .into_iter()
        .map(u32::from)
        .sum()
    }
}

impl<'a> UseDetails<&'a str> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut details = Self::default();
        let pairs = r.map_len("use details")?;
        for _ in 0..pairs {
            match r.key()? {
                Some(key) if !r.take_nil() => details.read_key(key, r)?,
                Some(_) => {}
                None => r.skip("use details value")?,
            }
        }
        Ok(details)
    }

    fn read_key(&mut self, key: u64, r: &mut Reader<'a>) -> Result<(), DecodeError> {
        match key {
            1 => self.original_minor = Some(r.int("original_minor")?),
            2 => self.forfeited_minor = r.int("forfeited_minor")?,
            3 => self.account = Some(UseOfAccount::read(r)?),
            4 => self.switches = read_array(r, "switches", SWITCHES_MAX, ProductSwitch::read)?,
            5 => self.lines_minor = read_array(r, "lines_minor", PARTS_MAX, |r| r.int("part"))?,
            6 => self.photo = Some(r.str("photo")?),
            7 => self.last_entry_ms = Some(r.int("last_entry_ms")?),
            _ => r.skip("use details value")?,
        }
        Ok(())
    }

    pub(super) fn into_owned(self) -> UseDetails {
        UseDetails {
            original_minor: self.original_minor,
            forfeited_minor: self.forfeited_minor,
            account: self.account.map(UseOfAccount::into_owned),
            switches: self.switches.into_iter().map(ProductSwitch::into_owned).collect(),
            lines_minor: self.lines_minor,
            photo: self.photo.map(str::to_owned),
            last_entry_ms: self.last_entry_ms,
        }
    }
}

impl<S: AsRef<str>> UseOfAccount<S> {
    fn write(&self, w: &mut Writer) {
        let currency = self.currency.as_ref();
        w.array_len(if currency.is_empty() { 4 } else { 5 });
        w.str(self.account.as_ref());
        w.uint(self.spent);
        w.uint(self.earned);
        w.or_nil(self.balance, Writer::uint);
        if !currency.is_empty() {
            w.str(currency);
        }
    }
}

impl<'a> UseOfAccount<&'a str> {
    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Fields::open(r, "account")?;
        let account = Self {
            account: fields.str_or_empty("account")?,
            spent: fields.uint_or_zero("spent")?,
            earned: fields.uint_or_zero("earned")?,
            balance: fields.uint_or_none("balance")?,
            currency: fields.str_or_empty("currency")?,
        };
        fields.close()?;
        Ok(account)
    }

    fn into_owned(self) -> UseOfAccount {
        let Self { account, spent, earned, balance, currency } = self;
        let (account, currency) = (account.to_owned(), currency.to_owned());
        UseOfAccount { account, spent, earned, balance, currency }
    }
}

impl<'a> ProductSwitch<&'a str> {
    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Fields::open(r, "switch")?;
        let switch =
            Self { product: fields.str_or_empty("product")?, to: fields.str_or_empty("to")? };
        fields.close()?;
        Ok(switch)
    }

    fn into_owned(self) -> ProductSwitch {
        ProductSwitch { product: self.product.to_owned(), to: self.to.to_owned() }
    }
}
