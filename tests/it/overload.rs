//! More than the ledger can do: what is refused, how soon, and that nothing of it was done. On bare
//! connections, before a ledger that stands still for as long as the test wants.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use jeton::auth::role::Role;
use jeton::client::{Id, Refused, Reply, Request, new_id};
use jeton::domain::time::Timestamp;
use jeton::engine::Engine;
use jeton::protocol::{self, ALPN};
use jeton::testing::{BoxOptions, ManualClock, ServerBox};

use crate::house::block_on;
use crate::raw::{Lane, Raw, frame};

const PASS: &str = "id = \"pass\"\nkind = \"pass\"\n";

/// What one connection alone may have waiting before anything was seen of the ledger's pace.
const SHARE: usize = 4_096;

/// A ledger that stands still while this is kept.
struct Still {
    go_on: Sender<()>,
    thread: JoinHandle<()>,
}

impl Still {
    /// Whoever reads the book keeps the ledger's thread from applying anything.
    fn hold(engine: &Arc<Engine>) -> Self {
        let engine = Arc::clone(engine);
        let ((go_on, until), (held, is_held)) = (channel(), channel());
        let thread = std::thread::spawn(move || {
            let book = engine.ledger().read();
            held.send(()).unwrap();
            until.recv().unwrap();
            drop(book);
        });
        is_held.recv().unwrap();
        Self { go_on, thread }
    }

    fn end(self) {
        self.go_on.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

fn redeem(id: Id, deadline_ms: u32) -> Request<&'static str> {
    Request::Redeem(protocol::Redeem {
        deadline_ms,
        id,
        codes: ["PASS"].into_iter().collect(),
        ..protocol::Redeem::default()
    })
}

/// What was said to requests 1 to `of`, by their numbers: each heard once.
async fn hear_all(lane: &mut Lane, of: usize) -> Vec<Option<Reply>> {
    let mut heard = vec![None; of + 1];
    for _ in 0..of {
        let (seq, reply) = lane.hear_numbered().await.unwrap();
        let place = &mut heard[usize::try_from(seq).unwrap()];
        assert!(place.is_none(), "{seq} is answered twice");
        *place = Some(reply);
    }
    heard
}

fn is_busy(reply: &Reply) -> bool {
    matches!(reply, Reply::Refused(Refused { number: 222, transient: true, details, .. })
        if details.retry_after_ms == Some(50))
}

async fn start(clock: &ManualClock, dir: &std::path::Path) -> ServerBox {
    let options =
        BoxOptions { clock: clock.clock(), in_flight_max: 60_000, ..BoxOptions::default() };
    let server = ServerBox::start(dir, options).await.unwrap();
    server.define(PASS).unwrap();
    server.codes("pass", "PASS").unwrap();
    server
}

#[test]
fn the_greedy_are_refused_at_once_and_the_modest_are_served() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp(1 << 40));
        let server = start(&clock, dir.path()).await;
        let token = server.token(Role::Gate).unwrap();
        let raw = [(), ()].map(|()| Raw::connect(&server, ALPN));
        let [greedy, modest] = raw;
        let (greedy, modest) = (greedy.await.unwrap(), modest.await.unwrap());
        let (mut greedy, mut modest) =
            (greedy.welcomed(&token).await, modest.welcomed(&token).await);

        let still = Still::hold(&server.engine);
        let ids: Vec<Id> = (0..SHARE + 2_000).map(|_| new_id()).collect();
        let burst: Vec<u8> =
            (1..).zip(&ids).flat_map(|(seq, id)| frame(seq, &redeem(*id, 0))).collect();
        greedy.say(&burst).await;
        // Nothing can be done, and yet they hear that it will not be.
        let mut busy = Vec::new();
        for _ in 0..2_000 {
            let (seq, reply) = greedy.hear_numbered().await.unwrap();
            assert!(is_busy(&reply), "{reply:?}");
            busy.push(usize::try_from(seq).unwrap());
        }
        assert_eq!(busy, (SHARE + 1..=SHARE + 2_000).collect::<Vec<_>>());

        // There is room for others, but not for those who cannot wait.
        let [late, patient, hasty] = [(); 3].map(|()| new_id());
        for (seq, request) in
            [(1, redeem(late, 150)), (2, redeem(patient, 0)), (3, redeem(hasty, 25))]
        {
            modest.say(&frame(seq, &request)).await;
        }
        let (seq, reply) = modest.hear_numbered().await.unwrap();
        assert!(seq == 3 && is_busy(&reply), "{seq}: {reply:?}");
        clock.advance(200);
        still.end();

        let heard = [modest.hear_numbered().await.unwrap(), modest.hear_numbered().await.unwrap()];
        for (seq, reply) in heard {
            match (seq, &reply) {
                (1, reply) => assert!(is_busy(reply), "done too late: {reply:?}"),
                (2, Reply::Accepted(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        let accepted = hear_all(&mut greedy, SHARE).await;
        let done = |reply: &Option<Reply>| matches!(reply, Some(Reply::Accepted(_)));
        assert!(accepted.iter().skip(1).all(done));
        assert_eq!(server.engine.ledger().read().last_event(), 4_097);

        // What was busy was not done, and what was done is not done twice.
        for (seq, id, is_repeat) in
            [(1, late, false), (2, patient, true), (3, ids[SHARE], false), (4, ids[0], true)]
        {
            modest.say(&frame(seq, &redeem(id, 0))).await;
            let reply = modest.hear().await.unwrap();
            let Reply::Accepted(yes) = reply else { panic!("{reply:?}") };
            assert_eq!(yes.replayed, is_repeat, "{seq}");
        }
        assert_eq!(server.engine.ledger().read().last_event(), 4_099);
    });
}

#[test]
fn who_only_asks_is_answered_while_the_ledger_has_too_much() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp(1 << 40));
        let server = start(&clock, dir.path()).await;
        let raw = Raw::connect(&server, ALPN).await.unwrap();
        let mut lane = raw.welcomed(&server.token(Role::Gate).unwrap()).await;
        let still = Still::hold(&server.engine);
        let count = u32::try_from(SHARE).unwrap() + 1;
        let burst: Vec<u8> = (1..=count).flat_map(|seq| frame(seq, &redeem(new_id(), 0))).collect();
        lane.say(&burst).await;
        let (seq, reply) = lane.hear_numbered().await.unwrap();
        assert!(seq == count && is_busy(&reply), "{seq}: {reply:?}");
        lane.say(&frame(count + 1, &Request::<&str>::Ping)).await;
        let (seq, reply) = lane.hear_numbered().await.unwrap();
        assert!(seq == count + 1 && matches!(reply, Reply::Pong(_)), "{seq}: {reply:?}");
        still.end();
        let accepted = hear_all(&mut lane, SHARE).await;
        assert!(accepted.iter().flatten().all(|reply| matches!(reply, Reply::Accepted(_))));
    });
}
