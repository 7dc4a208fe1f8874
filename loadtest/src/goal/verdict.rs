//! What a goal comes to: both sides' figures round by round, their ratio, and whether it holds.
//!
//! Knows arithmetic only. A *contest* is one figure of both sides, or of ours alone where the goal
//! is a number; a goal holds when all its contests do and no promise was broken.
//!
//! The ratio is the median of the ratios of the rounds, in which both sides had the same machine
//! within seconds of one another; whatever slows the machine for minutes cancels out.

use serde::Serialize;

use super::Id;
use crate::stats::median;

/// Where a ratio must lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    /// Larger is better.
    AtLeast(f64),
    /// Smaller is better.
    AtMost(f64),
}

impl Target {
    pub(super) const fn figure(self) -> f64 {
        match self {
            Self::AtLeast(figure) | Self::AtMost(figure) => figure,
        }
    }

    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::AtLeast(_) => "≥",
            Self::AtMost(_) => "≤",
        }
    }

    fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }

    /// How well a ratio does: 1 is just enough, more is better.
    fn margin(self, ratio: f64) -> f64 {
        match self {
            Self::AtLeast(least) => ratio / least,
            Self::AtMost(most) => most / ratio.max(f64::MIN_POSITIVE),
        }
    }
}

/// The lowest and the highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread(pub(super) f64, pub(super) f64);

impl Spread {
    fn of(figures: &[f64]) -> Self {
        let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if figures.is_empty() { Self(0.0, 0.0) } else { Self(least, most) }
    }
}

/// One side's figures, one a round.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) what: String,
    pub(super) unit: &'static str,
    pub(super) figures: Vec<f64>,
}

impl Series {
    pub(super) fn new(what: impl Into<String>, unit: &'static str) -> Self {
        Self { what: what.into(), unit, figures: Vec::new() }
    }

    pub(super) fn push(&mut self, figure: f64) {
        self.figures.push(figure);
    }

    pub(super) fn median(&self) -> f64 {
        median(self.figures.clone())
    }

    pub(super) fn spread(&self) -> Spread {
        Spread::of(&self.figures)
    }
}

/// One figure of both sides, and what is wanted of it.
#[derive(Debug, Clone)]
pub(super) struct Contest {
    pub(super) ours: Series,
    /// Absent: the figure itself is what the target is about.
    pub(super) theirs: Option<Series>,
    pub(super) target: Target,
}

impl Contest {
    pub(super) const fn against(ours: Series, theirs: Series, target: Target) -> Self {
        Self { ours, theirs: Some(theirs), target }
    }

    pub(super) const fn alone(ours: Series, target: Target) -> Self {
        Self { ours, theirs: None, target }
    }

    /// One a round.
    fn ratios(&self) -> Vec<f64> {
        let Some(theirs) = &self.theirs else { return self.ours.figures.clone() };
        let rounds = self.ours.figures.iter().zip(&theirs.figures);
        rounds.map(|(ours, theirs)| ours / theirs.max(f64::MIN_POSITIVE)).collect()
    }

    pub(super) fn ratio(&self) -> f64 {
        median(self.ratios())
    }

    pub(super) fn ratio_spread(&self) -> Spread {
        Spread::of(&self.ratios())
    }

    pub(super) fn holds(&self) -> bool {
        let is_measured = !self.ours.figures.is_empty()
            && self.theirs.as_ref().is_none_or(|all| all.figures.len() == self.ours.figures.len());
        is_measured && self.target.holds(self.ratio())
    }

    fn margin(&self) -> f64 {
        self.target.margin(self.ratio())
    }
}

/// What measuring a goal found.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    /// All of them must hold. The first has the target that the goal is known by.
    pub(super) contests: Vec<Contest>,
    /// Told beside; they decide nothing.
    pub(super) beside: Vec<Series>,
}

/// What a goal comes to.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) goal: Id,
    pub(super) findings: Findings,
    /// Versions and settings of what was measured.
    pub(super) settings: Vec<String>,
    /// Promises that were broken while it was measured, and figures that cannot be right.
    pub(super) broken: Vec<String>,
}

impl Verdict {
    /// The contest whose ratio is told: of those with the goal's own target, the worst.
    pub(super) fn told(&self) -> Option<&Contest> {
        let contests = &self.findings.contests;
        let target = contests.first()?.target;
        let own = contests.iter().filter(|contest| contest.target == target);
        own.min_by(|one, other| one.margin().total_cmp(&other.margin()))
    }

    pub(super) fn holds(&self) -> bool {
        let contests = &self.findings.contests;
        self.broken.is_empty() && !contests.is_empty() && contests.iter().all(Contest::holds)
    }

    /// What does not hold.
    pub(super) fn missed(&self) -> Vec<&str> {
        let contests = self.findings.contests.iter().filter(|contest| !contest.holds());
        contests.map(|contest| contest.ours.what.as_str()).collect()
    }

