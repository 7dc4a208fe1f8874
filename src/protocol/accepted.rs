//! The answer "yes", and what each campaign gave.

use smallvec::SmallVec;

use super::decode::{Fields, Reader, read_array};
use super::encode::Writer;
use super::{
    CODES_MAX, CampaignKind, DecodeError, EncodeError, Id, PRODUCTS_MAX, Refused, State, USES_MAX,
    UseDetails,
};

/// `[129, seq, state, replayed, id, event, at_ms, until_ms, size, live, currency,
/// total_before_minor, total_after_minor, uses, counts_age_ms, left_out]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted<S = String> {
    /// What became of the request.
    pub state: State,
    /// Whether this is the first answer again.
    pub replayed: bool,
    /// The request's id; `None` for validate.
    pub id: Option<Id>,
    /// Number in the event log; 0: none.
    pub event: u64,
    /// When it was decided, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// When the hold ends, in milliseconds since 1970 UTC; 0: no hold.
    pub until_ms: i64,
    /// How much was taken, in the unit that parts are counted in.
    pub size: u64,
    /// How much of it is held or redeemed now.
    pub live: u64,
    /// ISO 4217; "" where no money is involved.
    pub currency: S,
    /// The order's total before the codes, in minor units.
    pub total_before_minor: i64,
    /// The order's total after the codes, in minor units.
    pub total_after_minor: i64,
    /// What each campaign gave, at most [`USES_MAX`].
    pub uses: SmallVec<[Use<S>; 1]>,
    /// How old the counts are that the answer to validate rests on, in milliseconds; `None`: they
    /// are exact.
    pub counts_age_ms: Option<u64>,
    /// Codes that were left out, each with its place and why; at most [`CODES_MAX`].
    pub left_out: Vec<Refused<S>>,
}

/// `[campaign, version, kind, units, worth_minor, ordinal, remaining, balance_minor, holder,
/// products, code_index, details]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use<S = String> {
    /// The campaign.
    pub campaign: S,
    /// Its version.
    pub version: u32,
    /// Its kind.
    pub kind: CampaignKind,
    /// Persons or uses taken.
    pub units: u32,
    /// What it is worth here, in minor units.
    pub worth_minor: i64,
    /// The how-many-eth use this is; 0: not counted.
    pub ordinal: u64,
    /// Uses left; `None`: unlimited.
    pub remaining: Option<u64>,
    /// Balance left in minor units (points for points); `None`: no balance.
    pub balance_minor: Option<i64>,
    /// Whose code it is, where it may be shown.
    pub holder: Option<S>,
    /// What is given, at most [`PRODUCTS_MAX`].
    pub products: SmallVec<[Product<S>; 1]>,
    /// Which code of the request; [`NO_CODE`](super::NO_CODE) for a campaign that applied without
    /// one.
    pub code_index: u8,
    /// What only some uses have.
    pub details: UseDetails<S>,
}

impl<S: Default> Default for Use<S> {
    fn default() -> Self {
        Self {
            campaign: S::default(),
            version: 0,
            kind: CampaignKind::default(),
            units: 0,
            worth_minor: 0,
            ordinal: 0,
            remaining: None,
            balance_minor: None,
            holder: None,
            products: SmallVec::new(),
            code_index: 0,
            details: UseDetails::default(),
        }
    }
}

/// `[product, quantity]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Product<S = String> {
    /// The product.
    pub product: S,
    /// How many.
    pub quantity: u32,
}

impl<S: AsRef<str>> Accepted<S> {
    pub(super) fn write(&self, seq: u32, w: &mut Writer) -> Result<(), EncodeError> {
        // Counts are nearly always exact, and codes are seldom left out.
        let more = match (self.left_out.is_empty(), self.counts_age_ms) {
            (true, None) => 0,
            (true, Some(_)) => 1,
            (false, _) => 2,
        };
        w.message(129, seq, 12 + more);
        w.uint(self.state.number().into());
        w.bool(self.replayed);
        w.or_nil(self.id, Writer::id);
        w.uint(self.event);
        w.int(self.at_ms);
        w.int(self.until_ms);
        w.uint(self.size);
        w.uint(self.live);
        w.str(self.currency.as_ref());
        w.int(self.total_before_minor);
        w.int(self.total_after_minor);
        w.array_limited("uses", self.uses.len(), USES_MAX)?;
        self.uses.iter().try_for_each(|one| one.write(w))?;
        if more > 0 {
            w.or_nil(self.counts_age_ms, Writer::uint);
        }
        if more > 1 {
            w.array_limited("left_out", self.left_out.len(), CODES_MAX)?;
            self.left_out.iter().for_each(|refused| refused.write_one(w));
        }
        Ok(())
    }
}

