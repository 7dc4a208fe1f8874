//! P9: what PostgreSQL makes of the same promise, durable before it is answered: one statement with
//! a row for the request's id and `UPDATE … WHERE used < max RETURNING`.
//!
//! `pgbench` asks over a Unix socket, prepared, for a code that nobody asked for before. The server
//! runs in the goal's directory with `fsync` and `synchronous_commit` on, and more memory and log
//! than by default, so that no checkpoint falls into the measurement. Its socket is in the
//! directory, too: it listens on no port.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::{Instant, sleep};

use super::field::{Field, Peak, version};
use super::program::{Program, as_user};
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::ServeBoxArgs;
use crate::workload::{Codes, Law, Verb};

/// Clients of `pgbench`, and connections of ours.
const CLIENTS: u32 = 64;
/// Threads of `pgbench`: one a core of a small machine.
const THREADS: u32 = 2;
const CODES: u64 = 4_000_000;
/// More than one of our connections redeems in a second.
const RATE: u64 = 60_000;
const PACKAGE: &str = "postgresql";
/// Unprivileged, where there is no user `postgres`.
const NOBODY: (u32, u32) = (65_534, 65_534);
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

const SETTINGS: &str = "fsync = on
synchronous_commit = on
listen_addresses = ''
max_connections = 100
shared_buffers = 256MB
max_wal_size = 4GB
";

const TABLES: &str = "
    CREATE TABLE codes (id bigint PRIMARY KEY, used int NOT NULL, max int NOT NULL);
    CREATE TABLE receipts (id uuid PRIMARY KEY, code bigint NOT NULL);
";

/// `n` counts the transactions of a client; `permute` makes of it a code of its own, far from the
/// last.
const SCRIPT: &str = "\\set n :n + 1
\\set id 1 + permute(:n * :clients + :client_id, :codes)
WITH fresh AS (
    INSERT INTO receipts VALUES (gen_random_uuid(), :id) ON CONFLICT DO NOTHING RETURNING code
)
UPDATE codes SET used = used + 1 FROM fresh
WHERE codes.id = fresh.code AND used < max RETURNING used;
";

pub(super) async fn against_updates(field: &mut Field) -> anyhow::Result<Findings> {
    let rival = Rival::start(field).await?;
    let codes = field.codes_for(RATE);
    let args = ServeBoxArgs::new(&field.path("ours"), Keep::Sync, codes);
    let server = field.server(&args)?;
    let codes = Arc::new(Codes::read(server.codes())?);
    let mut ours = Series::new("jeton, sync, 64 x 1", "/s");
    let mut theirs = Series::new("PostgreSQL, pgbench -c 64", "/s");
    for _ in field.rounds() {
        let peak = Peak {
            options: server.options(),
            codes: &codes,
            verb: Verb::Redeem,
            law: Law::Once,
            connections: CLIENTS,
            in_flight: 1,
        };
        ours.push(field.peak(peak).await?.achieved_per_s);
        theirs.push(rival.run(field.seconds())?);
    }
    server.end()?;
    let (done, used) = rival.counts()?;
    rival.end()?;
    // Clients that ran far ahead took codes of the next round: those were refused.
    field.check(used <= done, || format!("PostgreSQL: {done} receipts for {used} uses"));
    let contests = vec![Contest::against(ours, theirs, Target::AtLeast(10.0))];
    Ok(Findings { contests, beside: Vec::new() })
}

/// A PostgreSQL of our own.
struct Rival {
    programs: PathBuf,
    socket: PathBuf,
    script: PathBuf,
    user: Option<(u32, u32)>,
    server: Program,
}

