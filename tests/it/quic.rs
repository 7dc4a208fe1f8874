//! The QUIC door: hostile bytes, deadlines, draining, roaming, floods. On a bare connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jeton::auth::role::Role;
use jeton::client::{Answer, Client, Redeem, Reply, Request};
use jeton::clock::Clock;
use jeton::domain::time::Timestamp;
use jeton::protocol::{ALPN, FRAME_LEN_MAX, Hello, Inbox};
use jeton::testing::{BoxOptions, ServerBox};
use quinn::VarInt;
use tokio::time::{Instant, timeout};

use crate::house::{House, block_on};
use crate::raw::{Lane, PATIENCE, Raw, body, frame, redeem};

const PASS: &str = "id = \"pass\"\nkind = \"pass\"\n";

#[test]
fn wrong_frames_end_their_lane_and_nothing_else() {
    block_on(async {
        let house = House::open(&[(PASS, "PASS")]).await;
        let token = house.server.token(Role::Checkout).unwrap();
        let raw = Raw::connect(&house.server, ALPN).await.unwrap();
        let mut steady = raw.welcomed(&token).await;
        let too_long = u32::try_from(FRAME_LEN_MAX + 1).unwrap().to_be_bytes();
        let deep = [&[0x93, 1, 7][..], &[0x91; 60_000]].concat();
        let units = [0x95, 2, 7, 0, 0xC0, 0x90];
        let cases: [(&str, Vec<u8>, u16, bool); 12] = [
            ("no length", vec![0, 0, 0, 0], 2, true),
            ("too long", too_long.to_vec(), 2, true),
            ("4 GiB", vec![0xFF; 4], 2, true),
            ("no array", body(&[0xC1]), 1, true),
            ("a map", body(&[0x80]), 1, true),
            ("an empty array", body(&[0x90]), 1, true),
            ("a text for a kind", body(&[0x92, 0xA1, b'x', 7]), 1, true),
            ("more than the message", body(&[0x92, 9, 7, 0]), 1, true),
            ("deep", body(&deep), 1, true),
            ("no id", body(&units), 1, true),
            ("a kind to come", body(&[0x92, 99, 7]), 3, false),
            ("a reply", body(&[0x93, 0xCC, 131, 7, 0]), 3, false),
        ];
        for (name, bytes, fault, ends) in cases {
            let mut lane = raw.lane().await;
            lane.say(&bytes).await;
            assert_eq!(lane.fault().await, Some(fault), "{name}");
            if ends {
                assert_eq!(lane.fault().await, None, "{name}: the lane goes on");
            } else {
                lane.say(&frame(8, &redeem("PASS"))).await;
                assert!(matches!(lane.hear().await, Some(Reply::Accepted(_))), "{name}");
            }
        }
        steady.say(&frame(9, &redeem("PASS"))).await;
        assert!(matches!(steady.hear().await, Some(Reply::Accepted(_))));
        house.run("code PASS => ready used=3").await.unwrap();
    });
}

#[test]
fn strangers_are_not_heard_before_hello() {
    block_on(async {
        let house = House::open(&[(PASS, "PASS")]).await;
        let raw = Raw::connect(&house.server, ALPN).await.unwrap();
        let mut lane = raw.lane().await;
        lane.say(&frame(1, &redeem("PASS"))).await;
        assert_eq!(lane.fault().await, Some(5));
        assert_eq!(lane.fault().await, None);
        let mut lane = raw.lane().await;
        lane.say(&frame(1, &Request::Hello(Hello { client: "raw", token: "jt_wrong" }))).await;
        assert_eq!(lane.fault().await, Some(6));
        assert_eq!(lane.fault().await, None);
        let closed = timeout(PATIENCE, raw.connection.closed()).await.unwrap();
        let quinn::ConnectionError::ApplicationClosed(close) = &closed else { panic!("{closed}") };
        assert_eq!(close.error_code, VarInt::from_u32(6));
        let wrong = Raw::connect(&house.server, b"jeton/2").await;
        assert!(wrong.is_err(), "another protocol was let in");
        house.run("code PASS => ready used=0").await.unwrap();
    });
}

