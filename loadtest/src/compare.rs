//! `compare`: two reports side by side, run by run, with ratios, and what else was different.
//!
//! Runs of the same measurement are compared in their order; of what is left, runs that differ in
//! what answers survive, or else only in their story's name alike; and if both reports have one run
//! only, these, whatever they are. It is always said how they differ.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::drive::Figures;
use crate::html;
use crate::report::{Named, Report, figure};

/// Two reports that `--json` printed, side by side.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// What is compared with
    a: PathBuf,
    /// What is compared: ratios are B / A
    b: PathBuf,
    /// Write a page with plots of both, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Two reports.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) a: Report,
    pub(crate) b: Report,
}

/// The same measurement in both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) a: &'a Named,
    pub(crate) b: &'a Named,
}

/// One figure of a pair.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) a: f64,
    pub(crate) b: f64,
}

/// Compares. Says whether every promise was kept, in both.
pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<bool> {
    let comparison = Comparison { a: Report::read(&args.a)?, b: Report::read(&args.b)? };
    if let Some(file) = &args.html {
        std::fs::write(file, html::comparison_page(&comparison))?;
    }
    comparison.write(&mut io::stdout().lock())?;
    Ok(comparison.a.is_kept() && comparison.b.is_kept())
}

impl Comparison {
    /// What is the same measurement in both, in the order of A.
    pub(crate) fn pairs(&self) -> Vec<Pair<'_>> {
        type Alike = fn(&Named, &Named) -> bool;
        const ALIKE: [Alike; 3] = [
            |a, b| a.title() == b.title(),
            |a, b| a.title().get(1..) == b.title().get(1..),
            |a, b| a.profile.is_some() && a.profile == b.profile,
        ];
        let mut left: Vec<&Named> = self.b.runs.iter().collect();
        let mut found: Vec<(&Named, Option<&Named>)> =
            self.a.runs.iter().map(|a| (a, None)).collect();
        for alike in ALIKE {
            for (a, b) in found.iter_mut().filter(|(_, b)| b.is_none()) {
                let place = left.iter().position(|b| alike(a, b));
                *b = place.map(|place| left.remove(place));
            }
        }
        if let ([(_, none @ None)], [b]) = (&mut *found, &*self.b.runs) {
            *none = Some(b);
        }
        found.into_iter().filter_map(|(a, b)| Some(Pair { a, b: b? })).collect()
    }

    /// Titles of runs that only one of them has.
    pub(crate) fn alone(&self) -> Vec<String> {
        let pairs = self.pairs();
        let of_a = self.a.runs.iter().filter(|run| !pairs.iter().any(|p| std::ptr::eq(p.a, *run)));
        let of_b = self.b.runs.iter().filter(|run| !pairs.iter().any(|p| std::ptr::eq(p.b, *run)));
        let told = |which: &str, run: &Named| format!("only {which}: {}", run.title().join(" · "));
        of_a.map(|run| told("A", run)).chain(of_b.map(|run| told("B", run))).collect()
    }

    /// What is different about machine, program and command: name, A, B.
    pub(crate) fn differences(&self) -> Vec<[String; 3]> {
        let [a, b] = [&self.a, &self.b].map(|report| serde_json::to_value(&report.machine).ok());
        let (Some(Value::Object(a)), Some(Value::Object(b))) = (a, b) else { return Vec::new() };
        let text = |value: Option<&Value>| match value {
            None | Some(Value::Null) => "-".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let both = a.iter().map(|(name, of_a)| (name, Some(of_a), b.get(name)));
        both.filter(|(name, a, b)| a != b && *name != "sync" && *name != "load_average")
            .map(|(name, a, b)| [name.replace('_', " "), text(a), text(b)])
            .collect()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (name, report) in [("A", &self.a), ("B", &self.b)] {
            writeln!(out, "{name}  {}", report.machine.command)?;
        }
        for [name, a, b] in self.differences() {
            writeln!(out, "differs: {name}: {a} | {b}")?;
        }
        for pair in self.pairs() {
            let (a, b) = (pair.a.title().join(" · "), pair.b.title().join(" · "));
            if a == b {
                writeln!(out, "\n{a}")?;
            } else {
                writeln!(out, "\nA: {a}\nB: {b}")?;
            }
            writeln!(out, "{:<36} {:>14} {:>14} {:>8}", "", "A", "B", "B / A")?;
            for row in pair.rows() {
                let [a, b] = [row.a, row.b].map(|value| figure(value, row.decimals()));
                let ratio = row.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
                writeln!(out, "{:<36} {a:>14} {b:>14} {ratio:>8}", row.name)?;
            }
        }
        writeln!(out)?;
        for alone in self.alone() {
            writeln!(out, "{alone}")?;
        }
        for (name, report) in [("A", &self.a), ("B", &self.b)] {
            for broken in report.runs.iter().flat_map(|run| run.figures.broken()) {
                writeln!(out, "{name}: BROKEN PROMISE: {broken}")?;
            }
        }
        Ok(())
    }
}

