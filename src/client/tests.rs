//! The client against a scripted server on the loopback: what it sends, and what it makes of what
//! comes back, or does not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a script knows only what it is asked")]

mod relay;
mod server;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use smallvec::smallvec;
use tokio::sync::mpsc;

use super::*;
use crate::protocol::{Details, GoAway, Pong};
use relay::Relay;
use server::{Act, CA, Seen, Server};

const MS: Duration = Duration::from_millis(1);

fn yes(seen: &Seen) -> Act {
    let id = seen.request.id();
    seen.reply(Reply::Accepted(Accepted { state: State::Redeemed, id, ..Accepted::default() }))
}

fn no(seen: &Seen, number: u16, retry_after_ms: u64) -> Act {
    let retry_after_ms = Some(retry_after_ms);
    let details = Details { retry_after_ms, ..Details::default() };
    seen.reply(Reply::Refused(Refused { number, transient: true, details, ..Refused::default() }))
}

fn options(server: &Server) -> Options {
    Options::new(server.address(), CA.pem())
        .server_name("localhost")
        .token("jt_good")
        .try_timeout(40 * MS)
        // Ample: the machine that runs the tests may be busy. Tests that wait for it shorten it.
        .deadline(10_000 * MS)
}

#[track_caller]
fn accepted(answer: Result<Answer, Error>) -> Accepted {
    match answer {
        Ok(Answer::Yes(accepted)) => accepted,
        other => panic!("expected yes, got {other:?}"),
    }
}

#[track_caller]
fn unknown(answer: Result<Answer, Error>, expect: Id) -> Option<u16> {
    match answer {
        Err(Error::Unknown { id, refused }) if id == expect => refused.map(|no| no.number),
        other => panic!("expected {expect} to be unknown, got {other:?}"),
    }
}

#[tokio::test]
async fn every_verb_reaches_the_server_and_is_answered() {
    let server = Server::start(|seen| {
        vec![match seen.request {
            Request::Ping => seen.reply(Reply::Pong(Pong { now_ms: 77 })),
            Request::Code(_) => {
                let campaign = "season-pass".to_owned();
                seen.reply(Reply::CodeStatus(CodeStatus { campaign, ..CodeStatus::default() }))
            }
            Request::Validate(_) => no(seen, 170, 0),
            _ => yes(seen),
        }]
    });
    let client = Client::connect(options(&server)).await.unwrap();
    let id = new_id();
    assert_eq!(client.welcome().unwrap().role, "gate");
    assert_eq!(client.ping().await.unwrap(), 77);
    match client.code("A").await.unwrap() {
        Answer::Yes(status) => assert_eq!(status.campaign, "season-pass"),
        Answer::No(refused) => panic!("{refused:?}"),
    }
    assert!(!client.validate(Validate::code("A").exact()).await.unwrap().is_yes());
    let hold = Hold::codes(["A", "B"]).id(id).ttl(90_000 * MS).total_minor(500, "EUR");
    assert_eq!(accepted(client.hold(hold).await).id, Some(id));
    accepted(client.extend(id, 60_000 * MS).await);
    accepted(client.confirm(id).await);
    accepted(client.status(id).await);
    accepted(client.release(id).await);
    accepted(client.redeem(Redeem::code("A").gate("north").units(2)).await);

    let seen = server.seen();
    let hold = seen.iter().find_map(|seen| match &seen.request {
        Request::Hold(hold) => Some(hold.clone()),
        _ => None,
    });
    let hold = hold.unwrap();
    assert_eq!((hold.id, hold.ttl_ms, hold.order.total_minor), (id, 90_000, Some(500)));
    assert!((1..=10_000).contains(&hold.deadline_ms), "the deadline is told: {hold:?}");
    let ids: HashSet<_> = seen.iter().filter_map(|seen| seen.request.id()).collect();
    assert_eq!(ids.len(), 3, "hold, confirm and extend share one; release and redeem have theirs");
    client.close().await;
    assert!(matches!(client.ping().await, Err(Error::Closed)));
}

