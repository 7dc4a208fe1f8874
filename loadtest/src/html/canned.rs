//! A small report for tests.

use crate::args::Keep;
use crate::drive::{Figures, Kind, Plots, WarmUp};
use crate::machine::Machine;
use crate::profile::Profile;
use crate::report::{Named, Phase, Report};
use crate::stats::{OrdinalsSeen, Percentile, Quantiles, Second};
use crate::workload::Law;

fn quantiles(p50_us: f64) -> Quantiles {
    let [p90_us, p99_us, p999_us, max_us] = [2.0, 5.0, 9.0, 20.0].map(|times| times * p50_us);
    Quantiles { p50_us, p90_us, p99_us, p999_us, max_us }
}

fn percentiles(p50_us: f64) -> Vec<Percentile> {
    let at = |step: i32| {
        let share = 1.0 - 10_f64.powf(-f64::from(step) / 8.0);
        let us = p50_us * (1.0 + f64::from(step * step) / 30.0);
        Percentile((share * 1e6).round() / 1e6, us.round())
    };
    (0..34).map(at).collect()
}

/// One run of five seconds.
pub(crate) fn report() -> Report {
    let rates = [100.0, 900.0, 1_000.0, 400.0, 100.0];
    let seconds = rates.into_iter().zip(0_u32..).map(|(rate, at)| Second {
        at_s: f64::from(at),
        offered_per_s: Some(rate),
        answered_per_s: rate - 1.0,
        refused_per_s: rate / 10.0,
        p50_us: (at != 4).then_some(200.0 + rate / 10.0),
        p99_us: (at != 4).then_some(900.0 + rate),
    });
    let plots = Plots {
        latency: percentiles(210.0),
        accepted: percentiles(250.0),
        refused: percentiles(120.0),
        seconds: seconds.collect(),
    };
    let figures = Figures {
        verb: "redeem".to_owned(),
        law: Law::Uniform,
        kind: Kind::Open,
        connections: 4_000,
        in_flight: None,
        seconds: 5.0,
        offered_per_s: Some(500.0),
        achieved_per_s: 499.0,
        accepted_per_s: 449.0,
        latency: quantiles(210.0),
        latency_accepted: Some(quantiles(250.0)),
        latency_refused: Some(quantiles(120.0)),
        pacer_late: Some(quantiles(4.0)),
        server_cpu_us: Some(21.5),
        asked: 2_500,
        yes: 2_250,
        refused: [("too_soon".into(), 250)].into(),
        refused_for_good: 0,
        replayed: 0,
        errors: 0,
        first_error: None,
        unknown: 0,
        ordinals: OrdinalsSeen { different: 2_250, twice: 0, unchecked: 0, first: 1, last: 1 },
        standings: None,
        uses_max: Some(1),
        is_ours: true,
        codes_ran_out: false,
        warm_up: Some(WarmUp {
            seconds: 1,
            asked: 10,
            yes: 10,
            refused: [].into(),
            replayed: 0,
            errors: 0,
            first_error: None,
            unknown: 0,
            latency: quantiles(400.0),
            ordinals: None,
            standings: None,
        }),
        plots,
    };
    let phases = [("trickle", 0.0), ("rush", 1.0), ("day", 3.0)];
    let phases = phases.map(|(name, at_s)| Phase { name: name.to_owned(), at_s }).to_vec();
    let (durability, profile) = (Some(Keep::Sync), Some(Profile::GateOpening));
    Report { machine: machine(), runs: vec![Named { durability, profile, phases, figures }] }
}

fn machine() -> Machine {
    Machine {
        cpu: "A <fast> & \"small\" one".to_owned(),
        cores: 2,
        memory_gib: 8,
        kernel: "6.1".to_owned(),
        load_average: "0.1".to_owned(),
        file_system: Some("ext4 on /dev/vda (rw)".to_owned()),
        sync: Some(quantiles(150.0)),
        profile: "release".to_owned(),
        version: "0.1.0".to_owned(),
        commit: Some("abcdef012345".to_owned()),
        command: "cargo run -p loadtest -- profile gate-opening".to_owned(),
    }
}
