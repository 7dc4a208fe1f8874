//! The example configuration says everything that can be set, as it is; what manifests set is
//! accepted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::program::{Machine, file, text};

/// Every setting, as the program tells it, when nothing is set.
pub(super) fn settings() -> Vec<Value> {
    let machine = Machine::new();
    let mut command = machine.command(&["config", "check", "--all"]);
    for door in ["JETON_QUIC__LISTEN", "JETON_HTTP__LISTEN"] {
        command.env_remove(door);
    }
    let output = command.output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["settings"].as_array().unwrap().clone()
}

/// What is said of a setting in the file: the remarks above it, and its value.
struct Line {
    remarks: String,
    value: toml::Value,
}

/// The settings of the example, also those that are commented out.
fn lines() -> BTreeMap<String, Line> {
    let (mut section, mut remarks, mut lines) = (String::new(), String::new(), BTreeMap::new());
    for line in text("deploy/jeton.toml").lines() {
        if let Some(remark) = line.strip_prefix("# ") {
            remarks = format!("{remarks} {remark}").trim().to_owned();
        } else if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
            remarks.clear();
        } else if let Some((name, value)) = line.trim_start_matches('#').split_once(" = ") {
            let value = toml::from_str::<toml::Table>(&format!("value = {value}")).unwrap();
            let line =
                Line { remarks: std::mem::take(&mut remarks), value: value["value"].clone() };
            let twice = lines.insert(format!("{section}{name}"), line);
            assert!(twice.is_none(), "{section}{name} is there twice");
        } else {
            assert!(line.is_empty() || line == "#", "{line} is neither remark nor setting");
            remarks.clear();
        }
    }
    lines
}

#[test]
fn every_setting_is_explained_with_its_default() {
    let mut lines = lines();
    for setting in settings() {
        let key = setting["key"].as_str().unwrap();
        let line = lines.remove(key).unwrap_or_else(|| panic!("{key} is not in the example"));
        for said in ["what", "range"] {
            let said = setting[said].as_str().unwrap();
            // The first letter may be a capital.
            assert!(line.remarks.contains(&said[1..]), "{key}: {said:?} not in {:?}", line.remarks);
        }
        let default = &setting["default"];
        if key != "data" && !default.is_null() {
            assert_eq!(json!(line.value), *default, "{key}");
        }
    }
    assert!(lines.is_empty(), "unknown: {:?}", lines.keys());
}

#[test]
fn the_example_is_accepted_as_it_is_and_with_all_defaults_written_out() {
    let machine = Machine::new();
    let example = text("deploy/jeton.toml");
    let redis = ["redis_", "ledger_lanes", "ledger_retention", "certificate", "key ="];
    let written: Vec<&str> = example
        .lines()
        .filter_map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => {
                (!redis.iter().any(|name| setting.starts_with(name))).then_some(setting)
            }
            Some(_) => None,
            None => Some(line),
        })
        .collect();
    let path = machine.path("whole.toml");
    std::fs::write(&path, written.join("\n")).unwrap();
    for path in [file("deploy/jeton.toml"), path] {
        let path = path.display().to_string();
        let checked = machine.json(0, &["--config", &path, "config", "check"]);
        assert_eq!(checked["ok"], true, "{checked}");
        assert_eq!(checked["file"], path);
    }
}

/// The `JETON_…` variables of a manifest: `name: X` and `value: "…"` below it, or `X: "…"`.
fn variables(manifest: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> =
        manifest.lines().map(|line| line.trim().trim_start_matches("- ")).collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let (name, value) = match line.strip_prefix("name: ") {
            Some(name) if name.starts_with("JETON_") => {
                (name, lines[number + 1].strip_prefix("value: ").unwrap())
            }
            _ if line.starts_with("JETON_") => line.split_once(": ").unwrap(),
            _ => continue,
        };
        let value = value.trim_matches('\'');
        let value =
            value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        found.push((name.to_owned(), value.to_owned()));
    }
    found
}

#[test]
fn what_manifests_set_is_accepted() {
    let manifests = [
        "deploy/container/compose.yaml",
        "deploy/kubernetes/embedded.yaml",
        "deploy/kubernetes/redis.yaml",
    ];
    for manifest in manifests {
        let variables = variables(&text(manifest));
        assert!(variables.len() >= 3, "{manifest}: {variables:?}");
        let machine = Machine::new();
        let mut command = machine.command(&["config", "check"]);
        let output = command.envs(variables.iter().cloned()).output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{manifest}: {variables:?}\n{out}");
    }
}

#[test]
fn what_the_package_takes_along_is_there() {
    let manifest: toml::Table = toml::from_str(&text("Cargo.toml")).unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().unwrap();
    assert!(assets.len() > 10);
    for asset in assets {
        let from = asset[0].as_str().unwrap();
        // What is built is there only after deploy/package was run.
        if from.starts_with("target/") {
            continue;
        }
        let dir = file(from.rsplit_once('/').map_or(".", |(dir, _)| dir));
        let is_there = if from.ends_with("/*") { dir.is_dir() } else { file(from).is_file() };
        assert!(is_there, "{from}");
    }
    for kept in deb["conf-files"].as_array().unwrap() {
        let kept = kept.as_str().unwrap().trim_start_matches('/');
        assert!(
            assets.iter().any(|asset| {
                let to = asset[1].as_str().unwrap();
                kept.starts_with(to.trim_end_matches('/'))
            }),
            "{kept}"
        );
    }
}
