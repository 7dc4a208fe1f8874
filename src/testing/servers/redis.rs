//! One Redis server: started, asked, stopped, killed, restarted.
//!
//! A Sentinel is such a server too, under another program name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ::redis::{Client, Connection, FromRedisValue};

use super::process::{OwnDir, Process, free_port, until};
use crate::testing::SetUp;

/// Starts that may fail because another process took the port first.
const STARTS_MAX: u32 = 10;

/// Until a server answers, an append-only file included.
const READY_MS_MAX: u64 = 15_000;

/// Until an answer to one question.
const ANSWER_S_MAX: u64 = 10;

/// When Redis writes to disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aof {
    /// Never: a restart forgets everything.
    #[default]
    Off,
    /// Every second: a killed process loses nothing, a machine without power up to two seconds.
    EverySec,
    /// Before each reply.
    Always,
}

/// How a server is made. By default without persistence.
///
/// Snapshots are off, memory is never evicted, and `DEBUG` is allowed.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// The append-only file.
    pub aof: Aof,
    /// Further lines of the configuration, as name and value; they win over ours. `requirepass`
    /// (letters and digits) is used by everything here that talks to the server. Do not set `port`.
    pub extra: Vec<(String, String)>,
}

impl RedisOptions {
    /// With one more line of configuration.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.extra.push((name.to_owned(), value.into()));
        self
    }

    /// The password that clients must show.
    pub(super) fn password(&self) -> Option<&str> {
        let set = self.extra.iter().rfind(|(name, _)| name == "requirepass");
        set.map(|(_, value)| value.as_str())
    }

    fn lines(&self) -> Vec<String> {
        let (appendonly, appendfsync) = match self.aof {
            Aof::Off => ("no", "everysec"),
            Aof::EverySec => ("yes", "everysec"),
            Aof::Always => ("yes", "always"),
        };
        let mut lines = vec![
            "save \"\"".to_owned(),
            format!("appendonly {appendonly}"),
            format!("appendfsync {appendfsync}"),
            "maxmemory-policy noeviction".to_owned(),
            "repl-diskless-sync-delay 0".to_owned(),
            "enable-debug-command local".to_owned(),
        ];
        // A server may become a replica of one like it.
        lines.extend(self.password().map(|password| format!("masterauth {password}")));
        lines.extend(self.extra.iter().map(|(name, value)| format!("{name} {value}")));
        lines
    }
}

/// A server on `127.0.0.1`; dropped, it is killed and its directory removed.
pub struct RedisServer {
    program: &'static str,
    // Before the directory: fields are dropped in order, and the process writes into it.
    process: Option<Process>,
    dir: OwnDir,
    port: u16,
    pid: u32,
    password: Option<String>,
}

impl RedisServer {
    /// Starts a server in a directory of its own, on a free port, and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started or does not answer, with the end of its log.
    pub fn start(options: &RedisOptions) -> SetUp<Self> {
        Self::start_program("redis-server", options.password(), |_| Ok(options.lines()))
    }

    /// Starts `program` with the configuration that `lines` gives; it is asked again, for new
    /// ports, should another process have taken a port first.
    pub(super) fn start_program(
        program: &'static str,
        password: Option<&str>,
        lines: impl Fn(u16) -> SetUp<Vec<String>>,
    ) -> SetUp<Self> {
        let mut failed = String::new();
        for _ in 0..STARTS_MAX {
            let port = free_port()?;
            let password = password.map(str::to_owned);
            let mut server =
                Self { program, process: None, dir: OwnDir::create()?, port, pid: 0, password };
            let dir = server.dir().display();
            let mut text = format!("port {port}\nbind 127.0.0.1\ndaemonize no\ndir \"{dir}\"\n");
            for line in lines(port)? {
                text.push_str(&line);
                text.push('\n');
            }
            fs::write(server.config_path(), text)
                .map_err(|error| format!("writing the configuration: {error}"))?;
            match server.launch() {
                Ok(()) => return Ok(server),
                Err(error) if error.contains("ddress already in use") => failed = error,
                Err(error) => return Err(error),
            }
        }
        Err(failed)
    }

    /// The options of a node of a Cluster, with its own bus port.
    pub(super) fn start_cluster_node(options: &RedisOptions, node_timeout_ms: u64) -> SetUp<Self> {
        Self::start_program("redis-server", options.password(), |_| {
            let own = RedisOptions { aof: options.aof, extra: Vec::new() }
                .with("cluster-enabled", "yes")
                .with("cluster-port", free_port()?.to_string())
                .with("cluster-node-timeout", node_timeout_ms.to_string())
                .with("cluster-allow-replica-migration", "no");
            let extra = own.extra.into_iter().chain(options.extra.iter().cloned()).collect();
            Ok(RedisOptions { aof: options.aof, extra }.lines())
        })
    }

