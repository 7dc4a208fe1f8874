//! Reading MessagePack from a frame without copying, with offsets in every error.
//!
//! Format bytes are matched as the MessagePack specification prints them.

use super::{Cause, DecodeError, Id};

/// A cursor over one frame's body.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body, len: body.len() }
    }

    pub(super) const fn error(&self, what: &'static str, cause: Cause) -> DecodeError {
        DecodeError { seq: 0, what, offset: self.len - self.rest.len(), cause }
    }

    fn truncated(&self, what: &'static str, need: usize) -> DecodeError {
        self.error(what, Cause::Truncated { need, have: self.rest.len() })
    }

    fn unexpected(&self, what: &'static str, expected: &'static str, found: u8) -> DecodeError {
        self.error(what, Cause::Unexpected { expected, found })
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        let (byte, rest) = self.rest.split_first().ok_or_else(|| self.truncated(what, 1))?;
        self.rest = rest;
        Ok(*byte)
    }

    fn chunk<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let (chunk, rest) =
            self.rest.split_first_chunk::<N>().ok_or_else(|| self.truncated(what, N))?;
        self.rest = rest;
        Ok(*chunk)
    }

    fn bytes(&mut self, what: &'static str, len: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) =
            self.rest.split_at_checked(len).ok_or_else(|| self.truncated(what, len))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn len8(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        Ok(usize::from(self.byte(what)?))
    }

    fn len16(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        Ok(usize::from(u16::from_be_bytes(self.chunk(what)?)))
    }

    fn len32(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        // On a machine where it does not fit, it is longer than any frame all the same.
        Ok(usize::try_from(u32::from_be_bytes(self.chunk(what)?)).unwrap_or(usize::MAX))
    }

    /// Whether the next value is nil; if so it is read.
    pub(super) fn take_nil(&mut self) -> bool {
        match self.rest {
            [0xc0, rest @ ..] => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(super) fn bool(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        match self.byte(what)? {
            0xc2 => Ok(false),
            0xc3 => Ok(true),
            found => Err(self.unexpected(what, "true or false", found)),
        }
    }

    /// Any integer format.
    fn integer(&mut self, what: &'static str) -> Result<Integer, DecodeError> {
        Ok(match self.byte(what)? {
            small @ 0x00..=0x7f => Integer::NotNegative(small.into()),
            0xcc => Integer::NotNegative(self.byte(what)?.into()),
            0xcd => Integer::NotNegative(u16::from_be_bytes(self.chunk(what)?).into()),
            0xce => Integer::NotNegative(u32::from_be_bytes(self.chunk(what)?).into()),
            0xcf => Integer::NotNegative(u64::from_be_bytes(self.chunk(what)?)),
            0xd0 => Integer::signed(i8::from_be_bytes(self.chunk(what)?)),
            0xd1 => Integer::signed(i16::from_be_bytes(self.chunk(what)?)),
            0xd2 => Integer::signed(i32::from_be_bytes(self.chunk(what)?)),
            0xd3 => Integer::signed(i64::from_be_bytes(self.chunk(what)?)),
            small @ 0xe0..=0xff => Integer::signed(i8::from_be_bytes([small])),
            found => return Err(self.unexpected(what, "an integer", found)),
        })
    }

    /// An unsigned integer that fits into `T`.
    pub(super) fn uint<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, DecodeError> {
        let fits = match self.integer(what)? {
            Integer::NotNegative(value) => T::try_from(value).ok(),
            Integer::Negative(_) => None,
        };
        let expected = "a smaller, unsigned integer";
        fits.ok_or_else(|| self.error(what, Cause::OutOfRange { expected }))
    }

    pub(super) fn int(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        let fits = match self.integer(what)? {
            Integer::NotNegative(value) => i64::try_from(value).ok(),
            Integer::Negative(value) => Some(value),
        };
        let expected = "a 64-bit integer";
        fits.ok_or_else(|| self.error(what, Cause::OutOfRange { expected }))
    }

    /// A day, counted from 1970-01-01.
    pub(super) fn day(&mut self, what: &'static str) -> Result<i32, DecodeError> {
        let day = self.int(what)?;
        let expected = "a day, counted from 1970-01-01";
        i32::try_from(day).map_err(|_| self.error(what, Cause::OutOfRange { expected }))
    }

    pub(super) fn str(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        self.text(what, usize::MAX)
    }

    /// A text of at most `max` bytes.
    pub(super) fn text(&mut self, what: &'static str, max: usize) -> Result<&'a str, DecodeError> {
        let len = match self.byte(what)? {
            fix @ 0xa0..=0xbf => usize::from(fix & 0x1f),
            0xd9 => self.len8(what)?,
            0xda => self.len16(what)?,
            0xdb => self.len32(what)?,
            found => return Err(self.unexpected(what, "a string", found)),
        };
        if len > max {
            return Err(self.error(what, Cause::Limit { found: len, max }));
        }
        let bytes = self.bytes(what, len)?;
        std::str::from_utf8(bytes).map_err(|_| self.error(what, Cause::NotUtf8))
    }

    pub(super) fn id(&mut self, what: &'static str) -> Result<Id, DecodeError> {
        match self.byte(what)? {
            0xc4 => match self.byte(what)? {
                16 => Ok(Id(self.chunk(what)?)),
                _ => Err(self.error(what, Cause::OutOfRange { expected: "16 bytes" })),
            },
            found => Err(self.unexpected(what, "a bin 8 of 16 bytes", found)),
        }
    }

    pub(super) fn array_len(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        match self.byte(what)? {
            fix @ 0x90..=0x9f => Ok(usize::from(fix & 0x0f)),
            0xdc => self.len16(what),
            0xdd => self.len32(what),
            found => Err(self.unexpected(what, "an array", found)),
        }
    }

    pub(super) fn array_limited(
        &mut self,
        what: &'static str,
        max: usize,
    ) -> Result<usize, DecodeError> {
        let found = self.array_len(what)?;
        if found > max {
            return Err(self.error(what, Cause::Limit { found, max }));
        }
        Ok(found)
    }

    pub(super) fn map_len(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        match self.byte(what)? {
            fix @ 0x80..=0x8f => Ok(usize::from(fix & 0x0f)),
            0xde => self.len16(what),
            0xdf => self.len32(what),
            found => Err(self.unexpected(what, "a map", found)),
        }
    }

    /// A map key; `None` for one that is no small integer and therefore unknown.
    pub(super) fn key(&mut self) -> Result<Option<u64>, DecodeError> {
        match self.rest.first() {
            Some(0x00..=0x7f | 0xcc..=0xd3 | 0xe0..=0xff) => Ok(match self.integer("key")? {
                Integer::NotNegative(key) => Some(key),
                Integer::Negative(_) => None,
            }),
            Some(_) => self.skip("key").map(|()| None),
            None => Err(self.truncated("key", 1)),
        }
    }

    /// Passes over one value of any type. A loop and not a recursion: nothing a stranger sends
    /// can exhaust the stack, and each round takes at least a byte.
    pub(super) fn skip(&mut self, what: &'static str) -> Result<(), DecodeError> {
        let mut values = 1_usize;
        while values > 0 {
            values -= 1;
            let len = match self.byte(what)? {
                0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 0,
                fix @ 0x80..=0x8f => {
                    values = values.saturating_add(2 * usize::from(fix & 0x0f));
                    0
                }
                fix @ 0x90..=0x9f => {
                    values = values.saturating_add(usize::from(fix & 0x0f));
                    0
                }
                fix @ 0xa0..=0xbf => usize::from(fix & 0x1f),
                found @ 0xc1 => return Err(self.unexpected(what, "a value", found)),
                0xc4 | 0xd9 => self.len8(what)?,
                0xc5 | 0xda => self.len16(what)?,
                0xc6 | 0xdb => self.len32(what)?,
                0xc7 => self.len8(what)? + 1,
                0xc8 => self.len16(what)? + 1,
                0xc9 => self.len32(what)?.saturating_add(1),
                0xcc | 0xd0 => 1,
                0xcd | 0xd1 | 0xd4 => 2,
                0xd5 => 3,
                0xca | 0xce | 0xd2 => 4,
                0xd6 => 5,
                0xcb | 0xcf | 0xd3 => 8,
                0xd7 => 9,
                0xd8 => 17,
                0xdc => {
                    values = values.saturating_add(self.len16(what)?);
                    0
                }
                0xdd => {
                    values = values.saturating_add(self.len32(what)?);
                    0
                }
                0xde => {
                    values = values.saturating_add(self.len16(what)? * 2);
                    0
                }
                0xdf => {
                    values = values.saturating_add(self.len32(what)?.saturating_mul(2));
                    0
                }
            };
            self.bytes(what, len)?;
        }
        Ok(())
    }

    /// Nothing may follow the message.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(self.error("message", Cause::Trailing { extra })),
        }
    }
}

/// An integer of either sign, as wide as each side of zero is.
enum Integer {
    NotNegative(u64),
    Negative(i64),
}

impl Integer {
    fn signed(value: impl Into<i64>) -> Self {
        let value = value.into();
        u64::try_from(value).map_or(Self::Negative(value), Self::NotNegative)
    }
}

/// The elements of one array, in their order. What is missing at the end, or nil, is the default.
pub(super) struct Fields<'r, 'a> {
    reader: &'r mut Reader<'a>,
    left: usize,
}

impl<'r, 'a> Fields<'r, 'a> {
    pub(super) fn open(
        reader: &'r mut Reader<'a>,
        what: &'static str,
    ) -> Result<Self, DecodeError> {
        let left = reader.array_len(what)?;
        Ok(Self { reader, left })
    }

    /// The reader, if it stands before an element with a value.
    pub(super) fn next(&mut self) -> Option<&mut Reader<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        if self.reader.take_nil() { None } else { Some(self.reader) }
    }

    /// An element without a default.
    pub(super) fn need(&mut self, what: &'static str) -> Result<&mut Reader<'a>, DecodeError> {
        if self.left == 0 || self.reader.rest.first() == Some(&0xc0) {
            return Err(self.reader.error(what, Cause::Missing));
        }
        self.left -= 1;
        Ok(self.reader)
    }

    pub(super) fn uint_or_zero<T: TryFrom<u64> + Default>(
        &mut self,
        what: &'static str,
    ) -> Result<T, DecodeError> {
        self.next().map_or_else(|| Ok(T::default()), |r| r.uint(what))
    }

    pub(super) fn uint_or_none<T: TryFrom<u64>>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        self.next().map(|r| r.uint(what)).transpose()
    }

    pub(super) fn int_or_zero(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        self.next().map_or(Ok(0), |r| r.int(what))
    }

    pub(super) fn int_or_none(&mut self, what: &'static str) -> Result<Option<i64>, DecodeError> {
        self.next().map(|r| r.int(what)).transpose()
    }

    pub(super) fn bool_or_false(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        self.next().map_or(Ok(false), |r| r.bool(what))
    }

    pub(super) fn text_or_empty(
        &mut self,
        what: &'static str,
        max: usize,
    ) -> Result<&'a str, DecodeError> {
        self.next().map_or(Ok(""), |r| r.text(what, max))
    }

    pub(super) fn str_or_empty(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        self.text_or_empty(what, usize::MAX)
    }

    pub(super) fn str_or_none(
        &mut self,
        what: &'static str,
    ) -> Result<Option<&'a str>, DecodeError> {
        self.next().map(|r| r.str(what)).transpose()
    }

    pub(super) fn id(&mut self, what: &'static str) -> Result<Id, DecodeError> {
        self.need(what)?.id(what)
    }

    pub(super) fn id_or_none(&mut self, what: &'static str) -> Result<Option<Id>, DecodeError> {
        self.next().map(|r| r.id(what)).transpose()
    }

    /// What every message begins with.
    fn kind_and_seq(&mut self) -> Result<(u64, u32), DecodeError> {
        Ok((self.need("kind")?.uint("kind")?, self.need("seq")?.uint("seq")?))
    }

    pub(super) const fn unknown_kind(&self, kind: u64) -> DecodeError {
        self.reader.error("kind", Cause::UnknownKind { kind })
    }

    /// Passes over the elements that a newer sender added.
    pub(super) fn close(self) -> Result<(), DecodeError> {
        for _ in 0..self.left {
            self.reader.skip("extra element")?;
        }
        Ok(())
    }
}

