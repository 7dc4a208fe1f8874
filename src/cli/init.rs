//! `jeton init`: makes the data directory without serving.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::installation::Installation;
use super::output::{Exit, Output, wrong_use};
use super::place::Place;
use super::serve::engine_options;
use crate::clock::Clock;
use crate::domain::id::TenantId;
use crate::engine::Engine;
use crate::server::access::Access;

/// How to make it.
#[derive(Debug, Args)]
pub(super) struct InitFlags {
    /// The tenant that the first admin token is for
    #[arg(long, default_value = "default")]
    tenant: String,
    /// Make another admin token, also if there is one; for a tenant's first, or when it was lost
    #[arg(long)]
    new_token: bool,
}

pub(super) fn run(flags: &InitFlags, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let tenant = TenantId::parse(&flags.tenant).map_err(|error| wrong_use(error.to_string()))?;
    let now_ms = Clock::system().now().0;
    let mut installation = Installation::open(&place.config, now_ms)?;
    let options = engine_options(&place.config, &installation);
    let bar = output.progress("loading codes", 0);
    let (engine, _) = Engine::open(options, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let engine = Arc::new(engine);
    let access = Access::open(Arc::clone(&engine), place.config.guess)?;
    if flags.new_token {
        installation.new_token(&access, &tenant)?;
    } else {
        installation.first_token(&access, &tenant)?;
    }
    installation.server_texts(&place.config.tls, now_ms)?;
    engine.ledger().close();
    let document = json!({
        "data": place.config.data, "tenant": tenant.as_str(), "made": installation.made,
    });
    output.answer(&document, |out| {
        for made in &installation.made {
            writeln!(out, "made  {}", made.display())?;
        }
        if installation.made.is_empty() {
            return writeln!(out, "{} is there; nothing was missing", place.config.data.display());
        }
        writeln!(out, "next  jeton serve")
    })?;
    Ok(Exit::Yes)
}