impl<'a> Accepted<&'a str> {
    pub(super) fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            state: fields.need("state")?.uint::<u8>("state")?.into(),
            replayed: fields.bool_or_false("replayed")?,
            id: fields.id_or_none("id")?,
            event: fields.uint_or_zero("event")?,
            at_ms: fields.int_or_zero("at_ms")?,
            until_ms: fields.int_or_zero("until_ms")?,
            size: fields.uint_or_zero("size")?,
            live: fields.uint_or_zero("live")?,
            currency: fields.str_or_empty("currency")?,
            total_before_minor: fields.int_or_zero("total_before_minor")?,
            total_after_minor: fields.int_or_zero("total_after_minor")?,
            uses: read_many(fields, "uses", USES_MAX, Use::read)?,
            counts_age_ms: fields.uint_or_none("counts_age_ms")?,
            left_out: fields.next().map_or_else(
                || Ok(Vec::new()),
                |r| read_array(r, "left_out", CODES_MAX, Refused::read_one),
            )?,
        })
    }

    pub(super) fn into_owned(self) -> Accepted {
        Accepted {
            state: self.state,
            replayed: self.replayed,
            id: self.id,
            event: self.event,
            at_ms: self.at_ms,
            until_ms: self.until_ms,
            size: self.size,
            live: self.live,
            currency: self.currency.to_owned(),
            total_before_minor: self.total_before_minor,
            total_after_minor: self.total_after_minor,
            uses: self.uses.into_iter().map(Use::into_owned).collect(),
            counts_age_ms: self.counts_age_ms,
            left_out: self.left_out.into_iter().map(Refused::into_owned).collect(),
        }
    }
}

impl<S: AsRef<str>> Use<S> {
    fn write(&self, w: &mut Writer) -> Result<(), EncodeError> {
        let has_details = self.details.keys_len() > 0;
        w.array_len(11 + u32::from(has_details));
        w.str(self.campaign.as_ref());
        w.uint(self.version.into());
        w.uint(self.kind.number().into());
        w.uint(self.units.into());
        w.int(self.worth_minor);
        w.uint(self.ordinal);
        w.or_nil(self.remaining, Writer::uint);
        w.or_nil(self.balance_minor, Writer::int);
        w.or_nil(self.holder.as_ref(), |w, holder| w.str(holder.as_ref()));
        w.array_limited("products", self.products.len(), PRODUCTS_MAX)?;
        for product in &self.products {
            w.array_len(2);
            w.str(product.product.as_ref());
            w.uint(product.quantity.into());
        }
        w.uint(self.code_index.into());
        if has_details { self.details.write(w) } else { Ok(()) }
    }
}

impl<'a> Use<&'a str> {
    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Fields::open(r, "use")?;
        let one = Self {
            campaign: fields.str_or_empty("campaign")?,
            version: fields.uint_or_zero("version")?,
            kind: fields.uint_or_zero::<u8>("kind")?.into(),
            units: fields.uint_or_zero("units")?,
            worth_minor: fields.int_or_zero("worth_minor")?,
            ordinal: fields.uint_or_zero("ordinal")?,
            remaining: fields.uint_or_none("remaining")?,
            balance_minor: fields.int_or_none("balance_minor")?,
            holder: fields.str_or_none("holder")?,
            products: read_many(&mut fields, "products", PRODUCTS_MAX, Product::read)?,
            code_index: fields.uint_or_zero("code_index")?,
            details: fields.next().map_or_else(|| Ok(UseDetails::default()), UseDetails::read)?,
        };
        fields.close()?;
        Ok(one)
    }

    pub(super) fn into_owned(self) -> Use {
        Use {
            campaign: self.campaign.to_owned(),
            version: self.version,
            kind: self.kind,
            units: self.units,
            worth_minor: self.worth_minor,
            ordinal: self.ordinal,
            remaining: self.remaining,
            balance_minor: self.balance_minor,
            holder: self.holder.map(str::to_owned),
            products: self.products.into_iter().map(Product::into_owned).collect(),
            code_index: self.code_index,
            details: self.details.into_owned(),
        }
    }
}

impl<'a> Product<&'a str> {
    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Fields::open(r, "product")?;
        let product = Self {
            product: fields.str_or_empty("product")?,
            quantity: fields.uint_or_zero("quantity")?,
        };
        fields.close()?;
        Ok(product)
    }

    pub(super) fn into_owned(self) -> Product {
        Product { product: self.product.to_owned(), quantity: self.quantity }
    }
}

fn read_many<'a, T>(
    fields: &mut Fields<'_, 'a>,
    what: &'static str,
    max: usize,
    read: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<SmallVec<[T; 1]>, DecodeError> {
    fields.next().map_or_else(|| Ok(SmallVec::new()), |r| read_array(r, what, max, read))
}
