//! Under a service manager: what it is told, when the watchdog starves, what the unit allows.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jeton::client::{Answer, Redeem};
use jeton::testing::servers::{Aof, RedisOptions, RedisServer};

use super::program::{Machine, PATIENCE, Serving, file, text, until};

/// What the unit's watchdog is in these tests.
const WATCHDOG_USEC: &str = "1000000";

/// The end of the socket that a service manager listens at.
struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    /// Starts a service, as systemd does.
    fn start(machine: &Machine) -> (Self, Serving) {
        let path = machine.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let mut command = machine.command(&["serve"]);
        command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", WATCHDOG_USEC);
        (Self { socket }, machine.start(&mut command))
    }

    /// Everything that is said in the next `wait`.
    fn heard(&self, wait: Duration) -> String {
        let (begin, mut heard, mut news) = (Instant::now(), String::new(), [0; 4_096]);
        while let Some(left) = wait.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) {
            self.socket.set_read_timeout(Some(left)).unwrap();
            if let Ok(len) = self.socket.recv(&mut news) {
                heard.push_str(std::str::from_utf8(&news[..len]).unwrap());
            }
        }
        heard
    }

    /// Waits for a line; what was said until then.
    #[track_caller]
    fn hears(&self, word: &str) -> String {
        let mut heard = String::new();
        let begin = Instant::now();
        while !heard.lines().any(|line| line == word) {
            assert!(begin.elapsed() < PATIENCE, "no {word} in {heard}");
            heard.push_str(&self.heard(Duration::from_millis(50)));
        }
        heard
    }
}

#[test]
fn the_service_manager_hears_ready_that_it_lives_and_that_it_stops() {
    let machine = Machine::new();
    let (manager, serving) = Manager::start(&machine);
    let first = manager.hears("READY=1");
    assert!(first.contains("READY=1\nSTATUS=0 codes, quic 127.0.0.1:"), "{first}");
    let heard = manager.heard(Duration::from_secs(2));
    assert!(heard.matches("WATCHDOG=1").count() >= 2, "{heard}");
    serving.signal("TERM");
    manager.hears("STOPPING=1");
    assert!(serving.stop().success());
}

/// The thread with this name.
fn thread(serving: &Serving, name: &str) -> String {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", serving.child.id())).unwrap();
    let named = tasks.flatten().find(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm"));
        comm.is_ok_and(|comm| comm.trim() == name)
    });
    named.unwrap().file_name().into_string().unwrap()
}

#[test]
fn a_ledger_that_hangs_starves_the_watchdog_although_the_process_lives() {
    let machine = Machine::new();
    let (manager, serving) = Manager::start(&machine);
    manager.hears("WATCHDOG=1");
    // Only the ledger's thread is held: each of its calls to the system takes a minute.
    let held = Command::new("strace")
        .args(["-q", "-p", &thread(&serving, "ledger"), "-e", "inject=all:delay_enter=60s"])
        .stderr(Stdio::null())
        .spawn();
    let mut held = held.expect("strace is missing; Debian has it in the package strace");
    until("a starving watchdog", || {
        (manager.heard(Duration::from_secs(2)).is_empty()).then_some(())
    });
    assert!(machine.log().contains("the ledger does not answer"), "{}", machine.log());
    assert!(!serving.metrics().is_empty(), "the process itself answers");
    assert!(Command::new("kill").arg(held.id().to_string()).status().unwrap().success());
    held.wait().unwrap();
    manager.hears("WATCHDOG=1");
}

