//! The program with its store in Redis: making an installation, serving it, losing it, finding it
//! again; and the example configurations under `deploy/redis`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use jeton::clock::Clock;
use jeton::ledger::redis::{Severity, inspect};
use jeton::ledger::{Durability, Now};
use jeton::remote::{Options, Remote};
use jeton::testing::servers::{Aof, Cluster, RedisOptions, RedisServer};
use serde_json::Value;
use tempfile::TempDir;

/// The machine of one node.
struct Node {
    home: TempDir,
}

impl Node {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join(".local/state/jeton")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jeton"));
        command.env_clear().env("HOME", self.home.path()).args(words);
        for door in ["JETON_QUIC__LISTEN", "JETON_HTTP__LISTEN"] {
            command.env(door, "127.0.0.1:0");
        }
        command
    }

    #[track_caller]
    fn run(&self, exit: i32, words: &[&str]) -> (String, String) {
        let output = self.command(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{words:?}\n{out}\n{err}");
        (out, err)
    }

    #[track_caller]
    fn json(&self, exit: i32, words: &[&str]) -> Value {
        let words: Vec<&str> = std::iter::once("--json").chain(words.iter().copied()).collect();
        serde_json::from_str(&self.run(exit, &words).0).unwrap()
    }

    /// A further node: the files that `jeton init` names are copied.
    fn join(first: &Value) -> Self {
        let node = Self::new();
        let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::create_dir_all(node.data()).unwrap();
        std::fs::set_permissions(node.data(), mode).unwrap();
        for file in first["copy_to_further_nodes"].as_array().unwrap() {
            let file = Path::new(file.as_str().unwrap());
            std::fs::copy(file, node.data().join(file.file_name().unwrap())).unwrap();
        }
        node
    }
}

/// A node that serves, stopped when dropped.
struct Serving {
    child: Child,
    quic: String,
    http: String,
}

