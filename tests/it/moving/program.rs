//! `jeton export` and `jeton import`: a directory's installation goes to Redis and back.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jeton::testing::servers::{Aof, RedisOptions, RedisServer};
use serde_json::Value;

const TICKET: &str = "\
id = \"ticket\"
kind = \"access\"
uses = 3
[codes]
pattern = \"TICKET-####-####-####\"
";

struct Here {
    dir: tempfile::TempDir,
}

impl Here {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, data: &str, words: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jeton"));
        command.env_clear().env("HOME", self.dir.path()).current_dir(self.dir.path());
        for door in ["JETON_QUIC__LISTEN", "JETON_HTTP__LISTEN"] {
            command.env(door, "127.0.0.1:0");
        }
        command.args(["--json", "--data", data]).args(words);
        command
    }

    #[track_caller]
    fn json(&self, exit: i32, data: &str, words: &[&str]) -> Value {
        let output = self.command(data, words).output().unwrap();
        let (out, err) = (output.stdout, String::from_utf8(output.stderr).unwrap());
        let out = String::from_utf8(out).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{data} {words:?}\n{out}\n{err}");
        serde_json::from_str(&out).unwrap()
    }

    /// A new data directory with the keys of another one.
    fn copy_keys(&self, from: &str, to: &str) {
        std::fs::create_dir(self.path(to)).unwrap();
        std::fs::set_permissions(self.path(to), PermissionsExt::from_mode(0o700)).unwrap();
        for name in ["secret", "ca.pem", "ca.key"] {
            std::fs::copy(self.path(from).join(name), self.path(to).join(name)).unwrap();
        }
    }
}

struct Serving<'a> {
    here: &'a Here,
    data: &'a str,
    child: Child,
    doors: [String; 2],
}

