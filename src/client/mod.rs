//! The client: asks a jeton server, and gets one answer per id however often it must ask.
//!
//! ```no_run
//! use jeton::client::{Answer, Client, Options, Redeem};
//!
//! # async fn gate() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::new("park.example:7411", std::fs::read("ca.pem")?).token("jt_5f2c");
//! let client = Client::connect(options).await?;
//! match client.redeem(Redeem::code("PARK-7K3M-9Q2X").gate("north")).await? {
//!     Answer::Yes(yes) => println!("welcome, use {:?}", yes.uses.first().map(|one| one.ordinal)),
//!     Answer::No(no) => println!("sorry: {}", no.reason),
//! }
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! Every request has a deadline (2 s unless told otherwise). Within it a try that is not answered,
//! or answered with "busy", is repeated under the *same id*, so that it takes effect once. What
//! cannot be settled in time is [`Error::Unknown`]: repeat it later with that id, or ask
//! [`Client::status`]. Lost connections come back by themselves.
//!
//! Load generators and others who count nanoseconds use [`Connector`], [`Connection`] and [`Lane`]
//! directly: no task, no channel, no retry per request.
//!
//! This module deliberately knows nothing of what codes mean, and no other module but `protocol`.
//!
//! Invariants:
//! - an id is made before the first try and never changes;
//! - [`Error::Unknown`] is given exactly when a try was sent that nobody accounted for;
//! - no lock is held across a wait.

mod ask;
mod call;
mod connector;
mod error;
mod lane;
mod link;
mod options;

pub use ask::{Ask, Hold, Redeem, ToHold, ToRedeem, ToValidate, Validate};
pub use connector::{Connection, Connector};
pub use error::Error;
pub use lane::{Lane, Receive, Replies};
pub use options::Options;

pub use crate::protocol::{
    Accepted, CampaignKind, CampaignStatus, CodeState, CodeStatus, Confirm, Extend, Fault, Id,
    Line, Order, Passage, ProductSwitch, Refused, Release, Reply, Request, State, Trigger, Use,
    UseDetails, UseOfAccount, Welcome,
};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::protocol::{CodeQuery, StatusQuery};
use link::Link;

/// A fresh id for a request: UUID version 7.
#[must_use]
pub fn new_id() -> Id {
    Id(Uuid::now_v7().into_bytes())
}

/// Yes or no; both are answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "yes is as large as no; only `T` hides it")]
pub enum Answer<T = Accepted> {
    /// Yes, and what came of it.
    Yes(T),
    /// No, and why.
    No(Refused),
}

impl<T> Answer<T> {
    /// Whether it is a yes.
    #[must_use]
    pub const fn is_yes(&self) -> bool {
        matches!(self, Self::Yes(_))
    }
}

/// A connected client. Cloning is cheap; all clones share the connection.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connector: Connector,
    phase: Arc<watch::Sender<Phase>>,
    supervisor: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

/// Where requests may go now.
#[derive(Debug, Clone)]
enum Phase {
    Up(Arc<Link>),
    /// Connecting, again and again.
    Down,
    /// For good.
    Closed,
}

/// First pause after a failed attempt to connect; doubles up to [`RECONNECT_PAUSE_MAX`].
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);
/// Longest pause between attempts: a server that is back is found within this time.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long [`Client::close`] waits for the last packets to be acknowledged.
const GOODBYE: Duration = Duration::from_millis(500);