impl Pair<'_> {
    /// The figures that both have.
    pub(crate) fn rows(&self) -> Vec<Row> {
        type Pick = fn(&Figures) -> Option<f64>;
        const ROWS: [(&str, Pick); 14] = [
            ("offered, a second", |run| run.offered_per_s),
            ("answered, a second", |run| Some(run.achieved_per_s)),
            ("accepted, a second", |run| Some(run.accepted_per_s)),
            ("p50, µs", |run| Some(run.latency.p50_us)),
            ("p90, µs", |run| Some(run.latency.p90_us)),
            ("p99, µs", |run| Some(run.latency.p99_us)),
            ("p99.9, µs", |run| Some(run.latency.p999_us)),
            ("max, µs", |run| Some(run.latency.max_us)),
            ("yes: p50, µs", |run| run.latency_accepted.map(|yes| yes.p50_us)),
            ("yes: p99, µs", |run| run.latency_accepted.map(|yes| yes.p99_us)),
            ("refused: p50, µs", |run| run.latency_refused.map(|no| no.p50_us)),
            ("refused: p99, µs", |run| run.latency_refused.map(|no| no.p99_us)),
            ("generator late: p99, µs", |run| run.pacer_late.map(|late| late.p99_us)),
            ("server processor a request, µs", |run| run.server_cpu_us),
        ];
        let row = |(name, pick): (&'static str, Pick)| {
            let (a, b) = (pick(&self.a.figures)?, pick(&self.b.figures)?);
            Some(Row { name, a, b })
        };
        ROWS.into_iter().filter_map(row).collect()
    }
}

impl Row {
    /// B / A; `None` where A is 0.
    pub(crate) fn ratio(&self) -> Option<f64> {
        (self.a != 0.0).then(|| self.b / self.a)
    }

    /// How many decimals are worth telling.
    pub(crate) const fn decimals(&self) -> usize {
        if self.a < 100.0 && self.b < 100.0 { 1 } else { 0 }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::args::Keep;
    use crate::html::canned;

    #[test]
    fn the_same_measurements_are_compared() {
        let (a, mut b) = (canned::report(), canned::report());
        b.machine.commit = Some("0123456789ab".to_owned());
        b.machine.load_average = "9.0".to_owned();
        let run = b.runs.first_mut().unwrap();
        run.figures.achieved_per_s *= 2.0;
        run.figures.latency.p99_us /= 4.0;
        run.figures.server_cpu_us = None;
        let comparison = Comparison { a, b };
        let commit = comparison.a.machine.commit.clone().unwrap();
        let differences = comparison.differences();
        assert_eq!(differences, [["commit".to_owned(), commit, "0123456789ab".to_owned()]]);
        let pairs = comparison.pairs();
        let rows = pairs.first().unwrap().rows();
        let ratio = |name| rows.iter().find(|row| row.name == name).map(|row| row.ratio().unwrap());
        assert_eq!((ratio("answered, a second"), ratio("p99, µs")), (Some(2.0), Some(0.25)));
        assert_eq!(ratio("server processor a request, µs"), None, "only one of them has it");
        assert_eq!(comparison.alone(), Vec::<String>::new());
    }

    #[test]
    fn what_only_one_has_is_said() {
        let (a, mut b) = (canned::report(), canned::report());
        b.runs.extend(canned::report().runs);
        b.runs.last_mut().unwrap().figures.connections = 7;
        let comparison = Comparison { a, b };
        assert_eq!(comparison.pairs().len(), 1);
        let alone = comparison.alone();
        assert!(matches!(&*alone, [only] if only.starts_with("only B: ")), "{alone:?}");
        let (a, mut b) = (canned::report(), canned::report());
        let run = b.runs.first_mut().unwrap();
        (run.figures.connections, run.profile) = (7, None);
        assert_eq!(Comparison { a, b }.pairs().len(), 1, "the only ones are compared anyway");
    }

    #[test]
    fn the_most_alike_are_compared() {
        let report = |keep: [Keep; 2]| {
            let mut report = canned::report();
            report.runs.extend(canned::report().runs);
            report.runs.iter_mut().zip(keep).for_each(|(run, keep)| run.durability = Some(keep));
            report
        };
        let a = report([Keep::Redis, Keep::Memory]);
        let b = report([Keep::Memory, Keep::Sync]);
        let comparison = Comparison { a, b };
        let pairs = comparison.pairs().into_iter();
        let found: Vec<_> = pairs.map(|pair| (pair.a.durability, pair.b.durability)).collect();
        let [redis, memory, sync] = [Keep::Redis, Keep::Memory, Keep::Sync].map(Some);
        assert_eq!(found, [(redis, sync), (memory, memory)]);
    }

    #[test]
    fn nothing_is_no_ratio() {
        assert_eq!(Row { name: "p50, µs", a: 0.0, b: 1.0 }.ratio(), None);
    }

    #[test]
    fn what_is_printed_can_be_read() {
        let report = canned::report();
        let file = tempfile::NamedTempFile::new().unwrap();
        serde_json::to_writer(&file, &report).unwrap();
        let read = Report::read(file.path()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&report).unwrap());
        std::fs::write(file.path(), "{}").unwrap();
        assert!(Report::read(file.path()).is_err());
    }
}
