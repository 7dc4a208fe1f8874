//! What a run found, and which promises it saw broken.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::board::Counts;
use super::{Loop, Run, Standings};
use crate::pacer::Punctuality;
use crate::stats::{OrdinalsSeen, Percentile, Quantiles, Second};
use crate::workload::Law;

/// How questions were timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// By a schedule.
    #[serde(rename = "open")]
    Open,
    /// As fast as answers came.
    #[serde(rename = "closed (peak)")]
    Closed,
}

impl Kind {
    /// For tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed (peak)",
        }
    }
}

/// What a run found in its measured time; the warm-up is told apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) verb: String,
    pub(crate) law: Law,
    pub(crate) kind: Kind,
    pub(crate) connections: u32,
    /// On each connection; absent in an open loop, which does not limit them.
    pub(crate) in_flight: Option<u32>,
    /// What was measured, in seconds.
    pub(crate) seconds: f64,
    /// Questions that were due in a second; absent in a closed loop.
    pub(crate) offered_per_s: Option<f64>,
    /// Answers in a second.
    pub(crate) achieved_per_s: f64,
    /// Those among them that were yes.
    pub(crate) accepted_per_s: f64,
    /// Open: from when the question was due. Closed: from when it was asked.
    pub(crate) latency: Quantiles,
    /// The same, of what was answered yes.
    pub(crate) latency_accepted: Option<Quantiles>,
    /// The same, of what was refused.
    pub(crate) latency_refused: Option<Quantiles>,
    /// By how much the generator itself was late, which is part of the latencies above.
    pub(crate) pacer_late: Option<Quantiles>,
    /// The server's processor time for an answer, where the server's process is known.
    pub(crate) server_cpu_us: Option<f64>,
    pub(crate) asked: u64,
    pub(crate) yes: u64,
    pub(crate) refused: BTreeMap<Box<str>, u64>,
    /// Refusals that the same request would meet again.
    pub(crate) refused_for_good: u64,
    pub(crate) replayed: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    /// Neither yes nor no, after all patience.
    pub(crate) unknown: u64,
    /// Of the warm-up too, unless codes were held out for it.
    pub(crate) ordinals: OrdinalsSeen,
    /// Where uses are limited or held.
    pub(crate) standings: Option<Standings>,
    /// Most uses of each code, where that is known beforehand.
    pub(crate) uses_max: Option<u64>,
    /// Nobody else used the codes.
    pub(crate) is_ours: bool,
    /// The list of codes ended before the time.
    pub(crate) codes_ran_out: bool,
    pub(crate) warm_up: Option<WarmUp>,
    pub(crate) plots: Plots,
}

/// What a run found before its measured time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WarmUp {
    pub(crate) seconds: u32,
    pub(crate) asked: u64,
    pub(crate) yes: u64,
    pub(crate) refused: BTreeMap<Box<str>, u64>,
    pub(crate) replayed: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    pub(crate) unknown: u64,
    pub(crate) latency: Quantiles,
    /// Of codes that were held out for it.
    pub(crate) ordinals: Option<OrdinalsSeen>,
    pub(crate) standings: Option<Standings>,
}

/// What is drawn.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Plots {
    pub(crate) latency: Vec<Percentile>,
    pub(crate) accepted: Vec<Percentile>,
    pub(crate) refused: Vec<Percentile>,
    pub(crate) seconds: Vec<Second>,
}

impl Figures {
    /// Refusals of all reasons.
    pub(crate) fn no(&self) -> u64 {
        self.refused.values().sum()
    }

    /// What breaks a promise; nothing, if all is well.
    pub(crate) fn broken(&self) -> Vec<String> {
        let answered = self.yes + self.no() + self.errors + self.unknown;
        let seen = &self.ordinals;
        let mut broken = Vec::new();
        let mut check = |holds: bool, what: String| {
            if !holds {
                broken.push(what);
            }
        };
        check(answered == self.asked, format!("{} asked, {answered} accounted for", self.asked));
        check(seen.twice == 0, format!("{} uses were given twice", seen.twice));
        check(self.replayed == 0, format!("{} answers were another request's", self.replayed));
        let is_gapless = seen.different == 0 || seen.last + 1 - seen.first == seen.different;
        let unknown = self.unknown + self.warm_up.as_ref().map_or(0, |warm_up| warm_up.unknown);
        let is_complete = unknown == 0 && seen.unchecked == 0 && self.law == Law::Hot;
        check(!is_complete || is_gapless, "the uses of the hot code have gaps".to_owned());
        if let Some(standings) = &self.standings {
            broken.extend(standings.broken());
        }
        broken.extend(self.missed());
        broken.extend(self.warm_up.iter().flat_map(WarmUp::broken));
        broken
    }

    /// A use that should have been had and was not.
    fn missed(&self) -> Option<String> {
        if !self.is_ours {
            return None;
        }
        let is_settled = self.unknown + self.errors == 0;
        match (self.law, self.uses_max) {
            (Law::Hot, Some(max)) => {
                let sold_out = self.refused.get("usage_limit").is_some_and(|count| *count > 0);
                let wrong = sold_out && is_settled && self.verb == "redeem" && self.yes != max;
                wrong.then(|| format!("sold out after {} of {max} uses", self.yes))
            }
            (Law::Once, _) => (self.refused_for_good > 0)
                .then(|| format!("{} codes were refused that nobody used", self.refused_for_good)),
            (Law::Hot | Law::Uniform | Law::Skewed, _) => None,
        }
    }
}

