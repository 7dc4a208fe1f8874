//! The house rules that a machine can check: who may import whom, who may read the clock, how large
//! things may grow, and that documents tell the truth about folders.

#![expect(clippy::panic, reason = "a broken rule is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import of ours. `*` is everything.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("protocol", &[]),
    ("metrics", &[]),
    ("telemetry", &[]),
    ("remote", &[]),
    ("clock", &["domain"]),
    ("codes", &["domain"]),
    ("index", &["domain"]),
    ("auth", &["domain"]),
    ("ledger", &["domain", "metrics", "remote"]),
    ("catalog", &["domain", "metrics", "remote"]),
    ("engine", &["domain", "codes", "index", "catalog", "ledger", "clock", "metrics"]),
    ("server", &["engine", "protocol", "auth", "clock", "metrics", "domain"]),
    ("client", &["protocol"]),
    ("config", &["*"]),
    ("cli", &["*"]),
    ("testing", &["*"]),
    ("main", &["*"]),
];

/// Files of the server that may know the domain: conversions, and views of what is shown.
const SERVER_DOMAIN_FILES: &[&str] = &["server/from_wire.rs", "server/to_wire.rs"];

/// Longest file, in lines.
const FILE_LINES_MAX: usize = 800;

/// Longest line, in characters.
const LINE_CHARS_MAX: usize = 100;

/// `main.rs` only dispatches.
const MAIN_LINES_MAX: usize = 60;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    collect(&root().join(folder), folder, &mut files);
    files
}

fn collect(folder: &Path, name: &str, files: &mut BTreeMap<String, String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{name}: {error}"));
    for entry in entries.flatten() {
        let path = entry.path();
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            collect(&path, &name, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            files.insert(name, text);
        }
    }
}

fn all_files() -> BTreeMap<String, String> {
    let mut files = rust_files("src");
    for folder in ["tests", "benches", "loadtest/src"] {
        files.extend(rust_files(folder));
    }
    files
}

/// The module that a file of `src` belongs to: its first folder, or its own name.
fn module_of(file: &str) -> &str {
    let inside = file.trim_start_matches("src/");
    inside.split(['/', '.']).next().unwrap_or(inside)
}

#[track_caller]
fn report(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn modules_import_only_what_their_room_allows() {
    let mut broken = Vec::new();
    for (file, text) in rust_files("src") {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
            broken.push(format!("{file}: the module {module} has no row in the table"));
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for other in crate_paths(line) {
                let fine = other == module || allowed.contains(&"*") || allowed.contains(&other);
                if !fine {
                    broken.push(format!("{file}:{}: imports {other}", number + 1));
                }
                let inside = file.trim_start_matches("src/");
                let view = inside.starts_with("server/http/");
                if module == "server"
                    && other == "domain"
                    && !view
                    && !SERVER_DOMAIN_FILES.contains(&inside)
                {
                    broken.push(format!("{file}:{}: knows the domain", number + 1));
                }
            }
        }
    }
    report(&broken, "imports that the table does not allow");
}

/// The first segments of the `crate::…` paths in a line of code.
fn crate_paths(line: &str) -> Vec<&str> {
    let code = line.trim_start();
    if code.starts_with("//") {
        return Vec::new();
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices("crate::")
        .filter(|(at, _)| !code.get(..*at).is_some_and(|before| before.ends_with('$')))
        .filter_map(|(at, found)| code.get(at + found.len()..))
        .map(|rest| rest.split(|c: char| !is_name(c)).next().unwrap_or(rest))
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn only_the_clock_reads_the_time() {
    let words = ["SystemTime::now", "Utc::now", "Local::now", "Instant::now"];
    let rooms = ["src/clock.rs", "src/metrics.rs"];
    let mut broken = Vec::new();
    for (file, text) in rust_files("src") {
        // Tests and time-outs of the network may measure; tokio's clock decides nothing.
        if rooms.contains(&file.as_str()) || file.contains("/tests") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let reads = words.iter().any(|word| line.contains(word));
            let is_tokio = line.contains("tokio::time::Instant::now");
            let imports_tokio =
                text.contains("use tokio::time::{") || text.contains("tokio::time::Instant;");
            let is_instant = line.contains("Instant::now") && !line.contains("std::time");
            if reads && !is_tokio && !(is_instant && imports_tokio) {
                broken.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    report(&broken, "the clock is read outside of its room");
}

#[test]
fn the_domain_is_pure() {
    let banned = ["async ", "serde", "tokio", "std::fs", "std::net", "tracing::", "rand::"];
    let mut broken = Vec::new();
    for (file, text) in rust_files("src/domain") {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            if let Some(word) = banned.iter().find(|word| code.contains(*word)) {
                broken.push(format!("{file}:{}: {word}", number + 1));
            }
        }
    }
    report(&broken, "the domain knows something it must not");
}

#[test]
fn files_and_lines_keep_their_size() {
    let mut broken = Vec::new();
    for (file, text) in all_files() {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            broken.push(format!("{file}: {lines} lines"));
        }
        for (number, line) in text.lines().enumerate() {
            // A text that people read, or a row of a scenario's table, may stand on one line;
            // code and comments may not.
            let is_row = file.starts_with("tests/") && line.contains("=>");
            let is_text = line.contains('"') || is_row;
            if line.chars().count() > LINE_CHARS_MAX && !is_text {
                broken.push(format!("{file}:{}: {} characters", number + 1, line.chars().count()));
            }
        }
    }
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap_or_default();
    if main.lines().count() > MAIN_LINES_MAX {
        broken.push(format!("src/main.rs: {} lines", main.lines().count()));
    }
    report(&broken, "too large");
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<String> = all_files()
        .into_iter()
        .filter(|(_, text)| !text.trim_start().starts_with("//!"))
        .map(|(file, _)| file)
        .collect();
    report(&silent, "modules that do not begin with //!");
}

#[test]
fn nothing_is_left_unfinished() {
    let words = ["todo!(", "unimplemented!(", "FIXME", "#[ignore"];
    let mut broken = Vec::new();
    for (file, text) in all_files() {
        if file == "tests/tidy.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                broken.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    report(&broken, "unfinished");
}

#[test]
fn the_readme_names_the_folders_that_exist() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    let mut broken = Vec::new();
    for (file, _) in rust_files("src") {
        let module = module_of(&file);
        if !["lib", "main"].contains(&module) && !readme.contains(&format!("`{module}`")) {
            broken.push(format!("src/{module} is not in the README's map"));
        }
    }
    for folder in ["benches", "deploy", "loadtest", "src", "tests"] {
        if !root().join(folder).is_dir() {
            broken.push(format!("{folder}/ is missing"));
        }
    }
    broken.sort();
    broken.dedup();
    report(&broken, "the README's map is wrong");
}
