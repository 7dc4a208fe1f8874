//! One lane: frames in, answers out, in batches.
//!
//! One task reads, judges and writes. What needs the ledger goes there as one batch for all frames
//! that had arrived; its answers come back through a channel, and all that are there leave in one
//! write. While a write waits for the other side, nothing is read: that is the back-pressure.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use quinn::{RecvStream, SendStream};
use smallvec::SmallVec;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::connection::Guest;
use crate::auth::caller::Caller;
use crate::auth::guess::GuessKey;
use crate::auth::role::{Action, Role};
use crate::engine::{
    About, Answer, Ask, Context, Counts, Given, LedgerError, Note, Pending, Prepared, Release,
    RequestId, Task, Timestamp, Verb, Verdict,
};
use crate::metrics::Stopwatch;
use crate::protocol::{
    DecodeError, ErrorReply, Fault, GoAway, Head, Hold, Inbox, Options, Order, Pong, Redeem, Reply,
    Request, Welcome,
};
use crate::server::from_wire::{self, OrderFault};
use crate::server::to_wire;

/// An answer to the public leaves so long after its request came, whatever it says.
const PUBLIC_ANSWER: Duration = Duration::from_millis(20);

/// A request that the ledger has.
struct Waiting {
    seq: u32,
    audience: Audience,
    context: Context,
}

/// Who hears an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Hears everything.
    Trusted,
    /// Hears only what a yes is worth, or that it is no.
    Public,
}

/// A batch that the ledger has answered.
struct Answered {
    waiting: Vec<Waiting>,
    answers: Result<Vec<Answer>, LedgerError>,
    watch: Stopwatch,
    /// How many waited, of all connections, when the ledger got it.
    backlog: u32,
}

/// A lane's state.
struct Lane {
    guest: Arc<Guest>,
    out: Vec<u8>,
    tasks: Vec<Task>,
    waiting: Vec<Waiting>,
    answered: UnboundedSender<Answered>,
    /// Requests of this lane that the ledger has.
    pending: u32,
    end: Option<End>,
}

/// Why a lane ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// What came was wrong.
    Fault,
    /// The caller is nobody.
    Nobody,
}

pub(super) async fn serve(guest: Arc<Guest>, send: SendStream, receive: RecvStream) {
    guest.hall.measures.lanes.increment(1);
    let (answered, answers) = unbounded_channel();
    let lane = Lane {
        guest: Arc::clone(&guest),
        out: Vec::with_capacity(1_024),
        tasks: Vec::new(),
        waiting: Vec::new(),
        answered,
        pending: 0,
        end: None,
    };
    lane.run(send, receive, answers).await;
    guest.hall.measures.lanes.decrement(1);
}

impl Lane {
    async fn run(
        mut self,
        mut send: SendStream,
        mut receive: RecvStream,
        mut answers: UnboundedReceiver<Answered>,
    ) {
        let guest = Arc::clone(&self.guest);
        let mut draining = pin!(guest.draining.notified());
        // From now on nothing is missed, so what is found now is still true when waiting begins.
        draining.as_mut().enable();
        let mut told = guest.hall.shared.draining.is_cancelled();
        if told {
            self.go_away();
            // Who is gone is noticed when it is read from.
            let _gone = self.write(&mut send).await;
        }
        let mut inbox = Inbox::default();
        let mut reading = true;
        // What was taken is answered, also when what came after it was wrong.
        while reading || self.pending > 0 {
            let has_room = self.guest.has_room();
            let mut public = false;
            tokio::select! {
                biased;
                Some(answered) = answers.recv(), if self.pending > 0 => self.take_in(answered),
                () = &mut draining, if !told => {
                    told = true;
                    self.go_away();
                }
                read = receive.read(inbox.space()), if reading && has_room => match read {
                    Ok(Some(count)) => {
                        inbox.filled(count);
                        public = self.hear(&mut inbox);
                    }
                    Ok(None) => reading = false,
                    Err(_gone) => break,
                },
                // Other lanes' requests are in the way, and their answers do not come here.
                () = self.guest.room(), if reading && !has_room => {}
                else => break,
            }
            reading &= self.end.is_none();
            if public {
                tokio::time::sleep(PUBLIC_ANSWER).await;
            }
            // After the sleep: whether the ledger was asked must not be heard from when the public
            // is answered.
            while let Ok(answered) = answers.try_recv() {
                self.take_in(answered);
            }
            if !self.out.is_empty() && self.write(&mut send).await.is_err() {
                break;
            }
        }
        // Answers that nobody hears any more: their requests count as answered.
        self.guest.answered(self.pending);
        let _finished = send.finish();
        if self.end == Some(End::Nobody) {
            // The error must arrive before the connection is gone.
            let _heard = tokio::time::timeout(Duration::from_millis(500), send.stopped()).await;
            self.guest.turn_away();
        }
    }

