//! What a server sends.

use super::decode::{self, Fields};
use super::encode::{self, Writer};
use super::{Accepted, CodeStatus, DecodeError, EncodeError, Refused};

/// A message from a server. `S` is `&str` in a frame that was just read or is about to be
/// written, `String` where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<S = String> {
    /// 128: answers Hello.
    Welcome(Welcome<S>),
    /// 129: yes.
    Accepted(Accepted<S>),
    /// 130: answers a question about a code.
    CodeStatus(CodeStatus<S>),
    /// 131: answers Ping.
    Pong(Pong),
    /// 190: no, and that is the correct answer.
    Refused(Refused<S>),
    /// 191: the server is about to go; take another connection. Answers nothing.
    GoAway(GoAway),
    /// 192: something is wrong with the conversation itself.
    Error(ErrorReply<S>),
}

/// `[128, seq, server, tenant, role, lanes_max, in_flight_max, now_ms]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Welcome<S = String> {
    /// Name and version of the server.
    pub server: S,
    /// Whom the caller belongs to.
    pub tenant: S,
    /// What the caller may do.
    pub role: S,
    /// Most lanes of one connection.
    pub lanes_max: u32,
    /// Most unanswered requests of one connection, over all lanes.
    pub in_flight_max: u32,
    /// The server's clock, in milliseconds since 1970 UTC.
    pub now_ms: i64,
}

/// `[131, seq, now_ms]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pong {
    /// The server's clock, in milliseconds since 1970 UTC.
    pub now_ms: i64,
}

/// `[191, 0, drain_ms]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GoAway {
    /// How long what is in flight is still answered, in milliseconds.
    pub drain_ms: u32,
}

/// `[192, seq, error, message]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorReply<S = String> {
    /// [`Fault::number`](super::Fault::number); a newer server may send one that is not known.
    pub number: u16,
    /// For people.
    pub message: S,
}

impl<S: AsRef<str>> Reply<S> {
    /// Appends this message as one frame, with the sequence number of what it answers (0: of
    /// nothing).
    ///
    /// # Errors
    /// When it is too much for one frame; then nothing was appended.
    pub fn encode(&self, seq: u32, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode::frame(out, |w| match self {
            Self::Welcome(welcome) => {
                welcome.write(seq, w);
                Ok(())
            }
            Self::Accepted(accepted) => accepted.write(seq, w),
            Self::CodeStatus(status) => {
                status.write(seq, w);
                Ok(())
            }
            Self::Pong(pong) => {
                w.message(131, seq, 1);
                w.int(pong.now_ms);
                Ok(())
            }
            Self::Refused(refused) => {
                refused.write(seq, w);
                Ok(())
            }
            Self::GoAway(go_away) => {
                w.message(191, seq, 1);
                w.uint(go_away.drain_ms.into());
                Ok(())
            }
            Self::Error(error) => {
                w.message(192, seq, 2);
                w.uint(error.number.into());
                w.str(error.message.as_ref());
                Ok(())
            }
        })
    }
}

impl<'a> Reply<&'a str> {
    /// Reads one frame's body; gives the sequence number and the message.
    ///
    /// # Errors
    /// When the frame is not what the specification says, or of an unknown kind.
    pub fn decode(body: &'a [u8]) -> Result<(u32, Self), DecodeError> {
        decode::message(body, Self::read)
    }

    fn read(kind: u64, fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        match kind {
            128 => Welcome::read(fields).map(Self::Welcome),
            129 => Accepted::read(fields).map(Self::Accepted),
            130 => CodeStatus::read(fields).map(Self::CodeStatus),
            131 => fields.int_or_zero("now_ms").map(|now_ms| Self::Pong(Pong { now_ms })),
            190 => Refused::read(fields).map(Self::Refused),
            191 => {
                let drain_ms = fields.uint_or_zero("drain_ms");
                drain_ms.map(|drain_ms| Self::GoAway(GoAway { drain_ms }))
            }
            192 => ErrorReply::read(fields).map(Self::Error),
            _ => Err(fields.unknown_kind(kind)),
        }
    }

    /// The same message with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Reply {
        match self {
            Self::Welcome(welcome) => Reply::Welcome(welcome.into_owned()),
            Self::Accepted(accepted) => Reply::Accepted(accepted.into_owned()),
            Self::CodeStatus(status) => Reply::CodeStatus(status.into_owned()),
            Self::Pong(pong) => Reply::Pong(pong),
            Self::Refused(refused) => Reply::Refused(refused.into_owned()),
            Self::GoAway(go_away) => Reply::GoAway(go_away),
            Self::Error(error) => {
                Reply::Error(ErrorReply { number: error.number, message: error.message.to_owned() })
            }
        }
    }
}

impl<S: AsRef<str>> Welcome<S> {
    fn write(&self, seq: u32, w: &mut Writer) {
        w.message(128, seq, 6);
        w.str(self.server.as_ref());
        w.str(self.tenant.as_ref());
        w.str(self.role.as_ref());
        w.uint(self.lanes_max.into());
        w.uint(self.in_flight_max.into());
        w.int(self.now_ms);
    }
}

impl<'a> Welcome<&'a str> {
    fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            server: fields.str_or_empty("server")?,
            tenant: fields.str_or_empty("tenant")?,
            role: fields.str_or_empty("role")?,
            lanes_max: fields.uint_or_zero("lanes_max")?,
            in_flight_max: fields.uint_or_zero("in_flight_max")?,
            now_ms: fields.int_or_zero("now_ms")?,
        })
    }

    fn into_owned(self) -> Welcome {
        Welcome {
            server: self.server.to_owned(),
            tenant: self.tenant.to_owned(),
            role: self.role.to_owned(),
            lanes_max: self.lanes_max,
            in_flight_max: self.in_flight_max,
            now_ms: self.now_ms,
        }
    }
}

impl<'a> ErrorReply<&'a str> {
    fn read(fields: &mut Fields<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            number: fields.need("error")?.uint("error")?,
            message: fields.str_or_empty("message")?,
        })
    }
}