impl<'a> Serving<'a> {
    fn start(here: &'a Here, data: &'a str) -> Self {
        let mut child = here.command(data, &["serve"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let doors = ["quic", "http"].map(|name| ready[name].as_str().unwrap().to_owned());
        Self { here, data, child, doors }
    }

    #[track_caller]
    fn json(&self, exit: i32, words: &[&str]) -> Value {
        let place = ["--server", &self.doors[0], "--url", &self.doors[1]];
        let words: Vec<&str> = place.into_iter().chain(words.iter().copied()).collect();
        self.here.json(exit, self.data, &words)
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let _stopped = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// An installation in which something of everything has happened; says its codes.
fn work(here: &Here, data: &str) -> Vec<String> {
    let serving = Serving::start(here, data);
    let file = here.path("ticket.toml").display().to_string();
    for uses in ["uses = 3", "uses = 2"] {
        std::fs::write(&file, TICKET.replace("uses = 3", uses)).unwrap();
        serving.json(0, &["campaign", "apply", &file]);
        let sheet = here.path("codes.txt").display().to_string();
        let _old = std::fs::remove_file(&sheet);
        let wish = ["code", "generate", "ticket", "--count", "20", "--format", "text", "--out"];
        serving.json(0, &[wish.as_slice(), &[sheet.as_str()]].concat());
    }
    let codes = std::fs::read_to_string(here.path("codes.txt")).unwrap();
    let codes: Vec<String> = codes.lines().map(ToOwned::to_owned).collect();
    for code in &codes[..10] {
        serving.json(0, &["redeem", code, "--gate", "north"]);
    }
    serving.json(0, &["redeem", &codes[0], "--gate", "south"]);
    serving.json(0, &["hold", &codes[10], "--ttl", "1h", "--id", HOLD]);
    serving.json(0, &["redeem", &codes[11], "--id", OLD]);
    serving.json(0, &["code", "revoke", &codes[12]]);
    serving.json(0, &["token", "create", "--role", "gate", "--name", "north"]);
    serving.stop();
    codes
}

const HOLD: &str = "0190f2f0-0000-7000-8000-00000000002a";
const OLD: &str = "0190f2f0-0000-7000-8000-00000000002b";

/// What an installation must still know, and how it goes on.
fn check(here: &Here, data: &str, codes: &[String]) {
    let serving = Serving::start(here, data);
    assert_eq!(serving.json(1, &["redeem", &codes[0]])["reason"], "usage_limit");
    assert_eq!(serving.json(1, &["redeem", &codes[12]])["reason"], "code_revoked");
    assert_eq!(serving.json(0, &["status", HOLD])["state"], "held");
    let again = serving.json(0, &["redeem", &codes[11], "--id", OLD]);
    assert_eq!(again["replayed"], true);
    assert_eq!(serving.json(0, &["status", &codes[11]])["used"], 1);
    let pages = serving.json(0, &["code", "history", &codes[0]]);
    assert!(pages.to_string().contains("south"), "{pages}");
    serving.stop();
}

fn tally(moved: &Value, whose: &str) -> Value {
    let mut tally = moved[whose].clone();
    // Each new installation has a token of its own, and says so in the audit log.
    for name in ["tokens", "audit_lines", "checksum"] {
        tally.as_object_mut().unwrap().remove(name).unwrap();
    }
    tally
}

#[test]
fn an_installation_goes_to_redis_and_back() {
    let here = Here { dir: tempfile::tempdir().unwrap() };
    let options = RedisOptions { aof: Aof::Always, ..RedisOptions::default() };
    let server = RedisServer::start(&options).unwrap();
    let codes = work(&here, "a");

    let first = here.json(0, "a", &["export", "first.jeton"]);
    let mode = std::fs::metadata(here.path("first.jeton")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!((&first["tally"]["codes"], &first["tally"]["versions"]), (&40.into(), &2.into()));
    assert_eq!((&first["tally"]["used"], &first["tally"]["open_holds"]), (&12.into(), &1.into()));
    assert!(!contains(&here.path("first.jeton"), &codes[0]), "a code's text is readable");

    // Not into what is in use, and not under another secret.
    let error = here.json(3, "a", &["import", "first.jeton"]);
    assert!(error["error"].as_str().unwrap().contains("not empty"), "{error}");
    here.json(0, "stranger", &["init"]);
    let error = here.json(3, "stranger", &["import", "first.jeton"]);
    assert!(error["error"].as_str().unwrap().contains("another installation"), "{error}");

    here.copy_keys("a", "b");
    here.json(0, "b", &["init", "--store", &server.url()]);
    damaged(&here, "b");
    let moved = here.json(0, "b", &["import", "first.jeton"]);
    assert_eq!((&moved["ok"], &moved["expected"]), (&true.into(), &moved["store"]));
    assert_eq!(tally(&moved, "store"), tally(&first, "tally"));
    let error = here.json(3, "b", &["import", "first.jeton"]);
    assert!(error["error"].as_str().unwrap().contains("not empty"), "{error}");

    let second = here.json(0, "b", &["export", "second.jeton"]);
    assert_eq!(second["tally"], moved["store"]);
    here.copy_keys("b", "c");
    here.json(0, "c", &["init"]);
    let back = here.json(0, "c", &["import", "second.jeton"]);
    assert_eq!((&back["ok"], tally(&back, "store")), (&true.into(), tally(&first, "tally")));

    check(&here, "b", &codes);
    check(&here, "c", &codes);
}

/// A file that is not whole brings nothing in.
fn damaged(here: &Here, data: &str) {
    let whole = std::fs::read(here.path("first.jeton")).unwrap();
    for part in 1..4 {
        let place = whole.len() * part / 4;
        let mut changed = whole.clone();
        changed[place] ^= 1;
        for bytes in [&changed[..], &whole[..place]] {
            std::fs::write(here.path("damaged"), bytes).unwrap();
            let error = here.json(3, data, &["import", "damaged"]);
            let text = error["error"].as_str().unwrap();
            assert!(text.contains("no whole archive"), "{error}");
        }
    }
}

fn contains(file: &Path, text: &str) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
