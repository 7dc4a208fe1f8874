//! Scenario tables: what every ledger must answer, command by command.
//!
//! Each case is a name and a table in the language of `jeton::testing`, run over an executor of its
//! own. The
//! transitions are a matrix: every state a posting can be in, times every command.

mod balances;
mod counts;
mod holds;
mod pending;
mod registers;
mod releases;
mod transitions;

use jeton::testing::{BookExecutor, Executor, run};

/// Makes a fresh, empty executor.
pub(crate) type Make<'a> = &'a mut dyn FnMut() -> Box<dyn Executor>;

/// A name and a table.
pub(crate) type Case = (&'static str, &'static str);

/// All tables.
pub(crate) fn cases() -> Vec<(String, String)> {
    let balances = [balances::CASES, pending::CASES, releases::CASES].concat();
    let written = [counts::CASES, holds::CASES, registers::CASES, &balances].concat();
    let named = |(name, table): &Case| ((*name).to_owned(), (*table).to_owned());
    let mut cases: Vec<(String, String)> = written.iter().map(named).collect();
    cases.extend(counts::built());
    cases.extend(balances::built());
    cases.extend(releases::built());
    cases.extend(transitions::built());
    cases
}

/// Runs all tables, each over an executor of its own, and says which fail.
pub(crate) fn failures(make: Make<'_>) -> Vec<String> {
    let fails = |(name, table): &(String, String)| {
        let answer = run(make().as_mut(), table);
        answer.err().map(|what| format!("{name}, {what}"))
    };
    cases().iter().filter_map(fails).collect()
}

/// Runs all tables and fails with every one that is answered otherwise.
#[track_caller]
pub(crate) fn all(make: Make<'_>) {
    let failures = failures(make);
    assert!(failures.is_empty(), "{} tables fail:\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn the_book_answers_as_the_tables_say() {
    all(&mut || Box::new(BookExecutor::new()));
}

#[test]
fn there_are_hundreds_of_cases_with_different_names() {
    let mut names: Vec<String> = cases().into_iter().map(|(name, _)| name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 200, "{count} cases");
}

#[test]
fn a_table_that_says_otherwise_fails_and_shows_its_line() {
    let table = "
        at 0 post a count x 1/1 => done x=1
        post b count x 1/1 => done x=2";
    let failure = run(&mut BookExecutor::new(), table).err().unwrap_or_default();
    assert!(failure.starts_with("line 3: post b"), "{failure}");
    assert!(failure.contains("expected: done x=2"), "{failure}");
    assert!(failure.contains("found: refused leg 0 used 1 held 0 max 1 x=1"), "{failure}");
}

#[test]
fn a_table_that_cannot_be_read_fails() {
    let unread = |line: &str| run(&mut BookExecutor::new(), line).is_err();
    assert!(unread("post a count x 1 => done"));
    assert!(unread("post a count x 1/1"));
    assert!(unread("hold a count x 1/1 => done"));
    assert!(unread("post a count x 1/1 twice => done"));
    assert!(unread("see => seen x=0"));
    assert!(unread("steal a => done"));
}
