//! The layers, stacked: file, environment, flags; each value knows which of them it came from.

use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::{DATA_FILE, Fault, Origin, SYSTEM_FILE, Sources};

/// What variables begin with.
const PREFIX: &str = "JETON_";

/// Variables that speak to commands, not to the configuration.
const OTHER_VARIABLES: [&str; 6] =
    ["JETON_CONFIG", "JETON_SERVER", "JETON_URL", "JETON_TOKEN", "JETON_TOKEN_FILE", "JETON_CA"];

/// Longest file that is read, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;

/// All layers but the defaults.
pub(super) struct Layers {
    figment: Figment,
    /// The file that was read.
    pub(super) file: Option<PathBuf>,
}

/// Values of one origin.
struct Layer {
    origin: Origin,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        let (kind, name) = match &self.origin {
            Origin::Default => ("default", ""),
            Origin::File(name) => ("file", name.as_str()),
            Origin::Environment(name) => ("environment", name.as_str()),
            Origin::Flag(name) => ("flag", name.as_str()),
        };
        Metadata::from(kind, name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

impl Layers {
    pub(super) fn new(sources: &Sources, data: &Path, faults: &mut Vec<Fault>) -> Self {
        let file = sources.file.clone().or_else(|| usual_file(sources, data));
        let mut figment = Figment::new();
        if let Some(file) = &file {
            let origin = Origin::File(file.display().to_string());
            match read_file(file) {
                Ok(values) => figment = figment.merge(Layer { origin, values }),
                Err(message) => faults.push(Fault { key: String::new(), origin, message }),
            }
        }
        for (name, text) in &sources.environment {
            let Some(key) = name.strip_prefix(PREFIX) else { continue };
            if OTHER_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let key = key.to_ascii_lowercase().replace("__", ".");
            figment = merge_one(figment, Origin::Environment(name.clone()), &key, text, faults);
        }
        for flag in &sources.flags {
            let origin = Origin::Flag(flag.flag.clone());
            figment = merge_one(figment, origin, &flag.key, &flag.value, faults);
        }
        Self { figment, file }
    }

    /// What was written for a setting, by whoever has the last word.
    pub(super) fn find(&self, key: &str) -> Option<(Value, Origin)> {
        let value = self.figment.find_value(key).ok()?;
        let origin = self.origin(key);
        Some((value, origin))
    }

    fn origin(&self, key: &str) -> Origin {
        let Some(metadata) = self.figment.find_metadata(key) else { return Origin::Default };
        let name = metadata.source.as_ref().and_then(figment::Source::custom).unwrap_or_default();
        match metadata.name.as_ref() {
            "file" => Origin::File(name.to_owned()),
            "environment" => Origin::Environment(name.to_owned()),
            "flag" => Origin::Flag(name.to_owned()),
            _ => Origin::Default,
        }
    }

    /// The keys of all values that are not part of what `is_known` knows.
    pub(super) fn unknown(&self, is_known: impl Fn(&str) -> bool) -> Vec<(String, Origin)> {
        let mut unknown = Vec::new();
        let all = self.figment.find_value("").ok();
        if let Some(Value::Dict(_, all)) = all {
            collect_unknown("", &all, &is_known, &mut unknown);
        }
        unknown.into_iter().map(|key| (key.clone(), self.origin(&key))).collect()
    }
}

fn usual_file(sources: &Sources, data: &Path) -> Option<PathBuf> {
    let flagged = sources.flags.iter().rev().find(|flag| flag.key == "data");
    let named = sources.environment.iter().find(|(name, _)| name == "JETON_DATA");
    let data = match (flagged, named) {
        (Some(flag), _) => Path::new(&flag.value),
        (None, Some((_, value))) => Path::new(value),
        (None, None) => data,
    };
    let usual = [data.join(DATA_FILE), PathBuf::from(SYSTEM_FILE)];
    usual.into_iter().find(|file| file.is_file())
}

fn read_file(file: &Path) -> Result<Dict, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    parse_file(&text)
}

/// The values of a file's text.
pub(super) fn parse_file(text: &str) -> Result<Dict, String> {
    if text.len() > FILE_BYTES_MAX {
        return Err(format!("has {} bytes; at most {FILE_BYTES_MAX} are read", text.len()));
    }
    toml::from_str(text).map_err(|error| format!("is no TOML: {}", error.to_string().trim_end()))
}

fn merge_one(
    figment: Figment,
    origin: Origin,
    key: &str,
    text: &str,
    faults: &mut Vec<Fault>,
) -> Figment {
    if key.split('.').any(str::is_empty) {
        let message = "is not the name of a setting".to_owned();
        faults.push(Fault { key: key.to_owned(), origin, message });
        return figment;
    }
    let mut parts = key.rsplit('.');
    let first = parts.next().unwrap_or(key);
    let values = Dict::from([(first.to_owned(), parse_value(text))]);
    let values = parts.fold(values, |inner, part| Dict::from([(part.to_owned(), inner.into())]));
    figment.merge(Layer { origin, values })
}

/// A TOML value, or the text as it is.
fn parse_value(text: &str) -> Value {
    let parsed = toml::from_str::<Dict>(&format!("value = {text}"));
    let mut values = parsed.unwrap_or_default().into_iter();
    match (values.next(), values.next()) {
        (Some((_, value)), None) => value,
        _ => Value::from(text),
    }
}

fn collect_unknown(
    above: &str,
    values: &Dict,
    is_known: &impl Fn(&str) -> bool,
    unknown: &mut Vec<String>,
) {
    for (name, value) in values {
        let key = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        if is_known(&key) {
            continue;
        }
        match value.as_dict() {
            Some(below) if !below.is_empty() => collect_unknown(&key, below, is_known, unknown),
            Some(_) | None => unknown.push(key),
        }
    }
}
