//! One request with all its tries: the same id, a new sequence number each time, until it is
//! settled or its deadline has come.
//!
//! ```text
//! send ─▶ answered ────────────────▶ done
//!   ▲      │ busy, unavailable: pause
//!   │      │ lost with its lane
//!   └──────┴ silent: twice the patience         deadline ─▶ NotSent | TimedOut | Unknown
//! ```

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::link::{Event, Link, Slot, Try};
use super::{Error, Options, Phase, millis};
use crate::protocol::{Fault, Refused, Reply, Request};

/// Before repeating what was lost with its lane or has to wait for the server's sake, where the
/// server does not say how long.
const PAUSE: Duration = Duration::from_millis(10);

/// Refusals that say: not now. By their numbers in the closed list.
const RATE_LIMITED: u16 = 220;
const LOCKED_OUT: u16 = 221;
const BUSY: u16 = 222;
const UNAVAILABLE: u16 = 223;
const NOT_PERMITTED: u16 = 224;

/// What is known of a request so far.
#[derive(Default)]
struct Call {
    slot: Arc<Slot>,
    tries: SmallVec<[Try; 2]>,
    sent: u32,
    /// Tries that are known not to have been done.
    settled: u32,
    last_refused: Option<Refused>,
}

impl Call {
    /// Whether a try was sent that may have been done without our knowing.
    const fn is_open(&self) -> bool {
        self.sent > self.settled
    }
}

pub(super) async fn call(
    phase: &watch::Sender<Phase>,
    options: &Options,
    mut request: Request,
) -> Result<Reply, Error> {
    let allowed = match request.deadline_ms() {
        0 => options.deadline,
        told => Duration::from_millis(told.into()),
    };
    let deadline = Instant::now() + allowed;
    let id = request.id();
    let mut call = Call::default();
    let tries = tries(phase, options, &mut request, deadline, &mut call);
    let outcome = timeout_at(deadline, tries).await;
    let is_open = call.is_open();
    let refused = call.last_refused;
    match (outcome, id) {
        (Ok(Ok(reply)), _) => Ok(reply),
        (Ok(Err(_)) | Err(_), Some(id)) if is_open => {
            Err(Error::Unknown { id, refused: refused.map(Box::new) })
        }
        (Ok(Err(error)), _) => Err(error),
        (Err(_), _) => match refused {
            Some(refused) => Ok(Reply::Refused(refused)),
            None if is_open => Err(Error::TimedOut),
            None => Err(Error::NotSent),
        },
    }
}

async fn tries(
    phase: &watch::Sender<Phase>,
    options: &Options,
    request: &mut Request,
    deadline: Instant,
    call: &mut Call,
) -> Result<Reply, Error> {
    let mut patience = options.try_timeout;
    loop {
        let link = up(phase).await?;
        let Ok(permit) = link.permits().acquire().await else {
            sleep(PAUSE).await;
            continue;
        };
        request.set_deadline_ms(millis(deadline.duration_since(Instant::now())).max(1));
        let try_nr = call.sent + 1;
        let mut waited = match link.send(request, &call.slot, try_nr) {
            Ok(sent) => {
                call.sent = try_nr;
                call.tries.push(sent);
                timeout(patience, call.slot.event(try_nr)).await
            }
            Err(Error::LaneClosed { .. } | Error::LaneFull) => Ok(Event::Lost),
            Err(error) => return Err(error),
        };
        drop(permit);
        loop {
            match waited {
                Ok(Event::Reply(reply)) => {
                    let pause = match judge(reply, call, request.id().is_some())? {
                        Verdict::Done(reply) => return Ok(*reply),
                        Verdict::Again(pause) => pause,
                    };
                    if let Some(refused) = &call.last_refused
                        && !call.is_open()
                        && Instant::now() + pause >= deadline
                    {
                        return Ok(Reply::Refused(refused.clone()));
                    }
                    // The answer to an earlier try may come while we wait.
                    waited = timeout(pause, call.slot.event(u32::MAX)).await;
                    if waited.is_err() {
                        break;
                    }
                }
                Ok(Event::Lost) => {
                    sleep(PAUSE).await;
                    break;
                }
                Err(_) => {
                    link.suspect();
                    patience *= 2;
                    break;
                }
            }
        }
    }
}

/// What a reply means for its request.
enum Verdict {
    /// Its answer.
    Done(Box<Reply>),
    /// Not now: send it again after this pause.
    Again(Duration),
}

fn judge(reply: Box<Reply>, call: &mut Call, changes: bool) -> Result<Verdict, Error> {
    match &*reply {
        Reply::Refused(refused) => match judge_refused(refused, call, changes) {
            Some(pause) => {
                call.last_refused = Some(refused.clone());
                Ok(Verdict::Again(pause))
            }
            None => Ok(Verdict::Done(reply)),
        },
        Reply::Error(error) => {
            match Fault::from_number(error.number) {
                Some(Fault::TooManyInFlight) => call.settled += 1,
                Some(Fault::Internal) => {}
                Some(
                    Fault::Malformed
                    | Fault::FrameTooLong
                    | Fault::UnknownKind
                    | Fault::LimitExceeded
                    | Fault::HelloRequired
                    | Fault::NotAuthenticated
                    | Fault::TooManyLanes,
                ) => {
                    call.settled += 1;
                    return Err(Error::unexpected(&reply));
                }
                None => return Err(Error::unexpected(&reply)),
            }
            Ok(Verdict::Again(PAUSE))
        }
        Reply::Welcome(_)
        | Reply::Accepted(_)
        | Reply::CodeStatus(_)
        | Reply::Pong(_)
        | Reply::GoAway(_) => Ok(Verdict::Done(reply)),
    }
}

/// How long to wait before asking again; `None`: this is the answer.
fn judge_refused(refused: &Refused, call: &mut Call, changes: bool) -> Option<Duration> {
    match refused.number {
        BUSY => call.settled += 1,
        // The ledger may have done it and not said so.
        UNAVAILABLE => {}
        // These come before the ledger is asked: they say nothing of earlier tries.
        RATE_LIMITED | LOCKED_OUT | NOT_PERMITTED if changes => {
            call.settled += 1;
            if !call.is_open() {
                return None;
            }
        }
        _ => return None,
    }
    let told = refused.details.retry_after_ms.map(Duration::from_millis);
    Some(told.unwrap_or(PAUSE).max(PAUSE))
}

/// The link to use, as soon as there is one.
async fn up(phase: &watch::Sender<Phase>) -> Result<Arc<Link>, Error> {
    if let Phase::Up(link) = &*phase.borrow() {
        return Ok(Arc::clone(link));
    }
    let mut phases = phase.subscribe();
    let settled = phases.wait_for(|phase| !matches!(phase, Phase::Down)).await;
    match settled.as_deref() {
        Ok(Phase::Up(link)) => Ok(Arc::clone(link)),
        Ok(Phase::Down | Phase::Closed) | Err(_) => Err(Error::Closed),
    }
}
