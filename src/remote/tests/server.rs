//! A real server of a test: on a free port, in a directory of its own, gone with the test.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::super::{Options, Remote, Target};
use super::send;

/// Tries before a server counts as unwilling to start, and the pause between them.
const TRIES: usize = 500;
const PAUSE: Duration = Duration::from_millis(10);

/// A server, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    dir: TempDir,
    port: u16,
    arguments: Vec<String>,
}

pub(crate) fn free_port() -> u16 {
    // Not above 55535: a cluster's bus takes the port 10,000 higher.
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port <= 55_535 {
            return port;
        }
    }
}

impl Server {
    /// A server with more arguments; `{dir}` in them is its directory, `{port}` its port.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let fill = |text: &&str| {
            let dir = dir.path().to_str().unwrap();
            text.replace("{dir}", dir).replace("{port}", &port.to_string())
        };
        let arguments: Vec<_> = arguments.iter().map(fill).collect();
        let child = spawn("redis-server", dir.path(), port, &arguments);
        let server = Self { child, dir, port, arguments };
        server.is_up();
        server
    }

    /// A sentinel with a configuration of its own.
    pub(crate) fn sentinel(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        std::fs::write(dir.path().join("sentinel.conf"), config).unwrap();
        let child = spawn("redis-sentinel", dir.path(), port, &[]);
        let server = Self { child, dir, port, arguments: Vec::new() };
        server.is_up();
        server
    }

    fn is_up(&self) {
        for _ in 0..TRIES {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::park_timeout(PAUSE);
        }
        let log = std::fs::read_to_string(self.dir.path().join("log"));
        assert!(log.is_err(), "it does not start: {log:?}");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn remote(&self) -> Remote {
        remote(&self.url())
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Again with the same port and directory, after [`Server::kill`].
    pub(crate) fn start_again(&mut self) {
        self.child = spawn("redis-server", self.dir.path(), self.port, &self.arguments);
        self.is_up();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be dead already.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// Three masters that share the slots evenly.
pub(crate) async fn cluster() -> Vec<Server> {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Server::start(&["--cluster-enabled", "yes"]));
    }
    for (place, range) in ["0 5460", "5461 10922", "10923 16383"].into_iter().enumerate() {
        let mut lane = servers[place].remote().lane().await.unwrap();
        let add = format!("CLUSTER ADDSLOTSRANGE {range}");
        let meet = format!("CLUSTER MEET 127.0.0.1 {}", servers[0].port());
        let epoch = format!("CLUSTER SET-CONFIG-EPOCH {}", place + 1);
        assert_eq!(send(&mut lane, "", &[&epoch, &add, &meet]).await, ["ok"; 3]);
    }
    for server in &servers {
        let mut lane = server.remote().lane().await.unwrap();
        while !send(&mut lane, "", &["CLUSTER INFO"]).await[0].contains("cluster_state:ok") {
            std::thread::park_timeout(PAUSE);
        }
    }
    servers
}

pub(crate) fn cluster_url(servers: &[Server]) -> String {
    let hosts: Vec<_> =
        servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
    format!("redis+cluster://{}", hosts.join(","))
}

fn spawn(program: &str, dir: &Path, port: u16, arguments: &[String]) -> Child {
    let mut command = Command::new("setpriv");
    // Who is killed cannot clean up; the server goes with them.
    command.args(["--pdeathsig", "KILL", program]);
    if program == "redis-sentinel" {
        command.arg("sentinel.conf");
    }
    let port = port.to_string();
    command.args(["--port", &port, "--bind", "127.0.0.1", "--logfile", "log"]);
    if program == "redis-server" {
        command.args(["--save", "", "--maxmemory-policy", "noeviction"]);
    }
    command.args(arguments).current_dir(dir);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

pub(crate) fn remote(url: &str) -> Remote {
    Remote::new(options(url)).unwrap()
}

pub(crate) fn options(url: &str) -> Options {
    Options::new(url.parse::<Target>().unwrap())
}
