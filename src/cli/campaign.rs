//! `jeton campaign`: definitions from files, and where campaigns stand.

mod file;
mod list;
mod plan;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use ureq::http::Method;

use super::office::{Content, Office, escaped};
use super::output::{Ended, Exit, Output, fields};
use super::place::Place;
use crate::catalog::document;
use file::{Sort, Written};
use plan::{Change, Planned};

/// Most slots in one request: a hundred bytes each are far less than a body may have.
const SLOTS_AT_ONCE: usize = 2_000;

/// What can be done with campaigns.
#[derive(Debug, Subcommand)]
pub(super) enum Campaign {
    /// Make the server's definitions what files say
    ///
    /// Reads TOML and JSON files with a campaign each, or with accounts, groups, slots, the policy
    /// and campaigns; of a directory all of them. Shows what changes (+ created, ~ edited,
    /// = unchanged) and does it, unless --plan is given. With a mistake in any file nothing is
    /// changed.
    #[command(after_long_help = APPLY_EXAMPLES)]
    Apply(Apply),
    /// Print the JSON Schema of the files, for editors and programs
    Schema,
    /// List campaigns, with what their codes come to
    #[command(after_long_help = LIST_EXAMPLES)]
    List(Box<list::List>),
    /// Show a campaign, as it is or in an earlier version
    Show {
        /// Its id
        id: String,
        /// The version; the current one unless given
        #[arg(long)]
        version: Option<u32>,
    },
    /// Refuse its codes for a while
    Pause(Id),
    /// Accept its codes (again)
    Resume(Id),
    /// Refuse its codes for good
    End(Id),
}

const APPLY_EXAMPLES: &str = "\
Examples:
  jeton campaign apply campaigns/                  everything in a directory
  jeton campaign apply --plan summer.toml          what would change
  jeton --json campaign apply summer.toml          for programs";

const LIST_EXAMPLES: &str = "\
Examples:
  jeton campaign list --paid no --sort newest      which have codes that are not paid
  jeton campaign list --redeemed yes --partner tui
  jeton campaign list --kind voucher --csv > vouchers.csv";

/// What to apply.
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// Files (.toml, .json) and directories
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Show what would change, change nothing
    #[arg(long, visible_alias = "dry-run")]
    plan: bool,
}

/// A campaign's id.
#[derive(Debug, Args)]
pub(super) struct Id {
    /// Its id
    id: String,
}

pub(super) fn run(command: &Campaign, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    match command {
        Campaign::Apply(apply) => self::apply(apply, place, output)?,
        Campaign::Schema => {
            let schema = document::schema();
            output.answer(&schema, |out| writeln!(out, "{schema:#}"))?;
        }
        Campaign::List(list) => list::list(list, &Office::new(place)?, output)?,
        Campaign::Show { id, version } => {
            let version = version.map_or_else(String::new, |version| format!("?version={version}"));
            let path = format!("/v1/campaigns/{}{version}", escaped(id));
            let document = Office::new(place)?.get(&path)?;
            output.answer(&document, |out| fields(out, &document, 0))?;
        }
        Campaign::Pause(Id { id }) => set_status(id, "paused", place, output)?,
        Campaign::Resume(Id { id }) => set_status(id, "active", place, output)?,
        Campaign::End(Id { id }) => set_status(id, "ended", place, output)?,
    }
    Ok(Exit::Yes)
}

fn set_status(id: &str, status: &str, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let path = format!("/v1/campaigns/{}/status", escaped(id));
    let document = Office::new(place)?.post(&path, json!({ "status": status }))?;
    output.line(&document, &format!("campaign {id} is {status}"))
}

fn apply(apply: &Apply, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let written = file::read_all(&apply.files)?;
    let office = Office::new(place)?;
    let planned = plan::plan(written, &office)?;
    if !output.is_for_programs() {
        output.answer(&(), |out| plan::show(out, &planned))?;
    }
    if !apply.plan {
        put_all(&planned, &office)?;
    }
    let definitions: Vec<Value> = planned.iter().map(Planned::to_json).collect();
    let document = json!({ "dry_run": apply.plan, "definitions": definitions });
    let verb = if apply.plan { "would be applied" } else { "applied" };
    output.line(&document, &format!("{verb}: {}", plan::sum(&planned)))
}

/// Makes everything what it was planned to be.
fn put_all(planned: &[Planned], office: &Office) -> anyhow::Result<()> {
    let changed = || planned.iter().filter(|one| one.change != Change::Nothing);
    let slots: Vec<&Planned> = changed().filter(|one| one.written.sort == Sort::Slot).collect();
    let at_once = slots.len() > plan::SLOTS_SHOWN;
    let mut are_slots_put = false;
    for (done, one) in changed().enumerate() {
        if one.written.sort != Sort::Slot || !at_once {
            let name = format!("{} {}", one.written.sort.name(), one.written.id);
            put(office, one).map_err(|error| at(error, name.trim_end(), done))?;
        } else if !are_slots_put {
            put_slots(office, &slots).map_err(|error| at(error, "slots", done))?;
            are_slots_put = true;
        }
    }
    Ok(())
}

/// An error that says what it happened to, and what was done before.
fn at(error: anyhow::Error, name: &str, done: usize) -> anyhow::Error {
    let text = |error: &dyn std::fmt::Display| {
        let before = match done {
            0 => "nothing was changed".to_owned(),
            done => format!("{done} changes before it were made"),
        };
        format!("{name}: {error}\n{before}")
    };
    match error.downcast::<Ended>() {
        Ok(ended) => Ended { exit: ended.exit, text: text(&ended.text) }.into(),
        Err(error) => anyhow::anyhow!(text(&error)),
    }
}

/// Writes one definition, unless somebody else changed it since it was planned.
fn put(office: &Office, planned: &Planned) -> anyhow::Result<()> {
    let Written { sort, id, document, .. } = &planned.written;
    let path = match sort {
        Sort::Policy => "/v1/policy".to_owned(),
        Sort::Account | Sort::Group | Sort::Slot | Sort::Campaign => {
            format!("/v1/{}s/{}", sort.name(), escaped(id))
        }
    };
    let header = match planned.version {
        Some(version) => ("if-match", format!("\"{version}\"")),
        None => ("if-none-match", "*".to_owned()),
    };
    let headers = [(header.0, header.1.as_str())];
    office.ask_with(Method::PUT, &path, Content::Json(document.clone()), &headers)?;
    Ok(())
}

/// Writes many slots, whatever became of them since they were planned.
fn put_slots(office: &Office, slots: &[&Planned]) -> anyhow::Result<()> {
    for some in slots.chunks(SLOTS_AT_ONCE) {
        let documents = some.iter().map(|one| one.written.document.clone()).collect();
        office.ask(Method::PUT, "/v1/slots", Content::Json(Value::Array(documents)))?;
    }
    Ok(())
}
