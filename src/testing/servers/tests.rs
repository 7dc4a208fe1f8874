//! The servers do what the tests that use them rely on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails says where")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::process::until;
use super::*;

const SHORT: Duration = Duration::from_millis(300);

fn exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[test]
fn a_server_lives_in_its_own_directory_and_leaves_nothing_behind() {
    let server = RedisServer::start(&RedisOptions::default()).unwrap();
    let (pid, dir) = (server.pid(), server.dir().to_owned());
    assert_eq!(
        server.cli(&["CONFIG", "GET", "maxmemory-policy"]).unwrap().lines().last(),
        Some("noeviction")
    );
    assert_eq!(server.cli(&["CONFIG", "GET", "appendonly"]).unwrap().lines().last(), Some("no"));
    assert!(server.url().ends_with(&format!(":{}", server.port())));
    assert!(server.log().contains("Ready to accept connections"));
    assert!(server.cli(&["NONSENSE"]).unwrap_err().contains("unknown command"));
    assert!(exists(pid) && dir.exists());
    drop(server);
    assert!(!exists(pid) && !dir.exists());
}

#[test]
fn a_server_outlives_the_thread_that_started_it() {
    let start = || RedisServer::start(&RedisOptions::default()).unwrap();
    let server = std::thread::spawn(start).join().unwrap();
    assert!(until(SHORT, "an end", || (!exists(server.pid())).then_some(())).is_err());
    assert_eq!(server.cli(&["PING"]).unwrap(), "PONG");
}

#[test]
fn a_wrong_configuration_is_told() {
    let error = RedisServer::start(&RedisOptions::default().with("nonsense", "1")).err().unwrap();
    assert!(error.contains("nonsense"), "{error}");
}

#[test]
fn a_password_is_used_everywhere() {
    let server =
        RedisServer::start(&RedisOptions::default().with("requirepass", "s3cret")).unwrap();
    assert_eq!(server.cli(&["PING"]).unwrap(), "PONG");
    assert!(server.url().contains(":s3cret@"));
    let mut stranger = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
    assert!(ask(&mut stranger, "PING").unwrap().starts_with("-NOAUTH"));
}

#[test]
fn a_restart_keeps_what_the_append_only_file_holds() {
    for (aof, kept) in [(Aof::Always, "1"), (Aof::EverySec, "1"), (Aof::Off, "")] {
        let options = RedisOptions { aof, ..RedisOptions::default() };
        let mut server = RedisServer::start(&options).unwrap();
        let (port, pid) = (server.port(), server.pid());
        server.cli(&["SET", "key", "1"]).unwrap();
        server.kill();
        assert!(!exists(pid) && server.cli(&["PING"]).is_err());
        server.restart().unwrap();
        assert_eq!((server.port(), server.cli(&["GET", "key"]).unwrap().as_str()), (port, kept));
        assert_ne!(server.pid(), pid);
        server.restart_empty().unwrap();
        assert_eq!(server.cli(&["GET", "key"]).unwrap(), "", "{aof:?}");
    }
}

#[test]
fn a_paused_server_is_silent_until_it_is_resumed() {
    let server = RedisServer::start(&RedisOptions::default()).unwrap();
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
    client.set_read_timeout(Some(SHORT)).unwrap();
    server.pause();
    assert!(!server.is_awake());
    assert!(ask(&mut client, "PING").is_err());
    server.resume();
    client.set_read_timeout(None).unwrap();
    assert_eq!(read(&mut client).unwrap(), "+PONG\r\n");
    assert!(server.is_awake());
    let pid = server.pid();
    server.pause();
    drop(server);
    assert!(!exists(pid));
}

