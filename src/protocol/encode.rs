//! Writing MessagePack into a reused buffer.

use std::mem;

use rmp::encode::{self, ByteBuf};

use super::{EncodeError, FRAME_LEN_MAX, HEADER_LEN, Id};

/// Appends one frame to `out`: a header, and the body that `body` writes. On an error `out` is as
/// it was before.
pub(super) fn frame(
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_LEN]);
    let mut writer = Writer(ByteBuf::from_vec(mem::take(out)));
    let written = body(&mut writer);
    *out = writer.0.into_vec();
    let len = out.len() - start - HEADER_LEN;
    let sealed = written.and_then(|()| match u32::try_from(len) {
        Ok(header) if len <= FRAME_LEN_MAX => Ok(header),
        Ok(_) | Err(_) => Err(EncodeError::FrameTooLong { len }),
    });
    match (sealed, out.get_mut(start..start + HEADER_LEN)) {
        (Ok(header), Some(place)) => {
            place.copy_from_slice(&header.to_be_bytes());
            Ok(())
        }
        (sealed, _) => {
            out.truncate(start);
            sealed.map(|_| ())
        }
    }
}

/// Writes single values in their shortest form. Writing to memory cannot fail; only limits can.
pub(super) struct Writer(ByteBuf);

impl Writer {
    /// Opens the message: an array of `[kind, seq, …]` with `fields` elements behind these two.
    pub(super) fn message(&mut self, kind: u8, seq: u32, fields: u32) {
        self.array_len(fields + 2);
        self.uint(kind.into());
        self.uint(seq.into());
    }

    pub(super) fn array_len(&mut self, len: u32) {
        let Ok(_) = encode::write_array_len(&mut self.0, len);
    }

    pub(super) fn array_limited(
        &mut self,
        what: &'static str,
        len: usize,
        max: usize,
    ) -> Result<(), EncodeError> {
        match u32::try_from(len) {
            Ok(count) if len <= max => {
                self.array_len(count);
                Ok(())
            }
            Ok(_) | Err(_) => Err(EncodeError::Limit { what, found: len, max }),
        }
    }

    pub(super) fn map_len(&mut self, len: u32) {
        let Ok(_) = encode::write_map_len(&mut self.0, len);
    }

    pub(super) fn nil(&mut self) {
        let Ok(()) = encode::write_nil(&mut self.0);
    }

    pub(super) fn bool(&mut self, value: bool) {
        let Ok(()) = encode::write_bool(&mut self.0, value);
    }

    pub(super) fn uint(&mut self, value: u64) {
        let Ok(_) = encode::write_uint(&mut self.0, value);
    }

    pub(super) fn int(&mut self, value: i64) {
        let Ok(_) = encode::write_sint(&mut self.0, value);
    }

    pub(super) fn str(&mut self, text: &str) {
        let Ok(()) = encode::write_str(&mut self.0, text);
    }

    pub(super) fn text(
        &mut self,
        what: &'static str,
        text: &str,
        max: usize,
    ) -> Result<(), EncodeError> {
        if text.len() > max {
            return Err(EncodeError::Limit { what, found: text.len(), max });
        }
        self.str(text);
        Ok(())
    }

    pub(super) fn id(&mut self, id: Id) {
        let Ok(()) = encode::write_bin(&mut self.0, &id.0);
    }

    /// `value`, or nil.
    pub(super) fn or_nil<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.nil(),
        }
    }
}
