//! A link: one connection with its lanes, and who waits for which reply on them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use quinn::VarInt;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::connector::Connector;
use super::lane::{self, Outbox, Receive, Replies, Stream};
use super::{Error, lock};
use crate::protocol::{Reply, Request, Welcome};

/// When the server does not say how many requests may be in flight.
const IN_FLIGHT_DEFAULT: u32 = 64;
/// However many the server allows, no more than this.
const IN_FLIGHT_MAX: u32 = 65_536;
/// Before a lane that the server ended is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(20);
/// A connection on which tries time out and no packet at all arrived for this long is given up:
/// a living server acknowledges within milliseconds, and connecting anew takes one round trip.
const SILENCE_MAX: Duration = Duration::from_millis(400);

/// One connection. Dropping it ends its lanes.
pub(super) struct Link {
    quinn: quinn::Connection,
    welcome: Welcome,
    lanes: Vec<Arc<Waiting>>,
    next_lane: AtomicUsize,
    /// One permit for each request that may be in flight.
    permits: Semaphore,
    in_flight_max: u32,
    go_away: Arc<GoAwayFlag>,
    heard: Mutex<Heard>,
    _tasks: JoinSet<()>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("welcome", &self.welcome).finish_non_exhaustive()
    }
}

/// Set once, when the server says that it goes.
#[derive(Default)]
struct GoAwayFlag {
    drain: OnceLock<Duration>,
    wake: Notify,
}

/// How many datagrams had arrived, and since when it has been as many.
struct Heard {
    datagrams: u64,
    since: Instant,
}

impl Link {
    pub(super) async fn open(connector: &Connector) -> Result<Arc<Self>, Error> {
        let mut connection = connector.connect().await?;
        let welcome = connection.welcome().clone();
        let lanes_max = usize::try_from(welcome.lanes_max.max(1)).unwrap_or(usize::MAX);
        let in_flight_max = match welcome.in_flight_max {
            0 => IN_FLIGHT_DEFAULT,
            told => told.min(IN_FLIGHT_MAX),
        };
        let go_away = Arc::new(GoAwayFlag::default());
        let mut tasks = JoinSet::new();
        let mut lanes = Vec::new();
        for _ in 0..connector.options().lanes.clamp(1, lanes_max) {
            let waiting = Arc::new(Waiting::default());
            let first = connection.take_first();
            if first.is_some() {
                waiting.outbox.open();
            }
            let receiver =
                Receiver { waiting: Arc::clone(&waiting), go_away: Arc::clone(&go_away) };
            tasks.spawn(serve(connection.quinn().clone(), first, receiver));
            lanes.push(waiting);
        }
        Ok(Arc::new(Self {
            quinn: connection.quinn().clone(),
            welcome,
            lanes,
            next_lane: AtomicUsize::new(0),
            permits: Semaphore::new(usize::try_from(in_flight_max).unwrap_or(usize::MAX)),
            in_flight_max,
            go_away,
            heard: Mutex::new(Heard { datagrams: 0, since: Instant::now() }),
            _tasks: tasks,
        }))
    }

    pub(super) const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Leave to have one more request in flight.
    pub(super) const fn permits(&self) -> &Semaphore {
        &self.permits
    }

    /// Sends on the next lane that is open; says on which and under which number.
    pub(super) fn send(
        &self,
        request: &Request,
        slot: &Arc<Slot>,
        try_nr: u32,
    ) -> Result<Try, Error> {
        let mut last = Error::LaneClosed { why: "no lane is open".to_owned() };
        for _ in 0..self.lanes.len() {
            let next = self.next_lane.fetch_add(1, Ordering::Relaxed) % self.lanes.len().max(1);
            let Some(waiting) = self.lanes.get(next) else { break };
            match waiting.send(request, slot, try_nr) {
                Err(error @ (Error::LaneClosed { .. } | Error::LaneFull)) => last = error,
                other => return other,
            }
        }
        Err(last)
    }

    /// Until the connection is lost (`None`), or the server says for how long it still answers.
    pub(super) async fn ended(&self) -> Option<Duration> {
        let told = async {
            loop {
                let woken = self.go_away.wake.notified();
                if let Some(drain) = self.go_away.drain.get() {
                    break *drain;
                }
                woken.await;
            }
        };
        tokio::select! {
            drain = told => Some(drain),
            _ = self.quinn.closed() => None,
        }
    }

    /// Lets what is in flight be answered, no longer than `limit`, then closes.
    pub(super) async fn drain(&self, limit: Duration) {
        let all = timeout(limit, self.permits.acquire_many(self.in_flight_max)).await;
        self.permits.close();
        self.quinn.close(VarInt::from_u32(0), b"");
        drop(all);
    }

