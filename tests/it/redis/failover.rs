//! A master with two replicas and three Sentinels: masters die or are told to step back while
//! clients redeem, and every yes is on a replica.

use std::sync::Arc;
use std::time::Duration;

use jeton::domain::posting::Outcome;
use jeton::ledger::{Answer, Durability, Health, Ledger};
use jeton::testing::posting_id;
use jeton::testing::servers::{Aof, RedisOptions, Sentinels};

use super::executor::{place, wait};
use super::faults::{PARTITIONS, health, wait_until_good};
use super::history::{Crowd, Sale, ask, node, rounds};
use super::verdict::{Row, Verdict};

/// A master that is cut off from its replicas must not go on.
fn servers(replicas_min: u16) -> Sentinels {
    let options = RedisOptions { aof: Aof::EverySec, ..RedisOptions::default() };
    let options = options.with("min-replicas-to-write", replicas_min.to_string());
    Sentinels::start(2, 2, &options.with("min-replicas-max-lag", "5")).unwrap()
}

/// Clients at two nodes, of which so many replicas confirm each answer.
fn crowd(servers: &mut Sentinels, replicas: u16) -> (Vec<Arc<Ledger>>, Crowd) {
    servers.master().unwrap().cli(&["FLUSHALL"]).unwrap();
    let place = place(&servers.url(), PARTITIONS);
    let durability = Durability::Replicas { replicas };
    let nodes: Vec<_> = (0..2).map(|_| node(&place, durability)).collect();
    let sale = Sale { deadline_ms: 3_000, ..Sale::new(1_000_000) };
    let crowd = Crowd::start(&nodes, sale, 16, usize::MAX);
    crowd.wait_for(300);
    (nodes, crowd)
}

/// The replica that is chosen has heard most: so one that has confirmed is enough.
#[test]
fn a_master_that_dies_takes_no_yes_along() {
    let mut servers = servers(1);
    let mut total = Row::default();
    for _ in 0..rounds().div_ceil(4) {
        let (nodes, mut crowd) = crowd(&mut servers, 1);
        let old_port = servers.kill_master().unwrap();
        servers.wait_for_master_change(old_port).unwrap();
        crowd.wait_for_more(300);
        let old = servers.servers.iter_mut().find(|server| server.port() == old_port);
        old.unwrap().restart().unwrap();
        servers.wait_until_whole().unwrap();
        crowd.wait_for_more(300);
        crowd.stop();
        wait_until_good(&nodes);
        total += crowd.judge(1, PARTITIONS).kept();
    }
    total.print("the master is killed, 1 of 2 confirm");
}

/// Clients go on while the master is told to step back. On a busy machine Sentinels give up at
/// times, or go on changing their minds for minutes: such a try is void.
fn step_back(replicas_min: u16, replicas: u16) -> Verdict {
    for _ in 0..4 {
        let mut servers = servers(replicas_min);
        let (nodes, mut crowd) = crowd(&mut servers, replicas);
        let has_stepped_back = servers.failover().is_ok() && servers.wait_until_whole().is_ok();
        if has_stepped_back && crowd.hears(300, Duration::from_secs(15)) {
            crowd.stop();
            wait_until_good(&nodes);
            return crowd.judge(1, PARTITIONS);
        }
        crowd.stop();
    }
    panic!("no master has stepped back for good");
}

/// A master that is told to step back goes on for a while, and whoever still follows it confirms:
/// so all must confirm, the chosen one among them.
#[test]
fn a_master_that_steps_back_takes_no_yes_along() {
    let mut total = Row::default();
    for _ in 0..rounds().div_ceil(4) {
        total += step_back(2, 2).kept();
    }
    total.print("the master steps back, 2 of 2 confirm");
}

#[test]
fn a_master_that_steps_back_while_one_of_two_confirms_is_caught() {
    let verdict = step_back(1, 1);
    verdict.row.print("the master steps back, 1 of 2 confirms");
    assert!(verdict.row.lost > 0, "replication has become consensus: tell the readers");
}

#[test]
fn while_replicas_do_not_confirm_nobody_hears_yes() {
    let mut servers = servers(1);
    let place = place(&servers.url(), PARTITIONS);
    let nodes = [node(&place, Durability::Replicas { replicas: 1 })];
    let sale = Sale { deadline_ms: 2_500, ..Sale::new(100) };
    let master = servers.master().unwrap().port();
    let replicas = || servers.servers.iter().filter(|server| server.port() != master);
    replicas().for_each(|replica| replica.pause());
    let ids: Vec<_> = (0..20).map(|nr| posting_id(&format!("short {nr}"))).collect();
    let redeem = || {
        let commands = ids.iter().map(|id| sale.redemption(*id)).collect();
        wait(ask(&nodes[0], commands, sale.deadline_ms))
    };
    let answers = redeem().unwrap();
    let unknown = answers.iter().all(|answer| matches!(answer, Answer::Failed(_)));
    assert!(unknown, "{answers:?}");
    assert!(matches!(health(&nodes[0]), Health::Away(_)), "{:?}", health(&nodes[0]));
    replicas().for_each(|replica| replica.resume());
    wait_until_good(&nodes);
    // All were done the first time, and are done once.
    for answer in redeem().unwrap() {
        assert!(matches!(answer, Answer::Outcome(Outcome::Replayed(_))), "{answer:?}");
    }
    let crowd = Crowd::start(&[Arc::clone(&nodes[0])], sale, 4, 25);
    let verdict = crowd.judge(2, PARTITIONS);
    assert_eq!(verdict.row.yes, 80);
}
