//! One page that tells a report, or compares two: everything is in it, nothing is fetched.
//!
//! Plots are drawn twice, for wide and for narrow screens, since a drawing that shrinks takes its
//! letters with it; the style sheet shows one of them. Each moment of a plot tells its figures to
//! whoever points at it, and all of them stand in a table below. Without scripts.

#[cfg(test)]
pub(crate) mod canned;
mod plot;
mod scale;

use std::fmt::Write;

use crate::compare::{Comparison, Pair};
use crate::drive::Figures;
use crate::machine::Machine;
use crate::report::{Named, Report, answers, facts, figure};
use crate::stats::{Percentile, Quantiles, Second};

use plot::{Line, Look, Plot, Shape};
use scale::{Scale, duration};

const STYLE: &str = include_str!("html/style.css");

/// The page of a report.
pub(crate) fn page(report: &Report) -> String {
    let mut body = String::from("<header><h1>jeton under load</h1>");
    body.push_str(&verdict(&report.runs.iter().flat_map(|run| run.figures.broken()).collect()));
    body.push_str("</header>");
    for run in &report.runs {
        body.push_str(&section(run));
    }
    body.push_str("<section><h2>How it was measured</h2>");
    body.push_str(&machine(&report.machine));
    body.push_str(NOTES);
    body.push_str("</section>");
    document("jeton under load", &body)
}

/// The page of two reports.
pub(crate) fn comparison_page(comparison: &Comparison) -> String {
    let both = [("A", &comparison.a), ("B", &comparison.b)];
    let broken = both.iter().flat_map(|(name, report)| {
        let broken = report.runs.iter().flat_map(|run| run.figures.broken());
        broken.map(move |what| format!("{name}: {what}"))
    });
    let mut body = String::from("<header><h1>jeton under load: two runs</h1>");
    body.push_str(&verdict(&broken.collect()));
    body.push_str("</header><section><h2>What differs</h2>");
    let differences = comparison.differences();
    if differences.is_empty() {
        body.push_str("<p>Machine, program and command are the same.</p>");
    } else {
        let rows = differences.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
        body.push_str(&table(&["", "A", "B"], &rows, "words"));
    }
    for alone in comparison.alone() {
        paragraph(&mut body, &alone);
    }
    body.push_str("</section>");
    for pair in comparison.pairs() {
        body.push_str(&compared(&pair));
    }
    for (name, report) in both {
        element(&mut body, "h2", &format!("How {name} was measured"));
        body.push_str(&machine(&report.machine));
    }
    body.push_str(NOTES);
    document("jeton under load: two runs", &body)
}

const NOTES: &str = "<p class=\"note\">Open loop: questions come by a schedule that waits for \
    nobody, and latency is counted from the moment a question was due. So a stall delays all that \
    is behind it, and is seen. The generator's own lateness is part of every latency. Warm-up is \
    counted apart.</p>";

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title>\
         <style>{STYLE}</style></head>\n<body>{body}</body></html>\n",
        escape(title)
    )
}

/// For texts and attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Writing to a `String` cannot fail.
fn element(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<{name}>{}</{name}>", escape(text));
}

fn paragraph(out: &mut String, text: &str) {
    element(out, "p", text);
}

fn verdict(broken: &Vec<String>) -> String {
    if broken.is_empty() {
        return "<p class=\"verdict kept\">✓ every promise was kept</p>".to_owned();
    }
    let mut told = String::from("<ul class=\"verdict broken\">");
    for what in broken {
        element(&mut told, "li", &format!("✗ broken promise: {what}"));
    }
    told + "</ul>"
}

fn heading(run: &Named) -> String {
    let [durability, verb, law, kind, shape] = run.title();
    match run.profile {
        Some(_) => format!("{kind} · {durability} · {shape} connections"),
        None => format!("{verb} · {durability} · {law} · {kind} · {shape}"),
    }
}

/// One run.
fn section(run: &Named) -> String {
    let found = &run.figures;
    let mut out = String::from("<section>");
    element(&mut out, "h2", &heading(run));
    if let Some(profile) = run.profile {
        paragraph(&mut out, profile.tells());
    }
    out.push_str(&tiles(found));
    out.push_str(&latency_plot(found).draw());
    out.push_str(&rate_plot(run).draw());
    out.push_str(&time_plot(run).draw());
    out.push_str(&quantile_table(found));
    out.push_str("<ul class=\"answers\">");
    for line in answers(found) {
        element(&mut out, "li", &line);
    }
    out.push_str("</ul>");
    out.push_str(&second_table(found));
    out + "</section>"
}

/// The figures to remember.
fn tiles(found: &Figures) -> String {
    let per_s = |second: &Second| second.answered_per_s;
    let peak = found.plots.seconds.iter().map(per_s).fold(0.0, f64::max);
    let mut out = String::from("<dl class=\"tiles\">");
    let mut tile = |name: &str, value: String| {
        let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(&value));
    };
    tile("answers a second", figure(found.achieved_per_s, 0));
    tile("a second at the peak", figure(peak, 0));
    tile("p50", duration(found.latency.p50_us));
    tile("p99", duration(found.latency.p99_us));
    tile("p99.9", duration(found.latency.p999_us));
    tile("yes", count(found.yes));
    tile("refused", count(found.no()));
    tile("failed or unknown", count(found.errors + found.unknown));
    out + "</dl>"
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn count(count: u64) -> String {
    figure(count as f64, 0)
}