#[tokio::test]
async fn requests_are_pipelined_and_answers_come_in_any_order() {
    const MANY: usize = 100;
    let mut waiting = Vec::new();
    // Says nothing until all have arrived, then answers from the last to the first.
    let server = Server::start(move |seen| {
        waiting.push(yes(seen));
        if waiting.len() < MANY { vec![] } else { waiting.drain(..).rev().collect() }
    });
    let client = Client::connect(options(&server).lanes(3).try_timeout(5_000 * MS)).await.unwrap();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..MANY {
        let (client, id) = (client.clone(), new_id());
        requests.spawn(async move {
            let answer = client.redeem(Redeem::code("A").id(id)).await;
            (id, accepted(answer).id)
        });
    }
    for (asked, answered) in requests.join_all().await {
        assert_eq!(answered, Some(asked));
    }
    let lanes: HashSet<_> = server.seen().iter().map(|seen| seen.lane).collect();
    assert_eq!((lanes.len(), server.seen().len()), (3, MANY));
}

#[tokio::test]
async fn a_lost_reply_is_asked_for_again_under_the_same_id() {
    let server = Server::start(|seen| match (seen.nth, &seen.request) {
        (0 | 1, _) => vec![],
        _ => vec![yes(seen)],
    });
    let client = Client::connect(options(&server)).await.unwrap();
    let answer = accepted(client.redeem(Redeem::code("A").gate("north")).await);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.request.id() == answer.id), "one id: {seen:?}");
    let seqs: HashSet<_> = seen.iter().map(|seen| (seen.lane, seen.seq)).collect();
    assert_eq!(seqs.len(), 3, "a new number each time");
    let deadlines: Vec<_> = seen.iter().map(|seen| seen.request.deadline_ms()).collect();
    assert!(deadlines.is_sorted_by(|a, b| a > b), "less and less time is left: {deadlines:?}");
}

