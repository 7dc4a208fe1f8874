//! `jeton config check`: every setting, its value, where it came from, and all mistakes.

use clap::Subcommand;
use serde_json::{Value, json};

use super::output::{Exit, Output};
use super::place::Global;
use crate::config::{Origin, Setting, examine};

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Explain every setting and find all mistakes
    ///
    /// Reads the file, the environment and the flags as `serve` would, opens nothing, and exits
    /// with 2 if anything is wrong. `--all` shows the settings that nobody set as well, with their
    /// ranges.
    #[command(after_long_help = EXAMPLES)]
    Check {
        /// Show every setting, with range and meaning
        #[arg(long)]
        all: bool,
    },
}

const EXAMPLES: &str = "\
Examples:
  jeton config check                                 what is set, and where
  jeton config check --all                           everything that can be set
  JETON_QUIC__LISTEN=0.0.0.0:7411 jeton config check";

pub(super) fn run(command: &Config, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let Config::Check { all } = command;
    let examined = examine(&global.sources());
    let document = json!({
        "ok": examined.faults.is_empty(),
        "file": examined.file,
        "settings": examined.settings,
        "faults": examined.faults,
    });
    output.answer(&document, |out| {
        match &examined.file {
            Some(file) => writeln!(out, "# file: {}", file.display())?,
            None => writeln!(out, "# no file")?,
        }
        let shown = |setting: &&Setting| *all || setting.origin != Origin::Default;
        for setting in examined.settings.iter().filter(shown) {
            let Setting { key, value, origin, default, range, what } = setting;
            if *all {
                writeln!(out, "\n# {what}\n# {range}; default {}", written(default))?;
            }
            if value.is_null() {
                writeln!(out, "# {key} is not set")?;
            } else {
                writeln!(out, "{key} = {}  # {origin}", written(value))?;
            }
        }
        for fault in &examined.faults {
            writeln!(out, "error: {fault}")?;
        }
        match examined.faults.len() {
            0 => writeln!(out, "# good"),
            count => writeln!(out, "# {count} mistakes"),
        }
    })?;
    Ok(if examined.faults.is_empty() { Exit::Yes } else { Exit::WrongUse })
}

/// A value as TOML has it.
fn written(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name} = {}", written(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => value.to_string(),
    }
}