#[test]
fn noise_half_frames_and_thousands_of_lanes_harm_nobody() {
    block_on(async {
        let house = House::open(&[(PASS, "PASS")]).await;
        let token = house.server.token(Role::Gate).unwrap();
        let mut noise = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move || {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            noise
        };
        let good = frame(3, &redeem("PASS"));
        for _ in 0..8 {
            let raw = Raw::connect(&house.server, ALPN).await.unwrap();
            let _welcomed = raw.welcomed(&token).await;
            for round in 0..40 {
                let mut lane = raw.lane().await;
                let mut bytes: Vec<u8> =
                    (0..random() % 300).map(|_| random().to_be_bytes()[0]).collect();
                if round % 2 == 0 {
                    // A redemption with some bits turned over.
                    bytes = good.clone();
                    for _ in 0..=random() % 4 {
                        let at = usize::try_from(random()).unwrap() % bytes.len();
                        bytes[at] ^= 1 << (random() % 8);
                    }
                }
                if lane.send.write_all(&bytes).await.is_err() {
                    break;
                }
                match round % 3 {
                    0 => drop(lane.send.finish()),
                    1 => drop(lane.send.reset(VarInt::from_u32(1))),
                    _ => {}
                }
            }
        }
        // Half a frame, and then silence, on as many lanes as the server lets anybody open.
        let raw = Raw::connect(&house.server, ALPN).await.unwrap();
        let mut lanes = vec![raw.welcomed(&token).await];
        for _ in 0..2_000 {
            let opened = timeout(Duration::from_millis(300), raw.connection.open_bi()).await;
            let Ok(Ok((mut send, receive))) = opened else { break };
            send.write_all(&good[..good.len() / 2]).await.unwrap();
            lanes.push(Lane { send, receive, inbox: Inbox::default() });
        }
        assert_eq!(lanes.len(), 64, "lanes of one connection");
        let house = house.run("redeem fine PASS => redeemed").await.unwrap();
        // The other half arrives at last.
        let mut last = lanes.pop().unwrap();
        last.say(&good[good.len() / 2..]).await;
        assert!(matches!(last.hear().await, Some(Reply::Accepted(_))));
        house.run("redeem fine PASS => again redeemed").await.unwrap();
    });
}

#[test]
fn what_cannot_be_in_time_is_not_done() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        // Each look at this clock takes as long as `step`.
        let (step, now) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(1 << 40)));
        let clock = {
            let step = Arc::clone(&step);
            Clock::from_fn(move || {
                let step = step.load(Ordering::SeqCst);
                Timestamp(now.fetch_add(step, Ordering::SeqCst))
            })
        };
        let options = BoxOptions { clock, ..BoxOptions::default() };
        let server = ServerBox::start(dir.path(), options).await.unwrap();
        server.define(PASS).unwrap();
        server.codes("pass", "PASS").unwrap();
        let client = server.client(Role::Gate).await.unwrap();
        step.store(400, Ordering::SeqCst);
        let ask = Redeem::code("PASS").deadline(Duration::from_millis(300));
        let Answer::No(no) = client.redeem(ask).await.unwrap() else { panic!("done too late") };
        assert_eq!((no.reason.as_str(), no.number, no.transient), ("busy", 222, true));
        assert_eq!(no.details.retry_after_ms, Some(50));
        step.store(0, Ordering::SeqCst);
        let ask = Redeem::code("PASS").deadline(Duration::from_millis(300));
        let Answer::Yes(yes) = client.redeem(ask).await.unwrap() else { panic!("refused") };
        assert_eq!(yes.uses[0].ordinal, 1);
    });
}

