//! The answer "no", and where and why.

use super::DecodeError;
use super::decode::{Fields, Reader};
use super::encode::Writer;

/// `code_index` of a refusal that concerns no single code.
pub const NO_CODE: u8 = 255;

/// `[190, seq, number, reason, code_index, transient, details]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused<S = String> {
    /// The refusal's number in the closed list.
    pub number: u16,
    /// Its name.
    pub reason: S,
    /// Which code of the request; [`NO_CODE`]: no single one.
    pub code_index: u8,
    /// Whether the same request could succeed later without anything being changed by people.
    pub transient: bool,
    /// Where and why.
    pub details: Details<S>,
}

impl<S: Default> Default for Refused<S> {
    fn default() -> Self {
        Self {
            number: 0,
            reason: S::default(),
            code_index: NO_CODE,
            transient: false,
            details: Details::default(),
        }
    }
}

/// Where and why a request was refused: a map with small integer keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details<S = String> {
    /// 1: code, campaign, customer, account.
    pub scope: Option<S>,
    /// 2: the limit's name.
    pub limit: Option<S>,
    /// 3: used.
    pub used: Option<u64>,
    /// 4: held.
    pub held: Option<u64>,
    /// 5: the limit.
    pub max: Option<u64>,
    /// 6: try again after this long, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// 7: when the limit starts anew, in milliseconds since 1970 UTC.
    pub resets_at_ms: Option<i64>,
    /// 8: when the code is valid next, in milliseconds since 1970 UTC.
    pub next_valid_at_ms: Option<i64>,
    /// 9: the input that is missing.
    pub missing: Option<S>,
    /// 10: the campaign it does not go together with.
    pub conflicts_with: Option<S>,
    /// 11: the rule that said no.
    pub rule: Option<S>,
    /// 12: last use, in milliseconds since 1970 UTC.
    pub last_used_ms: Option<i64>,
    /// 13: gate of the last use.
    pub last_gate: Option<S>,
    /// 14: a text for people, in the caller's language.
    pub text: Option<S>,
    /// 15: by how much the order misses the bound: minor units of money, or pieces.
    pub off_by: Option<u64>,
}

impl<S> Default for Details<S> {
    fn default() -> Self {
        Self {
            scope: None,
            limit: None,
            used: None,
            held: None,
            max: None,
            retry_after_ms: None,
            resets_at_ms: None,
            next_valid_at_ms: None,
            missing: None,
            conflicts_with: None,
            rule: None,
            last_used_ms: None,
            last_gate: None,
            text: None,
            off_by: None,
        }
    }
}

impl<S: AsRef<str>> Refused<S> {
    const FIELDS: u32 = 5;

    pub(super) fn write(&self, seq: u32, w: &mut Writer) {
        w.message(190, seq, Self::FIELDS);
        self.write_fields(w);
    }

    /// As one of several in a yes: the same fields, without kind and seq.
    pub(super) fn write_one(&self, w: &mut Writer) {
        w.array_len(Self::FIELDS);
        self.write_fields(w);
    }

    fn write_fields(&self, w: &mut Writer) {
        w.uint(self.number.into());
        w.str(self.reason.as_ref());
        w.uint(self.code_index.into());
        w.bool(self.transient);
        self.details.write(w);
    }
}

impl<'a> Refused<&'a str> {
    pub(super) fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            number: fields.need("number")?.uint("number")?,
            reason: fields.str_or_empty("reason")?,
            code_index: fields.uint_or_none("code_index")?.unwrap_or(NO_CODE),
            transient: fields.bool_or_false("transient")?,
            details: fields.next().map_or_else(|| Ok(Details::default()), Details::read)?,
        })
    }

    pub(super) fn read_one(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Fields::open(r, "left out")?;
        let refused = Self::read(&mut fields)?;
        fields.close()?;
        Ok(refused)
    }

    pub(super) fn into_owned(self) -> Refused {
        Refused {
            number: self.number,
            reason: self.reason.to_owned(),
            code_index: self.code_index,
            transient: self.transient,
            details: self.details.into_owned(),
        }
    }
}

