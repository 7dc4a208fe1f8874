//! What was found, for people and for programs.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::args::Keep;
use crate::drive::{Figures, Standings, WarmUp};
use crate::html;
use crate::machine::Machine;
use crate::profile::Profile;
use crate::stats::{Quantiles, median};

/// What is printed in the end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) runs: Vec<Named>,
}

/// A run, and what answers survived in it; that is unknown for a server of somebody else's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) durability: Option<Keep>,
    /// The story it tells, if any.
    pub(crate) profile: Option<Profile>,
    /// When its phases begin.
    pub(crate) phases: Vec<Phase>,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// A phase of a story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Phase {
    pub(crate) name: String,
    /// Its beginning, in seconds since the measured time began.
    pub(crate) at_s: f64,
}

impl Named {
    /// What makes two runs the same measurement.
    pub(crate) fn title(&self) -> [String; 5] {
        let Figures { verb, law, connections, in_flight, kind, .. } = &self.figures;
        let shape = match in_flight {
            Some(in_flight) => format!("{connections} x {in_flight}"),
            None => connections.to_string(),
        };
        let durability = self.durability.map_or("-", Keep::name).to_owned();
        let kind = self.profile.map_or(kind.name(), Profile::name).to_owned();
        [durability, verb.clone(), law.name().to_owned(), kind, shape]
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
        Ok(self.is_kept())
    }

    /// Whether every promise was kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.runs.iter().all(|run| run.figures.broken().is_empty())
    }

    /// Writes it as one page that needs nothing else.
    pub(crate) fn write_html(&self, file: &Path) -> anyhow::Result<()> {
        fs::write(file, html::page(self)).with_context(|| file.display().to_string())
    }

    /// Reads what `--json` printed.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let whence = || file.display().to_string();
        let file = File::open(file).with_context(whence)?;
        serde_json::from_reader(BufReader::new(file))
            .with_context(|| format!("{} is no report that --json printed", whence()))
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
             loop's latencies\ninclude. \"cpu\" is the server's processor time for an answer, in \
             µs."
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
    let mid = |pick: fn(&Figures) -> Option<f64>| {
        let figures: Vec<f64> = same.iter().filter_map(|run| pick(run)).collect();
        (!figures.is_empty()).then(|| median(figures))
    };
    let cell = |mid: Option<f64>, decimals| mid.map_or("-".to_owned(), |mid| figure(mid, decimals));
    let late = mid(|run| Some(run.pacer_late?.p50_us)).zip(mid(|run| Some(run.pacer_late?.p99_us)));
    let late = late.map(|(p50_us, p99_us)| format!("{}/{}", figure(p50_us, 0), figure(p99_us, 0)));
    let mut row = title.to_vec();
    row.extend([
        same.len().to_string(),
        cell(mid(|run| run.offered_per_s), 0),
        cell(mid(|run| Some(run.achieved_per_s)), 0),
        cell(mid(|run| Some(run.latency.p50_us)), 0),
        cell(mid(|run| Some(run.latency.p90_us)), 0),
        cell(mid(|run| Some(run.latency.p99_us)), 0),
        cell(mid(|run| Some(run.latency.p999_us)), 0),
        cell(mid(|run| Some(run.latency.max_us)), 0),
        late.unwrap_or("-".to_owned()),
        cell(mid(|run| run.server_cpu_us), 1),
    ]);
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
    writeln!(out, "\n{}", run.title().join(" · "))?;
    for line in answers(found) {
        writeln!(out, "  {line}")?;
    }
    for broken in found.broken() {
        writeln!(out, "  BROKEN PROMISE: {broken}")?;
    }
    Ok(())
}

/// What the answers of a run were, a sentence a line.
pub(crate) fn answers(found: &Figures) -> Vec<String> {
    let Figures { asked, yes, errors, unknown, .. } = found;
    let refused = reasons(&found.refused);
    let mut lines = vec![format!(
        "asked {asked}, yes {yes}, refused {refused}, errors {errors}, unknown {unknown}"
    )];
    if let (Some(yes), Some(no)) = (&found.latency_accepted, &found.latency_refused) {
        lines.push(format!("yes in {}, refused in {}", short(yes), short(no)));
    }
    let seen = &found.ordinals;
    if seen.different > 0 {
        lines.push(format!(
            "uses {} different ({} to {}), {} twice",
            seen.different, seen.first, seen.last, seen.twice
        ));
    }
    lines.extend(found.standings.as_ref().map(standings));
    if found.codes_ran_out {
        lines.push(format!("the codes ran out after {:.1} s", found.seconds));
    }
    lines.extend(found.first_error.as_ref().map(|error| format!("first error: {error}")));
    if let Some(WarmUp { seconds, asked, yes, refused, errors, unknown, latency, .. }) =
        &found.warm_up
    {
        lines.push(format!(
            "warm-up, counted apart: {seconds} s, asked {asked}, yes {yes}, refused {}, errors \
             {errors}, unknown {unknown}, {}",
            reasons(refused),
            short(latency)
        ));
    }
    lines
}

