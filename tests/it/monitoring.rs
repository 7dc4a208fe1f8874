//! What `deploy/prometheus` and `deploy/grafana` ask for is there: a real Prometheus scrapes two
//! real nodes, one on its own disk and one on Redis, and is asked every question of the dashboard.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use jeton::auth::certificate::{Authority, SERVER_DAYS};
use jeton::clock::Clock;
use jeton::testing::servers::{Aof, RedisOptions, RedisServer};
use serde_json::Value;

use crate::deploying::program::{Machine, PATIENCE, Serving, file, text, until};

const RULES: &str = "deploy/prometheus/jeton.rules.yml";
const DASHBOARD: &str = "deploy/grafana/jeton.json";

/// Names of metrics in a text: ours, and those that are recorded of ours.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c: char| !is_name(c)).filter(|word| word.contains("jeton_"));
    words.map(|word| word.trim_matches(':').to_owned()).collect()
}

#[track_caller]
fn promtool(words: &[&str]) {
    let output = Command::new("promtool")
        .args(words)
        .current_dir(file("deploy/prometheus"))
        .output()
        .expect("promtool is missing; Debian has it in the package prometheus");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{words:?}\n{}", String::from_utf8_lossy(&said));
}

#[test]
fn rules_and_configurations_are_well_formed_and_alerts_come_when_they_should() {
    promtool(&["check", "rules", "jeton.rules.yml"]);
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["check", "config", "--syntax-only", "../container/prometheus.yml"]);
    promtool(&["test", "rules", "jeton.rules.test.yml"]);
}

fn alerts() -> BTreeSet<String> {
    let rules = text(RULES);
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    alerts.map(str::to_owned).collect()
}

#[test]
fn every_alert_is_tested_and_has_its_chapter_in_the_runbook() {
    let (rules, tests) = (text(RULES), text("deploy/prometheus/jeton.rules.test.yml"));
    let runbook = text("deploy/RUNBOOK.md");
    let chapters: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("### Jeton"))
        .map(|name| format!("Jeton{name}"))
        .collect();
    assert_eq!(chapters, alerts());
    for alert in alerts() {
        assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert} is not tested");
        assert!(rules.contains(&format!("runbook: RUNBOOK.md#{}\n", alert.to_lowercase())));
    }
}

/// A Prometheus of its own, stopped when dropped.
struct Prometheus {
    child: Child,
    url: String,
    _dir: tempfile::TempDir,
}

impl Prometheus {
    fn start(targets: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Somebody else may take the port in between; then it ends at once, and so does the test.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = dir.path().join("prometheus.yml");
        let often = ["scrape_interval", "scrape_timeout", "evaluation_interval"];
        let settings = serde_json::json!({
            "global": often.map(|name| (name, "500ms")).into_iter().collect::<BTreeMap<_, _>>(),
            "rule_files": [file(RULES)],
            "scrape_configs": [
                { "job_name": "jeton", "static_configs": [{ "targets": targets }] },
            ],
        });
        // JSON is YAML, too.
        std::fs::write(&config, settings.to_string()).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--log.level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is missing; Debian has it in the package prometheus");
        Self { child, url: format!("http://127.0.0.1:{port}"), _dir: dir }
    }

    /// What a query gives: its series, or why there are none.
    fn ask(&self, query: &str) -> Result<Vec<Value>, String> {
        let url = format!("{}/api/v1/query", self.url);
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let answer = config.new_agent().get(url).query("query", query).call();
        let mut answer = answer.map_err(|error| error.to_string())?;
        let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        let document: Value = serde_json::from_str(&text).map_err(|_| text.clone())?;
        let series = document["data"]["result"].as_array().cloned();
        series.filter(|series| !series.is_empty()).ok_or(text)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Every question of the dashboard, with what Grafana puts in for its variables.
fn questions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)).unwrap();
    let mut questions = Vec::new();
    let mut rest = vec![&dashboard];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(fields) => {
                questions.extend(fields.get("expr").and_then(Value::as_str));
                rest.extend(fields.values());
            }
            Value::Array(values) => rest.extend(values),
            _ => {}
        }
    }
    let filled =
        |question: &str| question.replace("$instance", ".*").replace("$__rate_interval", "10s");
    questions.into_iter().map(filled).collect()
}

/// Some of everything that callers do.
fn work(machine: &Machine, serving: &Serving) {
    let server = ["--server", &serving.quic];
    let run = |exit: i32, words: &[&str]| machine.json(exit, &[&server, words].concat());
    run(0, &["validate", "PASS"]);
    run(0, &["redeem", "PASS", "--gate", "north"]);
    run(1, &["redeem", "NO-SUCH-CODE"]);
    let held = run(0, &["hold", "PASS", "--ttl", "10m"]);
    run(0, &["confirm", held["id"].as_str().unwrap()]);
    run(0, &["hold", "PASS", "--ttl", "10m"]);
}

fn sign_in_wrongly(node: &Serving) {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
    let keys = serde_json::json!({ "name": "nobody", "password": "not the right one" });
    let answer = agent.new_agent().post(format!("{}/v1/session", node.http)).send_json(keys);
    assert_eq!(answer.unwrap().status(), 401);
}

