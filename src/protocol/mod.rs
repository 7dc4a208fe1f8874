//! The wire language `jeton/1`: bytes to messages and back.
//!
//! A message travels as one frame: four bytes of big-endian length, then one MessagePack array
//! `[kind, seq, …fields]`. `README.md` beside this file is the specification.
//!
//! This module deliberately knows no sockets, no clock, no randomness and nothing of what a code
//! means: it imports no other module. Texts are borrowed from the frame while decoding
//! (`Request<&str>`, `Reply<&str>`) and owned where they must outlive it (`Request<String>`,
//! `Reply<String>`).
//!
//! Invariants:
//! - decoding never panics, and what it allocates is bounded by the limits below;
//! - whatever `encode` accepts, `decode` accepts and gives back unchanged;
//! - elements behind the known ones and unknown map keys are skipped; `nil` and a missing trailing
//!   element are the same thing: the default.

mod accepted;
mod code_status;
mod decode;
mod encode;
mod error;
mod frame;
mod line;
mod numbers;
mod options;
mod order;
mod refused;
mod reply;
mod request;
mod use_details;

pub use accepted::{Accepted, Product, Use};
pub use code_status::CodeStatus;
pub use error::{Cause, DecodeError, EncodeError, Fault};
pub use frame::{FRAME_LEN_MAX, Frames, HEADER_LEN, Inbox};
pub use line::Line;
pub use numbers::{CampaignKind, CampaignStatus, CodeState, State, Trigger};
pub use options::Options;
pub use order::{Order, Passage};
pub use refused::{Details, NO_CODE, Refused};
pub use reply::{ErrorReply, GoAway, Pong, Reply, Welcome};
pub use request::{
    CodeQuery, Confirm, Extend, Head, Hello, Hold, Redeem, Release, Request, StatusQuery, Validate,
};
pub use use_details::{ProductSwitch, UseDetails, UseOfAccount};

use std::fmt;

/// What both sides name in the TLS handshake; the number is the protocol's major version.
pub const ALPN: &[u8] = b"jeton/1";
/// UDP port a server listens on unless told otherwise.
pub const PORT: u16 = 7411;

/// Longest name a client gives itself, in bytes.
pub const CLIENT_LEN_MAX: usize = 64;
/// Longest token, in bytes.
pub const TOKEN_LEN_MAX: usize = 256;
/// Most codes in one request.
pub const CODES_MAX: usize = 16;
/// Longest code text, in bytes of UTF-8 as typed.
pub const CODE_LEN_MAX: usize = 256;
/// Longest reference (customer, gate, product, …), in bytes.
pub const REFERENCE_LEN_MAX: usize = 128;
/// Most customer groups in one order.
pub const GROUPS_MAX: usize = 32;
/// Most lines in one order.
pub const LINES_MAX: usize = 128;
/// Most uses in one answer: one per code and a few campaigns that apply without a code.
pub const USES_MAX: usize = 64;
/// Most products in one use.
pub const PRODUCTS_MAX: usize = 128;
/// Most products that one use switches.
pub const SWITCHES_MAX: usize = 128;
/// Most parts of an order that one use takes something off: its lines, and what no line explains.
pub const PARTS_MAX: usize = LINES_MAX + 1;

/// The id of a request: made by the caller before the first try and repeated with every further
/// one, so that it takes effect once. UUID version 7 is advised; any 16 bytes will do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub [u8; 16]);

impl From<[u8; 16]> for Id {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