    async fn write(&mut self, send: &mut SendStream) -> Result<(), quinn::WriteError> {
        /// What a lane keeps for the next answers; a larger burst is given back.
        const OUT_BYTES_KEPT: usize = 64 * 1024;
        send.write_all(&self.out).await?;
        self.out.clear();
        self.out.shrink_to(OUT_BYTES_KEPT);
        Ok(())
    }

    /// Hears all frames that are there. Says whether the public is answered.
    fn hear(&mut self, inbox: &mut Inbox) -> bool {
        let watch = Stopwatch::start();
        let now = self.guest.hall.shared.engine.now();
        let mut caller = self.guest.caller(now.0);
        let mut frames = inbox.frames();
        for body in frames.by_ref() {
            if let (Ok(body), Some(caller)) = (&body, &caller)
                && self.turn_away(body, caller, watch)
            {
                continue;
            }
            let decoded = body.and_then(Request::decode);
            match decoded {
                Ok((seq, Request::Hello(hello))) => {
                    caller = self.guest.hello(hello.token, now.0);
                    match &caller {
                        Some(caller) => self.welcome(seq, caller, now),
                        None => self.fault(seq, Fault::NotAuthenticated, "give a valid token"),
                    }
                }
                Ok((seq, Request::Ping)) => self.reply(seq, &Reply::Pong(Pong { now_ms: now.0 })),
                Ok((seq, request)) => match &caller {
                    Some(caller) => self.hear_one(seq, &request, caller, now, watch),
                    None => self.fault(seq, Fault::HelloRequired, "say Hello first"),
                },
                Err(error) => self.hear_wrong(&error),
            }
            if self.end.is_some() {
                break;
            }
        }
        let consumed = frames.consumed();
        inbox.consume(consumed);
        self.submit(watch);
        caller.is_some_and(|caller| caller.identity.role == Role::Public)
    }

    fn hear_wrong(&mut self, error: &DecodeError) {
        self.fault(error.seq, error.fault(), &error.to_string());
    }

    /// Refuses what the ledger would not come to in time, before more of it is read than its head.
    /// Nothing was done then.
    fn turn_away(&mut self, body: &[u8], caller: &Caller, watch: Stopwatch) -> bool {
        // Where there is none, reading all of it says what is wrong.
        let Ok(head) = Head::read(body) else { return false };
        let Some(verb) = posting_verb(head) else { return false };
        let gathered = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        let own = self.guest.in_flight();
        if self.guest.hall.backlog.admits(own, gathered, head.deadline_ms) {
            return false;
        }
        let verdict = self.guest.hall.shared.engine.turn_away(verb);
        self.answer(head.seq, verb, &verdict, caller, watch);
        true
    }