#[test]
fn sentinels_replace_a_killed_master() {
    let mut all = Sentinels::start(1, 2, &RedisOptions::default()).unwrap();
    let replica_port = all.servers[1].port();
    let master = all.master().unwrap();
    let first_port = master.port();
    let mut connection = master.connection().unwrap();
    let set = ::redis::cmd("SET").arg("key").arg("1").query::<()>(&mut connection);
    assert_eq!(set, Ok(()));
    let wait = ::redis::cmd("WAIT").arg(1).arg(1_000).query::<u32>(&mut connection);
    assert_eq!(wait, Ok(1));
    let begun = Instant::now();
    assert_eq!(all.kill_master(), Ok(first_port));
    assert_eq!(all.wait_for_master_change(first_port), Ok(replica_port));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let master = all.master().unwrap();
    assert_eq!((master.port(), master.cli(&["GET", "key"]).unwrap().as_str()), (replica_port, "1"));

    // The old one comes back as a replica.
    all.servers[0].restart().unwrap();
    all.wait_until_whole().unwrap();
    assert_eq!(all.servers[0].info("role").unwrap(), "slave");
    assert!(all.url().starts_with("redis+sentinel://127.0.0.1:"));
    assert!(all.url().ends_with("/jeton"));
}

#[test]
fn a_failover_is_ordered() {
    let mut all = Sentinels::start(1, 2, &RedisOptions::default()).unwrap();
    let old_port = all.master().unwrap().port();
    let new_port = all.failover().unwrap();
    assert_eq!(new_port, all.servers[1].port());
    assert_ne!(new_port, old_port);
}

#[test]
fn a_cluster_moves_slots_and_survives_a_master() {
    let options = RedisOptions { aof: Aof::EverySec, ..RedisOptions::default() };
    let mut cluster = Cluster::start(3, 1, &options).unwrap();
    for (key, same) in [("", ""), ("{}a", "{}a"), ("x{j7}y", "j7"), ("a{b", "a{b"), ("{a}{b}", "a")]
    {
        let slot: u16 = cluster.nodes()[0].ask(&["CLUSTER", "KEYSLOT", key]).unwrap();
        assert_eq!(
            (Cluster::slot_of(key.as_bytes()), Cluster::slot_of(same.as_bytes())),
            (slot, slot)
        );
    }
    assert_eq!(cluster.url().matches("127.0.0.1:").count(), 6);

    let slot = Cluster::slot_of(b"{j7}");
    let from = cluster.master_of_slot(slot).unwrap();
    let to = (from + 1) % 3;
    let client = ::redis::cluster::ClusterClient::new(addresses(&cluster)).unwrap();
    let mut client = client.get_connection().unwrap();
    let keys: Vec<_> = (0..25).map(|number| format!("{{j7}}\n{number}")).collect();
    for key in &keys {
        ::redis::cmd("SET").arg(key).arg("1").query::<()>(&mut client).unwrap();
    }
    let mut looks = 0;
    let mut read_all = || {
        looks += 1;
        for key in &keys {
            let value = ::redis::cmd("GET").arg(key).query::<Option<u32>>(&mut client);
            assert_eq!(value.unwrap(), Some(1), "{key:?}");
        }
    };
    cluster.move_slot(slot, from, to, &mut read_all).unwrap();
    read_all();
    assert_eq!(looks, 5);
    assert_eq!(cluster.master_of_slot(slot), Ok(to));

    // Node `3 + to` follows `to`. First in agreement, then because its master is dead.
    cluster.failover(3 + to).unwrap();
    assert_eq!(cluster.master_of_slot(slot), Ok(3 + to));
    cluster.wait_until_whole().unwrap();
    cluster.kill(3 + to).unwrap();
    until(Duration::from_secs(15), "the failover", || {
        cluster.master_of_slot(slot).ok().filter(|master| *master == to)
    })
    .unwrap();
    cluster.restart(3 + to).unwrap();
    cluster.wait_until_whole().unwrap();
    let count: usize =
        cluster.nodes()[to].ask(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]).unwrap();
    assert_eq!(count, keys.len());
}

fn addresses(cluster: &Cluster) -> Vec<String> {
    cluster.nodes().iter().map(RedisServer::url).collect()
}

/// Sends an inline command and reads one reply.
fn ask(stream: &mut TcpStream, command: &str) -> std::io::Result<String> {
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    read(stream)
}

/// One read: a reply, or nothing at the end of the stream.
fn read(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut buffer = [0; 256];
    let count = stream.read(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..count]).into_owned())
}

struct Behind {
    server: RedisServer,
    proxy: Proxy,
}

impl Behind {
    fn start() -> Self {
        let server = RedisServer::start(&RedisOptions::default()).unwrap();
        let proxy = Proxy::start(server.port()).unwrap();
        Self { server, proxy }
    }