#[tokio::test]
async fn the_answer_to_an_earlier_try_counts() {
    let mut first = None;
    // Answers the first try only when the second one has come, and the second never.
    let server = Server::start(move |seen| match first.take() {
        None => {
            first = Some(yes(seen));
            vec![]
        }
        Some(answer) => vec![answer],
    });
    let client = Client::connect(options(&server).try_timeout(100 * MS)).await.unwrap();
    accepted(client.redeem(Redeem::code("A")).await);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn busy_is_asked_again_after_the_pause_the_server_names() {
    let server =
        Server::start(|seen| vec![if seen.nth < 2 { no(seen, 222, 30) } else { yes(seen) }]);
    let client = Client::connect(options(&server).try_timeout(5_000 * MS)).await.unwrap();
    let start = tokio::time::Instant::now();
    accepted(client.redeem(Redeem::code("A")).await);
    assert!(start.elapsed() >= 60 * MS, "two pauses of 30 ms, not {:?}", start.elapsed());
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_settled_in_time_is_unknown_and_what_can_is_not() {
    let server = Server::start(|seen| match &seen.request {
        Request::Redeem(redeem) => match redeem.codes.concat().as_str() {
            "silent" => vec![],
            "busy" => vec![no(seen, 222, 1_000)],
            "unavailable" => vec![no(seen, 223, 1)],
            "lost, then limited" if seen.nth_of_id == 0 => vec![],
            "lost, then limited" | "limited" => vec![no(seen, 220, 1)],
            "lost, then wrong" if seen.nth_of_id == 0 => vec![],
            "lost, then wrong" | "wrong" => vec![seen.fault(Fault::LimitExceeded)],
            other => panic!("{other}"),
        },
        _ => vec![],
    });
    let client = Client::connect(options(&server).deadline(200 * MS)).await.unwrap();
    let redeem = async |code: &str| {
        let id = new_id();
        (client.redeem(Redeem::code(code).id(id)).await, id)
    };
    let refused = |answer: Result<Answer, Error>| match answer {
        Ok(Answer::No(refused)) => refused.number,
        other => panic!("expected no, got {other:?}"),
    };
    let (answer, id) = redeem("silent").await;
    assert_eq!(unknown(answer, id), None);
    assert!(server.seen().len() > 1, "it was tried more than once");
    let (answer, id) = redeem("unavailable").await;
    assert_eq!(unknown(answer, id), Some(223));
    let start = tokio::time::Instant::now();
    assert_eq!(refused(redeem("busy").await.0), 222, "it was certainly not done");
    assert!(start.elapsed() < 150 * MS, "no use in waiting: {:?}", start.elapsed());
    assert_eq!(refused(redeem("limited").await.0), 220);
    let (answer, id) = redeem("lost, then limited").await;
    assert_eq!(unknown(answer, id), Some(220));
    assert!(matches!(redeem("wrong").await.0, Err(Error::Protocol { number: 4, .. })));
    let (answer, id) = redeem("lost, then wrong").await;
    assert_eq!(unknown(answer, id), None);
    let answer = client.validate(Validate::code("A").deadline(100 * MS)).await;
    assert!(matches!(answer, Err(Error::TimedOut)), "{answer:?}");
}

#[tokio::test]
async fn a_lost_connection_comes_back_and_the_request_with_it() {
    let server =
        Server::start(|seen| vec![if seen.nth == 0 { Act::CloseConnection } else { yes(seen) }]);
    let client = Client::connect(options(&server).try_timeout(5_000 * MS)).await.unwrap();
    let answer = accepted(client.redeem(Redeem::code("A")).await);
    let seen = server.seen();
    assert_eq!(seen.iter().map(|seen| seen.connection).collect::<Vec<_>>(), [0, 1]);
    assert!(seen.iter().all(|seen| seen.request.id() == answer.id));
}

#[tokio::test]
async fn without_a_server_nothing_is_sent() {
    let server = Server::start(|seen| vec![yes(seen)]);
    let client = Client::connect(options(&server).deadline(150 * MS)).await.unwrap();
    server.stop().await;
    // Until the client knows that the connection is gone.
    while client.welcome().is_some() {
        tokio::task::yield_now().await;
    }
    let answer = client.redeem(Redeem::code("A")).await;
    assert!(matches!(answer, Err(Error::NotSent)), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let server = Server::start(|seen| vec![yes(seen)]);
    let client = Client::connect(options(&server)).await.unwrap();
    accepted(client.redeem(Redeem::code("A")).await);
    let address = server.address();
    server.stop().await;
    let server = Server::start_at(&address, |seen| vec![yes(seen)]);
    accepted(client.redeem(Redeem::code("B")).await);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_before_the_connection_times_out() {
    let before = Server::start(|seen| vec![yes(seen)]);
    let after = Server::start(|seen| vec![yes(seen)]);
    let relay = Relay::start(&before.address()).await;
    let through = Options { server: relay.address(), ..options(&before) };
    let client = Client::connect(through).await.unwrap();
    accepted(client.redeem(Redeem::code("A")).await);
    // As after a power cut and a restart: another process that knows nothing of this connection.
    relay.turn_to(&after.address());
    accepted(client.redeem(Redeem::code("B")).await);
    assert_eq!((before.seen().len(), after.seen().len()), (1, 1));
}

#[tokio::test]
async fn a_lane_that_ends_is_replaced() {
    let server = Server::start(|seen| vec![if seen.nth == 0 { Act::EndLane } else { yes(seen) }]);
    let client = Client::connect(options(&server).lanes(1)).await.unwrap();
    accepted(client.redeem(Redeem::code("A")).await);
    accepted(client.redeem(Redeem::code("B")).await);
    let seen = server.seen();
    assert_eq!(seen.iter().map(|seen| seen.lane).collect::<Vec<_>>(), [0, 1, 1]);
    assert!(seen.iter().all(|seen| seen.connection == 0));
}

#[tokio::test]
async fn go_away_finishes_here_and_goes_on_there() {
    let mut stays = None;
    let server = Server::start(move |seen| match seen.nth {
        0 => {
            stays = Some(yes(seen));
            vec![seen.reply_to_nothing(Reply::GoAway(GoAway { drain_ms: 5_000 }))]
        }
        _ => [Some(yes(seen)), stays.take()].into_iter().flatten().collect(),
    });
    let client = Client::connect(options(&server).try_timeout(5_000 * MS)).await.unwrap();
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.redeem(Redeem::code("A")).await }
    });
    while server.connections() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(!first.is_finished());
    accepted(client.redeem(Redeem::code("B")).await);
    accepted(first.await.unwrap());
    let seen = server.seen();
    let connections: Vec<_> = seen.iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 1], "each was sent once, the second to the new connection");
    server.closed(0).await;
}

#[tokio::test]
async fn a_new_socket_goes_on_with_the_same_connection() {
    let server = Server::start(|seen| vec![yes(seen)]);
    let client = Client::connect(options(&server)).await.unwrap();
    let before = server.peer(0);
    let mut requests = tokio::task::JoinSet::new();
    for turn in 0..200 {
        let clone = client.clone();
        requests.spawn(async move { clone.redeem(Redeem::code("A")).await });
        if turn % 50 == 25 {
            client.rebind().unwrap();
        }
        if turn % 10 == 0 {
            accepted(requests.join_next().await.unwrap().unwrap());
        }
    }
    for answer in requests.join_all().await {
        accepted(answer);
    }
    assert_eq!(server.connections(), 1);
    assert_ne!(server.peer(0), before, "the server saw it move");
}

