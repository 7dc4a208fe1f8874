//! `jeton campaign`: definitions from files, and where campaigns stand.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use ureq::http::Method;

use super::office::{Content, Office, escaped, mistake_text};
use super::output::{Exit, Output, cell, fields, list, refused, table, wrong_use};
use super::place::{Place, read};
use crate::catalog::CampaignDocument;

/// What can be done with campaigns.
#[derive(Debug, Subcommand)]
pub(super) enum Campaign {
    /// Make the server's campaigns what files say
    ///
    /// Reads TOML and JSON files, one campaign each; of a directory all of them. Shows what would
    /// change, and does it unless --dry-run is given. With a mistake in any file nothing is
    /// changed.
    #[command(after_long_help = APPLY_EXAMPLES)]
    Apply(Apply),
    /// List all campaigns
    List,
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
  jeton campaign apply --dry-run summer.toml       what would change
  jeton --json campaign apply summer.toml          for programs";

/// What to apply.
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// Files (.toml, .json) and directories
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Show what would change, change nothing
    #[arg(long)]
    dry_run: bool,
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
        Campaign::List => show_list(&Office::new(place)?.get("/v1/campaigns")?, output)?,
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

fn show_list(document: &Value, output: Output) -> anyhow::Result<()> {
    let mut rows = vec![["ID", "KIND", "STATUS", "VERSION"].map(str::to_owned).to_vec()];
    for one in list(document) {
        let part = |name: &str| cell(one.get(name).or_else(|| one.get("document")?.get(name)));
        rows.push(["id", "kind", "status", "version"].map(part).to_vec());
    }
    output.answer(document, |out| table(out, &rows))
}

fn set_status(id: &str, status: &str, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let path = format!("/v1/campaigns/{}/status", escaped(id));
    let document = Office::new(place)?.post(&path, json!({ "status": status }))?;
    output.line(&document, &format!("campaign {id} is {status}"))
}

/// A file, read and planned.
struct Planned {
    id: String,
    document: Value,
    plan: Value,
}

fn apply(apply: &Apply, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let files = all_files(&apply.files)?;
    let documents = read_all(&files)?;
    let office = Office::new(place)?;
    let mut planned = Vec::new();
    let mut mistakes = String::new();
    for (file, document) in documents {
        let id = cell(document.get("id"));
        let path = format!("/v1/campaigns/{}/plan", escaped(&id));
        match office.post(&path, document.clone()) {
            Ok(plan) => planned.push(Planned { id, document, plan }),
            Err(error) if error.is::<super::output::Ended>() => {
                mistakes.push_str(&format!("\n{}: {error}", file.display()));
            }
            Err(error) => return Err(error),
        }
    }
    if !mistakes.is_empty() {
        return Err(refused(format!("nothing was changed:{mistakes}")));
    }
    let mut done = Vec::new();
    for one in &planned {
        done.push(if apply.dry_run { one.plan.clone() } else { put(&office, one)? });
    }
    let document = json!({ "dry_run": apply.dry_run, "campaigns": done });
    output.answer(&document, |out| {
        for one in &planned {
            writeln!(out, "{}  {}", one.id, change_of(&one.plan))?;
        }
        let word = if apply.dry_run { "would be applied" } else { "applied" };
        let plural = if planned.len() == 1 { "" } else { "s" };
        writeln!(out, "{} campaign{plural} {word}", planned.len())
    })
}

/// Writes one campaign, unless somebody else changed it since it was planned.
fn put(office: &Office, planned: &Planned) -> anyhow::Result<Value> {
    let path = format!("/v1/campaigns/{}", escaped(&planned.id));
    let content = Content::Json(planned.document.clone());
    let header = match planned.plan.get("current_version").and_then(Value::as_u64) {
        Some(version) => ("if-match", format!("\"{version}\"")),
        None => ("if-none-match", "*".to_owned()),
    };
    let headers = [(header.0, header.1.as_str())];
    let answered = office.ask_with(Method::PUT, &path, content, &headers)?;
    let mut document = answered.document;
    if let (Value::Object(fields), Some(etag)) = (&mut document, answered.etag) {
        fields.entry("etag").or_insert(Value::String(etag));
    }
    Ok(document)
}

/// What a plan says would happen, in a few words.
fn change_of(plan: &Value) -> String {
    let word = cell(plan.get("change"));
    let changes: Vec<String> = plan
        .get("changes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|change| change.as_str().map_or_else(|| mistake_text(change), str::to_owned))
        .collect();
    if changes.is_empty() { word } else { format!("{word}: {}", changes.join(", ")) }
}

/// The files themselves, and those in directories, in the order of their names.
fn all_files(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for file in named {
        if !file.is_dir() {
            files.push(file.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(file)? {
            let path = entry?.path();
            if path.is_file() && syntax(&path).is_some() {
                inside.push(path);
            }
        }
        if inside.is_empty() {
            return Err(wrong_use(format!("{} holds no .toml or .json file", file.display())));
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

#[derive(Debug, Clone, Copy)]
enum Syntax {
    Toml,
    Json,
}

fn syntax(file: &Path) -> Option<Syntax> {
    match file.extension()?.to_str()? {
        "toml" => Some(Syntax::Toml),
        "json" => Some(Syntax::Json),
        _ => None,
    }
}

/// All documents, as JSON; or all mistakes.
fn read_all(files: &[PathBuf]) -> anyhow::Result<Vec<(&Path, Value)>> {
    let mut documents = Vec::new();
    let mut mistakes = String::new();
    for file in files {
        let text = read(file)?;
        let document = match syntax(file) {
            Some(Syntax::Toml) => CampaignDocument::from_toml(&text),
            Some(Syntax::Json) => CampaignDocument::from_json(&text),
            None => {
                return Err(wrong_use(format!("{}: is neither .toml nor .json", file.display())));
            }
        };
        match document {
            Ok(document) => documents.push((file.as_path(), serde_json::to_value(document)?)),
            Err(mistake) => mistakes.push_str(&format!("\n{}: {mistake}", file.display())),
        }
    }
    if mistakes.is_empty() {
        Ok(documents)
    } else {
        Err(wrong_use(format!("nothing was changed:{mistakes}")))
    }
}