#[test]
fn a_redis_that_is_away_is_no_reason_to_start_again() {
    let redis = RedisServer::start(&RedisOptions { aof: Aof::Always, ..RedisOptions::default() });
    let (redis, machine) = (redis.unwrap(), Machine::new());
    machine.json(0, &["init", "--store", &redis.url()]);
    let (manager, serving) = Manager::start(&machine);
    manager.hears("WATCHDOG=1");
    redis.pause();
    until("a Redis that is away", || {
        let _until_now = manager.heard(Duration::from_millis(10));
        (serving.gauge("jeton_ledger_health{state=\"away\"}") == Some(1.0)).then_some(())
    });
    for _ in 0..3 {
        manager.hears("WATCHDOG=1");
    }
    redis.resume();
    assert!(serving.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_ends_the_process_and_loses_no_yes() {
    let machine = Machine::new();
    let serving = machine.serve();
    let codes: Vec<String> = (0..5_000).map(|nr| format!("CODE-{nr}")).collect();
    machine.furnish(&serving, "id = \"once\"\nkind = \"access\"\nuses = 1\n", &codes.join("\n"));
    assert!(serving.stop().success());
    // No file may grow beyond 64 KiB: writes fail, as they do when the disk is full. The signal
    // that comes with it is ignored, so that the program sees the error.
    let program = machine.command(&["serve"]);
    let mut limited = Command::new("bash");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]);
    limited.arg(program.get_program()).args(program.get_args()).env_clear();
    limited.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut serving = machine.start(&mut limited);
    let client = machine.client(&serving).await;
    let mut yes = Vec::new();
    for code in &codes {
        let ask = Redeem::code(code).deadline(Duration::from_secs(1));
        if !client.redeem(ask).await.is_ok_and(|answer| answer.is_yes()) {
            break;
        }
        yes.push(code);
    }
    let status = until("an end", || serving.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(3), "{}", machine.log());
    assert!(machine.log().contains("the ledger cannot write any more"), "{}", machine.log());
    assert!(!yes.is_empty() && yes.len() < codes.len(), "{} of {}", yes.len(), codes.len());
    // There is room again.
    let serving = machine.serve();
    let client = machine.client(&serving).await;
    for code in yes {
        let Ok(Answer::No(no)) = client.redeem(Redeem::code(code)).await else {
            panic!("{code} was lost");
        };
        assert_eq!(no.reason, "already_redeemed", "{code}");
    }
    let last = client.redeem(Redeem::code(&codes[codes.len() - 1])).await;
    assert!(last.is_ok_and(|answer| answer.is_yes()));
}

#[test]
fn the_unit_is_well_formed_and_as_tight_as_its_note_says() {
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join("jeton.service");
    let program = assert_cmd::cargo::cargo_bin!("jeton").display().to_string();
    let own = text("deploy/systemd/jeton.service");
    std::fs::write(&unit, own.replace("/usr/bin/jeton", &program)).unwrap();
    let analyze = |words: &[&str]| {
        let output = Command::new("systemd-analyze").args(words).arg(&unit).output();
        output.expect("systemd-analyze is missing; Debian has it in the package systemd")
    };
    let output = analyze(&["verify", "--man=no"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("jeton.service"), "{said}");
    let output = analyze(&["security", "--offline=true"]);
    let told = String::from_utf8(output.stdout).unwrap();
    let told = told.lines().find_map(|line| line.split_once("exposure level for jeton.service: "));
    let score = told.unwrap().1.split(' ').next().unwrap().to_owned();
    let note = text("deploy/README.md");
    assert!(note.contains(&format!("exposure level {score}")), "the note does not say {score}");
    assert!(score.parse::<f64>().unwrap() < 2.0, "{score}");
}

#[test]
fn the_unit_waits_longer_than_the_server_drains() {
    let unit = text("deploy/systemd/jeton.service");
    let seconds = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    let seconds: u64 = seconds.strip_suffix('s').unwrap().parse().unwrap();
    let settings = super::example::settings();
    let drain_ms = settings.iter().find(|one| one["key"] == "drain_ms").unwrap();
    assert!(seconds * 1_000 > drain_ms["default"].as_u64().unwrap());
    let sysctl = text("deploy/sysctl.d/60-jeton.conf");
    let buffer = settings.iter().find(|one| one["key"] == "quic.udp_buffer_bytes").unwrap();
    for name in ["rmem_max", "wmem_max"] {
        assert!(sysctl.contains(&format!("net.core.{name} = {}\n", buffer["default"])), "{name}");
    }
    assert!(file("deploy/sysusers.d/jeton.conf").is_file());
}