    fn client(&self) -> TcpStream {
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, self.proxy.port())).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        client
    }

    /// How often the server has counted, once it has counted `expect` times or had time to.
    #[track_caller]
    fn check_count(&self, expect: &str) {
        let look = || self.server.cli(&["GET", "n"]).ok().filter(|count| count == expect);
        let seen = until(Duration::from_secs(5), "the count", look);
        assert!(seen.is_ok(), "{:?} instead of {expect:?}", self.server.cli(&["GET", "n"]));
    }
}

#[test]
fn a_cut_after_the_request_loses_only_the_answer() {
    let behind = Behind::start();
    let mut client = behind.client();
    assert_eq!(ask(&mut client, "INCR n").unwrap(), ":1\r\n");
    behind.proxy.set(Fault::CutAfterRequest);
    assert_eq!(ask(&mut client, "INCR n").unwrap_or_default(), "");
    behind.check_count("2");
    behind.proxy.set(Fault::None);
    assert_eq!(ask(&mut behind.client(), "INCR n").unwrap(), ":3\r\n");
    assert_eq!(behind.proxy.strikes(), 1);
}

#[test]
fn a_cut_before_the_request_loses_the_request() {
    let behind = Behind::start();
    behind.proxy.set(Fault::CutBeforeRequest);
    assert_eq!(ask(&mut behind.client(), "INCR n").unwrap_or_default(), "");
    behind.proxy.set(Fault::None);
    assert_eq!(ask(&mut behind.client(), "INCR n").unwrap(), ":1\r\n");
}

#[test]
fn a_delay_holds_a_request_back() {
    let behind = Behind::start();
    let mut client = behind.client();
    behind.proxy.set(Fault::DelayMs(200));
    let begun = Instant::now();
    assert_eq!(ask(&mut client, "PING").unwrap(), "+PONG\r\n");
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_half_closed_client_can_still_write() {
    let behind = Behind::start();
    let mut client = behind.client();
    behind.proxy.set(Fault::HalfClose);
    assert_eq!(ask(&mut client, "INCR n").unwrap(), "");
    behind.proxy.set(Fault::None);
    client.write_all(b"INCR n\r\n").unwrap();
    behind.check_count("2");
}

#[test]
fn a_black_hole_stays_black() {
    let behind = Behind::start();
    let mut client = behind.client();
    client.set_read_timeout(Some(SHORT)).unwrap();
    behind.proxy.set(Fault::BlackHole);
    assert!(ask(&mut client, "INCR n").is_err());
    behind.proxy.set(Fault::None);
    assert!(ask(&mut client, "INCR n").is_err());
    assert_eq!(ask(&mut behind.client(), "INCR n").unwrap(), ":1\r\n");
    behind.proxy.cut_all();
    assert_eq!(read(&mut client).unwrap(), "");
}

#[test]
fn refused_clients_come_back_later() {
    let behind = Behind::start();
    behind.proxy.set(Fault::Refuse);
    assert_eq!(ask(&mut behind.client(), "PING").unwrap_or_default(), "");
    behind.proxy.set(Fault::None);
    assert_eq!(ask(&mut behind.client(), "PING").unwrap(), "+PONG\r\n");
}

#[test]
fn every_third_request_is_struck() {
    let behind = Behind::start();
    behind.proxy.set(Fault::CutBeforeRequest);
    behind.proxy.cut_every(3);
    let replies: Vec<_> =
        (0..7).map(|_| ask(&mut behind.client(), "INCR n").unwrap_or_default()).collect();
    assert_eq!(replies, [":1\r\n", ":2\r\n", "", ":3\r\n", ":4\r\n", "", ":5\r\n"]);
    assert_eq!(behind.proxy.strikes(), 2);
}

#[test]
fn a_client_learns_that_the_server_died() {
    let mut behind = Behind::start();
    let mut client = behind.client();
    assert_eq!(ask(&mut client, "PING").unwrap(), "+PONG\r\n");
    behind.server.kill();
    assert_eq!(read(&mut client).unwrap_or_default(), "");
    assert_eq!(ask(&mut behind.client(), "PING").unwrap_or_default(), "");
    behind.server.restart().unwrap();
    assert_eq!(ask(&mut behind.client(), "PING").unwrap(), "+PONG\r\n");
}
