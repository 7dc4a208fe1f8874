//! What was found, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use crate::drive::Figures;
use crate::machine::Machine;
use crate::stats::{Quantiles, median};

/// What is printed in the end.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) runs: Vec<Named>,
}

/// A run, and what answers survived in it; that is unknown for a server of somebody else's.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Named {
    pub(crate) durability: Option<&'static str>,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

impl Named {
    /// What makes two runs the same measurement.
    fn title(&self) -> [String; 5] {
        let Figures { verb, law, connections, in_flight, kind, .. } = &self.figures;
        let shape = match in_flight {
            Some(in_flight) => format!("{connections} x {in_flight}"),
            None => connections.to_string(),
        };
        let durability = self.durability.unwrap_or("-").to_owned();
        [durability, verb.clone(), law.name().to_owned(), (*kind).to_owned(), shape]
    }
}

impl Report {
    /// Prints it; says whether every promise was kept.
    pub(crate) fn print(&self, is_json: bool) -> anyhow::Result<bool> {
        let mut out = io::stdout().lock();
        if is_json {
            serde_json::to_writer_pretty(&mut out, self)?;
            writeln!(out)?;
        } else {
            write_machine(&mut out, &self.machine)?;
            self.write_table(&mut out)?;
            for run in &self.runs {
                write_answers(&mut out, run)?;
            }
        }
        Ok(self.runs.iter().all(|run| run.figures.broken().is_empty()))
    }

    fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let mut rows = vec![HEADS.map(str::to_owned).to_vec()];
        let mut told: Vec<[String; 5]> = Vec::new();
        for run in &self.runs {
            let title = run.title();
            if told.contains(&title) {
                continue;
            }
            let same: Vec<&Figures> = self
                .runs
                .iter()
                .filter(|other| other.title() == title)
                .map(|other| &other.figures)
                .collect();
            rows.push(row(&title, &same));
            told.push(title);
        }
        writeln!(out)?;
        write_aligned(out, &rows)?;
        writeln!(
            out,
            "\nLatencies in µs: open loop from when the request was due, closed loop from when it \
             was asked.\n\"late\" is how late the generator itself was (p50/p99), which the open \
             loop's latencies include.\n\"cpu\" is the server's processor time for a request, in µs."
        )
    }
}

const HEADS: [&str; 15] = [
    "durability",
    "verb",
    "codes",
    "loop",
    "conns",
    "runs",
    "offered/s",
    "achieved/s",
    "p50",
    "p90",
    "p99",
    "p99.9",
    "max",
    "late",
    "cpu",
];

/// One line for all runs of one measurement: the median of each figure.
fn row(title: &[String; 5], same: &[&Figures]) -> Vec<String> {
    let mid =
        |figure: &dyn Fn(&Figures) -> f64| median(same.iter().map(|run| figure(run)).collect());
    let latency = |pick: fn(&Quantiles) -> f64| figure(mid(&|run| pick(&run.latency)), 0);
    let offered = same.first().and_then(|run| run.offered_per_s);
    let late = same.first().and_then(|run| run.pacer_late);
    let cpu = same.first().and_then(|run| run.server_cpu_us);
    let mut row = title.to_vec();
    row.push(same.len().to_string());
    row.push(
        offered.map_or("-".to_owned(), |_| {
            figure(mid(&|run| run.offered_per_s.unwrap_or_default()), 0)
        }),
    );
    row.push(figure(mid(&|run| run.achieved_per_s), 0));
    row.extend([
        latency(|all| all.p50_us),
        latency(|all| all.p90_us),
        latency(|all| all.p99_us),
        latency(|all| all.p999_us),
        latency(|all| all.max_us),
    ]);
    row.push(late.map_or("-".to_owned(), |late| {
        format!("{}/{}", figure(late.p50_us, 0), figure(late.p99_us, 0))
    }));
    row.push(
        cpu.map_or("-".to_owned(), |_| {
            figure(mid(&|run| run.server_cpu_us.unwrap_or_default()), 1)
        }),
    );
    row
}

/// A number with blanks between thousands.
pub(crate) fn figure(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), ""), |(w, r)| (w, r));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

/// Columns as wide as they must be: words to the left, figures to the right.
fn write_aligned(out: &mut impl Write, rows: &[Vec<String>]) -> io::Result<()> {
    const WORDS: usize = 4;
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (place, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let cell = match place {
                0..WORDS => format!("{cell:<width$}  "),
                WORDS.. => format!("{cell:>width$}  "),
            };
            line.push_str(&cell);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// What the answers were, and whether they were right.
fn write_answers(out: &mut impl Write, run: &Named) -> io::Result<()> {
    let found = &run.figures;
    let refused: Vec<String> =
        found.refused.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let refused = if refused.is_empty() { "none".to_owned() } else { refused.join(", ") };
    write!(
        out,
        "\n{}: asked {}, yes {}, refused {refused}, errors {}, unknown {}",
        run.title().join(" · "),
        found.asked,
        found.yes,
        found.errors,
        found.unknown
    )?;
    let seen = &found.ordinals;
    if seen.different > 0 {
        write!(
            out,
            "; uses {} different ({} to {}), {} twice",
            seen.different, seen.first, seen.last, seen.twice
        )?;
    }
    if found.codes_ran_out {
        write!(out, "; the codes ran out after {:.1} s", found.seconds)?;
    }
    if let Some(error) = &found.first_error {
        write!(out, "\n  first error: {error}")?;
    }
    for broken in found.broken() {
        write!(out, "\n  BROKEN PROMISE: {broken}")?;
    }
    writeln!(out)
}

/// The machine, one fact a line.
pub(crate) fn write_machine(out: &mut impl Write, machine: &Machine) -> io::Result<()> {
    let Machine { cpu, cores, memory_gib, kernel, load_average, profile, version, .. } = machine;
    writeln!(out, "machine   {cpu}, {cores} cores, {memory_gib} GiB, Linux {kernel}")?;
    writeln!(out, "load      {load_average} before it began (1 minute average)")?;
    if let Some(file_system) = &machine.file_system {
        writeln!(out, "disk      {file_system}")?;
    }
    if let Some(sync) = &machine.sync {
        let Quantiles { p50_us, p99_us, .. } = sync;
        writeln!(out, "fdatasync p50 {p50_us} µs, p99 {p99_us} µs, for 512 bytes appended")?;
    }
    let commit = machine.commit.as_deref().unwrap_or("unknown");
    writeln!(out, "program   jeton {version}, commit {commit}, profile {profile}")?;
    writeln!(out, "command   {}", machine.command)
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures_are_grouped() {
        assert_eq!(figure(1_234_567.0, 0), "1,234,567");
        assert_eq!(figure(123.0, 0), "123");
        assert_eq!(figure(1_234.56, 1), "1,234.6");
        assert_eq!(figure(0.04, 1), "0.0");
    }
}
