//! Files of definitions: finding them, reading them, and all their mistakes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::catalog::FieldError;
use crate::catalog::document::BundleDocument;
use crate::cli::output::wrong_use;
use crate::cli::place::read;

/// What a definition defines, in the order in which they refer to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Sort {
    Account,
    Group,
    Policy,
    Slot,
    Campaign,
}

impl Sort {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Group => "group",
            Self::Policy => "policy",
            Self::Slot => "slot",
            Self::Campaign => "campaign",
        }
    }
}

/// A definition, as a file has it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) file: PathBuf,
    pub(super) sort: Sort,
    /// Empty: of this sort there is one.
    pub(super) id: String,
    pub(super) document: Value,
}

/// All definitions of all files, in the order in which they can be made; or all mistakes.
pub(super) fn read_all(named: &[PathBuf]) -> anyhow::Result<Vec<Written>> {
    let mut all = Vec::new();
    let mut mistakes = String::new();
    let mut files_by_name: HashMap<(Sort, String), PathBuf> = HashMap::new();
    for file in all_files(named)? {
        let text = read(&file)?;
        let bundle = match syntax(&file) {
            Some(Syntax::Toml) => BundleDocument::from_toml(&text),
            Some(Syntax::Json) => BundleDocument::from_json(&text),
            None => {
                return Err(wrong_use(format!("{}: is neither .toml nor .json", file.display())));
            }
        };
        let wrong = match &bundle {
            Ok(bundle) => bundle.mistakes(),
            Err(mistake) => vec![mistake.clone()],
        };
        mistakes.extend(wrong.iter().map(|mistake| line(&file, mistake)));
        let Ok(bundle) = bundle else { continue };
        for one in definitions(bundle, &file)? {
            let name = (one.sort, one.id.clone());
            match files_by_name.insert(name, file.clone()).filter(|other| *other != file) {
                Some(other) => mistakes.push_str(&format!(
                    "\n{}: {} {} is in {} too",
                    file.display(),
                    one.sort.name(),
                    one.id,
                    other.display()
                )),
                None => all.push(one),
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(wrong_use(format!("nothing was changed:{mistakes}")));
    }
    all.sort_by_key(|one| one.sort);
    Ok(all)
}

fn line(file: &Path, mistake: &FieldError) -> String {
    format!("\n{}: {mistake}", file.display())
}

fn definitions(bundle: BundleDocument, file: &Path) -> anyhow::Result<Vec<Written>> {
    let mut all = Vec::new();
    let mut push = |sort: Sort, id: String, document: serde_json::Result<Value>| {
        let document = document?;
        all.push(Written { file: file.to_owned(), sort, id, document });
        anyhow::Ok(())
    };
    for account in bundle.account {
        push(Sort::Account, account.id.clone(), serde_json::to_value(account))?;
    }
    for group in bundle.group {
        push(Sort::Group, group.id.clone(), serde_json::to_value(group))?;
    }
    if let Some(policy) = bundle.policy {
        push(Sort::Policy, String::new(), serde_json::to_value(policy))?;
    }
    for slot in bundle.slot {
        push(Sort::Slot, slot.id.clone(), serde_json::to_value(slot))?;
    }
    for campaign in bundle.campaign {
        push(Sort::Campaign, campaign.id.clone(), serde_json::to_value(campaign))?;
    }
    Ok(all)
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
