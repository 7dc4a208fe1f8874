//! Notes: what a receipt remembers of an answer, so that it can be given again and shown in a
//! history.
//!
//! ```text
//! [1, currency, total_before, legs (one code index a leg, as bytes), customer, order_ref, gate,
//!  property, channel, partner, [use, …], tenant]
//! use = [campaign, version, kind, units, worth, [[product, quantity], …], code key]
//! ```
//! MessagePack; `nil` for what was not said; `worth` is `nil` where the ledger's legs say it.
//! Readers ignore what follows.

use rmp::decode;
use rmp::encode;
use smallvec::SmallVec;

use crate::domain::code::CodeKey;

/// The version that is written.
const VERSION: u64 = 1;

/// What the receipt of a posting says about the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Note {
    /// The order's currency.
    pub currency: Option<Box<str>>,
    /// What the order cost before, in minor units.
    pub total_before_minor: Option<i64>,
    /// For each leg, the place in the request of the code that it is for.
    pub leg_codes: SmallVec<[u8; 8]>,
    /// Who used it.
    pub customer: Option<Box<str>>,
    /// The caller's number of the order.
    pub order_ref: Option<Box<str>>,
    /// At which gate.
    pub gate: Option<Box<str>>,
    /// In which property.
    pub property: Option<Box<str>>,
    /// Through which channel.
    pub channel: Option<Box<str>>,
    /// Brought by whom.
    pub partner: Option<Box<str>>,
    /// One for each code, in the order of the request.
    pub uses: SmallVec<[NotedUse; 1]>,
    /// Whose codes they are.
    pub tenant: Option<Box<str>>,
}

/// What was said of one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedUse {
    /// The campaign.
    pub campaign: Box<str>,
    /// The version whose effects were given.
    pub version: u32,
    /// The number of the campaign's kind.
    pub kind: u8,
    /// Units taken.
    pub units: u32,
    /// Taken off the order, in minor units; absent when it was drawn from a balance.
    pub worth_minor: Option<i64>,
    /// What came with it.
    pub products: SmallVec<[(Box<str>, u32); 1]>,
    /// The code.
    pub code: CodeKey,
}

impl Note {
    /// As bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        // Writing into memory cannot fail.
        let _written = self.write(&mut bytes);
        bytes
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), encode::ValueWriteError> {
        encode::write_array_len(out, 12)?;
        encode::write_uint(out, VERSION)?;
        text(out, self.currency.as_deref())?;
        number(out, self.total_before_minor)?;
        encode::write_bin(out, &self.leg_codes)?;
        let texts = [
            &self.customer,
            &self.order_ref,
            &self.gate,
            &self.property,
            &self.channel,
            &self.partner,
        ];
        for value in texts {
            text(out, value.as_deref())?;
        }
        encode::write_array_len(out, u32::try_from(self.uses.len()).unwrap_or(0))?;
        for used in &self.uses {
            encode::write_array_len(out, 7)?;
            encode::write_str(out, &used.campaign)?;
            encode::write_uint(out, u64::from(used.version))?;
            encode::write_uint(out, u64::from(used.kind))?;
            encode::write_uint(out, u64::from(used.units))?;
            number(out, used.worth_minor)?;
            encode::write_array_len(out, u32::try_from(used.products.len()).unwrap_or(0))?;
            for (product, quantity) in &used.products {
                encode::write_array_len(out, 2)?;
                encode::write_str(out, product)?;
                encode::write_uint(out, u64::from(*quantity))?;
            }
            encode::write_bin(out, used.code.as_bytes())?;
        }
        text(out, self.tenant.as_deref())
    }

    /// From bytes. `None` when they are no note that is known.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let fields = reader.array()?;
        if fields < 12 || reader.uint()? != VERSION {
            return None;
        }
        Some(Self {
            currency: reader.text()?,
            total_before_minor: reader.number()?,
            leg_codes: SmallVec::from_slice(reader.bytes()?),
            customer: reader.text()?,
            order_ref: reader.text()?,
            gate: reader.text()?,
            property: reader.text()?,
            channel: reader.text()?,
            partner: reader.text()?,
            uses: reader.many(|reader| {
                reader.array().filter(|fields| *fields >= 7)?;
                Some(NotedUse {
                    campaign: reader.text()??,
                    version: u32::try_from(reader.uint()?).ok()?,
                    kind: u8::try_from(reader.uint()?).ok()?,
                    units: u32::try_from(reader.uint()?).ok()?,
                    worth_minor: reader.number()?,
                    products: reader.many(|reader| {
                        reader.array().filter(|fields| *fields >= 2)?;
                        Some((reader.text()??, u32::try_from(reader.uint()?).ok()?))
                    })?,
                    code: CodeKey::from_bytes(reader.bytes()?.try_into().ok()?),
                })
            })?,
            tenant: reader.text()?,
        })
    }
}

fn text(out: &mut Vec<u8>, value: Option<&str>) -> Result<(), encode::ValueWriteError> {
    match value {
        Some(value) => encode::write_str(out, value),
        None => Ok(encode::write_nil(out).map_err(encode::ValueWriteError::InvalidMarkerWrite)?),
    }
}

fn number(out: &mut Vec<u8>, value: Option<i64>) -> Result<(), encode::ValueWriteError> {
    match value {
        Some(value) => encode::write_sint(out, value).map(|_marker| ()),
        None => Ok(encode::write_nil(out).map_err(encode::ValueWriteError::InvalidMarkerWrite)?),
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array(&mut self) -> Option<u32> {
        decode::read_array_len(&mut self.0).ok()
    }

    fn uint(&mut self) -> Option<u64> {
        decode::read_int(&mut self.0).ok()
    }

    fn nil(&mut self) -> bool {
        let Some((&0xc0, rest)) = self.0.split_first() else { return false };
        self.0 = rest;
        true
    }

    fn number(&mut self) -> Option<Option<i64>> {
        if self.nil() { Some(None) } else { decode::read_int(&mut self.0).ok().map(Some) }
    }

    fn text(&mut self) -> Option<Option<Box<str>>> {
        if self.nil() {
            return Some(None);
        }
        let len = decode::read_str_len(&mut self.0).ok()?;
        let bytes = self.take(len)?;
        Some(Some(std::str::from_utf8(bytes).ok()?.into()))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = decode::read_bin_len(&mut self.0).ok()?;
        self.take(len)
    }

    fn take(&mut self, len: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn many<T, C: FromIterator<T>>(&mut self, one: impl Fn(&mut Self) -> Option<T>) -> Option<C> {
        let len = self.array()?;
        (0..len).map(|_| one(self)).collect()
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a wrong index is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_as_they_were() {
        let note = Note {
            currency: Some("EUR".into()),
            total_before_minor: Some(-5),
            leg_codes: SmallVec::from_slice(&[0, 0, 1]),
            customer: Some("c-1".into()),
            gate: Some("north".into()),
            uses: [NotedUse {
                campaign: "season".into(),
                version: 7,
                kind: 3,
                units: 4,
                worth_minor: Some(-12),
                products: [("drink".into(), 2)].into_iter().collect(),
                code: CodeKey::from_bytes([9; 16]),
            }]
            .into_iter()
            .collect(),
            tenant: Some("park".into()),
            ..Note::default()
        };
        let bytes = note.encode();
        assert_eq!(Note::decode(&bytes), Some(note));
        for cut in 0..bytes.len() {
            assert_eq!(Note::decode(&bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(Note::decode(b"what a gate wrote"), None);
    }
}