fn reasons(refused: &std::collections::BTreeMap<Box<str>, u64>) -> String {
    let refused: Vec<_> =
        refused.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if refused.is_empty() { "none".to_owned() } else { refused.join(", ") }
}

fn short(latency: &Quantiles) -> String {
    let Quantiles { p50_us, p99_us, .. } = *latency;
    format!("p50 {} µs, p99 {} µs", figure(p50_us, 0), figure(p99_us, 0))
}

fn standings(found: &Standings) -> String {
    let Standings { over, unresolved, not_whole, compared, differing, .. } = found;
    let counts = match compared {
        0 => String::new(),
        _ => format!("; the server's own count of {compared} codes differs for {differing}"),
    };
    format!(
        "{over} uses beyond a limit, {unresolved} holds not found again, {not_whole} not whole\
         {counts}"
    )
}

/// The machine, one fact a line.
pub(crate) fn write_machine(out: &mut impl Write, machine: &Machine) -> io::Result<()> {
    facts(machine).iter().try_for_each(|(name, fact)| writeln!(out, "{name:<9} {fact}"))
}

/// What is known of a machine, each fact with its name.
pub(crate) fn facts(machine: &Machine) -> Vec<(&'static str, String)> {
    let Machine { cpu, cores, memory_gib, kernel, load_average, profile, version, .. } = machine;
    let mut facts = vec![
        ("machine", format!("{cpu}, {cores} cores, {memory_gib} GiB, Linux {kernel}")),
        ("load", format!("{load_average} before it began (1 minute average)")),
    ];
    facts.extend(machine.file_system.as_ref().map(|mount| ("disk", mount.clone())));
    if let Some(Quantiles { p50_us, p99_us, .. }) = &machine.sync {
        let told = format!("p50 {p50_us} µs, p99 {p99_us} µs, for 512 bytes appended");
        facts.push(("fdatasync", told));
    }
    let commit = machine.commit.as_deref().unwrap_or("unknown");
    facts.push(("program", format!("jeton {version}, commit {commit}, profile {profile}")));
    facts.push(("command", machine.command.clone()));
    facts
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::html::canned;

    #[test]
    fn rows_have_medians_of_all_rounds() {
        let mut report = canned::report();
        for times in [3.0, 2.0] {
            let mut run = canned::report().runs.remove(0);
            let found = &mut run.figures;
            let late = found.pacer_late.as_mut().unwrap();
            for figure in [
                &mut found.achieved_per_s,
                &mut found.latency.p99_us,
                &mut late.p50_us,
                &mut late.p99_us,
            ] {
                *figure *= times;
            }
            report.runs.push(run);
        }
        let title = [const { String::new() }; 5];
        let same: Vec<&Figures> = report.runs.iter().map(|run| &run.figures).collect();
        let row = row(&title, &same);
        let cells: Vec<_> = HEADS.into_iter().zip(row.iter().map(String::as_str)).collect();
        let wanted = [
            ("runs", "3"),
            ("offered/s", "500"),
            ("achieved/s", "998"),
            ("p50", "210"),
            ("p90", "420"),
            ("p99", "2,100"),
            ("p99.9", "1,890"),
            ("max", "4,200"),
            ("late", "8/40"),
            ("cpu", "21.5"),
        ];
        assert_eq!(cells.get(5..), Some(wanted.as_slice()));
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let mut found = canned::report().runs.remove(0).figures;
        (found.offered_per_s, found.pacer_late, found.server_cpu_us) = (None, None, None);
        let row = row(&[const { String::new() }; 5], &[&found]);
        let dashes = HEADS.into_iter().zip(&row).filter(|(_, cell)| *cell == "-");
        assert_eq!(dashes.map(|(head, _)| head).collect::<Vec<_>>(), ["offered/s", "late", "cpu"]);
    }

    #[test]
    fn figures_are_grouped() {
        assert_eq!(figure(1_234_567.0, 0), "1,234,567");
        assert_eq!(figure(123.0, 0), "123");
        assert_eq!(figure(1_234.56, 1), "1,234.6");
        assert_eq!(figure(0.04, 1), "0.0");
    }
}