    fn hear_one(
        &mut self,
        seq: u32,
        request: &Request<&str>,
        caller: &Arc<Caller>,
        now: Timestamp,
        watch: Stopwatch,
    ) {
        if !self.guest.has_room() {
            return self.fault(seq, Fault::TooManyInFlight, "wait for answers first");
        }
        let (verb, action) = verb_of(request);
        if !caller.may(action) {
            return self.answer(seq, verb, &Err(to_wire::not_permitted()), caller, watch);
        }
        if let Err(throttled) = self.guest.hall.shared.access.check(GuessKey::from(caller.id)) {
            return self.answer(seq, verb, &Err(to_wire::throttled(throttled)), caller, watch);
        }
        match self.prepare(request, caller, now) {
            Ok(Prepared::Answer(verdict)) => self.answer(seq, verb, &verdict, caller, watch),
            Ok(prepared) => self.go_on(seq, verb, audience(caller), prepared, watch),
            Err(Wrong::NotPermitted) => {
                self.answer(seq, verb, &Err(to_wire::not_permitted()), caller, watch);
            }
            Err(Wrong::Order(fault)) => {
                self.fault(seq, Fault::LimitExceeded, &fault.to_string());
            }
        }
    }

    fn prepare(
        &self,
        request: &Request<&str>,
        caller: &Arc<Caller>,
        now: Timestamp,
    ) -> Result<Prepared, Wrong> {
        let engine = &self.guest.hall.shared.engine;
        let tenant = &caller.identity.tenant;
        let ask = |codes, order, options| ask(codes, order, options, caller, now);
        let about = |id: crate::protocol::Id, deadline_ms| About {
            tenant,
            id: RequestId(id.0),
            now,
            deadline: from_wire::deadline(now, deadline_ms),
        };
        Ok(match request {
            Request::Validate(r) => engine.validate(
                &ask(&r.codes, &r.order, Options { dry: true, ..r.options })?,
                if r.exact || r.options.dry { Counts::Exact } else { Counts::Known },
                from_wire::deadline(now, r.deadline_ms),
            ),
            Request::Redeem(Redeem { deadline_ms, codes, order, options, .. })
            | Request::Hold(Hold { deadline_ms, codes, order, options, .. })
                if options.dry =>
            {
                let deadline = from_wire::deadline(now, *deadline_ms);
                engine.validate(&ask(codes, order, *options)?, Counts::Exact, deadline)
            }
            Request::Redeem(r) => engine.redeem(
                &ask(&r.codes, &r.order, r.options)?,
                RequestId(r.id.0),
                from_wire::deadline(now, r.deadline_ms),
            ),
            Request::Hold(r) => engine.hold(
                &ask(&r.codes, &r.order, r.options)?,
                RequestId(r.id.0),
                u64::from(r.ttl_ms),
                from_wire::deadline(now, r.deadline_ms),
            ),
            Request::Confirm(r) => {
                let about = about(r.id, r.deadline_ms);
                self.if_seen(about, caller, engine.confirm(about, r.part))
            }
            Request::Release(r) => {
                let about = about(r.id, r.deadline_ms);
                let is_whole = r.codes.is_empty();
                let part = if is_whole { Given::Size(r.part) } else { Given::Codes(&r.codes) };
                let release = Release { id: RequestId(r.release_id.0), part, credit: None };
                self.if_seen(about, caller, engine.release(about, release))
            }
            Request::Extend(r) => {
                let about = about(r.id, r.deadline_ms);
                self.if_seen(about, caller, engine.extend(about, u64::from(r.ttl_ms)))
            }
            Request::Status(r) => {
                let about = about(r.id, r.deadline_ms);
                self.if_seen(about, caller, engine.status(about))
            }
            Request::Code(r) => {
                engine.code(tenant, r.code, now, from_wire::deadline(now, r.deadline_ms))
            }
            // Answered before.
            Request::Hello(_) | Request::Ping => return Err(Wrong::NotPermitted),
        })
    }

    /// What was prepared about a posting, as far as the caller may touch it.
    fn if_seen(&self, about: About<'_>, caller: &Arc<Caller>, prepared: Prepared) -> Prepared {
        if caller.identity.properties.is_empty() {
            return prepared;
        }
        let caller = Arc::clone(caller);
        let sees = move |note: &Note| caller.identity.sees(note.property.as_deref());
        self.guest.hall.shared.engine.if_seen(about, Box::new(sees), prepared)
    }