impl Rival {
    async fn start(field: &mut Field) -> anyhow::Result<Self> {
        let programs = programs();
        field.setting(version(&programs.join("postgres"), PACKAGE)?);
        version(&programs.join("pgbench"), PACKAGE)?;
        field.setting(SETTINGS.trim().replace('\n', "; "));
        field.say("starting PostgreSQL");
        let (socket, user) = (field.path("postgres"), user()?);
        let data = socket.join("data");
        fs::create_dir(&socket)?;
        if let Some((user, group)) = user {
            // The server's user must get there.
            fs::set_permissions(field.dir(), fs::Permissions::from_mode(0o755))?;
            chown(&socket, Some(user), Some(group))?;
        }
        let mut initdb = as_user(user, &[]);
        initdb.arg(programs.join("initdb")).args(["-A", "trust", "-U", "postgres"]);
        run(initdb.args(["--no-locale", "-E", "UTF8", "-D"]).arg(&data))?;
        let config = data.join("postgresql.conf");
        let mut text = fs::read_to_string(&config)?;
        text.push_str(SETTINGS);
        fs::write(&config, text)?;
        let mut postgres = Command::new(programs.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(&socket);
        let server = Program::spawn(&postgres, user, &field.path("postgres.log"))?;
        let script = field.path("redeem.sql");
        fs::write(&script, SCRIPT)?;
        let mut rival = Self { programs, socket, script, user, server };
        rival.ready(&field.path("postgres.log")).await?;
        rival.ask(TABLES)?;
        rival
            .ask(&format!("INSERT INTO codes SELECT n, 0, 1 FROM generate_series(1, {CODES}) n"))?;
        rival.ask("VACUUM ANALYZE")?;
        Ok(rival)
    }

    async fn ready(&mut self, log: &Path) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.ask("SELECT 1").is_err() {
            let is_hopeless = self.server.has_ended() || begun.elapsed() > PATIENCE;
            let said = || fs::read_to_string(log).unwrap_or_default();
            ensure!(!is_hopeless, "PostgreSQL does not start:\n{}", said());
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// What `psql` prints for a statement.
    fn ask(&self, statement: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-U", "postgres", "-Atqh"]).arg(&self.socket);
        run(psql.args(["-v", "ON_ERROR_STOP=1", "-c", statement, "postgres"]))
    }

    /// Redemptions a second.
    fn run(&self, seconds: u32) -> anyhow::Result<f64> {
        // Well behind where the last run ended: some clients get much further than others.
        let (done, _) = self.counts()?;
        let n = done / u64::from(CLIENTS) * 5 + 1;
        let mut pgbench = Command::new(self.programs.join("pgbench"));
        pgbench.args(["-U", "postgres", "-n", "-M", "prepared", "-h"]).arg(&self.socket);
        pgbench.args(["-c", &CLIENTS.to_string(), "-j", &THREADS.to_string()]);
        pgbench.args(["-T", &seconds.to_string(), "-D", &format!("n={n}")]);
        pgbench.args(["-D", &format!("clients={CLIENTS}"), "-D", &format!("codes={CODES}")]);
        let said = run(pgbench.arg("-f").arg(&self.script).arg("postgres"))?;
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
        let rate = rate.and_then(|rate| rate.parse().ok());
        rate.with_context(|| format!("pgbench said {said:?}"))
    }

    /// Tells it to end, and waits for that: killed, it would leave memory behind.
    fn end(self) -> anyhow::Result<()> {
        let mut stop = as_user(self.user, &[]);
        stop.arg(self.programs.join("pg_ctl")).args(["stop", "-s", "-m", "fast", "-D"]);
        run(stop.arg(self.socket.join("data"))).map(|_| ())
    }

    /// Receipts and uses.
    fn counts(&self) -> anyhow::Result<(u64, u64)> {
        let said = self.ask("SELECT (SELECT count(*) FROM receipts), sum(used) FROM codes")?;
        let pair = said.trim().split_once('|');
        let pair = pair.and_then(|(done, used)| Some((done.parse().ok()?, used.parse().ok()?)));
        pair.with_context(|| format!("psql said {said:?}"))
    }
}

/// Where the server's programs are: Debian keeps them apart by version.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let dirs = versions.map(|version| version.path().join("bin"));
    let servers = dirs.filter(|dir| dir.join("postgres").exists());
    let version = |dir: &PathBuf| {
        let name = dir.parent().and_then(Path::file_name)?.to_str()?;
        name.parse::<u32>().ok()
    };
    // Elsewhere they are on the path.
    servers.max_by_key(version).unwrap_or_default()
}

/// Whom the server shall run as: it refuses to be root's. `None`: as we do.
fn user() -> anyhow::Result<Option<(u32, u32)>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let fields = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let numbers = fields.and_then(|fields| {
        let mut fields = fields.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Ok(Some(numbers.unwrap_or(NOBODY)))
}

/// Runs a program to its end; gives what it printed.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let name = format!("{command:?}");
    let output = command.output().with_context(|| name.clone())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}: {said}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}