/// An array of at most `max` elements.
pub(super) fn read_array<'a, T, C: Default + Extend<T>>(
    r: &mut Reader<'a>,
    what: &'static str,
    max: usize,
    read: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<C, DecodeError> {
    let mut many = C::default();
    for _ in 0..r.array_limited(what, max)? {
        many.extend([read(r)?]);
    }
    Ok(many)
}

/// Opens a message, reads kind and sequence number, lets `body` read the fields of that kind, and
/// sees to it that nothing follows. Errors name the sequence number once it is known.
pub(super) fn message<'a, T>(
    frame: &'a [u8],
    body: impl FnOnce(u64, &mut Fields<'_, 'a>) -> Result<T, DecodeError>,
) -> Result<(u32, T), DecodeError> {
    let mut reader = Reader::new(frame);
    let mut fields = Fields::open(&mut reader, "message")?;
    let (kind, seq) = fields.kind_and_seq()?;
    let with_seq = |error| DecodeError { seq, ..error };
    let message = body(kind, &mut fields).map_err(with_seq)?;
    fields.close().map_err(with_seq)?;
    reader.end().map_err(with_seq)?;
    Ok((seq, message))
}

/// Opens a message, reads kind and sequence number, and lets `front` read as much as it likes.
pub(super) fn front<'a, T>(
    frame: &'a [u8],
    front: impl FnOnce(u64, u32, &mut Fields<'_, 'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut reader = Reader::new(frame);
    let mut fields = Fields::open(&mut reader, "message")?;
    let (kind, seq) = fields.kind_and_seq()?;
    front(kind, seq, &mut fields)
}