    /// Hands what was gathered to the ledger, as one batch.
    fn submit(&mut self, watch: Stopwatch) {
        if self.tasks.is_empty() {
            return;
        }
        let tasks = std::mem::take(&mut self.tasks);
        let waiting = std::mem::take(&mut self.waiting);
        let count = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
        self.pending += count;
        let backlog = self.guest.came_in(count);
        let answered = self.answered.clone();
        let done = move |answers| {
            // A lane that ended has nobody left to answer; its clients ask again by id.
            let _gone = answered.send(Answered { waiting, answers, watch, backlog });
        };
        self.guest.hall.shared.engine.ledger_submit(tasks, Box::new(done));
    }

    /// Turns the ledger's answers into replies.
    fn take_in(&mut self, answered: Answered) {
        let Answered { waiting, answers, watch, backlog } = answered;
        let count = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        self.pending = self.pending.saturating_sub(count);
        self.guest.answered(count);
        if answers.is_ok() {
            self.guest.hall.backlog.took(backlog, watch.seconds());
        }
        let engine = Arc::clone(&self.guest.hall.shared.engine);
        let mut answers = answers.map(Vec::into_iter);
        for Waiting { seq, audience, context } in waiting {
            let answer = match &mut answers {
                Ok(answers) => answers.next().ok_or(LedgerError::Closed),
                Err(error) => Err(error.clone()),
            };
            let verb = context.verb();
            let prepared = engine.finish(context, answer);
            self.go_on(seq, verb, audience, prepared, watch);
        }
        // A look may have led to more for the ledger.
        self.submit(watch);
    }

    /// Tells what is decided, and gathers what is for the ledger.
    fn go_on(
        &mut self,
        seq: u32,
        verb: Verb,
        audience: Audience,
        prepared: Prepared,
        watch: Stopwatch,
    ) {
        match prepared {
            Prepared::Answer(verdict) => {
                self.guest.hall.measures.took(verb, watch.seconds());
                self.tell(seq, &verdict, audience);
            }
            Prepared::Page(page) => {
                self.guest.hall.measures.took(verb, watch.seconds());
                self.reply(seq, &Reply::CodeStatus(to_wire::code(&page)));
            }
            Prepared::Posting(pending) => {
                let Pending { task, context } = *pending;
                self.tasks.push(task);
                self.waiting.push(Waiting { seq, audience, context });
            }
        }
    }

    /// Answers a request that needed no ledger.
    fn answer(
        &mut self,
        seq: u32,
        verb: Verb,
        verdict: &Verdict,
        caller: &Caller,
        watch: Stopwatch,
    ) {
        self.guest.hall.measures.took(verb, watch.seconds());
        if let Err(refusal) = verdict
            && to_wire::is_miss(refusal)
        {
            let key = GuessKey::from(caller.id);
            self.guest.hall.shared.access.miss(key, Some(caller.identity.role));
        }
        self.tell(seq, verdict, audience(caller));
    }

    fn tell(&mut self, seq: u32, verdict: &Verdict, audience: Audience) {
        match (verdict, audience) {
            (Ok(accepted), Audience::Trusted) => {
                self.reply(seq, &Reply::Accepted(to_wire::accepted(accepted)));
            }
            (Ok(accepted), Audience::Public) => {
                self.reply(seq, &Reply::Accepted(to_wire::for_the_public(accepted)));
            }
            (Err(refusal), Audience::Trusted) => {
                self.reply(seq, &Reply::Refused(to_wire::refused(refusal)));
            }
            (Err(_), Audience::Public) => {
                self.reply(seq, &Reply::Refused(to_wire::refused(&to_wire::uniform())));
            }
        }
    }

