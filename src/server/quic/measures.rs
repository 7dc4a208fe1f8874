//! What the QUIC door measures.

use metrics::{Gauge, gauge};

use crate::engine::Verb;
use crate::metrics::Latency;

/// Handles, made once.
pub(in crate::server) struct Measures {
    /// Open connections.
    pub(super) connections: Gauge,
    /// Open lanes.
    pub(super) lanes: Gauge,
    latencies: [&'static Latency; Verb::ALL.len()],
}

impl Measures {
    pub(super) fn new() -> Self {
        Self {
            connections: gauge!("jeton_connections", "door" => "quic"),
            lanes: gauge!("jeton_lanes"),
            latencies: Verb::ALL.map(|verb| Latency::of("quic", verb.name())),
        }
    }

    /// How long a request took, from being read to being ready to be written.
    pub(super) fn took(&self, verb: Verb, seconds: f64) {
        if let Some(latency) = self.latencies.get(verb as usize) {
            latency.record(seconds);
        }
    }
}
