//! The example campaigns as people read and paste them: every file compiles and is in the README,
//! and every command of the README says there what it says here. What is not natural to paste is in
//! the tables of [`must_show`].

mod must_show;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jeton::catalog::document::BundleDocument;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/examples");

/// Stands before the output of each step.
const MARK: &str = "@@ step ";

/// Something to paste, and what must come out.
struct Step {
    file: String,
    command: String,
    /// Pieces of the output, in their order.
    expected: Vec<String>,
}

fn readme() -> String {
    std::fs::read_to_string(Path::new(FOLDER).join("README.md")).unwrap()
}

/// What the README has to paste, from its top: blocks, and the rows of its tables.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut block: Option<String> = None;
    let mut file = String::new();
    for line in readme.lines() {
        match &mut block {
            Some(command) if line == "```" => {
                let command = std::mem::take(command);
                block = None;
                if command != "jeton serve\n" {
                    steps.push(Step { file: String::new(), command, expected: Vec::new() });
                }
            }
            Some(command) => command.extend([line, "\n"]),
            None if line == "```sh" => block = Some(String::new()),
            None => steps.extend(row(line, &mut file)),
        }
    }
    steps
}

/// A row of a table. A cell without a file is about the one above.
fn row(line: &str, file: &mut String) -> Option<Step> {
    let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    if cells[0] == "wanted" || cells[0].starts_with("---") {
        return None;
    }
    assert_eq!(cells.len(), 5, "a row has four cells: {line}");
    if !cells[1].is_empty() {
        cells[1].clone_into(file);
    }
    let command = cells[2].trim_matches('`').to_owned();
    let expected: Vec<String> = cells[3].split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(!expected.is_empty(), "nothing is expected of {line}");
    Some(Step { file: file.clone(), command, expected })
}

/// The built program, serving in a directory of its own; stopped when dropped.
struct Serving {
    home: tempfile::TempDir,
    child: Child,
    quic: String,
    http: String,
}

impl Serving {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(program());
        command.env_clear().env("HOME", home.path()).stdout(Stdio::piped());
        command.args(["--json", "serve", "--listen", "127.0.0.1:0"]);
        command.args(["--http-listen", "127.0.0.1:0", "--durability", "memory"]);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let (quic, http) = (text("quic"), text("http"));
        Self { home, child, quic, http }
    }

    /// Runs a script in one shell, at the top of the repository, and gives back what it says.
    fn run(&self, script: &str) -> String {
        let folder = program().parent().unwrap().display().to_string();
        let file = self.home.path().join("script");
        std::fs::write(&file, format!("exec 2>&1\n{script}")).unwrap();
        let mut shell = Command::new("sh");
        shell.arg(file).current_dir(env!("CARGO_MANIFEST_DIR"));
        shell.env_clear().env("HOME", self.home.path());
        shell.env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"));
        shell.env("JETON_SERVER", &self.quic).env("JETON_URL", &self.http);
        String::from_utf8(shell.output().unwrap().stdout).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _stopped = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn program() -> PathBuf {
    PathBuf::from(assert_cmd::cargo::cargo_bin!("jeton"))
}

/// The first piece that does not come after those before it.
fn missing<'a>(expected: &'a [String], found: &str) -> Option<&'a String> {
    let mut rest = found;
    expected.iter().find(|piece| match rest.split_once(piece.as_str()) {
        Some((_, after)) => {
            rest = after;
            false
        }
        None => true,
    })
}

#[test]
fn every_command_says_what_the_readme_says() {
    let steps = steps(&readme());
    assert!(steps.len() > 100, "{} steps were found", steps.len());
    let mut script = String::new();
    for (number, step) in steps.iter().enumerate() {
        script.push_str(&format!("echo '{MARK}{number}'\n{}\n", step.command));
    }
    let heard = Serving::start().run(&script);
    let mut answers = heard.split(MARK).skip(1);
    let mut wrong = Vec::new();
    for (number, Step { file, command, expected }) in steps.iter().enumerate() {
        let answer = answers.next().unwrap_or_default();
        let found = answer.strip_prefix(&format!("{number}\n"));
        let found = found.unwrap_or_else(|| panic!("no answer to step {number}: {command}"));
        if let Some(piece) = missing(expected, found) {
            wrong.push(format!("{file}\n{command}\nexpected: {piece}\nfound: {found}"));
        } else if expected.is_empty() && found.contains("error:") {
            wrong.push(format!("{command}\nfound: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_file_compiles_and_is_in_the_readme_and_nothing_else_is() {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(FOLDER).join("campaigns")).unwrap() {
        let path = entry.unwrap().path();
        let bundle = BundleDocument::from_toml(&std::fs::read_to_string(&path).unwrap());
        let bundle = bundle.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(bundle.mistakes(), [], "{}", path.display());
        files.insert(format!("campaigns/{}", path.file_name().unwrap().to_str().unwrap()));
    }
    let steps = steps(&readme());
    let links = steps.iter().flat_map(|step| step.file.split(['(', ')']).skip(1).step_by(2));
    let named: BTreeSet<String> = links.map(str::to_owned).collect();
    assert_eq!(named, files);
}

#[test]
fn a_wrong_result_is_seen() {
    let expected = |pieces: &[&str]| pieces.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
    let found = "yes: redeemed\n  total 5.00 → 4.00 EUR\n";
    assert_eq!(missing(&expected(&["yes: redeemed", "4.00 EUR"]), found), None);
    assert_eq!(missing(&expected(&["4.00 EUR", "yes"]), found).unwrap(), "yes");
    assert_eq!(missing(&expected(&["3.00 EUR"]), found).unwrap(), "3.00 EUR");
    let mut file = "[a](a.toml)".to_owned();
    let step = row("| x | | `jeton status A` | `ok`, then `no` |", &mut file).unwrap();
    assert_eq!((step.command.as_str(), step.expected.len()), ("jeton status A", 2));
    assert_eq!(step.file, "[a](a.toml)");
    assert!(row("| wanted | file | command | result |", &mut file).is_none());
}
