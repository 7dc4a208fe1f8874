//! Programs that die with us: free ports, own directories, and children that survive neither their
//! owner nor this process.
//!
//! Does not know which program it runs.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use crate::testing::SetUp;

/// Between two looks at something that cannot wake us.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Ports are taken below those the kernel gives to outgoing connections (32,768 and up): a client
/// that keeps dialling a dead port up there can be connected to itself and hold the port.
const PORT_MIN: u64 = 10_000;
const PORT_MAX: u64 = 32_000;

/// A number that differs between processes and between calls.
fn unique() -> u64 {
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(std::process::id()) >> 1));
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A listener on a free loopback port, and the port.
pub(super) fn free_listener() -> SetUp<(TcpListener, u16)> {
    for _ in 0..1_000 {
        let port = u16::try_from(PORT_MIN + unique() % (PORT_MAX - PORT_MIN));
        let port = port.map_err(|error| error.to_string())?;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return Ok((listener, port));
        }
    }
    Err("no free loopback port".to_owned())
}

/// A loopback port that was free a moment ago; another process may be faster.
pub(super) fn free_port() -> SetUp<u16> {
    free_listener().map(|(_, port)| port)
}

/// Waits; for what cannot be awaited.
#[expect(clippy::disallowed_methods, reason = "another program cannot wake us: we look again")]
pub(super) fn rest(duration: Duration) {
    thread::sleep(duration);
}

/// Looks until `look` sees something, for at most `limit`.
///
/// # Errors
/// `what` did not come in time.
pub(super) fn until<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Option<T>,
) -> SetUp<T> {
    let begun = tokio::time::Instant::now();
    loop {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        if begun.elapsed() > limit {
            return Err(format!("waited {} ms for {what}", limit.as_millis()));
        }
        rest(LOOK_EVERY);
    }
}

/// A directory of one's own, removed when dropped.
pub(super) struct OwnDir(PathBuf);

impl OwnDir {
    pub(super) fn create() -> SetUp<Self> {
        let name = format!("jeton-server-{}-{:x}", std::process::id(), unique());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(|error| format!("creating {}: {error}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for OwnDir {
    fn drop(&mut self) {
        // What cannot be removed is left to the cleaning of the temporary directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running child; killed and reaped when dropped.
pub(super) struct Process(Child);

impl Process {
    /// Runs `program` with `arguments`; what it prints is appended to `log`.
    pub(super) fn spawn(program: &str, arguments: &[&Path], log: &Path) -> SetUp<Self> {
        let told = |error: io::Error| format!("starting {program}: {error}");
        let out = File::options().create(true).append(true).open(log).map_err(told)?;
        let err = out.try_clone().map_err(told)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", program]).args(arguments);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        spawn_for_life(command).map(Self).map_err(told)
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Stops it where it stands; returns when it stands still.
    pub(super) fn pause(&self) {
        self.signal("STOP");
        let stopped =
            until(Duration::from_secs(5), "it to stop", || self.is_paused().then_some(()));
        assert!(stopped.is_ok(), "SIGSTOP did not stop {}", self.pid());
    }

    /// Lets it go on.
    pub(super) fn resume(&self) {
        self.signal("CONT");
    }

    /// Whether it is stopped by a signal.
    pub(super) fn is_paused(&self) -> bool {
        // pid (name) state …: the name may contain anything, so the last parenthesis counts.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    fn signal(&self, name: &str) {
        // The shell's own `kill` is there even where the program of that name is not.
        let kill = format!("kill -{name} {}", self.pid());
        let done = Command::new("sh").args(["-c", &kill]).status();
        assert!(done.is_ok_and(|status| status.success()), "{kill} failed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it is dead and reaped already. SIGKILL ends a stopped process too.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Spawns from a thread that lives as long as this process: the kernel sends the parent-death
/// signal when the *thread* that spawned ends, and a thread of a test ends early.
fn spawn_for_life(command: Command) -> io::Result<Child> {
    type Order = (Command, Sender<io::Result<Child>>);
    static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in orders {
                // Nobody waits any more only if the asking thread has died.
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (answer, answered) = mpsc::channel();
    let gone = |_| io::Error::other("the spawning thread has ended");
    SPAWNER.send((command, answer)).map_err(|_| gone(mpsc::RecvError))?;
    answered.recv().map_err(gone)?
}