impl<S: AsRef<str>> Details<S> {
    fn write(&self, w: &mut Writer) {
        fn pair<T>(w: &mut Writer, key: u64, value: Option<T>, write: impl FnOnce(&mut Writer, T)) {
            if let Some(value) = value {
                w.uint(key);
                write(w, value);
            }
        }
        let str = |w: &mut Writer, text: &S| w.str(text.as_ref());
        w.map_len(self.keys_len());
        pair(w, 1, self.scope.as_ref(), str);
        pair(w, 2, self.limit.as_ref(), str);
        pair(w, 3, self.used, Writer::uint);
        pair(w, 4, self.held, Writer::uint);
        pair(w, 5, self.max, Writer::uint);
        pair(w, 6, self.retry_after_ms, Writer::uint);
        pair(w, 7, self.resets_at_ms, Writer::int);
        pair(w, 8, self.next_valid_at_ms, Writer::int);
        pair(w, 9, self.missing.as_ref(), str);
        pair(w, 10, self.conflicts_with.as_ref(), str);
        pair(w, 11, self.rule.as_ref(), str);
        pair(w, 12, self.last_used_ms, Writer::int);
        pair(w, 13, self.last_gate.as_ref(), str);
        pair(w, 14, self.text.as_ref(), str);
        pair(w, 15, self.off_by, Writer::uint);
    }

    fn keys_len(&self) -> u32 {
        [
            self.scope.is_some(),
            self.limit.is_some(),
            self.used.is_some(),
            self.held.is_some(),
            self.max.is_some(),
            self.retry_after_ms.is_some(),
            self.resets_at_ms.is_some(),
            self.next_valid_at_ms.is_some(),
            self.missing.is_some(),
            self.conflicts_with.is_some(),
            self.rule.is_some(),
            self.last_used_ms.is_some(),
            self.last_gate.is_some(),
            self.text.is_some(),
            self.off_by.is_some(),
        ]
        .into_iter()
        .map(u32::from)
        .sum()
    }
}

impl<'a> Details<&'a str> {
    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut details = Self::default();
        let pairs = r.map_len("details")?;
        for _ in 0..pairs {
            match r.key()? {
                Some(key) if !r.take_nil() => details.read_key(key, r)?,
                Some(_) => {}
                None => r.skip("details value")?,
            }
        }
        Ok(details)
    }

    fn read_key(&mut self, key: u64, r: &mut Reader<'a>) -> Result<(), DecodeError> {
        match key {
            1 => self.scope = Some(r.str("scope")?),
            2 => self.limit = Some(r.str("limit")?),
            3 => self.used = Some(r.uint("used")?),
            4 => self.held = Some(r.uint("held")?),
            5 => self.max = Some(r.uint("max")?),
            6 => self.retry_after_ms = Some(r.uint("retry_after_ms")?),
            7 => self.resets_at_ms = Some(r.int("resets_at_ms")?),
            8 => self.next_valid_at_ms = Some(r.int("next_valid_at_ms")?),
            9 => self.missing = Some(r.str("missing")?),
            10 => self.conflicts_with = Some(r.str("conflicts_with")?),
            11 => self.rule = Some(r.str("rule")?),
            12 => self.last_used_ms = Some(r.int("last_used_ms")?),
            13 => self.last_gate = Some(r.str("last_gate")?),
            14 => self.text = Some(r.str("text")?),
            15 => self.off_by = Some(r.uint("off_by")?),
            _ => r.skip("details value")?,
        }
        Ok(())
    }

    pub(super) fn into_owned(self) -> Details {
        Details {
            scope: self.scope.map(str::to_owned),
            limit: self.limit.map(str::to_owned),
            used: self.used,
            held: self.held,
            max: self.max,
            retry_after_ms: self.retry_after_ms,
            resets_at_ms: self.resets_at_ms,
            next_valid_at_ms: self.next_valid_at_ms,
            missing: self.missing.map(str::to_owned),
            conflicts_with: self.conflicts_with.map(str::to_owned),
            rule: self.rule.map(str::to_owned),
            last_used_ms: self.last_used_ms,
            last_gate: self.last_gate.map(str::to_owned),
            text: self.text.map(str::to_owned),
            off_by: self.off_by,
        }
    }
}
