//! `box`: the one command behind the figures that are quoted.
//!
//! Servers of the durabilities asked for run at the same time and are loaded in turns
//! (A B A B …), so that whatever else the machine does meets them alike.

use std::path::Path;
use std::sync::Arc;

use crate::args::{BoxArgs, Keep, Shape};
use crate::box_server::{BoxServer, HOT_CODE, ServeBoxArgs};
use crate::drive::{self, Loop, Manners, Plan};
use crate::machine::Machine;
use crate::report::{Named, Report};
use crate::workload::{Codes, Law, Mix, Verb, Workload};

/// What is measured once in a round.
struct Step {
    verb: Verb,
    law: Law,
    kind: Loop,
    connections: u32,
}

/// A server and its codes.
struct Side {
    server: BoxServer,
    /// To be redeemed, each once.
    single: Arc<Codes>,
    /// To be asked about: none of them is ever used, so that every round asks the same.
    unused: Arc<Codes>,
    hot: Arc<Codes>,
}

/// Starts servers, loads them, prints the table. Says whether every promise was kept.
pub(crate) async fn run(args: &BoxArgs) -> anyhow::Result<bool> {
    let dir = args.disk.scratch("box")?;
    let machine = Machine::look(Some(dir.path()))?;
    let mut sides = Vec::new();
    for durability in &args.durability {
        sides.push(Side::start(&dir.path().join(durability.name()), *durability, args.codes)?);
    }
    let mut runs = Vec::new();
    for _ in 0..args.rounds {
        for step in steps(args) {
            for side in &sides {
                runs.push(side.load(&step, args).await?);
            }
        }
    }
    for side in sides {
        side.server.end()?;
    }
    Report { machine, runs }.print(args.time.json)
}

/// The steps of a round: for each verb at its rate, then its peaks, then the hot code.
fn steps(args: &BoxArgs) -> Vec<Step> {
    let mut steps = Vec::new();
    let both = [Verb::Validate, Verb::Redeem];
    let verbs = args.verb.as_ref().map_or(both.as_slice(), std::slice::from_ref);
    for verb in verbs.iter().copied() {
        let law = if verb == Verb::Validate { Law::Uniform } else { Law::Once };
        let open = Loop::Open { rate: args.rate, manners: Manners::default() };
        steps.push(Step { verb, law, kind: open, connections: args.connections });
        let peak = |law, shape: Shape| {
            let kind = Loop::Closed { in_flight: shape.in_flight };
            Step { verb, law, kind, connections: shape.connections }
        };
        steps.extend(args.peaks.iter().map(|shape| peak(law, *shape)));
        if let (Verb::Redeem, Some(shape)) = (verb, args.peaks.last()) {
            steps.push(peak(Law::Hot, *shape));
        }
    }
    steps
}

impl Side {
    fn start(dir: &Path, durability: Keep, codes: u64) -> anyhow::Result<Self> {
        std::fs::create_dir(dir)?;
        let server = BoxServer::launch(&ServeBoxArgs::new(dir, durability, codes))?;
        let (single, unused) = Codes::read(server.codes())?.split();
        let hot = Codes::one(HOT_CODE);
        let [single, unused, hot] = [single, unused, hot].map(Arc::new);
        Ok(Self { server, single, unused, hot })
    }

    async fn load(&self, step: &Step, args: &BoxArgs) -> anyhow::Result<Named> {
        let codes = match step.law {
            Law::Once => &self.single,
            Law::Uniform | Law::Skewed => &self.unused,
            Law::Hot => &self.hot,
        };
        let plan = Plan {
            workload: Workload {
                codes: Arc::clone(codes),
                law: step.law,
                mix: Mix::only(step.verb),
            },
            kind: step.kind.clone(),
            connections: step.connections,
            warm_up_s: args.time.warm_up,
            seconds: args.time.seconds,
        };
        let durability = self.server.durability;
        let title = format!("{} {} {}", durability.name(), step.verb.name(), step.law.name());
        let (options, process) = (self.server.options(), self.server.process());
        let figures = drive::carry_out_beside(options, plan, &title, Some(process)).await?;
        Ok(Named { durability: Some(durability), profile: None, phases: Vec::new(), figures })
    }
}
