//! `jeton ready`: whether a server answers requests, for health checks and scripts.
//!
//! Asks the HTTP door as a balancer would; needs no token.

use serde_json::json;

use super::office::Office;
use super::output::{Exit, Output};
use super::place::Place;

pub(super) fn run(place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    Office::anonymous(place)?.see("/readyz")?;
    output.answer(&json!({ "ready": true, "url": place.url() }), |out| writeln!(out, "ready"))?;
    Ok(Exit::Yes)
}