#[test]
fn a_full_ledger_says_busy_and_does_nothing() {
    block_on(async {
        let options = BoxOptions { queue_max: 4, ..BoxOptions::default() };
        let house = House::open_with(options, &[(PASS, "PASS")]).await;
        let token = house.server.token(Role::Gate).unwrap();
        let raw = Raw::connect(&house.server, ALPN).await.unwrap();
        let mut lane = raw.welcomed(&token).await;
        let burst: Vec<u8> = (2..502).flat_map(|seq| frame(seq, &redeem("PASS"))).collect();
        lane.say(&burst).await;
        let (mut done, mut busy) = (0, 0);
        for _ in 2..502 {
            match lane.hear().await {
                Some(Reply::Accepted(_)) => done += 1,
                Some(Reply::Refused(no)) if no.number == 222 => busy += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(busy > 0);
        let page = format!("redeem a PASS => redeemed\ncode PASS => ready used={}", done + 1);
        house.run(&page).await.unwrap();
    });
}

#[test]
fn a_draining_server_answers_what_it_has() {
    block_on(async {
        let house = House::open(&[(PASS, "PASS")]).await;
        let token = house.server.token(Role::Gate).unwrap();
        let raw = Raw::connect(&house.server, ALPN).await.unwrap();
        let mut lane = raw.welcomed(&token).await;
        let mut idle = raw.welcomed(&token).await;
        let ServerBox { server, engine, .. } = house.server;
        let burst: Vec<u8> = (2..302).flat_map(|seq| frame(seq, &redeem("PASS"))).collect();
        lane.say(&burst).await;
        let first = lane.hear().await;
        assert!(matches!(first, Some(Reply::Accepted(_))));
        let begin = Instant::now();
        let drained = tokio::spawn(server.drain());
        let (mut answers, mut told) = (1, 0);
        while answers < 300 || told == 0 {
            match lane.hear().await {
                Some(Reply::Accepted(_)) => answers += 1,
                Some(Reply::GoAway(_)) => told += 1,
                other => panic!("{other:?} after {answers}"),
            }
        }
        assert!(matches!(idle.hear().await, Some(Reply::GoAway(_))));
        lane.send.finish().unwrap();
        idle.send.finish().unwrap();
        assert_eq!(lane.hear().await, None);
        house.client.close().await;
        timeout(PATIENCE, drained).await.unwrap().unwrap();
        assert!(begin.elapsed() < Duration::from_millis(1_900), "it waited for nobody");
        assert_eq!(engine.ledger().read().last_event(), 300);
    });
}

#[test]
fn a_handheld_that_roams_loses_and_doubles_nothing() {
    block_on(async {
        let house = House::open(&[(PASS, "PASS")]).await;
        let client = house.server.client(Role::Gate).await.unwrap();
        let scans: Vec<_> = (0..8)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    let mut ordinals = Vec::new();
                    for _ in 0..100 {
                        match client.redeem(Redeem::code("PASS")).await.unwrap() {
                            Answer::Yes(yes) => ordinals.push(yes.uses[0].ordinal),
                            Answer::No(no) => panic!("{no:?}"),
                        }
                    }
                    ordinals
                })
            })
            .collect();
        for move_nr in 1..=5 {
            while house.server.engine.ledger().read().last_event() < move_nr * 120 {
                tokio::task::yield_now().await;
            }
            client.rebind().unwrap();
        }
        let mut ordinals = Vec::new();
        for scan in scans {
            ordinals.extend(scan.await.unwrap());
        }
        ordinals.sort_unstable();
        assert_eq!(ordinals, (1..=800).collect::<Vec<u64>>());
    });
}

#[test]
fn a_lane_is_not_forgotten_while_another_is_busy() {
    block_on(async {
        let options = BoxOptions { in_flight_max: 2, ..BoxOptions::default() };
        let house = House::open_with(options, &[(PASS, "PASS")]).await;
        let token = house.server.token(Role::Gate).unwrap();
        let raw = Raw::connect(&house.server, ALPN).await.unwrap();
        let mut busy = raw.welcomed(&token).await;
        let mut lanes = Vec::new();
        for _ in 0..4 {
            lanes.push(raw.welcomed(&token).await);
        }
        let flood = tokio::spawn(async move {
            for round in 0..200 {
                let seqs = round * 20 + 2..round * 20 + 22;
                let burst: Vec<u8> = seqs.flat_map(|seq| frame(seq, &redeem("PASS"))).collect();
                busy.say(&burst).await;
                for _ in 0..20 {
                    assert!(busy.hear().await.is_some());
                }
            }
        });
        for seq in 2..102 {
            for lane in &mut lanes {
                lane.say(&frame(seq, &redeem("PASS"))).await;
            }
            for lane in &mut lanes {
                let told = lane.hear().await;
                let is_full = matches!(&told, Some(Reply::Error(error)) if error.number == 8);
                assert!(is_full || matches!(told, Some(Reply::Accepted(_))), "{told:?}");
            }
        }
        flood.await.unwrap();
    });
}

