//! The program on a machine of its own, as a service manager or an operator starts it.

use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use jeton::client::{Client, Options};
use serde_json::Value;

/// How long anything that must happen may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A file of the repository.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A file of the repository, as text.
#[track_caller]
pub(crate) fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Waits until `done` gives something.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(begin.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A home with a data directory in it.
pub(crate) struct Machine {
    home: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A command, without the variables of this process.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jeton"));
        command.env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin");
        for door in ["JETON_QUIC__LISTEN", "JETON_HTTP__LISTEN"] {
            command.env(door, "127.0.0.1:0");
        }
        command.arg("--json").arg("--data").arg(self.data()).args(words);
        command
    }

    /// What a command answers, if it exits so.
    #[track_caller]
    pub(crate) fn json(&self, exit: i32, words: &[&str]) -> Value {
        let output = self.command(words).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), output.stderr);
        let err = String::from_utf8_lossy(&err);
        assert_eq!(output.status.code(), Some(exit), "{words:?}\n{out}\n{err}");
        serde_json::from_str(out.trim()).unwrap_or_else(|_| Value::String(err.into_owned()))
    }

    /// A further node of the installation that `init` made: the files that it names are copied.
    pub(crate) fn join(made: &Value) -> Self {
        let node = Self::new();
        node.make_data();
        for from in made["copy_to_further_nodes"].as_array().unwrap() {
            let from = Path::new(from.as_str().unwrap());
            std::fs::copy(from, node.data().join(from.file_name().unwrap())).unwrap();
        }
        node
    }

    pub(crate) fn make_data(&self) {
        std::fs::create_dir(self.data()).unwrap();
        std::fs::set_permissions(self.data(), Permissions::from_mode(0o700)).unwrap();
    }

    /// Serves on any ports.
    pub(crate) fn serve(&self) -> Serving {
        self.start(&mut self.command(&["serve"]))
    }

    /// Runs a command that serves, until it says that it is ready.
    pub(crate) fn start(&self, command: &mut Command) -> Serving {
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {}", self.log()));
        let said = |name: &str| ready[name].as_str().unwrap().to_owned();
        Serving { quic: said("quic"), http: said("http"), child }
    }

    /// What the servers logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Stores a campaign and its codes.
    #[track_caller]
    pub(crate) fn furnish(&self, serving: &Serving, campaign: &str, codes: &str) {
        let (definition, list) = (self.path("campaign.toml"), self.path("codes.txt"));
        std::fs::write(&definition, campaign).unwrap();
        std::fs::write(&list, codes).unwrap();
        let id = campaign.lines().find_map(|line| line.strip_prefix("id = ")).unwrap();
        let id = id.trim_matches('"');
        let url = ["--url", &serving.http];
        let words = ["campaign", "apply", definition.to_str().unwrap()];
        self.json(0, &[url.as_slice(), &words].concat());
        let words = ["code", "import", id, list.to_str().unwrap()];
        self.json(0, &[url.as_slice(), &words].concat());
    }

    /// What redeeming a code over QUIC answers.
    #[track_caller]
    pub(crate) fn redeem(&self, serving: &Serving, exit: i32, code: &str) -> Value {
        self.json(exit, &["--server", &serving.quic, "redeem", code])
    }

    /// A client with the installation's own token.
    pub(crate) async fn client(&self, serving: &Serving) -> Client {
        let ca = std::fs::read(self.data().join("ca.pem")).unwrap();
        let token = std::fs::read_to_string(self.data().join("admin.token")).unwrap();
        let options = Options::new(&serving.quic, ca).server_name("localhost").token(token.trim());
        Client::connect(options.deadline(PATIENCE)).await.unwrap()
    }
}

/// A server, killed when dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) quic: String,
    pub(crate) http: String,
}

impl Serving {
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Lets it finish.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    /// `HOST:PORT` of the HTTP door.
    pub(crate) fn http_address(&self) -> &str {
        self.http.split_once("://").unwrap().1
    }

    pub(crate) fn metrics(&self) -> String {
        let mut answer = ureq::get(format!("{}/metrics", self.http)).call().unwrap();
        let mut text = String::new();
        answer.body_mut().as_reader().read_to_string(&mut text).unwrap();
        text
    }

    /// The value of a gauge, named with its labels.
    pub(crate) fn gauge(&self, name: &str) -> Option<f64> {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse().ok()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
