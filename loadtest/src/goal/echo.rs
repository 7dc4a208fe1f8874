//! P1 and P2: validate, against a bare quinn echo.
//!
//! The echo is a process like the service's, with the same runtime and the same transport settings.
//! It finds the frames in what arrives and answers each with the bytes of a real answer, taken from
//! the service before: same sizes, same client, and nothing of jeton in between.

mod server;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use anyhow::Context;
use jeton::client::{Connector, Error, Options, Receive, Replies};

use super::field::{Field, Peak};
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::{BoxServer, ServeBoxArgs};
use crate::drive::Figures;
use crate::workload::{Codes, Law, Mix, Question, Verb, Workload};

pub(crate) use server::{ServeEchoArgs, serve as serve_echo};

/// Codes that are asked about.
const CODES: u64 = 1_000_000;
/// Until the service has answered once.
const PATIENCE: Duration = Duration::from_secs(5);

/// P1: 64 connections, one in flight.
pub(super) async fn one_in_flight(field: &mut Field) -> anyhow::Result<Findings> {
    let [ours, theirs] = turns(field, 64, 1).await?;
    let contest = |what: &str, unit, pick: fn(&Figures) -> f64, target| {
        let series = |side: &str, figures: &[Figures]| {
            let figures = figures.iter().map(pick).collect();
            Series { what: format!("{side}, {what}"), unit, figures }
        };
        Contest::against(series("validate 64 x 1", &ours), series("echo", &theirs), target)
    };
    let contests = vec![
        contest("answers", "/s", |run| run.achieved_per_s, Target::AtLeast(0.90)),
        contest("p50", "µs", |run| run.latency.p50_us, Target::AtMost(1.10)),
        contest("p99", "µs", |run| run.latency.p99_us, Target::AtMost(1.30)),
    ];
    Ok(Findings { contests, beside: Vec::new() })
}

/// P2: 4 connections, 64 in flight on each.
pub(super) async fn many_in_flight(field: &mut Field) -> anyhow::Result<Findings> {
    let [ours, theirs] = turns(field, 4, 64).await?;
    let series = |what: &str, figures: &[Figures]| Series {
        what: what.to_owned(),
        unit: "/s",
        figures: figures.iter().map(|run| run.achieved_per_s).collect(),
    };
    let (ours, theirs) = (series("validate 4 x 64", &ours), series("echo", &theirs));
    let contests = vec![Contest::against(ours, theirs, Target::AtLeast(0.35))];
    Ok(Findings { contests, beside: Vec::new() })
}

/// Both sides in turns: the service, and the echo.
async fn turns(
    field: &mut Field,
    connections: u32,
    in_flight: u32,
) -> anyhow::Result<[Vec<Figures>; 2]> {
    let args = ServeBoxArgs::new(&field.path("ours"), Keep::Sync, field.codes(CODES));
    let server = field.server(&args)?;
    let codes = Arc::new(Codes::read(server.codes())?);
    let reply = field.path("reply");
    let frame = sample(server.options(), &codes).await?;
    field.setting(format!("each answer is a frame of {} bytes", frame.len()));
    std::fs::write(&reply, frame)?;
    let words = ["serve-echo".into(), "--reply".into(), reply.into_os_string()];
    let echo = BoxServer::run(words.into(), Keep::Memory)?;
    let mut found = [Vec::new(), Vec::new()];
    for _ in field.rounds() {
        for (side, figures) in [&server, &echo].into_iter().zip(&mut found) {
            let (options, codes) = (side.options(), &codes);
            let (verb, law) = (Verb::Validate, Law::Uniform);
            let peak = Peak { options, codes, verb, law, connections, in_flight };
            figures.push(field.peak(peak).await?);
        }
    }
    echo.end()?;
    server.end()?;
    Ok(found)
}

/// What the service answers to the question that is asked under load, as it travels: a frame whose
/// sequence number is 1.
async fn sample(options: Options, codes: &Arc<Codes>) -> anyhow::Result<Vec<u8>> {
    let mut connection = Connector::new(options).await?.connect().await?;
    let (answered, answer) = channel();
    let lane = connection.lane(Listener(answered)).await?;
    let (codes, law, mix) = (Arc::clone(codes), Law::Uniform, Mix::only(Verb::Validate));
    Workload { codes, law, mix }.ask(&lane, 1, Question::fresh(Verb::Validate, 0), 0)?;
    let heard = tokio::task::spawn_blocking(move || answer.recv_timeout(PATIENCE)).await?;
    connection.close();
    heard.context("the service does not answer")
}

/// Passes the first answer on.
struct Listener(Sender<Vec<u8>>);

impl Receive for Listener {
    fn replies(&mut self, replies: &mut Replies<'_>) {
        for (seq, reply) in replies {
            let mut frame = Vec::new();
            if reply.encode(seq, &mut frame).is_ok() {
                // Who does not wait any more does not need it.
                let _gone = self.0.send(frame);
            }
        }
    }

    fn closed(&mut self, _error: Error) {}
}