    fn reply(&mut self, seq: u32, reply: &Reply<&str>) {
        if let Err(error) = reply.encode(seq, &mut self.out) {
            tracing::error!(%error, "an answer does not fit a frame");
            let message = "the answer does not fit a frame";
            let number = Fault::Internal.number();
            // This one does fit.
            let _fits = Reply::Error(ErrorReply { number, message }).encode(seq, &mut self.out);
        }
    }

    fn welcome(&mut self, seq: u32, caller: &Caller, now: Timestamp) {
        let options = Arc::clone(&self.guest.hall.options);
        self.reply(
            seq,
            &Reply::Welcome(Welcome {
                server: concat!("jeton/", env!("CARGO_PKG_VERSION")),
                tenant: caller.identity.tenant.as_str(),
                role: caller.identity.role.as_str(),
                lanes_max: options.lanes_max,
                in_flight_max: options.in_flight_max,
                now_ms: now.0,
            }),
        );
    }

    fn go_away(&mut self) {
        let drain_ms = self.guest.hall.options.drain_ms;
        self.reply(0, &Reply::GoAway(GoAway { drain_ms }));
    }

    fn fault(&mut self, seq: u32, fault: Fault, message: &str) {
        self.reply(seq, &Reply::Error(ErrorReply { number: fault.number(), message }));
        if fault == Fault::NotAuthenticated {
            self.end = Some(End::Nobody);
        } else if fault.closes_lane() {
            self.end = Some(End::Fault);
        }
    }
}

/// Why a request cannot be asked.
enum Wrong {
    Order(OrderFault),
    NotPermitted,
}

impl From<OrderFault> for Wrong {
    fn from(fault: OrderFault) -> Self {
        Self::Order(fault)
    }
}

fn ask<'wire: 'a, 'a>(
    codes: &SmallVec<[&'wire str; 2]>,
    order: &Order<&'wire str>,
    options: Options,
    caller: &'a Caller,
    now: Timestamp,
) -> Result<Ask<'a>, Wrong> {
    // Another moment is for trying out, and for those who design campaigns.
    let may_choose_moment = options.dry && from_wire::may_choose_moment(caller);
    if !caller.may_speak_for(order.property, order.gate)
        || options.now_ms.is_some() && !may_choose_moment
    {
        return Err(Wrong::NotPermitted);
    }
    let now = options.now_ms.map_or(Ok(now), from_wire::moment)?;
    let order = from_wire::order(order, caller)?;
    Ok(Ask {
        tenant: &caller.identity.tenant,
        codes: codes.iter().map(|code| -> &'a str { code }).collect(),
        order,
        now,
        mode: from_wire::mode(options.partial),
    })
}

fn audience(caller: &Caller) -> Audience {
    if caller.tells_reasons() { Audience::Trusted } else { Audience::Public }
}

/// The verb of a request that the ledger must carry out, or maybe only try; none of what only asks.
fn posting_verb(head: Head) -> Option<Verb> {
    match head.kind {
        Head::REDEEM => Some(Verb::Redeem),
        Head::HOLD => Some(Verb::Hold),
        Head::CONFIRM => Some(Verb::Confirm),
        Head::RELEASE => Some(Verb::Release),
        Head::EXTEND => Some(Verb::Extend),
        _ => None,
    }
}

fn verb_of(request: &Request<&str>) -> (Verb, Action) {
    match request {
        Request::Redeem(redeem) if redeem.options.dry => (Verb::Validate, Action::Redeem),
        Request::Hold(hold) if hold.options.dry => (Verb::Validate, Action::Hold),
        Request::Hello(_) | Request::Ping | Request::Status(_) => (Verb::Status, Action::Status),
        Request::Code(_) => (Verb::Code, Action::Status),
        Request::Validate(_) => (Verb::Validate, Action::Validate),
        Request::Redeem(_) => (Verb::Redeem, Action::Redeem),
        Request::Hold(_) => (Verb::Hold, Action::Hold),
        Request::Confirm(_) => (Verb::Confirm, Action::Hold),
        Request::Release(_) => (Verb::Release, Action::Hold),
        Request::Extend(_) => (Verb::Extend, Action::Hold),
    }
}
