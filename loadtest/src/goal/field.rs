//! What all measurements of goals share: how long, how often, where, and what was seen broken.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::bail;
use jeton::client::Options;
use tempfile::TempDir;

use super::Measured;
use super::verdict::{Findings, Verdict};
use super::{GoalArgs, Id};
use crate::box_server::{BoxServer, ServeBoxArgs};
use crate::drive::{self, Figures, Loop, Manners, Plan};
use crate::machine::Machine;
use crate::workload::{Codes, Law, Mix, Verb, Workload};

/// Of a measured time, what is good enough when the codes ran out before its end.
const SHARE_MIN: f64 = 0.5;

/// Where a goal is measured.
pub(super) struct Field {
    goal: Id,
    args: GoalArgs,
    machine: Machine,
    dir: TempDir,
    settings: Vec<String>,
    broken: Vec<String>,
}

/// A closed loop on a server.
pub(super) struct Peak<'a> {
    pub(super) options: Options,
    pub(super) codes: &'a Arc<Codes>,
    pub(super) verb: Verb,
    pub(super) law: Law,
    pub(super) connections: u32,
    pub(super) in_flight: u32,
}

impl Field {
    pub(super) fn prepare(goal: Id, args: &GoalArgs) -> anyhow::Result<Self> {
        let dir = args.disk.scratch(&goal.to_string())?;
        let mut machine = Machine::look(Some(dir.path()))?;
        machine.command = Machine::command_of(&args.command(goal));
        let mut settings = Vec::new();
        if machine.file_system.as_ref().is_some_and(|at| at.starts_with("tmpfs")) {
            let warning = "the stores are on tmpfs, where syncs are free: give --dir on a disk";
            writeln!(io::stderr(), "warning: {warning}")?;
            settings.push(warning.to_owned());
        }
        let args = args.clone();
        Ok(Self { goal, args, machine, dir, settings, broken: Vec::new() })
    }

    /// What the measurement comes to.
    pub(super) fn end(self, findings: Findings) -> Measured {
        let Self { goal, machine, settings, broken, .. } = self;
        Measured { machine, verdict: Verdict { goal, findings, settings, broken } }
    }

    /// The rounds, each announced on a terminal.
    pub(super) fn rounds(&self) -> impl Iterator<Item = u32> + use<> {
        let (goal, of) = (self.goal, self.rounds_count());
        (1..=of).inspect(move |round| say(goal, &format!("round {round} of {of}")))
    }

    pub(super) fn rounds_count(&self) -> u32 {
        self.args.rounds
    }

    /// Tells on a terminal what goes on.
    pub(super) fn say(&self, what: &str) {
        say(self.goal, what);
    }

    /// How this program was built.
    pub(super) fn profile(&self) -> &str {
        &self.machine.profile
    }

    pub(super) fn seconds(&self) -> u32 {
        self.args.seconds
    }

    /// How many codes there are, where the goal says it.
    pub(super) fn codes(&self, goal: u64) -> u64 {
        self.args.codes.unwrap_or(goal)
    }

    /// How many codes last for all rounds at `rate` a second.
    pub(super) fn codes_for(&self, rate: u64) -> u64 {
        let seconds = u64::from(self.args.seconds + self.args.warm_up);
        self.codes(u64::from(self.args.rounds) * seconds * rate)
    }

    /// A path in the directory of this measurement.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts a server.
    pub(super) fn server(&self, args: &ServeBoxArgs) -> anyhow::Result<BoxServer> {
        self.say(&format!("starting a server with {} codes", args.codes));
        std::fs::create_dir_all(&args.dir)?;
        BoxServer::launch(args)
    }

    /// A version or setting that the figures depend on.
    pub(super) fn setting(&mut self, what: impl Into<String>) {
        self.settings.push(what.into());
    }

    /// A promise, or something without which the figures mean nothing.
    pub(super) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if holds {
            return;
        }
        let what = what();
        if !self.broken.contains(&what) {
            self.broken.push(what);
        }
    }

    /// Loads a server as hard as it goes. Every answer must be yes.
    pub(super) async fn peak(&mut self, peak: Peak<'_>) -> anyhow::Result<Figures> {
        self.peak_beside(peak, None).await
    }

    /// The same, and what processor time this process, the server's, uses meanwhile.
    pub(super) async fn peak_beside(
        &mut self,
        peak: Peak<'_>,
        server: Option<u32>,
    ) -> anyhow::Result<Figures> {
        let verb = peak.verb.name();
        let kind = Loop::Closed { in_flight: peak.in_flight };
        let figures = self.drive(peak, kind, server).await?;
        let (planned, measured) = (f64::from(self.args.seconds), figures.seconds);
        self.check(measured >= planned * SHARE_MIN, || {
            format!("the codes ran out after {measured:.1} of {planned} seconds: give more --codes")
        });
        let Figures { asked, yes, refused, errors, first_error, unknown, .. } = &figures;
        self.check(yes == asked, || {
            format!(
                "{verb}: {asked} asked, {yes} yes, refused {refused:?}, {errors} errors \
                 ({first_error:?}), {unknown} unknown"
            )
        });
        Ok(figures)
    }

    /// Loads a server as hard as it goes; answers may be no.
    pub(super) async fn load(&mut self, peak: Peak<'_>) -> anyhow::Result<Figures> {
        let kind = Loop::Closed { in_flight: peak.in_flight };
        self.drive(peak, kind, None).await
    }

    /// Asks `rate` times a second, whatever becomes of it; as many at once as a closed loop has in
    /// flight.
    pub(super) async fn open(
        &mut self,
        peak: Peak<'_>,
        rate: u32,
        deadline_ms: u32,
    ) -> anyhow::Result<Figures> {
        let manners = Manners { deadline_ms, together: peak.in_flight };
        self.drive(peak, Loop::Open { rate, manners }, None).await
    }

    async fn drive(
        &mut self,
        peak: Peak<'_>,
        kind: Loop,
        server: Option<u32>,
    ) -> anyhow::Result<Figures> {
        let Peak { options, codes, verb, law, connections, .. } = peak;
        let plan = Plan {
            workload: Workload { codes: Arc::clone(codes), law, mix: Mix::only(verb) },
            kind,
            connections,
            warm_up_s: self.args.warm_up,
            seconds: self.args.seconds,
        };
        let title = format!("{} {} {}", self.goal, verb.name(), law.name());
        let figures = drive::carry_out_beside(options, plan, &title, server).await?;
        let broken = figures.broken();
        self.broken.extend(broken.iter().map(|what| format!("{title}: broken promise: {what}")));
        Ok(figures)
    }
}

fn say(goal: Id, what: &str) {
    let mut err = io::stderr();
    if err.is_terminal() {
        // Nobody may be listening.
        let _unheard = writeln!(err, "{goal}: {what}");
    }
}

/// What a program says of its version; an error that names the package when it is missing.
pub(super) fn version(program: &Path, package: &str) -> anyhow::Result<String> {
    let asked = Command::new(program).arg("--version").stderr(Stdio::null()).output();
    match asked {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
        Err(error) => {
            bail!("{}: {error}; install it (Debian: {package})", program.display())
        }
    }
}