#[test]
fn the_dashboard_shows_something_everywhere() {
    let options = RedisOptions { aof: Aof::Always, ..RedisOptions::default() };
    let redis = RedisServer::start(&options).unwrap();
    let machines = [Machine::new(), Machine::new()];
    machines[1].json(0, &["init", "--store", &redis.url()]);
    let nodes = machines.each_ref().map(|machine| {
        machine.start(machine.command(&["serve"]).env("JETON_CAMPAIGN_LABELS", "[\"pass\"]"))
    });
    let prometheus = Prometheus::start(&nodes.each_ref().map(Serving::http_address));
    for (machine, node) in machines.iter().zip(&nodes) {
        machine.furnish(node, "id = \"pass\"\nkind = \"pass\"\n", "PASS");
        work(machine, node);
        sign_in_wrongly(node);
    }

    let mut scraped = names(&nodes[0].metrics());
    scraped.extend(names(&nodes[1].metrics()));
    let rules = text(RULES);
    let recorded: BTreeSet<String> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .map(str::to_owned)
        .collect();
    let unknown: Vec<String> = names(&rules)
        .into_iter()
        .filter(|name| !scraped.contains(name) && !recorded.contains(name))
        .collect();
    assert!(unknown.is_empty(), "in no scrape: {unknown:?}");

    let mut left = questions();
    assert!(left.len() > 30, "{}", left.len());
    left.extend(recorded);
    // The holds of all nodes are counted where they are.
    left.push("jeton_holds > 0 and on (instance) jeton_redis_memory_bytes > 0".to_owned());
    let begin = Instant::now();
    while !left.is_empty() {
        // Rates need something that goes on.
        for (machine, node) in machines.iter().zip(&nodes) {
            work(machine, node);
        }
        let is_late = begin.elapsed() > PATIENCE * 2;
        left.retain(|question| match prometheus.ask(question) {
            Ok(_) => false,
            Err(said) => {
                assert!(!is_late, "{question}: {said}");
                true
            }
        });
    }
    let firing = prometheus.ask("ALERTS{alertstate=\"firing\"}");
    assert!(firing.is_err(), "{firing:?}");
}

/// The state that the ledger says it is in.
fn is_in(node: &Serving, state: &str) -> Option<()> {
    let value = node.gauge(&format!("jeton_ledger_health{{state=\"{state}\"}}"));
    (value == Some(1.0)).then_some(())
}

#[test]
fn metrics_say_how_redis_is() {
    let redis = RedisServer::start(&RedisOptions { aof: Aof::Always, ..RedisOptions::default() });
    let (redis, machine) = (redis.unwrap(), Machine::new());
    machine.json(0, &["init", "--store", &redis.url()]);
    let node = machine.serve();
    until("a good ledger", || is_in(&node, "good"));
    assert!(node.gauge("jeton_redis_clock_skew_seconds").unwrap().abs() < 0.25);
    redis.pause();
    until("a Redis that is away", || is_in(&node, "away"));
    assert_eq!(node.gauge("jeton_ledger_up"), Some(0.0));
    redis.resume();
    until("a Redis that is back", || is_in(&node, "good"));
    redis.cli(&["FLUSHALL"]).unwrap();
    until("a fenced ledger", || is_in(&node, "fenced"));
    until("a node that is not ready", || (node.gauge("jeton_ready") == Some(0.0)).then_some(()));
    // The service manager must not start it again for this, and a health check must see it.
    machine.json(3, &["--url", &node.http, "ready"]);
}

#[test]
fn a_certificate_that_is_replaced_is_taken_up_and_measured() {
    const DAY_MS: i64 = 86_400_000;
    let machine = Machine::new();
    let now_ms = Clock::system().now().0;
    let (pem, key) = (machine.path("own.pem"), machine.path("own.key"));
    let write = |made_ms: i64| {
        let (authority, _) = Authority::create("elsewhere", made_ms).unwrap();
        let made = authority.issue_server(&[], made_ms).unwrap();
        std::fs::write(&pem, made.certificate).unwrap();
        let mut file = File::options();
        let mut file = file.create(true).write(true).truncate(true).mode(0o600).open(&key).unwrap();
        file.write_all(made.key.as_bytes()).unwrap();
    };
    // Two days are left.
    write(now_ms - i64::from(SERVER_DAYS - 2) * DAY_MS);
    let mut command = machine.command(&["serve"]);
    command.env("JETON_TLS__CERTIFICATE", &pem).env("JETON_TLS__KEY", &key);
    let node = machine.start(&mut command);
    let left_days = || {
        let left = node.gauge("jeton_certificate_expires_seconds{certificate=\"server\"}");
        left.unwrap() / 86_400.0
    };
    assert!((1.9..=2.0).contains(&left_days()), "{}", left_days());
    write(now_ms);
    node.signal("HUP");
    until("the new certificate", || (left_days() > 390.0).then_some(()));
}
