//! Many connections at once: as many handshakes at the same time as do not get into each other's
//! way.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use jeton::client::{Connection, Connector, Error, Options};
use tokio::task::JoinSet;

use super::{Loop, Plan, Port, Receiver, Run};

/// Handshakes at the same time.
const HANDSHAKES_MAX: usize = 64;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often one is tried: a gate would try for ever.
const TRIES: u32 = 4;
/// Connections that share a socket, so that no one socket's task has to serve all.
const CONNECTIONS_PER_SOCKET: u32 = 1_000;
/// Questions that may wait for an answer on all connections of an open loop together, where the
/// server allows more: what nobody answers must not fill the memory.
const IN_FLIGHT_MAX: u32 = 1 << 22;

pub(super) type Connected = (Arc<Run>, Vec<Connection>, Vec<Arc<Port>>);

/// Connects, and begins the run.
pub(super) async fn connect(options: &Options, plan: Plan) -> anyhow::Result<Connected> {
    let mut connections = shake_hands(options, plan.connections).await?;
    let allowed = connections.iter().map(|one| one.welcome().in_flight_max.max(1)).min();
    let allowed = allowed.context("no connections")?;
    let room = match plan.kind {
        Loop::Open { .. } | Loop::Course(_) => {
            allowed.min((IN_FLIGHT_MAX / plan.connections.max(1)).max(1))
        }
        Loop::Closed { in_flight } => {
            ensure!(in_flight <= allowed, "the server allows {allowed} in flight");
            in_flight
        }
    };
    let run = Arc::new(Run::begin(plan)?);
    let mut ports = Vec::new();
    for (connection, number) in connections.iter_mut().zip(0..) {
        let port = Arc::new(Port::new(&run, number, room));
        let lane = connection.lane(Receiver(Arc::clone(&port))).await?;
        port.lane.set(lane).ok().context("a port has one lane")?;
        ports.push(port);
    }
    Ok((run, connections, ports))
}

async fn shake_hands(options: &Options, count: u32) -> anyhow::Result<Vec<Connection>> {
    let mut options = options.clone();
    options.connect_timeout = PATIENCE;
    let progress = ProgressBar::new(count.into()).with_message("connecting");
    let (mut connecting, mut connections) = (JoinSet::new(), Vec::new());
    let mut connector = Connector::new(options.clone()).await?;
    for number in 0..count {
        if number > 0 && number.is_multiple_of(CONNECTIONS_PER_SOCKET) {
            connector = Connector::new(options.clone()).await?;
        }
        if connecting.len() >= HANDSHAKES_MAX
            && let Some(connected) = connecting.join_next().await
        {
            connections.push(connected??);
            progress.inc(1);
        }
        connecting.spawn(shake_hand(connector.clone()));
    }
    while let Some(connected) = connecting.join_next().await {
        connections.push(connected??);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(connections)
}

async fn shake_hand(connector: Connector) -> Result<Connection, Error> {
    for _ in 1..TRIES {
        match connector.connect().await {
            Err(error) if error.is_transient() => {}
            settled => return settled,
        }
    }
    connector.connect().await
}