/// The median of so many round trips.
async fn median(client: &Client, count: usize) -> Duration {
    let mut times = Vec::new();
    for _ in 0..count {
        let begin = Instant::now();
        assert!(client.redeem(Redeem::code("PASS")).await.unwrap().is_yes());
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    times[count / 2]
}

#[test]
fn a_flood_of_one_caller_does_not_drown_the_others() {
    block_on(async {
        let options = BoxOptions { in_flight_max: 8, ..BoxOptions::default() };
        let house = House::open_with(options, &[(PASS, "PASS")]).await;
        let client = house.server.client(Role::Gate).await.unwrap();
        let idle = median(&client, 100).await;
        let token = house.server.token(Role::Gate).unwrap();
        let raw = Raw::connect(&house.server, ALPN).await.unwrap();
        let Lane { mut send, mut receive, .. } = raw.welcomed(&token).await;
        let write = tokio::spawn(async move {
            let burst: Vec<u8> = (2..1_002).flat_map(|seq| frame(seq, &redeem("PASS"))).collect();
            while send.write_all(&burst).await.is_ok() {}
        });
        let read = tokio::spawn(async move {
            let mut bytes = vec![0; 65_536];
            let mut total = 0;
            while let Ok(Some(count)) = receive.read(&mut bytes).await {
                total += count;
            }
            total
        });
        let flooded = median(&client, 100).await;
        raw.connection.close(VarInt::from_u32(0), b"");
        write.await.unwrap();
        assert!(read.await.unwrap() > 0, "there was no flood");
        let bound = idle * 20 + Duration::from_millis(30);
        assert!(flooded < bound, "{flooded:?} under a flood, {idle:?} without");
    });
}

#[test]
fn a_stranger_that_says_nothing_is_shown_out() {
    block_on(async {
        let house = House::open(&[(PASS, "PASS")]).await;
        let token = house.server.token(Role::Gate).unwrap();
        let silent = Raw::connect(&house.server, ALPN).await.unwrap();
        let known = Raw::connect(&house.server, ALPN).await.unwrap();
        let mut lane = known.welcomed(&token).await;
        let closed = timeout(PATIENCE, silent.connection.closed()).await;
        assert!(matches!(closed, Ok(quinn::ConnectionError::ApplicationClosed(_))), "{closed:?}");
        lane.say(&frame(2, &redeem("PASS"))).await;
        assert!(matches!(lane.hear().await, Some(Reply::Accepted(_))));
    });
}

#[test]
fn what_came_before_a_wrong_frame_is_answered() {
    block_on(async {
        let house = House::open(&[(PASS, "PASS")]).await;
        let token = house.server.token(Role::Gate).unwrap();
        let raw = Raw::connect(&house.server, ALPN).await.unwrap();
        let mut lane = raw.welcomed(&token).await;
        let mut burst: Vec<u8> = (2..52).flat_map(|seq| frame(seq, &redeem("PASS"))).collect();
        burst.extend_from_slice(&[0, 0, 0, 0]);
        burst.extend_from_slice(&frame(99, &redeem("PASS")));
        lane.say(&burst).await;
        let (mut answers, mut faults) = (0, 0);
        while let Some(reply) = lane.hear().await {
            let is_fault = matches!(&reply, Reply::Error(error) if error.number == 2);
            assert!(is_fault || matches!(reply, Reply::Accepted(_)), "{reply:?}");
            if is_fault { faults += 1 } else { answers += 1 }
        }
        assert_eq!((answers, faults), (50, 1));
        house.run("code PASS => ready used=50").await.unwrap();
    });
}
