//! The program from outside: what it says, how it ends, and a whole round with a server.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// An installation of its own, apart from the machine's.
struct Here {
    dir: TempDir,
}

impl Here {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jeton"));
        command.env_clear().env("HOME", self.dir.path()).args(words);
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
        let (out, _) = self.run(exit, &words);
        assert_eq!(out.trim_end().lines().count(), 1, "one document, not {out}");
        serde_json::from_str(&out).unwrap()
    }
}

/// A server of an installation, stopped when dropped.
struct Serving<'a> {
    here: &'a Here,
    child: Child,
    quic: String,
    http: String,
}

impl<'a> Serving<'a> {
    fn start(here: &'a Here) -> Self {
        let words = ["--json", "serve", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
        let mut child = here.command(&words).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let (quic, http) = (text("quic"), text("http"));
        Self { here, child, quic, http }
    }

    #[track_caller]
    fn json(&self, exit: i32, words: &[&str]) -> Value {
        let place = ["--server", &self.quic, "--url", &self.http];
        let words: Vec<&str> = place.into_iter().chain(words.iter().copied()).collect();
        self.here.json(exit, &words)
    }

    /// What people are told.
    #[track_caller]
    fn run(&self, exit: i32, words: &[&str]) -> String {
        let place = ["--server", &self.quic, "--url", &self.http];
        let words: Vec<&str> = place.into_iter().chain(words.iter().copied()).collect();
        self.here.run(exit, &words).0
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let _stopped = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn every_command_explains_itself() {
    let here = Here::new();
    let (help, _) = here.run(0, &["--help"]);
    assert!(help.contains("Exit codes: 0 yes, 1 refused, 2 wrong use, 3 error"), "{help}");
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    for name in ["serve", "campaign", "code", "redeem", "token", "doctor", "config", "man"] {
        assert!(commands.contains(&name), "{commands:?}");
    }
    for name in commands {
        let (help, _) = here.run(0, &[name, "--help"]);
        assert!(help.contains("Usage: jeton"), "{name}: {help}");
    }
    let (version, _) = here.run(0, &["--version"]);
    assert_eq!(version.trim(), format!("jeton {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_use_ends_with_2() {
    let here = Here::new();
    here.run(2, &["reedem"]);
    here.run(2, &["redeem", "A", "--line", "ticket"]);
    here.run(2, &["redeem", "A", "--total", "5"]);
    here.run(2, &["serve", "--set", "workers"]);
    let (_, err) = here.run(2, &["serve", "--set", "wrokers=2"]);
    assert!(err.contains("did you mean workers?"), "{err}");
    let error = here.json(2, &["serve", "--http-listen", "0.0.0.0:0", "--set", "http.tls=off"]);
    assert!(error["error"].as_str().unwrap().contains("without TLS"), "{error}");
    assert!(!here.path(".local").exists(), "nothing is made before everything is checked");
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let here = Here::new();
    here.run(0, &["init"]);
    let (_, err) = here.run(3, &["--url", "http://127.0.0.1:9", "campaign", "list"]);
    assert!(err.contains("is jeton serve running there?"), "{err}");
}

#[test]
fn config_check_tells_values_origins_and_mistakes() {
    let here = Here::new();
    let file = here.write("jeton.toml", "workers = 2\n[quic]\nidle_ms = 5000\n");
    let (text, _) = here.run(0, &["--config", &file, "config", "check"]);
    assert!(text.contains(&format!("workers = 2  # {file}")), "{text}");
    let document = here.json(0, &["--config", &file, "config", "check"]);
    assert_eq!((&document["ok"], &document["file"]), (&Value::Bool(true), &Value::from(&*file)));
    let (all, _) = here.run(0, &["config", "check", "--all"]);
    assert!(
        all.contains("# until a silent connection is given up\n# 1000 to 600000 ms; default 15000")
    );

    let wrong = here.write("wrong.toml", "workers = true\n[qiuc]\nidle_ms = 1\n");
    let document = here.json(2, &["--config", &wrong, "config", "check"]);
    let keys: Vec<&str> = document["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["workers", "qiuc.idle_ms"]);
}

#[test]
fn init_makes_a_private_installation_once() {
    let here = Here::new();
    let data = here.path("data");
    let dir = data.display().to_string();
    let made = here.json(0, &["--data", &dir, "init"]);
    assert!(made["made"].as_array().unwrap().len() >= 6, "{made}");
    assert_eq!(mode(&data), 0o700);
    for secret in ["secret", "ca.key", "server.key", "admin.token"] {
        assert_eq!(mode(&data.join(secret)), 0o600, "{secret}");
    }
    let secret = std::fs::read(data.join("secret")).unwrap();
    let again = here.json(0, &["--data", &dir, "init"]);
    assert_eq!(again["made"], serde_json::json!([]));
    assert_eq!(std::fs::read(data.join("secret")).unwrap(), secret);

    let token = std::fs::read(data.join("admin.token")).unwrap();
    here.json(0, &["--data", &dir, "init", "--new-token"]);
    assert_ne!(std::fs::read(data.join("admin.token")).unwrap(), token);
}

#[test]
fn an_installation_that_is_not_safe_is_refused() {
    let here = Here::new();
    let (data, other) = (here.path("data"), here.path("other"));
    let (dir, other_dir) = (data.display().to_string(), other.display().to_string());
    here.run(0, &["--data", &dir, "init"]);
    here.run(0, &["--data", &other_dir, "init"]);

    let mode = |mode: u32| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(data.join("secret"), mode(0o644)).unwrap();
    let (_, err) = here.run(3, &["--data", &dir, "init"]);
    assert!(err.contains("chmod 600"), "{err}");

    std::fs::remove_file(data.join("secret")).unwrap();
    let (_, err) = here.run(3, &["--data", &dir, "init"]);
    assert!(err.contains("Restore the file from its backup"), "{err}");

    std::fs::copy(other.join("secret"), data.join("secret")).unwrap();
    let (_, err) = here.run(3, &["--data", &dir, "init"]);
    assert!(err.contains("made under another secret"), "{err}");

    std::fs::set_permissions(&other, mode(0o755)).unwrap();
    let (_, err) = here.run(3, &["--data", &other_dir, "init"]);
    assert!(err.contains("chmod 700"), "{err}");
}

#[test]
fn packages_get_completions_and_manual_pages() {
    let here = Here::new();
    for shell in ["bash", "zsh", "fish"] {
        let (text, _) = here.run(0, &["completions", shell]);
        assert!(text.contains("redeem"), "{shell}");
    }
    let (page, _) = here.run(0, &["man"]);
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
    let dir = here.path("man").display().to_string();
    let files = here.json(0, &["man", &dir]);
    assert!(files["files"].as_array().unwrap().len() > 20, "{files}");
    assert!(here.path("man/jeton-code-generate.1").is_file());
}

#[test]
fn doctor_looks_at_everything_and_changes_nothing() {
    let here = Here::new();
    let doors = [("JETON_QUIC__LISTEN", "127.0.0.1:0"), ("JETON_HTTP__LISTEN", "127.0.0.1:0")];
    let doctor = |exit: i32| {
        let output = here.command(&["--json", "doctor"]).envs(doors).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let before = doctor(0);
    assert!(!here.path(".local").exists());
    assert_eq!(before["ok"], true);
    here.run(0, &["init"]);
    let after = doctor(0);
    let names: Vec<&str> = after["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    for name in ["clock", "data", "secret", "authority", "certificate", "sync", "udp buffers"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let data = here.path(".local/state/jeton");
    assert!(!data.join(".doctor").exists());
    let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    std::fs::set_permissions(data.join("secret"), mode).unwrap();
    let failed = doctor(1);
    let secret = failed["checks"].as_array().unwrap().iter().find(|c| c["name"] == "secret");
    assert_eq!(secret.unwrap()["state"], "fail");
}

#[test]
fn certificates_are_issued_from_the_own_authority() {
    let here = Here::new();
    let out = here.path("scanner").display().to_string();
    let words = ["cert", "issue", "--role", "gate", "--name", "scanner-17", "--out", &out];
    let issued = here.json(0, &words);
    assert_eq!(issued["identity"], "urn:jeton:tenant:default:role:gate:name:scanner-17");
    assert_eq!(mode(&here.path("scanner/scanner-17.key")), 0o600);
    here.run(2, &words);
    here.run(2, &["cert", "issue", "--role", "king", "--name", "a"]);
}

const SUMMER: &str = "\
id = \"summer\"
kind = \"access\"
uses = 2
[codes]
pattern = \"SUMMER-####-####-####\"
";

#[test]
fn a_whole_round_with_a_server() {
    let here = Here::new();
    let serving = Serving::start(&here);
    let file = here.write("summer.toml", SUMMER);

    let planned = serving.json(0, &["campaign", "apply", "--dry-run", &file]);
    assert_eq!(planned["dry_run"], true);
    serving.json(1, &["campaign", "show", "summer"]);
    serving.json(0, &["campaign", "apply", &file]);
    serving.json(0, &["campaign", "apply", &file]);
    let sheet = here.path("codes.txt").display().to_string();
    let wish = ["code", "generate", "summer", "--count", "10", "--format", "text", "--out", &sheet];
    assert_eq!(serving.json(0, &wish)["codes"], 10);
    assert_eq!(mode(Path::new(&sheet)), 0o600);
    let codes = std::fs::read_to_string(&sheet).unwrap();
    let code = codes.lines().next().unwrap();

    assert_eq!(serving.json(0, &["validate", code])["state"], "valid");
    let exact = serving.json(0, &["validate", code, "--exact"]);
    assert_eq!((&exact["state"], exact.get("counts_age_ms")), (&"valid".into(), None));
    let explained = serving.json(0, &["validate", code, "--explain"]);
    assert_eq!(explained["explanation"]["campaigns"][0]["campaign"], "summer");
    let tried = serving.json(0, &["redeem", code, "--dry", "--arrival", "2026-05-01"]);
    assert_eq!((&tried["state"], tried.get("id")), (&"valid".into(), None));
    let later = ["validate", code, "--now", "2031-01-01T00:00:00Z"];
    assert_eq!(serving.json(0, &later)["at"], "2031-01-01T00:00:00.000Z");
    let id = "0190f2f0-0000-7000-8000-00000000002a";
    let first = serving.json(0, &["redeem", code, "--gate", "north", "--id", id]);
    assert_eq!((&first["state"], &first["replayed"]), (&"redeemed".into(), &false.into()));
    let again = serving.json(0, &["redeem", code, "--gate", "north", "--id", id]);
    assert_eq!(again["replayed"], true);
    assert_eq!(serving.json(0, &["status", id])["state"], "redeemed");
    let held = serving.json(0, &["hold", code, "--ttl", "1m"]);
    let hold = held["id"].as_str().unwrap();
    assert_eq!(serving.json(1, &["redeem", code])["ok"], false);
    assert_eq!(serving.json(0, &["extend", hold, "--ttl", "5m"])["state"], "held");
    assert_eq!(serving.json(0, &["confirm", hold])["state"], "redeemed");
    assert_eq!(serving.json(1, &["redeem", code])["reason"], "usage_limit");
    assert_eq!(serving.json(0, &["release", hold])["state"], "released");
    assert_eq!(serving.json(0, &["status", code])["used"], 1);
    assert_eq!(serving.json(1, &["redeem", "NO-SUCH-CODE"])["ok"], false);

    serving.json(0, &["code", "show", code]);
    serving.json(0, &["code", "history", code]);
    serving.json(0, &["code", "revoke", code]);
    assert_eq!(serving.json(1, &["redeem", code])["reason"], "code_revoked");
    serving.json(0, &["code", "reinstate", code]);
    serving.json(0, &["campaign", "pause", "summer"]);
    assert_eq!(serving.json(1, &["redeem", code])["reason"], "campaign_paused");
    serving.json(0, &["campaign", "resume", "summer"]);
    assert_eq!(serving.json(0, &["redeem", code])["ok"], true);

    let made = serving.json(0, &["token", "create", "--role", "gate", "--name", "north"]);
    let token = made["token"].as_str().unwrap();
    serving.json(3, &["--token", token, "campaign", "list"]);
    assert_eq!(
        serving.json(0, &["--token", token, "validate", codes.lines().nth(1).unwrap()])["ok"],
        true
    );
    serving.json(0, &["token", "revoke", made["id"].as_str().unwrap()]);
    serving.json(3, &["--token", token, "validate", code]);

    serving.signal("HUP");
    assert_eq!(serving.json(0, &["validate", codes.lines().nth(2).unwrap()])["ok"], true);
    assert_eq!(serving.stop(), Some(0));

    let serving = Serving::start(&here);
    assert_eq!(serving.json(0, &["redeem", code, "--gate", "north", "--id", id])["replayed"], true);
    assert_eq!(serving.json(1, &["redeem", code])["reason"], "usage_limit");
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn lists_are_imported_and_exported() {
    let here = Here::new();
    let serving = Serving::start(&here);
    let file = here.write("summer.toml", SUMMER);
    serving.json(0, &["campaign", "apply", &file]);
    let list = here.write("list.txt", "WELCOME-ONE\nWELCOME-TWO\nwelcome-one\n");
    let run = |exit: i32, words: &[&str]| serving.run(exit, words);
    let told = run(1, &["code", "import", "summer", &list, "--dry-run"]);
    assert!(told.contains("line 3") && told.contains("2 would be taken in, 1 refused"), "{told}");
    let told = run(1, &["code", "import", "summer", &list]);
    assert!(told.contains("3 rows: 2 taken in, 1 refused"), "{told}");
    assert_eq!(serving.json(0, &["redeem", "welcome one"])["ok"], true);
    let batches = serving.json(0, &["code", "batches"]);
    assert!(batches.to_string().contains("summer"), "{batches}");
    let exported = run(0, &["code", "export", "1", "--format", "text"]);
    assert_eq!(exported, "WELCOME-ONE\nWELCOME-TWO\n");
    let words = ["code", "export", "1", "--format", "text", "--redeemed", "no"];
    assert_eq!(run(0, &words), "WELCOME-TWO\n");

    serving.json(0, &["code", "paid", "welcome two"]);
    let texts = |words: &[&str]| {
        let listed = serving.json(0, &[&["code", "list", "summer"], words].concat());
        let codes = listed["codes"].as_array().unwrap().clone();
        let texts = codes.iter().map(|code| code["code"].as_str().unwrap());
        (texts.collect::<Vec<_>>().join(" "), listed["after"].as_str().map(str::to_owned))
    };
    assert_eq!(texts(&[]), ("WELCOME-TWO WELCOME-ONE".to_owned(), None));
    assert_eq!(texts(&["--limit", "1"]), ("WELCOME-TWO".to_owned(), Some("1.1".to_owned())));
    assert_eq!(texts(&["--after", "1.1"]), ("WELCOME-ONE".to_owned(), None));
    assert_eq!(texts(&["--paid", "yes"]), ("WELCOME-TWO".to_owned(), None));
    assert_eq!(texts(&["--paid", "no", "--redeemed", "yes"]), ("WELCOME-ONE".to_owned(), None));
    let told = run(0, &["code", "list", "summer", "--batch", "1", "--redeemed", "yes"]);
    assert!(told.starts_with("CODE ") && told.contains("WELCOME-ONE"), "{told}");

    // The figures have counted the redemption once they are asked for.
    serving.json(0, &["figures", "--campaign", "summer"]);
    let listed = serving.json(0, &["campaign", "list", "--paid", "no", "--redeemed", "yes"]);
    let summer = &listed["campaigns"][0];
    assert_eq!(["codes", "paid", "used"].map(|name| summer[name].as_u64()), [2, 1, 1].map(Some));
    let told = run(0, &["campaign", "list", "--sort", "newest", "--limit", "1"]);
    assert!(told.starts_with("ID ") && told.contains("summer"), "{told}");
    assert_eq!(run(0, &["campaign", "list", "--paid", "yes"]).lines().count(), 1);
    let sheet = run(0, &["campaign", "list", "--csv"]);
    assert!(sheet.starts_with("id,name,") && sheet.contains("\nsummer,"), "{sheet}");
    serving.json(2, &["campaign", "list", "--csv"]);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let here = Here::new();
    let _serving = Serving::start(&here);
    let words = ["serve", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
    let (_, err) = here.run(3, &words);
    assert!(err.contains("in use by another process"), "{err}");
}

#[test]
fn metrics_are_well_named() {
    let here = Here::new();
    let serving = Serving::start(&here);
    let mut answer = ureq::get(format!("{}/metrics", serving.http)).call().unwrap();
    let mut text = String::new();
    answer.body_mut().as_reader().read_to_string(&mut text).unwrap();
    for name in ["jeton_codes", "jeton_requests_total", "jeton_ready"] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} is not in\n{text}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help in\n{text}");
    }
    // Some traffic first, so that every sort of metric has been used.
    serving.json(1, &["redeem", "NO-SUCH-CODE"]);
    let mut answer = ureq::get(format!("{}/metrics", serving.http)).call().unwrap();
    let mut text = String::new();
    answer.body_mut().as_reader().read_to_string(&mut text).unwrap();
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is missing; Debian has it in the package prometheus");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && said.is_empty(), "promtool: {said}");
}

#[test]
fn single_codes_are_issued_shown_and_removed() {
    let here = Here::new();
    here.json(0, &["init"]);
    let serving = Serving::start(&here);
    let file = here.write(
        "fair.toml",
        "id = \"fair\"\nkind = \"access\"\nretention = \"1day\"\n\
         codes = { pattern = \"FAIR-############\" }\n",
    );
    serving.json(0, &["campaign", "apply", &file]);
    let id = "0190f2f0-0000-7000-8000-00000000002a";
    let words = ["code", "issue", "fair", "--holder", "ada", "--photo", "p/1", "--request", id];
    let issued = serving.json(0, &words);
    assert_eq!(serving.json(0, &words)["code"], issued["code"]);
    let code = issued["code"].as_str().unwrap();
    serving.json(0, &["code", "photo", code, "--photo", "p/2"]);
    let page = serving.json(0, &["code", "show", code]);
    assert_eq!((&page["holder"], &page["photo"]), (&"ada".into(), &"p/2".into()));
    assert_eq!(serving.json(0, &["code", "prune", "--dry-run"])["sum"]["removed"], 0);
    here.write(
        "fair.toml",
        &std::fs::read_to_string(&file)
            .unwrap()
            .replace("retention", "validity = { until = \"2020-01-01\" }\nretention"),
    );
    serving.json(0, &["campaign", "apply", &file]);
    let pruned = serving.json(0, &["code", "prune"]);
    assert_eq!(
        (&pruned["sum"]["removed"], &pruned["campaigns"][0]["campaign"]),
        (&1.into(), &"fair".into())
    );
    assert_eq!(serving.json(0, &["slot", "list"]), Value::Array(Vec::new()));
    serving.json(1, &["account", "show", "card"]);
    assert_eq!(serving.stop(), Some(0));
}

const BANK: &str = r#"
[[account]]
id = "card"
currency = "EUR"

[[campaign]]
id = "gift"
kind = "voucher"
currency = "EUR"
balance = "50"
codes = { pattern = "GIFT-############" }

[[campaign]]
id = "trip"
kind = "access"
codes = { pattern = "TRIP-############" }
"#;

#[test]
fn value_is_put_in_moved_shown_and_given_instead_of_money() {
    let here = Here::new();
    let serving = Serving::start(&here);
    let file = here.write("bank.toml", BANK);
    serving.json(0, &["campaign", "apply", &file]);
    let fresh = |campaign: &str| {
        let issued = serving.json(0, &["code", "issue", campaign]);
        issued["code"].as_str().unwrap().to_owned()
    };
    let (gift, other) = (fresh("gift"), fresh("gift"));
    let of_mia = ["--account", "card", "--customer", "mia"];

    let id = "0190f2f0-0000-7000-8000-00000000002a";
    let words = ["topup", "--code", &gift, "20.00", "--id", id, "--order-ref", "S-1"];
    let yes = serving.json(0, &words);
    assert_eq!((&yes["request"], &yes["uses"][0]["balance"]), (&id.into(), &"70.00".into()));
    assert_eq!(serving.json(0, &words)["replayed"], true);
    let words = ["topup", "--code", &gift, "21", "--id", id];
    assert_eq!(serving.json(1, &words)["reason"], "id_mismatch");
    let told = serving.run(0, &[&["topup", "10.5"], &of_mia[..]].concat());
    assert!(told.starts_with("yes: redeemed  request 0"), "{told}");
    assert!(told.ends_with("\n  card +10.50, balance 10.50 EUR\n"), "{told}");
    let request = told.split_whitespace().nth(3).unwrap();
    assert_eq!(serving.json(0, &["release", request])["state"], "released");

    let to_mia = ["--to-account", "card", "--to-customer", "mia"];
    let words = [&["transfer", "--from-code", &gift, "30"], &to_mia[..]].concat();
    let told = serving.run(0, &words);
    assert!(told.ends_with("\n  gift, balance 40.00 EUR\n  card +30.00, balance 30.00 EUR\n"));
    let words = ["transfer", "--from-code", &gift, "--to-code", &other, "40.01"];
    let told = serving.run(1, &words);
    assert!(told.starts_with("no: balance_insufficient (191): "), "{told}");

    let used = serving.json(0, &["redeem", &fresh("trip")]);
    let id = used["id"].as_str().unwrap();
    let voucher = ["release", id, "--voucher", "gift", "--amount", "80", "--holder", "mia"];
    let given = serving.json(0, &voucher);
    let code = given["credit"]["code"].as_str().unwrap();
    let again = ["--id", given["request"].as_str().unwrap()];
    let told = serving.run(0, &[&voucher[..], &again].concat());
    assert!(told.ends_with(&format!("\n  {code}, worth 80.00 EUR\n")), "{told}");
    assert_eq!(serving.json(0, &["code", "show", code])["balance"], "80.00");
    assert_eq!(serving.json(1, &voucher)["reason"], "already_released");
    let used = serving.json(0, &["redeem", &fresh("trip")]);
    let id = used["id"].as_str().unwrap();
    let credit = ["release", id, "--credit", "card", "--customer", "mia", "--amount", "7.5"];
    assert!(serving.run(0, &credit).ends_with("\n  credited 7.50 EUR\n"));

    let page = serving.json(0, &["account", "lookup", "card", "mia", "--events", "2"]);
    assert_eq!((&page["balance"], &page["lots"][0]["amount"]), (&"37.50".into(), &"37.50".into()));
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
    let told = serving.run(0, &["account", "lookup", "card", "mia"]);
    assert!(told.contains("\nAMOUNT  EXPIRES  SPENDABLE FROM\n37.50\n"), "{told}");
    assert!(told.contains("released  7.50"), "{told}");
    let words = ["account", "lookup", "none", "mia"];
    assert_eq!(serving.json(1, &words)["reason"], "input_missing");

    for words in [
        &["topup", "5"][..],
        &["topup", "--code", &gift, "--account", "card", "--customer", "mia", "5"],
        &["topup", "--account", "card", "5"],
        &["topup", "--code", &gift, "much"],
        &["transfer", "--from-code", &gift, "5"],
        &["release", id, "--amount", "5"],
        &["release", id, "--voucher", "gift"],
        &[
            "release",
            id,
            "--voucher",
            "gift",
            "--credit",
            "card",
            "--customer",
            "m",
            "--amount",
            "5",
        ],
    ] {
        here.run(2, words);
    }
}