fn percentiles(points: &[Percentile]) -> Vec<(f64, f64)> {
    points.iter().map(|Percentile(share, us)| (*share, us.max(0.1))).collect()
}

fn latency_plot(found: &Figures) -> Plot {
    let plots = &found.plots;
    let both = !plots.accepted.is_empty() && !plots.refused.is_empty();
    let all = [
        ("all answers", &plots.latency, Look::Quiet, both),
        ("yes", &plots.accepted, Look::First, true),
        ("refused", &plots.refused, Look::Second, true),
    ];
    let lines = all.into_iter().filter(|(_, points, _, told)| *told && !points.is_empty());
    Plot {
        title: "Latency by percentile",
        about: "the share of answers that came within a time",
        x: Scale::nines(plots.latency.len()),
        y: Scale::log(plots.latency.iter().map(|point| point.1), "latency"),
        lines: lines
            .map(|(name, points, look, _)| Line { name, look, points: percentiles(points) })
            .collect(),
        shape: Shape::Straight,
        marks: Vec::new(),
        hints: Vec::new(),
    }
}

/// What each stretch of time says, by its beginning.
fn series(seconds: &[Second], pick: impl Fn(&Second) -> Option<f64>) -> Vec<(f64, f64)> {
    seconds.iter().filter_map(|second| Some((second.at_s, pick(second)?))).collect()
}

/// The same by its middle, for what is a sample and no sum.
fn samples(seconds: &[Second], pick: impl Fn(&Second) -> Option<f64>) -> Vec<(f64, f64)> {
    let half_s = stretch_s(seconds) / 2.0;
    series(seconds, pick).into_iter().map(|(at_s, value)| (at_s + half_s, value)).collect()
}

/// How long a stretch of time is.
fn stretch_s(seconds: &[Second]) -> f64 {
    match seconds {
        [first, second, ..] => second.at_s - first.at_s,
        [_] | [] => 1.0,
    }
}

fn time_axis(runs: &[&Figures]) -> Scale {
    let end = |run: &&Figures| {
        let seconds = &run.plots.seconds;
        seconds.last().map_or(0.0, |last| last.at_s + stretch_s(seconds))
    };
    Scale::linear(runs.iter().map(end).fold(0.1, f64::max), "time, s")
}

fn marks(run: &Named) -> Vec<(f64, String)> {
    run.phases.iter().map(|phase| (phase.at_s, phase.name.clone())).collect()
}

fn rate_plot(run: &Named) -> Plot {
    let seconds = &run.figures.plots.seconds;
    let offered = series(seconds, |second| second.offered_per_s);
    let answered = series(seconds, |second| Some(second.answered_per_s));
    let refused = series(seconds, |second| Some(second.refused_per_s));
    let most = offered.iter().chain(&answered).map(|point| point.1).fold(1.0, f64::max);
    let lines = [
        Line { name: "offered", look: Look::Quiet, points: offered },
        Line { name: "answered", look: Look::First, points: answered },
        Line { name: "refused", look: Look::Second, points: refused },
    ];
    Plot {
        title: "Rate over time",
        about: "requests a second",
        x: time_axis(&[&run.figures]),
        y: Scale::linear(most, "requests a second"),
        lines: lines.into_iter().filter(|line| !line.points.is_empty()).collect(),
        shape: Shape::Steps,
        marks: marks(run),
        hints: seconds.iter().map(|second| (second.at_s, hint(second))).collect(),
    }
}

fn time_plot(run: &Named) -> Plot {
    let seconds = &run.figures.plots.seconds;
    let all = seconds.iter().flat_map(|second| [second.p50_us, second.p99_us]).flatten();
    Plot {
        title: "Latency over time",
        about: "of what was due then",
        x: time_axis(&[&run.figures]),
        y: Scale::log(all, "latency"),
        lines: vec![
            Line { name: "p50", look: Look::First, points: samples(seconds, |one| one.p50_us) },
            Line { name: "p99", look: Look::Third, points: samples(seconds, |one| one.p99_us) },
        ],
        shape: Shape::Straight,
        marks: marks(run),
        hints: seconds.iter().map(|second| (second.at_s, hint(second))).collect(),
    }
}

fn hint(second: &Second) -> String {
    let [at_s, offered, answered, refused, p50, p99] = cells(second);
    format!(
        "{at_s} s: offered {offered}/s, answered {answered}/s, refused {refused}/s, p50 {p50}, \
         p99 {p99}"
    )
}

