//! Random command sequences over every ledger: laws that hold at each step, and agreement with one another.

pub(crate) mod laws;
pub(crate) mod moves;
mod reference;

use jeton::testing::{BookExecutor, Executor};
use proptest::prelude::*;
use proptest::test_runner::Config;

use laws::Verdict;
use moves::{Legs, Step, sequences};

/// Runs the same steps over both and fails at the first difference in answers or events.
pub(crate) fn agree(one: &mut dyn Executor, other: &mut dyn Executor, steps: &[Step]) -> Verdict {
    for (number, step) in steps.iter().enumerate() {
        let before = one.last_event();
        match step {
            Step::Batch(commands) => {
                let (ours, theirs) = (one.apply(commands), other.apply(commands));
                let differs = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
                if ours.len() != theirs.len() || differs.is_some() {
                    let place = differs.unwrap_or_default();
                    let show = (commands.get(place), ours.get(place), theirs.get(place));
                    return Err(format!("step {number}, command {place}: {show:#?}"));
                }
            }
            Step::Sweep(now) => {
                one.sweep(*now);
                other.sweep(*now);
            }
            Step::Reopen => {
                one.reopen();
                other.reopen();
            }
        }
        let (ours, theirs) = (one.events_after(before), other.events_after(before));
        if ours != theirs {
            return Err(format!("step {number}: events differ\n{ours:#?}\n{theirs:#?}"));
        }
    }
    Ok(())
}

fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

/// The steps again, one command a batch, never reopened.
fn one_by_one(steps: &[Step]) -> Vec<Step> {
    let mut single = Vec::new();
    for step in steps {
        match step {
            Step::Batch(commands) => {
                single.extend(commands.iter().map(|command| Step::Batch(vec![command.clone()])));
            }
            Step::Sweep(now) => single.push(Step::Sweep(*now)),
            Step::Reopen => {}
        }
    }
    single
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_book_keeps_the_laws(steps in sequences(Legs::All, 30)) {
        let verdict = laws::hold(&mut BookExecutor::new(), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn the_book_keeps_the_laws_of_counting(steps in sequences(Legs::Counting, 40)) {
        let verdict = laws::hold(&mut BookExecutor::new(), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn the_book_answers_as_the_reference(steps in sequences(Legs::Counting, 40)) {
        let verdict = reference::agrees(&mut BookExecutor::new(), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }

    #[test]
    fn batches_and_openings_make_no_difference(steps in sequences(Legs::All, 20)) {
        let (mut batched, mut single) = (BookExecutor::new(), BookExecutor::new());
        let answers = |executor: &mut BookExecutor, steps: &[Step]| {
            let mut answers = Vec::new();
            for step in steps {
                match step {
                    Step::Batch(commands) => answers.extend(executor.apply(commands)),
                    Step::Sweep(now) => executor.sweep(*now),
                    Step::Reopen => executor.reopen(),
                }
            }
            answers
        };
        prop_assert_eq!(
            answers(&mut batched, &steps),
            answers(&mut single, &one_by_one(&steps))
        );
        prop_assert_eq!(batched.events_after(0), single.events_after(0));
    }

    #[test]
    fn two_books_agree(steps in sequences(Legs::All, 12)) {
        let verdict = agree(&mut BookExecutor::new(), &mut BookExecutor::new(), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    }
}