    /// A try timed out: closes the connection if it has been silent for too long.
    pub(super) fn suspect(&self) {
        let datagrams = self.quinn.stats().udp_rx.datagrams;
        let now = Instant::now();
        let mut heard = lock(&self.heard);
        if heard.datagrams != datagrams {
            *heard = Heard { datagrams, since: now };
        } else if now.duration_since(heard.since) >= SILENCE_MAX {
            drop(heard);
            self.quinn.close(VarInt::from_u32(0), b"silent");
        }
    }
}

/// Keeps one lane open as long as its connection lives.
async fn serve(quinn: quinn::Connection, first: Option<Stream>, mut receiver: Receiver) {
    let waiting = Arc::clone(&receiver.waiting);
    let mut next = first;
    loop {
        let stream = match next.take() {
            Some(stream) => stream,
            None => match Stream::open(&quinn).await {
                Ok(stream) => stream,
                Err(_) => return,
            },
        };
        waiting.outbox.open();
        let error = lane::run(stream, &waiting.outbox, &mut receiver).await;
        waiting.outbox.shut();
        receiver.closed(error);
        sleep(REOPEN_PAUSE).await;
    }
}

/// One lane's queue, and the tries that wait for a reply on it.
#[derive(Default)]
pub(super) struct Waiting {
    outbox: Outbox,
    last_seq: AtomicU32,
    slots_by_seq: Mutex<HashMap<u32, (Arc<Slot>, u32)>>,
}

impl Waiting {
    fn send(
        self: &Arc<Self>,
        request: &Request,
        slot: &Arc<Slot>,
        try_nr: u32,
    ) -> Result<Try, Error> {
        let mut seq = 0;
        while seq == 0 {
            seq = self.last_seq.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        }
        // Before it is sent: the reply may be faster than we are.
        lock(&self.slots_by_seq).insert(seq, (Arc::clone(slot), try_nr));
        let sent = Try { waiting: Arc::clone(self), seq };
        self.outbox.push(seq, request).map(|()| sent)
    }
}

/// A try under way; dropped, nobody waits for its reply any longer.
pub(super) struct Try {
    waiting: Arc<Waiting>,
    seq: u32,
}

impl Drop for Try {
    fn drop(&mut self) {
        lock(&self.waiting.slots_by_seq).remove(&self.seq);
    }
}

struct Receiver {
    waiting: Arc<Waiting>,
    go_away: Arc<GoAwayFlag>,
}

impl Receive for Receiver {
    fn replies(&mut self, replies: &mut Replies<'_>) {
        for (seq, reply) in replies {
            if let Reply::GoAway(go_away) = reply {
                let drain = Duration::from_millis(go_away.drain_ms.into());
                let _ = self.go_away.drain.set(drain);
                self.go_away.wake.notify_one();
                continue;
            }
            let slot = lock(&self.waiting.slots_by_seq).remove(&seq);
            if let Some((slot, _)) = slot {
                slot.answer(reply.into_owned());
            }
        }
    }

    fn closed(&mut self, _error: Error) {
        let slots = std::mem::take(&mut *lock(&self.waiting.slots_by_seq));
        for (slot, try_nr) in slots.into_values() {
            slot.lose(try_nr);
        }
    }
}

/// Where the tries of one request leave what became of them.
#[derive(Default)]
pub(super) struct Slot {
    state: Mutex<SlotState>,
    wake: Notify,
}

#[derive(Default)]
struct SlotState {
    replies: smallvec::SmallVec<[Box<Reply>; 1]>,
    lost: u32,
}

/// What became of a try.
pub(super) enum Event {
    /// A reply, to this or an earlier try.
    Reply(Box<Reply>),
    /// The lane ended before this try was answered.
    Lost,
}

impl Slot {
    fn answer(&self, reply: Reply) {
        lock(&self.state).replies.push(Box::new(reply));
        self.wake.notify_one();
    }

    fn lose(&self, try_nr: u32) {
        let mut state = lock(&self.state);
        state.lost = state.lost.max(try_nr);
        drop(state);
        self.wake.notify_one();
    }

    /// The next reply, or the loss of try `try_nr`.
    pub(super) async fn event(&self, try_nr: u32) -> Event {
        loop {
            {
                let mut state = lock(&self.state);
                if let Some(reply) = state.replies.pop() {
                    return Event::Reply(reply);
                }
                if state.lost >= try_nr {
                    return Event::Lost;
                }
            }
            self.wake.notified().await;
        }
    }
}