#[tokio::test]
async fn strangers_are_turned_away() {
    let server = Server::start(|seen| vec![yes(seen)]);
    let stranger = Client::connect(options(&server).token("jt_bad")).await;
    assert!(matches!(stranger, Err(Error::TurnedAway { number: 6, .. })), "{stranger:?}");
    let untrusted = Options::new(server.address(), server::other_ca());
    let untrusted = Client::connect(untrusted.server_name("localhost")).await;
    assert!(matches!(untrusted, Err(Error::Connect { .. })), "{untrusted:?}");
    let nonsense = Client::connect(Options::new(server.address(), "no certificate")).await;
    assert!(matches!(nonsense, Err(Error::Options { what: "ca_pem", .. })), "{nonsense:?}");
}

#[tokio::test]
async fn a_certificate_speaks_instead_of_a_token() {
    let server = Server::start(|seen| vec![yes(seen)]);
    let (chain, key) = CA.issue("gate-7");
    let options = options(&server).token("").identity_pem(chain, key);
    let client = Client::connect(options).await.unwrap();
    accepted(client.redeem(Redeem::code("A")).await);
}

#[test]
fn options_keep_their_secrets_and_know_their_host() {
    let options = Options::new("[::1]:7411", "ca").token("jt_5f2c").identity_pem("c", "secret");
    assert_eq!(options.server_name, "::1");
    assert_eq!(Options::new("park.example:7411", "ca").server_name, "park.example");
    let shown = format!("{options:?}");
    assert!(!shown.contains("5f2c") && !shown.contains("secret"), "{shown}");
}

/// Keeps a number of requests in flight and counts what comes back.
struct Counting {
    lane: mpsc::UnboundedReceiver<Lane>,
    left: u32,
    batches: Arc<AtomicU32>,
    done: mpsc::UnboundedSender<Result<u32, String>>,
}

impl Receive for Counting {
    fn replies(&mut self, replies: &mut Replies<'_>) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        let lane = self.lane.try_recv().ok();
        for (seq, reply) in replies {
            assert!(matches!(reply, Reply::Accepted(_)));
            self.done.send(Ok(seq)).unwrap();
            if self.left > 0 {
                self.left -= 1;
                // Sent from within: goes out with the next write of this very task.
                lane.as_ref().unwrap().send(seq, &Request::<&str>::Ping).unwrap();
            }
        }
        self.left = 0;
    }

    fn closed(&mut self, error: Error) {
        self.done.send(Err(error.to_string())).unwrap();
    }
}

#[tokio::test]
async fn a_bare_lane_sends_and_receives_in_batches() {
    const MANY: u32 = 1000;
    let server = Server::start(|seen| vec![yes(seen)]);
    let connector = Connector::new(options(&server)).await.unwrap();
    let mut connection = connector.connect().await.unwrap();
    assert_eq!(connection.welcome().in_flight_max, 1024);
    let (done, mut results) = mpsc::unbounded_channel();
    let (hand_over, lane) = mpsc::unbounded_channel();
    let batches = Arc::new(AtomicU32::new(0));
    let counting = Counting { lane, left: 1, batches: Arc::clone(&batches), done };
    let lane = connection.lane(counting).await.unwrap();
    hand_over.send(lane.clone()).unwrap();
    let redeem = Request::Redeem(crate::protocol::Redeem {
        id: new_id(),
        codes: smallvec!["A"],
        ..Default::default()
    });
    for seq in 1..=MANY {
        lane.send(seq, &redeem).unwrap();
    }
    let mut seqs = HashSet::new();
    for _ in 0..=MANY {
        seqs.insert(results.recv().await.unwrap().unwrap());
    }
    assert_eq!(seqs, (1..=MANY).collect());
    assert!(batches.load(Ordering::Relaxed) < MANY / 4, "{batches:?} batches");
    assert_eq!(server.seen().len(), 1001, "one was sent from within");

    server.stop().await;
    assert!(results.recv().await.unwrap().is_err());
    assert!(matches!(lane.send(1, &redeem), Err(Error::LaneClosed { .. })));
}
