//! One line of an order.

use super::decode::{Fields, Reader};
use super::encode::Writer;
use super::{DecodeError, EncodeError, REFERENCE_LEN_MAX};

/// One line of the cart: `[product, category, quantity, amount_minor, product_type, theme,
/// region]`; the last three are left out where they are "".
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
    /// Its product type: `room`, `package`, `programme`, `board`, `voucher` or any other.
    pub product_type: S,
    /// Its theme.
    pub theme: S,
    /// Its region.
    pub region: S,
}

impl<S: AsRef<str>> Line<S> {
    pub(super) fn write(&self, w: &mut Writer) -> Result<(), EncodeError> {
        let words = [
            ("product_type", self.product_type.as_ref()),
            ("theme", self.theme.as_ref()),
            ("region", self.region.as_ref()),
        ];
        let said = words.iter().rposition(|(_, word)| !word.is_empty()).map_or(0, |last| last + 1);
        w.array_limited("line", 4 + said, 4 + words.len())?;
        w.text("product", self.product.as_ref(), REFERENCE_LEN_MAX)?;
        w.text("category", self.category.as_ref(), REFERENCE_LEN_MAX)?;
        w.uint(self.quantity.into());
        w.int(self.amount_minor);
        for (what, word) in words.into_iter().take(said) {
            w.text(what, word, REFERENCE_LEN_MAX)?;
        }
        Ok(())
    }
}

impl<'a> Line<&'a str> {
    pub(super) fn into_owned(self) -> Line {
        Line {
            product: self.product.to_owned(),
            category: self.category.to_owned(),
            quantity: self.quantity,
            amount_minor: self.amount_minor,
            product_type: self.product_type.to_owned(),
            theme: self.theme.to_owned(),
            region: self.region.to_owned(),
        }
    }

    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Fields::open(r, "line")?;
        let line = Self {
            product: fields.text_or_empty("product", REFERENCE_LEN_MAX)?,
            category: fields.text_or_empty("category", REFERENCE_LEN_MAX)?,
            quantity: fields.uint_or_zero("quantity")?,
            amount_minor: fields.int_or_zero("amount_minor")?,
            product_type: fields.text_or_empty("product_type", REFERENCE_LEN_MAX)?,
            theme: fields.text_or_empty("theme", REFERENCE_LEN_MAX)?,
            region: fields.text_or_empty("region", REFERENCE_LEN_MAX)?,
        };
        fields.close()?;
        Ok(line)
    }
}
