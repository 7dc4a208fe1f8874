//! Notes: what a receipt remembers of an answer, so that it can be given again and shown in a
//! history.
//!
//! ```text
//! [1, currency, total_before, legs (the place of the use that each is for, as bytes), customer,
//!  order_ref, gate, property, channel, partner, [use, …], tenant,
//!  roles (of each leg, as bytes), [[code index, reason], …] (codes that were left out)]
//! use = [campaign, version, kind, units, worth, [[product, quantity], …], code key,
//!        code index, unit_minor, worth_max, account, [[product, switch], …], lines (amounts),
//!        account's currency]
//! ```
//! MessagePack; `nil` for what was not said; `worth` is `nil` where the ledger's legs say it; the
//! code's key is `nil` for a campaign that applied by itself. What ends a list may be missing, in
//! notes that were written before it was thought of. Readers ignore what follows.

use rmp::decode;
use rmp::encode;
use smallvec::SmallVec;

use crate::domain::campaign::Switch;
use crate::domain::code::CodeKey;
use crate::domain::posting::{Leg, NOTE_BYTES_MAX};
use crate::domain::refusal::Reason;

/// The version that is written.
const VERSION: u64 = 1;

/// What the receipt of a posting says about the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Note {
    /// The order's currency.
    pub currency: Option<Box<str>>,
    /// What the order cost before, in minor units.
    pub total_before_minor: Option<i64>,
    /// For each leg, the place in `uses` of the use that it is for.
    pub leg_uses: SmallVec<[u8; 8]>,
    /// For each leg, what it means for the answer; missing: the draw of a balance if it spends.
    pub leg_roles: SmallVec<[Role; 8]>,
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
    /// One for each code, in the order of the request, and one for each campaign that applied by
    /// itself.
    pub uses: SmallVec<[NotedUse; 1]>,
    /// Whose codes they are.
    pub tenant: Option<Box<str>>,
    /// Codes that were left out: their places in the request, and why.
    pub left_out: SmallVec<[(u8, Reason); 0]>,
}

/// What a leg means for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// It guards or counts.
    Guard = 0,
    /// It draws from the code's balance.
    Draw = 1,
    /// It draws from the customer's account.
    AccountDraw = 2,
    /// It is what the use costs of the customer's account.
    AccountCost = 3,
    /// It puts into the customer's account.
    AccountEarning = 4,
    /// It puts into the code's balance.
    TopUp = 5,
}

impl Role {
    const ALL: [Self; 6] = [
        Self::Guard,
        Self::Draw,
        Self::AccountDraw,
        Self::AccountCost,
        Self::AccountEarning,
        Self::TopUp,
    ];

    fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Guard)
    }
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
    /// The code; absent: the campaign applied by itself.
    pub code: Option<CodeKey>,
    /// The place of the code in the request.
    pub code_index: Option<u8>,
    /// What one drawn unit is worth, in minor units.
    pub unit_minor: i64,
    /// At most so much of what was drawn is worth something, in minor units.
    pub worth_minor_max: i64,
    /// The customer's account.
    pub account: Option<Box<str>>,
    /// Its currency; absent: it keeps points.
    pub account_currency: Option<Box<str>>,
    /// What products are switched to.
    pub switches: SmallVec<[(Box<str>, Switch); 0]>,
    /// What was taken off each line of the order, and last off the rest of its total; empty where
    /// there was no room for it.
    pub lines_minor: SmallVec<[i64; 5]>,
}

impl Note {
    /// As bytes: without what was taken off the lines, if there is no room for that.
    pub(super) fn encode(mut self) -> Vec<u8> {
        let bytes = self.written();
        if bytes.len() <= NOTE_BYTES_MAX || self.uses.iter().all(|used| used.lines_minor.is_empty())
        {
            return bytes;
        }
        for used in &mut self.uses {
            used.lines_minor.clear();
        }
        self.written()
    }

    fn written(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        // Writing into memory cannot fail.
        let _written = self.write(&mut bytes);
        bytes
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), encode::ValueWriteError> {
        encode::write_array_len(out, 14)?;
        encode::write_uint(out, VERSION)?;
        text(out, self.currency.as_deref())?;
        number(out, self.total_before_minor)?;
        encode::write_bin(out, &self.leg_uses)?;
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
        array(out, self.uses.len())?;
        for used in &self.uses {
            used.write(out)?;
        }
        text(out, self.tenant.as_deref())?;
        let roles: SmallVec<[u8; 8]> = self.leg_roles.iter().map(|role| *role as u8).collect();
        encode::write_bin(out, &roles)?;
        array(out, self.left_out.len())?;
        for (index, reason) in &self.left_out {
            array(out, 2)?;
            encode::write_uint(out, u64::from(*index))?;
            encode::write_uint(out, u64::from(reason.number()))?;
        }
        Ok(())
    }

