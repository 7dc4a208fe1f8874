//! The program: `jeton user`, and the people of the demo.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{Browser, PASSWORD, agent, ask};

/// A program that serves, stopped when dropped.
struct Serving {
    child: Child,
    lines: Vec<Value>,
}

impl Serving {
    /// Starts it and reads its first lines.
    fn start(dir: &Path, words: &[&str], lines: usize) -> Self {
        let mut child = jeton(dir, words).stdout(Stdio::piped()).spawn().unwrap();
        let read = BufReader::new(child.stdout.take().unwrap()).lines().take(lines);
        let lines = read.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        Self { child, lines }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _stopped = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn jeton(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jeton"));
    command.env_clear().env("HOME", dir).current_dir(dir).args(words);
    command
}

/// What the program says when it is given this on standard input.
#[track_caller]
fn run(dir: &Path, url: &str, exit: i32, words: &[&str], input: &str) -> String {
    let words = [&["--url", url], words].concat();
    let mut command = jeton(dir, &words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not read may be gone.
    let _written = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(exit), "{words:?}\n{out}\n{err}");
    out + &err
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn users_are_made_and_changed_from_the_command_line() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let words = ["--json", "serve", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
    let serving = Serving::start(dir, &words, 1);
    let url = serving.lines[0]["http"].as_str().unwrap();
    let user = |exit: i32, words: &[&str], input: &str| {
        run(dir, url, exit, &[&["user"], words].concat(), input)
    };
    let create = ["create", "Anna", "--role", "office", "--property", "aqua", "--password-stdin"];
    let made = user(0, &create, &format!("{PASSWORD}\n"));
    assert_eq!(made, "user anna can sign in\n");
    assert!(user(1, &create, PASSWORD).contains("there is a user anna already"));
    let short = user(1, &["create", "otto", "--role", "office", "--password-stdin"], "short\n");
    assert!(short.contains("password: is too short; give at least 10 characters"), "{short}");
    let silent = user(2, &["create", "otto", "--role", "office"], "");
    assert!(silent.contains("--password-stdin"), "{silent}");
    let help = user(0, &["create", "--help"], "");
    assert!(!help.contains("--password <"), "a password is never an argument: {help}");

    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    let agent = agent();
    let sign_in = |password: &str| {
        let body = json!({"name": "anna", "password": password}).to_string();
        ask(&agent, address, "POST", "/v1/session", &[], &body)
    };
    let anna = Browser::of(&sign_in(PASSWORD).is(200));
    let listed: Value = serde_json::from_str(&user(0, &["list", "--json"], "")).unwrap();
    assert_eq!(listed[0]["properties"], json!(["aqua"]));
    assert_eq!(listed[0]["sessions"], 1);
    assert!(user(0, &["list"], "").contains("aqua"));

    user(0, &["password", "anna", "--password-stdin"], "another password\n");
    let status = |browser: &Browser| {
        ask(&agent, address, "GET", "/v1/session", &browser.headers(), "").status
    };
    assert_eq!(status(&anna), 401);
    sign_in(PASSWORD).is(401);
    let anna = Browser::of(&sign_in("another password").is(200));
    assert_eq!(user(0, &["disable", "anna"], ""), "user anna is disabled\n");
    assert_eq!(status(&anna), 401);
    sign_in("another password").is(401);
    user(0, &["enable", "anna"], "");
    sign_in("another password").is(200);
    assert_eq!(user(0, &["remove", "anna"], ""), "user anna is removed\n");
    sign_in("another password").is(401);
    assert!(user(1, &["remove", "anna"], "").contains("no user anna"));

    let metrics = ask(&agent, address, "GET", "/metrics", &[], "").is(200).text;
    for line in [
        "jeton_guesses_total 3",
        "jeton_sign_ins_total{result=\"no\"} 3",
        "jeton_sign_ins_total{result=\"yes\"} 3",
    ] {
        assert!(metrics.lines().any(|told| told == line), "{line}\n{metrics}");
    }
}

#[test]
fn a_first_start_says_how_people_come_in() {
    let home = tempfile::tempdir().unwrap();
    let words = ["serve", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
    let mut child = jeton(home.path(), &words).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told: Vec<String> = lines.take_while(|line| !line.starts_with("ready")).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let hint = "nobody can sign in yet: jeton user create NAME --role admin";
    assert!(told.iter().any(|line| line.contains(hint)), "{told:?}");
}

#[test]
fn the_people_of_the_demo_can_sign_in() {
    let home = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let words = ["--json", "demo", "--listen", "127.0.0.1:0", "--http-listen", &listen];
    let demo = Serving::start(home.path(), &words, 2);
    let tour = &demo.lines[1];
    assert_eq!(tour["pages"], format!("http://{listen}/"));
    let people = tour["people"].as_array().unwrap();
    let names: Vec<&str> = people.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["office", "admin"]);
    assert_ne!(people[0]["password"], people[1]["password"]);
    for one in people {
        let agent = agent();
        let body = json!({"name": one["name"], "password": one["password"]}).to_string();
        let heard = ask(&agent, listen.parse().unwrap(), "POST", "/v1/session", &[], &body);
        assert_eq!(Browser::of(&heard.is(200)).session["role"], one["name"]);
    }
}
