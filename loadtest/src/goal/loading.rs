//! P10 and P11: many codes in memory, and how long they take to get there, against Redis with a
//! hash for each of the same codes.
//!
//! A hash is named by its code and says of which campaign it is and how often it was used, as
//! somebody would write it who keeps codes in Redis; the index says as much of a code that nobody
//! has used yet. Redis loads its RDB file, the faster of its two ways. Both sides are killed
//! (SIGKILL) before each start, ours after it has redeemed: its journal has to be read again.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use jeton::metrics::Stopwatch;
use tokio::time::sleep;

use super::field::{Field, Peak, version};
use super::program::Program;
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::{BoxServer, HOT_CODE, ServeBoxArgs};
use crate::codes;
use crate::machine::resident_bytes;
use crate::workload::{Codes, Law, Verb};

const CODES: u64 = 10_000_000;
/// Between two looks at a program that cannot wake us.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Until a Redis has loaded.
const PATIENCE_S: f64 = 600.0;

/// P10: bytes for each code.
pub(super) async fn memory(field: &mut Field) -> anyhow::Result<Findings> {
    let both = Both::prepare(field).await?;
    let mut ours = Series::new("index, a code", "bytes");
    let mut theirs = Series::new("Redis hashes, a code", "bytes");
    for _ in field.rounds() {
        let opened = codes::open_elsewhere(&both.args.dir)?;
        // Beside them there are the two hot codes.
        let (found, wanted) = (opened.codes, both.args.codes + 2);
        field.check(found == wanted, || format!("{found} of {wanted} codes were loaded"));
        ours.push(opened.bytes_per_code);
        let (redis, _) = both.image.start(both.args.codes).await?;
        let grown = resident(&redis)?.saturating_sub(both.image.empty_bytes);
        #[expect(clippy::cast_precision_loss, reason = "an average for people")]
        theirs.push(grown as f64 / both.args.codes as f64);
    }
    let number = Series { what: "index, a code, as a number".to_owned(), ..ours.clone() };
    let contests = vec![
        Contest::against(ours, theirs, Target::AtMost(1.0 / 3.0)),
        Contest::alone(number, Target::AtMost(48.0)),
    ];
    Ok(Findings { contests, beside: Vec::new() })
}

/// P11: seconds until requests are answered.
pub(super) async fn start(field: &mut Field) -> anyhow::Result<Findings> {
    let both = Both::prepare(field).await?;
    let mut ours = Series::new("jeton serves", "s");
    let mut theirs = Series::new("Redis has loaded", "s");
    let again = ServeBoxArgs { again: true, ..both.args.clone() };
    for _ in field.rounds() {
        let watch = Stopwatch::start();
        let server = BoxServer::launch(&again)?;
        ours.push(watch.seconds());
        redeem(field, &server).await?;
        // Killed.
        drop(server);
        let (_redis, seconds) = both.image.start(both.args.codes).await?;
        theirs.push(seconds);
    }
    let contests = vec![Contest::against(ours, theirs, Target::AtMost(0.5))];
    Ok(Findings { contests, beside: Vec::new() })
}

/// Leaves something in the ledger that the next start has to read. Who redeems must be told yes.
async fn redeem(field: &mut Field, server: &BoxServer) -> anyhow::Result<()> {
    let codes = &Arc::new(Codes::one(HOT_CODE));
    let (options, verb, law) = (server.options(), Verb::Redeem, Law::Hot);
    let peak = Peak { options, codes, verb, law, connections: 8, in_flight: 32 };
    field.peak(peak).await.map(|_| ())
}

/// A store of ours that was left by a kill, and an RDB file of the same codes.
struct Both {
    args: ServeBoxArgs,
    image: Image,
}

impl Both {
    async fn prepare(field: &mut Field) -> anyhow::Result<Self> {
        field.setting(version(Path::new("redis-server"), "redis-server")?);
        version(Path::new("redis-cli"), "redis-tools")?;
        let args = ServeBoxArgs::new(&field.path("ours"), Keep::Sync, field.codes(CODES));
        let server = field.server(&args)?;
        field.say("loading the same codes into Redis");
        let image = Image::make(&field.path("redis"), server.codes(), args.codes).await?;
        redeem(field, &server).await?;
        // Killed.
        drop(server);
        Ok(Self { args, image })
    }
}

/// A Redis that is started from an RDB file.
struct Image {
    dir: PathBuf,
    port: u16,
    empty_bytes: u64,
}

impl Image {
    async fn make(dir: &Path, list: &Path, codes: u64) -> anyhow::Result<Self> {
        std::fs::create_dir(dir)?;
        let port = free_port()?;
        let mut image = Self { dir: dir.to_owned(), port, empty_bytes: 0 };
        let (redis, _) = image.start(0).await?;
        image.empty_bytes = resident(&redis)?;
        image.fill(list)?;
        ensure!(image.ask("DBSIZE")? == codes.to_string(), "Redis did not take all codes");
        ensure!(image.ask("SAVE")? == "OK", "Redis did not save");
        Ok(image)
    }

    /// Starts it; gives how long it took until everything was loaded.
    async fn start(&self, codes: u64) -> anyhow::Result<(Program, f64)> {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.arg("--dir").arg(&self.dir);
        let log = self.dir.join("redis.log");
        let watch = Stopwatch::start();
        let mut program = Program::spawn(&command, None, &log)?;
        while !is_ready(self.port) {
            let is_hopeless = program.has_ended() || watch.seconds() > PATIENCE_S;
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            ensure!(!is_hopeless, "Redis does not start:\n{}", said());
            sleep(LOOK_EVERY).await;
        }
        let seconds = watch.seconds();
        let found = self.ask("DBSIZE")?;
        ensure!(found == codes.to_string(), "Redis loaded {found} of {codes} codes");
        Ok((program, seconds))
    }

    /// A hash for each line of `list`.
    fn fill(&self, list: &Path) -> anyhow::Result<()> {
        let mut cli = Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "--pipe"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let into = cli.stdin.take().context("redis-cli takes nothing")?;
        let mut into = BufWriter::with_capacity(1024 * 1024, into);
        for code in BufReader::with_capacity(1024 * 1024, File::open(list)?).lines() {
            let code = code?;
            let len = code.len();
            write!(into, "*6\r\n$4\r\nHSET\r\n${len}\r\n{code}\r\n")?;
            into.write_all(b"$8\r\ncampaign\r\n$6\r\nsingle\r\n$4\r\nused\r\n$1\r\n0\r\n")?;
        }
        into.flush()?;
        drop(into);
        let status = cli.wait()?;
        ensure!(status.success(), "redis-cli --pipe: {status}");
        Ok(())
    }

    fn ask(&self, word: &str) -> anyhow::Result<String> {
        let mut cli = Command::new("redis-cli");
        let output = cli.args(["-p", &self.port.to_string(), word]).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

fn resident(program: &Program) -> anyhow::Result<u64> {
    resident_bytes(program.process()).context("this system does not say what memory is in use")
}

/// Whether a Redis answers, and does not say that it still loads.
fn is_ready(port: u16) -> bool {
    let ping = || -> std::io::Result<[u8; 5]> {
        let mut connection = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        connection.write_all(b"PING\r\n")?;
        let mut said = [0; 5];
        connection.read_exact(&mut said)?;
        Ok(said)
    };
    ping().is_ok_and(|said| &said == b"+PONG")
}

/// A loopback port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
