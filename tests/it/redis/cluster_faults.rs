//! A cluster under clients whose every request spans five partitions: what there is, is sold once,
//! while masters die and slots move.

use std::sync::Arc;

use jeton::ledger::{Durability, Ledger};
use jeton::testing::servers::{Aof, Cluster, RedisOptions};

use super::executor::place;
use super::faults::{PARTITIONS, wait_until_good};
use super::history::{Crowd, Sale, node, rounds, until};
use super::verdict::Row;

/// Three masters, each with so many replicas.
fn start(replicas: usize) -> Cluster {
    let options = RedisOptions { aof: Aof::EverySec, ..RedisOptions::default() };
    Cluster::start(3, replicas, &options).unwrap()
}

fn flush(cluster: &Cluster) {
    for node in cluster.nodes() {
        // A replica refuses, and follows its master.
        let _refused = node.cli(&["FLUSHALL"]);
    }
}

fn nodes(cluster: &Cluster, durability: Durability) -> Vec<Arc<Ledger>> {
    let place = place(&cluster.url(), PARTITIONS);
    (0..3).map(|_| node(&place, durability)).collect()
}

/// The long run sells as many as a flash sale does.
fn uses() -> u64 {
    if rounds() > 1 { 10_000 } else { 400 }
}

#[test]
fn three_nodes_on_a_cluster_sell_what_there_is() {
    let cluster = start(0);
    let nodes = nodes(&cluster, Durability::RedisAsIs);
    let uses = uses();
    let sale = Sale { deadline_ms: 10_000, ..Sale::new(uses) };
    let clients = 200;
    let most = usize::try_from(3 * uses).unwrap() / clients;
    let crowd = Crowd::start(&nodes, sale, clients, most);
    let row = crowd.judge(0, PARTITIONS).kept();
    row.print("three nodes, three masters, 200 clients");
    assert_eq!(row.yes as u64, uses);
    assert_eq!((row.over, row.lost), (0, 0));
}

#[test]
fn a_master_of_a_cluster_dies_under_load() {
    let mut cluster = start(1);
    let mut total = Row::default();
    for _ in 0..rounds().div_ceil(8) {
        flush(&cluster);
        let nodes = nodes(&cluster, Durability::Replicas { replicas: 1 });
        let sale = Sale { deadline_ms: 5_000, ..Sale::new(1_000_000) };
        let mut crowd = Crowd::start(&nodes, sale, 12, usize::MAX);
        crowd.wait_for(100);
        let master = cluster.master_of_slot(0).unwrap();
        cluster.kill(master).unwrap();
        // No answer is confirmed again before the dead one has come back as a replica.
        until("another master", || cluster.master_of_slot(0).is_ok_and(|now| now != master));
        cluster.restart(master).unwrap();
        cluster.wait_until_whole().unwrap();
        crowd.wait_for_more(100);
        crowd.stop();
        wait_until_good(&nodes);
        total += crowd.judge(1, PARTITIONS).kept();
    }
    total.print("a master of the cluster is killed");
}

#[test]
fn slots_move_under_load() {
    let cluster = start(0);
    let nodes = nodes(&cluster, Durability::RedisAsIs);
    let sale = Sale { deadline_ms: 5_000, ..Sale::new(1_000_000) };
    let mut crowd = Crowd::start(&nodes, sale, 12, usize::MAX);
    crowd.wait_for(100);
    let mut moved = 0;
    for partition in 0..PARTITIONS {
        let slot = Cluster::slot_of(format!("{{j{partition}}}m").as_bytes());
        let from = cluster.master_of_slot(slot).unwrap();
        cluster.move_slot(slot, from, (from + 1) % 3, || {}).unwrap();
        moved += 1;
    }
    crowd.wait_for_more(100);
    crowd.stop();
    wait_until_good(&nodes);
    crowd.judge(moved, PARTITIONS).kept().print("all partitions move to other masters");
}
