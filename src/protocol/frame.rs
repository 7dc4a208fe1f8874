//! Frames: where one message ends and the next begins. Knows nothing of their content.
//!
//! ```text
//! +--------+--------+--------+--------+---------------------------+
//! |  length, u32 big-endian, 1..=65536 |  length bytes: the body   |
//! +--------+--------+--------+--------+---------------------------+
//! ```

use super::{Cause, DecodeError};

/// Bytes of length in front of each body.
pub const HEADER_LEN: usize = 4;
/// Longest body, in bytes: a stranger can make the other side hold this much, and no more.
pub const FRAME_LEN_MAX: usize = 65_536;

/// What an inbox takes at first; it grows when one read fills it, so quiet lanes stay small.
const INBOX_LEN_START: usize = 8 * 1024;

/// Collects the bytes of one lane and gives back whole frames, all that have arrived at once.
///
/// ```text
/// space → (read into it) → filled → frames → consume → space …
/// ```
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
}

impl Inbox {
    /// Room for the next read; never empty as long as all whole frames were consumed.
    pub fn space(&mut self) -> &mut [u8] {
        if self.filled == self.bytes.len() {
            let start_or_full =
                if self.bytes.is_empty() { INBOX_LEN_START } else { HEADER_LEN + FRAME_LEN_MAX };
            self.bytes.resize(start_or_full.max(self.filled), 0);
        }
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    /// Says how many bytes were read into [`space`](Self::space).
    pub fn filled(&mut self, count: usize) {
        self.filled = self.filled.saturating_add(count).min(self.bytes.len());
    }

    /// The whole frames that are here.
    #[must_use]
    pub fn frames(&self) -> Frames<'_> {
        Frames { rest: self.bytes.get(..self.filled).unwrap_or_default(), consumed: 0 }
    }

    /// Forgets the first `count` bytes: what [`Frames::consumed`] says.
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.filled);
        if count > 0 {
            self.bytes.copy_within(count..self.filled, 0);
            self.filled -= count;
        }
    }

    /// Whether part of a frame is waiting for the rest of it.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.filled > 0
    }
}

/// The bodies of the whole frames at the front of some bytes. A length that is not one ends the
/// iteration with an error, again and again: nothing behind it can be found.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    rest: &'a [u8],
    consumed: usize,
}

impl<'a> Frames<'a> {
    /// The frames in `bytes`, which may end inside of one.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, consumed: 0 }
    }

    /// Bytes of the frames given so far, headers included.
    #[must_use]
    pub const fn consumed(&self) -> usize {
        self.consumed
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<&'a [u8], DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (header, rest) = self.rest.split_first_chunk::<HEADER_LEN>()?;
        let announced = u32::from_be_bytes(*header);
        let Ok(len @ 1..=FRAME_LEN_MAX) = usize::try_from(announced) else {
            let cause = Cause::FrameLength { len: announced };
            return Some(Err(DecodeError { seq: 0, what: "frame length", offset: 0, cause }));
        };
        let (body, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        self.consumed += HEADER_LEN + len;
        Some(Ok(body))
    }
}