impl Client {
    /// Connects and says hello. From then on the connection is kept up in the background.
    ///
    /// # Errors
    /// When the options are no good, the server cannot be reached in
    /// [`connect_timeout`](Options::connect_timeout), or it does not know the caller.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let connector = Connector::new(options).await?;
        let link = Link::open(&connector).await?;
        let phase = Arc::new(watch::Sender::new(Phase::Up(Arc::clone(&link))));
        let supervise = supervise(connector.clone(), link, Arc::clone(&phase));
        let supervisor = tokio::spawn(supervise).abort_handle();
        Ok(Self { inner: Arc::new(Inner { connector, phase, supervisor }) })
    }

    /// Would it be yes? Changes nothing.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn validate(&self, ask: Validate) -> Result<Answer, Error> {
        answer(self.send(ask.into_request()).await?)
    }

    /// Takes the codes: all of them, or none, unless the question says otherwise.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn redeem(&self, ask: Redeem) -> Result<Answer, Error> {
        answer(self.send(ask.into_request()).await?)
    }

    /// Takes the codes for a while.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn hold(&self, ask: Hold) -> Result<Answer, Error> {
        answer(self.send(ask.into_request()).await?)
    }

    /// Makes a hold a redemption; for a part of it send a [`Confirm`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn confirm(&self, id: Id) -> Result<Answer, Error> {
        answer(self.send(Request::Confirm(Confirm { id, ..Confirm::default() })).await?)
    }

    /// Gives back all that is left of a hold or redemption; for a part of it send a [`Release`].
    ///
    /// # Errors
    /// See [`Error`]; the id in [`Error::Unknown`] is the release's own.
    pub async fn release(&self, id: Id) -> Result<Answer, Error> {
        let release = Release { release_id: new_id(), id, ..Release::default() };
        answer(self.send(Request::Release(release)).await?)
    }

    /// Holds for `ttl` from now.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn extend(&self, id: Id, ttl: Duration) -> Result<Answer, Error> {
        let extend = Extend { deadline_ms: 0, id, ttl_ms: millis(ttl) };
        answer(self.send(Request::Extend(extend)).await?)
    }

    /// What became of the request with this id?
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn status(&self, id: Id) -> Result<Answer, Error> {
        answer(self.send(Request::Status(StatusQuery { deadline_ms: 0, id })).await?)
    }

    /// What is known of a code?
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn code(&self, code: impl Into<String>) -> Result<Answer<CodeStatus>, Error> {
        let query = CodeQuery { deadline_ms: 0, code: code.into() };
        let reply = self.send(Request::Code(query)).await?;
        if let Reply::CodeStatus(status) = reply {
            return Ok(Answer::Yes(status));
        }
        no(reply)
    }

    /// The server's clock, in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn ping(&self) -> Result<i64, Error> {
        let reply = self.send(Request::Ping).await?;
        if let Reply::Pong(pong) = reply { Ok(pong.now_ms) } else { Err(Error::unexpected(&reply)) }
    }

    /// Sends any request, with all that is said above about deadlines and repeating. A
    /// `deadline_ms` of 0 stands for the client's own deadline.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send(&self, request: Request) -> Result<Reply, Error> {
        call::call(&self.inner.phase, self.inner.connector.options(), request).await
    }

    /// Takes a new local socket, for a device that changed its network. Requests in flight go on.
    ///
    /// # Errors
    /// When no socket can be had; the old one is kept.
    pub fn rebind(&self) -> Result<(), Error> {
        self.inner.connector.rebind()
    }

    /// What the server said when this client last connected; `None` while it is connecting.
    #[must_use]
    pub fn welcome(&self) -> Option<Welcome> {
        match &*self.inner.phase.borrow() {
            Phase::Up(link) => Some(link.welcome().clone()),
            Phase::Down | Phase::Closed => None,
        }
    }

    /// Lets the requests in flight be answered (no longer than the deadline), then says goodbye.
    /// Further requests, of any clone, are [`Error::Closed`].
    pub async fn close(&self) {
        self.inner.supervisor.abort();
        if let Phase::Up(link) = self.inner.phase.send_replace(Phase::Closed) {
            link.drain(self.inner.connector.options().deadline).await;
        }
        let _ = timeout(GOODBYE, self.inner.connector.idle()).await;
    }
}

fn answer(reply: Reply) -> Result<Answer, Error> {
    if let Reply::Accepted(accepted) = reply {
        return Ok(Answer::Yes(accepted));
    }
    no(reply)
}

fn no<T>(reply: Reply) -> Result<Answer<T>, Error> {
    if let Reply::Refused(refused) = reply {
        return Ok(Answer::No(refused));
    }
    Err(Error::unexpected(&reply))
}

/// Keeps a link up until it is aborted.
async fn supervise(connector: Connector, mut link: Arc<Link>, phase: Arc<watch::Sender<Phase>>) {
    loop {
        let drain = link.ended().await;
        replace(&phase, Phase::Down);
        tracing::debug!(?drain, "connection ended, connecting again");
        if let Some(drain) = drain {
            tokio::spawn(async move { link.drain(drain).await });
        } else {
            link.drain(Duration::ZERO).await;
        }
        link = reconnect(&connector).await;
        replace(&phase, Phase::Up(Arc::clone(&link)));
    }
}

async fn reconnect(connector: &Connector) -> Arc<Link> {
    let mut pause = RECONNECT_PAUSE;
    loop {
        match Link::open(connector).await {
            Ok(link) => return link,
            Err(error) => tracing::debug!(%error, "cannot connect"),
        }
        // Half of the pause is random, so that a thousand gates do not come back as one.
        let [.., dice] = new_id().0;
        sleep(pause / 2 + pause.mul_f32(f32::from(dice) / 512.0)).await;
        pause = (pause * 2).min(RECONNECT_PAUSE_MAX);
    }
}

fn replace(phase: &watch::Sender<Phase>, next: Phase) {
    phase.send_if_modified(|phase| match phase {
        Phase::Closed => false,
        Phase::Up(_) | Phase::Down => {
            *phase = next;
            true
        }
    });
}

/// Whole milliseconds, as many as fit.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Nothing here panics while it holds a lock, and each lock guards plain data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