impl WarmUp {
    fn broken(&self) -> Vec<String> {
        let no: u64 = self.refused.values().sum();
        let answered = self.yes + no + self.errors + self.unknown;
        let mut broken = Vec::new();
        if answered != self.asked {
            broken.push(format!("{} asked, {answered} accounted for", self.asked));
        }
        if self.replayed > 0 {
            broken.push(format!("{} answers were another request's", self.replayed));
        }
        if let Some(twice) = self.ordinals.map(|seen| seen.twice).filter(|twice| *twice > 0) {
            broken.push(format!("{twice} uses were given twice"));
        }
        broken.extend(self.standings.iter().flat_map(Standings::broken));
        broken.into_iter().map(|what| format!("warm-up: {what}")).collect()
    }
}

impl Standings {
    fn broken(&self) -> Vec<String> {
        let Self { over, unresolved, not_whole, compared, differing, .. } = self;
        let first = self.first_difference.as_deref().unwrap_or_default();
        let checks = [
            (*over, format!("{over} uses were given beyond a code's limit")),
            (*unresolved, format!("{unresolved} open holds were not there any more")),
            (*not_whole, format!("{not_whole} holds were not confirmed or released whole")),
            (
                *differing,
                format!("the server counts {differing} of {compared} codes otherwise: {first}"),
            ),
        ];
        checks.into_iter().filter(|(count, _)| *count > 0).map(|(_, what)| what).collect()
    }
}

pub(super) fn figures(
    run: &Run,
    counts: &Counts,
    punctuality: Option<&Punctuality>,
    cpu_s: Option<f64>,
) -> anyhow::Result<Figures> {
    let all = &counts.tallies.measured;
    let window = Duration::from_nanos(run.end_ns().saturating_sub(run.begin_ns()));
    let seconds = window.as_secs_f64().max(1e-3);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let float = |count: u64| count as f64;
    let per_s = |count: u64| (float(count) / seconds).round();
    let a_request_us = |cpu_s: f64| cpu_s * 1e6 / float(counts.answered_in_window.max(1));
    let mut series = counts.series.clone();
    if let Some(punctuality) = punctuality {
        series.add(&punctuality.series)?;
    }
    let latencies = all.latencies()?;
    let (plan, desk) = (&run.plan, &run.desks.measured);
    let (kind, in_flight) = match plan.kind {
        Loop::Open { .. } | Loop::Course(_) => (Kind::Open, None),
        Loop::Closed { in_flight } => (Kind::Closed, Some(in_flight)),
    };
    Ok(Figures {
        verb: plan.workload.mix.name(),
        law: plan.workload.law,
        kind,
        connections: plan.connections,
        in_flight,
        seconds,
        offered_per_s: punctuality.map(|punctuality| per_s(punctuality.due)),
        achieved_per_s: per_s(counts.answered_in_window),
        accepted_per_s: per_s(counts.accepted_in_window),
        latency: latencies.quantiles(),
        latency_accepted: all.accepted.some_quantiles(),
        latency_refused: all.refused.some_quantiles(),
        pacer_late: punctuality.map(|punctuality| punctuality.late.quantiles()),
        server_cpu_us: cpu_s.map(a_request_us),
        asked: all.asked,
        yes: all.yes,
        refused: all.no.clone(),
        refused_for_good: all.no_for_good,
        replayed: all.replayed,
        errors: all.errors,
        first_error: all.first_error.clone(),
        unknown: all.unknown,
        ordinals: desk.ordinals(),
        standings: desk.found(),
        uses_max: desk.known.uses_max,
        is_ours: desk.known.is_ours,
        codes_ran_out: run.ran_out_ns.load(Ordering::Relaxed) != u64::MAX,
        warm_up: (plan.warm_up_s > 0).then(|| warm_up(run, counts)).transpose()?,
        plots: Plots {
            latency: latencies.percentiles(),
            accepted: all.accepted.percentiles(),
            refused: all.refused.percentiles(),
            seconds: series.seconds(kind == Kind::Open, run.end_ns()),
        },
    })
}

fn warm_up(run: &Run, counts: &Counts) -> anyhow::Result<WarmUp> {
    let all = &counts.tallies.warm_up;
    let held_out = match run.plan.kind {
        Loop::Course(_) => Some(&run.desks.warm_up),
        Loop::Open { .. } | Loop::Closed { .. } => None,
    };
    Ok(WarmUp {
        seconds: run.plan.warm_up_s,
        asked: all.asked,
        yes: all.yes,
        refused: all.no.clone(),
        replayed: all.replayed,
        errors: all.errors,
        first_error: all.first_error.clone(),
        unknown: all.unknown,
        latency: all.latencies()?.quantiles(),
        ordinals: held_out.map(|desk| desk.ordinals()),
        standings: held_out.and_then(|desk| desk.found()),
    })
}
