//! P15: what the rules cost by themselves: `criterion` says how long one evaluation takes, and the
//! counting allocator of `benches/allocations` how often it asks for memory.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::field::Field;
use super::verdict::{Contest, Findings, Series, Target};

/// The workspace.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
const GROUP: &str = "rules";
/// In the group, and in the table of allocations.
const CASE: &str = "8 conditions, 2 effects";

pub(super) fn evaluate(field: &mut Field) -> anyhow::Result<Findings> {
    field.setting("criterion, the median of its samples in each round");
    let mut time = Series::new(CASE, "µs");
    for _ in field.rounds() {
        time.push(median_us(field)?);
    }
    field.say("counting allocations");
    let mut allocations = Series::new(format!("{CASE}: allocations"), "each");
    // It fails when anything allocates that promises not to; here, one row counts.
    let output = bench(field, "allocations", &[])?;
    allocations.push(allocations_in(&said(&output))?);
    let contests = vec![
        Contest::alone(time, Target::AtMost(1.0)),
        Contest::alone(allocations, Target::AtMost(0.0)),
    ];
    Ok(Findings { contests, beside: Vec::new() })
}

fn median_us(field: &Field) -> anyhow::Result<f64> {
    let case = format!("{GROUP}/{CASE}");
    let output = bench(field, "micro", &["--quiet", "--noplot", "--exact", &case])?;
    ensure!(output.status.success(), "cargo bench --bench micro: {}", said(&output));
    let found = field.path("criterion").join(GROUP).join(CASE).join("new/estimates.json");
    let text = std::fs::read_to_string(&found).with_context(|| found.display().to_string())?;
    let estimates: Value = serde_json::from_str(&text)?;
    let median_ns = estimates.pointer("/median/point_estimate").and_then(Value::as_f64);
    Ok(median_ns.context("criterion estimated no median")? / 1_000.0)
}

/// Runs a bench, built as this program was.
fn bench(field: &Field, name: &str, words: &[&str]) -> anyhow::Result<Output> {
    let mut cargo = Command::new("cargo");
    cargo.args(["bench", "--quiet", "--manifest-path", MANIFEST, "--package", "jeton"]);
    cargo.args(["--features", "testing", "--bench", name]);
    if field.profile() == "debug" {
        cargo.args(["--profile", "dev"]);
    }
    cargo.arg("--").args(words).env("CRITERION_HOME", field.path("criterion"));
    cargo.current_dir(Path::new(MANIFEST).parent().context("the workspace has no directory")?);
    cargo.output().context("cargo cannot be started")
}

/// All that a program printed.
fn said(output: &Output) -> String {
    let Output { stdout, stderr, .. } = output;
    String::from_utf8_lossy(&[stdout.as_slice(), stderr].concat()).into_owned()
}

/// The first figure behind the case's name.
fn allocations_in(table: &str) -> anyhow::Result<f64> {
    let row = table.lines().find_map(|line| line.strip_prefix(CASE)?.strip_prefix(' '));
    let figure = row.and_then(|row| row.split_whitespace().next()?.parse().ok());
    figure.with_context(|| format!("no row of {CASE:?} in\n{table}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::allocations_in;

    #[test]
    fn allocations_are_read_from_their_own_row() {
        let table = "once    allocations  bytes\n\
            8 conditions, 2 effects, 12 lines     3.00    96.0\n\
            8 conditions, 2 effects               0.50    12.0\n";
        assert!((allocations_in(table).unwrap() - 0.5).abs() < f64::EPSILON);
        assert!(allocations_in("nothing").is_err());
    }
}
