//! What can go wrong between asking and being answered. A refusal is not here: it is an answer.

use std::io;

use crate::protocol::{EncodeError, Fault, Id, Refused, Reply};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options are no good.
    #[error("{what}: {why}")]
    Options {
        /// Which one.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// No local socket.
    #[error("cannot open a UDP socket")]
    Socket(#[source] io::Error),
    /// The server could not be reached.
    #[error("cannot connect to {server}: {why}")]
    Connect {
        /// Where it was looked for.
        server: String,
        /// What happened.
        why: String,
    },
    /// The server answered hello with an error: it does not know the caller.
    #[error("the server turned this client away ({number}): {message}")]
    TurnedAway {
        /// [`Fault::number`].
        number: u16,
        /// For people.
        message: String,
    },
    /// The request cannot be sent; nothing was.
    #[error("the request cannot be sent")]
    Invalid(#[from] EncodeError),
    /// The server calls the request itself wrong. It was not done.
    #[error("protocol error {number}: {message}")]
    Protocol {
        /// [`Fault::number`].
        number: u16,
        /// For people.
        message: String,
    },
    /// The request did not leave within its deadline: there was no connection. Nothing was done.
    #[error("not sent: no connection within the deadline")]
    NotSent,
    /// No answer within the deadline to a question that changes nothing.
    #[error("no answer within the deadline")]
    TimedOut,
    /// It is not known whether the request took effect. Send it again with this id, or ask for
    /// the status of this id.
    #[error("outcome unknown: repeat with id {id}, or ask for its status")]
    Unknown {
        /// The id of the request; of a release, the release's own.
        id: Id,
        /// The last answer that did not settle it, such as `unavailable`.
        refused: Option<Box<Refused>>,
    },
    /// The lane is closed; what was sent on it may or may not have been done.
    #[error("the lane is closed: {why}")]
    LaneClosed {
        /// What happened.
        why: String,
    },
    /// The lane has too much unsent.
    #[error("the lane is full")]
    LaneFull,
    /// This client was closed.
    #[error("the client is closed")]
    Closed,
}

impl Error {
    /// Whether the same request (with the same id) may succeed later without anybody changing
    /// anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Socket(_)
            | Self::Connect { .. }
            | Self::NotSent
            | Self::TimedOut
            | Self::Unknown { .. }
            | Self::LaneClosed { .. }
            | Self::LaneFull => true,
            Self::Options { .. }
            | Self::TurnedAway { .. }
            | Self::Invalid(_)
            | Self::Protocol { .. }
            | Self::Closed => false,
        }
    }

    /// For a reply that does not belong to the question.
    pub(super) fn unexpected(reply: &Reply) -> Self {
        match reply {
            Reply::Error(error) => {
                Self::Protocol { number: error.number, message: error.message.clone() }
            }
            Reply::Welcome(_)
            | Reply::Accepted(_)
            | Reply::CodeStatus(_)
            | Reply::Pong(_)
            | Reply::Refused(_)
            | Reply::GoAway(_) => Self::Protocol {
                number: Fault::Malformed.number(),
                message: "the reply does not belong to the request".to_owned(),
            },
        }
    }
}