    /// Its port on `127.0.0.1`; the same for its whole life.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients connect, `redis://…`, with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        let user = self.password.as_ref().map(|password| format!(":{password}@"));
        format!("redis://{}127.0.0.1:{}", user.unwrap_or_default(), self.port)
    }

    /// Its directory: configuration, data, log.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its process id; that of the last process while none runs.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Everything it has printed, over all its restarts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Whether a process runs and is not paused.
    #[must_use]
    pub fn is_awake(&self) -> bool {
        self.process.as_ref().is_some_and(|process| !process.is_paused())
    }

    /// Kills it (SIGKILL) and waits until it is dead. A dead one stays dead.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port and directory, after killing it if it still runs.
    ///
    /// # Errors
    /// When it cannot be started or does not answer, with the end of its log.
    pub fn restart(&mut self) -> SetUp<()> {
        self.kill();
        self.launch()
    }

    /// Like [`restart`](Self::restart), but the data files are gone: an operator's accident.
    /// Configuration and, in a Cluster, identity stay.
    ///
    /// # Errors
    /// When the files cannot be removed or the server not be started.
    pub fn restart_empty(&mut self) -> SetUp<()> {
        self.kill();
        let told = |error: std::io::Error| format!("removing the data: {error}");
        for name in ["dump.rdb", "appendonlydir"] {
            let path = self.dir().join(name);
            if path.is_dir() {
                fs::remove_dir_all(path).map_err(told)?;
            } else if path.exists() {
                fs::remove_file(path).map_err(told)?;
            }
        }
        self.launch()
    }

    /// Stops it where it stands (SIGSTOP): connections stay open, nothing is answered.
    pub fn pause(&self) {
        if let Some(process) = &self.process {
            process.pause();
        }
    }

    /// Lets a paused one go on (SIGCONT).
    pub fn resume(&self) {
        if let Some(process) = &self.process {
            process.resume();
        }
    }

    /// What `redis-cli` prints for a command, without the last line break.
    ///
    /// # Errors
    /// An error reply, no connection, or no answer within ten seconds.
    pub fn cli(&self, args: &[&str]) -> SetUp<String> {
        let mut command = Command::new("timeout");
        command.args(["-k", "1", &ANSWER_S_MAX.to_string(), "redis-cli", "-e", "-p"]);
        command.arg(self.port.to_string()).args(args).stdin(Stdio::null());
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        let output = command.output().map_err(|error| format!("starting redis-cli: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let said = [text(&output.stdout), text(&output.stderr)].concat();
        Err(format!("redis-cli {}: {}: {said}", args.join(" "), output.status))
    }

    /// A new connection; answers are awaited for at most ten seconds.
    ///
    /// # Errors
    /// When it cannot be made, or the server is paused or killed.
    pub fn connection(&self) -> SetUp<Connection> {
        if !self.is_awake() {
            return Err(format!("{} on port {} is paused or dead", self.program, self.port));
        }
        let limit = Some(Duration::from_secs(ANSWER_S_MAX));
        let client = Client::open(self.url()).map_err(|error| error.to_string())?;
        let connection = client.get_connection_with_timeout(Duration::from_secs(ANSWER_S_MAX));
        let connection = connection.map_err(|error| error.to_string())?;
        connection.set_read_timeout(limit).map_err(|error| error.to_string())?;
        Ok(connection)
    }

    /// Asks one thing over a new connection: the words of the command.
    ///
    /// # Errors
    /// No connection, an error reply, or a reply of another shape.
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> SetUp<T> {
        let mut command = ::redis::Cmd::new();
        words.iter().for_each(|word| {
            command.arg(word);
        });
        let reply = command.query(&mut self.connection()?);
        reply.map_err(|error| format!("{} on port {}: {error}", words.join(" "), self.port))
    }

    /// A field of `INFO`.
    pub(super) fn info(&self, field: &str) -> Option<String> {
        let info: String = self.ask(&["INFO"]).ok()?;
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| *name == field).map(|(_, value)| value.to_owned())
    }

    fn config_path(&self) -> PathBuf {
        self.dir().join("redis.conf")
    }

    fn log_path(&self) -> PathBuf {
        self.dir().join("redis.log")
    }

    fn launch(&mut self) -> SetUp<()> {
        let process = Process::spawn(self.program, &[&self.config_path()], &self.log_path())?;
        self.pid = process.pid();
        self.process = Some(process);
        let ready = until(Duration::from_millis(READY_MS_MAX), "the server to answer", || {
            let ended = self.process.as_mut().is_none_or(Process::has_ended);
            if ended {
                Some(Err("the server has ended"))
            } else {
                self.is_ready().then_some(Ok(()))
            }
        });
        let ready = ready.and_then(|ready| ready.map_err(str::to_owned));
        ready.map_err(|error| {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(8)..).unwrap_or_default();
            format!("{} on port {}: {error}\n{}", self.program, self.port, tail.join("\n"))
        })
    }

    /// Whether it, and not a stranger on its port, answers and has loaded its data.
    fn is_ready(&self) -> bool {
        self.info("process_id") == Some(self.pid.to_string())
            && self.ask::<String>(&["PING"]).is_ok_and(|reply| reply == "PONG")
    }
}
