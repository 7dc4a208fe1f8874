//! Other programs that goals need: killed when dropped, and with this process should it be killed.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

/// A running program.
pub(super) struct Program(Child);

impl Program {
    /// Runs `command`, which prints into `log`. `user` runs it where it refuses to be root's, by
    /// number of user and group.
    pub(super) fn spawn(
        command: &Command,
        user: Option<(u32, u32)>,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let out = File::options().create(true).append(true).open(log)?;
        let err = out.try_clone()?;
        let mut wrapped = as_user(user, &["--pdeathsig", "KILL"]);
        wrapped.arg(command.get_program()).args(command.get_args());
        wrapped.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = wrapped.spawn().context("setpriv cannot be started (Debian: util-linux)")?;
        Ok(Self(child))
    }

    pub(super) fn process(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only when it is dead and reaped already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What runs a program as another user, the program's own words to be added.
pub(super) fn as_user(user: Option<(u32, u32)>, options: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    if let Some((user, group)) = user {
        command.args(["--reuid", &user.to_string(), "--regid", &group.to_string()]);
        command.arg("--clear-groups");
    }
    command.args(options);
    command
}
