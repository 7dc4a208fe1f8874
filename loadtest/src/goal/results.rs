//! The page with all goals: a row and a part for each, of which one can be written anew without the
//! others.
//!
//! ```text
//! introduction · table, a row a goal · parts, "## P5: …", with machine, command and figures
//! ```
//! What people find out about goals that are missed stands in `FINDINGS.md` beside it, which is
//! never written by a program.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;

use super::Measured;
use super::list::Id;
use super::told;

const FINDINGS: &str = "FINDINGS.md";

const INTRODUCTION: &str = "\
# Results

Each goal is a ratio: both sides were measured in one run on one machine, in turns, and the median
of the rounds' ratios is told with the lowest and the highest. Compare ratios; absolute figures are
those of the machine that stands beside them. Every answer was checked while it was measured. What
the two sides are is said in [README.md](README.md); this page is written by `loadtest goal`.
";

const HEAD: &str = "\
| goal | measured | against | wanted | ratio | spread | holds |
|---|---|---|---|---:|---|---|
";

/// What the page says of each goal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Results(BTreeMap<Id, Entry>);

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Entry {
    row: String,
    /// From its heading to the next.
    part: String,
}

impl Results {
    /// What the page says now; nothing, if there is none.
    pub(super) fn read(page: &Path) -> anyhow::Result<Self> {
        match fs::read_to_string(page) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| page.display().to_string()),
        }
    }

    /// Says something new of one goal.
    pub(super) fn put(&mut self, measured: &Measured) {
        let goal = measured.verdict.goal;
        let row = told::row(&measured.verdict);
        let text = told::text(measured);
        let part = format!("## {goal}: {}\n\n```text\n{text}\n```\n", goal.about().what);
        self.0.insert(goal, Entry { row, part });
    }

    pub(super) fn write(&self, page: &Path) -> anyhow::Result<()> {
        let has_findings = page.with_file_name(FINDINGS).exists();
        fs::write(page, self.page(has_findings)).with_context(|| page.display().to_string())
    }

    fn parse(text: &str) -> Self {
        let mut entries: BTreeMap<Id, Entry> = BTreeMap::new();
        let mut within = None;
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                within = heading.split_once(':').and_then(|(id, _)| Id::from_str(id, false).ok());
            }
            if let Some(id) = within {
                let part = &mut entries.entry(id).or_default().part;
                part.push_str(line);
                part.push('\n');
                continue;
            }
            let id = line.strip_prefix("| ").and_then(|rest| rest.split_once(" |"));
            if let Some(id) = id.and_then(|(id, _)| Id::from_str(id, false).ok()) {
                line.clone_into(&mut entries.entry(id).or_default().row);
            }
        }
        for entry in entries.values_mut() {
            entry.part.truncate(entry.part.trim_end().len());
            entry.part.push('\n');
        }
        Self(entries)
    }

    fn page(&self, has_findings: bool) -> String {
        let mut page = INTRODUCTION.to_owned();
        if has_findings {
            page.push_str(&format!(
                "\nWhat holds those that are missed: [{FINDINGS}]({FINDINGS}).\n"
            ));
        }
        page.push('\n');
        page.push_str(HEAD);
        for entry in self.0.values() {
            page.push_str(&entry.row);
            page.push('\n');
        }
        for entry in self.0.values() {
            page.push('\n');
            page.push_str(&entry.part);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goal::told::tests::measured;

    #[test]
    fn what_is_written_is_read_again() {
        let mut results = Results::default();
        for (goal, figure) in [(Id::P10, 160_000.0), (Id::P5, 170_000.0)] {
            results.put(&measured(goal, figure));
        }
        for has_findings in [false, true] {
            let page = results.page(has_findings);
            assert_eq!(Results::parse(&page), results);
            assert_eq!(page.contains("(FINDINGS.md)"), has_findings);
            let (first, second) = (page.find("| P5 |"), page.find("| P10 |"));
            assert!(first < second, "in the order of the goals");
        }
    }

    #[test]
    fn one_goal_is_written_without_the_others() {
        let mut before = Results::default();
        before.put(&measured(Id::P5, 120_000.0));
        before.put(&measured(Id::P6, 130_000.0));
        let mut after = Results::parse(&before.page(true));
        after.put(&measured(Id::P5, 180_000.0));
        let page = after.page(true);
        assert!(page.contains("| 1.800 | 1.800 to 1.800 | yes |"), "{page}");
        assert!(!page.contains("1.200"), "what was there is gone");
        assert_eq!(after.0.get(&Id::P6), before.0.get(&Id::P6));
        assert_eq!(page.matches("## P5: ").count(), 1);
    }
}