    /// From bytes. `None` when they are no note that is known.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let fields = reader.array()?;
        if fields < 12 || reader.uint()? != VERSION {
            return None;
        }
        let mut note = Self {
            currency: reader.text()?,
            total_before_minor: reader.number()?,
            leg_uses: SmallVec::from_slice(reader.bytes()?),
            customer: reader.text()?,
            order_ref: reader.text()?,
            gate: reader.text()?,
            property: reader.text()?,
            channel: reader.text()?,
            partner: reader.text()?,
            uses: reader.many(NotedUse::read)?,
            tenant: reader.text()?,
            ..Self::default()
        };
        for (place, used) in note.uses.iter_mut().enumerate() {
            // Before campaigns applied by themselves, uses were codes, place by place.
            if used.code.is_some() && used.code_index.is_none() {
                used.code_index = u8::try_from(place).ok();
            }
        }
        if fields >= 14 {
            note.leg_roles = reader.bytes()?.iter().map(|role| Role::from_number(*role)).collect();
            note.left_out = reader.many(|reader| {
                reader.array().filter(|fields| *fields >= 2)?;
                let index = u8::try_from(reader.uint()?).ok()?;
                Some((index, Reason::from_number(u16::try_from(reader.uint()?).ok()?)?))
            })?;
        }
        Some(note)
    }

    /// What the leg at `place`, which spends or not, means for the answer.
    pub(super) fn role(&self, place: usize, leg: &Leg) -> Role {
        match (self.leg_roles.get(place), leg) {
            (Some(role), _) => *role,
            (None, Leg::Spend { .. }) => Role::Draw,
            (None, _) => Role::Guard,
        }
    }
}

impl NotedUse {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), encode::ValueWriteError> {
        encode::write_array_len(out, 14)?;
        encode::write_str(out, &self.campaign)?;
        encode::write_uint(out, u64::from(self.version))?;
        encode::write_uint(out, u64::from(self.kind))?;
        encode::write_uint(out, u64::from(self.units))?;
        number(out, self.worth_minor)?;
        array(out, self.products.len())?;
        for (product, quantity) in &self.products {
            array(out, 2)?;
            encode::write_str(out, product)?;
            encode::write_uint(out, u64::from(*quantity))?;
        }
        match &self.code {
            Some(code) => encode::write_bin(out, code.as_bytes())?,
            None => nil(out)?,
        }
        number(out, self.code_index.map(i64::from))?;
        number(out, (self.unit_minor != 1).then_some(self.unit_minor))?;
        number(out, (self.worth_minor_max != i64::MAX).then_some(self.worth_minor_max))?;
        text(out, self.account.as_deref())?;
        array(out, self.switches.len())?;
        for (product, switch) in &self.switches {
            array(out, 2)?;
            encode::write_str(out, product)?;
            encode::write_str(out, switch.name())?;
        }
        array(out, self.lines_minor.len())?;
        for minor in &self.lines_minor {
            number(out, Some(*minor))?;
        }
        text(out, self.account_currency.as_deref())
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let fields = reader.array().filter(|fields| *fields >= 7)?;
        let mut used = Self {
            campaign: reader.text()??,
            version: u32::try_from(reader.uint()?).ok()?,
            kind: u8::try_from(reader.uint()?).ok()?,
            units: u32::try_from(reader.uint()?).ok()?,
            worth_minor: reader.number()?,
            products: reader.many(|reader| {
                reader.array().filter(|fields| *fields >= 2)?;
                Some((reader.text()??, u32::try_from(reader.uint()?).ok()?))
            })?,
            code: if reader.nil() {
                None
            } else {
                Some(CodeKey::from_bytes(reader.bytes()?.try_into().ok()?))
            },
            ..Self::default()
        };
        if fields >= 13 {
            used.code_index = reader.number()?.and_then(|index| u8::try_from(index).ok());
            used.unit_minor = reader.number()?.unwrap_or(1);
            used.worth_minor_max = reader.number()?.unwrap_or(i64::MAX);
            used.account = reader.text()?;
            used.switches = reader.many(|reader| {
                reader.array().filter(|fields| *fields >= 2)?;
                Some((reader.text()??, Switch::from_name(&reader.text()??)?))
            })?;
            used.lines_minor = reader.many(|reader| reader.number()?)?;
        }
        if fields >= 14 {
            used.account_currency = reader.text()?;
        }
        Some(used)
    }
}

