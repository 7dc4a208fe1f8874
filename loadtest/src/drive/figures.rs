//! What a run found, and which promises it saw broken.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::stats::{OrdinalsSeen, Quantiles};
use crate::workload::Law;

/// What a run found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    pub(crate) verb: String,
    pub(crate) law: Law,
    /// `open` or `closed (peak)`.
    pub(crate) kind: &'static str,
    pub(crate) connections: u32,
    /// On each connection; absent in an open loop, which does not limit them.
    pub(crate) in_flight: Option<u32>,
    /// What was measured, in seconds.
    pub(crate) seconds: f64,
    /// Questions that were due in a second; absent in a closed loop.
    pub(crate) offered_per_s: Option<f64>,
    /// Answers in a second.
    pub(crate) achieved_per_s: f64,
    /// Open: from when the question was due. Closed: from when it was asked.
    pub(crate) latency: Quantiles,
    /// By how much the generator itself was late, which is part of the latencies above.
    pub(crate) pacer_late: Option<Quantiles>,
    /// The server's processor time for a request, where the server is ours.
    pub(crate) server_cpu_us: Option<f64>,
    pub(crate) asked: u64,
    pub(crate) yes: u64,
    pub(crate) refused: BTreeMap<Box<str>, u64>,
    pub(crate) replayed: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    /// Neither yes nor no, after all patience.
    pub(crate) unknown: u64,
    pub(crate) ordinals: OrdinalsSeen,
    /// The list of codes ended before the time.
    pub(crate) codes_ran_out: bool,
}

impl Figures {
    /// What breaks a promise; nothing, if all is well.
    pub(crate) fn broken(&self) -> Vec<String> {
        let answered = self.yes + self.refused.values().sum::<u64>() + self.errors + self.unknown;
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
        let is_complete = self.unknown == 0 && seen.unchecked == 0 && self.law == Law::Hot;
        check(!is_complete || is_gapless, "the uses of the hot code have gaps".to_owned());
        broken
    }
}
