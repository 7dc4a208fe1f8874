//! How a question about codes is to be taken. A map with small integer keys on the wire, behind
//! everything else; left out where all is as usual.

use super::DecodeError;
use super::decode::Reader;
use super::encode::Writer;

/// How validate, redeem and hold are to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Key 1: codes that cannot be used are left out, and the others are used; else it is all or
    /// none.
    pub partial: bool,
    /// Key 2: answer as at this moment, in milliseconds since 1970 UTC; `None`: now. For office and
    /// admin only, and only where nothing is changed.
    pub now_ms: Option<i64>,
    /// Key 3: change nothing, and answer as validate would.
    pub dry: bool,
}

impl Options {
    /// Whether there is anything to say.
    pub(super) fn are_said(self) -> bool {
        self != Self::default()
    }

    pub(super) fn write(self, w: &mut Writer) {
        let said = [self.partial, self.now_ms.is_some(), self.dry];
        w.map_len(said.into_iter().map(u32::from).sum());
        if self.partial {
            w.uint(1);
            w.bool(true);
        }
        if let Some(now_ms) = self.now_ms {
            w.uint(2);
            w.int(now_ms);
        }
        if self.dry {
            w.uint(3);
            w.bool(true);
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut options = Self::default();
        let pairs = r.map_len("options")?;
        for _ in 0..pairs {
            match r.key()? {
                Some(_) if r.take_nil() => {}
                Some(1) => options.partial = r.bool("partial")?,
                Some(2) => options.now_ms = Some(r.int("now_ms")?),
                Some(3) => options.dry = r.bool("dry")?,
                Some(_) | None => r.skip("options value")?,
            }
        }
        Ok(options)
    }
}