impl Default for NotedUse {
    fn default() -> Self {
        Self {
            campaign: Box::default(),
            version: 0,
            kind: 0,
            units: 0,
            worth_minor: None,
            products: SmallVec::new(),
            code: None,
            code_index: None,
            unit_minor: 1,
            worth_minor_max: i64::MAX,
            account: None,
            account_currency: None,
            switches: SmallVec::new(),
            lines_minor: SmallVec::new(),
        }
    }
}

fn array(out: &mut Vec<u8>, len: usize) -> Result<(), encode::ValueWriteError> {
    encode::write_array_len(out, u32::try_from(len).unwrap_or(0)).map(|_marker| ())
}

fn nil(out: &mut Vec<u8>) -> Result<(), encode::ValueWriteError> {
    encode::write_nil(out).map_err(encode::ValueWriteError::InvalidMarkerWrite)
}

fn text(out: &mut Vec<u8>, value: Option<&str>) -> Result<(), encode::ValueWriteError> {
    match value {
        Some(value) => encode::write_str(out, value),
        None => nil(out),
    }
}

fn number(out: &mut Vec<u8>, value: Option<i64>) -> Result<(), encode::ValueWriteError> {
    match value {
        Some(value) => encode::write_sint(out, value).map(|_marker| ()),
        None => nil(out),
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
#[expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is a failed test")]
mod tests {
    use super::*;

    fn sample() -> Note {
        Note {
            currency: Some("EUR".into()),
            total_before_minor: Some(-5),
            leg_uses: SmallVec::from_slice(&[0, 0, 1]),
            leg_roles: SmallVec::from_slice(&[Role::Guard, Role::Draw, Role::AccountEarning]),
            customer: Some("c-1".into()),
            gate: Some("north".into()),
            uses: [
                NotedUse {
                    campaign: "season".into(),
                    version: 7,
                    kind: 3,
                    units: 4,
                    worth_minor: Some(-12),
                    products: [("drink".into(), 2)].into_iter().collect(),
                    code: Some(CodeKey::from_bytes([9; 16])),
                    code_index: Some(3),
                    unit_minor: 10,
                    worth_minor_max: 500,
                    account: Some("lucky-card".into()),
                    account_currency: Some("EUR".into()),
                    switches: [("spa".into(), Switch::NotBookable)].into_iter().collect(),
                    lines_minor: SmallVec::from_slice(&[-1, 0, 1_000_000]),
                },
                NotedUse { campaign: "welcome".into(), ..NotedUse::default() },
            ]
            .into_iter()
            .collect(),
            tenant: Some("park".into()),
            left_out: [(1, Reason::Expired)].into_iter().collect(),
            ..Note::default()
        }
    }

    #[test]
    fn notes_come_back_as_they_were() {
        let note = sample();
        let bytes = note.clone().encode();
        assert_eq!(Note::decode(&bytes), Some(note));
        for cut in 0..bytes.len() {
            assert_eq!(Note::decode(&bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(Note::decode(b"what a gate wrote"), None);
    }

    #[test]
    fn notes_of_before_are_understood() {
        // Written when every use was a code and every spending the draw of a balance.
        let mut old = vec![0x9c, 1, 0xa3];
        old.extend_from_slice(b"EUR");
        old.extend_from_slice(&[0xcd, 0x27, 0x10, 0xc4, 2, 0, 0]);
        old.extend_from_slice(&[0xc0; 6]);
        old.extend_from_slice(&[0x91, 0x97, 0xa4]);
        old.extend_from_slice(b"gift");
        old.extend_from_slice(&[2, 1, 1, 0xc0, 0x90, 0xc4, 16]);
        old.extend_from_slice(&[9; 16]);
        old.extend_from_slice(&[0xa4]);
        old.extend_from_slice(b"park");
        let note = Note::decode(&old).unwrap();
        assert_eq!(note.uses[0].code, Some(CodeKey::from_bytes([9; 16])));
        assert_eq!((note.uses[0].code_index, note.uses[0].unit_minor), (Some(0), 1));
        assert_eq!((note.total_before_minor, note.tenant.as_deref()), (Some(10_000), Some("park")));
        assert!(note.leg_roles.is_empty() && note.left_out.is_empty());
    }

    #[test]
    fn lines_go_first_when_there_is_no_room() {
        let mut note = sample();
        note.uses[0].lines_minor = std::iter::repeat_n(1_000_000, 128).collect();
        note.customer = Some("c".repeat(128).into());
        note.order_ref = Some("o".repeat(128).into());
        note.gate = Some("g".repeat(128).into());
        let bytes = note.encode();
        assert!(bytes.len() <= NOTE_BYTES_MAX);
        assert!(Note::decode(&bytes).unwrap().uses[0].lines_minor.is_empty());
    }
}