    /// For programs: the last line of the output.
    pub(super) fn line(&self) -> Line<'_> {
        let told = self.told();
        let rounded = |figure: f64| (figure * 1e4).round() / 1e4;
        let ratio = told.map_or(0.0, Contest::ratio);
        let spread = told.map_or(Spread(0.0, 0.0), Contest::ratio_spread);
        Line {
            goal: self.goal,
            ratio: rounded(ratio),
            target: rounded(told.map_or(0.0, |told| told.target.figure())),
            holds: self.holds(),
            missed: self.missed(),
            spread: Spread(rounded(spread.0), rounded(spread.1)),
            ours: told.map_or(0.0, |told| rounded(told.ours.median())),
            theirs: told.and_then(|told| Some(rounded(told.theirs.as_ref()?.median()))),
            unit: told.map_or("", |told| told.ours.unit),
            rounds: told.map_or(0, |told| told.ours.figures.len()),
            broken: &self.broken,
        }
    }
}

/// One line of JSON.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    goal: Id,
    ratio: f64,
    target: f64,
    holds: bool,
    /// What does not hold.
    missed: Vec<&'a str>,
    /// Of the rounds' ratios.
    spread: Spread,
    /// The median, in `unit`.
    ours: f64,
    theirs: Option<f64>,
    unit: &'a str,
    rounds: usize,
    broken: &'a [String],
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn series(figures: &[f64]) -> Series {
        Series { what: "redeem".to_owned(), unit: "/s", figures: figures.to_vec() }
    }

    fn contest(ours: &[f64], theirs: &[f64], target: Target) -> Contest {
        Contest::against(series(ours), series(theirs), target)
    }

    fn verdict(contests: Vec<Contest>) -> Verdict {
        let findings = Findings { contests, beside: Vec::new() };
        Verdict { goal: Id::P5, findings, settings: Vec::new(), broken: Vec::new() }
    }

    #[track_caller]
    fn is(figure: f64, wanted: f64) {
        assert!((figure - wanted).abs() < 1e-9, "{figure} is not {wanted}");
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds_ratios() {
        // The machine slows down by half in the second round: the ratio does not care.
        let found = contest(&[30.0, 15.0, 32.0], &[20.0, 10.0, 20.0], Target::AtLeast(1.5));
        is(found.ratio(), 1.5);
        assert_eq!(found.ratio_spread(), Spread(1.5, 1.6));
        assert!(found.holds());
        assert_eq!((found.ours.median(), found.ours.spread()), (30.0, Spread(15.0, 32.0)));
    }

    #[test]
    fn targets_know_their_direction() {
        let (least, most) = (Target::AtLeast(0.9), Target::AtMost(0.5));
        let cases = [(least, 0.9, true), (least, 0.89, false), (most, 0.5, true)];
        for (target, ratio, holds) in cases.into_iter().chain([(most, 0.51, false)]) {
            assert_eq!(contest(&[ratio], &[1.0], target).holds(), holds, "{target:?} {ratio}");
            assert_eq!(target.margin(ratio) >= 1.0, holds, "{target:?} {ratio}");
        }
    }

    #[test]
    fn a_figure_alone_is_its_own_ratio() {
        let found = Contest::alone(series(&[42.0, 41.0, 47.0]), Target::AtMost(48.0));
        is(found.ratio(), 42.0);
        assert!(found.holds());
        assert!(!Contest::alone(series(&[]), Target::AtMost(48.0)).holds(), "nothing was measured");
    }

    #[test]
    fn what_was_measured_on_one_side_only_does_not_hold() {
        assert!(!contest(&[2.0, 2.0], &[1.0], Target::AtLeast(1.0)).holds());
        assert!(!contest(&[f64::NAN], &[1.0], Target::AtLeast(1.0)).holds());
    }

    #[test]
    fn all_contests_must_hold_and_the_worst_of_the_goals_own_is_told() {
        let target = Target::AtLeast(1.0);
        let embedded = contest(&[1.4], &[1.0], target);
        let redis = contest(&[1.1], &[1.0], target);
        let latency = contest(&[1.2], &[1.0], Target::AtMost(1.1));
        let both = verdict(vec![embedded.clone(), redis.clone()]);
        assert!(both.holds());
        is(both.told().unwrap().ratio(), 1.1);
        let all = verdict(vec![embedded, redis, latency]);
        assert!(!all.holds(), "one does not");
        is(all.told().unwrap().ratio(), 1.1);
    }

    #[test]
    fn a_broken_promise_fails_the_goal() {
        let good = verdict(vec![contest(&[2.0], &[1.0], Target::AtLeast(1.5))]);
        assert!(good.holds());
        let broken = Verdict { broken: vec!["1 use was given twice".to_owned()], ..good };
        assert!(!broken.holds());
        assert!(!verdict(Vec::new()).holds(), "nothing was measured");
    }

    #[test]
    fn the_line_begins_with_what_programs_read() {
        let all = verdict(vec![contest(&[3.04], &[2.0], Target::AtLeast(1.5))]);
        let line = serde_json::to_string(&all.line()).unwrap();
        let wanted = r#"{"goal":"P5","ratio":1.52,"target":1.5,"holds":true,"#;
        assert!(line.starts_with(wanted), "{line}");
    }
}