impl Serving {
    fn start(node: &Node) -> Self {
        let mut child = node.command(&["--json", "serve"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { quic: text("quic"), http: text("http"), child }
    }

    #[track_caller]
    fn json(&self, node: &Node, exit: i32, words: &[&str]) -> Value {
        let place = ["--server", &self.quic, "--url", &self.http];
        let words: Vec<&str> = place.into_iter().chain(words.iter().copied()).collect();
        node.json(exit, &words)
    }

    /// The value of a gauge.
    fn gauge(&self, name: &str) -> Option<f64> {
        let text = self.page("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse().ok()
    }

    fn page(&self, path: &str) -> String {
        let address = self.http.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// Looks until a gauge has a value; it is set once a second.
    fn await_gauge(&self, name: &str, value: f64) {
        let begun = std::time::Instant::now();
        while self.gauge(name) != Some(value) {
            assert!(begun.elapsed().as_secs() < 20, "{name} does not become {value}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _stopped = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn always() -> RedisServer {
    RedisServer::start(&RedisOptions { aof: Aof::Always, ..RedisOptions::default() }).unwrap()
}

/// The state of a check that the doctor made; of several the worst.
fn state<'a>(doctor: &'a Value, name: &str) -> Vec<&'a str> {
    let checks = doctor["checks"].as_array().unwrap().iter();
    checks.filter(|c| c["name"] == name).map(|check| check["state"].as_str().unwrap()).collect()
}

const SUMMER: &str = "\
id = \"summer\"
kind = \"access\"
uses = 1
[codes]
pattern = \"SUMMER-####-####-####\"
";

/// Makes a campaign and gives codes of it.
fn codes(serving: &Serving, node: &Node) -> Vec<String> {
    let file = node.home.path().join("summer.toml");
    std::fs::write(&file, SUMMER).unwrap();
    serving.json(node, 0, &["campaign", "apply", file.to_str().unwrap()]);
    let sheet = node.home.path().join("codes.txt");
    let sheet = sheet.to_str().unwrap();
    let wish = ["code", "generate", "summer", "--count", "3", "--format", "text", "--out", sheet];
    serving.json(node, 0, &wish);
    std::fs::read_to_string(sheet).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn an_installation_is_made_once_and_shared_by_its_nodes() {
    let redis = always();
    let node = Node::new();
    let (_, err) = node.run(3, &["serve", "--set", &format!("store={}", redis.url())]);
    assert!(err.contains("on the first node type jeton init"), "{err}");

    let words = ["init", "--store", &redis.url(), "--partitions", "4"];
    let made = node.json(0, &words);
    let names: Vec<&str> = made["copy_to_further_nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| Path::new(file.as_str().unwrap()).file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["secret", "epoch", "ca.pem", "ca.key", "jeton.toml"]);
    assert!(made["checked"].as_array().unwrap().iter().all(|one| one["state"] == "ok"), "{made}");
    for file in ["secret", "epoch", "jeton.toml"] {
        let metadata = std::fs::metadata(node.data().join(file)).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    // From now on the store is known by itself.
    assert_eq!(node.json(0, &["init"])["made"], serde_json::json!([]));
    let (_, err) = node.run(3, &["init", "--partitions", "5"]);
    assert!(err.contains("has 4 partitions, for good"), "{err}");
    let (_, err) = node.run(3, &["serve", "--set", "store=embedded:."]);
    assert!(err.contains("belongs to an installation in Redis"), "{err}");
    let doctor = node.json(0, &["doctor"]);
    for name in ["redis", "latency", "functions", "epoch", "partitions", "catalog"] {
        let states = state(&doctor, name);
        assert!(!states.is_empty() && states.iter().all(|s| *s == "ok"), "{name}: {doctor}");
    }

    let stranger = Node::new();
    let (_, err) = stranger.run(1, &["init", "--store", &redis.url()]);
    assert!(err.contains("has an installation already"), "{err}");
    assert!(!stranger.data().exists(), "nothing is made where nothing can be");

    let second = Node::join(&made);
    let (a, b) = (Serving::start(&node), Serving::start(&second));
    let codes = codes(&a, &node);
    // The second node was there before the codes: it is told of them.
    let token = std::fs::read_to_string(node.data().join("admin.token")).unwrap();
    let id = "0190f2f0-0000-7000-8000-00000000002a";
    assert_eq!(a.json(&node, 0, &["redeem", &codes[0], "--id", id])["state"], "redeemed");
    drop(b);
    let b = Serving::start(&second);
    let again = ["--token", token.trim(), "redeem", &codes[0], "--id", id];
    assert_eq!(b.json(&second, 0, &again)["replayed"], true);
    let other = ["--token", token.trim(), "redeem", &codes[0]];
    assert_eq!(b.json(&second, 1, &other)["reason"], "already_redeemed");
    let status = node.json(0, &["ledger", "status"]);
    assert_eq!((&status["health"], &status["events"]), (&"good".into(), &1.into()), "{status}");
    assert_eq!(status["partitions"].as_array().unwrap().len(), 4);
    let (text, _) = node.run(0, &["ledger", "status"]);
    assert!(text.contains("partition  fence  events  holds"), "{text}");
}

#[test]
fn what_redis_lost_is_fenced_until_it_is_restored() {
    let mut redis = always();
    let node = Node::new();
    node.json(0, &["init", "--store", &redis.url()]);
    let serving = Serving::start(&node);
    let codes = codes(&serving, &node);
    serving.json(&node, 0, &["redeem", &codes[0]]);
    serving.await_gauge("jeton_ledger_up", 1.0);

    let backup = node.home.path().join("backup");
    let copy = |from: &Path, to: &Path| {
        let done = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
        assert!(done.success());
    };
    let aof = redis.dir().join("appendonlydir");
    copy(&aof, &backup);
    redis.cli(&["FLUSHALL"]).unwrap();

    let doctor = node.json(3, &["doctor"]);
    let epoch = doctor["checks"].as_array().unwrap().iter().find(|c| c["name"] == "epoch").unwrap();
    assert_eq!(epoch["state"], "unsafe", "{doctor}");
    assert!(epoch["detail"].as_str().unwrap().starts_with("fenced: "), "{epoch}");
    assert!(epoch["advice"].as_str().unwrap().contains("ledger restore --check"), "{epoch}");
    assert_eq!(node.json(3, &["ledger", "status"])["health"], "fenced");
    node.json(3, &["ledger", "restore", "--check"]);
    let (_, err) = node.run(1, &["init"]);
    assert!(err.contains("jeton init does not make it again"), "{err}");
    let (_, err) = node.run(3, &["serve"]);
    assert!(err.contains("has nothing of this installation"), "{err}");
    for code in &codes {
        let refused = serving.json(&node, 3, &["redeem", code]);
        assert!(refused["error"].as_str().unwrap().contains("outcome unknown"), "{refused}");
    }
    serving.await_gauge("jeton_ledger_up", 0.0);
    serving.await_gauge("jeton_ready", 0.0);
    assert!(serving.page("/readyz").starts_with("HTTP/1.1 503"));

    redis.kill();
    std::fs::remove_dir_all(&aof).unwrap();
    copy(&backup, &aof);
    redis.restart().unwrap();
    assert_eq!(node.json(0, &["ledger", "restore", "--check"])["events"], 1);
    assert_eq!(state(&node.json(0, &["doctor"]), "epoch"), ["ok"]);
    drop(serving);
    let serving = Serving::start(&node);
    assert_eq!(serving.json(&node, 1, &["redeem", &codes[0]])["reason"], "already_redeemed");
    assert_eq!(serving.json(&node, 0, &["redeem", &codes[1]])["state"], "redeemed");
}

#[test]
fn an_init_that_was_interrupted_goes_on() {
    let redis = always();
    let node = Node::new();
    node.json(0, &["init", "--store", &redis.url()]);
    let (epoch, begun) = (node.data().join("epoch"), node.data().join("epoch.begun"));
    let text = std::fs::read_to_string(&epoch).unwrap();

    // As it was before the last step.
    std::fs::rename(&epoch, &begun).unwrap();
    let (_, err) = node.run(3, &["serve"]);
    assert!(err.contains("jeton init was interrupted here"), "{err}");
    assert_eq!(state(&node.json(1, &["doctor"]), "epoch"), ["fail"]);
    node.json(0, &["init"]);
    assert_eq!(std::fs::read_to_string(&epoch).unwrap(), text);

    // As it was before the first.
    std::fs::rename(&epoch, &begun).unwrap();
    redis.cli(&["FLUSHALL"]).unwrap();
    node.json(0, &["init"]);
    assert_eq!(std::fs::read_to_string(&epoch).unwrap(), text);
    assert_eq!(state(&node.json(0, &["doctor"]), "epoch"), ["ok"]);
}

#[test]
fn another_epoch_or_secret_is_found_out() {
    let redis = always();
    let node = Node::new();
    let made = node.json(0, &["init", "--store", &redis.url()]);

    let wrong = Node::join(&made);
    let digits = "0123456789abcdef0123456789abcdef";
    std::fs::write(wrong.data().join("epoch"), format!("{digits} 16\n")).unwrap();
    let (_, err) = wrong.run(3, &["serve"]);
    assert!(err.contains("its epoch is not ours"), "{err}");
    let doctor = wrong.json(3, &["doctor"]);
    assert_eq!(state(&doctor, "epoch"), ["unsafe"]);
    assert!(doctor.to_string().contains(&format!("ours is {digits}")), "{doctor}");
    let (_, err) = wrong.run(1, &["init"]);
    assert!(err.contains("belongs to another installation"), "{err}");

    let strange = Node::join(&made);
    let elsewhere = Node::new();
    elsewhere.run(0, &["init"]);
    std::fs::copy(elsewhere.data().join("secret"), strange.data().join("secret")).unwrap();
    let (_, err) = strange.run(3, &["serve"]);
    assert!(err.contains("another store key"), "{err}");
    assert_eq!(state(&strange.json(1, &["doctor"]), "catalog"), ["fail"]);

    std::fs::write(wrong.data().join("epoch"), "not an epoch").unwrap();
    let (_, err) = wrong.run(3, &["serve"]);
    assert!(err.contains("is no epoch file"), "{err}");
    std::fs::remove_file(wrong.data().join("epoch")).unwrap();
    let (_, err) = wrong.run(3, &["serve"]);
    assert!(err.contains("to a further one copy"), "{err}");
}

#[test]
fn a_redis_that_breaks_the_promise_is_refused() {
    let redis = RedisServer::start(&RedisOptions::default()).unwrap();
    let node = Node::new();
    let (_, err) = node.run(3, &["init", "--store", &redis.url()]);
    assert!(err.contains("appendonly is no; type: redis-cli CONFIG SET"), "{err}");
    assert!(!node.data().exists());
    let store = redis.url();
    let words = ["init", "--store", &store, "--set", "durability=redis-as-is"];
    node.json(0, &words);
    node.json(0, &["doctor"]);
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    let doctor = node.json(3, &["doctor"]);
    assert!(state(&doctor, "redis").contains(&"unsafe"), "{doctor}");
    let (text, _) = node.run(3, &["doctor"]);
    assert!(text.contains("\nUNSAFE   redis "), "{text}");
}

#[test]
fn a_cluster_holds_an_installation() {
    let options = RedisOptions { aof: Aof::Always, ..RedisOptions::default() };
    let cluster = Cluster::start(3, 0, &options).unwrap();
    let node = Node::new();
    let made = node.json(0, &["init", "--store", &cluster.url(), "--partitions", "7"]);
    assert_eq!(made["checked"].as_array().unwrap().len(), 3 * 5);
    let doctor = node.json(0, &["doctor"]);
    assert_eq!(state(&doctor, "functions"), ["ok"; 3], "{doctor}");
    let serving = Serving::start(&node);
    let codes = codes(&serving, &node);
    serving.json(&node, 0, &["redeem", &codes[0]]);
    let status = node.json(0, &["ledger", "status"]);
    assert_eq!(status["partitions"].as_array().unwrap().len(), 7);
    assert_eq!(status["health"], "good");

    // One master loses everything.
    cluster.nodes()[0].cli(&["FLUSHALL"]).unwrap();
    let doctor = node.json(3, &["doctor"]);
    assert_eq!(state(&doctor, "epoch"), ["unsafe"]);
    assert_eq!(node.json(3, &["ledger", "status"])["health"], "fenced");
}

/// The example file `name` for a server on a free port: what says where it is and who may come is
/// left out.
fn example(name: &str) -> RedisOptions {
    const OURS: [&str; 7] =
        ["bind", "port", "dir", "daemonize", "logfile", "aclfile", "enable-debug-command"];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/redis").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut options = RedisOptions::default();
    for line in lines {
        let (key, value) = line.split_once(' ').unwrap();
        if !OURS.contains(&key) {
            options = options.with(key, value);
        }
    }
    options
}

#[track_caller]
fn check_example(redis: &RedisServer, durability: Durability) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let remote = Remote::new(Options::new(redis.url().parse().unwrap())).unwrap();
    let now: Now = Arc::new(|| Clock::system().now());
    let findings = runtime.block_on(inspect(&remote, durability, &now)).unwrap();
    assert!(findings.len() >= 3);
    let is_good = findings.iter().all(|finding| finding.severity == Severity::Good);
    assert!(is_good, "{durability:?}: {findings:?}");
}

#[test]
fn the_example_configurations_keep_their_promises() {
    let always = RedisServer::start(&example("aof-always.conf")).unwrap();
    check_example(&always, Durability::RedisAofAlways);
    check_example(&RedisServer::start(&example("as-is.conf")).unwrap(), Durability::RedisAsIs);
    let cluster = RedisServer::start(&example("cluster.conf")).unwrap();
    check_example(&cluster, Durability::RedisAofAlways);

    let master = RedisServer::start(&example("replicas.conf")).unwrap();
    let replicas = RedisServer::start(
        &example("replicas.conf").with("replicaof", format!("127.0.0.1 {}", master.port())),
    );
    let _replica = replicas.unwrap();
    let begun = std::time::Instant::now();
    while !master.cli(&["INFO", "replication"]).unwrap().contains("state=online") {
        assert!(begun.elapsed().as_secs() < 20, "the replica does not come");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    check_example(&master, Durability::Replicas { replicas: 1 });
}

#[test]
fn the_example_user_may_all_that_a_node_needs_and_no_more() {
    let redis = RedisServer::start(&example("aof-always.conf")).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/redis/users.acl");
    let users = std::fs::read_to_string(path).unwrap();
    for line in users.lines().filter(|line| !line.starts_with("user default")) {
        let words = line.strip_prefix("user ").unwrap().split(' ');
        let words: Vec<&str> = ["ACL", "SETUSER"].into_iter().chain(words).collect();
        assert_eq!(redis.cli(&words), Ok("OK".to_owned()));
    }
    let node = Node::new();
    let password = node.home.path().join("password");
    std::fs::write(&password, "CHANGE-ME\n").unwrap();
    let password = format!("redis_password_file={}", password.display());
    let store = redis.url();
    let words = ["init", "--store", &store, "--set", "redis_user=jeton", "--set", &password];
    let (_, err) = node.run(3, &words);
    assert!(err.contains("chmod 600"), "{err}");
    let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(node.home.path().join("password"), mode).unwrap();
    node.json(0, &words);
    let doctor = node.json(0, &["doctor"]);
    assert!(
        doctor["checks"].as_array().unwrap().iter().all(|c| c["state"] != "unknown"),
        "{doctor}"
    );
    let serving = Serving::start(&node);
    let codes = codes(&serving, &node);
    let held = serving.json(&node, 0, &["hold", &codes[0], "--ttl", "1m"]);
    let hold = held["id"].as_str().unwrap();
    serving.json(&node, 0, &["confirm", hold]);
    serving.json(&node, 0, &["release", hold]);
    serving.json(&node, 0, &["redeem", &codes[0]]);
    serving.json(&node, 0, &["code", "history", &codes[0]]);
    serving.json(&node, 0, &["code", "revoke", &codes[1]]);
    assert_eq!(serving.json(&node, 1, &["redeem", &codes[1]])["reason"], "code_revoked");
    serving.json(&node, 0, &["campaign", "pause", "summer"]);

    let denied = |words: &[&str]| {
        let words = ["--user", "jeton", "--pass", "CHANGE-ME", "--no-auth-warning"]
            .into_iter()
            .chain(words.iter().copied());
        let said = redis.cli(&words.collect::<Vec<_>>()).unwrap_err();
        assert!(said.contains("NOPERM"), "{said}");
    };
    for words in [
        &["FLUSHALL"][..],
        &["SET", "other", "1"],
        &["KEYS", "*"],
        &["CONFIG", "SET", "appendfsync", "no"],
        &["FUNCTION", "FLUSH"],
        &["FUNCTION", "DELETE", "jeton_4"],
        &["ACL", "LIST"],
        &["SHUTDOWN", "NOSAVE"],
        &["PUBLISH", "a", "b"],
    ] {
        denied(words);
    }
    let refused = redis.cli(&["ACL", "LOG"]).unwrap();
    for name in ["fcall", "xread", "hget"] {
        assert!(!refused.contains(&format!("object\n{name}")), "{refused}");
    }
}