/// What is told of a stretch of time.
fn cells(second: &Second) -> [String; 6] {
    let rate = |per_s: f64| figure(per_s, 0);
    let time = |us: Option<f64>| us.map_or("-".to_owned(), duration);
    [
        figure(second.at_s, 1),
        second.offered_per_s.map_or("-".to_owned(), rate),
        rate(second.answered_per_s),
        rate(second.refused_per_s),
        time(second.p50_us),
        time(second.p99_us),
    ]
}

fn second_table(found: &Figures) -> String {
    const HEADS: [&str; 6] = ["time, s", "offered/s", "answered/s", "refused/s", "p50", "p99"];
    let rows: Vec<_> = found.plots.seconds.iter().map(|second| cells(second).to_vec()).collect();
    format!(
        "<details><summary>All of it as a table</summary>{}</details>",
        table(&HEADS, &rows, "")
    )
}

fn quantile_table(found: &Figures) -> String {
    const HEADS: [&str; 6] = ["latency of", "p50", "p90", "p99", "p99.9", "max"];
    let rows = [
        ("all answers", Some(found.latency)),
        ("yes", found.latency_accepted),
        ("refused", found.latency_refused),
        ("generator late", found.pacer_late),
        ("warm-up", found.warm_up.as_ref().map(|warm_up| warm_up.latency)),
    ];
    let row = |(name, of): (&str, Option<Quantiles>)| {
        let of = of?;
        let times = [of.p50_us, of.p90_us, of.p99_us, of.p999_us, of.max_us].map(duration);
        Some([name.to_owned()].into_iter().chain(times).collect())
    };
    table(&HEADS, &rows.into_iter().filter_map(row).collect::<Vec<Vec<_>>>(), "")
}

fn table(heads: &[&str], rows: &[Vec<String>], class: &str) -> String {
    let mut out = format!("<div class=\"scroll\"><table class=\"{class}\"><thead><tr>");
    heads.iter().for_each(|head| element(&mut out, "th", head));
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        row.iter().for_each(|cell| element(&mut out, "td", cell));
        out.push_str("</tr>");
    }
    out + "</tbody></table></div>"
}

fn machine(machine: &Machine) -> String {
    let mut out = String::from("<dl class=\"facts\">");
    for (name, fact) in facts(machine) {
        element(&mut out, "dt", name);
        element(&mut out, "dd", &fact);
    }
    out + "</dl>"
}

/// Two runs of the same measurement.
fn compared(pair: &Pair<'_>) -> String {
    let mut out = String::from("<section>");
    let (a, b) = (heading(pair.a), heading(pair.b));
    element(&mut out, "h2", &if a == b { a } else { format!("A: {a} — B: {b}") });
    let plots = [
        compared_latency(pair),
        compared_over_time(pair, "Answered over time", |one| Some(one.answered_per_s), false),
        compared_over_time(pair, "p50 over time", |one| one.p50_us, true),
        compared_over_time(pair, "p99 over time", |one| one.p99_us, true),
    ];
    plots.iter().for_each(|plot| out.push_str(&plot.draw()));
    let rows = pair.rows().into_iter().map(|row| {
        let [a, b] = [row.a, row.b].map(|value| figure(value, row.decimals()));
        let ratio = row.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        vec![row.name.to_owned(), a, b, ratio]
    });
    out.push_str(&table(&["", "A", "B", "B / A"], &rows.collect::<Vec<_>>(), ""));
    out + "</section>"
}

fn compared_latency(pair: &Pair<'_>) -> Plot {
    let [a, b] = [pair.a, pair.b].map(|run| &run.figures.plots.latency);
    Plot {
        title: "Latency by percentile",
        about: "the share of answers that came within a time",
        x: Scale::nines(a.len().max(b.len())),
        y: Scale::log(a.iter().chain(b).map(|point| point.1), "latency"),
        lines: vec![
            Line { name: "A", look: Look::First, points: percentiles(a) },
            Line { name: "B", look: Look::Second, points: percentiles(b) },
        ],
        shape: Shape::Straight,
        marks: Vec::new(),
        hints: Vec::new(),
    }
}

fn compared_over_time(
    pair: &Pair<'_>,
    title: &'static str,
    pick: fn(&Second) -> Option<f64>,
    is_latency: bool,
) -> Plot {
    let x = time_axis(&[&pair.a.figures, &pair.b.figures]);
    let [a, b] = [pair.a, pair.b].map(|run| {
        let seconds = &run.figures.plots.seconds;
        if is_latency { samples(seconds, pick) } else { series(seconds, pick) }
    });
    let values = a.iter().chain(&b).map(|point| point.1);
    let shape = if is_latency { Shape::Straight } else { Shape::Steps };
    let y = if is_latency {
        Scale::log(values, "latency")
    } else {
        Scale::linear(values.fold(1.0, f64::max), "requests a second")
    };
    let about = if is_latency { "of what was due then" } else { "requests a second" };
    let lines = vec![
        Line { name: "A", look: Look::First, points: a },
        Line { name: "B", look: Look::Second, points: b },
    ];
    Plot { title, about, x, y, lines, shape, marks: marks(pair.a), hints: Vec::new() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;
