//! How one goal is told: the machine, both sides' medians and spreads, the ratio, the verdict.

use std::fmt::Write as _;

use super::Measured;
use super::verdict::{Contest, Series, Spread, Verdict};
use crate::report::{figure, write_machine};

/// The text for people, without a line break at its end.
pub(super) fn text(measured: &Measured) -> String {
    let Measured { machine, verdict } = measured;
    let about = verdict.goal.about();
    let mut head = Vec::new();
    // Writing into memory cannot fail; neither here nor below.
    let _written = write_machine(&mut head, machine);
    let mut out = format!(
        "goal      {}: {}\nagainst   {}\nwanted    {}\n{}",
        verdict.goal,
        about.what,
        about.against,
        about.wanted,
        String::from_utf8_lossy(&head)
    );
    for setting in &verdict.settings {
        let _ = writeln!(out, "setting   {setting}");
    }
    let rows = rows(verdict);
    let width = |at: fn(&Row) -> &String| rows.iter().map(|row| at(row).chars().count()).max();
    let what_width = width(|row| &row.what).unwrap_or_default();
    let median_width = width(|row| &row.median).unwrap_or_default();
    out.push('\n');
    for Row { side, what, median, rest } in &rows {
        let line = format!("{side:<9} {what:<what_width$}  {median:>median_width$}  {rest}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    for broken in &verdict.broken {
        let _ = writeln!(out, "WRONG: {broken}");
    }
    let end = if verdict.holds() { "holds" } else { "IS MISSED" };
    let _ = write!(out, "\n{} {end}", verdict.goal);
    out
}

/// The row of the page of results, without its line break.
pub(super) fn row(verdict: &Verdict) -> String {
    let about = verdict.goal.about();
    let told = verdict.told();
    let ratio = told.map_or("-".to_owned(), |told| sensible(told.ratio()));
    let spread = told.map_or("-".to_owned(), |told| between(told.ratio_spread()));
    let holds = match (verdict.holds(), told.is_some_and(Contest::holds)) {
        (true, _) => "yes".to_owned(),
        (false, false) => "**no**".to_owned(),
        // The ratio does not show why.
        (false, true) if verdict.broken.is_empty() => {
            format!("**no**: {}", verdict.missed().join("; "))
        }
        (false, true) => "**no**: see below".to_owned(),
    };
    format!(
        "| {} | {} | {} | {} | {ratio} | {spread} | {holds} |",
        verdict.goal, about.what, about.against, about.wanted
    )
}

struct Row {
    side: &'static str,
    what: String,
    median: String,
    rest: String,
}

fn rows(verdict: &Verdict) -> Vec<Row> {
    let mut rows = Vec::new();
    for contest in &verdict.findings.contests {
        rows.push(side("ours", &contest.ours));
        rows.extend(contest.theirs.iter().map(|theirs| side("theirs", theirs)));
        rows.push(ratio(contest));
    }
    rows.extend(verdict.findings.beside.iter().map(|series| side("beside", series)));
    rows
}

fn side(side: &'static str, series: &Series) -> Row {
    let Series { what, unit, .. } = series;
    let rest = format!("{unit:<6} {}", between(series.spread()));
    Row { side, what: what.clone(), median: sensible(series.median()), rest }
}

fn ratio(contest: &Contest) -> Row {
    let Contest { theirs, target, .. } = contest;
    let holds = if contest.holds() { "holds" } else { "MISSED" };
    let wanted = format!("{} {}", target.sign(), sensible(target.figure()));
    let spread = between(contest.ratio_spread());
    // A figure alone was told in the line above.
    match theirs {
        Some(_) => Row {
            side: "ratio",
            what: String::new(),
            median: sensible(contest.ratio()),
            rest: format!("{:<6} {spread}; wanted {wanted}: {holds}", ""),
        },
        None => Row {
            side: "wanted",
            what: String::new(),
            median: wanted,
            rest: format!("{:<6} {holds}", ""),
        },
    }
}

fn between(Spread(least, most): Spread) -> String {
    format!("{} to {}", sensible(least), sensible(most))
}

/// A number with as many decimals as mean something.
fn sensible(number: f64) -> String {
    let decimals = match number.abs() {
        ..10.0 => 3,
        10.0..100.0 => 1,
        _ => 0,
    };
    figure(number, decimals)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::goal::list::Id;
    use crate::goal::verdict::{Findings, Target};
    use crate::machine::Machine;

    /// A goal as it would have been measured.
    pub(in crate::goal) fn measured(goal: Id, ours: f64) -> Measured {
        let series = |what: &str, figures: [f64; 3]| {
            let (what, figures) = (what.to_owned(), figures.to_vec());
            Series { what, unit: "/s", figures }
        };
        let contest = Contest::against(
            series("redeem 8 x 32", [ours, ours * 1.1, ours]),
            series("EVALSHA", [100_000.0, 110_000.0, 100_000.0]),
            Target::AtLeast(1.5),
        );
        let beside = vec![series("at rest", [1.0, 2.0, 3.0])];
        let findings = Findings { contests: vec![contest], beside };
        let settings = vec!["Redis 7".to_owned()];
        let verdict = Verdict { goal, findings, settings, broken: Vec::new() };
        Measured { machine: machine(), verdict }
    }

    fn machine() -> Machine {
        Machine {
            cpu: "a processor".to_owned(),
            cores: 2,
            memory_gib: 4,
            kernel: "6.1".to_owned(),
            load_average: "0.10".to_owned(),
            file_system: None,
            sync: None,
            profile: "release".to_owned(),
            version: "0.1.0".to_owned(),
            commit: Some("abc".to_owned()),
            command: "cargo run --release -p loadtest -- goal P5".to_owned(),
        }
    }

    #[test]
    fn a_goal_is_told_with_both_sides() {
        let text = text(&measured(Id::P5, 160_000.0));
        let table: Vec<&str> = text.lines().skip_while(|line| !line.is_empty()).collect();
        assert_eq!(
            table,
            [
                "",
                "ours      redeem 8 x 32  160,000  /s     160,000 to 176,000",
                "theirs    EVALSHA        100,000  /s     100,000 to 110,000",
                "ratio                      1.600         1.600 to 1.600; wanted ≥ 1.500: holds",
                "beside    at rest          2.000  /s     1.000 to 3.000",
                "",
                "P5 holds",
            ]
        );
        assert!(text.contains("command   cargo run --release -p loadtest -- goal P5\n"), "{text}");
        assert!(text.contains("setting   Redis 7\n"), "{text}");
    }

    #[test]
    fn what_is_missed_and_broken_is_told() {
        let mut measured = measured(Id::P5, 120_000.0);
        measured.verdict.broken.push("2 uses were given twice".to_owned());
        let text = text(&measured);
        assert!(text.contains("wanted ≥ 1.500: MISSED"), "{text}");
        assert!(text.contains("WRONG: 2 uses were given twice"), "{text}");
        assert!(text.ends_with("P5 IS MISSED"), "{text}");
        assert!(row(&measured.verdict).ends_with("| 1.200 | 1.200 to 1.200 | **no** |"));
    }

    #[test]
    fn a_row_says_what_its_ratio_does_not_show() {
        let Measured { mut verdict, .. } = measured(Id::P5, 160_000.0);
        assert!(row(&verdict).ends_with("| 1.600 | 1.600 to 1.600 | yes |"));
        let p99 = Series { what: "p99".to_owned(), unit: "µs", figures: vec![9.0] };
        verdict.findings.contests.push(Contest::alone(p99, Target::AtMost(1.0)));
        assert!(row(&verdict).ends_with("| 1.600 | 1.600 to 1.600 | **no**: p99 |"));
        verdict.broken.push("2 uses were given twice".to_owned());
        assert!(row(&verdict).ends_with("| **no**: see below |"));
    }
}
