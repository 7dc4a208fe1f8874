//! What can be wrong with bytes, and the closed list of errors that one side tells the other.

/// Protocol errors, as sent in an Error reply. Not refusals: a refusal is a correct answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// 1: the frame is not what this protocol says. Closes the lane.
    Malformed,
    /// 2: the length is 0 or more than [`FRAME_LEN_MAX`](super::FRAME_LEN_MAX). Closes the lane.
    FrameTooLong,
    /// 3: no such message kind. The frame was skipped.
    UnknownKind,
    /// 4: too many elements or too long a text. The request was not done.
    LimitExceeded,
    /// 5: something came before Hello was answered. Closes the lane.
    HelloRequired,
    /// 6: neither a valid certificate nor a valid token. Closes the connection.
    NotAuthenticated,
    /// 7: more lanes than Welcome allows. Closes the lane.
    TooManyLanes,
    /// 8: more unanswered requests than Welcome allows. The request was not done.
    TooManyInFlight,
    /// 9: the server failed; whether the request took effect is unknown. Repeat with the same id.
    Internal,
}

impl Fault {
    /// Every fault with its number on the wire.
    pub const ALL: [(u16, Self); 9] = [
        (1, Self::Malformed),
        (2, Self::FrameTooLong),
        (3, Self::UnknownKind),
        (4, Self::LimitExceeded),
        (5, Self::HelloRequired),
        (6, Self::NotAuthenticated),
        (7, Self::TooManyLanes),
        (8, Self::TooManyInFlight),
        (9, Self::Internal),
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Malformed => 1,
            Self::FrameTooLong => 2,
            Self::UnknownKind => 3,
            Self::LimitExceeded => 4,
            Self::HelloRequired => 5,
            Self::NotAuthenticated => 6,
            Self::TooManyLanes => 7,
            Self::TooManyInFlight => 8,
            Self::Internal => 9,
        }
    }

    /// The fault with this number; `None` for one that a newer server knows.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == number).map(|(_, fault)| *fault)
    }

    /// Whether the sender of this error closes the lane (or the whole connection) after it.
    #[must_use]
    pub const fn closes_lane(self) -> bool {
        match self {
            Self::Malformed
            | Self::FrameTooLong
            | Self::HelloRequired
            | Self::NotAuthenticated
            | Self::TooManyLanes => true,
            Self::UnknownKind | Self::LimitExceeded | Self::TooManyInFlight | Self::Internal => {
                false
            }
        }
    }
}

/// Why a frame could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}: {cause}")]
pub struct DecodeError {
    /// The sequence number, where it was read before the trouble began; else 0.
    pub seq: u32,
    /// The element that was being read.
    pub what: &'static str,
    /// Offset in the frame's body, in bytes.
    pub offset: usize,
    /// What was wrong there.
    pub cause: Cause,
}

impl DecodeError {
    /// The error to answer with.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self.cause {
            Cause::FrameLength { .. } => Fault::FrameTooLong,
            Cause::UnknownKind { .. } => Fault::UnknownKind,
            Cause::Limit { .. } => Fault::LimitExceeded,
            Cause::Truncated { .. }
            | Cause::Unexpected { .. }
            | Cause::OutOfRange { .. }
            | Cause::NotUtf8
            | Cause::Missing
            | Cause::Trailing { .. } => Fault::Malformed,
        }
    }
}

/// What was wrong at the offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The frame ends too early.
    #[error("needs {need} more bytes, has {have}")]
    Truncated {
        /// Bytes needed from here.
        need: usize,
        /// Bytes left.
        have: usize,
    },
    /// Another MessagePack type than this element has.
    #[error("expected {expected}, found format byte 0x{found:02x}")]
    Unexpected {
        /// What the specification says.
        expected: &'static str,
        /// The format byte in its place.
        found: u8,
    },
    /// The right type, but no value this element can have.
    #[error("expected {expected}")]
    OutOfRange {
        /// What the specification says.
        expected: &'static str,
    },
    /// A text that is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// An element without a default is missing or nil.
    #[error("missing")]
    Missing,
    /// More, or longer, than a limit allows.
    #[error("{found} exceeds the limit of {max}")]
    Limit {
        /// What was found: elements or bytes.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// A message kind that this side does not know.
    #[error("no message has kind {kind}")]
    UnknownKind {
        /// The kind.
        kind: u64,
    },
    /// Bytes behind the array.
    #[error("{extra} bytes behind the message")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A frame length outside 1 to [`FRAME_LEN_MAX`](super::FRAME_LEN_MAX).
    #[error("{len} is not a frame length")]
    FrameLength {
        /// The announced length.
        len: u32,
    },
}

/// Why a message cannot be sent. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// More, or longer, than the other side accepts.
    #[error("{what}: {found} exceeds the limit of {max}")]
    Limit {
        /// The element.
        what: &'static str,
        /// Elements or bytes given.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// A value that the other side would call malformed.
    #[error("{what}: expected {expected}")]
    OutOfRange {
        /// The element.
        what: &'static str,
        /// What the specification says.
        expected: &'static str,
    },
    /// The whole message is longer than a frame may be.
    #[error("the message takes {len} bytes, a frame holds {max}", max = super::FRAME_LEN_MAX)]
    FrameTooLong {
        /// The message's length in bytes.
        len: usize,
    },
}
